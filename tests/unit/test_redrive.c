#include "flow/redrive.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "support/fake_clock.h"
#include "support/fake_log.h"
#include "support/fake_sink.h"
#include "support/fake_source.h"

#define TEXT(n, v)                                            \
    {                                                         \
        .name = (n), .value = (v), .value_len = sizeof(v) - 1 \
    }

#define OURS TEXT("__dlq.errors.topic", "orders"), TEXT("dlq.id", "i")

static const struct header process[] = {OURS, TEXT("dlq.reason", "PROCESS")};
static const struct header validate[] = {OURS, TEXT("dlq.reason", "VALIDATE")};
static const struct header worn[] = {OURS, TEXT("dlq.reason", "PROCESS"),
                                     TEXT("dlq.replay-count", "3")};
static const struct header omitted[] = {OURS, TEXT("dlq.reason", "PROCESS"),
                                        TEXT("dlq.value-omitted", "true")};
static const struct header foreign[] = {TEXT("who", "knows")};

struct fixture {
    struct fake_clock clock;
    struct fake_source source;
    struct fake_sink fake_sink;
    struct fake_log fake_log;
    struct source port;
    struct sink sink;
    struct log log;
    struct redrive_policy policy;
    struct redrive redrive;
};

static int set_up(void **state)
{
    struct fixture *f = test_calloc(1, sizeof(*f));

    f->clock.mono = 5000;
    f->port = fake_source_port(&f->source);
    f->sink = fake_sink_port(&f->fake_sink);
    f->log = fake_log_port(&f->fake_log);
    f->policy.replay = (struct replay_policy){.dlq_topic = "orders-dlq", .max_replays = 3};
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    redrive_release(&f->redrive);
    fake_sink_release(&f->fake_sink);
    fake_source_release(&f->source);
    fake_log_release(&f->fake_log);
    test_free(f);
    return 0;
}

#define ADD(f, partition, headers) \
    add(f, partition, headers, sizeof(headers) / sizeof((headers)[0]))

static void add(struct fixture *f, int32_t partition, const struct header *headers, size_t count)
{
    fake_source_add(&f->source, partition, "value");
    fake_source_set_headers(&f->source, partition, headers, count);
}

static void begin(struct fixture *f)
{
    redrive_init(&f->redrive, &f->policy, f->policy.is_dry ? NULL : &f->sink, &f->log,
                 f->clock.mono);
}

static void begin_pass(struct fixture *f, enum record_reason reason, int32_t partitions)
{
    for (int32_t i = 0; i < partitions; i++)
        f->source.partitions[i].is_ours = false; /* a source of its own */
    fake_source_assign(&f->source, 0, partitions - 1);
    redrive_begin_pass(&f->redrive, reason, &f->port);
}

static int turn(struct fixture *f)
{
    struct err e = {0};
    int ms = redrive_turn(&f->redrive, f->clock.mono, &e);

    assert_true(ms >= 0 && ms <= 200);
    return ms;
}

static void turns(struct fixture *f, int n)
{
    for (int i = 0; i < n; i++)
        turn(f);
}

/* A whole pass. Returns the milliseconds it took. */
static int64_t run_pass(struct fixture *f, enum record_reason reason, int32_t partitions)
{
    int64_t began = f->clock.mono;

    begin_pass(f, reason, partitions);
    for (int i = 0; i < 100000; i++) {
        int ms = turn(f);

        if (redrive_pass_is_done(&f->redrive))
            break;
        if (redrive_in_flight(&f->redrive) == 0) /* else a report wakes it */
            fake_clock_advance(&f->clock, ms);
    }
    assert_true(redrive_pass_is_done(&f->redrive));
    redrive_end_pass(&f->redrive);
    return f->clock.mono - began;
}

static int64_t committed(const struct fixture *f, int partition)
{
    return f->source.partitions[partition].committed;
}

/* ---- what is sent ---- */

static void a_pass_sends_its_reason_and_passes_over_the_others(void **state)
{
    struct fixture *f = *state;

    ADD(f, 0, process);
    ADD(f, 0, validate);
    ADD(f, 0, process);
    ADD(f, 1, validate);
    begin(f);
    run_pass(f, RECORD_PROCESS, 2);
    assert_int_equal(f->fake_sink.count, 2);
    assert_string_equal(f->fake_sink.sent[0].record.topic, "orders");
    assert_string_equal(fake_sink_header(&f->fake_sink, 0, "dlq.replay-count"), "1");
    assert_null(fake_sink_header(&f->fake_sink, 0, "dlq.reason"));
    assert_int_equal(committed(f, 0), 3);
    assert_int_equal(committed(f, 1), 1);
    assert_int_equal(f->redrive.counts.sent, 2);
    assert_int_equal(f->redrive.counts.acknowledged, 2);
}

static void what_stays_and_what_cannot_go_is_counted_and_passed(void **state)
{
    struct fixture *f = *state;

    ADD(f, 0, worn);
    ADD(f, 0, omitted);
    ADD(f, 0, process);
    ADD(f, 0, foreign);
    begin(f);
    run_pass(f, RECORD_PROCESS, 1);
    assert_int_equal(f->fake_sink.count, 1);
    assert_int_equal(committed(f, 0), 4);
    f->source.partitions[0].committed = 0; /* the group of the other reason */
    run_pass(f, RECORD_REASON_NONE, 1);
    assert_int_equal(f->fake_sink.count, 1);
    assert_int_equal(committed(f, 0), 4);
    assert_int_equal(f->redrive.table.totals[REDRIVE_GOES], 1);
    assert_int_equal(f->redrive.table.totals[REDRIVE_STAYS], 1);
    assert_int_equal(f->redrive.table.totals[REDRIVE_NO_VALUE], 1);
    assert_int_equal(f->redrive.table.totals[REDRIVE_FOREIGN], 1);
}

static void a_dry_run_counts_and_changes_nothing(void **state)
{
    struct fixture *f = *state;

    ADD(f, 0, process);
    ADD(f, 0, worn);
    ADD(f, 0, validate);
    f->policy.is_dry = true;
    begin(f);
    run_pass(f, RECORD_PROCESS, 1);
    run_pass(f, RECORD_VALIDATE, 1);
    assert_int_equal(f->fake_sink.count, 0);
    assert_int_equal(committed(f, 0), 0);
    assert_int_equal(f->redrive.table.totals[REDRIVE_GOES], 2);
    assert_int_equal(f->redrive.table.totals[REDRIVE_STAYS], 1);
    assert_int_equal(f->redrive.counts.sent, 0);
}

static void a_second_run_sends_nothing(void **state)
{
    struct fixture *f = *state;

    for (int i = 0; i < 5; i++)
        ADD(f, 0, process);
    begin(f);
    run_pass(f, RECORD_PROCESS, 1);
    redrive_release(&f->redrive);
    begin(f);
    run_pass(f, RECORD_PROCESS, 1);
    assert_int_equal(f->fake_sink.count, 5);
}

/* ---- progress ---- */

static void progress_is_the_prefix_that_is_acknowledged(void **state)
{
    struct fixture *f = *state;

    for (int i = 0; i < 4; i++)
        ADD(f, 0, process);
    ADD(f, 0, validate);
    f->fake_sink.otherwise.report_later = true;
    begin(f);
    begin_pass(f, RECORD_PROCESS, 1);
    turns(f, 3);
    assert_int_equal(f->fake_sink.count, 4);
    assert_int_equal(committed(f, 0), 0);
    fake_sink_report(&f->fake_sink, 2, SINK_OK);
    fake_sink_report(&f->fake_sink, 1, SINK_OK);
    turns(f, 2);
    assert_int_equal(committed(f, 0), 0);
    fake_sink_report(&f->fake_sink, 0, SINK_OK);
    turns(f, 1);
    assert_int_equal(committed(f, 0), 3);
    assert_false(redrive_pass_is_done(&f->redrive));
    assert_int_equal(redrive_in_flight(&f->redrive), 1);
    fake_sink_report(&f->fake_sink, 3, SINK_OK);
    turns(f, 1);
    assert_int_equal(committed(f, 0), 5);
    assert_true(redrive_pass_is_done(&f->redrive));
    redrive_end_pass(&f->redrive);
}

static void partitions_do_not_hold_up_each_other(void **state)
{
    struct fixture *f = *state;

    ADD(f, 0, process);
    ADD(f, 1, process);
    ADD(f, 1, process);
    f->fake_sink.otherwise.report_later = true;
    begin(f);
    begin_pass(f, RECORD_PROCESS, 2);
    turns(f, 2);
    for (size_t i = 0; i < 3; i++)
        if (f->fake_sink.sent[i].tag != 0)
            fake_sink_report(&f->fake_sink, i, SINK_OK);
    turns(f, 1);
    assert_int_equal(committed(f, 0), 0);
    assert_int_equal(committed(f, 1), 2);
    fake_sink_report(&f->fake_sink, 0, SINK_OK);
    turns(f, 1);
    redrive_end_pass(&f->redrive);
}

static void after_a_refusal_the_partition_is_left_and_others_go_on(void **state)
{
    const struct fake_send steps[] = {{0}, {0}, {.status = SINK_TOO_LARGE}};
    struct fixture *f = *state;

    for (int i = 0; i < 4; i++) {
        ADD(f, 0, process);
        ADD(f, 1, process);
    }
    f->fake_sink.steps = steps;
    f->fake_sink.step_count = 3; /* 0/0, 1/0, and 0/1 is refused */
    f->policy.rate = 1000;       /* one by one */
    begin(f);
    run_pass(f, RECORD_PROCESS, 2);
    assert_int_equal(f->redrive.counts.failed, 1);
    assert_non_null(strstr(f->redrive.counts.last_failure, "orders-dlq partition 0 offset 1: "));
    assert_int_equal(committed(f, 0), 1);
    assert_int_equal(committed(f, 1), 4);
    redrive_release(&f->redrive);
    begin(f);
    run_pass(f, RECORD_PROCESS, 2);
    assert_int_equal(committed(f, 0), 4);
}

static void what_the_sink_refuses_at_once_is_not_passed_either(void **state)
{
    const struct fake_send steps[] = {{.result = SEND_FAILED, .status = SINK_TROUBLE}};
    struct fixture *f = *state;

    ADD(f, 0, process);
    ADD(f, 0, process);
    f->fake_sink.steps = steps;
    f->fake_sink.step_count = 1;
    begin(f);
    run_pass(f, RECORD_PROCESS, 1);
    assert_int_equal(f->redrive.counts.failed, 1);
    assert_int_equal(f->redrive.counts.sent, 0);
    assert_int_equal(committed(f, 0), 0);
}

static void a_full_sink_is_tried_again(void **state)
{
    const struct fake_send steps[] = {{.result = SEND_FULL}, {.result = SEND_FULL}};
    struct fixture *f = *state;

    ADD(f, 0, process);
    f->fake_sink.steps = steps;
    f->fake_sink.step_count = 2;
    begin(f);
    run_pass(f, RECORD_PROCESS, 1);
    assert_int_equal(f->redrive.counts.sent, 1);
    assert_int_equal(committed(f, 0), 1);
}

static void only_so_many_are_under_way_and_all_arrive(void **state)
{
    struct fixture *f = *state;

    for (int i = 0; i < 2 * REDRIVE_WINDOW + 10; i++)
        ADD(f, i % 3, process);
    f->fake_sink.otherwise.report_later = true;
    begin(f);
    begin_pass(f, RECORD_PROCESS, 3);
    turns(f, 10);
    assert_int_equal(f->fake_sink.count, REDRIVE_WINDOW);
    /* From the last to the first: nothing is settled until the first comes. */
    for (size_t i = REDRIVE_WINDOW; i-- > 1;)
        fake_sink_report(&f->fake_sink, i, SINK_OK);
    turns(f, 10);
    assert_int_equal(f->fake_sink.count, REDRIVE_WINDOW);
    f->fake_sink.otherwise.report_later = false;
    fake_sink_report(&f->fake_sink, 0, SINK_OK);
    turns(f, 20);
    assert_true(redrive_pass_is_done(&f->redrive));
    assert_int_equal(f->fake_sink.count, 2 * REDRIVE_WINDOW + 10);
    assert_int_equal(committed(f, 0) + committed(f, 1) + committed(f, 2), 2 * REDRIVE_WINDOW + 10);
    redrive_end_pass(&f->redrive);
}

/* ---- where it begins and ends ---- */

static void it_goes_on_where_the_group_was(void **state)
{
    struct fixture *f = *state;

    for (int i = 0; i < 5; i++)
        ADD(f, 0, process);
    f->source.partitions[0].committed = 3;
    begin(f);
    run_pass(f, RECORD_PROCESS, 1);
    assert_int_equal(f->source.partitions[0].start, 3);
    assert_int_equal(f->fake_sink.count, 2);
}

static void what_retention_took_is_told(void **state)
{
    struct fixture *f = *state;

    for (int i = 0; i < 5; i++)
        ADD(f, 0, process);
    f->source.partitions[0].committed = 1;
    f->source.partitions[0].low = 3;
    begin(f);
    run_pass(f, RECORD_PROCESS, 1);
    assert_int_equal(f->source.partitions[0].start, 3);
    assert_int_equal(
        fake_log_count(&f->fake_log, "dead letters can no longer be read, going on behind them"),
        1);
}

/* The fake's commits may not go back, as the broker's may: here it is the start that counts. */
static void a_topic_that_was_made_anew_is_read_from_its_start(void **state)
{
    struct fixture *f = *state;

    ADD(f, 0, process);
    f->source.partitions[0].committed = 9;
    f->policy.is_dry = true;
    begin(f);
    run_pass(f, RECORD_PROCESS, 1);
    assert_int_equal(f->source.partitions[0].start, 0);
    assert_int_equal(f->redrive.table.totals[REDRIVE_GOES], 1);
    assert_int_equal(f->fake_log.count, 1);
}

static void it_ends_where_the_topic_ended_at_the_start_of_the_run(void **state)
{
    struct fixture *f = *state;

    ADD(f, 0, process);
    ADD(f, 0, validate);
    begin(f);
    begin_pass(f, RECORD_PROCESS, 1);
    f->source.partitions[0].is_slow = true;
    turns(f, 1);
    ADD(f, 0, process); /* comes while it runs */
    f->source.partitions[0].is_slow = false;
    turns(f, 3);
    assert_true(redrive_pass_is_done(&f->redrive));
    redrive_end_pass(&f->redrive);
    assert_int_equal(committed(f, 0), 2);
    ADD(f, 0, validate);
    ADD(f, 1, validate); /* even its partition is new */
    f->source.partitions[0].committed = 0;
    run_pass(f, RECORD_VALIDATE, 2);
    assert_int_equal(f->fake_sink.count, 2);
    assert_int_equal(committed(f, 0), 2);
    assert_int_equal(committed(f, 1), 0);
}

static void gaps_at_the_end_do_not_keep_it_waiting(void **state)
{
    struct fixture *f = *state;

    ADD(f, 0, process);
    fake_source_skip(&f->source, 0, 5);
    begin(f);
    run_pass(f, RECORD_PROCESS, 1);
    assert_int_equal(committed(f, 0), 6);
}

static void an_empty_topic_is_done_at_once(void **state)
{
    struct fixture *f = *state;

    begin(f);
    assert_int_equal(run_pass(f, RECORD_PROCESS, 2), 0);
    assert_int_equal(f->source.partitions[0].fetches, 0);
}

static void a_pass_is_not_done_before_the_partitions_are_known(void **state)
{
    struct fixture *f = *state;

    begin(f);
    redrive_begin_pass(&f->redrive, RECORD_PROCESS, &f->port);
    turns(f, 3);
    assert_false(redrive_pass_is_done(&f->redrive));
    redrive_stop(&f->redrive);
    assert_true(redrive_pass_is_done(&f->redrive));
    redrive_end_pass(&f->redrive);
}

static void a_dead_source_is_told(void **state)
{
    struct fixture *f = *state;
    struct err e = {0};

    f->source.fail_serve_at = 1;
    begin(f);
    begin_pass(f, RECORD_PROCESS, 1);
    assert_int_equal(redrive_turn(&f->redrive, f->clock.mono, &e), -1);
    assert_string_equal(e.text, "the source is dead");
    redrive_end_pass(&f->redrive);
}

/* ---- limits and stop ---- */

static void max_counts_over_all_passes(void **state)
{
    struct fixture *f = *state;

    for (int i = 0; i < 3; i++) {
        ADD(f, 0, process);
        ADD(f, 0, validate);
    }
    f->policy.max = 4;
    begin(f);
    run_pass(f, RECORD_PROCESS, 1);
    assert_false(f->redrive.is_ended);
    assert_int_equal(committed(f, 0), 6);
    f->source.partitions[0].committed = 0;
    run_pass(f, RECORD_VALIDATE, 1);
    assert_true(f->redrive.is_ended);
    assert_int_equal(f->fake_sink.count, 4);
    assert_int_equal(committed(f, 0), 2); /* behind the one that was sent */
}

static void the_rate_is_kept_over_all_passes(void **state)
{
    struct fixture *f = *state;
    int64_t ms;

    for (int i = 0; i < 50; i++) {
        ADD(f, 0, process);
        ADD(f, 0, validate);
    }
    f->policy.rate = 20;
    begin(f);
    ms = run_pass(f, RECORD_PROCESS, 1);
    f->source.partitions[0].committed = 0;
    ms += run_pass(f, RECORD_VALIDATE, 1);
    assert_int_equal(f->fake_sink.count, 100);
    assert_in_range(ms, 99 * 50, 100 * 50);
}

/* What was not used while nothing could be sent is not made up for by a burst. */
static void after_a_pause_there_is_no_burst(void **state)
{
    struct fixture *f = *state;

    for (int i = 0; i < 100; i++)
        ADD(f, 0, process);
    f->policy.rate = 10;
    begin(f);
    begin_pass(f, RECORD_PROCESS, 1);
    turns(f, 3);
    assert_int_equal(f->fake_sink.count, 1);
    fake_clock_advance(&f->clock, 60000);
    turns(f, 30);
    assert_in_range(f->fake_sink.count, 2, 4);
    redrive_stop(&f->redrive);
    turns(f, 1);
    redrive_end_pass(&f->redrive);
}

static void a_rate_finer_than_the_clock_is_kept(void **state)
{
    struct fixture *f = *state;
    int64_t ms;

    for (int i = 0; i < 6000; i++)
        ADD(f, 0, process);
    f->policy.rate = 3000;
    begin(f);
    ms = run_pass(f, RECORD_PROCESS, 1);
    assert_in_range(ms, 1900, 2100);
}

static void a_stop_waits_for_what_is_under_way_and_for_nothing_else(void **state)
{
    struct fixture *f = *state;

    for (int i = 0; i < 10; i++)
        ADD(f, 0, process);
    f->policy.rate = 10;
    f->fake_sink.otherwise.report_later = true;
    begin(f);
    begin_pass(f, RECORD_PROCESS, 1);
    turns(f, 2); /* one is sent, one is held */
    redrive_stop(&f->redrive);
    assert_int_equal(f->source.outstanding, 0);
    fake_clock_advance(&f->clock, 10000);
    turns(f, 2);
    assert_int_equal(f->fake_sink.count, 1);
    assert_false(redrive_pass_is_done(&f->redrive));
    fake_sink_report(&f->fake_sink, 0, SINK_OK);
    turns(f, 1);
    assert_true(redrive_pass_is_done(&f->redrive));
    assert_int_equal(committed(f, 0), 1);
    redrive_end_pass(&f->redrive);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_pass_sends_its_reason_and_passes_over_the_others),
        TEST(what_stays_and_what_cannot_go_is_counted_and_passed),
        TEST(a_dry_run_counts_and_changes_nothing),
        TEST(a_second_run_sends_nothing),
        TEST(progress_is_the_prefix_that_is_acknowledged),
        TEST(partitions_do_not_hold_up_each_other),
        TEST(after_a_refusal_the_partition_is_left_and_others_go_on),
        TEST(what_the_sink_refuses_at_once_is_not_passed_either),
        TEST(a_full_sink_is_tried_again),
        TEST(only_so_many_are_under_way_and_all_arrive),
        TEST(it_goes_on_where_the_group_was),
        TEST(what_retention_took_is_told),
        TEST(a_topic_that_was_made_anew_is_read_from_its_start),
        TEST(it_ends_where_the_topic_ended_at_the_start_of_the_run),
        TEST(gaps_at_the_end_do_not_keep_it_waiting),
        TEST(an_empty_topic_is_done_at_once),
        TEST(a_pass_is_not_done_before_the_partitions_are_known),
        TEST(a_dead_source_is_told),
        TEST(max_counts_over_all_passes),
        TEST(the_rate_is_kept_over_all_passes),
        TEST(after_a_pause_there_is_no_burst),
        TEST(a_rate_finer_than_the_clock_is_kept),
        TEST(a_stop_waits_for_what_is_under_way_and_for_nothing_else),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
