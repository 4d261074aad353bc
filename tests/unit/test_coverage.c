#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/rng.h"
#include "model/coverage.h"

#define MINUTE 60000

static void a_range_that_another_journal_tells_is_no_gap(void **state)
{
    struct coverage c = {0};
    uint64_t largest;

    (void)state;
    for (int64_t i = 0; i < 100; i++)
        coverage_add(&c, i, 0, 0);
    for (int64_t i = 5100; i < 5200; i++)
        coverage_add(&c, i, 0, MINUTE);
    assert_int_equal(coverage_missing(&c), 5000);
    assert_int_equal(coverage_missing_since(&c, 1, &largest), 5000);
    assert_int_equal(largest, 5000);
    assert_true(coverage_is_missing(&c, 100));
    for (int64_t i = 100; i < 5100; i++) {
        if (i != 777)
            coverage_add(&c, i, 0, 2 * MINUTE);
    }
    assert_int_equal(coverage_missing(&c), 1);
    assert_int_equal(coverage_missing_since(&c, 1, &largest), 1);
    assert_true(coverage_is_missing(&c, 777));
    assert_false(coverage_is_missing(&c, 778));
    assert_int_equal(coverage_missing_since(&c, MINUTE + 1, NULL), 0);
    coverage_add(&c, 777, 0, 3 * MINUTE);
    coverage_add(&c, 777, 0, 3 * MINUTE);
    assert_int_equal(coverage_missing(&c), 0);
}

static void the_order_of_reading_makes_no_difference(void **state)
{
    enum { COUNT = 3000 };
    static int64_t offsets[COUNT];
    struct rng rng;

    (void)state;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct coverage c = {0};
        uint64_t missing = 0;
        int n = 0;

        rng_seed(&rng, seed);
        for (int64_t i = 0; i < COUNT; i++) {
            if (i == 0 || i == COUNT - 1 || i % 40)
                offsets[n++] = i;
            else
                missing++;
        }
        for (int i = n - 1; i > 0; i--) {
            int j = (int)rng_range(&rng, i > 30 ? i - 30 : 0, i);
            int64_t swap = offsets[i];

            offsets[i] = offsets[j];
            offsets[j] = swap;
        }
        for (int i = 0; i < n; i++)
            coverage_add(&c, offsets[seed % 2 ? i : n - 1 - i], 0, 0);
        assert_int_equal(coverage_missing(&c), missing);
    }
}

/* Against a map of single offsets: ranges that overlap holes and the borders in every way. */
static void offsets_that_hold_no_record_are_not_missing(void **state)
{
    enum { COUNT = 400 };
    struct rng rng;

    (void)state;
    for (uint64_t seed = 1; seed <= 200; seed++) {
        bool is_known[COUNT] = {false};
        struct coverage c = {0};
        int64_t first = COUNT;
        int64_t highest = -1;

        rng_seed(&rng, seed);
        for (int n = 0; n < 60; n++) {
            int64_t offset = rng_range(&rng, 0, COUNT - 1);
            int64_t skipped = rng_range(&rng, 0, offset < 9 ? offset : 9);
            uint64_t missing = 0;

            coverage_add(&c, offset, skipped, 0);
            for (int64_t i = offset - skipped; i <= offset; i++)
                is_known[i] = true;
            first = offset - skipped < first ? offset - skipped : first;
            highest = offset > highest ? offset : highest;
            for (int64_t i = first; i <= highest; i++) {
                missing += !is_known[i];
                assert_int_equal(coverage_is_missing(&c, i), !is_known[i]);
            }
            assert_int_equal(coverage_missing(&c), missing);
        }
    }
}

static void what_a_journal_says_is_gone_is_missing_unless_it_was_told(void **state)
{
    struct coverage c = {0};

    (void)state;
    coverage_skip(&c, 10, 20, 0);
    assert_int_equal(coverage_missing(&c), 10);
    coverage_add(&c, 20, 0, 0);
    coverage_skip(&c, 15, 20, 0);
    assert_int_equal(coverage_missing(&c), 10);
    coverage_add(&c, 12, 0, 0);
    assert_int_equal(coverage_missing(&c), 9);
    coverage_skip(&c, 15, 31, 0);
    assert_int_equal(coverage_missing(&c), 19);
    assert_int_equal(c.highest, 30);
}

static void more_holes_than_places_are_still_counted(void **state)
{
    struct coverage c = {0};

    (void)state;
    for (int64_t i = 0; i <= 2000; i += 2)
        coverage_add(&c, i, 0, 0);
    assert_int_equal(c.count, COVERAGE_HOLES);
    assert_int_equal(coverage_missing(&c), 1000);
    coverage_add(&c, 1999, 0, 0);
    assert_int_equal(coverage_missing(&c), 999);
    coverage_add(&c, INT64_MAX, 0, 0);
    assert_int_equal(c.highest, INT64_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_range_that_another_journal_tells_is_no_gap),
        cmocka_unit_test(the_order_of_reading_makes_no_difference),
        cmocka_unit_test(offsets_that_hold_no_record_are_not_missing),
        cmocka_unit_test(what_a_journal_says_is_gone_is_missing_unless_it_was_told),
        cmocka_unit_test(more_holes_than_places_are_still_counted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
