#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/mem.h"
#include "base/strbuf.h"
#include "model/detail.h"

static void the_detail_view_shows_one_member_per_row(void **state)
{
    static const char text[] =
        "{\"a\":1,\"b\":{\"c\":\"x\\ny\",\"d\":[1,{\"e\":null}]},\"f\":\"\"}";
    struct strbuf out = {0};

    (void)state;
    detail_lines(text, strlen(text), &out);
    assert_string_equal(strbuf_text(&out), "a: 1\n"
                                           "b:\n"
                                           "  c: x y\n"
                                           "  d:\n"
                                           "    - 1\n"
                                           "    -\n"
                                           "      e: null\n"
                                           "f: \n");
    strbuf_reset(&out);
    detail_lines("no json", 7, &out);
    assert_string_equal(strbuf_text(&out), "no json");
    strbuf_release(&out);
}

static void what_is_shown_is_what_the_line_holds(void **state)
{
    static const struct {
        const char *json;
        const char *lines;
    } cases[] = {
        {"{\"price\":12.50,\"sum\":9.600000000000001}", "price: 12.50\nsum: 9.600000000000001\n"},
        {"{\"o\":9007199254740993,\"s\":\"1 \\\"2\\\\\",\"n\":[-1e+3,0]}",
         "o: 9007199254740993\ns: 1 \"2\\\nn:\n  - -1e+3\n  - 0\n"},
        {"{\"a\\nb\":true,\"4\":5}", "a b: true\n4: 5\n"},
        {"[{\"a\":[]}]", "-\n  a:\n"},
        /* as they stand */
        {"{\"raw\":\"x\\u0000hidden\"}", "{\"raw\":\"x\\u0000hidden\"}"},
        {"{\"raw\":\"\\ud800\"}", "{\"raw\":\"\\ud800\"}"},
        {"{}", "{}"},
        {"17", "17"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct strbuf out = {0};

        detail_lines(cases[i].json, strlen(cases[i].json), &out);
        assert_string_equal(strbuf_text(&out), cases[i].lines);
        strbuf_release(&out);
    }
}

static void a_long_text_is_cut_between_two_characters(void **state)
{
    struct strbuf json = {0};
    struct strbuf out = {0};

    (void)state;
    strbuf_adds(&json, "{\"t\":\"x");
    for (int i = 0; i < 1500; i++)
        strbuf_adds(&json, "\xc3\xa9");
    strbuf_adds(&json, "\"}");
    detail_lines(json.data, json.len, &out);
    assert_int_equal(out.len, strlen("t: ") + 1999 + strlen("…\n"));
    strbuf_release(&json);
    strbuf_release(&out);
}

/* 400 levels of nesting, and then a document that is too large. */
static void what_is_deep_or_huge_is_bounded(void **state)
{
    size_t len = (size_t)5 << 20;
    char *text = mem_alloc(len + 1);
    struct strbuf out = {0};

    (void)state;
    memset(text, '[', 400);
    memset(text + 400, ']', 400);
    detail_lines(text, 800, &out);
    assert_int_equal(strncmp(out.data, "-\n  -\n    -\n", 12), 0);
    assert_true(out.len < 400 * 80);
    strbuf_reset(&out);
    memset(text, '0', len);
    for (size_t i = 0; i < len; i += 2)
        text[i] = i ? ',' : '[';
    text[len - 1] = ']';
    detail_lines(text, len, &out);
    assert_int_equal(out.len, len);
    assert_memory_equal(out.data, text, len);
    strbuf_release(&out);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_detail_view_shows_one_member_per_row),
        cmocka_unit_test(what_is_shown_is_what_the_line_holds),
        cmocka_unit_test(a_long_text_is_cut_between_two_characters),
        cmocka_unit_test(what_is_deep_or_huge_is_bounded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
