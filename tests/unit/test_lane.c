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
    struct record last;
    struct strbuf line; /* of `last` */
};

static void on_settled(void *ctx, struct lane *lane, const struct record *r)
{
    struct fixture *f = ctx;

    assert_ptr_equal(lane, &f->lane);
    f->settled++;
    f->last = *r;
    strbuf_reset(&f->line);
    record_write(r, &f->line);
}

static void on_retried(void *ctx, struct lane *lane)
{
    (void)lane;
    ((struct fixture *)ctx)->retried++;
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

/* Time goes on to the lane's deadline. */
static void sleep_to_deadline(struct fixture *f)
{
    int64_t ms = f->lane.deadline_ms - f->env.now_ms;

    assert_true(ms >= 0);
    f->env.now_ms += ms;
    f->env.wall_ms += ms;
    lane_wake(&f->lane, &f->env);
}

static void answer(struct fixture *f, enum attempt_verdict verdict)
{
    struct attempt_result r;

    fake_processor_answer(&f->processor, verdict);
    assert_int_equal(f->processor_port.next_result(&f->processor, f->env.now_ms, &r), 1);
    assert_int_equal(r.tag, lane_tag(&f->lane));
    lane_answered(&f->lane, &f->env, &r);
}

static void report(struct fixture *f)
{
    struct sink_report r;

    assert_int_equal(f->lane.state, LANE_SENDING);
    assert_int_equal(f->sink_port.next_report(&f->sink, &r), 1);
    assert_int_equal(r.tag, lane_tag(&f->lane));
    lane_reported(&f->lane, &f->env, &r);
}

static void assert_settled(const struct fixture *f, enum record_outcome outcome,
                           enum record_reason reason, int attempts)
{
    assert_int_equal(f->settled, 1);
    assert_int_equal(f->last.outcome, outcome);
    assert_int_equal(f->last.reason, reason);
    assert_int_equal(f->last.attempts, attempts);
    assert_int_equal(f->lane.state, LANE_IDLE);
    assert_int_equal(f->source.outstanding, 0);
    assert_int_equal(f->lane.told.next, f->last.offset + 1);
}

static void assert_held(const struct fixture *f, enum lane_state state)
{
    assert_int_equal(f->lane.state, state);
    assert_int_equal(f->settled, 0);
    assert_int_equal(f->source.outstanding, 1);
    assert_int_equal(f->lane.told.next, -1);
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
    assert_held(f, LANE_ATTEMPTING);
    answer(f, ATTEMPT_OK);
    assert_settled(f, RECORD_PROCESSED, RECORD_REASON_NONE, 1);
}

static void a_transient_failure_is_retried_after_its_delay(void **state)
{
    static const struct fake_answer steps[] = {{.verdict = ATTEMPT_TRANSIENT},
                                               {.verdict = ATTEMPT_TRANSIENT}};
    struct fixture *f = *state;

    f->processor.steps = steps;
    f->processor.step_count = 2;
    take(f, VALID_ORDER);
    assert_held(f, LANE_WAITING);
    assert_int_equal(f->lane.deadline_ms, 5100);
    assert_int_equal(fake_log_count(&f->log, "attempt failed, retrying"), 1);
    sleep_to_deadline(f);
    assert_held(f, LANE_WAITING);
    assert_int_equal(f->lane.deadline_ms, 5300);
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
    answer(f, ATTEMPT_TRANSIENT);
    assert_held(f, LANE_WAITING);
    sleep_to_deadline(f);
    assert_held(f, LANE_ATTEMPTING);
    answer(f, ATTEMPT_OK);
    assert_settled(f, RECORD_PROCESSED, RECORD_REASON_NONE, 2);
}

static void a_used_up_budget_ends_in_a_dead_letter(void **state)
{
    struct fixture *f = *state;

    f->processor.otherwise.verdict = ATTEMPT_TRANSIENT;
    take(f, VALID_ORDER);
    sleep_to_deadline(f);
    sleep_to_deadline(f);
    assert_held(f, LANE_SENDING); /* sent is not yet acknowledged */
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
    f->processor.otherwise.verdict = ATTEMPT_TRANSIENT;
    take(f, VALID_ORDER);
    for (int i = 0; i < 3; i++)
        sleep_to_deadline(f);
    assert_held(f, LANE_SENDING);
    assert_int_equal(f->processor.starts, 4);
}

static void decorrelated_jitter_goes_on_from_the_delay_before(void **state)
{
    struct fixture *f = *state;
    int64_t longest = 0;

    f->policy.retry.jitter = RETRY_JITTER_DECORRELATED;
    f->policy.retry.max_attempts = 100;
    f->policy.retry.max_delay_ms = 3000000;
    f->processor.otherwise.verdict = ATTEMPT_TRANSIENT;
    rng_seed(&f->env.rng, 5);
    take(f, VALID_ORDER);
    for (int i = 0; i < 98; i++) {
        int64_t delay = f->lane.deadline_ms - f->env.now_ms;

        longest = delay > longest ? delay : longest;
        sleep_to_deadline(f);
    }
    /* From nothing before, no delay is longer than three times the initial one. */
    assert_true(longest > 1000);
}

static void a_permanent_failure_is_a_dead_letter_at_once(void **state)
{
    struct fixture *f = *state;

    f->processor.otherwise.verdict = ATTEMPT_PERMANENT;
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
    f->processor.otherwise.verdict = ATTEMPT_PERMANENT;
    take(f, VALID_ORDER);
    report(f);
    take(f, VALID_ORDER);
    assert_int_equal(f->lane.state, LANE_PROBING);
    assert_int_equal(f->lane.deadline_ms, f->env.now_ms + 7000);
    assert_int_equal(f->settled, 1);
    f->processor.otherwise.verdict = ATTEMPT_OK;
    lane_wake(&f->lane, &f->env);
    assert_int_equal(f->settled, 2);
    assert_int_equal(f->last.outcome, RECORD_PROCESSED);
    assert_int_equal(f->last.attempts, 1);
    assert_false(f->lane.breaker.is_open);
}

static void a_record_that_fails_once_more_goes_to_the_dead_letters(void **state)
{
    struct fixture *f = *state;

    f->policy.breaker.consecutive = 1;
    f->processor.otherwise.verdict = ATTEMPT_PERMANENT;
    take(f, VALID_ORDER);
    assert_int_equal(f->lane.state, LANE_PROBING);
    lane_wake(&f->lane, &f->env);
    assert_int_equal(f->lane.state, LANE_SENDING);
    report(f);
    assert_settled(f, RECORD_DEAD_LETTERED, RECORD_PROCESS, 1);
    take(f, VALID_ORDER);
    assert_int_equal(f->lane.state, LANE_PROBING);
}

static void broken_records_do_not_count_as_failures_of_processing(void **state)
{
    struct fixture *f = *state;

    f->policy.breaker.consecutive = 1;
    take(f, INVALID_ORDER);
    assert_int_equal(f->lane.state, LANE_SENDING);
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

    f->processor.otherwise.verdict = ATTEMPT_TRANSIENT;
    f->sink.steps = &too_large;
    f->sink.step_count = 1;
    take(f, VALID_ORDER);
    sleep_to_deadline(f);
    sleep_to_deadline(f);
    report(f);
    assert_string_equal(fake_sink_header(&f->sink, 1, "dlq.value-omitted"), "true");
    f->settled = 0;
    f->processor.otherwise.verdict = ATTEMPT_PERMANENT;
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
        assert_held(f, LANE_BLOCKED);
        assert_int_equal(f->lane.deadline_ms - f->env.now_ms, expected);
        expected = expected * 2 < 30000 ? expected * 2 : 30000;
        sleep_to_deadline(f);
    }
    assert_int_equal(fake_log_count(&f->log, "dead letter not accepted, partition waits"),
                     by_report ? 100 : 101);
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
        assert_held(f, LANE_BLOCKED);
        assert_int_equal(f->lane.deadline_ms - f->env.now_ms, 500);
        sleep_to_deadline(f);
    }
    assert_int_equal(fake_log_count(&f->log, "dead letter not accepted, partition waits"), 0);
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
    assert_held(f, LANE_BLOCKED);
    assert_int_equal(f->sink.count, 4);
    said = fake_log_last(&f->log, "dead letter not accepted, partition waits");
    assert_non_null(said);
    assert_non_null(strstr(said->error, "raise max.message.bytes of the topic orders-dlq"));
    sleep_to_deadline(f);
    assert_held(f, LANE_BLOCKED);
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
    assert_held(f, LANE_HALTED);
    lane_wake(&f->lane, &f->env);
    assert_held(f, LANE_HALTED);
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
        {LANE_PAYLOAD_BOTH, ATTEMPT_PERMANENT, true, true},
        {LANE_PAYLOAD_RAW, ATTEMPT_OK, true, false},
        {LANE_PAYLOAD_RAW, ATTEMPT_PERMANENT, true, false},
        {LANE_PAYLOAD_FAILURES, ATTEMPT_OK, false, false},
        {LANE_PAYLOAD_FAILURES, ATTEMPT_PERMANENT, true, true},
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
        enum lane_state state;
        struct fake_answer answer;
        struct fake_send send;
    } cases[] = {
        {LANE_ATTEMPTING, {.later = true, .after_ms = -1}, {SEND_TAKEN, SINK_OK, false}},
        {LANE_WAITING, {.verdict = ATTEMPT_TRANSIENT}, {SEND_TAKEN, SINK_OK, false}},
        {LANE_SENDING, {.verdict = ATTEMPT_PERMANENT}, {SEND_TAKEN, SINK_OK, true}},
        {LANE_BLOCKED, {.verdict = ATTEMPT_PERMANENT}, {SEND_FAILED, SINK_TROUBLE, false}},
    };
    struct fixture *f = *state;

    take(f, VALID_ORDER);
    f->settled = 0;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        f->lane.told.next = -1;
        f->processor.otherwise = cases[i].answer;
        f->sink.otherwise = cases[i].send;
        take(f, VALID_ORDER);
        assert_held(f, cases[i].state);
        lane_abandon(&f->lane, &f->env);
        assert_int_equal(f->lane.state, LANE_IDLE);
        assert_int_equal(f->source.outstanding, 0);
        assert_int_equal(f->settled, 0);
        assert_int_equal(f->lane.told.next, -1);
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
    assert_int_equal(f->lane.told.next, 1);
}

/* At a stop the backoff is cut short; that must not be what makes a dead letter of a record. */
static void a_last_chance_never_ends_in_a_dead_letter(void **state)
{
    struct fixture *f = *state;

    f->policy.retry.max_attempts = 2;
    f->processor.otherwise.verdict = ATTEMPT_TRANSIENT;
    take(f, VALID_ORDER);
    f->lane.had_last_chance = true;
    lane_wake(&f->lane, &f->env);
    assert_held(f, LANE_WAITING);
    assert_int_equal(f->processor.starts, 2);
    assert_int_equal(f->sink.count, 0);
}

static void answers_to_earlier_lanes_of_the_partition_have_another_tag(void **state)
{
    struct lane a, b, c;

    (void)state;
    lane_init(&a, 7, 1);
    lane_init(&b, 7, 2);
    lane_init(&c, 8, 1);
    assert_true(lane_tag(&a) != lane_tag(&b));
    assert_true(lane_tag(&a) != lane_tag(&c));
    assert_true(lane_tag(&b) != lane_tag(&c));
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
        cmocka_unit_test(answers_to_earlier_lanes_of_the_partition_have_another_tag),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
