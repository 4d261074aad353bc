#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "base/arena.h"
#include "base/rfc3339.h"
#include "base/utf8.h"
#include "model/json_reader.h"
#include "producer/order_corruptor.h"
#include "producer/order_gen.h"
#include "model/order_json.h"

#define NOW_MS INT64_C(1795367071402) /* 2026-11-22T17:04:31.402Z */

/* What a tracker says to the message. */
static enum record_reason judge(const struct order_message *m, struct arena *arena, char *why,
                                size_t why_size)
{
    struct order o;

    arena_reset(arena);
    if (!m->has_value)
        return RECORD_NULL_VALUE;
    if (!order_decode(strbuf_text(&m->value), m->value.len, arena, &o, why, why_size))
        return RECORD_DESERIALIZE;
    return order_check(&o, why, why_size) ? RECORD_REASON_NONE : RECORD_VALIDATE;
}

/* Changes here change every run with a seed: on purpose only. */
static void the_first_order_of_seed_1_is_known(void **state)
{
    static const char golden[] =
        "{\"order_id\":\"1bc11473-d280-44a0-aa4f-7bbef2a5a194\",\"sequence\":1,\"status\":\"p"
        "ending\",\"customer_info\":{\"customer_id\":\"CUST-13151\",\"name\":\"James Washingt"
        "on\",\"email\":\"jwashington@example.com\",\"phone\":\"+1 404 555 0176\",\"address\""
        ":\"885 Edgewood Ave NE, Atlanta, GA 30307\",\"loyalty_level\":\"bronze\"},\"items\":"
        "[{\"item_id\":\"SKU-50018\",\"item_name\":\"Fountain Pen, Fine Nib\",\"quantity\":2,"
        "\"unit_price\":39.79,\"total_price\":79.58}],\"inventory\":{\"item_id\":\"SKU-50018"
        "\",\"item_name\":\"Fountain Pen, Fine Nib\",\"available_qty\":163,\"reserved_qty\":2"
        ",\"unit_price\":39.79,\"in_stock\":true,\"warehouse\":\"EWR-9 Carteret\"},\"subtotal"
        "\":79.58,\"tax\":6.57,\"shipping_fee\":8.71,\"total\":94.86,\"currency\":\"USD\",\"p"
        "ayment_method\":\"apple_pay\",\"metadata\":{\"timestamp\":\"2026-11-22T17:04:31.402Z"
        "\",\"version\":\"1.0\",\"event_type\":\"order.created\",\"source\":\"producer-servic"
        "e\",\"correlation_id\":\"e418b571-ccc4-4341-b474-a7fd3ed0cb44\"}}";
    struct order_gen g;
    struct order_message m = {0};

    (void)state;
    order_gen_init(&g, 1, 0);
    order_gen_next(&g, NOW_MS, &m);
    assert_string_equal(m.value.data, golden);
    assert_memory_equal(m.value.data + strlen("{\"order_id\":\""), m.key.data, m.key.len);
    assert_non_null(strstr(m.value.data, m.correlation_id.data));
    assert_true(m.has_value);
    assert_null(m.broken);
    assert_int_equal(m.reason, RECORD_REASON_NONE);
    assert_true(m.timestamp_ms == NOW_MS);
    order_message_release(&m);
}

static void the_same_seed_gives_the_same_messages(void **state)
{
    struct order_gen a;
    struct order_gen b;
    struct order_message ma = {0};
    struct order_message mb = {0};

    (void)state;
    order_gen_init(&a, 42, 0.5);
    order_gen_init(&b, 42, 0.5);
    for (int i = 0; i < 2000; i++) {
        order_gen_next(&a, NOW_MS + i, &ma);
        order_gen_next(&b, NOW_MS + i, &mb);
        assert_int_equal(ma.has_value, mb.has_value);
        assert_int_equal(ma.value.len, mb.value.len);
        assert_memory_equal(strbuf_text(&ma.value), strbuf_text(&mb.value), ma.value.len);
        assert_string_equal(ma.key.data, mb.key.data);
        assert_ptr_equal(ma.broken, mb.broken);
    }
    order_message_release(&ma);
    order_message_release(&mb);
}

/* All but metadata.timestamp is the seed's. */
static void the_clock_changes_nothing_but_the_timestamp(void **state)
{
    char early[RFC3339_SIZE];
    char late[RFC3339_SIZE];
    struct order_gen a;
    struct order_gen b;
    struct order_message ma = {0};
    struct order_message mb = {0};
    char *at;

    (void)state;
    rfc3339_format(NOW_MS, early);
    rfc3339_format(NOW_MS + 86400000, late);
    order_gen_init(&a, 7, 0);
    order_gen_init(&b, 7, 0);
    for (int i = 0; i < 100; i++) {
        order_gen_next(&a, NOW_MS, &ma);
        order_gen_next(&b, NOW_MS + 86400000, &mb);
        at = strstr(mb.value.data, late);
        assert_non_null(at);
        memcpy(at, early, strlen(early));
        assert_string_equal(ma.value.data, mb.value.data);
    }
    order_message_release(&ma);
    order_message_release(&mb);
}

static void breaking_some_leaves_the_others_as_they_are(void **state)
{
    struct order_gen whole;
    struct order_gen some;
    struct order_message mw = {0};
    struct order_message ms = {0};
    int same = 0;

    (void)state;
    order_gen_init(&whole, 5, 0);
    order_gen_init(&some, 5, 0.3);
    for (int i = 0; i < 1000; i++) {
        order_gen_next(&whole, NOW_MS, &mw);
        order_gen_next(&some, NOW_MS, &ms);
        assert_string_equal(mw.key.data, ms.key.data);
        if (ms.broken)
            continue;
        assert_string_equal(mw.value.data, ms.value.data);
        same++;
    }
    assert_in_range(same, 630, 770);
    order_message_release(&mw);
    order_message_release(&ms);
}

static void seeds_differ(void **state)
{
    struct order_gen g;
    struct order_message m = {0};
    char keys[200][40];

    (void)state;
    for (size_t i = 0; i < 200; i++) {
        order_gen_init(&g, i / 2, 0);
        order_gen_next(&g, NOW_MS, &m);
        if (i % 2)
            order_gen_next(&g, NOW_MS, &m);
        strcpy(keys[i], m.key.data);
        for (size_t k = 0; k < i; k++)
            assert_string_not_equal(keys[i], keys[k]);
    }
    order_message_release(&m);
}

static void assert_uuid4(const char *text)
{
    assert_int_equal(strlen(text), 36);
    for (size_t i = 0; i < 36; i++) {
        if (i == 8 || i == 13 || i == 18 || i == 23)
            assert_int_equal(text[i], '-');
        else
            assert_non_null(memchr("0123456789abcdef", text[i], 16));
    }
    assert_int_equal(text[14], '4');
    assert_non_null(memchr("89ab", text[19], 4));
}

struct seen {
    const char *texts[128];
    size_t count;
};

static void note(struct seen *s, struct arena *keep, const char *text)
{
    for (size_t i = 0; i < s->count; i++)
        if (strcmp(s->texts[i], text) == 0)
            return;
    assert_true(s->count < sizeof(s->texts) / sizeof(s->texts[0]));
    s->texts[s->count++] = arena_strndup(keep, text, strlen(text));
}

static void good_orders_are_valid_varied_and_about_1_kb(void **state)
{
    struct seen customers = {0};
    struct seen products = {0};
    struct seen currencies = {0};
    struct seen warehouses = {0};
    struct seen payments = {0};
    struct seen levels = {0};
    struct arena keep = {0};
    struct arena arena = {0};
    struct order_gen g;
    struct order_message m = {0};
    struct order o;
    size_t bytes = 0;
    size_t by_items[6] = {0};
    size_t with_notes = 0;
    size_t beyond_ascii = 0;
    char why[256];
    const int n = 20000;

    (void)state;
    order_gen_init(&g, 3, 0);
    for (int i = 1; i <= n; i++) {
        order_gen_next(&g, NOW_MS + i, &m);
        if (judge(&m, &arena, why, sizeof(why)) != RECORD_REASON_NONE)
            fail_msg("%s: %s", why, m.value.data);
        assert_true(order_decode(m.value.data, m.value.len, &arena, &o, why, sizeof(why)));
        assert_int_equal(o.sequence, i);
        assert_true(o.metadata.timestamp_ms == NOW_MS + i);
        assert_string_equal(o.order_id, m.key.data);
        assert_uuid4(o.order_id);
        assert_string_equal(o.metadata.correlation_id, m.correlation_id.data);
        assert_uuid4(o.metadata.correlation_id);
        assert_in_range(o.item_count, 1, 5);
        assert_int_equal(o.total, o.subtotal + o.tax + o.shipping_fee);
        bytes += m.value.len;
        by_items[o.item_count]++;
        with_notes += o.delivery_notes != NULL;
        for (const char *p = o.customer.name; *p; p++)
            if (*p & 0x80) {
                beyond_ascii++;
                break;
            }
        note(&customers, &keep, o.customer.customer_id);
        note(&currencies, &keep, o.currency);
        note(&warehouses, &keep, o.inventory.warehouse);
        note(&payments, &keep, o.payment_method);
        note(&levels, &keep, o.customer.loyalty_level);
        for (size_t k = 0; k < o.item_count; k++)
            note(&products, &keep, o.items[k].item_id);
    }
    assert_in_range(bytes / (size_t)n, 900, 1150);
    for (size_t k = 1; k <= 5; k++)
        assert_true(by_items[k] > (size_t)n / 50);
    assert_in_range(with_notes, n / 4, n / 3 + n / 50);
    assert_true(beyond_ascii > (size_t)n / 3);
    assert_true(customers.count >= 40);
    assert_true(products.count >= 40);
    assert_true(currencies.count >= 8);
    assert_true(warehouses.count >= 10);
    assert_true(payments.count >= 8);
    assert_int_equal(levels.count, 4);
    order_message_release(&m);
    arena_release(&arena);
    arena_release(&keep);
}

static void decoding_and_encoding_gives_the_same_bytes_again(void **state)
{
    struct arena arena = {0};
    struct order_gen g;
    struct order_message m = {0};
    struct strbuf again = {0};
    struct order o;
    char why[256];

    (void)state;
    order_gen_init(&g, 11, 0);
    for (int i = 0; i < 2000; i++) {
        order_gen_next(&g, NOW_MS, &m);
        arena_reset(&arena);
        assert_true(order_decode(m.value.data, m.value.len, &arena, &o, why, sizeof(why)));
        strbuf_reset(&again);
        order_encode(&o, &again);
        assert_string_equal(again.data, m.value.data);
        strbuf_reset(&again);
        json_minify(m.value.data, m.value.len, &again);
        assert_string_equal(again.data, m.value.data);
    }
    strbuf_release(&again);
    order_message_release(&m);
    arena_release(&arena);
}

static size_t row_of(const char *name)
{
    for (size_t i = 0; i < order_corruptor_count; i++)
        if (strcmp(order_corruptors[i].name, name) == 0)
            return i;
    fail_msg("no corruptor is called %s", name);
    return 0;
}

static void every_broken_order_is_refused_for_its_reason(void **state)
{
    struct arena arena = {0};
    struct order_message m = {0};
    size_t times[64] = {0};
    char why[256];

    (void)state;
    assert_true(order_corruptor_count <= 64);
    for (uint64_t seed = 0; seed < 4000; seed++) {
        struct order_gen g;

        order_gen_init(&g, seed, 1);
        for (int i = 0; i < 20; i++) {
            enum record_reason reason;

            order_gen_next(&g, NOW_MS, &m);
            assert_non_null(m.broken);
            times[row_of(m.broken)]++;
            reason = judge(&m, &arena, why, sizeof(why));
            if (reason != m.reason)
                fail_msg("%s: expected %s, got %s (%s): %s", m.broken, record_reason_name(m.reason),
                         record_reason_name(reason), why, strbuf_text(&m.value));
        }
    }
    for (size_t i = 0; i < order_corruptor_count; i++)
        assert_true(times[i] > 1000);
    order_message_release(&m);
    arena_release(&arena);
}

static void the_share_of_broken_orders_is_the_rate(void **state)
{
    struct arena arena = {0};
    struct order_gen g;
    struct order_message m = {0};
    size_t broken = 0;
    size_t refused = 0;
    char why[256];

    (void)state;
    order_gen_init(&g, 2, 0.2);
    for (int i = 0; i < 20000; i++) {
        order_gen_next(&g, NOW_MS, &m);
        broken += m.broken != NULL;
        refused += judge(&m, &arena, why, sizeof(why)) != RECORD_REASON_NONE;
        assert_int_equal(m.broken != NULL, m.reason != RECORD_REASON_NONE);
    }
    assert_in_range(broken, 3800, 4200);
    assert_int_equal(refused, broken);
    order_message_release(&m);
    arena_release(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_order_of_seed_1_is_known),
        cmocka_unit_test(the_same_seed_gives_the_same_messages),
        cmocka_unit_test(the_clock_changes_nothing_but_the_timestamp),
        cmocka_unit_test(breaking_some_leaves_the_others_as_they_are),
        cmocka_unit_test(seeds_differ),
        cmocka_unit_test(good_orders_are_valid_varied_and_about_1_kb),
        cmocka_unit_test(decoding_and_encoding_gives_the_same_bytes_again),
        cmocka_unit_test(every_broken_order_is_refused_for_its_reason),
        cmocka_unit_test(the_share_of_broken_orders_is_the_rate),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
