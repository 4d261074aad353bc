#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "base/arena.h"
#include "base/rng.h"
#include "model/json_reader.h"
#include "support/cjson_agrees.h"

#define DEPTH 32

struct fixture {
    struct arena arena;
    struct json_tree tree;
    char why[128];
};

static int set_up(void **state)
{
    static struct fixture f;

    f = (struct fixture){0};
    *state = &f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    arena_release(&f->arena);
    return 0;
}

static const struct json_node *read_tree(struct fixture *f, const char *text)
{
    return json_tree_read(&f->tree, text, strlen(text), DEPTH, &f->arena, f->why, sizeof(f->why))
               ? f->tree.root
               : NULL;
}

static void assert_text(const char *text, size_t len, const char *expected)
{
    assert_int_equal(len, strlen(expected));
    assert_memory_equal(text, expected, len);
}

static void values_have_kind_name_and_text(void **state)
{
    static const char text[] = " { \"a\" : -1.50e+3 ,\"b\":\"x\",\"c\":{\"d\":[1,{}]},\"\":[],"
                               "\"f\":true,\"g\":false,\"h\":null}\n";
    static const struct {
        const char *name;
        enum json_kind kind;
        const char *text;
    } expected[] = {
        {"a", JSON_NUMBER, "-1.50e+3"}, {"b", JSON_STRING, "x"}, {"c", JSON_OBJECT, NULL},
        {"", JSON_ARRAY, NULL},         {"f", JSON_TRUE, NULL},  {"g", JSON_FALSE, NULL},
        {"h", JSON_NULL, NULL},
    };
    const struct json_node *tree = read_tree(*state, text);
    const struct json_node *n;

    assert_non_null(tree);
    assert_int_equal(tree->kind, JSON_OBJECT);
    assert_null(tree->name);
    n = tree->child;
    for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++, n = n->next) {
        assert_text(n->name, n->name_len, expected[i].name);
        assert_int_equal(n->kind, expected[i].kind);
        if (expected[i].text)
            assert_text(n->text, n->text_len, expected[i].text);
    }
    assert_null(n);
    n = tree->child->next->next->child;
    assert_text(n->name, n->name_len, "d");
    assert_text(n->child->text, n->child->text_len, "1");
    assert_int_equal(n->child->next->kind, JSON_OBJECT);
    assert_null(n->child->next->child);
    assert_null(n->child->next->next);
}

static void texts_and_names_lose_their_escapes(void **state)
{
    const struct json_node *n = read_tree(
        *state, "{\"\\u006eam\\u0065\":\"a\\\"\\\\\\/\\b\\f\\n\\r\\tz\\u00e9\\u20ac\\ud83d\\ude00"
                "\xc3\xa9\"}");

    assert_non_null(n);
    n = n->child;
    assert_text(n->name, n->name_len, "name");
    assert_text(n->text, n->text_len,
                "a\"\\/\b\f\n\r\tz\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\xc3\xa9");
}

static void what_needs_no_copy_is_borrowed(void **state)
{
    static const char text[] = "{\"name\":\"text\",\"n\":17}";
    const struct json_node *n = read_tree(*state, text)->child;

    assert_ptr_equal(n->name, text + 2);
    assert_ptr_equal(n->text, text + 9);
    assert_ptr_equal(n->next->text, text + 19);
}

static void a_text_is_compact_when_nothing_outside_of_strings_can_go(void **state)
{
    static const char *const compact[] = {"{}", "[]", "1", "\" \\n \"", "{\" a \":[\" \",1,{}]}"};
    static const char *const spread[] = {" {}",        "{}\n",       "{ }",
                                         "[\t]",       "[1 ]",       "[1,\r2]",
                                         "{\"a\": 1}", "{\"a\" :1}", "{\"a\":1, \"b\":2}"};
    struct fixture *f = *state;

    for (size_t i = 0; i < sizeof(compact) / sizeof(compact[0]); i++) {
        assert_non_null(read_tree(f, compact[i]));
        assert_true(f->tree.is_compact);
    }
    for (size_t i = 0; i < sizeof(spread) / sizeof(spread[0]); i++) {
        assert_non_null(read_tree(f, spread[i]));
        assert_false(f->tree.is_compact);
    }
}

/* What one more digit does at each border. */
static void a_number_must_be_finite_as_a_double(void **state)
{
    struct fixture *f = *state;
    char text[512];

    assert_non_null(read_tree(f, "1.7976931348623157e308"));
    assert_non_null(read_tree(f, "1e-400"));
    assert_null(read_tree(f, "1e309"));
    assert_string_equal(f->why, "a number is too large to be finite");
    assert_null(read_tree(f, "-0.1E+310"));
    for (size_t digits = 290; digits < 330; digits++) {
        memset(text, '1', digits);
        text[digits] = '\0';
        assert_int_equal(read_tree(f, text) != NULL, digits <= 309);
        memcpy(text, "0.", 2);
        assert_non_null(read_tree(f, text));
    }
}

static void what_is_wrong_with_the_grammar_is_said_before_what_is_wrong_with_a_number(void **state)
{
    struct fixture *f = *state;

    assert_null(read_tree(f, "[1e999,]"));
    assert_string_equal(f->why, "expected a value, got ']' at byte 7");
}

/* cJSON lets more through than RFC 8259: what we take it takes, and sees the same. */
static void cjson_sees_the_same_in_whatever_is_taken(void **state)
{
    static const char seed_text[] =
        "{\"timestamp\":\"2026-11-22T17:04:31.402Z\",\"a\":[1,2.5e-3,{\"b\":null}],"
        "\"raw\":\"{\\\"x\\\": \\\"\\u00e9\\ud83d\\ude00\\\"}\",\"t\":true,\"f\":false,\"n\":-12}";
    struct fixture *f = *state;
    struct rng rng;
    char text[sizeof(seed_text)];
    int taken = 0;

    rng_seed(&rng, 7);
    for (int round = 0; round < 200000; round++) {
        const struct json_node *tree;

        memcpy(text, seed_text, sizeof(text));
        for (int i = (int)rng_range(&rng, 0, 2); i >= 0; i--)
            text[rng_range(&rng, 0, (int64_t)sizeof(text) - 2)] =
                "{}[]\",:\\0123abetrufnl. \n"[rng_range(&rng, 0, 24)];
        arena_reset(&f->arena);
        tree = read_tree(f, text);
        if (tree) {
            taken++;
            if (!cjson_agrees(tree, text, strlen(text)))
                fail_msg("cJSON sees something else: %s", text);
        }
    }
    assert_true(taken > 10000);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(values_have_kind_name_and_text),
        TEST(texts_and_names_lose_their_escapes),
        TEST(what_needs_no_copy_is_borrowed),
        TEST(a_text_is_compact_when_nothing_outside_of_strings_can_go),
        TEST(a_number_must_be_finite_as_a_double),
        TEST(what_is_wrong_with_the_grammar_is_said_before_what_is_wrong_with_a_number),
        TEST(cjson_sees_the_same_in_whatever_is_taken),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
