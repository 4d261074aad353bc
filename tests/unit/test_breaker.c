#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "flow/breaker.h"

static const struct breaker_policy policy = {.consecutive = 5, .share = 0.5, .window = 100};

static void it_opens_after_so_many_failures_in_a_row_and_closes_with_a_success(void **state)
{
    struct breaker b = {0};

    (void)state;
    for (int i = 0; i < 4; i++)
        assert_false(breaker_failure(&b, &policy));
    assert_false(breaker_success(&b, &policy));
    for (int i = 0; i < 4; i++)
        assert_false(breaker_failure(&b, &policy));
    assert_true(breaker_failure(&b, &policy));
    assert_true(breaker_failure(&b, &policy));
    assert_true(breaker_success(&b, &policy));
    assert_false(breaker_failure(&b, &policy));
}

static bool fail_one_of(struct breaker *b, int n, int records)
{
    bool was_open = false;

    for (int i = 0; i < records; i++) {
        if (i % n == 0)
            was_open |= breaker_failure(b, &policy);
        else
            breaker_success(b, &policy);
    }
    return was_open;
}

static void it_opens_when_too_large_a_share_of_a_window_fails(void **state)
{
    struct breaker rare = {0};
    struct breaker often = {0};
    bool opened = false;

    (void)state;
    assert_false(fail_one_of(&rare, 3, 1000));
    /* One of two: never five in a row, but half of each window; it ends with a failure. */
    for (int i = 0; i < 100; i++) {
        if (i % 2)
            opened |= breaker_failure(&often, &policy);
        else
            breaker_success(&often, &policy);
    }
    assert_true(opened);
}

static void a_window_is_judged_once_and_forgotten(void **state)
{
    struct breaker b = {0};

    (void)state;
    for (int i = 0; i < 1000; i++) {
        if (i % 100 < 40 && i % 4 != 0)
            breaker_failure(&b, &policy);
        else
            breaker_success(&b, &policy);
        assert_false(b.is_open);
    }
    assert_true(b.seen < policy.window);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_opens_after_so_many_failures_in_a_row_and_closes_with_a_success),
        cmocka_unit_test(it_opens_when_too_large_a_share_of_a_window_fails),
        cmocka_unit_test(a_window_is_judged_once_and_forgotten),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
