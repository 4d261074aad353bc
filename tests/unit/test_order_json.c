#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "base/arena.h"
#include "base/strbuf.h"
#include "model/json_reader.h"
#include "model/order.h"
#include "model/order_json.h"

#define COUNT(list) (sizeof(list) / sizeof((list)[0]))

static bool decodes_n(const char *bytes, size_t len, char *why, size_t why_size)
{
    struct arena arena = {0};
    struct order o;
    bool decoded;

    why[0] = '\0';
    decoded = order_decode(bytes, len, &arena, &o, why, why_size);
    arena_release(&arena);
    if (!decoded)
        for (const char *p = why; *p; p++)
            if (*p < 0x20 || *p == 0x7f)
                fail_msg("the reason for %s holds byte %02x", bytes, (unsigned char)*p);
    return decoded;
}

static void assert_reason(const char *text, const char *reason)
{
    char why[256];

    if (decodes_n(text, strlen(text), why, sizeof(why)))
        fail_msg("decoded: %s", text);
    if (strcmp(why, reason) != 0)
        fail_msg("%s\n  expected: %s\n       got: %s", text, reason, why);
}

static void assert_decodes(const char *text)
{
    char why[256];

    if (!decodes_n(text, strlen(text), why, sizeof(why)))
        fail_msg("%s: %s", text, why);
}

/* A value in an unknown member: only the grammar is in question. */
static void every_json_value_is_read_where_it_is_unknown(void **state)
{
    static const char *const values[] = {
        "0",
        "-0",
        "0.0",
        "-0.1e-0",
        "123e65",
        "1E22",
        "1E+2",
        "1e-2",
        "20e1",
        "0e+1",
        "0e1",
        "-123",
        "123.456789",
        "1.7976931348623157e308",
        "5e-324",
        "1e-99999",
        "-9223372036854775808",
        "340282366920938463463374607431768211456",
        "true",
        "false",
        "null",
        "[]",
        "{}",
        "[ ]",
        "{ }",
        "[[]]",
        "[1,2]",
        " [ 1 , 2 ] ",
        "[null,1,\"1\",{}]",
        "{\"\":0}",
        "{\"a\":{\"b\":[]}}",
        "{\"a\":1,\"a\":2}",
        "{\"order_id\":1}",
        "\"\"",
        "\"a\"",
        "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"",
        "\"\\u0041\\u00e9\\uABCD\\uabcd\"",
        "\"\\ud83d\\ude00\"",
        "\"\\uDBFF\\uDFFF\"",
        "\"\\u0001\"",
        "\"\\u001f\"",
        "\"\\u007f\"",
        "\"\x7f\"",
        "\"\xc2\x80\"",
        "\"\xe2\x80\xa8\"",
        "\"\xef\xbf\xbf\"",
        "\"\xf4\x8f\xbf\xbf\"",
        "\"\xef\xbb\xbf\"",
        "\"/* no comment */\"",
        "\"{[\"",
        "\"\\\\\"",
        "\"\\\\\\\"\"",
        "\t1\r\n",
    };
    char text[256];

    (void)state;
    for (size_t i = 0; i < COUNT(values); i++) {
        snprintf(text, sizeof(text), "{\"unknown\":%s}", values[i]);
        assert_decodes(text);
    }
}

static void what_is_no_json_value_is_refused_even_where_it_is_unknown(void **state)
{
    static const char *const values[] = {
        "",
        " ",
        "nul",
        "nulll",
        "True",
        "tru",
        "FALSE",
        "undefined",
        "NaN",
        "-NaN",
        "Infinity",
        "-Infinity",
        "+1",
        "++1",
        "--1",
        "-",
        "-a",
        "01",
        "-01",
        "00",
        "007",
        "1.",
        "-1.",
        ".5",
        "-.5",
        "1.e1",
        "1.5.5",
        "1e",
        "1e+",
        "1e-",
        "1eE2",
        "1e1.5",
        "1ee1",
        "0x1F",
        "0b1",
        "1_000",
        "1 000",
        "1,5",
        "\xef\xbc\x91",
        "1e400",
        "-1e999",
        "1\xff",
        "[",
        "]",
        "[1",
        "[1,",
        "[1,]",
        "[,1]",
        "[,]",
        "[1,,2]",
        "[1 2]",
        "[1:2]",
        "[1}",
        "[a]",
        "[\"a\",\n4\n,1,",
        "{",
        "{\"a\"",
        "{\"a\":",
        "{\"a\":1",
        "{\"a\":1,",
        "{\"a\":1,}",
        "{,}",
        "{a:1}",
        "{'a':1}",
        "{1:1}",
        "{null:1}",
        "{\"a\" 1}",
        "{\"a\"::1}",
        "{\"a\":1]",
        "{\"a\":1 \"b\":2}",
        "{\"a\",1}",
        "{\"a\":\"b\",,\"c\":1}",
        "{[]:1}",
        "\"",
        "\"a",
        "'a'",
        "a",
        "\"\\\"",
        "\"\\x41\"",
        "\"\\'\"",
        "\"\\a\"",
        "\"\\\n\"",
        "\"\\",
        "\"\\u\"",
        "\"\\u1\"",
        "\"\\u12\"",
        "\"\\u123\"",
        "\"\\u12G4\"",
        "\"\\u 123\"",
        "\"\\U0041\"",
        "\"\\u+123\"",
        "\"\\u0000\"",
        "\"a\\u0000b\"",
        "\"\\ud800\"",
        "\"\\udbff\"",
        "\"\\udc00\"",
        "\"\\udfff\"",
        "\"\\ud800\\ud800\"",
        "\"\\ud83d\\u0041\"",
        "\"\\ud83dx\"",
        "\"\\ud83d\\n\"",
        "\"\\ud83d\\u\"",
        "\"\\ude00\\ud83d\"",
        "\"\n\"",
        "\"\t\"",
        "\"\x01\"",
        "\"\x1f\"",
        "\"a\rb\"",
        "\"\x80\"",
        "\"\xbf\"",
        "\"\xc0\x80\"",
        "\"\xc1\xbf\"",
        "\"\xc3\"",
        "\"\xc3(\"",
        "\"\xe0\x80\xaf\"",
        "\"\xe6\x97\"",
        "\"\xed\xa0\x80\"",
        "\"\xed\xbf\xbf\"",
        "\"\xf0\x80\x80\xaf\"",
        "\"\xf4\x90\x80\x80\"",
        "\"\xf8\x88\x80\x80\x80\"",
        "\"\xfe\"",
        "\"\xff\"",
        "\"caf\xe9\"",
        "1 // one",
        "/* one */ 1",
        "1 # one",
        "\v1",
        "\f1",
        "\xc2\xa0"
        "1",
        "\xe2\x80\xa8"
        "1",
        "\xef\xbb\xbf"
        "1",
        "\\u0031",
        "\x7f",
        "*",
        "&",
        "<null>",
        "[1]]",
        "1}",
    };
    char text[256];
    char why[256];

    (void)state;
    for (size_t i = 0; i < COUNT(values); i++) {
        snprintf(text, sizeof(text), "{\"unknown\":%s}", values[i]);
        if (decodes_n(text, strlen(text), why, sizeof(why)))
            fail_msg("decoded: %s", text);
        if (why[0] == '\0')
            fail_msg("no reason: %s", text);
    }
}

static void names_follow_the_same_grammar(void **state)
{
    (void)state;
    assert_decodes("{\"\\ud83d\\ude00\":1}");
    assert_reason("{\"\\ud83d\":1}", "lone surrogate escape at byte 2");
    assert_reason("{\"order_id\\u0000x\":1}", "\\u0000 in a string at byte 10");
    assert_reason("{\"\xff\":1}", "invalid UTF-8 at byte 2");
}

static void the_reason_says_what_and_where(void **state)
{
    static const char *const cases[][2] = {
        {"", "empty value"},
        {" \n", "unexpected end of JSON"},
        {"{", "unexpected end of JSON"},
        {"{\"order_id\":\"a\"", "unexpected end of JSON"},
        {"{\"a\":tr", "unexpected end of JSON"},
        {"{\"a\":\"\\", "unexpected end of JSON"},
        {"{\"a\":\"\\u12", "unexpected end of JSON"},
        {"this is no order", "expected a value, got 't' at byte 0"},
        {"order", "expected a value, got 'o' at byte 0"},
        {"{'a':1}", "expected a member's name, got ''' at byte 1"},
        {"{\"a\" 1}", "expected ':', got '1' at byte 5"},
        {"{\"a\":1,}", "expected a member's name, got '}' at byte 7"},
        {"{\"a\":[1 2]}", "expected ',' or ']', got '2' at byte 8"},
        {"{\"a\":1 2}", "expected ',' or '}', got '2' at byte 7"},
        {"{\"a\":01}", "number with a leading zero at byte 5"},
        {"{\"a\":1.}", "expected a digit, got '}' at byte 7"},
        {"{\"a\":\x1b[31m}", "expected a value, got U+001B at byte 5"},
        {"{\"a\":\xe2\x80\xae}", "expected a value, got U+202E at byte 5"},
        {"{\"a\":\"\\q\"}", "unknown escape at byte 6"},
        {"{\"a\":\"\\u00g0\"}", "expected four hexadecimal digits, got 'g' at byte 10"},
        {"{\"a\":\"\\ud800\\ud800\"}", "lone surrogate escape at byte 6"},
        {"{\"a\":\"\\udc00\\udc00\"}", "lone surrogate escape at byte 6"},
        {"{\"a\":\"\\ud800x\"}", "lone surrogate escape at byte 6"},
        {"{\"a\":\"x\ty\"}", "control character in a string at byte 7"},
        {"{\"a\":\"\xc3\"}", "invalid UTF-8 at byte 6"},
        {"\xff\xfe{", "invalid UTF-8 at byte 0"},
        {"\xef\xbb\xbf{}", "byte order mark at byte 0"},
        {"{} {}", "more after the JSON value at byte 3"},
        {"{\"a\":1e400}", "a number is too large to be finite"},
        {"[]", "expected an object, got an array"},
        {"[{}]", "expected an object, got an array"},
        {"null", "expected an object, got null"},
        {"42", "expected an object, got a number"},
        {"\"x\"", "expected an object, got a string"},
        {"true", "expected an object, got a boolean"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++)
        assert_reason(cases[i][0], cases[i][1]);
}

static void a_nul_byte_is_refused_wherever_it_is(void **state)
{
    static const char text[] = "{\"a\":\"b\"}";
    char why[256];

    (void)state;
    for (size_t i = 0; i <= sizeof(text) - 1; i++) {
        char with[sizeof(text) + 1];

        memcpy(with, text, i);
        with[i] = '\0';
        memcpy(with + i + 1, text + i, sizeof(text) - 1 - i);
        assert_false(decodes_n(with, sizeof(text), why, sizeof(why)));
    }
    assert_false(decodes_n("{}\0", 3, why, sizeof(why)));
    assert_string_equal(why, "more after the JSON value at byte 2");
    assert_false(decodes_n("{\"a\":\"\0\"}", 9, why, sizeof(why)));
    assert_string_equal(why, "NUL byte at byte 6");
}

/* The bytes end where their length says, whatever comes behind them in memory. */
static void nothing_is_read_behind_the_length(void **state)
{
    static const char text[] = "{\"order_id\":\"a\",\"sequence\":12}";
    char why[256];

    (void)state;
    assert_true(decodes_n(text, sizeof(text) - 1, why, sizeof(why)));
    for (size_t len = 0; len < sizeof(text) - 1; len++)
        assert_false(decodes_n(text, len, why, sizeof(why)));
}

static void white_space_is_that_of_json_and_no_other(void **state)
{
    (void)state;
    assert_decodes(" \t\r\n{ \t\r\n\"a\" : [ 1 , 2 ] \n} \t\r\n");
    assert_reason("{}\f", "more after the JSON value at byte 2");
    assert_reason("{}\xc2\xa0", "more after the JSON value at byte 2");
    assert_reason("\v{}", "expected a value, got U+000B at byte 0");
}

static void make_nested(struct strbuf *sb, const char *open, const char *close, int depth)
{
    strbuf_reset(sb);
    strbuf_adds(sb, "{\"a\":");
    for (int i = 0; i < depth - 1; i++)
        strbuf_adds(sb, open);
    strbuf_adds(sb, "0");
    for (int i = 0; i < depth - 1; i++)
        strbuf_adds(sb, close);
    strbuf_addc(sb, '}');
}

static void an_order_is_nested_32_deep_at_most(void **state)
{
    struct strbuf sb = {0};

    (void)state;
    make_nested(&sb, "[", "]", 32);
    assert_decodes(sb.data);
    make_nested(&sb, "[", "]", 33);
    assert_reason(sb.data, "nested deeper than 32 at byte 36");
    make_nested(&sb, "{\"b\":", "}", 32);
    assert_decodes(sb.data);
    make_nested(&sb, "{\"b\":", "}", 33);
    assert_reason(sb.data, "nested deeper than 32 at byte 160");
    make_nested(&sb, "[", "]", 100000);
    assert_reason(sb.data, "nested deeper than 32 at byte 36");
    strbuf_reset(&sb); /* wide is not deep */
    strbuf_adds(&sb, "{\"a\":[");
    for (int i = 0; i < 1000; i++)
        strbuf_adds(&sb, "[[]],");
    strbuf_adds(&sb, "[]]}");
    assert_decodes(sb.data);
    strbuf_release(&sb);
}

static void a_known_member_comes_once_in_its_object(void **state)
{
    (void)state;
    assert_reason("{\"order_id\":\"a\",\"order_id\":\"a\"}", "field order_id: it is there twice");
    assert_reason("{\"order_id\":\"a\",\"\\u006frder_id\":\"a\"}",
                  "field order_id: it is there twice");
    assert_reason("{\"delivery_notes\":null,\"x\":1,\"delivery_notes\":\"a\"}",
                  "field delivery_notes: it is there twice");
    assert_reason("{\"customer_info\":{\"name\":\"a\",\"name\":\"b\"}}",
                  "field customer_info.name: it is there twice");
    assert_reason("{\"items\":[{},{\"quantity\":1,\"quantity\":1}]}",
                  "field items[1].quantity: it is there twice");
    assert_decodes("{\"x\":1,\"x\":2,\"Order_id\":1,\"ORDER_ID\":2,\"order_id\":\"a\"}");
    assert_decodes("{\"items\":[{\"item_id\":\"a\"},{\"item_id\":\"a\"}]}");
}

struct type_case {
    const char *field; /* as the reason names it */
    const char *before;
    const char *after;
    const char *wanted;
    bool may_be_null;
};

#define TOP(f, wanted, null)                \
    {                                       \
        f, "{\"" f "\":", "}", wanted, null \
    }
#define IN(o, f, wanted, null)                                \
    {                                                         \
        o "." f, "{\"" o "\":{\"" f "\":", "}}", wanted, null \
    }
#define OF_ITEM(f, wanted, null)                                         \
    {                                                                    \
        "items[1]." f, "{\"items\":[{},{\"" f "\":", "}]}", wanted, null \
    }

static const struct type_case type_cases[] = {
    TOP("order_id", "a string", false),
    TOP("sequence", "an integer", false),
    TOP("status", "a string", false),
    TOP("customer_info", "an object", false),
    IN("customer_info", "customer_id", "a string", false),
    IN("customer_info", "name", "a string", false),
    IN("customer_info", "email", "a string", true),
    IN("customer_info", "phone", "a string", true),
    IN("customer_info", "address", "a string", true),
    IN("customer_info", "loyalty_level", "a string", true),
    TOP("items", "an array", false),
    {"items[1]", "{\"items\":[{},", "]}", "an object", false},
    OF_ITEM("item_id", "a string", false),
    OF_ITEM("item_name", "a string", false),
    OF_ITEM("quantity", "an integer", false),
    OF_ITEM("unit_price", "a number", false),
    OF_ITEM("total_price", "a number", false),
    TOP("inventory", "an object", false),
    IN("inventory", "item_id", "a string", true),
    IN("inventory", "item_name", "a string", true),
    IN("inventory", "available_qty", "an integer", false),
    IN("inventory", "reserved_qty", "an integer", false),
    IN("inventory", "unit_price", "a number", false),
    IN("inventory", "in_stock", "a boolean", false),
    IN("inventory", "warehouse", "a string", true),
    TOP("subtotal", "a number", false),
    TOP("tax", "a number", false),
    TOP("shipping_fee", "a number", false),
    TOP("total", "a number", false),
    TOP("currency", "a string", true),
    TOP("payment_method", "a string", true),
    TOP("delivery_notes", "a string", true),
    TOP("metadata", "an object", false),
    IN("metadata", "timestamp", "a string", true),
    IN("metadata", "version", "a string", true),
    IN("metadata", "event_type", "a string", true),
    IN("metadata", "source", "a string", true),
    IN("metadata", "correlation_id", "a string", true),
};

static bool is_of_type(const char *wanted, const char *type)
{
    return strcmp(wanted, type) == 0 ||
           (strcmp(wanted, "an integer") == 0 && strcmp(type, "a number") == 0);
}

static void a_known_member_must_have_its_type(void **state)
{
    static const char *const values[][2] = {
        {"1", "a number"},     {"true", "a boolean"}, {"false", "a boolean"}, {"null", "null"},
        {"\"x\"", "a string"}, {"[]", "an array"},    {"{}", "an object"}};
    char text[256];
    char reason[256];

    (void)state;
    for (size_t i = 0; i < COUNT(type_cases); i++) {
        const struct type_case *c = &type_cases[i];

        for (size_t k = 0; k < COUNT(values); k++) {
            bool is_null = strcmp(values[k][1], "null") == 0;

            snprintf(text, sizeof(text), "%s%s%s", c->before, values[k][0], c->after);
            snprintf(reason, sizeof(reason), "field %s: expected %s, got %s", c->field, c->wanted,
                     values[k][1]);
            if (is_of_type(c->wanted, values[k][1]) || (is_null && c->may_be_null))
                assert_decodes(text);
            else
                assert_reason(text, reason);
        }
    }
}

static void integers_are_kept_exactly(void **state)
{
    static const struct {
        const char *text;
        int64_t value;
    } cases[] = {
        {"9007199254740993", INT64_C(9007199254740993)},
        {"9223372036854775807", INT64_MAX},
        {"-9223372036854775808", INT64_MIN},
        {"3.0", 3},
        {"30e-1", 3},
        {"1e2", 100},
        {"-0", 0},
    };
    struct arena arena = {0};
    char text[256];
    char why[256];
    struct order o;

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        /* Numbers before it, known and unknown, nested or not: each keeps its own digits. */
        int n = snprintf(text, sizeof(text),
                         "{\"x\":[1,{\"y\":[2,3]},4],\"tax\":5.25,\"items\":[{\"quantity\":%s}],"
                         "\"z\":6,\"sequence\":%s}",
                         cases[i].text, cases[i].text);

        assert_true(order_decode(text, (size_t)n, &arena, &o, why, sizeof(why)));
        assert_true(o.has_sequence && o.sequence == cases[i].value);
        assert_true(o.items[0].has_quantity && o.items[0].quantity == cases[i].value);
        assert_true(o.tax == 525);
    }
    arena_release(&arena);
    assert_reason("{\"sequence\":1.5}", "field sequence: expected an integer, got a fraction");
    assert_reason("{\"sequence\":9007199254740992.5}",
                  "field sequence: expected an integer, got a fraction");
    assert_reason("{\"sequence\":9223372036854775808}",
                  "field sequence: the integer does not fit into 64 bits");
    assert_reason("{\"inventory\":{\"reserved_qty\":-1e19}}",
                  "field inventory.reserved_qty: the integer does not fit into 64 bits");
}

static void amounts_become_cents(void **state)
{
    static const struct {
        const char *text;
        int64_t cents;
    } cases[] = {
        {"12", 1200},
        {"9.600000000000001", 960},
        {"0.1", 10},
        {"2.675", 268},
        {"-0.005", -1},
        {"1e3", 100000},
        {"1000000000000", ORDER_MAX_CENTS},
        {"-1000000000000.00", -ORDER_MAX_CENTS},
    };
    struct arena arena = {0};
    char text[256];
    char why[256];
    struct order o;

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        int n = snprintf(text, sizeof(text), "{\"total\":%s}", cases[i].text);

        assert_true(order_decode(text, (size_t)n, &arena, &o, why, sizeof(why)));
        assert_true(o.has_total && o.total == cases[i].cents);
        assert_false(o.has_subtotal);
    }
    arena_release(&arena);
    assert_reason("{\"total\":1000000000000.01}", "field total: the amount is beyond 10^12");
    assert_reason("{\"total\":-1e13}", "field total: the amount is beyond 10^12");
    assert_reason("{\"items\":[{\"unit_price\":1e300}]}",
                  "field items[0].unit_price: the amount is beyond 10^12");
}

static const char reference_order[] =
    "{\"order_id\":\"7e0c2f86-54a5-4d0e-9b0c-0f4fba4f7ed2\",\"sequence\":3,\"status\":\"pending\","
    "\"items\":[{\"item_id\":\"item-espresso\",\"item_name\":\"Espresso\",\"quantity\":3,"
    "\"unit_price\":3.2,\"total_price\":9.600000000000001}],"
    "\"subtotal\":9.600000000000001,\"tax\":1.9200000000000004,\"shipping_fee\":2.5,"
    "\"total\":14.020000000000001,\"currency\":\"EUR\",\"payment_method\":\"credit_card\","
    "\"metadata\":{\"timestamp\":\"2026-11-22T17:04:31Z\",\"version\":\"1.1\","
    "\"event_type\":\"order.created\",\"source\":\"producer-service\","
    "\"correlation_id\":\"5f5c6a3e-0d2f-4f5e-9a40-2f6a0c6a2a11\"},"
    "\"customer_info\":{\"customer_id\":\"c-17\",\"name\":\"Zo\\u00eb \\ud83d\\ude00\","
    "\"email\":\"zoe@example.com\",\"phone\":\"+33612345678\",\"address\":\"1 rue X\","
    "\"loyalty_level\":\"silver\"},"
    "\"inventory\":{\"item_id\":\"item-espresso\",\"item_name\":\"Espresso\",\"available_qty\":97,"
    "\"reserved_qty\":3,\"unit_price\":3.2,\"in_stock\":true,\"warehouse\":\"PARIS-01\"}}";

static void doubles_whole_seconds_and_any_order_of_members_are_taken(void **state)
{
    struct arena arena = {0};
    char why[256];
    struct order o;

    (void)state;
    assert_true(
        order_decode(reference_order, strlen(reference_order), &arena, &o, why, sizeof(why)));
    assert_true(order_check(&o, why, sizeof(why)));
    assert_string_equal(o.order_id, "7e0c2f86-54a5-4d0e-9b0c-0f4fba4f7ed2");
    assert_int_equal(o.sequence, 3);
    assert_string_equal(o.customer.name, "Zo\xc3\xab \xf0\x9f\x98\x80");
    assert_int_equal(o.item_count, 1);
    assert_int_equal(o.items[0].total_price, 960);
    assert_true(o.has_inventory && o.inventory.in_stock);
    assert_int_equal(o.inventory.available_qty, 97);
    assert_string_equal(o.inventory.warehouse, "PARIS-01");
    assert_int_equal(o.total, 1402);
    assert_null(o.delivery_notes);
    assert_true(o.metadata.timestamp_ms == INT64_C(1795367071000));
    arena_release(&arena);
}

static void what_was_decoded_does_not_need_its_bytes_any_more(void **state)
{
    struct arena arena = {0};
    struct strbuf bytes = {0};
    char why[256];
    struct order o;

    (void)state;
    strbuf_adds(&bytes, reference_order);
    assert_true(order_decode(bytes.data, bytes.len, &arena, &o, why, sizeof(why)));
    memset(bytes.data, 'x', bytes.len);
    strbuf_release(&bytes);
    assert_string_equal(o.metadata.correlation_id, "5f5c6a3e-0d2f-4f5e-9a40-2f6a0c6a2a11");
    assert_true(order_check(&o, why, sizeof(why)));
    arena_release(&arena);
}

static void a_time_that_is_none_leaves_the_order_decodable(void **state)
{
    static const char *const texts[] = {"{}", "{\"metadata\":{\"timestamp\":\"yesterday\"}}",
                                        "{\"metadata\":{\"timestamp\":\"\"}}",
                                        "{\"metadata\":{\"timestamp\":null}}"};
    struct arena arena = {0};
    char why[256];
    struct order o;

    (void)state;
    for (size_t i = 0; i < COUNT(texts); i++) {
        assert_true(order_decode(texts[i], strlen(texts[i]), &arena, &o, why, sizeof(why)));
        assert_true(o.metadata.timestamp_ms == -1);
    }
    arena_release(&arena);
}

static void encode_and_decode_are_each_others_inverse(void **state)
{
    static const char *const texts[] = {
        reference_order,
        "{}",
        "{\"order_id\":\"\\\"\\\\\\n\\u0001\\u007f\\u20ac\",\"sequence\":-9223372036854775808,"
        "\"items\":[],\"total\":-0.05,\"tax\":1000000000000}",
        "{\"items\":[{},{\"quantity\":9007199254740993,\"unit_price\":0}],\"inventory\":{}}",
    };
    struct arena arena = {0};
    struct strbuf once = {0};
    struct strbuf twice = {0};
    char why[256];
    struct order o;

    (void)state;
    for (size_t i = 0; i < COUNT(texts); i++) {
        strbuf_reset(&once);
        strbuf_reset(&twice);
        assert_true(order_decode(texts[i], strlen(texts[i]), &arena, &o, why, sizeof(why)));
        order_encode(&o, &once);
        assert_true(order_decode(once.data, once.len, &arena, &o, why, sizeof(why)));
        order_encode(&o, &twice);
        assert_string_equal(once.data, twice.data);
    }
    assert_non_null(strstr(once.data, "\"quantity\":9007199254740993"));
    strbuf_release(&once);
    strbuf_release(&twice);
    arena_release(&arena);
}

static void members_are_written_in_the_order_of_the_format(void **state)
{
    struct order_item item = {"i", "I \"1\"", 2, 5, 10, true, true, true};
    struct order o = {.order_id = "o",
                      .sequence = 7,
                      .has_sequence = true,
                      .status = "pending",
                      .customer = {"c", "N", "a@b.c", "1", "A", "gold"},
                      .items = &item,
                      .item_count = 1,
                      .inventory = {"i", "I", 5, 2, 5, true, "W"},
                      .has_inventory = true,
                      .subtotal = 10,
                      .tax = 0,
                      .shipping_fee = 123456,
                      .total = 123466,
                      .has_subtotal = true,
                      .has_tax = true,
                      .has_shipping_fee = true,
                      .has_total = true,
                      .currency = "EUR",
                      .payment_method = "paypal",
                      .delivery_notes = "x",
                      .metadata = {"t", -1, "1.0", "e", "s", "u"}};
    struct strbuf sb = {0};

    (void)state;
    order_encode(&o, &sb);
    assert_string_equal(
        sb.data,
        "{\"order_id\":\"o\",\"sequence\":7,\"status\":\"pending\",\"customer_info\":{"
        "\"customer_id\":\"c\",\"name\":\"N\",\"email\":\"a@b.c\",\"phone\":\"1\","
        "\"address\":\"A\",\"loyalty_level\":\"gold\"},\"items\":[{\"item_id\":\"i\","
        "\"item_name\":\"I \\\"1\\\"\",\"quantity\":2,\"unit_price\":0.05,\"total_price\":0.10}],"
        "\"inventory\":{\"item_id\":\"i\",\"item_name\":\"I\",\"available_qty\":5,"
        "\"reserved_qty\":2,\"unit_price\":0.05,\"in_stock\":true,\"warehouse\":\"W\"},"
        "\"subtotal\":0.10,\"tax\":0.00,\"shipping_fee\":1234.56,\"total\":1234.66,"
        "\"currency\":\"EUR\",\"payment_method\":\"paypal\",\"delivery_notes\":\"x\","
        "\"metadata\":{\"timestamp\":\"t\",\"version\":\"1.0\",\"event_type\":\"e\","
        "\"source\":\"s\",\"correlation_id\":\"u\"}}");
    strbuf_release(&sb);
}

static void minifying_touches_only_white_space_outside_of_strings(void **state)
{
    static const char *const cases[][2] = {
        {"{}", "{}"},
        {" { \"a b\" :\t[ 1 ,\r\n2 ] , \"c\" : \" d\\\" e \" }\n",
         "{\"a b\":[1,2],\"c\":\" d\\\" e \"}"},
        {"{\"a\":\"\\\\\" , \"b\":\"\\\\\\\" \"}", "{\"a\":\"\\\\\",\"b\":\"\\\\\\\" \"}"},
        {"{\"\" : \"\" }", "{\"\":\"\"}"},
        {"{\"n\": -1.50e+3, \"u\": \"\\u00e9 \xc3\xa9\"}",
         "{\"n\":-1.50e+3,\"u\":\"\\u00e9 \xc3\xa9\"}"},
    };
    struct strbuf sb = {0};

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        strbuf_reset(&sb);
        assert_decodes(cases[i][0]);
        json_minify(cases[i][0], strlen(cases[i][0]), &sb);
        assert_string_equal(sb.data, cases[i][1]);
    }
    strbuf_release(&sb);
}

static void a_long_reason_is_cut_to_its_room(void **state)
{
    char why[8];

    (void)state;
    assert_false(decodes_n("{\"customer_info\":{\"name\":1}}", 28, why, sizeof(why)));
    assert_string_equal(why, "field c");
    assert_false(decodes_n("{\"a\":\"\t\"}", 9, why, sizeof(why)));
    assert_string_equal(why, "control");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_json_value_is_read_where_it_is_unknown),
        cmocka_unit_test(what_is_no_json_value_is_refused_even_where_it_is_unknown),
        cmocka_unit_test(names_follow_the_same_grammar),
        cmocka_unit_test(the_reason_says_what_and_where),
        cmocka_unit_test(a_nul_byte_is_refused_wherever_it_is),
        cmocka_unit_test(nothing_is_read_behind_the_length),
        cmocka_unit_test(white_space_is_that_of_json_and_no_other),
        cmocka_unit_test(an_order_is_nested_32_deep_at_most),
        cmocka_unit_test(a_known_member_comes_once_in_its_object),
        cmocka_unit_test(a_known_member_must_have_its_type),
        cmocka_unit_test(integers_are_kept_exactly),
        cmocka_unit_test(amounts_become_cents),
        cmocka_unit_test(doubles_whole_seconds_and_any_order_of_members_are_taken),
        cmocka_unit_test(what_was_decoded_does_not_need_its_bytes_any_more),
        cmocka_unit_test(a_time_that_is_none_leaves_the_order_decodable),
        cmocka_unit_test(encode_and_decode_are_each_others_inverse),
        cmocka_unit_test(members_are_written_in_the_order_of_the_format),
        cmocka_unit_test(minifying_touches_only_white_space_outside_of_strings),
        cmocka_unit_test(a_long_reason_is_cut_to_its_room),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
