#include "flow/lane.h"

#include <inttypes.h>
#include <stdio.h>

#include "model/log_event.h"
#include "model/order_json.h"

void lane_init(struct lane *lane, int32_t partition, uint32_t epoch)
{
    *lane = (struct lane){.partition = partition,
                          .epoch = epoch,
                          .position = -1,
                          .expected = -1,
                          .known_end = -1,
                          .end = -1,
                          .rewind_end = -1};
    told_init(&lane->told);
}

void lane_release(struct lane *lane)
{
    arena_release(&lane->arena);
    told_release(&lane->told);
    *lane = (struct lane){0};
}

int64_t lane_rewind_end(const struct lane *lane)
{
    return lane->told.next < lane->rewind_end ? lane->rewind_end : -1;
}

uint64_t lane_tag(const struct lane *lane)
{
    return (uint64_t)lane->epoch << 32 | (uint32_t)lane->partition;
}

/* ---- the end of a record's way ---- */

static enum record_event event_of(enum record_reason reason)
{
    switch (reason) {
    case RECORD_REASON_NONE:
        return RECORD_RECEIVED;
    case RECORD_DESERIALIZE:
    case RECORD_NULL_VALUE:
    case RECORD_TOO_LARGE:
        return RECORD_DESERIALIZATION_ERROR;
    case RECORD_VALIDATE:
        return RECORD_VALIDATION_ERROR;
    case RECORD_PROCESS:
    case RECORD_TIMEOUT:
        return RECORD_PROCESSING_ERROR;
    }
    return RECORD_PROCESSING_ERROR;
}

static void choose_payload(struct record *r, enum lane_payload payload)
{
    bool is_failure = r->outcome != RECORD_PROCESSED;

    r->with_raw = payload != LANE_PAYLOAD_FAILURES || is_failure;
    r->with_order = r->deserialized && (payload == LANE_PAYLOAD_BOTH ||
                                        (payload == LANE_PAYLOAD_FAILURES && is_failure));
}

/* From the time the order bears, else the record's; 0 when neither has one. */
static int64_t latency_ms(const struct lane *lane, int64_t wall_ms)
{
    int64_t begin = lane->is_decoded ? lane->order.metadata.timestamp_ms : -1;

    if (begin < 0)
        begin = lane->message.timestamp_ms;
    return begin < 0 ? 0 : wall_ms - begin;
}

/* Transaction markers, aborted and compacted records: offsets without a record for a reader. */
static int64_t skipped_before(const struct lane *lane)
{
    bool is_known = lane->expected >= 0 && lane->message.offset > lane->expected;

    return is_known ? lane->message.offset - lane->expected : 0;
}

static void fill_record(const struct lane *lane, const struct lane_env *env,
                        enum record_outcome outcome, const struct sink_report *dlq,
                        struct record *r)
{
    const struct message *m = &lane->message;

    *r = (struct record){
        .timestamp_ms = env->wall_ms,
        .event = event_of(lane->reason),
        .topic = m->topic,
        .partition = m->partition,
        .offset = m->offset,
        .value = m->value,
        .value_len = m->value_len,
        .deserialized = lane->is_decoded,
        .error = lane->error[0] ? lane->error : NULL,
        .kafka_timestamp_ms = m->timestamp_ms,
        .key = m->key,
        .key_len = m->key_len,
        .outcome = outcome,
        .reason = lane->reason,
        .attempts = lane->attempts,
        .replay = m->offset < lane->rewind_end,
        .skipped = skipped_before(lane),
        .order_id = lane->is_decoded ? lane->order.order_id : NULL,
        .is_compact = lane->is_decoded && lane->order.is_compact,
        .latency_ms = latency_ms(lane, env->wall_ms),
    };
    if (dlq) {
        r->dlq_topic = env->policy->dlq_topic;
        r->dlq_partition = dlq->partition;
        r->dlq_offset = dlq->offset;
    }
    choose_payload(r, env->policy->payload);
}

static void let_go(struct lane *lane, struct lane_env *env)
{
    env->source->release(env->source->self, &lane->message);
    lane->message = (struct message){0};
    lane->state = LANE_IDLE;
}

static void settle(struct lane *lane, struct lane_env *env, enum record_outcome outcome,
                   const struct sink_report *dlq)
{
    struct record r;

    fill_record(lane, env, outcome, dlq, &r);
    told_settle(&lane->told, lane->message.offset, lane->message.timestamp_ms);
    lane->expected = lane->message.offset + 1;
    env->settled(env->ctx, lane, &r);
    let_go(lane, env);
}

/* ---- dead letters ---- */

static void wait_for(struct lane *lane, const struct lane_env *env, enum lane_state state,
                     int64_t delay_ms)
{
    lane->state = state;
    lane->deadline_ms = env->now_ms + delay_ms;
}

static int64_t resend_delay_ms(const struct lane *lane, const struct lane_policy *p)
{
    int64_t delay = p->dlq_retry_ms;

    for (int i = 1; i < lane->sends && delay < p->dlq_retry_max_ms; i++)
        delay *= 2;
    return delay < p->dlq_retry_max_ms ? delay : p->dlq_retry_max_ms;
}

/* Trouble with the dead letter topic is the system's, not the record's: the lane waits without
 * limit. */
static void block(struct lane *lane, struct lane_env *env, const char *why)
{
    log_with(env->log, EVENT_DEAD_LETTER_REFUSED, why, LOG_INT("partition", lane->partition),
             LOG_INT("offset", lane->message.offset), LOG_TEXT("topic", env->policy->dlq_topic),
             LOG_INT("sends", lane->sends));
    wait_for(lane, env, LANE_BLOCKED, resend_delay_ms(lane, env->policy));
}

/* No form is small enough. Once the limit is raised the whole record may fit. */
static void block_by_limit(struct lane *lane, struct lane_env *env)
{
    char why[512];

    snprintf(why, sizeof(why),
             "too large even without value, headers and key: raise max.message.bytes of the topic "
             "%s, or the property message.max.bytes if it is set",
             env->policy->dlq_topic);
    lane->form = DEAD_LETTER_WHOLE;
    block(lane, env, why);
}

static void send_dead_letter(struct lane *lane, struct lane_env *env);

static void dead_letter_failed(struct lane *lane, struct lane_env *env,
                               const struct sink_report *report)
{
    if (report->status != SINK_TOO_LARGE)
        block(lane, env, report->text);
    else if (lane->form == DEAD_LETTER_WITHOUT_KEY)
        block_by_limit(lane, env);
    else {
        lane->form++;
        send_dead_letter(lane, env);
    }
}

static void send_dead_letter(struct lane *lane, struct lane_env *env)
{
    const struct dead_letter_facts facts = {
        .group = env->policy->group,
        .error = lane->error,
        .reason = lane->reason,
        .attempts = lane->attempts,
        .first_failure_ms = lane->first_failure_ms,
        .last_failure_ms = lane->last_failure_ms,
        .form = lane->form,
    };
    const struct header *headers;
    struct outgoing out;
    struct arena arena = {0};
    struct sink_report report;
    size_t count = env->source->headers(env->source->self, &lane->message, &headers);

    dead_letter_build(&lane->message, headers, count, &facts, env->policy->dlq_topic, &arena, &out);
    if (lane->sends++ == 0)
        lane->sending_since_ms = env->now_ms;
    switch (env->sink->send(env->sink->self, &out, lane_tag(lane), &report)) {
    case SEND_TAKEN:
        lane->state = LANE_SENDING;
        break;
    case SEND_FULL:
        wait_for(lane, env, LANE_BLOCKED, env->policy->dlq_retry_ms);
        break;
    case SEND_FAILED:
        dead_letter_failed(lane, env, &report);
        break;
    }
    arena_release(&arena);
}

static bool is_of_processing(enum record_reason reason)
{
    return reason == RECORD_PROCESS || reason == RECORD_TIMEOUT;
}

/* Returns true when the record waits for one more attempt because the breaker is open. That attempt
 * is not counted; when it fails too the record goes on to the dead letters, so that the lane never
 * stands still for good. */
static bool hold_by_breaker(struct lane *lane, struct lane_env *env)
{
    const struct breaker_policy *p = &env->policy->breaker;

    if (!is_of_processing(lane->reason) || lane->was_probed || !breaker_failure(&lane->breaker, p))
        return false;
    log_with(env->log, EVENT_CIRCUIT_BREAKER_OPENED, lane->error,
             LOG_INT("partition", lane->partition), LOG_INT("offset", lane->message.offset),
             LOG_INT("pause_ms", p->pause_ms));
    lane->was_probed = true;
    wait_for(lane, env, LANE_PROBING, p->pause_ms);
    return true;
}

static void give_up(struct lane *lane, struct lane_env *env)
{
    if (hold_by_breaker(lane, env))
        return;
    if (env->policy->dlq_topic)
        send_dead_letter(lane, env);
    else if (env->policy->halt_without_dlq)
        lane->state = LANE_HALTED;
    else
        settle(lane, env, RECORD_DROPPED, NULL);
}

/* ---- attempts ---- */

static void note_failure(struct lane *lane, const struct lane_env *env, enum record_reason reason,
                         const char *text)
{
    lane->reason = reason;
    snprintf(lane->error, sizeof(lane->error), "%s", text);
    lane->last_failure_ms = env->wall_ms;
    if (lane->first_failure_ms == 0) {
        lane->first_failure_ms = env->wall_ms;
        lane->failing_since_ms = env->now_ms;
    }
}

static void retry_later(struct lane *lane, struct lane_env *env)
{
    int64_t delay =
        retry_delay_ms(&env->policy->retry, lane->attempts, env->now_ms - lane->failing_since_ms,
                       lane->previous_delay_ms, &env->rng);

    /* A stop that cut the backoff short must not be what makes a dead letter of a record. */
    if (delay < 0 && lane->had_last_chance)
        delay = env->policy->retry.max_delay_ms;
    if (delay < 0) {
        give_up(lane, env);
        return;
    }
    lane->previous_delay_ms = delay;
    log_with(env->log, EVENT_RECORD_RETRIED, lane->error, LOG_INT("partition", lane->partition),
             LOG_INT("offset", lane->message.offset), LOG_INT("attempt", lane->attempts),
             LOG_INT("delay_ms", delay));
    wait_for(lane, env, LANE_WAITING, delay);
}

void lane_answered(struct lane *lane, struct lane_env *env, const struct attempt_result *r)
{
    switch (r->verdict) {
    case ATTEMPT_OK:
        lane->reason = RECORD_REASON_NONE;
        lane->error[0] = '\0';
        if (breaker_success(&lane->breaker, &env->policy->breaker))
            log_with(env->log, EVENT_CIRCUIT_BREAKER_CLOSED, NULL,
                     LOG_INT("partition", lane->partition));
        settle(lane, env, RECORD_PROCESSED, NULL);
        return;
    case ATTEMPT_TRANSIENT:
        note_failure(lane, env, r->reason, r->text);
        retry_later(lane, env);
        return;
    case ATTEMPT_PERMANENT:
        note_failure(lane, env, r->reason, r->text);
        give_up(lane, env);
        return;
    }
}

static void begin_attempt(struct lane *lane, struct lane_env *env)
{
    struct attempt_result result;
    const struct attempt attempt = {
        .tag = lane_tag(lane),
        .message = &lane->message,
        .order = &lane->order,
        .number = ++lane->attempts,
    };

    if (lane->attempts > 1)
        env->retried(env->ctx, lane);
    lane->state = LANE_ATTEMPTING;
    if (env->processor->start(env->processor->self, &attempt, env->now_ms, &result))
        lane_answered(lane, env, &result);
}

/* ---- the beginning ---- */

/* Decodes and validates. Returns RECORD_REASON_NONE, or why the record can never be processed. */
static enum record_reason examine(struct lane *lane, const struct lane_policy *policy, char *why,
                                  size_t why_size)
{
    const struct message *m = &lane->message;

    if (!m->value) {
        snprintf(why, why_size, "null value");
        return RECORD_NULL_VALUE;
    }
    if (m->value_len > policy->max_message_bytes) {
        snprintf(why, why_size, "value of %zu bytes is larger than tracker.max_message_bytes (%zu)",
                 m->value_len, policy->max_message_bytes);
        return RECORD_TOO_LARGE;
    }
    lane->is_decoded =
        order_decode(m->value, m->value_len, &lane->arena, &lane->order, why, why_size);
    if (!lane->is_decoded)
        return RECORD_DESERIALIZE;
    if (!order_check(&lane->order, why, why_size))
        return RECORD_VALIDATE;
    return RECORD_REASON_NONE;
}

static void forget_last_record(struct lane *lane)
{
    arena_reset(&lane->arena);
    lane->is_decoded = false;
    lane->attempts = 0;
    lane->reason = RECORD_REASON_NONE;
    lane->error[0] = '\0';
    lane->first_failure_ms = lane->last_failure_ms = 0;
    lane->failing_since_ms = 0;
    lane->previous_delay_ms = 0;
    lane->sends = 0;
    lane->form = DEAD_LETTER_WHOLE;
    lane->had_last_chance = false;
    lane->was_probed = false;
}

void lane_take(struct lane *lane, struct lane_env *env, const struct message *m)
{
    char why[sizeof(lane->error)];
    enum record_reason reason;

    forget_last_record(lane);
    lane->message = *m;
    lane->position = m->offset + 1;
    reason = examine(lane, env->policy, why, sizeof(why));
    if (reason == RECORD_REASON_NONE) {
        begin_attempt(lane, env);
        return;
    }
    lane->attempts = 1;
    note_failure(lane, env, reason, why);
    give_up(lane, env);
}

bool lane_sleeps(const struct lane *lane)
{
    return lane->state == LANE_WAITING || lane->state == LANE_PROBING ||
           lane->state == LANE_BLOCKED;
}

void lane_wake(struct lane *lane, struct lane_env *env)
{
    if (lane->state == LANE_PROBING)
        lane->attempts--;
    if (lane->state == LANE_WAITING || lane->state == LANE_PROBING)
        begin_attempt(lane, env);
    else if (lane->state == LANE_BLOCKED)
        send_dead_letter(lane, env);
}

void lane_reported(struct lane *lane, struct lane_env *env, const struct sink_report *r)
{
    if (r->status != SINK_OK) {
        dead_letter_failed(lane, env, r);
        return;
    }
    settle(lane, env, RECORD_DEAD_LETTERED, r);
}

void lane_abandon(struct lane *lane, struct lane_env *env)
{
    if (lane->state == LANE_IDLE)
        return;
    if (lane->state == LANE_ATTEMPTING)
        env->processor->cancel(env->processor->self, lane_tag(lane));
    if (lane->state != LANE_CHECKING)
        lane->position = lane->message.offset;
    if (lane->message.handle)
        let_go(lane, env);
    lane->state = LANE_IDLE;
}
