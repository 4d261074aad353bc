#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/mem.h"
#include "base/rng.h"
#include "model/histogram.h"
#include "model/window.h"

#define NOW INT64_C(1795367071402)

static int ascending(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a;
    int64_t y = *(const int64_t *)b;

    return (x > y) - (x < y);
}

static void quantiles_are_within_one_percent_of_the_sorted_values(void **state)
{
    static const int64_t largest[] = {10, 127, 128, 1000, 60000, 5000000, 3000000000};
    static const double shares[] = {0, 0.01, 0.25, 0.5, 0.9, 0.95, 0.99, 0.999, 1};
    enum { COUNT = 20000 };
    static int64_t values[COUNT];
    struct rng rng;

    (void)state;
    rng_seed(&rng, 3);
    for (size_t k = 0; k < sizeof(largest) / sizeof(largest[0]); k++) {
        struct histogram *h = mem_alloc(sizeof(*h));

        for (int i = 0; i < COUNT; i++) {
            values[i] = rng_range(&rng, 0, largest[k]);
            histogram_add(h, values[i]);
        }
        qsort(values, COUNT, sizeof(values[0]), ascending);
        for (size_t q = 0; q < sizeof(shares) / sizeof(shares[0]); q++) {
            double exact_rank = shares[q] * COUNT;
            int64_t rank = (int64_t)exact_rank + ((double)(int64_t)exact_rank < exact_rank);
            int64_t exact = values[rank ? rank - 1 : 0];
            int64_t got = histogram_quantile(h, shares[q]);

            assert_true(llabs(got - exact) * 100 <= exact);
        }
        free(h);
    }
}

static void histograms_add_up(void **state)
{
    struct histogram *sum = mem_alloc(sizeof(*sum));
    struct histogram *part = mem_alloc(sizeof(*part));

    (void)state;
    assert_int_equal(histogram_quantile(sum, 0.5), -1);
    histogram_add(sum, 5);
    histogram_add(part, 90);
    histogram_add(part, 91);
    histogram_merge(sum, part);
    assert_int_equal(sum->count, 3);
    assert_int_equal(histogram_quantile(sum, 0.5), 90);
    assert_int_equal(histogram_quantile(sum, 1), 91);
    free(sum);
    free(part);
}

static void values_outside_are_clamped(void **state)
{
    struct histogram *h = mem_alloc(sizeof(*h));

    (void)state;
    histogram_add(h, -5);
    assert_int_equal(histogram_quantile(h, 1), 0);
    histogram_add(h, INT64_MAX);
    assert_true(histogram_quantile(h, 1) > HISTOGRAM_LARGEST / 100 * 99);
    free(h);
}

static void count(struct window *w, int64_t at_ms, int64_t now_ms)
{
    struct window_second *s = window_slot(w, at_ms, now_ms);

    if (s)
        s->received++;
}

static void the_running_second_is_not_counted(void **state)
{
    struct window *w = mem_alloc(sizeof(*w));

    (void)state;
    count(w, 10999, 10999);
    assert_int_equal(window_sum(w, 10999, 10).seconds, 0);
    assert_int_equal(window_sum(w, 11000, 10).seconds, 1);
    assert_int_equal(window_sum(w, 11000, 10).received, 1);
    assert_int_equal(window_sum(w, 20999, 10).received, 1);
    assert_int_equal(window_sum(w, 21000, 10).received, 0);
    assert_int_equal(window_sum(w, 21000, 10).seconds, 10);
    free(w);
}

static void a_window_is_right_after_hours_and_across_slots(void **state)
{
    struct window *w = mem_alloc(sizeof(*w));

    (void)state;
    for (int64_t second = 0; second < 20000; second++) {
        for (int i = 0; i < (int)(second % 3); i++)
            count(w, NOW + second * 1000, NOW + second * 1000);
        if (second > 1000 && second % 97 == 0) {
            struct window_sum sum = window_sum(w, NOW + second * 1000, 900);

            assert_int_equal(sum.seconds, 900);
            assert_int_equal(sum.received, 900);
            assert_int_equal(sum.peak, 2);
        }
    }
    free(w);
}

static void what_is_too_old_or_too_far_ahead_pushes_nothing_out(void **state)
{
    struct window *w = mem_alloc(sizeof(*w));

    (void)state;
    for (int i = 1; i <= 900; i++)
        count(w, NOW - i * INT64_C(1000), NOW);
    assert_null(window_slot(w, NOW - 902000, NOW));
    assert_null(window_slot(w, NOW + 3600000, NOW));
    for (int i = 0; i < 120; i++)
        count(w, NOW + i * INT64_C(1000), NOW); /* a clock that is two minutes ahead */
    assert_int_equal(window_sum(w, NOW, 900).received, 900);
    free(w);
}

static void a_clock_that_jumps_back_forgets_nothing_and_one_that_jumps_ahead_starts_anew(
    void **state)
{
    struct window *w = mem_alloc(sizeof(*w));

    (void)state;
    for (int i = 1; i <= 60; i++)
        count(w, NOW - i * INT64_C(1000), NOW);
    assert_int_equal(window_sum(w, NOW - 30000, 10).received, 10);
    assert_int_equal(window_sum(w, NOW, 60).received, 60);
    assert_int_equal(window_sum(w, NOW + 86400000, 60).received, 0);
    assert_int_equal(window_sum(w, NOW + 86400000, 60).seconds, 60);
    free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(quantiles_are_within_one_percent_of_the_sorted_values),
        cmocka_unit_test(histograms_add_up),
        cmocka_unit_test(values_outside_are_clamped),
        cmocka_unit_test(the_running_second_is_not_counted),
        cmocka_unit_test(a_window_is_right_after_hours_and_across_slots),
        cmocka_unit_test(what_is_too_old_or_too_far_ahead_pushes_nothing_out),
        cmocka_unit_test(
            a_clock_that_jumps_back_forgets_nothing_and_one_that_jumps_ahead_starts_anew),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
