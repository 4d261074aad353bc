#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/mem.h"
#include "base/strbuf.h"
#include "model/record.h"
#include "support/feed_log.h"
#include "support/usual_limits.h"
#include "view/figures.h"
#include "view/health.h"

#define NOW INT64_C(1795367071402) /* 2026-11-22T17:04:31.402Z */

static int set_up(void **state)
{
    *state = dash_new(100, 20);
    return 0;
}

static int tear_down(void **state)
{
    dash_free(*state);
    return 0;
}

/* A line as the tracker writes it. */
static struct record message(int32_t partition, int64_t offset, int64_t at_ms)
{
    static const char order[] =
        "{\"status\":\"pending\",\"customer_info\":{\"customer_id\":\"client07\"},"
        "\"total\":5.5,\"currency\":\"EUR\"}";

    return (struct record){
        .timestamp_ms = at_ms,
        .event = RECORD_RECEIVED,
        .topic = "orders",
        .partition = partition,
        .offset = offset,
        .value = order,
        .value_len = sizeof(order) - 1,
        .deserialized = true,
        .kafka_timestamp_ms = at_ms - 10,
        .outcome = RECORD_PROCESSED,
        .attempts = 1,
        .latency_ms = 12,
        .order_id = "8f3a0000-0000-0000-0000-0000000000c1",
        .with_raw = true,
        .with_order = true,
    };
}

static struct record failure(int32_t partition, int64_t offset, int64_t at_ms, const char *error)
{
    struct record r = message(partition, offset, at_ms);

    r.event = RECORD_DESERIALIZATION_ERROR;
    r.deserialized = false;
    r.error = error;
    r.outcome = RECORD_DEAD_LETTERED;
    r.reason = RECORD_DESERIALIZE;
    r.order_id = NULL;
    r.dlq_topic = "orders-dlq";
    return r;
}

static void feed_text(struct dash *d, const char *text, size_t len)
{
    struct journal_line line;
    struct place place = {.len = len};

    assert_int_equal(journal_line_parse(&line, text, len), 0);
    dash_event(d, &line, &place, NOW);
}

static void feed(struct dash *d, struct record r)
{
    struct strbuf line = {0};

    record_write(&r, &line);
    feed_text(d, line.data, line.len - 1);
    strbuf_release(&line);
}

static struct figures take(const struct dash *d)
{
    struct figures f = {0};

    figures_take(&f, d, &usual_limits, NOW);
    health_take(&f, &usual_limits);
    free(f.partitions);
    f.partitions = NULL;
    return f;
}

static void nothing_read_means_nothing_known(void **state)
{
    struct figures f = take(*state);

    assert_int_equal(f.state, FLOW_WAITING);
    assert_int_equal(f.health.level, LEVEL_UNKNOWN);
    assert_true(isnan(f.rate_10s.per_second));
    assert_true(isnan(f.success_60s));
    assert_true(isnan(f.success_total));
    assert_int_equal(f.received, -1);
    assert_int_equal(f.failed_60s, -1);
    assert_int_equal(f.dlq_60s, -1);
    assert_int_equal(f.retried_60s, -1);
    assert_int_equal(f.lag.messages, -1);
    assert_int_equal(f.peak, -1);
    assert_int_equal(f.latency.p50, -1);
    assert_int_equal(f.event_age_ms, -1);
}

static void rates_count_complete_seconds_by_the_lines_own_times(void **state)
{
    struct dash *d = *state;
    struct figures f;

    feed(d, message(0, 0, NOW - 500 * 1000)); /* long ago: the windows are full */
    for (int i = 1; i <= 100; i++)
        feed(d, message(0, i, NOW - 5402)); /* 17:04:26.000 */
    for (int i = 101; i <= 150; i++)
        feed(d, message(0, i, NOW - 100)); /* within the running second */
    f = take(d);
    assert_true(f.rate_10s.per_second == 10.0);
    assert_false(f.rate_10s.is_short);
    assert_true(fabs(f.rate_60s.per_second - 100 / 60.0) < 1e-9);
    assert_true(f.rate_15m.is_short);
    assert_int_equal(f.rate_15m.seconds, 500);
    assert_int_equal(f.peak, 100);
    assert_int_equal(f.received, 151);
}

static void a_short_observation_is_divided_by_its_own_length(void **state)
{
    struct dash *d = *state;
    struct figures f;

    feed(d, message(0, 0, NOW - 100));
    f = take(d);
    assert_true(isnan(f.rate_10s.per_second)); /* no complete second yet */
    for (int i = 1; i <= 30; i++)
        feed(d, message(0, i, NOW - 3000));
    f = take(d);
    assert_int_equal(f.rate_10s.seconds, 3);
    assert_true(f.rate_10s.is_short);
    assert_true(f.rate_10s.per_second == 10.0);
}

static void success_is_cut_and_not_rounded(void **state)
{
    struct dash *d = *state;
    struct figures f;

    for (int i = 0; i < 999; i++)
        feed(d, message(0, i, NOW - 5000));
    feed(d, failure(0, 999, NOW - 5000, "unexpected end at byte 17"));
    f = take(d);
    assert_true(fabs(f.success_60s - 0.999) < 1e-12);
    assert_int_equal(f.failed_60s, 1);
    assert_int_equal(f.failed, 1);
    assert_int_equal(f.ok, 999);
    assert_int_equal(f.dlq_60s, 1);
    assert_int_equal(f.latency.count, 999); /* what was not decoded has no creation time */
}

static void a_message_that_was_processed_after_retries_has_not_failed(void **state)
{
    struct dash *d = *state;
    struct record r = message(0, 0, NOW - 5000);
    struct figures f;

    r.attempts = 3;
    r.error = "timed out once";
    feed(d, r);
    f = take(d);
    assert_int_equal(f.failed, 0);
    assert_int_equal(f.retried_60s, 2);
}

static void lines_of_a_writer_without_outcomes_fail_by_flag_or_error(void **state)
{
    static const char *const lines[] = {
        "{\"timestamp\":\"2026-11-22T17:04:20Z\",\"event_type\":\"message.received\","
        "\"kafka_partition\":0,\"kafka_offset\":1,\"deserialized\":true}",
        "{\"timestamp\":\"2026-11-22T17:04:20Z\",\"event_type\":\"message.received\","
        "\"kafka_partition\":0,\"kafka_offset\":2,\"deserialized\":false}",
        "{\"timestamp\":\"2026-11-22T17:04:20Z\",\"event_type\":\"message.received\","
        "\"kafka_partition\":0,\"kafka_offset\":3,\"deserialized\":true,\"error\":\"bad\"}",
    };
    struct figures f;

    for (size_t i = 0; i < 3; i++)
        feed_text(*state, lines[i], strlen(lines[i]));
    f = take(*state);
    assert_int_equal(f.received, 3);
    assert_int_equal(f.failed, 2);
    assert_int_equal(f.dlq_60s, -1);
    assert_int_equal(f.retried_60s, -1);
}

static void gaps_and_duplicates_are_told_per_partition(void **state)
{
    struct dash *d = *state;
    struct figures f;

    feed(d, message(3, 10, NOW - 5000));
    feed(d, message(4, 500, NOW - 5000));
    feed(d, message(3, 11, NOW - 5000));
    feed(d, message(3, 15, NOW - 5000)); /* 12, 13, 14 are missing */
    feed(d, message(4, 501, NOW - 5000));
    feed(d, message(3, 15, NOW - 5000)); /* again */
    feed(d, message(3, 14, NOW - 5000)); /* late: counted as a gap before */
    f = take(d);
    assert_int_equal(f.gaps, 3);
    assert_int_equal(f.gaps_15m, 3);
    assert_int_equal(f.dups, 2);
    assert_int_equal(f.rewinds, 0);
    assert_int_equal(dash_event_row(d, d->events.total)->kind, ROW_DUP);
    assert_int_equal(dash_event_row(d, 4)->kind, ROW_GAP);
}

static struct record after_skipped(struct record r, int64_t skipped)
{
    r.skipped = skipped;
    return r;
}

/* Markers and compacted records are nobody's loss; a line that is missing beside them is. */
static void offsets_without_a_record_are_not_missing_but_a_line_is(void **state)
{
    struct dash *d = *state;
    struct figures f;

    feed(d, message(0, 10, NOW - 9000));
    feed(d, after_skipped(message(0, 14, NOW - 8000), 3)); /* 11 to 13 */
    feed(d, after_skipped(message(0, 20, NOW - 8000), 9)); /* more than were jumped over */
    f = take(d);
    assert_int_equal(f.gaps, 0);
    assert_int_equal(f.health.findings[HEALTH_INTEGRITY].level, LEVEL_OK);
    assert_int_equal(d->events.total, 3);
    feed(d, after_skipped(message(0, 25, NOW - 7000), 3)); /* 21 is missing */
    f = take(d);
    assert_int_equal(f.gaps, 1);
    assert_int_equal(f.gaps_15m, 1);
    assert_int_equal(f.health.findings[HEALTH_INTEGRITY].level, LEVEL_WARN);
    assert_int_equal(dash_event_row(d, 4)->kind, ROW_GAP);
    assert_int_equal(dash_event_row(d, 4)->offset, 21);
    assert_non_null(strstr(dash_event_row(d, 4)->text, "1 offsets missing, up to @21"));
}

static void feed_skip(struct dash *d, int64_t from, int64_t to)
{
    struct strbuf line = {0};

    record_write_skip(NOW - 6000, "orders", 0, from, to, &line);
    feed_text(d, line.data, line.len - 1);
    strbuf_release(&line);
}

/* Said by a line of their own, where no record follows yet. */
static void offsets_skipped_at_the_end_are_not_missing_and_no_event(void **state)
{
    struct dash *d = *state;
    struct figures f;

    feed(d, message(0, 10, NOW - 9000));
    feed_skip(d, 11, 14);
    feed_skip(d, 11, 14); /* a crash came before the commit */
    feed(d, message(0, 14, NOW - 5000));
    f = take(d);
    assert_int_equal(f.gaps, 0);
    assert_int_equal(f.dups, 0);
    assert_int_equal(f.received, 2);
    assert_int_equal(d->events.total, 2);
    feed_skip(d, 17, 19); /* 15, 16 are missing */
    feed(d, message(0, 19, NOW - 5000));
    f = take(d);
    assert_int_equal(f.gaps, 2);
    assert_int_equal(dash_event_row(d, 3)->offset, 15);
}

/* A number that is none, or larger than the offset, explains nothing. */
static void what_cannot_be_a_number_of_offsets_explains_no_gap(void **state)
{
    static const char *const said[] = {"-3", "1e99", "\"3\"", "null", "1000", "2.5"};
    struct dash *d = *state;
    struct figures f;

    for (size_t i = 0; i < sizeof(said) / sizeof(said[0]); i++) {
        char line[300];
        int n;

        feed(d, message((int32_t)i, 0, NOW - 9000));
        n = snprintf(line, sizeof(line),
                     "{\"timestamp\":\"2026-11-22T17:04:00.000Z\",\"event_type\":\"message."
                     "received\",\"kafka_topic\":\"orders\",\"kafka_partition\":%zu,"
                     "\"kafka_offset\":4,\"deserialized\":true,\"offsets_skipped\":%s}",
                     i, said[i]);
        feed_text(d, line, (size_t)n);
        f = take(d);
        assert_int_equal(f.gaps, 3 * (i + 1));
    }
}

static uint64_t newest_from(const struct dash *d, uint64_t anchor, int *count)
{
    struct dash_walk walk;
    const struct event_row *row;
    uint64_t newest = 0;

    *count = 0;
    dash_walk_events(d, anchor, &walk);
    while ((row = dash_next_event(&walk)) != NULL) {
        newest = row->row.sequence > newest ? row->row.sequence : newest;
        ++*count;
    }
    return newest;
}

static void a_held_list_keeps_its_rows_however_many_come(void **state)
{
    struct dash *d = *state; /* keeps 100 */
    int count;

    for (int i = 0; i < 150; i++)
        feed(d, message(0, i, NOW - 3000));
    dash_hold(d, 150, 0);
    for (int i = 150; i < 1000; i++)
        feed(d, message(0, i, NOW - 2000));
    assert_int_equal(newest_from(d, 150, &count), 150);
    assert_int_equal(count, 100);
    assert_int_equal(newest_from(d, 0, &count), 1000);
    assert_int_equal(count, 100);

    dash_hold(d, 1000, 0); /* held anew: at what came since */
    feed(d, message(0, 1000, NOW - 2000));
    assert_int_equal(newest_from(d, 1000, &count), 1000);
    assert_int_equal(count, 100);
    dash_hold(d, 0, 0);
    assert_int_equal(newest_from(d, 0, &count), 1001);
    assert_int_equal(count, 100);
    assert_int_equal(d->events.total, 1001);
}

static void a_jump_far_back_is_one_rewind(void **state)
{
    struct dash *d = *state;
    struct figures f;

    feed(d, message(0, 5000, NOW - 5000));
    for (int i = 0; i < 50; i++)
        feed(d, message(0, 100 + i, NOW - 5000));
    f = take(d);
    assert_int_equal(f.rewinds, 1);
    assert_true(f.is_rewound);
    assert_int_equal(f.health.findings[HEALTH_PROGRESS].level, LEVEL_CRIT);
    feed(d, message(0, 5001, NOW - 4000));
    f = take(d);
    assert_false(f.is_rewound);
}

static void feed_recreated(struct dash *d, int64_t from, int64_t to)
{
    struct strbuf line = {0};

    record_write_recreated(NOW - 4000, "orders", 0, from, to, &line);
    feed_text(d, line.data, line.len - 1);
    strbuf_release(&line);
}

/* Its offsets begin again: they are neither rewound nor seen before. */
static void a_recreated_topic_starts_over(void **state)
{
    struct dash *d = *state;
    struct figures f;

    feed(d, message(0, 5000, NOW - 5000));
    feed_recreated(d, 0, 5001);
    for (int i = 0; i < 5; i++)
        feed(d, message(0, i, NOW - 4000));
    feed(d, message(0, 7, NOW - 4000)); /* 5, 6 */
    f = take(d);
    assert_int_equal(f.gaps, 2);
    assert_int_equal(f.dups, 0);
    assert_int_equal(f.rewinds, 0);
    assert_false(f.is_rewound);
}

static void a_gap_that_the_tracker_tells_is_counted_once(void **state)
{
    struct dash *d = *state;
    struct strbuf line = {0};
    struct figures f;

    feed(d, message(0, 10, NOW - 5000));
    record_write_gap(NOW - 4000, "orders", 0, 11, 2011, &line);
    feed_text(d, line.data, line.len - 1);
    feed(d, message(0, 2011, NOW - 3000));
    f = take(d);
    assert_int_equal(f.gaps, 2000);
    assert_int_equal(f.gaps_15m, 2000);
    assert_int_equal(f.received, 2);
    assert_int_equal(f.health.findings[HEALTH_INTEGRITY].level, LEVEL_CRIT);
    strbuf_release(&line);
}

static void lag_comes_from_the_metrics_and_unknown_is_not_zero(void **state)
{
    struct dash *d = *state;
    struct figures f;

    feed_log(d, NOW - 2000, "INFO", "periodic metrics", "{\"lag\":null,\"partitions\":[]}");
    f = take(d);
    assert_int_equal(f.lag.messages, -1);
    feed_log(d, NOW - 1000, "INFO", "periodic metrics",
             "{\"lag\":37,\"partitions\":[{\"partition\":1,\"offset\":5,\"high_watermark\":21,"
             "\"lag\":16},{\"partition\":3,\"offset\":9,\"high_watermark\":30,\"lag\":21}]}");
    f = take(d);
    assert_int_equal(f.lag.messages, 37);
    assert_int_equal(f.lag.max_partition, 3);
    assert_int_equal(f.lag.max_messages, 21);
    assert_int_equal(f.lag.age_ms, 1000);
}

static void a_partition_with_lag_is_behind_by_the_age_of_its_last_order(void **state)
{
    static const int64_t wanted[] = {-1, 2012, 0};
    struct dash *d = *state;
    struct figures f = {0};

    for (int p = 0; p < 3; p++)
        feed(d, message(p, 10, NOW - 2000));
    feed_log(d, NOW - 1000, "INFO", "periodic metrics",
             "{\"lag\":16,\"partitions\":[{\"partition\":1,\"offset\":11,\"high_watermark\":27,"
             "\"lag\":16},{\"partition\":2,\"offset\":11,\"high_watermark\":11,\"lag\":0}]}");
    figures_take(&f, d, &usual_limits, NOW);
    health_take(&f, &usual_limits);
    for (int p = 0; p < 3; p++)
        assert_int_equal(f.partitions[p].behind_ms, wanted[p]);
    figures_release(&f);
}

static void rows_are_kept_newest_first_and_forgotten_at_the_end(void **state)
{
    struct dash *d = *state;

    for (int i = 0; i < 250; i++)
        feed(d, message(0, i, NOW - 5000));
    assert_int_equal(d->events.total, 250);
    assert_int_equal(dash_event_row(d, 250)->offset, 249);
    assert_int_equal(dash_event_row(d, 151)->offset, 150);
    assert_null(dash_event_row(d, 150));
    assert_null(dash_event_row(d, 251));
    assert_null(dash_event_row(d, 0));
    assert_string_equal(dash_event_row(d, 200)->text, "pending     5.50 EUR  client07");
}

static void errors_are_grouped_with_their_digits_folded(void **state)
{
    struct dash *d = *state;
    int order[CAUSE_MAX];

    feed(d, failure(0, 0, NOW - 5000, "bad byte 17 at 3"));
    feed(d, failure(1, 0, NOW - 5000, "missing field"));
    feed(d, failure(0, 1, NOW - 5000, "bad byte 1187 at 9"));
    assert_int_equal(cause_ranking(&d->causes, NOW, order), 2);
    assert_string_equal(d->causes.items[order[0]].text, "bad byte # at #");
    assert_int_equal(d->causes.items[order[0]].total, 2);
    assert_int_equal(cause_last_minute(&d->causes.items[order[0]], NOW), 2);
    assert_int_equal(cause_last_minute(&d->causes.items[order[0]], NOW + 120000), 0);
}

static void a_latency_that_no_time_can_have_is_none(void **state)
{
    static const int64_t cases[] = {INT64_MIN, INT64_MAX};
    struct dash *d = *state;
    struct figures f;

    for (size_t i = 0; i < 2; i++) {
        struct record r = message(0, (int64_t)i, NOW - 5000);

        r.latency_ms = cases[i];
        feed(d, r);
    }
    f = take(d);
    assert_int_equal(f.received, 2);
    assert_int_equal(f.latency.count, 0);
}

static void feed_old(struct dash *d, struct record r)
{
    struct strbuf text = {0};
    struct journal_line line;

    record_write(&r, &text);
    assert_int_equal(journal_line_parse(&line, text.data, text.len - 1), 0);
    dash_old_event(d, &line);
    strbuf_release(&text);
}

static void history_adds_to_the_totals_and_joins_the_offsets(void **state)
{
    struct dash *d = *state;
    struct figures f;

    d->history.is_reading = true;
    feed(d, message(0, 105, NOW - 5000));
    feed(d, message(1, 49, NOW - 5000));
    feed(d, message(1, 50, NOW - 5000));
    for (int i = 0; i < 100; i++)
        feed_old(d, i == 50 ? failure(0, i, NOW - 9000000, "bad") : message(0, i, NOW - 9000000));
    feed_old(d, message(1, 49, NOW - 9000000)); /* told again since */
    feed_old(d, message(2, 7, NOW - 9000000));  /* nothing since */
    f = take(d);
    assert_false(f.totals_complete);
    assert_int_equal(f.received_60s, 3);
    assert_int_equal(f.last_count, 3);
    assert_int_equal(f.gaps, 0); /* not known yet */
    dash_end_history(d);
    f = take(d);
    assert_true(f.totals_complete);
    assert_int_equal(f.received, 105);
    assert_int_equal(f.failed, 1);
    assert_int_equal(f.dlq, 1);
    assert_int_equal(f.failed_60s, 0);
    assert_int_equal(f.gaps, 5); /* 100 to 104 */
    assert_int_equal(f.gaps_15m, 0);
    assert_int_equal(f.dups, 1);
    assert_int_equal(f.partition_count, 3);
    assert_int_equal(f.span_ms, 9000000 - 5000);
    assert_int_equal(d->events.total, 3);
}

static void a_topic_recreated_after_the_history_has_no_offsets_in_common_with_it(void **state)
{
    static const int64_t earlier[] = {50, 5000};
    struct dash *d = *state;
    struct figures f;

    d->history.is_reading = true;
    feed_recreated(d, 0, 5001);
    feed(d, message(0, 0, NOW - 4000));
    feed(d, message(0, 100, NOW - 4000)); /* 1 to 99 */
    for (size_t i = 0; i < sizeof(earlier) / sizeof(earlier[0]); i++)
        feed_old(d, message(0, earlier[i], NOW - 9000000));
    dash_end_history(d);
    f = take(d);
    assert_int_equal(f.dups, 0);
    assert_int_equal(f.gaps, 99 + 4949);
}

static void offsets_without_a_record_between_history_and_now_are_not_missing(void **state)
{
    struct dash *d = *state;
    struct figures f;

    d->history.is_reading = true;
    feed(d, after_skipped(message(0, 105, NOW - 5000), 3)); /* 102 to 104 */
    feed_old(d, message(0, 99, NOW - 9000000));
    dash_end_history(d);
    f = take(d);
    assert_int_equal(f.gaps, 2); /* 100, 101 */
}

static void while_the_log_says_that_kafka_is_away_the_verdict_is_critical(void **state)
{
    static const char away[] = "Kafka is unavailable, retrying";
    static const char *const ends[] = {"Kafka is available again", "tracker started"};
    struct figures f;

    (void)state;
    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
        struct dash *d = dash_new(10, 10);

        feed(d, message(0, 1, NOW - 1000));
        feed_log(d, NOW - 9000, "WARN", away, "{}");
        feed_log(d, NOW - 5000, "WARN", away, "{}"); /* of another client */
        feed_log(d, NOW - 3000, "INFO", "periodic metrics", "{\"lag\":0}");
        f = take(d);
        assert_int_equal(f.away_age_ms, 9000);
        assert_int_equal(f.health.at_once, LEVEL_CRIT);
        assert_int_equal(f.health.findings[HEALTH_PROGRESS].level, LEVEL_CRIT);
        assert_string_equal(f.health.findings[HEALTH_PROGRESS].text,
                            "Kafka is unavailable, for 9.0 s");
        feed_log_error(d, NOW - 4000, "WARN", away, "b:9092: wrong user or password",
                       "{\"reason\":\"wrong_password\",\"remedy\":\"check sasl.username\"}");
        f = take(d);
        assert_string_equal(
            f.health.findings[HEALTH_PROGRESS].text,
            "Kafka is unavailable, for 9.0 s: b:9092: wrong user or password; check sasl.username");
        feed_log(d, NOW - 2000, "INFO", ends[i], "{}");
        f = take(d);
        assert_int_equal(f.away_age_ms, -1);
        assert_int_equal(f.health.findings[HEALTH_PROGRESS].level, LEVEL_OK);
        dash_free(d);
    }
}

static void while_the_processor_is_unavailable_the_verdict_is_critical_and_says_why(void **state)
{
    static const char down[] = "processor is unavailable, its partitions wait";
    struct dash *d = dash_new(10, 10);
    struct figures f;

    (void)state;
    feed(d, message(0, 1, NOW - 1000));
    feed_log_error(d, NOW - 9000, "ERROR", down, "command ended with exit status 3", "{}");
    f = take(d);
    assert_int_equal(f.health.findings[HEALTH_PROCESSOR].level, LEVEL_CRIT);
    assert_string_equal(f.health.findings[HEALTH_PROCESSOR].text,
                        "unavailable for 9.0 s: command ended with exit status 3");
    feed_log(d, NOW - 5000, "INFO", "periodic metrics",
             "{\"lag\":0,\"processor_unavailable\":true,\"head_of_line_partition\":2,"
             "\"head_of_line_offset\":17}");
    f = take(d);
    assert_string_equal(f.health.findings[HEALTH_PROCESSOR].text,
                        "unavailable for 9.0 s: command ended with exit status 3; "
                        "partition 2 waits at offset 17");
    feed_log(d, NOW - 4000, "INFO", "processor is available again", "{}");
    feed_log_error(d, NOW - 3000, "ERROR", down, "command ended with exit status 3",
                   "{\"repeated\":4}"); /* of what is over */
    f = take(d);
    assert_int_not_equal(f.health.findings[HEALTH_PROCESSOR].level, LEVEL_CRIT);
    feed_log(d, NOW - 2000, "INFO", "periodic metrics",
             "{\"lag\":0,\"processor_unavailable\":true}");
    assert_int_equal(take(d).down_age_ms, 2000);
    feed_log(d, NOW - 1000, "INFO", "periodic metrics",
             "{\"lag\":0,\"processor_unavailable\":false}");
    assert_int_equal(take(d).down_age_ms, -1);
    dash_free(d);
}

static void a_tracker_that_gives_no_sign_of_life_is_stale_as_soon_as_the_limit_says(void **state)
{
    const struct health_limits strict = {.success_warn = 95,
                                         .success_crit = 80,
                                         .latency_warn_ms = 1000,
                                         .latency_crit_ms = 10000,
                                         .stale_ms = 3000};
    struct dash *d = dash_new(10, 10);
    struct figures f = {0};

    (void)state;
    feed(d, message(0, 1, NOW));
    figures_take(&f, d, &strict, NOW + 2999);
    health_take(&f, &strict);
    assert_int_equal(f.state, FLOW_LIVE);
    figures_take(&f, d, &strict, NOW + 3000);
    health_take(&f, &strict);
    assert_int_equal(f.state, FLOW_STALE);
    feed_log(d, NOW + 1000, "INFO", "periodic metrics", "{\"lag\":0}");
    figures_take(&f, d, &strict, NOW + 3999);
    health_take(&f, &strict);
    assert_int_equal(f.state, FLOW_LIVE);
    figures_take(&f, d, &strict, NOW + 4000);
    health_take(&f, &strict);
    assert_int_equal(f.state, FLOW_STALE);
    assert_int_equal(f.health.level, LEVEL_CRIT);
    figures_release(&f);
    dash_free(d);
}

/* So many events, spread over so many seconds up to the last one. */
static void feed_flow(struct dash *d, int count, int seconds, int64_t last_ms)
{
    for (int i = 0; i < count; i++)
        feed(d, message(0, i, last_ms - (count - 1 - i) * seconds * INT64_C(1000) / count));
}

static void a_steady_flow_that_ends_without_a_word_is_told_before_it_is_stale(void **state)
{
    static const struct {
        const char *name;
        int events, seconds; /* the flow before */
        int event_age, log_age;
        bool is_told;
    } cases[] = {
        {"fast, 4 s ago", 2000, 10, 4000, 9000, true},
        {"no log at all", 2000, 10, 4000, -1, true},
        {"the last words came with the last events", 2000, 10, 4000, 3500, true},
        {"the log went on", 2000, 10, 4000, 2000, false},
        {"not yet", 2000, 10, 3000, 9000, false},
        {"a trickle", 10, 10, 4000, 9000, false},
        {"a trickle for long", 10, 10, 30000, 50000, true},
        {"a burst", 2000, 1, 4000, 9000, false},
        {"only begun", 2000, 5, 4000, 9000, true},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct dash *d = dash_new(10, 10);
        struct figures f;

        feed_flow(d, cases[i].events, cases[i].seconds, NOW - cases[i].event_age);
        if (cases[i].log_age >= 0)
            feed_log(d, NOW - cases[i].log_age, "INFO", "periodic metrics", "{\"lag\":0}");
        f = take(d);
        assert_int_equal(f.state, FLOW_LIVE);
        if ((f.health.findings[HEALTH_FRESHNESS].level == LEVEL_WARN) != cases[i].is_told)
            fail_msg("%s: %s", cases[i].name, f.health.findings[HEALTH_FRESHNESS].text);
        dash_free(d);
    }
}

static void a_tracker_that_is_gone_is_told_until_it_is_stale(void **state)
{
    struct dash *d = *state;
    struct figures f = {0};

    feed_log(d, NOW, "INFO", "periodic metrics", "{\"lag\":0}");
    feed_flow(d, 3000, 15, NOW);
    for (int64_t ms = 4000; ms < 150000; ms += 1000) {
        figures_take(&f, d, &usual_limits, NOW + ms);
        health_take(&f, &usual_limits);
        if (f.health.findings[HEALTH_FRESHNESS].level != (ms < 90000 ? LEVEL_WARN : LEVEL_CRIT))
            fail_msg("after %d ms: %s", (int)ms, f.health.findings[HEALTH_FRESHNESS].text);
    }
    figures_release(&f);
}

static void silence_says_how_long_and_what_was_before(void **state)
{
    struct figures f;

    feed_flow(*state, 3000, 15, NOW - 4200);
    f = take(*state);
    assert_int_equal(f.silence_ms, 4200);
    assert_string_equal(f.health.findings[HEALTH_FRESHNESS].text, "no line for 4.2 s after 200/s");
}

static void what_is_not_read_yet_is_no_silence(void **state)
{
    struct dash *d = *state;

    feed_flow(d, 2000, 10, NOW - 4200);
    d->events_reader.behind = 1;
    assert_int_equal(take(d).silence_ms, -1);
}

/* Orders that just end are no trouble while a tracker that goes on with its log holds the
 * journal. */
static void a_flow_that_ends_beside_a_tracker_that_is_there_is_no_silence(void **state)
{
    static const struct {
        const char *name;
        enum writer_state writer;
        int metrics_age; /* seconds, of the second of two that are 10 s apart */
        int event_age;
        bool is_told;
    } cases[] = {
        {"not seen", WRITER_UNKNOWN, 14, 12, true},
        {"there", WRITER_THERE, 14, 12, false},
        {"there, about to report", WRITER_THERE, 20, 12, false},
        {"there and hangs", WRITER_THERE, 21, 12, true},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct dash *d = dash_new(10, 10);
        int64_t log_ms = NOW - cases[i].metrics_age * INT64_C(1000);
        struct figures f;

        feed_log(d, log_ms - 10000, "INFO", "periodic metrics", "{\"lag\":0}");
        feed_log(d, log_ms, "INFO", "periodic metrics", "{\"lag\":0}");
        feed_flow(d, 3000, 15, NOW - cases[i].event_age * INT64_C(1000));
        d->events_reader.writer = cases[i].writer;
        f = take(d);
        if ((f.silence_ms >= 0) != cases[i].is_told)
            fail_msg("%s: %s", cases[i].name, f.health.findings[HEALTH_FRESHNESS].text);
        if (cases[i].is_told && cases[i].writer == WRITER_THERE)
            assert_string_equal(f.health.findings[HEALTH_FRESHNESS].text,
                                "no line for 12 s after 200/s, though the tracker is there");
        dash_free(d);
    }
}

static void a_tracker_that_let_go_of_its_journal_is_gone(void **state)
{
    static const struct {
        const char *name;
        enum writer_state writer;
        int gone, event_age, metrics_age; /* seconds */
        const char *last;                 /* line of the log */
        int64_t log_behind;
        enum flow_state state;
    } cases[] = {
        {"killed", WRITER_GONE, 2, 3, 9, NULL, 0, FLOW_GONE},
        {"killed long ago", WRITER_GONE, 200, 201, 205, NULL, 0, FLOW_GONE},
        {"stopped", WRITER_GONE, 2, 3, 9, "tracker stopped", 0, FLOW_STOPPED},
        {"the last words are not read yet", WRITER_GONE, 2, 3, 9, NULL, 7, FLOW_LIVE},
        {"another one tries", WRITER_GONE, 5, 6, 9, "cannot reach Kafka", 0, FLOW_GONE},
        {"events go on", WRITER_GONE, 5, 1, 9, NULL, 0, FLOW_LIVE},
        {"reports go on", WRITER_GONE, 5, 6, 1, NULL, 0, FLOW_LIVE},
        {"there", WRITER_THERE, -1, 3, 9, NULL, 0, FLOW_LIVE},
        {"not seen", WRITER_UNKNOWN, -1, 3, 9, NULL, 0, FLOW_LIVE},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct dash *d = dash_new(10, 10);
        struct figures f;

        feed(d, message(0, 1, NOW - cases[i].event_age * INT64_C(1000)));
        feed_log(d, NOW - cases[i].metrics_age * INT64_C(1000), "INFO", "periodic metrics",
                 "{\"lag\":0}");
        if (cases[i].last)
            feed_log(d, NOW - 1900, "INFO", cases[i].last, "{}");
        d->events_reader.writer = cases[i].writer;
        d->events_reader.writer_gone_ms = cases[i].gone * INT64_C(1000);
        d->log_reader.state = READER_OPEN;
        d->log_reader.behind = cases[i].log_behind;
        f = take(d);
        if (f.state != cases[i].state)
            fail_msg("%s: %s", cases[i].name, flow_state_name(f.state));
        assert_int_equal(f.health.level == LEVEL_CRIT, cases[i].state != FLOW_LIVE);
        dash_free(d);
    }
}

static void a_stop_says_whether_an_error_made_it(void **state)
{
    struct dash *d = *state;

    feed(d, message(0, 1, NOW - 3000));
    feed_log(d, NOW - 2000, "ERROR", "tracker stopped", "{}");
    assert_string_equal(take(d).health.findings[HEALTH_FRESHNESS].text,
                        "stopped by an error 2.0 s ago");
    feed_log(d, NOW - 1000, "INFO", "tracker stopped", "{}");
    assert_string_equal(take(d).health.findings[HEALTH_FRESHNESS].text, "clean stop 1.0 s ago");
}

static void a_tracker_that_is_gone_says_for_how_long(void **state)
{
    struct dash *d = *state;

    feed(d, message(0, 1, NOW - 3000));
    d->events_reader.writer = WRITER_GONE;
    d->events_reader.writer_gone_ms = 2300;
    assert_string_equal(take(d).health.findings[HEALTH_FRESHNESS].text, "tracker gone 2.3 s ago");
    d->log_reader.state = READER_OPEN;
    assert_string_equal(take(d).health.findings[HEALTH_FRESHNESS].text,
                        "tracker gone 2.3 s ago, without a stop line");
    assert_int_equal(take(d).health.at_once, LEVEL_CRIT);
}

/* Event age, log age (seconds, -1 never), lag (-1 unknown), last line says stopped. */
static void the_state_follows_from_ages_and_lag(void **state)
{
    static const struct {
        int event_age, log_age, lag;
        bool stopped;
        enum flow_state state;
        enum level freshness;
    } cases[] = {
        {-1, -1, -1, false, FLOW_WAITING, LEVEL_UNKNOWN},
        {1, 1, -1, false, FLOW_LIVE, LEVEL_OK},
        {1, -1, -1, false, FLOW_LIVE, LEVEL_OK},
        {59, 500, 7, false, FLOW_LIVE, LEVEL_OK},
        {61, 5, 0, false, FLOW_IDLE, LEVEL_OK},
        {61, 5, 7, false, FLOW_STUCK, LEVEL_CRIT},
        {61, 5, -1, false, FLOW_QUIET, LEVEL_WARN},
        {-1, 5, -1, false, FLOW_QUIET, LEVEL_UNKNOWN},
        {-1, 5, 0, false, FLOW_IDLE, LEVEL_OK},
        {61, 91, 0, false, FLOW_STALE, LEVEL_CRIT},
        {61, -1, -1, false, FLOW_STALE, LEVEL_CRIT},
        {5, 4, 0, true, FLOW_STOPPED, LEVEL_CRIT},
        {400, 399, 0, true, FLOW_STOPPED, LEVEL_CRIT},
        {1, 30, 0, true, FLOW_LIVE, LEVEL_OK}, /* started again: events after the stop */
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct dash *d = dash_new(10, 10);
        char metadata[64];
        struct figures f;

        snprintf(metadata, sizeof(metadata), cases[i].lag < 0 ? "{\"lag\":null}" : "{\"lag\":%d}",
                 cases[i].lag);
        if (cases[i].event_age >= 0)
            feed(d, message(0, 1, NOW - cases[i].event_age * INT64_C(1000)));
        if (cases[i].log_age >= 0)
            feed_log(d, NOW - cases[i].log_age * INT64_C(1000), "INFO", "periodic metrics",
                     metadata);
        if (cases[i].stopped)
            feed_log(d, NOW - cases[i].log_age * INT64_C(1000), "INFO", "tracker stopped", "{}");
        f = take(d);
        if (f.state != cases[i].state || f.health.findings[0].level != cases[i].freshness)
            fail_msg("case %zu: state %s, %s", i, flow_state_name(f.state),
                     level_name(f.health.findings[0].level));
        dash_free(d);
    }
}

static void the_rate_is_compared_with_that_of_an_hour_ago(void **state)
{
    struct dash *d = *state;
    int64_t offset = 0;

    for (int i = 0; i < 10; i++)
        feed(d, message(0, offset++, NOW - 63 * INT64_C(60000)));
    for (int i = 0; i < 11; i++)
        feed(d, message(0, offset++, NOW - 3 * INT64_C(60000)));
    assert_true(isnan(take(d).vs_hour_ago)); /* that hour was not seen whole */
    feed(d, message(1, 0, NOW - 70 * INT64_C(60000)));
    assert_float_equal(take(d).vs_hour_ago, 0.1, 1e-9);
    d->history.is_reading = true;
    assert_true(isnan(take(d).vs_hour_ago));
}

static void lag_is_growing_only_when_it_was_there_all_the_time(void **state)
{
    static const struct {
        int lags[6];
        enum level level;
    } cases[] = {
        {{0, 0, 0, 0, 0, 1}, LEVEL_OK},
        {{3, 5, 9, 20, 21, 40}, LEVEL_WARN},
        {{3, 5, 9, 2, 21, 40}, LEVEL_OK},
        {{40, 40, 40, 40, 40, 40}, LEVEL_OK},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct dash *d = dash_new(10, 10);

        for (int k = 0; k < 6; k++) {
            char metadata[160];

            snprintf(metadata, sizeof(metadata),
                     "{\"lag\":%d,\"partitions\":[{\"partition\":0,\"offset\":%d,"
                     "\"high_watermark\":9000,\"lag\":%d}]}",
                     cases[i].lags[k], 100 + k, cases[i].lags[k]);
            feed_log(d, NOW - (6 - k) * INT64_C(10000), "INFO", "periodic metrics", metadata);
        }
        assert_int_equal(take(d).health.findings[HEALTH_PROGRESS].level, cases[i].level);
        dash_free(d);
    }
}

/* ---- several trackers ---- */

struct pair {
    struct dash *whole, *a, *b;
    struct figures f;
};

static struct pair pair_of_trackers(void)
{
    struct pair p = {.whole = dash_new(1, 1), .a = dash_new(100, 20), .b = dash_new(100, 20)};

    p.a->name = "a";
    p.b->name = "b";
    p.a->events_reader.state = p.b->events_reader.state = READER_OPEN;
    p.a->events_reader.was_at_end = p.b->events_reader.was_at_end = true;
    dash_join(p.whole, p.a);
    dash_join(p.whole, p.b);
    return p;
}

static void take_pair(struct pair *p)
{
    dash_sum_readers(p->whole);
    figures_take(&p->f, p->whole, &usual_limits, NOW);
    health_take(&p->f, &usual_limits);
}

static void free_pair(struct pair *p)
{
    figures_release(&p->f);
    dash_free(p->a);
    dash_free(p->b);
    dash_free(p->whole);
}

/* The partition goes from a to b and back; b tells its last offset without having committed it. */
static void feed_rebalance(struct pair *p)
{
    for (int64_t i = 0; i < 10; i++)
        feed(p->a, message(0, i, NOW - 9000));
    for (int64_t i = 2000; i < 2010; i++)
        feed(p->a, message(0, i, NOW - 3000));
    for (int64_t i = 10; i <= 2000; i++)
        feed(p->b, message(0, i, NOW - 6000));
}

static void what_one_tracker_jumps_over_and_another_tells_is_no_gap(void **state)
{
    struct pair p = pair_of_trackers();
    struct dash_walk walk;
    const struct event_row *row;

    (void)state;
    feed_rebalance(&p);
    take_pair(&p);
    assert_int_equal(p.f.received, 20 + 1991);
    assert_int_equal(p.f.gaps, 0);
    assert_int_equal(p.f.gaps_15m, 0);
    assert_int_equal(p.f.dups, 0); /* offset 2000 stands in both, once in each */
    assert_int_equal(p.f.health.findings[HEALTH_INTEGRITY].level, LEVEL_OK);
    assert_int_equal(p.f.trackers[0].health.findings[HEALTH_INTEGRITY].level, LEVEL_OK);
    assert_int_equal(p.f.partition_count, 1);
    assert_int_equal(p.f.partitions[0].partition->newest_journal, 0);
    dash_walk_events(p.whole, 0, &walk);
    while ((row = dash_next_event(&walk)) != NULL)
        assert_int_equal(row->kind, ROW_OK);
    feed(p.a, message(0, 2009, NOW - 2000));
    feed(p.b, message(0, 2005, NOW - 2000));
    feed(p.b, message(0, 3020, NOW - 1500));
    take_pair(&p);
    assert_int_equal(p.f.dups, 1);
    assert_int_equal(p.f.gaps, 3020 - 2010);
    assert_int_equal(p.f.health.findings[HEALTH_INTEGRITY].level, LEVEL_CRIT);
    free_pair(&p);
}

/* The partition goes from a to b with a marker as its last offset. */
static void offsets_without_a_record_are_not_missing_between_trackers(void **state)
{
    struct pair p = pair_of_trackers();

    (void)state;
    feed(p.b, message(0, 0, NOW - 9000));
    feed(p.a, message(0, 1, NOW - 8000));
    feed(p.a, after_skipped(message(0, 5, NOW - 7000), 3));
    feed(p.b, after_skipped(message(0, 8, NOW - 6000), 2)); /* 6, 7 */
    take_pair(&p);
    assert_int_equal(p.f.gaps, 0);
    feed_skip(p.b, 9, 11);
    feed(p.a, message(0, 11, NOW - 6000));
    take_pair(&p);
    assert_int_equal(p.f.gaps, 0);
    feed(p.a, after_skipped(message(0, 15, NOW - 6000), 2)); /* 12 is missing */
    take_pair(&p);
    assert_int_equal(p.f.gaps, 1);
    free_pair(&p);
}

static void rows_of_several_trackers_are_merged_by_time(void **state)
{
    struct pair p = pair_of_trackers();
    struct dash_walk walk;
    uint64_t anchor;

    (void)state;
    for (int64_t i = 0; i < 10; i++)
        feed(p.a, message(0, i, NOW - 9000 + i * 100));
    for (int64_t i = 0; i < 10; i++)
        feed(p.b, message(1, i, NOW - 8950 + i * 100));
    anchor = p.whole->events.total;
    assert_int_equal(anchor, 20);
    feed(p.a, message(0, 10, NOW - 10));
    dash_walk_events(p.whole, anchor, &walk);
    for (int i = 19; i >= 0; i--) {
        const struct event_row *row = dash_next_event(&walk);

        assert_int_equal(row->partition, i % 2);
        assert_int_equal(row->offset, i / 2);
    }
    assert_null(dash_next_event(&walk));
    dash_walk_events(p.whole, 0, &walk);
    assert_int_equal(dash_next_event(&walk)->offset, 10);
    free_pair(&p);
}

static void the_worst_tracker_decides_and_is_named(void **state)
{
    struct pair p = pair_of_trackers();

    (void)state;
    feed(p.a, message(0, 1, NOW - 2000));
    feed_log(p.a, NOW - 1000, "INFO", "periodic metrics", "{\"lag\":5}");
    feed(p.b, message(1, 1, NOW - 300000));
    feed_log(p.b, NOW - 299000, "INFO", "periodic metrics", "{\"lag\":7}");
    take_pair(&p);
    assert_int_equal(p.f.state, FLOW_LIVE);
    assert_int_equal(p.f.lag.messages, 5); /* what b has left is known no longer */
    assert_int_equal(p.f.health.level, LEVEL_CRIT);
    assert_string_equal(p.f.health.findings[HEALTH_FRESHNESS].tracker, "b");
    assert_ptr_equal(strstr(p.f.health.findings[HEALTH_FRESHNESS].text, "b: no event for"),
                     p.f.health.findings[HEALTH_FRESHNESS].text);
    assert_int_equal(p.f.trackers[0].health.level, LEVEL_OK);
    assert_int_equal(p.f.trackers[1].health.level, LEVEL_CRIT);
    feed_log(p.a, NOW - 500, "INFO", "tracker stopped", "{}");
    feed_log(p.b, NOW - 500, "INFO", "tracker stopped", "{}");
    take_pair(&p);
    assert_int_equal(p.f.state, FLOW_STOPPED);
    assert_int_equal(p.f.lag.messages, 12); /* nobody has taken over */
    free_pair(&p);
}

static void of_several_trackers_those_that_are_gone_are_named(void **state)
{
    struct pair p = pair_of_trackers();

    (void)state;
    feed_flow(p.a, 20, 10, NOW - 5000);
    feed_flow(p.b, 2000, 10, NOW - 5000);
    feed_log(p.a, NOW - 9000, "INFO", "periodic metrics", "{\"lag\":5}");
    feed_log(p.b, NOW - 9000, "INFO", "periodic metrics", "{\"lag\":7}");
    p.a->events_reader.writer = WRITER_GONE;
    p.a->events_reader.writer_gone_ms = 4900;
    p.b->events_reader.writer = WRITER_THERE;
    take_pair(&p);
    assert_int_equal(p.f.state, FLOW_LIVE);
    assert_int_equal(p.f.writer, WRITER_THERE);
    assert_int_equal(p.f.gone_age_ms, -1);
    assert_int_equal(p.f.lag.messages, 7); /* it is not known who has what a left */
    assert_string_equal(p.f.health.findings[HEALTH_FRESHNESS].text, "a: tracker gone 4.9 s ago");
    assert_int_equal(p.f.health.at_once, LEVEL_CRIT);
    p.b->events_reader.writer = WRITER_GONE;
    p.b->events_reader.writer_gone_ms = 2000;
    take_pair(&p);
    assert_int_equal(p.f.state, FLOW_GONE);
    assert_int_equal(p.f.writer, WRITER_GONE);
    assert_int_equal(p.f.gone_age_ms, 2000);
    feed_log(p.b, NOW - 2000, "INFO", "tracker stopped", "{}");
    take_pair(&p);
    assert_int_equal(p.f.state, FLOW_GONE);
    assert_int_equal(p.f.gone_age_ms, 4900);
    free_pair(&p);
}

static void history_of_several_trackers_adds_up_in_any_order(void **state)
{
    struct pair p = pair_of_trackers();

    (void)state;
    for (int64_t i = 500; i < 510; i++)
        feed(p.a, message(0, i, NOW - 2000));
    for (int64_t i = 510; i < 520; i++)
        feed(p.b, message(0, i, NOW - 1000));
    for (int64_t i = 0; i < 500; i++) {
        struct record r = message(0, i, NOW - 5000000 + i);
        struct strbuf text = {0};
        struct journal_line line;

        record_write(&r, &text);
        assert_int_equal(journal_line_parse(&line, text.data, text.len - 1), 0);
        dash_old_event(i % 100 < 50 ? p.a : p.b, &line);
        strbuf_release(&text);
    }
    dash_end_history(p.a);
    dash_end_history(p.b);
    take_pair(&p);
    assert_int_equal(p.f.received, 520);
    assert_int_equal(p.f.gaps, 0);
    assert_int_equal(p.f.dups, 0);
    free_pair(&p);
}

int main(void)
{
#define ROW(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        ROW(nothing_read_means_nothing_known),
        ROW(rates_count_complete_seconds_by_the_lines_own_times),
        ROW(a_short_observation_is_divided_by_its_own_length),
        ROW(success_is_cut_and_not_rounded),
        ROW(a_message_that_was_processed_after_retries_has_not_failed),
        ROW(lines_of_a_writer_without_outcomes_fail_by_flag_or_error),
        ROW(gaps_and_duplicates_are_told_per_partition),
        ROW(a_held_list_keeps_its_rows_however_many_come),
        ROW(a_jump_far_back_is_one_rewind),
        ROW(offsets_without_a_record_are_not_missing_but_a_line_is),
        ROW(offsets_skipped_at_the_end_are_not_missing_and_no_event),
        ROW(what_cannot_be_a_number_of_offsets_explains_no_gap),
        ROW(a_recreated_topic_starts_over),
        ROW(a_topic_recreated_after_the_history_has_no_offsets_in_common_with_it),
        ROW(a_gap_that_the_tracker_tells_is_counted_once),
        ROW(lag_comes_from_the_metrics_and_unknown_is_not_zero),
        ROW(a_partition_with_lag_is_behind_by_the_age_of_its_last_order),
        ROW(rows_are_kept_newest_first_and_forgotten_at_the_end),
        ROW(errors_are_grouped_with_their_digits_folded),
        ROW(a_latency_that_no_time_can_have_is_none),
        ROW(history_adds_to_the_totals_and_joins_the_offsets),
        ROW(a_steady_flow_that_ends_without_a_word_is_told_before_it_is_stale),
        ROW(a_tracker_that_is_gone_is_told_until_it_is_stale),
        ROW(silence_says_how_long_and_what_was_before),
        ROW(what_is_not_read_yet_is_no_silence),
        ROW(a_flow_that_ends_beside_a_tracker_that_is_there_is_no_silence),
        ROW(a_tracker_that_let_go_of_its_journal_is_gone),
        ROW(a_stop_says_whether_an_error_made_it),
        ROW(a_tracker_that_is_gone_says_for_how_long),
        ROW(the_state_follows_from_ages_and_lag),
        ROW(the_rate_is_compared_with_that_of_an_hour_ago),
        ROW(lag_is_growing_only_when_it_was_there_all_the_time),
        ROW(what_one_tracker_jumps_over_and_another_tells_is_no_gap),
        ROW(offsets_without_a_record_are_not_missing_between_trackers),
        ROW(rows_of_several_trackers_are_merged_by_time),
        ROW(the_worst_tracker_decides_and_is_named),
        ROW(of_several_trackers_those_that_are_gone_are_named),
        ROW(history_of_several_trackers_adds_up_in_any_order),
        ROW(offsets_without_a_record_between_history_and_now_are_not_missing),
        ROW(while_the_log_says_that_kafka_is_away_the_verdict_is_critical),
        ROW(while_the_processor_is_unavailable_the_verdict_is_critical_and_says_why),
        ROW(a_tracker_that_gives_no_sign_of_life_is_stale_as_soon_as_the_limit_says),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
