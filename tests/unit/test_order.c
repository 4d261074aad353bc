#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "model/order.h"

/* 2 x 10.00 + 1 x 5.50, tax 2.55, shipping 4.95. */
struct sample {
    struct order order;
    struct order_item items[2];
};

static struct order *good(struct sample *s)
{
    static const struct order_item items[] = {
        {"SKU-1", "Pen", 2, 1000, 2000, true, true, true},
        {"SKU-2", "Paper", 1, 550, 550, true, true, true},
    };

    memcpy(s->items, items, sizeof(items));
    s->order = (struct order){.order_id = "o-1",
                              .sequence = 1,
                              .has_sequence = true,
                              .status = "pending",
                              .customer = {.customer_id = "c-1", .name = "Ada"},
                              .items = s->items,
                              .item_count = 2,
                              .subtotal = 2550,
                              .tax = 255,
                              .shipping_fee = 495,
                              .total = 3300,
                              .has_subtotal = true,
                              .has_tax = true,
                              .has_shipping_fee = true,
                              .has_total = true};
    return &s->order;
}

static void assert_valid(const struct order *o)
{
    char why[256] = "";

    if (!order_check(o, why, sizeof(why)))
        fail_msg("%s", why);
}

static void assert_refused(const struct order *o, const char *reason)
{
    char why[256] = "";

    assert_false(order_check(o, why, sizeof(why)));
    assert_string_equal(why, reason);
}

static void a_good_order_passes(void **state)
{
    struct sample s;

    (void)state;
    assert_valid(good(&s));
}

static void each_required_text_has_to_be_there(void **state)
{
    static const char *const names[] = {
        "order_id",           "status",           "customer_info.customer_id",
        "customer_info.name", "items[1].item_id", "items[1].item_name"};
    static const struct {
        const char *text;
        const char *what;
    } values[] = {
        {NULL, "missing"},
        {"", "empty"},
        {" \t\r\n\v\f", "empty"},
        {"\xc2\xa0\xe3\x80\x80\xe2\x80\xa8", "empty"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        for (size_t k = 0; k < sizeof(values) / sizeof(values[0]); k++) {
            struct sample s;
            struct order *o = good(&s);
            const char **texts[] = {
                &o->order_id,      &o->status,          &o->customer.customer_id,
                &o->customer.name, &s.items[1].item_id, &s.items[1].item_name};
            char reason[128];

            *texts[i] = values[k].text;
            snprintf(reason, sizeof(reason), "%s is %s", names[i], values[k].what);
            assert_refused(o, reason);
            *texts[i] = " x ";
            assert_valid(o);
        }
    }
}

static void each_required_number_has_to_be_there(void **state)
{
    static const char *const names[] = {"sequence",
                                        "subtotal",
                                        "total",
                                        "items[1].quantity",
                                        "items[1].unit_price",
                                        "items[1].total_price"};

    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct sample s;
        struct order *o = good(&s);
        bool *numbers[] = {
            &o->has_sequence,         &o->has_subtotal,           &o->has_total,
            &s.items[1].has_quantity, &s.items[1].has_unit_price, &s.items[1].has_total_price};
        char reason[128];

        *numbers[i] = false;
        snprintf(reason, sizeof(reason), "%s is missing", names[i]);
        assert_refused(o, reason);
    }
}

static void tax_and_shipping_may_be_absent(void **state)
{
    struct sample s;
    struct order *o = good(&s);

    (void)state;
    o->has_tax = o->has_shipping_fee = false;
    o->tax = o->shipping_fee = 0;
    o->total = o->subtotal;
    assert_valid(o);
}

static void an_order_without_items_is_refused(void **state)
{
    struct sample s;
    struct order *o = good(&s);

    (void)state;
    o->item_count = 0;
    o->subtotal = 0;
    o->total = 750;
    assert_refused(o, "items: there are none");
}

static void numbers_below_their_bounds_are_refused(void **state)
{
    struct sample s;
    struct order *o = good(&s);

    (void)state;
    o->sequence = 0;
    assert_refused(o, "sequence 0 is less than 1");
    o->sequence = INT64_MIN;
    assert_refused(o, "sequence -9223372036854775808 is less than 1");
    good(&s);
    s.items[0].quantity = 0;
    assert_refused(o, "items[0].quantity 0 is less than 1");
    good(&s);
    s.items[0].unit_price = 0;
    s.items[0].total_price = 0;
    assert_refused(o, "items[0].unit_price 0.00 is not above 0");
    s.items[0].unit_price = -5;
    assert_refused(o, "items[0].unit_price -0.05 is not above 0");
    good(&s);
    o->tax = -1;
    o->total -= 256;
    assert_refused(o, "tax -0.01 is less than 0");
    good(&s);
    o->shipping_fee = -100;
    assert_refused(o, "shipping_fee -1.00 is less than 0");
    good(&s);
    o->tax = o->shipping_fee = 0;
    o->total = o->subtotal;
    assert_valid(o);
}

static void amounts_may_be_off_by_one_cent_and_no_more(void **state)
{
    (void)state;
    for (int64_t off = -2; off <= 2; off++) {
        struct sample s;
        struct order *o = good(&s);
        bool fine = off >= -1 && off <= 1;
        char why[256];

        s.items[0].total_price += off;
        o->subtotal += off; /* only the item's own rule is in doubt */
        o->total += off;
        assert_int_equal(order_check(o, why, sizeof(why)), fine);
        good(&s);
        o->subtotal += off;
        o->total += off;
        assert_int_equal(order_check(o, why, sizeof(why)), fine);
        good(&s);
        o->total += off;
        assert_int_equal(order_check(o, why, sizeof(why)), fine);
    }
}

static void the_reason_shows_the_sum_that_is_wrong(void **state)
{
    struct sample s;
    struct order *o = good(&s);

    (void)state;
    s.items[1].total_price = 1100;
    assert_refused(o, "items[1].total_price 11.00 does not equal quantity 1 x unit_price 5.50");
    good(&s);
    o->subtotal = 2000;
    assert_refused(o, "subtotal 20.00 does not equal the sum of the items 25.50");
    good(&s);
    o->total = -3300;
    assert_refused(o, "total -33.00 does not equal subtotal 25.50 + tax 2.55 + shipping_fee 4.95");
}

static void sums_beyond_64_bits_are_refused_and_not_wrapped(void **state)
{
    struct sample s;
    struct order *o = good(&s);

    (void)state;
    s.items[0].quantity = INT64_MAX;
    assert_refused(o, "items[0].total_price 20.00 does not equal quantity 9223372036854775807 x "
                      "unit_price 10.00");
    s.items[0].quantity = (INT64_C(1) << 61) + 2; /* 64 bits of the product would be 2000 */
    assert_false(order_check(o, (char[8]){0}, 8));
    s.items[0].unit_price = ORDER_MAX_CENTS;
    s.items[0].total_price = -1;
    assert_false(order_check(o, (char[8]){0}, 8));
    good(&s);
    o->subtotal = INT64_MIN;
    assert_false(order_check(o, (char[8]){0}, 8));
}

static void an_email_is_local_at_domain_dot_tld(void **state)
{
    static const char *const fine[] = {
        "", "  ", "a@b.c", "ada.l+x@mail.example.org", "ü@exämple.de", "a@b-c.d"};
    static const char *const bad[] = {
        "a",
        "@",
        "a@",
        "@b.c",
        "a@b",
        "a@b@c.d",
        "a@.b",
        "a@b.",
        "a@b..c",
        "a b@c.de",
        "a@b .c",
        " a@b.c",
        "a@b.c\n",
        "a@.",
        "a@@b.c",
        "a.b",
        "a@b\tc.d",
        "a@b.c\xc2\xa0",
        "a@b\xe2\x80\x83.c",
        ".@",
    };
    struct sample s;
    struct order *o = good(&s);

    (void)state;
    for (size_t i = 0; i < sizeof(fine) / sizeof(fine[0]); i++) {
        o->customer.email = fine[i];
        assert_valid(o);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        o->customer.email = bad[i];
        assert_refused(o, "customer_info.email is not local@domain.tld");
    }
}

static void a_reason_is_cut_to_its_room(void **state)
{
    struct sample s;
    struct order *o = good(&s);
    char why[12];

    (void)state;
    o->order_id = NULL;
    assert_false(order_check(o, why, sizeof(why)));
    assert_string_equal(why, "order_id is");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_good_order_passes),
        cmocka_unit_test(each_required_text_has_to_be_there),
        cmocka_unit_test(each_required_number_has_to_be_there),
        cmocka_unit_test(tax_and_shipping_may_be_absent),
        cmocka_unit_test(an_order_without_items_is_refused),
        cmocka_unit_test(numbers_below_their_bounds_are_refused),
        cmocka_unit_test(amounts_may_be_off_by_one_cent_and_no_more),
        cmocka_unit_test(the_reason_shows_the_sum_that_is_wrong),
        cmocka_unit_test(sums_beyond_64_bits_are_refused_and_not_wrapped),
        cmocka_unit_test(an_email_is_local_at_domain_dot_tld),
        cmocka_unit_test(a_reason_is_cut_to_its_room),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
