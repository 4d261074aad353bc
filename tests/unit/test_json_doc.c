#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <cjson/cJSON.h>

#include "base/mem.h"
#include "base/strbuf.h"
#include "model/json_doc.h"

static void exactly_one_value_is_read(void **state)
{
    static const char *const good[] = {"{}", " [1,{\"a\":null}] \r\n\t", "17", "\"x\""};
    static const char *const bad[] = {"",     " ",   "{",         "{} {}", "{}x",
                                      "[1,]", "nul", "{\"a\" 1}", "{}}"};

    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        struct cJSON *doc = json_doc_read(good[i], strlen(good[i]));

        assert_non_null(doc);
        json_doc_free(doc);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_null(json_doc_read(bad[i], strlen(bad[i])));
    assert_null(json_doc_read("{}\0", 3));
}

static void a_text_of_brackets_is_refused_and_not_followed_down(void **state)
{
    size_t len = (size_t)1 << 20;
    char *text = mem_alloc(len + 1);

    (void)state;
    memset(text, '[', len);
    assert_null(json_doc_read(text, len));
    free(text);
}

static void only_integers_that_are_exact_are_integers(void **state)
{
    static const struct {
        const char *text;
        int64_t value;
    } cases[] = {
        {"0", 0},
        {"-17", -17},
        {"1e3", 1000},
        {"9007199254740991", INT64_C(9007199254740991)},
        {"-9007199254740991", -INT64_C(9007199254740991)},
        {"9007199254740992", -99},
        {"9007199254740993", -99},
        {"1e300", -99},
        {"0.5", -99},
        {"\"1\"", -99},
        {"null", -99},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct cJSON *doc = json_doc_read(cases[i].text, strlen(cases[i].text));

        assert_non_null(doc);
        assert_int_equal(json_doc_integer(doc, -99), cases[i].value);
        json_doc_free(doc);
    }
    assert_int_equal(json_doc_integer(NULL, -99), -99);
}

static void a_document_is_printed_in_the_order_in_which_it_was_made(void **state)
{
    struct cJSON *doc = json_doc_object(NULL, NULL);
    struct cJSON *list = json_doc_array(doc, "list");
    struct strbuf out = {0};

    (void)state;
    json_doc_int(list, NULL, INT64_MIN);
    json_doc_int(list, NULL, INT64_MAX);
    json_doc_text(json_doc_object(list, NULL), "t", "a \"b\"\n\xc3\xa9");
    json_doc_text(doc, "none", NULL);
    json_doc_bool(doc, "yes", true);
    json_doc_number(doc, "pi", 3.14159, 2);
    json_doc_number(doc, "whole", 1204, 1);
    json_doc_number(doc, "nan", NAN, 1);
    json_doc_print(doc, &out);
    assert_string_equal(out.data, "{\"list\":[-9223372036854775808,9223372036854775807,"
                                  "{\"t\":\"a \\\"b\\\"\\n\xc3\xa9\"}],\"none\":null,\"yes\":true,"
                                  "\"pi\":3.14,\"whole\":1204.0,\"nan\":null}");
    json_doc_free(doc);
    strbuf_release(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exactly_one_value_is_read),
        cmocka_unit_test(a_text_of_brackets_is_refused_and_not_followed_down),
        cmocka_unit_test(only_integers_that_are_exact_are_integers),
        cmocka_unit_test(a_document_is_printed_in_the_order_in_which_it_was_made),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
