#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "flow/watermark.h"

static int set_up(void **state)
{
    static struct watermark t;

    watermark_init(&t);
    *state = &t;
    return 0;
}

static int tear_down(void **state)
{
    watermark_release(*state);
    return 0;
}

static void only_what_is_durable_may_be_stored(void **state)
{
    struct watermark *t = *state;

    assert_int_equal(watermark_take_durable(t, 100), -1);
    for (uint64_t batch = 1; batch <= 20; batch++)
        watermark_add(t, 2 * batch, (int64_t)batch * 10);
    assert_int_equal(watermark_take_durable(t, 1), -1);
    assert_int_equal(watermark_take_durable(t, 2), 10);
    assert_int_equal(watermark_take_durable(t, 2), -1);
    assert_int_equal(watermark_take_durable(t, 11), 50);
    assert_int_equal(watermark_take_durable(t, 11), -1);
    watermark_add(t, 42, 500);
    assert_int_equal(watermark_take_durable(t, UINT64_MAX), 500);
    assert_true(watermark_is_durable(t));
}

static void what_is_not_on_the_disk_is_left(void **state)
{
    struct watermark *t = *state;

    watermark_begin(t, 10);
    assert_int_equal(watermark_remaining(t), 0);
    assert_true(watermark_is_durable(t));
    watermark_settle(t, 10, -1);
    watermark_settle(t, 11, -1);
    assert_int_equal(watermark_remaining(t), 2);
    watermark_hand_over(t, 1);
    watermark_settle(t, 12, -1);
    assert_int_equal(watermark_remaining(t), 3);
    assert_int_equal(watermark_take_durable(t, 1), 12);
    assert_int_equal(watermark_remaining(t), 1);
    watermark_hand_over(t, 2);
    assert_int_equal(watermark_remaining(t), 1);
    assert_false(watermark_is_durable(t));
    assert_int_equal(watermark_take_durable(t, 2), 13);
    assert_int_equal(watermark_remaining(t), 0);
    assert_true(watermark_is_durable(t));
}

static void where_the_beginning_was_not_known_the_first_record_is_it(void **state)
{
    struct watermark *t = *state;

    watermark_begin(t, -1);
    assert_int_equal(watermark_remaining(t), 0);
    watermark_settle(t, 7, -1);
    assert_int_equal(watermark_remaining(t), 1);
}

static void a_setting_back_is_over_when_its_line_is_durable(void **state)
{
    struct watermark *t = *state;

    watermark_begin(t, 3);
    t->next = 3; /* a line of no record */
    t->is_reset = true;
    watermark_hand_over(t, 1);
    assert_int_equal(watermark_remaining(t), 0);
    assert_false(watermark_is_durable(t));
    assert_int_equal(watermark_take_durable(t, 0), -1);
    assert_true(t->is_reset);
    assert_int_equal(watermark_take_durable(t, 1), 3);
    assert_false(t->is_reset);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(only_what_is_durable_may_be_stored),
        TEST(what_is_not_on_the_disk_is_left),
        TEST(where_the_beginning_was_not_known_the_first_record_is_it),
        TEST(a_setting_back_is_over_when_its_line_is_durable),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
