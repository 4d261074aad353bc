#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <cjson/cJSON.h>

#include "base/rng.h"
#include "model/scan.h"

static int members(const char *text)
{
    struct scan s;
    struct scan_value key;
    struct scan_value value;
    int count = 0;
    int rc;

    if (scan_begin(&s, text, strlen(text)) < 0)
        return -1;
    while ((rc = scan_member(&s, &key, &value)) == 1)
        count++;
    return rc < 0 ? -1 : count;
}

static void members_come_one_by_one_with_their_kinds(void **state)
{
    static const char text[] = " { \"a\" : 1 ,\"b\":\"x\\\"y\",\"c\":{\"d\":[1,{}]},\"e\":[],"
                               "\"f\":true,\"g\":false,\"h\":null}\n";
    static const struct {
        const char *key;
        enum json_kind kind;
        const char *text;
    } expected[] = {
        {"a", JSON_NUMBER, "1"},
        {"b", JSON_STRING, "x\\\"y"},
        {"c", JSON_OBJECT, "{\"d\":[1,{}]}"},
        {"e", JSON_ARRAY, "[]"},
        {"f", JSON_TRUE, "true"},
        {"g", JSON_FALSE, "false"},
        {"h", JSON_NULL, "null"},
    };
    struct scan s;
    struct scan_value key;
    struct scan_value value;

    (void)state;
    assert_int_equal(scan_begin(&s, text, strlen(text)), 0);
    for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
        assert_int_equal(scan_member(&s, &key, &value), 1);
        assert_true(scan_is(&key, expected[i].key));
        assert_int_equal(value.kind, expected[i].kind);
        assert_int_equal(value.len, strlen(expected[i].text));
        assert_memory_equal(value.text, expected[i].text, value.len);
    }
    assert_int_equal(scan_member(&s, &key, &value), 0);
}

static void what_is_not_json_is_refused(void **state)
{
    static const char *const broken[] = {
        "",
        "1",
        "\"a\"",
        "{",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1,}",
        "{\"a\":1 \"b\":2}",
        "{,}",
        "{\"a\":1}x",
        "{\"a\":1}{}",
        "{a:1}",
        "{\"a\":'x'}",
        "{\"a\":tru}",
        "{\"a\":nullx}",
        "{\"a\":01}",
        "{\"a\":1.}",
        "{\"a\":.5}",
        "{\"a\":+1}",
        "{\"a\":-}",
        "{\"a\":1e}",
        "{\"a\":0x10}",
        "{\"a\":NaN}",
        "{\"a\":\"\\x\"}",
        "{\"a\":\"\\u12g4\"}",
        "{\"a\":\"\\u12\"}",
        "{\"a\":\"x}",
        "{\"a\":\"tab\there\"}",
        "{\"a\":\"line\nhere\"}",
        "{\"a\":[1,]}",
        "{\"a\":[1 2]}",
        "{\"a\":{\"b\":1}",
        "{\"a\":[}",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
        if (members(broken[i]) != -1)
            fail_msg("accepted: %s", broken[i]);
    }
}

static void nesting_has_a_bound(void **state)
{
    char text[2 * 300 + 16];
    size_t len;

    (void)state;
    for (int depth = 250; depth <= 300; depth += 50) {
        len = (size_t)snprintf(text, sizeof(text), "{\"a\":");
        for (int i = 0; i < depth; i++)
            text[len++] = '[';
        for (int i = 0; i < depth; i++)
            text[len++] = ']';
        text[len++] = '}';
        text[len] = '\0';
        assert_int_equal(members(text), depth == 250 ? 1 : -1);
    }
}

static void texts_lose_their_escapes(void **state)
{
    static const struct {
        const char *json;
        size_t cap;
        const char *text;
    } cases[] = {
        {"{\"a\":\"plain\"}", 64, "plain"},
        {"{\"a\":\"q\\\"b\\\\s\\/n\\nt\\t\"}", 64, "q\"b\\s/n\nt\t"},
        {"{\"a\":\"\\u00e9\\u6ce8\\ud83d\\ude00\"}", 64, "é注😀"},
        {"{\"a\":\"\\ud83dx\\ude00\\u0000\"}", 64, "\xef\xbf\xbdx\xef\xbf\xbd\xef\xbf\xbd"},
        {"{\"a\":\"\xcb\\\\01\xf0\\n\xe6\"}", 64, "\xcb\\01\xf0\n\xe6"}, /* broken characters */
        {"{\"a\":\"abcdef\"}", 4, "abc"},
        {"{\"a\":\"ab注cd\"}", 5, "ab"},
        {"{\"a\":\"ab注cd\"}", 6, "ab注"},
        {"{\"a\":12.50}", 64, "12.50"},
        {"{\"a\":null}", 64, ""},
        {"{\"b\":1}", 64, ""},
    };
    char text[64];

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct scan_value object = {JSON_OBJECT, cases[i].json, strlen(cases[i].json)};
        struct scan_value v = scan_find(&object, "a");

        assert_int_equal(scan_text(&v, text, cases[i].cap), strlen(cases[i].text));
        assert_string_equal(text, cases[i].text);
    }
}

static void integers_are_whole_and_within_int64(void **state)
{
    static const struct {
        const char *text;
        int rc;
        int64_t value;
    } cases[] = {
        {"0", 0, 0},
        {"-0", 0, 0},
        {"42", 0, 42},
        {"-7", 0, -7},
        {"9223372036854775807", 0, INT64_MAX},
        {"-9223372036854775808", 0, INT64_MIN},
        {"9223372036854775808", -1, 0},
        {"-9223372036854775809", -1, 0},
        {"99999999999999999999999", -1, 0},
        {"1.0", -1, 0},
        {"1e3", -1, 0},
    };
    int64_t n;

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct scan_value v = {JSON_NUMBER, cases[i].text, strlen(cases[i].text)};

        n = 0;
        assert_int_equal(scan_int(&v, &n), cases[i].rc);
        assert_int_equal(n, cases[i].value);
    }
}

/* cJSON lets more through than RFC 8259: what we accept it accepts, and finds the same members. */
static void whatever_is_accepted_cjson_accepts_too(void **state)
{
    static const char seed_text[] =
        "{\"timestamp\":\"2026-11-22T17:04:31.402Z\",\"a\":[1,2.5e-3,{\"b\":null}],"
        "\"raw\":\"{\\\"x\\\": \\\"\\u00e9\\\"}\",\"t\":true,\"f\":false,\"n\":-12}";
    struct rng rng;
    char text[sizeof(seed_text)];
    int accepted = 0;

    (void)state;
    rng_seed(&rng, 5);
    for (int round = 0; round < 200000; round++) {
        int count;

        memcpy(text, seed_text, sizeof(text));
        for (int i = (int)rng_range(&rng, 0, 2); i >= 0; i--)
            text[rng_range(&rng, 0, (int64_t)sizeof(text) - 2)] =
                "{}[]\",:\\0123abetrufnl. \n"[rng_range(&rng, 0, 24)];
        count = members(text);
        if (count >= 0) {
            cJSON *tree = cJSON_ParseWithOpts(text, NULL, 1);

            if (!tree)
                fail_msg("accepted by us alone: %s", text);
            assert_int_equal(cJSON_GetArraySize(tree), count);
            cJSON_Delete(tree);
            accepted++;
        }
    }
    assert_true(accepted > 10000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(members_come_one_by_one_with_their_kinds),
        cmocka_unit_test(what_is_not_json_is_refused),
        cmocka_unit_test(nesting_has_a_bound),
        cmocka_unit_test(texts_lose_their_escapes),
        cmocka_unit_test(integers_are_whole_and_within_int64),
        cmocka_unit_test(whatever_is_accepted_cjson_accepts_too),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
