#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "flow/lane.h"
#include "support/fake_clock.h"
#include "support/fake_log.h"
#include "support/fake_processor.h"
#include "support/fake_sink.h"
#include "support/fake_source.h"
#include "support/valid_order.h"

#define WALL_MS  INT64_C(1795367071402)
#define ORDER_MS INT64_C(1795367070000) /* of VALID_ORDER */

/* One lane over fakes, and what it settled last. */
struct fixture {
    struct fake_source source;
    struct fake_sink sink;
    struct fake_processor processor;
    struct fake_log log;
    struct source source_port;
    struct sink sink_port;
    struct processor processor_port;
    struct log log_port;
    struct lane_policy policy;
    struct lane_env env;
    struct lane lane;
    size_t settled;
    size_t retried;
    int64_t last_ms; /* that an attempt took */
    struct record last;
    struct strbuf line; /* of `last` */
};

static void on_settled(void *ctx, const struct slot *slot, const struct record *r)
{
    struct fixture *f = ctx;

    assert_int_equal(slot->state, SLOT_SETTLED);
    f->settled++;
    f->last = *r;
    strbuf_reset(&f->line);
    record_write(r, &f->line);
}

static void on_retried(void *ctx)
{
    ((struct fixture *)ctx)->retried++;
}

static void on_attempted(void *ctx, int64_t ms)
{
    ((struct fixture *)ctx)->last_ms = ms;
}

static int set_up(void **state)
{
    struct fixture *f = test_calloc(1, sizeof(*f));

    f->source_port = fake_source_port(&f->source);
    f->sink_port = fake_sink_port(&f->sink);
    f->processor_port = fake_processor_port(&f->processor);
    f->log_port = fake_log_port(&f->log);
    f->source.partitions[2].is_ours = true;
    f->policy = (struct lane_policy){
        .retry = {.max_attempts = 3,
                  .initial_delay_ms = 100,
                  .max_delay_ms = 5000,
                  .multiplier = 2,
                  .jitter = RETRY_JITTER_NONE},
        .breaker = {.consecutive = 100, .share = 1, .window = 1000, .pause_ms = 7000},
        .max_message_bytes = 1000,
        .group = "group",
        .dlq_topic = "orders-dlq",
        .dlq_retry_ms = 500,
        .dlq_retry_max_ms = 30000,
    };
    f->env = (struct lane_env){
        .policy = &f->policy,
        .source = &f->source_port,
        .sink = &f->sink_port,
        .processor = &f->processor_port,
        .log = &f->log_port,
        .now_ms = 5000,
        .wall_ms = WALL_MS,
        .settled = on_settled,
        .retried = on_retried,
        .attempted = on_attempted,
        .ctx = f,
    };
    lane_init(&f->lane, 2, 1);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    lane_abandon(&f->lane, &f->env);
    lane_release(&f->lane);
    slot_pool_release(&f->env.pool);
    fake_source_release(&f->source);
    fake_sink_release(&f->sink);
    fake_processor_release(&f->processor);
    fake_log_release(&f->log);
    strbuf_release(&f->line);
    test_free(f);
    return 0;
}

static void take_bytes(struct fixture *f, const char *value, size_t len)
{
    struct message m;

    fake_source_add_bytes(&f->source, 2, "key", 3, value, len);
    assert_int_equal(f->source_port.fetch(&f->source, 2, &m), FETCH_MESSAGE);
    lane_take(&f->lane, &f->env, &m);
}

static void take(struct fixture *f, const char *value)
{
    take_bytes(f, value, value ? strlen(value) : 0);
}

/* The i-th record in the window. */
static struct slot *slot_at(const struct fixture *f, size_t i)
{
    assert_true(i < f->lane.slots.count);
    return slots_at(&f->lane.slots, i);
}

static enum slot_state state_of(const struct fixture *f, size_t i)
{
    return slot_at(f, i)->state;
}

static void sleep_ms(struct fixture *f, int64_t ms)
{
    f->env.now_ms += ms;
    f->env.wall_ms += ms;
    lane_run(&f->lane, &f->env);
}

/* Time goes on to the lane's deadline. */
static void sleep_to_deadline(struct fixture *f)
{
    int64_t ms = lane_due_ms(&f->lane) - f->env.now_ms;

    assert_true(ms >= 0);
    sleep_ms(f, ms);
}

static void answer(struct fixture *f, enum attempt_verdict verdict)
{
    struct attempt_result r;

    fake_processor_answer(&f->processor, verdict);
    assert_int_equal(f->processor_port.next_result(&f->processor, f->env.now_ms, &r), 1);
    assert_non_null(lane_find(&f->lane, r.tag));
    lane_answered(&f->lane, &f->env, &r);
}

static void report(struct fixture *f)
{
    struct sink_report r;

    assert_int_equal(state_of(f, 0), SLOT_SENDING);
    assert_int_equal(f->sink_port.next_report(&f->sink, &r), 1);
    assert_int_equal(r.tag, lane_tag(&f->lane, slot_at(f, 0)));
    lane_reported(&f->lane, &f->env, &r);
}

static void assert_settled(const struct fixture *f, enum record_outcome outcome,
                           enum record_reason reason, int attempts)
{
    assert_int_equal(f->settled, 1);
    assert_int_equal(f->last.outcome, outcome);
    assert_int_equal(f->last.reason, reason);
    assert_int_equal(f->last.attempts, attempts);
    assert_true(lane_is_idle(&f->lane));
    assert_int_equal(f->source.outstanding, 0);
    assert_int_equal(f->lane.watermark.next, f->last.offset + 1);
}

static void assert_held(const struct fixture *f, enum slot_state state)
{
    assert_int_equal(f->lane.slots.count, 1);
    assert_int_equal(state_of(f, 0), state);
    assert_int_equal(f->settled, 0);
    assert_int_equal(f->source.outstanding, 1);
    assert_int_equal(f->lane.watermark.next, -1);
}

/* ---- attempts ---- */

static void an_order_is_processed_at_once(void **state)
{
    struct fixture *f = *state;

    take(f, VALID_ORDER);
    assert_settled(f, RECORD_PROCESSED, RECORD_REASON_NONE, 1);
    assert_int_equal(f->last.event, RECORD_RECEIVED);
    assert_true(f->last.deserialized);
    assert_null(f->last.error);
    assert_non_null(strstr(f->line.data, "\"order_id\":\"o-1\""));
    assert_int_equal(f->lane.position, 1);
    assert_int_equal(f->sink.count, 0);
    assert_int_equal(f->retried, 0);
}

static void an_order_is_processed_by_a_later_answer(void **state)
{
    struct fixture *f = *state;

    f->processor.otherwise = (struct fake_answer){.later = true, .after_ms = -1};
    take(f, VALID_ORDER);
    assert_held(f, SLOT_ATTEMPTING);
    sleep_ms(f, 17);
    answer(f, ATTEMPT_OK);
    assert_settled(f, RECORD_PROCESSED, RECORD_REASON_NONE, 1);
    assert_int_equal(f->last_ms, 17);
}

static void a_transient_failure_is_retried_after_its_delay(void **state)
{
    static const struct fake_answer steps[] = {{.verdict = ATTEMPT_RETRY},
                                               {.verdict = ATTEMPT_RETRY}};
    struct fixture *f = *state;

    f->processor.steps = steps;
    f->processor.step_count = 2;
    take(f, VALID_ORDER);
    assert_held(f, SLOT_WAITING);
    assert_int_equal(slot_at(f, 0)->deadline_ms, 5100);
    assert_int_equal(fake_log_count(&f->log, EVENT_RECORD_RETRIED), 1);
    sleep_to_deadline(f);
    assert_held(f, SLOT_WAITING);
    assert_int_equal(slot_at(f, 0)->deadline_ms, 5300);
    assert_int_equal(f->retried, 1);
    sleep_to_deadline(f);
    assert_settled(f, RECORD_PROCESSED, RECORD_REASON_NONE, 3);
    assert_int_equal(f->retried, 2);
    assert_null(f->last.error);
    assert_int_equal(f->last.event, RECORD_RECEIVED);
}

static void a_later_transient_answer_is_retried_too(void **state)
{
    struct fixture *f = *state;

    f->processor.otherwise = (struct fake_answer){.later = true, .after_ms = -1};
    take(f, VALID_ORDER);
    answer(f, ATTEMPT_RETRY);
    assert_held(f, SLOT_WAITING);
    sleep_to_deadline(f);
    assert_held(f, SLOT_ATTEMPTING);
    answer(f, ATTEMPT_OK);
    assert_settled(f, RECORD_PROCESSED, RECORD_REASON_NONE, 2);
}

static void a_used_up_budget_ends_in_a_dead_letter(void **state)
{
    struct fixture *f = *state;

    f->processor.otherwise.verdict = ATTEMPT_RETRY;
    take(f, VALID_ORDER);
    sleep_to_deadline(f);
    sleep_to_deadline(f);
    assert_held(f, SLOT_SENDING); /* sent is not yet acknowledged */
    assert_int_equal(f->processor.starts, 3);
    assert_string_equal(f->sink.sent[0].record.topic, "orders-dlq");
    assert_string_equal(f->sink.sent[0].record.value, VALID_ORDER);
    assert_string_equal(fake_sink_header(&f->sink, 0, "dlq.attempts"), "3");
    assert_string_equal(fake_sink_header(&f->sink, 0, "dlq.reason"), "PROCESS");
    assert_string_equal(fake_sink_header(&f->sink, 0, "dlq.id"), "orders/2/0/group");
    assert_string_equal(fake_sink_header(&f->sink, 0, "error"), "attempt 3 failed");
    assert_string_equal(fake_sink_header(&f->sink, 0, "dlq.first-failure-ms"), "1795367071402");
    assert_string_equal(fake_sink_header(&f->sink, 0, "dlq.last-failure-ms"), "1795367071702");
    report(f);
    assert_settled(f, RECORD_DEAD_LETTERED, RECORD_PROCESS, 3);
    assert_int_equal(f->last.event, RECORD_PROCESSING_ERROR);
    assert_string_equal(f->last.dlq_topic, "orders-dlq");
    assert_int_equal(f->last.dlq_partition, 2);
    assert_int_equal(f->last.dlq_offset, 0);
    assert_non_null(strstr(f->line.data, "\"error\":\"attempt 3 failed\""));
}

static void the_time_for_all_attempts_is_a_budget_too(void **state)
{
    struct fixture *f = *state;

    f->policy.retry.max_attempts = 100;
    f->policy.retry.max_elapsed_ms = 700; /* 100 + 200 + 400, the next would be 800 */
    f->processor.otherwise.verdict = ATTEMPT_RETRY;
    take(f, VALID_ORDER);
    for (int i = 0; i < 3; i++)
        sleep_to_deadline(f);
    assert_held(f, SLOT_SENDING);
    assert_int_equal(f->processor.starts, 4);
}

static void decorrelated_jitter_goes_on_from_the_delay_before(void **state)
{
    struct fixture *f = *state;
    int64_t longest = 0;

    f->policy.retry.jitter = RETRY_JITTER_DECORRELATED;
    f->policy.retry.max_attempts = 100;
    f->policy.retry.max_delay_ms = 3000000;
    f->processor.otherwise.verdict = ATTEMPT_RETRY;
    rng_seed(&f->env.rng, 5);
    take(f, VALID_ORDER);
    for (int i = 0; i < 98; i++) {
        int64_t delay = slot_at(f, 0)->deadline_ms - f->env.now_ms;

        longest = delay > longest ? delay : longest;
        sleep_to_deadline(f);
    }
    /* From nothing before, no delay is longer than three times the initial one. */
    assert_true(longest > 1000);
}

static void a_permanent_failure_is_a_dead_letter_at_once(void **state)
{
    struct fixture *f = *state;

    f->processor.otherwise.verdict = ATTEMPT_REJECT;
    take(f, VALID_ORDER);
    report(f);
    assert_settled(f, RECORD_DEAD_LETTERED, RECORD_PROCESS, 1);
    assert_int_equal(f->processor.starts, 1);
    assert_int_equal(f->retried, 0);
}

static void too_many_failures_make_a_record_wait_for_one_more_attempt(void **state)
{
    struct fixture *f = *state;

    f->policy.breaker.consecutive = 2;
    f->processor.otherwise.verdict = ATTEMPT_REJECT;
    take(f, VALID_ORDER);
    report(f);
    take(f, VALID_ORDER);
    assert_int_equal(state_of(f, 0), SLOT_PROBING);
    assert_int_equal(slot_at(f, 0)->deadline_ms, f->env.now_ms + 7000);
    assert_int_equal(f->settled, 1);
    f->processor.otherwise.verdict = ATTEMPT_OK;
    sleep_to_deadline(f);
    assert_int_equal(f->settled, 2);
    assert_int_equal(f->last.outcome, RECORD_PROCESSED);
    assert_int_equal(f->last.attempts, 1);
    assert_false(f->lane.breaker.is_open);
}

static void a_record_that_fails_once_more_goes_to_the_dead_letters(void **state)
{
    struct fixture *f = *state;

    f->policy.breaker.consecutive = 1;
    f->processor.otherwise.verdict = ATTEMPT_REJECT;
    take(f, VALID_ORDER);
    assert_int_equal(state_of(f, 0), SLOT_PROBING);
    sleep_to_deadline(f);
    assert_int_equal(state_of(f, 0), SLOT_SENDING);
    report(f);
    assert_settled(f, RECORD_DEAD_LETTERED, RECORD_PROCESS, 1);
    take(f, VALID_ORDER);
    assert_int_equal(state_of(f, 0), SLOT_PROBING);
}

static void broken_records_do_not_count_as_failures_of_processing(void **state)
{
    struct fixture *f = *state;

    f->policy.breaker.consecutive = 1;
    take(f, INVALID_ORDER);
    assert_int_equal(state_of(f, 0), SLOT_SENDING);
    report(f);
    assert_settled(f, RECORD_DEAD_LETTERED, RECORD_VALIDATE, 1);
}

static void what_can_never_be_processed_is_a_dead_letter_unattempted(void **state)
{
    static char large[1002];
    static const struct {
        const char *value;
        size_t len;
        enum record_reason reason;
        enum record_event event;
        bool deserialized;
    } cases[] = {
        {NULL, 0, RECORD_NULL_VALUE, RECORD_DESERIALIZATION_ERROR, false},
        {"", 0, RECORD_DESERIALIZE, RECORD_DESERIALIZATION_ERROR, false},
        {"\xff\0{", 3, RECORD_DESERIALIZE, RECORD_DESERIALIZATION_ERROR, false},
        {INVALID_ORDER, sizeof(INVALID_ORDER) - 1, RECORD_VALIDATE, RECORD_VALIDATION_ERROR, true},
        {large, 1001, RECORD_TOO_LARGE, RECORD_DESERIALIZATION_ERROR, false},
        {large, 1000, RECORD_DESERIALIZE, RECORD_DESERIALIZATION_ERROR, false},
    };
    struct fixture *f = *state;

    memset(large, ' ', sizeof(large));
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        f->settled = 0;
        take_bytes(f, cases[i].value, cases[i].len);
        report(f);
        assert_settled(f, RECORD_DEAD_LETTERED, cases[i].reason, 1);
        assert_int_equal(f->last.event, cases[i].event);
        assert_int_equal(f->last.deserialized, cases[i].deserialized);
        assert_non_null(f->last.error);
        assert_int_equal(f->sink.sent[i].record.value_len, cases[i].len);
        if (cases[i].value)
            assert_memory_equal(f->sink.sent[i].record.value, cases[i].value, cases[i].len);
        else
            assert_null(f->sink.sent[i].record.value);
        assert_string_equal(fake_sink_header(&f->sink, i, "dlq.reason"),
                            record_reason_name(cases[i].reason));
        assert_string_equal(fake_sink_header(&f->sink, i, "dlq.attempts"), "1");
    }
    assert_int_equal(f->processor.starts, 0);
}

static void a_record_inherits_nothing_from_the_one_before(void **state)
{
    static const struct fake_send too_large = {.result = SEND_FAILED, .status = SINK_TOO_LARGE};
    struct fixture *f = *state;

    f->processor.otherwise.verdict = ATTEMPT_RETRY;
    f->sink.steps = &too_large;
    f->sink.step_count = 1;
    take(f, VALID_ORDER);
    sleep_to_deadline(f);
    sleep_to_deadline(f);
    report(f);
    assert_string_equal(fake_sink_header(&f->sink, 1, "dlq.value-omitted"), "true");
    f->settled = 0;
    f->processor.otherwise.verdict = ATTEMPT_REJECT;
    f->env.wall_ms += 77;
    take(f, VALID_ORDER);
    report(f);
    assert_settled(f, RECORD_DEAD_LETTERED, RECORD_PROCESS, 1);
    assert_null(fake_sink_header(&f->sink, 2, "dlq.value-omitted"));
    assert_string_equal(fake_sink_header(&f->sink, 2, "dlq.first-failure-ms"),
                        fake_sink_header(&f->sink, 2, "dlq.last-failure-ms"));
    f->settled = 0;
    f->processor.otherwise.verdict = ATTEMPT_OK;
    take(f, VALID_ORDER);
    assert_settled(f, RECORD_PROCESSED, RECORD_REASON_NONE, 1);
    assert_null(f->last.error);
    assert_null(f->last.dlq_topic);
}

/* ---- trouble with the dead letter topic ---- */

/* The record is never given up: 500, 1000, ... 30000, 30000, ... */
static void assert_probes_without_limit(struct fixture *f, bool by_report)
{
    int64_t expected = 500;

    take(f, "not an order");
    for (int i = 0; i < 100; i++) {
        if (by_report)
            report(f);
        assert_held(f, SLOT_BLOCKED);
        assert_int_equal(slot_at(f, 0)->deadline_ms - f->env.now_ms, expected);
        expected = expected * 2 < 30000 ? expected * 2 : 30000;
        sleep_to_deadline(f);
    }
    assert_int_equal(fake_log_count(&f->log, EVENT_DEAD_LETTER_REFUSED), by_report ? 100 : 101);
    assert_string_equal(fake_sink_header(&f->sink, 100, "dlq.attempts"), "1");
}

static void a_dead_letter_that_is_not_acknowledged_is_sent_again_without_limit(void **state)
{
    struct fixture *f = *state;

    f->sink.otherwise.status = SINK_TROUBLE;
    assert_probes_without_limit(f, true);
    fake_sink_report(&f->sink, f->sink.count - 1, SINK_OK);
    report(f);
    assert_settled(f, RECORD_DEAD_LETTERED, RECORD_DESERIALIZE, 1);
}

static void a_dead_letter_that_is_refused_is_sent_again_without_limit(void **state)
{
    struct fixture *f = *state;

    f->sink.otherwise = (struct fake_send){.result = SEND_FAILED, .status = SINK_TROUBLE};
    assert_probes_without_limit(f, false);
    f->sink.otherwise = (struct fake_send){0};
    sleep_to_deadline(f);
    report(f);
    assert_settled(f, RECORD_DEAD_LETTERED, RECORD_DESERIALIZE, 1);
}

static void a_full_sink_is_asked_again_soon(void **state)
{
    struct fixture *f = *state;

    f->sink.otherwise.result = SEND_FULL;
    take(f, "not an order");
    for (int i = 0; i < 20; i++) {
        assert_held(f, SLOT_BLOCKED);
        assert_int_equal(slot_at(f, 0)->deadline_ms - f->env.now_ms, 500);
        sleep_to_deadline(f);
    }
    assert_int_equal(fake_log_count(&f->log, EVENT_DEAD_LETTER_REFUSED), 0);
    f->sink.otherwise = (struct fake_send){0};
    sleep_to_deadline(f);
    report(f);
    assert_settled(f, RECORD_DEAD_LETTERED, RECORD_DESERIALIZE, 1);
}

static void a_dead_letter_that_is_too_large_goes_without_its_value(void **state)
{
    static const struct fake_send refusals[] = {
        {.result = SEND_FAILED, .status = SINK_TOO_LARGE},
        {.result = SEND_TAKEN, .status = SINK_TOO_LARGE},
    };
    struct fixture *f = *state;

    for (size_t i = 0; i < 2; i++) {
        size_t first = f->sink.count;
        struct fake_send steps[3] = {{0}};

        steps[first] = refusals[i];
        f->sink.steps = steps;
        f->sink.step_count = 3;
        f->settled = 0;
        take(f, "not an order");
        if (refusals[i].result == SEND_TAKEN)
            report(f);
        assert_int_equal(f->settled, 0);
        assert_string_equal(f->sink.sent[first].record.value, "not an order");
        assert_null(f->sink.sent[first + 1].record.value);
        assert_string_equal(fake_sink_header(&f->sink, first + 1, "dlq.value-omitted"), "true");
        assert_string_equal(fake_sink_header(&f->sink, first + 1, "dlq.value-size"), "12");
        f->sink.step_count = 0;
        report(f);
        assert_settled(f, RECORD_DEAD_LETTERED, RECORD_DESERIALIZE, 1);
        assert_non_null(strstr(f->line.data, "\"raw_message\":\"not an order\""));
    }
}

static void what_is_still_too_large_goes_without_headers_and_then_without_its_key(void **state)
{
    static const struct fake_send steps[] = {{.result = SEND_FAILED, .status = SINK_TOO_LARGE},
                                             {.result = SEND_TAKEN, .status = SINK_TOO_LARGE},
                                             {.result = SEND_FAILED, .status = SINK_TOO_LARGE}};
    const struct header original[] = {{"trace", "1", 1}};
    struct fixture *f = *state;

    f->sink.steps = steps;
    f->sink.step_count = 3;
    f->source.headers = original;
    f->source.header_count = 1;
    take(f, "not an order");
    report(f);
    assert_int_equal(f->sink.count, 4);
    assert_non_null(fake_sink_header(&f->sink, 1, "trace"));
    assert_null(fake_sink_header(&f->sink, 1, "dlq.headers-omitted"));
    assert_null(fake_sink_header(&f->sink, 2, "trace"));
    assert_string_equal(fake_sink_header(&f->sink, 2, "dlq.headers-omitted"), "true");
    assert_non_null(f->sink.sent[2].record.key);
    assert_null(f->sink.sent[3].record.key);
    assert_string_equal(fake_sink_header(&f->sink, 3, "dlq.key-omitted"), "true");
    report(f);
    assert_settled(f, RECORD_DEAD_LETTERED, RECORD_DESERIALIZE, 1);
}

/* A topic that takes next to nothing: the lane waits, says what to do, and tries again from the
 * whole record, since the limit may have been raised. */
static void a_record_that_no_form_is_small_enough_for_waits_and_begins_with_the_whole(void **state)
{
    struct fixture *f = *state;
    const struct fake_log_entry *said;

    f->sink.otherwise = (struct fake_send){.result = SEND_FAILED, .status = SINK_TOO_LARGE};
    take(f, "not an order");
    assert_held(f, SLOT_BLOCKED);
    assert_int_equal(f->sink.count, 4);
    said = fake_log_last(&f->log, EVENT_DEAD_LETTER_REFUSED);
    assert_non_null(said);
    assert_non_null(strstr(said->error, "raise max.message.bytes of the topic orders-dlq"));
    sleep_to_deadline(f);
    assert_held(f, SLOT_BLOCKED);
    assert_int_equal(f->sink.count, 8);
    f->sink.otherwise = (struct fake_send){0};
    sleep_to_deadline(f);
    assert_string_equal(f->sink.sent[8].record.value, "not an order");
    report(f);
    assert_settled(f, RECORD_DEAD_LETTERED, RECORD_DESERIALIZE, 1);
}

/* ---- without dead letters ---- */

static void without_dead_letters_a_failed_record_is_dropped_with_its_bytes(void **state)
{
    static const enum lane_payload modes[] = {LANE_PAYLOAD_BOTH, LANE_PAYLOAD_RAW,
                                              LANE_PAYLOAD_FAILURES};
    struct fixture *f = *state;

    f->policy.dlq_topic = NULL;
    f->env.sink = NULL;
    for (size_t i = 0; i < 3; i++) {
        f->policy.payload = modes[i];
        f->settled = 0;
        take(f, "not an order");
        assert_settled(f, RECORD_DROPPED, RECORD_DESERIALIZE, 1);
        assert_null(f->last.dlq_topic);
        assert_non_null(strstr(f->line.data, "\"raw_message\":\"not an order\""));
    }
}

static void without_dead_letters_the_lane_halts_if_told_to(void **state)
{
    struct fixture *f = *state;

    f->policy.dlq_topic = NULL;
    f->policy.halt_without_dlq = true;
    f->env.sink = NULL;
    take(f, "not an order");
    assert_held(f, SLOT_HALTED);
    lane_run(&f->lane, &f->env);
    assert_held(f, SLOT_HALTED);
    assert_int_equal(lane_halted(&f->lane)->message.offset, 0);
    lane_abandon(&f->lane, &f->env);
    assert_int_equal(f->settled, 0);
    assert_int_equal(f->lane.position, 0);
}

/* ---- what a line holds ---- */

static void the_payload_is_told_as_the_user_chose(void **state)
{
    static const struct {
        enum lane_payload mode;
        enum attempt_verdict verdict;
        bool raw, order;
    } cases[] = {
        {LANE_PAYLOAD_BOTH, ATTEMPT_OK, true, true},
        {LANE_PAYLOAD_BOTH, ATTEMPT_REJECT, true, true},
        {LANE_PAYLOAD_RAW, ATTEMPT_OK, true, false},
        {LANE_PAYLOAD_RAW, ATTEMPT_REJECT, true, false},
        {LANE_PAYLOAD_FAILURES, ATTEMPT_OK, false, false},
        {LANE_PAYLOAD_FAILURES, ATTEMPT_REJECT, true, true},
    };
    struct fixture *f = *state;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        f->policy.payload = cases[i].mode;
        f->processor.otherwise.verdict = cases[i].verdict;
        take(f, VALID_ORDER);
        if (cases[i].verdict != ATTEMPT_OK)
            report(f);
        assert_int_equal(f->settled, i + 1);
        assert_int_equal(strstr(f->line.data, "\"raw_message\":") != NULL, cases[i].raw);
        assert_int_equal(strstr(f->line.data, "\"order_full\":") != NULL, cases[i].order);
    }
}

static void the_latency_counts_from_the_order_else_from_the_record_else_not(void **state)
{
    struct fixture *f = *state;
    struct message m;

    take(f, VALID_ORDER);
    assert_int_equal(f->last.latency_ms, WALL_MS - ORDER_MS);
    take(f, "not an order");
    report(f);
    assert_int_equal(f->last.latency_ms, 401); /* offset 1 has its time 1 ms after ...071000 */
    fake_source_add(&f->source, 2, "not an order");
    f->source_port.fetch(&f->source, 2, &m);
    m.timestamp_ms = -1;
    lane_take(&f->lane, &f->env, &m);
    report(f);
    assert_int_equal(f->last.latency_ms, 0);
}

/* ---- letting go ---- */

static void an_abandoned_record_leaves_no_trace_and_comes_again(void **state)
{
    static const struct {
        enum slot_state state;
        struct fake_answer answer;
        struct fake_send send;
    } cases[] = {
        {SLOT_ATTEMPTING, {.later = true, .after_ms = -1}, {SEND_TAKEN, SINK_OK, false}},
        {SLOT_WAITING, {.verdict = ATTEMPT_RETRY}, {SEND_TAKEN, SINK_OK, false}},
        {SLOT_SENDING, {.verdict = ATTEMPT_REJECT}, {SEND_TAKEN, SINK_OK, true}},
        {SLOT_BLOCKED, {.verdict = ATTEMPT_REJECT}, {SEND_FAILED, SINK_TROUBLE, false}},
    };
    struct fixture *f = *state;

    take(f, VALID_ORDER);
    f->settled = 0;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        f->lane.watermark.next = -1;
        f->processor.otherwise = cases[i].answer;
        f->sink.otherwise = cases[i].send;
        take(f, VALID_ORDER);
        assert_held(f, cases[i].state);
        lane_abandon(&f->lane, &f->env);
        assert_true(lane_is_idle(&f->lane));
        assert_int_equal(f->source.outstanding, 0);
        assert_int_equal(f->settled, 0);
        assert_int_equal(f->lane.watermark.next, -1);
        assert_int_equal(f->lane.position, i + 1);
    }
    assert_int_equal(f->processor.cancels, 1);
    assert_int_equal(f->processor.pending_count, 0);
}

static void abandoning_an_idle_lane_changes_nothing(void **state)
{
    struct fixture *f = *state;

    take(f, VALID_ORDER);
    lane_abandon(&f->lane, &f->env);
    assert_int_equal(f->lane.position, 1);
    assert_int_equal(f->lane.watermark.next, 1);
}

/* At a stop the backoff is cut short; that must not be what makes a dead letter of a record. */
static void a_last_chance_never_ends_in_a_dead_letter(void **state)
{
    struct fixture *f = *state;

    f->policy.retry.max_attempts = 2;
    f->processor.otherwise.verdict = ATTEMPT_RETRY;
    take(f, VALID_ORDER);
    lane_hasten(&f->lane, &f->env);
    assert_true(lane_is_idle(&f->lane));
    assert_int_equal(f->lane.position, 0);
    assert_int_equal(f->processor.starts, 2);
    assert_int_equal(f->sink.count, 0);
}

static void answers_to_earlier_records_of_the_partition_are_not_believed(void **state)
{
    struct fixture *f = *state;
    struct lane other;
    uint64_t tag;

    f->processor.otherwise = (struct fake_answer){.later = true, .after_ms = -1};
    take(f, VALID_ORDER);
    tag = lane_tag(&f->lane, slot_at(f, 0));
    lane_init(&other, 2, 2);
    assert_null(lane_find(&other, tag));
    lane_abandon(&f->lane, &f->env);
    take(f, VALID_ORDER);
    assert_null(lane_find(&f->lane, tag));
    assert_non_null(lane_find(&f->lane, lane_tag(&f->lane, slot_at(f, 0))));
}

/* ---- the window ---- */

static void widen(struct fixture *f, enum lane_ordering ordering)
{
    f->policy.ordering = ordering;
    f->policy.window = 4;
    f->processor.otherwise = (struct fake_answer){.later = true, .after_ms = -1};
}

static void take_keyed(struct fixture *f, const char *key)
{
    struct message m;

    fake_source_add_bytes(&f->source, 2, key, key ? strlen(key) : 0, VALID_ORDER,
                          strlen(VALID_ORDER));
    assert_int_equal(f->source_port.fetch(&f->source, 2, &m), FETCH_MESSAGE);
    lane_take(&f->lane, &f->env, &m);
}

static void answer_at(struct fixture *f, int64_t offset, enum attempt_verdict verdict)
{
    struct attempt_result r;

    fake_processor_answer_at(&f->processor, offset, verdict);
    assert_int_equal(f->processor_port.next_result(&f->processor, f->env.now_ms, &r), 1);
    lane_answered(&f->lane, &f->env, &r);
    lane_run(&f->lane, &f->env);
}

static void lines_are_written_in_order_whatever_is_answered_first(void **state)
{
    struct fixture *f = *state;

    widen(f, LANE_ORDER_NONE);
    for (int i = 0; i < 3; i++)
        take_keyed(f, "same");
    assert_int_equal(f->processor.pending_count, 3);
    answer_at(f, 1, ATTEMPT_OK);
    answer_at(f, 2, ATTEMPT_REJECT);
    assert_int_equal(f->settled, 0);
    assert_int_equal(f->lane.watermark.next, -1);
    answer_at(f, 0, ATTEMPT_OK);
    assert_int_equal(f->settled, 2);
    assert_int_equal(f->last.offset, 1);
    report(f);
    assert_int_equal(f->settled, 3);
    assert_int_equal(f->last.outcome, RECORD_DEAD_LETTERED);
    assert_int_equal(f->lane.watermark.next, 3);
    assert_int_equal(f->env.pool.held_bytes, 0);
    assert_int_equal(f->env.in_flight, 0);
}

static void a_full_window_has_no_room_until_its_oldest_record_has_its_line(void **state)
{
    struct fixture *f = *state;

    widen(f, LANE_ORDER_NONE);
    for (int i = 0; i < 4; i++) {
        assert_true(lane_has_room(&f->lane, &f->env));
        take_keyed(f, "a");
    }
    assert_false(lane_has_room(&f->lane, &f->env));
    for (int64_t offset = 3; offset > 0; offset--)
        answer_at(f, offset, ATTEMPT_OK);
    assert_false(lane_has_room(&f->lane, &f->env));
    answer_at(f, 0, ATTEMPT_OK);
    assert_true(lane_is_idle(&f->lane));
    f->env.window_bytes = 1; /* the oldest is not counted */
    take_keyed(f, "a");
    assert_true(lane_has_room(&f->lane, &f->env));
    take_keyed(f, "a");
    assert_false(lane_has_room(&f->lane, &f->env));
    lane_abandon(&f->lane, &f->env);
    assert_int_equal(f->env.pool.held_bytes, 0);
}

static void records_of_one_key_are_processed_one_after_the_other(void **state)
{
    struct fixture *f = *state;

    widen(f, LANE_ORDER_KEY);
    take_keyed(f, "a");
    take_keyed(f, "b");
    take_keyed(f, "a");
    take_keyed(f, "a");
    assert_int_equal(f->processor.pending_count, 2);
    assert_int_equal(state_of(f, 2), SLOT_HELD);
    assert_int_equal(state_of(f, 3), SLOT_HELD);
    answer_at(f, 0, ATTEMPT_RETRY);
    answer_at(f, 1, ATTEMPT_OK);
    assert_int_equal(state_of(f, 0), SLOT_WAITING);
    assert_int_equal(state_of(f, 2), SLOT_HELD); /* a retry is still the same record */
    sleep_to_deadline(f);
    answer_at(f, 0, ATTEMPT_OK);
    assert_int_equal(f->settled, 2);
    assert_int_equal(f->processor.pending_count, 1);
    assert_int_equal(state_of(f, 1), SLOT_HELD);
    answer_at(f, 2, ATTEMPT_OK);
    answer_at(f, 3, ATTEMPT_OK);
    assert_int_equal(f->settled, 4);
}

static void a_key_is_held_until_the_dead_letter_before_it_is_acknowledged(void **state)
{
    struct fixture *f = *state;

    widen(f, LANE_ORDER_KEY);
    take_keyed(f, "a");
    take_keyed(f, "a");
    answer_at(f, 0, ATTEMPT_REJECT);
    assert_int_equal(state_of(f, 0), SLOT_SENDING);
    assert_int_equal(state_of(f, 1), SLOT_HELD);
    report(f);
    lane_run(&f->lane, &f->env);
    assert_int_equal(state_of(f, 0), SLOT_ATTEMPTING);
    answer_at(f, 1, ATTEMPT_OK);
}

static void a_record_that_is_settled_before_its_turn_holds_its_key_no_more(void **state)
{
    struct fixture *f = *state;

    widen(f, LANE_ORDER_KEY);
    take_keyed(f, "a");
    take_keyed(f, "b");
    answer_at(f, 1, ATTEMPT_OK);
    take_keyed(f, "b");
    assert_int_equal(state_of(f, 2), SLOT_ATTEMPTING);
    lane_abandon(&f->lane, &f->env);
}

static void records_without_a_key_or_with_an_empty_one_hold_as_they_should(void **state)
{
    struct fixture *f = *state;

    widen(f, LANE_ORDER_KEY);
    take_keyed(f, NULL);
    take_keyed(f, NULL);
    take_keyed(f, "");
    take_keyed(f, "");
    assert_int_equal(state_of(f, 1), SLOT_ATTEMPTING);
    assert_int_equal(state_of(f, 2), SLOT_ATTEMPTING);
    assert_int_equal(state_of(f, 3), SLOT_HELD);
    lane_abandon(&f->lane, &f->env);
}

static void the_attempts_under_way_are_bounded_over_all_lanes(void **state)
{
    struct fixture *f = *state;

    widen(f, LANE_ORDER_NONE);
    f->policy.max_in_flight = 3;
    f->env.in_flight = 1; /* of another lane */
    for (int i = 0; i < 4; i++)
        take_keyed(f, "a");
    assert_int_equal(f->processor.pending_count, 2);
    assert_int_equal(state_of(f, 2), SLOT_READY);
    answer_at(f, 1, ATTEMPT_OK);
    assert_int_equal(state_of(f, 2), SLOT_ATTEMPTING);
    assert_int_equal(state_of(f, 3), SLOT_READY);
    lane_abandon(&f->lane, &f->env);
    assert_int_equal(f->env.in_flight, 1);
}

static struct fake_answer full_for_b(void *ctx, const struct attempt *a)
{
    const bool *is_full = ctx;

    return (struct fake_answer){
        .later = true, .after_ms = -1, .is_full = *is_full && a->message->key[0] == 'b'};
}

static void a_record_that_the_processor_has_no_room_for_does_not_hold_the_others(void **state)
{
    struct fixture *f = *state;
    bool is_full = true;

    widen(f, LANE_ORDER_KEY);
    f->processor.decide = full_for_b;
    f->processor.decide_ctx = &is_full;
    take_keyed(f, "b");
    take_keyed(f, "a");
    assert_int_equal(state_of(f, 0), SLOT_READY);
    assert_int_equal(state_of(f, 1), SLOT_ATTEMPTING);
    assert_int_equal(slot_at(f, 0)->attempts, 0);
    is_full = false;
    lane_run(&f->lane, &f->env);
    assert_int_equal(state_of(f, 0), SLOT_ATTEMPTING);
    assert_int_equal(slot_at(f, 0)->attempts, 1);
    lane_abandon(&f->lane, &f->env);
}

static void what_the_processor_asks_for_delays_a_retry_within_bounds(void **state)
{
    struct fixture *f = *state;

    f->processor.otherwise = (struct fake_answer){.verdict = ATTEMPT_RETRY, .retry_after_ms = 700};
    take(f, VALID_ORDER);
    assert_int_equal(lane_due_ms(&f->lane) - f->env.now_ms, 700);
    f->processor.otherwise.retry_after_ms = INT64_MAX;
    sleep_to_deadline(f);
    assert_int_equal(lane_due_ms(&f->lane) - f->env.now_ms, 50000);
}

static void a_line_holds_what_the_processor_answered(void **state)
{
    struct fixture *f = *state;
    struct attempt_result r;

    f->policy.processor = "http";
    f->policy.retry.max_attempts = 2;
    f->processor.otherwise = (struct fake_answer){.later = true, .after_ms = -1};
    take(f, VALID_ORDER);
    sleep_ms(f, 12);
    fake_processor_answer(&f->processor, ATTEMPT_OK);
    f->processor_port.next_result(&f->processor, f->env.now_ms, &r);
    r.status = 201;
    r.receipt = "inv-\xff";
    r.receipt_len = 5;
    lane_answered(&f->lane, &f->env, &r);
    assert_non_null(strstr(f->line.data, "\"attempts\":1,\"processor\":{\"kind\":\"http\","
                                         "\"status\":201,\"ms\":12,"
                                         "\"receipt\":\"inv-\xef\xbf\xbd\"},"));
    take(f, INVALID_ORDER);
    report(f);
    assert_null(strstr(f->line.data, "\"processor\":"));
    take(f, VALID_ORDER);
    answer(f, ATTEMPT_REJECT);
    report(f);
    assert_non_null(strstr(f->line.data, "\"processor\":{\"kind\":\"http\",\"ms\":0},"));
}

/* ---- the breaker over several records ---- */

static void with_the_breaker_open_records_are_attempted_one_at_a_time(void **state)
{
    struct fixture *f = *state;

    widen(f, LANE_ORDER_NONE);
    f->policy.window = 5;
    f->policy.breaker.consecutive = 1;
    for (int i = 0; i < 3; i++)
        take_keyed(f, "a");
    answer_at(f, 0, ATTEMPT_REJECT);
    answer_at(f, 1, ATTEMPT_REJECT);
    take_keyed(f, "a");
    assert_int_equal(state_of(f, 0), SLOT_PROBING);
    assert_int_equal(state_of(f, 1), SLOT_PROBING);
    assert_int_equal(slot_at(f, 1)->deadline_ms - slot_at(f, 0)->deadline_ms, 7000);
    assert_int_equal(state_of(f, 3), SLOT_READY);
    answer_at(f, 2, ATTEMPT_OK); /* begun before the breaker opened: it is closed again */
    assert_int_equal(state_of(f, 0), SLOT_ATTEMPTING);
    assert_int_equal(state_of(f, 1), SLOT_ATTEMPTING);
    assert_int_equal(state_of(f, 3), SLOT_ATTEMPTING);
    lane_abandon(&f->lane, &f->env);
}

/* ---- the processor is unavailable ---- */

static void an_unavailable_processor_costs_no_attempt_and_is_probed_with_backoff(void **state)
{
    static const int64_t delays[] = {100,  200,   400,   800,   1600, 3200,
                                     6400, 12800, 25600, 30000, 30000};
    struct fixture *f = *state;

    f->processor.otherwise.verdict = ATTEMPT_UNAVAILABLE;
    take(f, VALID_ORDER);
    for (size_t i = 0; i < sizeof(delays) / sizeof(delays[0]); i++) {
        assert_held(f, SLOT_READY);
        assert_true(f->lane.outage.is_open);
        assert_int_equal(lane_due_ms(&f->lane) - f->env.now_ms, delays[i]);
        sleep_to_deadline(f);
    }
    f->processor.otherwise.verdict = ATTEMPT_OK;
    sleep_to_deadline(f);
    assert_settled(f, RECORD_PROCESSED, RECORD_REASON_NONE, 1);
    assert_false(f->lane.outage.is_open);
    assert_int_equal(f->sink.count, 0);
}

static void one_record_probes_while_the_others_wait(void **state)
{
    struct fixture *f = *state;

    widen(f, LANE_ORDER_NONE);
    for (int i = 0; i < 3; i++)
        take_keyed(f, "a");
    answer_at(f, 1, ATTEMPT_UNAVAILABLE);
    take_keyed(f, "a");
    answer_at(f, 2, ATTEMPT_OK); /* begun before: says nothing new */
    assert_true(f->lane.outage.is_open);
    assert_int_equal(state_of(f, 1), SLOT_READY);
    assert_int_equal(state_of(f, 3), SLOT_READY);
    sleep_to_deadline(f);
    assert_int_equal(state_of(f, 1), SLOT_ATTEMPTING);
    assert_int_equal(state_of(f, 3), SLOT_READY);
    answer_at(f, 1, ATTEMPT_RETRY);
    assert_false(f->lane.outage.is_open);
    assert_int_equal(state_of(f, 3), SLOT_ATTEMPTING);
    lane_abandon(&f->lane, &f->env);
}

static void an_outage_is_not_taken_from_the_time_for_all_attempts(void **state)
{
    struct fixture *f = *state;

    f->policy.retry.max_elapsed_ms = 1000;
    f->processor.otherwise.verdict = ATTEMPT_RETRY;
    take(f, VALID_ORDER);
    f->processor.otherwise.verdict = ATTEMPT_UNAVAILABLE;
    sleep_to_deadline(f);
    sleep_ms(f, 60000);
    f->processor.otherwise.verdict = ATTEMPT_RETRY;
    sleep_to_deadline(f);
    assert_held(f, SLOT_WAITING);
    assert_int_equal(f->sink.count, 0);
}

static void at_a_stop_an_unavailable_processor_is_asked_once_more(void **state)
{
    struct fixture *f = *state;

    widen(f, LANE_ORDER_NONE);
    for (int i = 0; i < 3; i++)
        take_keyed(f, "a");
    f->processor.otherwise = (struct fake_answer){.verdict = ATTEMPT_UNAVAILABLE};
    answer_at(f, 1, ATTEMPT_UNAVAILABLE);
    lane_hasten(&f->lane, &f->env);
    assert_int_equal(f->processor.starts, 4);
    assert_int_equal(f->lane.slots.count, 1); /* what is before it goes on */
    assert_int_equal(f->lane.position, 1);
    assert_true(f->lane.is_at_end);
    answer_at(f, 0, ATTEMPT_OK);
    assert_int_equal(f->settled, 1);
    assert_true(lane_is_idle(&f->lane));
}

/* ---- dropping a part ---- */

static void what_waits_is_dropped_with_all_behind_it(void **state)
{
    struct fixture *f = *state;

    widen(f, LANE_ORDER_NONE);
    for (int i = 0; i < 4; i++)
        take_keyed(f, "a");
    answer_at(f, 1, ATTEMPT_OK);
    answer_at(f, 2, ATTEMPT_RETRY);
    lane_cut_waiting(&f->lane, &f->env);
    assert_int_equal(f->lane.slots.count, 2);
    assert_int_equal(f->lane.position, 2);
    assert_int_equal(f->processor.cancels, 1);
    answer_at(f, 0, ATTEMPT_OK);
    assert_int_equal(f->settled, 2);
    assert_int_equal(f->lane.watermark.next, 2);
}

static void a_stop_handles_what_is_before_the_first_that_fails_again(void **state)
{
    struct fixture *f = *state;

    widen(f, LANE_ORDER_NONE);
    for (int i = 0; i < 4; i++)
        take_keyed(f, "a");
    answer_at(f, 3, ATTEMPT_OK);
    answer_at(f, 1, ATTEMPT_RETRY);
    lane_hasten(&f->lane, &f->env);
    assert_int_equal(state_of(f, 1), SLOT_ATTEMPTING);
    answer_at(f, 1, ATTEMPT_RETRY);
    answer_at(f, 2, ATTEMPT_OK);
    assert_int_equal(f->lane.slots.count, 4);
    lane_hasten(&f->lane, &f->env);
    assert_int_equal(f->lane.slots.count, 1);
    answer_at(f, 0, ATTEMPT_OK);
    assert_int_equal(f->settled, 1);
    assert_int_equal(f->lane.position, 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(an_order_is_processed_at_once),
        TEST(an_order_is_processed_by_a_later_answer),
        TEST(a_transient_failure_is_retried_after_its_delay),
        TEST(a_later_transient_answer_is_retried_too),
        TEST(a_used_up_budget_ends_in_a_dead_letter),
        TEST(the_time_for_all_attempts_is_a_budget_too),
        TEST(decorrelated_jitter_goes_on_from_the_delay_before),
        TEST(a_permanent_failure_is_a_dead_letter_at_once),
        TEST(too_many_failures_make_a_record_wait_for_one_more_attempt),
        TEST(a_record_that_fails_once_more_goes_to_the_dead_letters),
        TEST(broken_records_do_not_count_as_failures_of_processing),
        TEST(what_can_never_be_processed_is_a_dead_letter_unattempted),
        TEST(a_record_inherits_nothing_from_the_one_before),
        TEST(a_dead_letter_that_is_not_acknowledged_is_sent_again_without_limit),
        TEST(a_dead_letter_that_is_refused_is_sent_again_without_limit),
        TEST(a_full_sink_is_asked_again_soon),
        TEST(a_dead_letter_that_is_too_large_goes_without_its_value),
        TEST(what_is_still_too_large_goes_without_headers_and_then_without_its_key),
        TEST(a_record_that_no_form_is_small_enough_for_waits_and_begins_with_the_whole),
        TEST(without_dead_letters_a_failed_record_is_dropped_with_its_bytes),
        TEST(without_dead_letters_the_lane_halts_if_told_to),
        TEST(the_payload_is_told_as_the_user_chose),
        TEST(the_latency_counts_from_the_order_else_from_the_record_else_not),
        TEST(an_abandoned_record_leaves_no_trace_and_comes_again),
        TEST(abandoning_an_idle_lane_changes_nothing),
        TEST(a_last_chance_never_ends_in_a_dead_letter),
        TEST(lines_are_written_in_order_whatever_is_answered_first),
        TEST(a_full_window_has_no_room_until_its_oldest_record_has_its_line),
        TEST(records_of_one_key_are_processed_one_after_the_other),
        TEST(a_key_is_held_until_the_dead_letter_before_it_is_acknowledged),
        TEST(a_record_that_is_settled_before_its_turn_holds_its_key_no_more),
        TEST(records_without_a_key_or_with_an_empty_one_hold_as_they_should),
        TEST(the_attempts_under_way_are_bounded_over_all_lanes),
        TEST(a_record_that_the_processor_has_no_room_for_does_not_hold_the_others),
        TEST(what_the_processor_asks_for_delays_a_retry_within_bounds),
        TEST(a_line_holds_what_the_processor_answered),
        TEST(with_the_breaker_open_records_are_attempted_one_at_a_time),
        TEST(an_unavailable_processor_costs_no_attempt_and_is_probed_with_backoff),
        TEST(one_record_probes_while_the_others_wait),
        TEST(an_outage_is_not_taken_from_the_time_for_all_attempts),
        TEST(at_a_stop_an_unavailable_processor_is_asked_once_more),
        TEST(what_waits_is_dropped_with_all_behind_it),
        TEST(a_stop_handles_what_is_before_the_first_that_fails_again),
        TEST(answers_to_earlier_records_of_the_partition_are_not_believed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
