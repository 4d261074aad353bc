#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <cjson/cJSON.h>

#include "base/rng.h"
#include "flow/metrics.h"

static void settle(struct metrics *m, enum record_outcome outcome, int64_t latency_ms)
{
    const struct record r = {.outcome = outcome, .latency_ms = latency_ms};

    metrics_settled(m, &r);
}

/* The summary, parsed; the caller deletes it. */
static cJSON *summary(const struct metrics *m, const struct metrics_state *s, int64_t now_ms)
{
    struct strbuf text = {0};
    cJSON *json;

    metrics_write(m, s, now_ms, &text);
    json = cJSON_Parse(strbuf_text(&text));
    assert_non_null(json);
    strbuf_release(&text);
    return json;
}

static double number(const cJSON *json, const char *key)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(json, key);

    assert_true(cJSON_IsNumber(item));
    return item->valuedouble;
}

static bool is_null(const cJSON *json, const char *key)
{
    return cJSON_IsNull(cJSON_GetObjectItemCaseSensitive(json, key));
}

/* What the summary says of the latencies; -1 for null. */
static double percentile(const struct metrics *m, const char *key)
{
    const struct metrics_state s = {0};
    cJSON *json = summary(m, &s, 10000);
    const cJSON *list = cJSON_GetObjectItemCaseSensitive(json, "latency_ms");
    double ms = is_null(list, key) ? -1 : number(list, key);

    cJSON_Delete(json);
    return ms;
}

static void the_summary_has_its_keys_in_order(void **state)
{
    static const char *const keys[] = {
        "uptime_seconds",
        "messages_received",
        "messages_processed",
        "messages_failed",
        "messages_retried",
        "messages_dead_lettered",
        "messages_dropped",
        "success_rate_percent",
        "messages_per_second",
        "lag",
        "partitions",
        "latency_ms",
        "fsync_ms_max",
        "lanes_waiting",
        "lanes_blocked",
        "dlq_pending",
        "processor_in_flight",
        "processor_ms",
        "processor_unavailable",
        "head_of_line_ms",
        "head_of_line_partition",
        "head_of_line_offset",
    };
    const struct metrics_state s = {0};
    struct metrics m;
    cJSON *json;
    const cJSON *item;

    (void)state;
    metrics_init(&m, 0);
    json = summary(&m, &s, 1000);
    item = json->child;
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++, item = item->next) {
        assert_non_null(item);
        assert_string_equal(item->string, keys[i]);
    }
    assert_null(item);
    cJSON_Delete(json);
}

static void outcomes_are_counted(void **state)
{
    const struct metrics_state s = {
        .fsync_ms_max = 7, .lanes_waiting = 1, .lanes_blocked = 2, .dlq_pending = 3};
    struct metrics m;
    cJSON *json;

    (void)state;
    metrics_init(&m, 1000);
    for (int i = 0; i < 6; i++)
        settle(&m, RECORD_PROCESSED, 5);
    for (int i = 0; i < 2; i++)
        settle(&m, RECORD_DEAD_LETTERED, 5);
    settle(&m, RECORD_DROPPED, 5);
    m.retried = 4;
    json = summary(&m, &s, 4999);
    assert_true(number(json, "uptime_seconds") == 3);
    assert_true(number(json, "messages_received") == 9);
    assert_true(number(json, "messages_processed") == 6);
    assert_true(number(json, "messages_failed") == 3);
    assert_true(number(json, "messages_dead_lettered") == 2);
    assert_true(number(json, "messages_dropped") == 1);
    assert_true(number(json, "messages_retried") == 4);
    assert_true(number(json, "success_rate_percent") == 66.66); /* cut, not rounded */
    assert_true(number(json, "messages_per_second") == 2.25);
    assert_true(number(json, "fsync_ms_max") == 7);
    assert_true(number(json, "lanes_waiting") == 1);
    assert_true(number(json, "lanes_blocked") == 2);
    assert_true(number(json, "dlq_pending") == 3);
    cJSON_Delete(json);
}

static void a_hundred_percent_says_that_nothing_failed(void **state)
{
    const struct metrics_state s = {0};
    struct metrics m;
    cJSON *json;

    (void)state;
    metrics_init(&m, 0);
    m.processed = 9999999;
    m.failed = 1;
    json = summary(&m, &s, 1);
    assert_true(number(json, "success_rate_percent") == 99.99);
    cJSON_Delete(json);
    m.failed = 0;
    json = summary(&m, &s, 1);
    assert_true(number(json, "success_rate_percent") == 100);
    cJSON_Delete(json);
}

static void what_is_not_known_is_null(void **state)
{
    const struct metrics_state s = {0};
    struct metrics m;
    cJSON *json;

    (void)state;
    metrics_init(&m, 1000);
    json = summary(&m, &s, 1000);
    assert_true(is_null(json, "success_rate_percent"));
    assert_true(is_null(json, "messages_per_second"));
    assert_true(is_null(json, "lag"));
    assert_true(is_null(cJSON_GetObjectItem(json, "latency_ms"), "p50"));
    assert_true(is_null(cJSON_GetObjectItem(json, "latency_ms"), "p99"));
    cJSON_Delete(json);
}

static void the_lag_is_the_sum_or_unknown(void **state)
{
    struct metrics_partition list[] = {{0, 10, 15}, {1, 20, 20}, {2, 31, 30}};
    struct metrics_state s = {.partitions = list, .partition_count = 3};
    struct metrics m;
    const cJSON *second;
    cJSON *json;

    (void)state;
    metrics_init(&m, 0);
    json = summary(&m, &s, 1);
    assert_true(number(json, "lag") == 5);
    second = cJSON_GetArrayItem(cJSON_GetObjectItem(json, "partitions"), 2);
    assert_true(number(second, "partition") == 2);
    assert_true(number(second, "offset") == 31);
    assert_true(number(second, "high_watermark") == 30);
    assert_true(number(second, "lag") == 0);
    cJSON_Delete(json);
    list[1].high_watermark = -1;
    json = summary(&m, &s, 1);
    assert_true(is_null(json, "lag"));
    second = cJSON_GetArrayItem(cJSON_GetObjectItem(json, "partitions"), 1);
    assert_true(is_null(second, "high_watermark"));
    assert_true(is_null(second, "lag"));
    cJSON_Delete(json);
}

static void a_new_interval_begins_with_nothing(void **state)
{
    const struct metrics_state s = {0};
    struct metrics m;
    cJSON *json;

    (void)state;
    metrics_init(&m, 0);
    for (int i = 0; i < 100; i++)
        settle(&m, RECORD_PROCESSED, 1000);
    metrics_next_interval(&m, 10000);
    assert_true(percentile(&m, "p50") == -1);
    for (int i = 0; i < 20; i++)
        settle(&m, RECORD_PROCESSED, 3);
    json = summary(&m, &s, 20000);
    assert_true(number(json, "messages_received") == 120);
    assert_true(number(json, "messages_per_second") == 2);
    assert_true(percentile(&m, "p99") == 3);
    cJSON_Delete(json);
}

static int compare(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return x < y ? -1 : x > y;
}

static void shares_of_the_latencies_are_right_within_one_percent(void **state)
{
    static const struct {
        const char *key;
        int percent;
    } shares[] = {{"p50", 50}, {"p95", 95}, {"p99", 99}};
    static int64_t values[5000];
    struct metrics m;
    struct rng rng;

    (void)state;
    rng_seed(&rng, 3);
    for (int shape = 0; shape < 3; shape++) {
        metrics_init(&m, 0);
        for (int i = 0; i < 5000; i++) {
            values[i] = shape == 0   ? rng_range(&rng, 0, 5)
                        : shape == 1 ? rng_range(&rng, 0, 100000)
                                     : INT64_C(1) << rng_range(&rng, 0, 31);
            settle(&m, RECORD_PROCESSED, values[i]);
        }
        qsort(values, 5000, sizeof(values[0]), compare);
        for (size_t i = 0; i < sizeof(shares) / sizeof(shares[0]); i++) {
            double exact = (double)values[5000 / 100 * shares[i].percent - 1];
            double found = percentile(&m, shares[i].key);

            assert_true(found >= exact * 0.99 - 0.5 && found <= exact * 1.01 + 0.5);
        }
    }
}

static void latencies_out_of_any_range_are_taken(void **state)
{
    static const struct {
        int64_t given;
        double low, high;
    } cases[] = {
        {INT64_MIN, 0, 0}, {-5, 0, 0}, {0, 0, 0},
        {1, 1, 1},         {2, 2, 2},  {INT64_MAX, 0x1.fp31, 0x1p32},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct metrics m;
        double found;

        metrics_init(&m, 0);
        settle(&m, RECORD_PROCESSED, cases[i].given);
        found = percentile(&m, "p50");
        assert_true(found >= cases[i].low && found <= cases[i].high);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_summary_has_its_keys_in_order),
        cmocka_unit_test(outcomes_are_counted),
        cmocka_unit_test(a_hundred_percent_says_that_nothing_failed),
        cmocka_unit_test(what_is_not_known_is_null),
        cmocka_unit_test(the_lag_is_the_sum_or_unknown),
        cmocka_unit_test(a_new_interval_begins_with_nothing),
        cmocka_unit_test(shares_of_the_latencies_are_right_within_one_percent),
        cmocka_unit_test(latencies_out_of_any_range_are_taken),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
