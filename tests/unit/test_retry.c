#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/rng.h"
#include "flow/retry.h"

#define DRAWS 20000

static struct retry_policy policy(enum retry_jitter jitter)
{
    return (struct retry_policy){.max_attempts = 10,
                                 .initial_delay_ms = 1000,
                                 .max_delay_ms = 1000000,
                                 .multiplier = 2,
                                 .jitter = jitter};
}

static struct rng seeded(void)
{
    struct rng rng;

    rng_seed(&rng, 7);
    return rng;
}

static void the_delay_grows_by_the_multiplier(void **state)
{
    struct retry_policy p = policy(RETRY_JITTER_NONE);
    struct rng rng = seeded();

    (void)state;
    for (int attempt = 1; attempt < 10; attempt++)
        assert_int_equal(retry_delay_ms(&p, attempt, 0, 0, &rng), 1000 << (attempt - 1));
    p.multiplier = 1.5;
    assert_int_equal(retry_delay_ms(&p, 3, 0, 0, &rng), 2250);
    p.multiplier = 1;
    assert_int_equal(retry_delay_ms(&p, 9, 0, 0, &rng), 1000);
}

/* Each kind is spread evenly over its range: the bounds are kept and come near, and each quarter of
 * the range gets a quarter of the draws. */
static void each_jitter_is_spread_evenly_between_its_bounds(void **state)
{
    static const struct {
        enum retry_jitter jitter;
        int attempt;
        int64_t previous_ms;
        int64_t low, high;
    } cases[] = {
        {RETRY_JITTER_EQUAL, 1, 0, 500, 1000},
        {RETRY_JITTER_EQUAL, 3, 0, 2000, 4000},
        {RETRY_JITTER_FULL, 1, 0, 0, 1000},
        {RETRY_JITTER_FULL, 3, 0, 0, 4000},
        {RETRY_JITTER_PROPORTIONAL, 1, 0, 750, 1250},
        {RETRY_JITTER_PROPORTIONAL, 3, 0, 3000, 5000},
        {RETRY_JITTER_DECORRELATED, 1, 0, 1000, 3000},
        {RETRY_JITTER_DECORRELATED, 5, 2000, 1000, 6000},
        {RETRY_JITTER_DECORRELATED, 2, 500, 1000, 3000},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct retry_policy p = policy(cases[i].jitter);
        struct rng rng = seeded();
        int64_t range = cases[i].high - cases[i].low;
        int quarters[4] = {0};

        for (int n = 0; n < DRAWS; n++) {
            int64_t ms = retry_delay_ms(&p, cases[i].attempt, 0, cases[i].previous_ms, &rng);

            assert_true(ms >= cases[i].low && ms <= cases[i].high);
            if (ms < cases[i].high)
                quarters[(ms - cases[i].low) * 4 / range]++;
        }
        for (int q = 0; q < 4; q++)
            assert_in_range(quarters[q], DRAWS / 4 - DRAWS / 50, DRAWS / 4 + DRAWS / 50);
    }
}

static void the_maximum_is_applied_after_the_jitter(void **state)
{
    static const enum retry_jitter jitters[] = {RETRY_JITTER_EQUAL, RETRY_JITTER_FULL,
                                                RETRY_JITTER_PROPORTIONAL,
                                                RETRY_JITTER_DECORRELATED, RETRY_JITTER_NONE};

    (void)state;
    for (size_t i = 0; i < sizeof(jitters) / sizeof(jitters[0]); i++) {
        struct retry_policy p = policy(jitters[i]);
        struct rng rng = seeded();
        int at_maximum = 0;

        p.max_delay_ms = 1100;
        for (int n = 0; n < DRAWS; n++) {
            int64_t ms = retry_delay_ms(&p, 8, 0, 100000, &rng);

            assert_in_range(ms, 0, 1100);
            at_maximum += ms == 1100;
        }
        /* Before the jitter, the maximum would be met by one draw in thousands. */
        assert_true(at_maximum > DRAWS * 9 / 10);
    }
}

static void the_attempts_are_the_budget(void **state)
{
    struct retry_policy p = policy(RETRY_JITTER_NONE);
    struct rng rng = seeded();

    (void)state;
    p.max_attempts = 3;
    assert_int_equal(retry_delay_ms(&p, 2, 0, 0, &rng), 2000);
    assert_int_equal(retry_delay_ms(&p, 3, 0, 0, &rng), -1);
    assert_int_equal(retry_delay_ms(&p, 4, 0, 0, &rng), -1);
    p.max_attempts = 1;
    assert_int_equal(retry_delay_ms(&p, 1, 0, 0, &rng), -1);
}

static void a_delay_that_would_end_after_the_set_time_ends_the_budget(void **state)
{
    struct retry_policy p = policy(RETRY_JITTER_NONE);
    struct rng rng = seeded();

    (void)state;
    p.max_elapsed_ms = 5000;
    assert_int_equal(retry_delay_ms(&p, 2, 3000, 0, &rng), 2000);
    assert_int_equal(retry_delay_ms(&p, 2, 3001, 0, &rng), -1);
    assert_int_equal(retry_delay_ms(&p, 1, 4000, 0, &rng), 1000);
    p.max_elapsed_ms = 0;
    assert_int_equal(retry_delay_ms(&p, 2, INT64_MAX, 0, &rng), 2000);
}

/* Beyond what the settings allow: still a delay within the maximum, or the end of the budget. */
static void extreme_settings_overflow_nothing(void **state)
{
    static const int64_t sizes[] = {0, 1, INT64_C(1) << 53, INT64_MAX - 1, INT64_MAX};
    static const double multipliers[] = {0, 1, 100, 1e300};
    static const int attempts[] = {1, 2, 99, 1000000, INT32_MAX - 1};
    struct rng rng = seeded();

    (void)state;
    for (int jitter = RETRY_JITTER_EQUAL; jitter <= RETRY_JITTER_NONE; jitter++)
        for (size_t i = 0; i < 5 * 5 * 4 * 5 * 5; i++) {
            const struct retry_policy p = {
                .max_attempts = INT32_MAX,
                .initial_delay_ms = sizes[i % 5],
                .max_delay_ms = sizes[i / 5 % 5],
                .multiplier = multipliers[i / 25 % 4],
                .jitter = (enum retry_jitter)jitter,
                .max_elapsed_ms = i % 2 ? 0 : INT64_MAX,
            };
            int64_t ms = retry_delay_ms(&p, attempts[i / 100 % 5], sizes[i / 500 % 5],
                                        sizes[i / 500 % 5], &rng);

            assert_true(ms >= -1 && ms <= p.max_delay_ms);
            if (p.initial_delay_ms == 0 && jitter != RETRY_JITTER_DECORRELATED)
                assert_true(ms <= 0);
            if (p.max_elapsed_ms == 0)
                assert_true(ms >= 0);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_delay_grows_by_the_multiplier),
        cmocka_unit_test(each_jitter_is_spread_evenly_between_its_bounds),
        cmocka_unit_test(the_maximum_is_applied_after_the_jitter),
        cmocka_unit_test(the_attempts_are_the_budget),
        cmocka_unit_test(a_delay_that_would_end_after_the_set_time_ends_the_budget),
        cmocka_unit_test(extreme_settings_overflow_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
