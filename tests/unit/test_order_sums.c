#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/mem.h"
#include "model/journal_line.h"
#include "model/order_sums.h"

#define NOW INT64_C(1795367071402)

static void count(struct order_sums *s, int64_t at_ms, const char *text)
{
    struct journal_line line = {.order = {.kind = JSON_OBJECT, .text = text, .len = strlen(text)}};
    struct journal_order order;

    journal_line_order(&line, &order);
    if (order.has_total)
        order_sums_value(s, at_ms, order.currency, order.total);
    order_sums_items(s, at_ms, &line.order);
}

static void a_minute_is_summed_per_currency_and_the_top_item_named(void **state)
{
    struct order_sums *s = mem_alloc(sizeof(*s));
    struct order_report r;

    (void)state;
    order_sums_report(s, NOW, &r);
    assert_int_equal(r.orders, 0);
    assert_null(r.top_item);
    for (int i = 0; i < 3; i++)
        count(
            s, NOW - 2000 - i * INT64_C(20000),
            "{\"items\":[{\"item_name\":\"Tea\",\"quantity\":1},"
            "{\"quantity\":2,\"item_name\":\"Caf\\u00e9\"}],\"total\":9.60,\"currency\":\"EUR\"}");
    count(s, NOW - 5000,
          "{\"currency\":\"USD\",\"total\":1000000.01,\"items\":[{\"item_name\":\"Tea\","
          "\"quantity\":4}]}");
    count(s, NOW - 61500, "{\"currency\":\"EUR\",\"total\":7}"); /* too old */
    count(s, NOW - 100, "{\"currency\":\"EUR\",\"total\":7}");   /* the second still runs */
    order_sums_report(s, NOW, &r);
    assert_int_equal(r.orders, 4);
    assert_int_equal(r.currency_count, 2);
    assert_string_equal(r.currencies[0].name, "EUR");
    assert_int_equal(r.currencies[0].orders, 3);
    assert_int_equal(r.currencies[0].cents, 3 * 960);
    assert_int_equal(r.currencies[1].cents, 100000001);
    assert_int_equal(r.quantity, 13);
    assert_string_equal(r.top_item, "Tea");
    assert_int_equal(r.top_quantity, 7);
    order_sums_report(s, NOW + 3600000, &r);
    assert_int_equal(r.orders, 0);
    free(s);
}

static void what_is_no_order_of_ours_is_left_out(void **state)
{
    static const char *const others[] = {
        "{}",
        "[]",
        "{\"total\":\"9\",\"currency\":\"EUR\"}",
        "{\"total\":9,\"currency\":\"\"}",
        "{\"total\":1e300,\"currency\":\"EUR\"}",
        "{\"items\":[{\"item_name\":\"x\",\"quantity\":-3},{\"quantity\":3},7,{\"item_name\":\"\"}]"
        "}",
        "{\"items\":{\"item_name\":\"x\"}}",
    };
    struct order_sums *s = mem_alloc(sizeof(*s));
    struct order_report r;

    (void)state;
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        count(s, NOW - 2000, others[i]);
    order_sums_report(s, NOW, &r);
    assert_int_equal(r.orders, 0);
    assert_int_equal(r.quantity, 0);
    assert_null(r.top_item);
    free(s);
}

static void names_beyond_the_places_change_nothing(void **state)
{
    struct order_sums *s = mem_alloc(sizeof(*s));
    struct order_report r;
    char text[160];

    (void)state;
    for (int i = 0; i < 300; i++) {
        snprintf(text, sizeof(text),
                 "{\"items\":[{\"item_name\":\"item "
                 "%d\",\"quantity\":1}],\"total\":1,\"currency\":\"C%d\"}",
                 i, i);
        count(s, NOW - 2000 - i / 50 * INT64_C(1000), text);
    }
    order_sums_report(s, NOW, &r);
    assert_int_equal(r.orders, ORDER_CURRENCIES);
    assert_int_equal(r.quantity, ORDER_ITEMS);
    assert_int_equal(r.sampled, 300);
    free(s);
}

static void only_some_orders_of_a_second_are_looked_into(void **state)
{
    struct order_sums *s = mem_alloc(sizeof(*s));
    struct order_report r;

    (void)state;
    for (int i = 0; i < 5000; i++)
        count(s, NOW - 2000,
              "{\"items\":[{\"item_name\":\"Tea\",\"quantity\":3}],\"total\":1,\"currency\":"
              "\"EUR\"}");
    order_sums_report(s, NOW, &r);
    assert_int_equal(r.orders, 5000);
    assert_int_equal(r.sampled, ORDER_SAMPLE);
    assert_int_equal(r.quantity, 3 * ORDER_SAMPLE);
    free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_minute_is_summed_per_currency_and_the_top_item_named),
        cmocka_unit_test(what_is_no_order_of_ours_is_left_out),
        cmocka_unit_test(only_some_orders_of_a_second_are_looked_into),
        cmocka_unit_test(names_beyond_the_places_change_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
