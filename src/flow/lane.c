#include "flow/lane.h"

#include <inttypes.h>
#include <stdio.h>

#include "model/log_event.h"
#include "model/order_json.h"

#define RETRY_AFTER_MAX_TIMES 10  /* the longest delay of retries */
#define PROBE_AGAIN_MS        100 /* when there was no room for a probe */

void lane_init(struct lane *lane, int32_t partition, uint32_t epoch)
{
    *lane = (struct lane){.partition = partition,
                          .epoch = epoch,
                          .position = -1,
                          .expected = -1,
                          .known_end = -1,
                          .end = -1,
                          .rewind_end = -1};
    watermark_init(&lane->watermark);
}

void lane_release(struct lane *lane)
{
    slots_release(&lane->slots);
    watermark_release(&lane->watermark);
    *lane = (struct lane){0};
}

int64_t lane_rewind_end(const struct lane *lane)
{
    return lane->watermark.next < lane->rewind_end ? lane->rewind_end : -1;
}

uint64_t lane_tag(const struct lane *lane, const struct slot *slot)
{
    return (uint64_t)lane->epoch << 32 | slot->serial;
}

struct slot *lane_find(const struct lane *lane, uint64_t tag)
{
    return (uint32_t)(tag >> 32) == lane->epoch ? slots_find(&lane->slots, (uint32_t)tag) : NULL;
}

static size_t window_of(const struct lane_policy *policy)
{
    return policy->ordering == LANE_ORDER_PARTITION || policy->window == 0 ? 1 : policy->window;
}

bool lane_has_room(const struct lane *lane, const struct lane_env *env)
{
    if (lane->jump.is_open || lane->slots.count >= window_of(env->policy))
        return false;
    return env->window_bytes == 0 || lane->slots.count == 0 ||
           lane->slots.held_bytes < env->window_bytes;
}

bool lane_is_idle(const struct lane *lane)
{
    return !lane->jump.is_open && lane->slots.count == 0;
}

const struct slot *lane_halted(const struct lane *lane)
{
    for (size_t i = 0; lane->slots.counts[SLOT_HALTED] > 0 && i < lane->slots.count; i++)
        if (slots_at(&lane->slots, i)->state == SLOT_HALTED)
            return slots_at(&lane->slots, i);
    return NULL;
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
static int64_t latency_ms(const struct slot *slot, int64_t wall_ms)
{
    int64_t begin = slot->is_decoded ? slot->order.metadata.timestamp_ms : -1;

    if (begin < 0)
        begin = slot->message.timestamp_ms;
    return begin < 0 ? 0 : wall_ms - begin;
}

/* Transaction markers, aborted and compacted records: offsets without a record for a reader. */
static int64_t skipped_before(const struct lane *lane, const struct slot *slot)
{
    bool is_known = lane->expected >= 0 && slot->message.offset > lane->expected;

    return is_known ? slot->message.offset - lane->expected : 0;
}

static void fill_record(const struct lane *lane, const struct slot *slot,
                        const struct lane_env *env, struct record *r)
{
    const struct message *m = &slot->message;

    *r = (struct record){
        .timestamp_ms = env->wall_ms,
        .event = event_of(slot->reason),
        .topic = m->topic,
        .partition = m->partition,
        .offset = m->offset,
        .value = m->value,
        .value_len = m->value_len,
        .deserialized = slot->is_decoded,
        .error = slot->error[0] ? slot->error : NULL,
        .kafka_timestamp_ms = m->timestamp_ms,
        .key = m->key,
        .key_len = m->key_len,
        .outcome = slot->outcome,
        .reason = slot->reason,
        .attempts = slot->attempts,
        .replay = m->offset < lane->rewind_end,
        .skipped = skipped_before(lane, slot),
        .order_id = slot->is_decoded ? slot->order.order_id : NULL,
        .is_compact = slot->is_decoded && slot->order.is_compact,
        .latency_ms = latency_ms(slot, env->wall_ms),
    };
    if (slot->outcome == RECORD_DEAD_LETTERED) {
        r->dlq_topic = env->policy->dlq_topic;
        r->dlq_partition = slot->dlq_partition;
        r->dlq_offset = slot->dlq_offset;
    }
    if (slot->was_answered) {
        r->processor = env->policy->processor;
        r->processor_status = slot->status;
        r->processor_ms = slot->answer_ms;
        r->receipt = slot->receipt;
        r->receipt_len = slot->receipt_len;
    }
    choose_payload(r, env->policy->payload);
}

/* Lines are written from the oldest record on, as far as all are settled. */
static void write_lines(struct lane *lane, struct lane_env *env)
{
    while (lane->slots.count > 0 && slots_at(&lane->slots, 0)->state == SLOT_SETTLED) {
        struct slot *slot = slots_at(&lane->slots, 0);
        struct record r;

        fill_record(lane, slot, env, &r);
        watermark_settle(&lane->watermark, slot->message.offset, slot->message.timestamp_ms);
        lane->expected = slot->message.offset + 1;
        env->settled(env->ctx, slot, &r);
        env->source->release(env->source->self, &slot->message);
        slots_pop(&lane->slots, &env->pool);
    }
}

static void settle(struct lane *lane, struct slot *slot, enum record_outcome outcome,
                   const struct sink_report *dlq)
{
    slot->outcome = outcome;
    if (dlq) {
        slot->dlq_partition = dlq->partition;
        slot->dlq_offset = dlq->offset;
    }
    slots_settle(&lane->slots, slot);
}

/* ---- dead letters ---- */

static void wait_for(struct lane *lane, struct slot *slot, const struct lane_env *env,
                     enum slot_state state, int64_t delay_ms)
{
    slots_set(&lane->slots, slot, state);
    slot->deadline_ms = env->now_ms + delay_ms;
}

static int64_t resend_delay_ms(const struct slot *slot, const struct lane_policy *p)
{
    int64_t delay = p->dlq_retry_ms;

    for (int i = 1; i < slot->sends && delay < p->dlq_retry_max_ms; i++)
        delay *= 2;
    return delay < p->dlq_retry_max_ms ? delay : p->dlq_retry_max_ms;
}

/* Trouble with the dead letter topic is the system's, not the record's: it waits without limit. */
static void block(struct lane *lane, struct slot *slot, struct lane_env *env, const char *why)
{
    log_with(env->log, EVENT_DEAD_LETTER_REFUSED, why, LOG_INT("partition", lane->partition),
             LOG_INT("offset", slot->message.offset), LOG_TEXT("topic", env->policy->dlq_topic),
             LOG_INT("sends", slot->sends));
    wait_for(lane, slot, env, SLOT_BLOCKED, resend_delay_ms(slot, env->policy));
}

/* No form is small enough. Once the limit is raised the whole record may fit. */
static void block_by_limit(struct lane *lane, struct slot *slot, struct lane_env *env)
{
    char why[512];

    snprintf(why, sizeof(why),
             "too large even without value, headers and key: raise max.message.bytes of the topic "
             "%s, or the property message.max.bytes if it is set",
             env->policy->dlq_topic);
    slot->form = DEAD_LETTER_WHOLE;
    block(lane, slot, env, why);
}

static void send_dead_letter(struct lane *lane, struct slot *slot, struct lane_env *env);

static void dead_letter_failed(struct lane *lane, struct slot *slot, struct lane_env *env,
                               const struct sink_report *report)
{
    if (report->status != SINK_TOO_LARGE)
        block(lane, slot, env, report->text);
    else if (slot->form == DEAD_LETTER_WITHOUT_KEY)
        block_by_limit(lane, slot, env);
    else {
        slot->form++;
        send_dead_letter(lane, slot, env);
    }
}

static void send_dead_letter(struct lane *lane, struct slot *slot, struct lane_env *env)
{
    const struct dead_letter_facts facts = {
        .group = env->policy->group,
        .error = slot->error,
        .reason = slot->reason,
        .attempts = slot->attempts,
        .first_failure_ms = slot->first_failure_ms,
        .last_failure_ms = slot->last_failure_ms,
        .form = slot->form,
    };
    const struct header *headers;
    struct outgoing out;
    struct arena arena = {0};
    struct sink_report report;
    size_t count = env->source->headers(env->source->self, &slot->message, &headers);

    dead_letter_build(&slot->message, headers, count, &facts, env->policy->dlq_topic, &arena, &out);
    if (slot->sends++ == 0)
        slot->sending_since_ms = env->now_ms;
    switch (env->sink->send(env->sink->self, &out, lane_tag(lane, slot), &report)) {
    case SEND_TAKEN:
        slots_set(&lane->slots, slot, SLOT_SENDING);
        break;
    case SEND_FULL:
        wait_for(lane, slot, env, SLOT_BLOCKED, env->policy->dlq_retry_ms);
        break;
    case SEND_FAILED:
        dead_letter_failed(lane, slot, env, &report);
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
 * stands still for good. Several records wait one after the other. */
static bool hold_by_breaker(struct lane *lane, struct slot *slot, struct lane_env *env)
{
    const struct breaker_policy *p = &env->policy->breaker;
    int64_t from_ms = env->now_ms;

    if (!is_of_processing(slot->reason) || slot->was_probed || !breaker_failure(&lane->breaker, p))
        return false;
    log_with(env->log, EVENT_CIRCUIT_BREAKER_OPENED, slot->error,
             LOG_INT("partition", lane->partition), LOG_INT("offset", slot->message.offset),
             LOG_INT("pause_ms", p->pause_ms));
    slot->was_probed = true;
    if (lane->slots.counts[SLOT_PROBING] > 0 && lane->probe_ms > from_ms)
        from_ms = lane->probe_ms;
    lane->probe_ms = from_ms + p->pause_ms;
    wait_for(lane, slot, env, SLOT_PROBING, lane->probe_ms - env->now_ms);
    return true;
}

static void give_up(struct lane *lane, struct slot *slot, struct lane_env *env)
{
    if (hold_by_breaker(lane, slot, env))
        return;
    if (env->policy->dlq_topic)
        send_dead_letter(lane, slot, env);
    else if (env->policy->halt_without_dlq)
        slots_set(&lane->slots, slot, SLOT_HALTED);
    else
        settle(lane, slot, RECORD_DROPPED, NULL);
}

/* ---- attempts ---- */

static void note_failure(struct slot *slot, const struct lane_env *env, enum record_reason reason,
                         const char *text)
{
    slot->reason = reason;
    snprintf(slot->error, sizeof(slot->error), "%s", text);
    slot->last_failure_ms = env->wall_ms;
    if (slot->first_failure_ms == 0) {
        slot->first_failure_ms = env->wall_ms;
        slot->failing_since_ms = env->now_ms;
    }
}

static int64_t later(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* What the processor asks for holds within bounds. */
static int64_t asked_delay_ms(const struct retry_policy *p, int64_t retry_after_ms)
{
    int64_t max = RETRY_AFTER_MAX_TIMES * p->max_delay_ms;

    return retry_after_ms < max ? retry_after_ms : max;
}

static void retry_later(struct lane *lane, struct slot *slot, struct lane_env *env,
                        int64_t retry_after_ms)
{
    const struct retry_policy *p = &env->policy->retry;
    int64_t delay = retry_delay_ms(p, slot->attempts, env->now_ms - slot->failing_since_ms,
                                   slot->previous_delay_ms, &env->rng);

    /* A stop that cut the backoff short must not be what makes a dead letter of a record. */
    if (delay < 0 && slot->had_last_chance)
        delay = p->max_delay_ms;
    if (delay < 0) {
        give_up(lane, slot, env);
        return;
    }
    slot->previous_delay_ms = delay;
    delay = later(delay, asked_delay_ms(p, retry_after_ms));
    log_with(env->log, EVENT_RECORD_RETRIED, slot->error, LOG_INT("partition", lane->partition),
             LOG_INT("offset", slot->message.offset), LOG_INT("attempt", slot->attempts),
             LOG_INT("delay_ms", delay));
    wait_for(lane, slot, env, SLOT_WAITING, delay);
}

/* What the breaker held is attempted at once. */
static void note_success(struct lane *lane, struct lane_env *env)
{
    if (!breaker_success(&lane->breaker, &env->policy->breaker))
        return;
    log_with(env->log, EVENT_CIRCUIT_BREAKER_CLOSED, NULL, LOG_INT("partition", lane->partition));
    for (size_t i = 0; lane->slots.counts[SLOT_PROBING] > 0 && i < lane->slots.count; i++) {
        struct slot *slot = slots_at(&lane->slots, i);

        if (slot->state == SLOT_PROBING)
            slot->deadline_ms = env->now_ms;
    }
}

/* Not the record's fault: the attempt does not count. */
static void note_outage(struct lane *lane, struct slot *slot, struct lane_env *env, const char *why)
{
    slot->attempts--;
    slot->was_refused = true;
    slots_set(&lane->slots, slot, SLOT_READY);
    outage_note(&lane->outage, slot->serial, why, env->now_ms);
}

/* The time that the processor was unavailable is no record's. */
static void end_outage(struct lane *lane, const struct slot *probe, int64_t now_ms)
{
    int64_t lasted_ms = outage_answered(&lane->outage, probe->serial, now_ms);

    for (size_t i = 0; lasted_ms > 0 && i < lane->slots.count; i++) {
        struct slot *slot = slots_at(&lane->slots, i);

        slot->was_refused = false;
        if (slot->failing_since_ms > 0)
            slot->failing_since_ms += lasted_ms;
    }
}

static void take_answer(struct lane *lane, struct slot *slot, struct lane_env *env,
                        const struct attempt_result *r)
{
    if (r->verdict != ATTEMPT_UNAVAILABLE && lane->outage.is_open)
        end_outage(lane, slot, env->now_ms);
    switch (r->verdict) {
    case ATTEMPT_OK:
        slot->reason = RECORD_REASON_NONE;
        slot->error[0] = '\0';
        note_success(lane, env);
        settle(lane, slot, RECORD_PROCESSED, NULL);
        return;
    case ATTEMPT_RETRY:
        note_failure(slot, env, r->reason, r->text);
        retry_later(lane, slot, env, r->retry_after_ms);
        return;
    case ATTEMPT_REJECT:
        note_failure(slot, env, r->reason, r->text);
        give_up(lane, slot, env);
        return;
    case ATTEMPT_UNAVAILABLE:
        note_outage(lane, slot, env, r->text);
        return;
    }
}

static void keep_answer(struct slot *slot, const struct attempt_result *r, int64_t ms)
{
    slot->was_answered = true;
    slot->answer_ms = ms;
    slot->status = r->status;
    slot->receipt_len = r->receipt_len;
    slot->receipt = r->receipt ? arena_strndup(&slot->arena, r->receipt, r->receipt_len) : NULL;
}

void lane_answered(struct lane *lane, struct lane_env *env, const struct attempt_result *r)
{
    struct slot *slot = lane_find(lane, r->tag);

    if (!slot || slot->state != SLOT_ATTEMPTING)
        return;
    env->in_flight--;
    env->attempted(env->ctx, env->now_ms - slot->started_ms);
    if (r->verdict != ATTEMPT_UNAVAILABLE)
        keep_answer(slot, r, env->now_ms - slot->started_ms);
    take_answer(lane, slot, env, r);
    write_lines(lane, env);
}

/* Returns false when the processor has no room for this record now. */
static bool begin_attempt(struct lane *lane, struct slot *slot, struct lane_env *env)
{
    struct attempt_result result;
    const struct attempt attempt = {
        .tag = lane_tag(lane, slot),
        .message = &slot->message,
        .order = &slot->order,
        .number = slot->attempts + 1,
    };
    enum start_result started =
        env->processor->start(env->processor->self, &attempt, env->now_ms, &result);

    if (started == START_FULL)
        return false;
    if (++slot->attempts > 1)
        env->retried(env->ctx);
    if (started == START_ANSWERED) {
        take_answer(lane, slot, env, &result);
        return true;
    }
    env->in_flight++;
    slot->started_ms = env->now_ms;
    slots_set(&lane->slots, slot, SLOT_ATTEMPTING);
    return true;
}

static bool has_attempts_left(const struct lane_env *env)
{
    return env->policy->max_in_flight == 0 || env->in_flight < env->policy->max_in_flight;
}

/* While the breaker is open one record at a time is attempted. */
static bool can_begin(const struct lane *lane, const struct lane_env *env)
{
    const size_t *counts = lane->slots.counts;

    if (lane->fenced || lane->outage.is_open || !has_attempts_left(env))
        return false;
    return !lane->breaker.is_open || counts[SLOT_PROBING] + counts[SLOT_ATTEMPTING] == 0;
}

static void begin_ready(struct lane *lane, struct lane_env *env)
{
    struct slots *s = &lane->slots;
    size_t i = s->ready_from;

    s->ready_from = s->count;
    for (; s->counts[SLOT_READY] > 0 && i < s->count && can_begin(lane, env); i++) {
        struct slot *slot = slots_at(s, i);

        if (slot->state == SLOT_READY && !begin_attempt(lane, slot, env))
            slots_set(s, slot, SLOT_READY);
    }
    if (i < s->ready_from)
        s->ready_from = i;
}

/* ---- the beginning ---- */

/* Decodes and validates. Returns RECORD_REASON_NONE, or why the record can never be processed. */
static enum record_reason examine(struct slot *slot, const struct lane_policy *policy, char *why,
                                  size_t why_size)
{
    const struct message *m = &slot->message;

    if (!m->value) {
        snprintf(why, why_size, "null value");
        return RECORD_NULL_VALUE;
    }
    if (m->value_len > policy->max_message_bytes) {
        snprintf(why, why_size, "value of %zu bytes is larger than tracker.max_message_bytes (%zu)",
                 m->value_len, policy->max_message_bytes);
        return RECORD_TOO_LARGE;
    }
    slot->is_decoded =
        order_decode(m->value, m->value_len, &slot->arena, &slot->order, why, why_size);
    if (!slot->is_decoded)
        return RECORD_DESERIALIZE;
    if (!order_check(&slot->order, why, why_size))
        return RECORD_VALIDATE;
    return RECORD_REASON_NONE;
}

void lane_take(struct lane *lane, struct lane_env *env, const struct message *m)
{
    struct slot *slot = slots_push(&lane->slots, &env->pool, m);
    char why[sizeof(slot->error)];
    enum record_reason reason = examine(slot, env->policy, why, sizeof(why));

    slot->taken_ms = env->now_ms;
    lane->position = m->offset + 1;
    if (reason != RECORD_REASON_NONE) {
        slot->attempts = 1;
        note_failure(slot, env, reason, why);
        give_up(lane, slot, env);
    } else if (env->policy->ordering != LANE_ORDER_KEY || !slots_hold_by_key(&lane->slots)) {
        begin_ready(lane, env);
    }
    write_lines(lane, env);
}

/* ---- deadlines ---- */

static bool sleeps(const struct slot *slot)
{
    return slot->state == SLOT_WAITING || slot->state == SLOT_PROBING ||
           slot->state == SLOT_BLOCKED;
}

static bool has_sleepers(const struct lane *lane)
{
    const size_t *counts = lane->slots.counts;

    return counts[SLOT_WAITING] + counts[SLOT_PROBING] + counts[SLOT_BLOCKED] > 0;
}

int64_t lane_due_ms(const struct lane *lane)
{
    int64_t due = INT64_MAX;

    if (lane->outage.is_open && !lane->outage.is_probing && lane->slots.counts[SLOT_READY] > 0)
        due = lane->outage.deadline_ms;
    for (size_t i = 0; has_sleepers(lane) && i < lane->slots.count; i++) {
        const struct slot *slot = slots_at(&lane->slots, i);

        if (sleeps(slot) && slot->deadline_ms < due)
            due = slot->deadline_ms;
    }
    return due;
}

/* The attempt that the breaker grants does not count. */
static void wake(struct lane *lane, struct slot *slot, struct lane_env *env)
{
    bool is_probe = slot->state == SLOT_PROBING;

    if (slot->state == SLOT_BLOCKED) {
        send_dead_letter(lane, slot, env);
        return;
    }
    if (is_probe)
        slot->attempts--;
    slots_set(&lane->slots, slot, SLOT_READY);
    if (is_probe && !lane->outage.is_open && has_attempts_left(env))
        begin_attempt(lane, slot, env);
}

static void wake_sleepers(struct lane *lane, struct lane_env *env)
{
    for (size_t i = 0; has_sleepers(lane) && i < lane->slots.count; i++) {
        struct slot *slot = slots_at(&lane->slots, i);

        if (sleeps(slot) && slot->deadline_ms <= env->now_ms)
            wake(lane, slot, env);
    }
}

/* The one that was refused: another worker of the processor may be available. */
static struct slot *choose_probe(const struct lane *lane)
{
    struct slot *first = NULL;

    for (size_t i = 0; i < lane->slots.count; i++) {
        struct slot *slot = slots_at(&lane->slots, i);

        if (slot->state != SLOT_READY)
            continue;
        if (slot->was_refused)
            return slot;
        if (!first)
            first = slot;
    }
    return first;
}

static void probe_processor(struct lane *lane, struct lane_env *env)
{
    struct slot *slot = choose_probe(lane);

    if (!slot)
        return;
    outage_probe(&lane->outage, slot->serial);
    if (has_attempts_left(env) && begin_attempt(lane, slot, env))
        return;
    outage_forget_probe(&lane->outage, slot->serial);
    lane->outage.deadline_ms = env->now_ms + PROBE_AGAIN_MS;
}

void lane_run(struct lane *lane, struct lane_env *env)
{
    if (lane->fenced)
        return;
    wake_sleepers(lane, env);
    if (lane->outage.is_open && !lane->outage.is_probing && lane->outage.deadline_ms <= env->now_ms)
        probe_processor(lane, env);
    begin_ready(lane, env);
    write_lines(lane, env);
}

void lane_reported(struct lane *lane, struct lane_env *env, const struct sink_report *r)
{
    struct slot *slot = lane_find(lane, r->tag);

    if (!slot || slot->state != SLOT_SENDING)
        return;
    if (r->status != SINK_OK) {
        dead_letter_failed(lane, slot, env, r);
        return;
    }
    settle(lane, slot, RECORD_DEAD_LETTERED, r);
    write_lines(lane, env);
}

/* ---- dropping ---- */

/* From the i-th slot on. */
static void cut(struct lane *lane, struct lane_env *env, size_t i)
{
    struct slots *s = &lane->slots;

    if (i < s->count)
        lane->position = slots_at(s, i)->message.offset;
    while (s->count > i) {
        struct slot *slot = slots_at(s, s->count - 1);

        if (slot->state == SLOT_ATTEMPTING) {
            env->processor->cancel(env->processor->self, lane_tag(lane, slot));
            env->in_flight--;
        }
        outage_forget_probe(&lane->outage, slot->serial);
        env->source->release(env->source->self, &slot->message);
        slots_drop_newest(s, &env->pool);
    }
}

void lane_drop_jump(struct lane *lane, const struct lane_env *env)
{
    if (lane->jump.message.handle)
        env->source->release(env->source->self, &lane->jump.message);
    lane->jump.message = (struct message){0};
    lane->jump.is_open = false;
}

static bool is_running(const struct slot *slot)
{
    return slot->state == SLOT_ATTEMPTING || slot->state == SLOT_SENDING ||
           slot->state == SLOT_SETTLED;
}

void lane_cut_waiting(struct lane *lane, struct lane_env *env)
{
    size_t i = 0;

    while (i < lane->slots.count && is_running(slots_at(&lane->slots, i)))
        i++;
    cut(lane, env, i);
    lane_drop_jump(lane, env);
}

/* Whether the record could not be handled before the stop. */
static bool is_left(const struct lane *lane, const struct slot *slot)
{
    if (slot->state == SLOT_READY)
        return lane->outage.is_open && !lane->outage.is_probing && lane->had_last_probe;
    return (slot->state == SLOT_WAITING && slot->had_last_chance) || slot->state == SLOT_PROBING;
}

void lane_hasten(struct lane *lane, struct lane_env *env)
{
    struct slots *s = &lane->slots;
    size_t left = 0;

    for (size_t i = 0; s->counts[SLOT_WAITING] > 0 && i < s->count; i++) {
        struct slot *slot = slots_at(s, i);

        if (slot->state != SLOT_WAITING || slot->had_last_chance)
            continue;
        slot->had_last_chance = true;
        slot->deadline_ms = env->now_ms;
    }
    if (lane->outage.is_open && !lane->outage.is_probing && !lane->had_last_probe) {
        lane->had_last_probe = true;
        lane->outage.deadline_ms = env->now_ms;
    }
    lane_run(lane, env);
    while (left < s->count && !is_left(lane, slots_at(s, left)))
        left++;
    if (left == s->count)
        return;
    cut(lane, env, left);
    lane->is_at_end = true;
}

void lane_abandon(struct lane *lane, struct lane_env *env)
{
    cut(lane, env, 0);
    lane_drop_jump(lane, env);
}
