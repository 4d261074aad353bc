#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/arena.h"
#include "base/ascii.h"
#include "base/base64.h"
#include "base/err.h"
#include "base/json_writer.h"
#include "base/printable.h"
#include "base/rfc3339.h"
#include "base/rng.h"
#include "base/strbuf.h"
#include "base/utf8.h"

static void an_error_is_prefixed_floor_by_floor(void **state)
{
    struct err e = {0};

    (void)state;
    assert_int_equal(err_set(&e, ERR_USAGE, "line %d: no such key", 3), -1);
    assert_int_equal(err_wrap(&e, "config.yaml"), -1);
    assert_string_equal(e.text, "config.yaml: line 3: no such key");
    assert_int_equal(err_exit_status(&e), 2);
    assert_int_equal(err_set(NULL, ERR_RUNTIME, "nobody listens"), -1);
}

static void a_strbuf_grows_and_gives_its_bytes_away(void **state)
{
    struct strbuf sb = {0};
    char *taken;

    (void)state;
    assert_string_equal(strbuf_text(&sb), "");
    for (int i = 0; i < 1000; i++)
        strbuf_addf(&sb, "%03d,", i);
    assert_int_equal(sb.len, 4000);
    strbuf_cut(&sb, 8);
    assert_string_equal(strbuf_text(&sb), "000,001,");
    taken = strbuf_take(&sb);
    assert_string_equal(taken, "000,001,");
    assert_null(sb.data);
    free(taken);
}

static void an_arena_serves_small_and_large_pieces_and_starts_over(void **state)
{
    struct arena a = {0};
    char *first;

    (void)state;
    first = arena_strndup(&a, "abc", 3);
    for (size_t i = 1; i < 100; i++)
        memset(arena_alloc(&a, i * 1000), 'x', i * 1000);
    assert_string_equal(first, "abc");
    arena_reset(&a);
    assert_ptr_equal(arena_alloc(&a, 1), first);
    arena_release(&a);
}

static void times_are_written_and_read_by_rfc3339(void **state)
{
    static const struct {
        const char *text;
        int64_t ms;
    } cases[] = {
        {"1970-01-01T00:00:00.000Z", 0},
        {"1969-12-31T23:59:59.999Z", -1},
        {"2026-11-22T17:04:31.402Z", INT64_C(1795367071402)},
        {"2000-02-29T12:00:00.000Z", INT64_C(951825600000)},
        {"0000-01-01T00:00:00.000Z", INT64_C(-62167219200000)},
        {"9999-12-31T23:59:59.999Z", INT64_C(253402300799999)},
    };
    char text[RFC3339_SIZE];
    int64_t ms;

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        rfc3339_format(cases[i].ms, text);
        assert_string_equal(text, cases[i].text);
        assert_int_equal(rfc3339_parse(text, strlen(text), &ms), 0);
        assert_true(ms == cases[i].ms);
    }
    rfc3339_format(INT64_MAX, text);
    assert_string_equal(text, "9999-12-31T23:59:59.999Z");
    rfc3339_format(INT64_MIN, text);
    assert_string_equal(text, "0000-01-01T00:00:00.000Z");
}

static void the_text_of_a_time_is_made_anew_when_the_time_is_another(void **state)
{
    static const int64_t times[] = {0, 0, INT64_C(1795367071402), INT64_C(1795367071402), -1};
    struct rfc3339_text last = {0};
    char text[RFC3339_SIZE];

    (void)state;
    for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
        rfc3339_format(times[i], text);
        assert_string_equal(rfc3339_text(&last, times[i]), text);
    }
}

static void other_forms_of_rfc3339_are_read(void **state)
{
    int64_t ms;

    (void)state;
    assert_int_equal(rfc3339_parse("1970-01-01T01:00:00+01:00", 25, &ms), 0);
    assert_true(ms == 0);
    assert_int_equal(rfc3339_parse("1970-01-01T00:00:00.123456789Z", 30, &ms), 0);
    assert_true(ms == 123);
    assert_int_equal(rfc3339_parse("1970-01-01T00:00:01Z", 20, &ms), 0);
    assert_true(ms == 1000);
}

static void texts_that_are_no_times_are_refused(void **state)
{
    static const char *const bad[] = {
        "",
        "2026",
        "2026-13-01T00:00:00Z",
        "2026-02-29T00:00:00Z",
        "2026-01-01T24:00:00Z",
        "2026-01-01T00:00:00",
        "2026-01-01T00:00:00.Z",
        "2026-01-01T00:00:00Zx",
        "2026-01-01T00:00:00+1:00",
        "+026-01-01T00:00:00Z",
    };
    int64_t ms;

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(rfc3339_parse(bad[i], strlen(bad[i]), &ms), -1);
}

static void random_numbers_repeat_with_their_seed_and_keep_their_range(void **state)
{
    struct rng a;
    struct rng b;

    (void)state;
    rng_seed(&a, 42);
    rng_seed(&b, 42);
    for (int i = 0; i < 1000; i++) {
        int64_t v = rng_range(&a, -3, 3);
        double u;

        assert_true(v >= -3 && v <= 3);
        assert_true(v == rng_range(&b, -3, 3));
        u = rng_unit(&a);
        assert_true(u >= 0 && u < 1);
        assert_true(u == rng_unit(&b));
    }
}

static void what_a_terminal_acts_upon_or_hides_becomes_a_question_mark(void **state)
{
    static const struct {
        const char *text;
        const char *shown;
    } cases[] = {
        {"a caf\xc3\xa9", "a caf\xc3\xa9"},
        {"\x1b[31m\x7f\t", "?[31m??"},
        {"\xc2\x9b", "?"},         /* C1 */
        {"\xc2\xad", "?"},         /* soft hyphen */
        {"\xe2\x80\xae", "?"},     /* right to left */
        {"\xe2\x81\xa0", "?"},     /* word joiner */
        {"\xef\xb8\x8f", "?"},     /* variation selector */
        {"\xf3\xa0\x81\x81", "?"}, /* tag */
        {"\xff\xc3", "??"},        /* no UTF-8 */
        {"\xe6\xb3\xa8\xe6\x96\x87", "\xe6\xb3\xa8\xe6\x96\x87"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct strbuf out = {0};

        printable_add(&out, cases[i].text, strlen(cases[i].text), 100);
        assert_string_equal(strbuf_text(&out), cases[i].shown);
        strbuf_release(&out);
    }
}

static void utf8_is_taken_strictly(void **state)
{
    static const struct {
        const char *bytes;
        bool valid;
        size_t bad_at;
    } cases[] = {
        {"", true, 0},
        {"plain ascii, longer than one word", true, 0},
        {"caf\xc3\xa9 \xe6\xb3\xa8\xe6\x96\x87 \xf0\x9f\x98\x80", true, 0},
        {"\xf4\x8f\xbf\xbf", true, 0},
        {"abc\xc0\x80", false, 3},
        {"12345678\xe0\x80\x80", false, 8},
        {"\xed\xa0\x80", false, 0},
        {"\xf4\x90\x80\x80", false, 0},
        {"\x80", false, 0},
        {"a\xe6\xb3", false, 1},
        {"\xff", false, 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        size_t bad_at = 0;

        assert_int_equal(utf8_valid(cases[i].bytes, strlen(cases[i].bytes), &bad_at),
                         cases[i].valid);
        assert_int_equal(bad_at, cases[i].bad_at);
    }
}

static void letters_are_compared_without_case_and_other_bytes_as_they_are(void **state)
{
    (void)state;
    assert_true(ascii_contains("periodic METRICS", "Metric"));
    assert_true(ascii_contains("abc", ""));
    assert_true(ascii_contains("abc", "BC"));
    assert_false(ascii_contains("abc", "bcd"));
    assert_false(ascii_contains("", "a"));
    assert_true(ascii_contains("caf\xc3\xa9", "\xc3\xa9"));
    assert_false(ascii_contains("caf\xc3\x89", "\xc3\xa9"));
    assert_true(ascii_equal("INFO", "info", 4));
    assert_false(ascii_equal("[", "{", 1));
    assert_false(ascii_equal("@", "`", 1));
}

static void base64_is_that_of_rfc4648(void **state)
{
    static const char *const cases[][2] = {
        {"", ""},
        {"f", "Zg=="},
        {"fo", "Zm8="},
        {"foo", "Zm9v"},
        {"foob", "Zm9vYg=="},
        {"fooba", "Zm9vYmE="},
        {"foobar", "Zm9vYmFy"},
    };
    struct strbuf sb = {0};

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        strbuf_reset(&sb);
        base64_encode(&sb, cases[i][0], strlen(cases[i][0]));
        assert_string_equal(strbuf_text(&sb), cases[i][1]);
    }
    strbuf_release(&sb);
}

static void base64_for_urls_is_decoded(void **state)
{
    static const char *const cases[][2] = {
        {"", ""},        {"Zg", "f"},        {"Zm8", "fo"},
        {"Zm9v", "foo"}, {"Zm9vYg", "foob"}, {"-_8", "\xfb\xff"},
    };
    static const char *const wrong[] = {"Z", "Zg==", "Zm9vY", "Zm9+", "Z m8"};

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct strbuf sb = {0};

        assert_int_equal(base64_decode_url(&sb, cases[i][0], strlen(cases[i][0])), 0);
        assert_string_equal(strbuf_text(&sb), cases[i][1]);
        strbuf_release(&sb);
    }
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        struct strbuf sb = {0};

        assert_int_equal(base64_decode_url(&sb, wrong[i], strlen(wrong[i])), -1);
        strbuf_release(&sb);
    }
}

static void json_is_written_with_commas_and_escapes(void **state)
{
    struct strbuf sb = {0};
    struct json_writer w = json_writer_on(&sb);

    (void)state;
    json_begin_object(&w, NULL);
    json_string(&w, "text", "a\"b\\c\n\x01\x7f");
    json_begin_array(&w, "list");
    json_int(&w, NULL, -1);
    json_bool(&w, NULL, true);
    json_begin_object(&w, NULL);
    json_end_object(&w);
    json_end_array(&w);
    json_number(&w, "n", 2.5, 2);
    json_number(&w, "inf", (double)INFINITY, 2);
    json_bytes(&w, "raw", "raw_encoding", "\xff", 1);
    json_bytes(&w, "utf8", "utf8_encoding", "\xc3\xa9", 2);
    json_end_object(&w);
    assert_string_equal(strbuf_text(&sb),
                        "{\"text\":\"a\\\"b\\\\c\\n\\u0001\\u007f\",\"list\":[-1,true,{}],"
                        "\"n\":2.50,\"inf\":null,\"raw\":\"/w==\",\"raw_encoding\":\"base64\","
                        "\"utf8\":\"\xc3\xa9\"}");
    strbuf_release(&sb);
}

static void add_expected(struct strbuf *sb, unsigned char c)
{
    static const char names[] = "\"\\\n\r\t";
    static const char letters[] = "\"\\nrt";
    const char *name = c ? strchr(names, c) : NULL;

    if (name)
        strbuf_addf(sb, "\\%c", letters[name - names]);
    else if (c < 0x20 || c == 0x7f)
        strbuf_addf(sb, "\\u%04x", c);
    else
        strbuf_addc(sb, (char)c);
}

/* Texts are written in words and pieces: every byte stands at every place of them once, beside
 * others of its kind. */
static void every_byte_is_escaped_as_it_must_be_wherever_it_stands(void **state)
{
    struct strbuf sb = {0};
    struct strbuf expected = {0};
    char text[600];

    (void)state;
    for (int c = 0; c < 256; c++) {
        for (size_t step = 1; step < 12; step++) {
            struct json_writer w = json_writer_on(&sb);
            size_t len = sizeof(text) - step;

            strbuf_reset(&sb);
            strbuf_reset(&expected);
            strbuf_addc(&expected, '"');
            for (size_t i = 0; i < len; i++) {
                text[i] = (char)(i % step == 0 ? c : i % 7 == 0 ? 0x7f : '#');
                add_expected(&expected, (unsigned char)text[i]);
            }
            strbuf_addc(&expected, '"');
            json_string_n(&w, NULL, text, len);
            assert_int_equal(sb.len, expected.len);
            assert_memory_equal(sb.data, expected.data, sb.len);
        }
    }
    strbuf_release(&sb);
    strbuf_release(&expected);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_error_is_prefixed_floor_by_floor),
        cmocka_unit_test(a_strbuf_grows_and_gives_its_bytes_away),
        cmocka_unit_test(an_arena_serves_small_and_large_pieces_and_starts_over),
        cmocka_unit_test(times_are_written_and_read_by_rfc3339),
        cmocka_unit_test(the_text_of_a_time_is_made_anew_when_the_time_is_another),
        cmocka_unit_test(other_forms_of_rfc3339_are_read),
        cmocka_unit_test(texts_that_are_no_times_are_refused),
        cmocka_unit_test(random_numbers_repeat_with_their_seed_and_keep_their_range),
        cmocka_unit_test(what_a_terminal_acts_upon_or_hides_becomes_a_question_mark),
        cmocka_unit_test(utf8_is_taken_strictly),
        cmocka_unit_test(letters_are_compared_without_case_and_other_bytes_as_they_are),
        cmocka_unit_test(base64_is_that_of_rfc4648),
        cmocka_unit_test(base64_for_urls_is_decoded),
        cmocka_unit_test(json_is_written_with_commas_and_escapes),
        cmocka_unit_test(every_byte_is_escaped_as_it_must_be_wherever_it_stands),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
