#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "config/suggest.h"
#include "config/value.h"

static void whole_numbers_are_read_within_their_range(void **state)
{
    static const struct {
        const char *text;
        int rc;
        int64_t n;
    } cases[] = {
        {"0", 0, 0},
        {"-5", 0, -5},
        {"100", 0, 100},
        {"101", -1, 0},
        {"-6", -1, 0},
        {"", -1, 0},
        {"-", -1, 0},
        {"+1", -1, 0},
        {" 1", -1, 0},
        {"1 ", -1, 0},
        {"010", -1, 0},
        {"0x10", -1, 0},
        {"1_0", -1, 0},
        {"1e1", -1, 0},
        {"1.0", -1, 0},
        {"99999999999999999999999", -1, 0},
        {"-99999999999999999999999", -1, 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int64_t n = 77;

        if (value_read_int(cases[i].text, -5, 100, &n, NULL) != cases[i].rc ||
            n != (cases[i].rc == 0 ? cases[i].n : 77))
            fail_msg("\"%s\" is read wrongly", cases[i].text);
    }
}

static void the_largest_whole_numbers_are_read(void **state)
{
    int64_t n;

    (void)state;
    assert_int_equal(value_read_int("9223372036854775807", INT64_MIN, INT64_MAX, &n, NULL), 0);
    assert_true(n == INT64_MAX);
    assert_int_equal(value_read_int("-9223372036854775808", INT64_MIN, INT64_MAX, &n, NULL), 0);
    assert_true(n == INT64_MIN);
    assert_int_equal(value_read_int("9223372036854775808", INT64_MIN, INT64_MAX, &n, NULL), -1);
}

static void numbers_are_read_within_their_range(void **state)
{
    static const struct {
        const char *text;
        int rc;
        double n;
    } cases[] = {
        {"0", 0, 0},     {"0.25", 0, 0.25}, {"1e-3", 0, 0.001}, {"1E+0", 0, 1}, {"1.0", 0, 1},
        {"1.01", -1, 0}, {"-0.1", -1, 0},   {"nan", -1, 0},     {"inf", -1, 0}, {"1e999", -1, 0},
        {"0,5", -1, 0},  {".5", -1, 0},     {"1.", -1, 0},      {"1e", -1, 0},  {"0x1", -1, 0},
        {"0.5 ", -1, 0}, {"", -1, 0},       {"00.5", -1, 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        double n = 77;

        if (value_read_number(cases[i].text, 0, 1, &n, NULL) != cases[i].rc ||
            n != (cases[i].rc == 0 ? cases[i].n : 77))
            fail_msg("\"%s\" is read wrongly", cases[i].text);
    }
}

static void numbers_are_written_so_that_they_read_back(void **state)
{
    static const struct {
        double n;
        const char *text;
    } cases[] = {{0, "0"},     {80, "80"},   {0.1, "0.1"},
                 {1.5, "1.5"}, {100, "100"}, {1.0 / 3, "0.3333333333333333"}};

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct strbuf sb = {0};
        double n = 0;

        value_add_number(&sb, cases[i].n);
        assert_string_equal(strbuf_text(&sb), cases[i].text);
        assert_int_equal(value_read_number(strbuf_text(&sb), 0, 100, &n, NULL), 0);
        assert_true(n == cases[i].n);
        strbuf_release(&sb);
    }
}

static void a_locale_with_a_decimal_comma_changes_nothing(void **state)
{
    static const char *const locales[] = {"de_DE.UTF-8", "fr_FR.UTF-8", "de_DE.utf8"};
    const char *found = NULL;
    struct strbuf sb = {0};
    double n = 0;

    (void)state;
    for (size_t i = 0; !found && i < sizeof(locales) / sizeof(locales[0]); i++)
        found = setlocale(LC_ALL, locales[i]);
    if (!found)
        skip();
    assert_int_equal(value_read_number("0.5", 0, 1, &n, NULL), 0);
    assert_true(n == 0.5);
    value_add_number(&sb, 0.5);
    assert_string_equal(strbuf_text(&sb), "0.5");
    strbuf_release(&sb);
    setlocale(LC_ALL, "C");
}

static void truth_values_are_read_in_their_usual_spellings(void **state)
{
    static const struct {
        const char *text;
        int rc;
        bool b;
    } cases[] = {
        {"true", 0, true},   {"Yes", 0, true}, {"ON", 0, true},   {"1", 0, true},
        {"false", 0, false}, {"no", 0, false}, {"Off", 0, false}, {"0", 0, false},
        {"", -1, false},     {"y", -1, false}, {"2", -1, false},  {"truee", -1, false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        bool b = false;

        if (value_read_bool(cases[i].text, &b, NULL) != cases[i].rc || b != cases[i].b)
            fail_msg("\"%s\" is read wrongly", cases[i].text);
    }
}

static void topics_follow_kafkas_rule(void **state)
{
    char longest[251];

    (void)state;
    assert_int_equal(value_check_topic("orders-dlq_2.v1", NULL), 0);
    assert_int_equal(value_check_topic("...", NULL), 0);
    assert_int_equal(value_check_topic("", NULL), -1);
    assert_int_equal(value_check_topic(".", NULL), -1);
    assert_int_equal(value_check_topic("..", NULL), -1);
    assert_int_equal(value_check_topic("a b", NULL), -1);
    assert_int_equal(value_check_topic("a/b", NULL), -1);
    assert_int_equal(value_check_topic("caf\xc3\xa9", NULL), -1);
    memset(longest, 'a', sizeof(longest));
    longest[250] = '\0';
    assert_int_equal(value_check_topic(longest, NULL), -1);
    longest[249] = '\0';
    assert_int_equal(value_check_topic(longest, NULL), 0);
}

static void brokers_are_a_list_of_hosts_and_ports(void **state)
{
    static const struct {
        const char *text;
        int rc;
    } cases[] = {
        {"localhost:9092", 0},
        {"localhost", 0},
        {"a:1,b:65535", 0},
        {"a:1, b:2", 0},
        {"SASL_SSL://kafka.example.org:9093", 0},
        {"[::1]:9092", 0},
        {"[fe80::1]", 0},
        {"", -1},
        {",", -1},
        {"a:1,", -1},
        {"a:1,,b:2", -1},
        {":9092", -1},
        {"a:", -1},
        {"a:0", -1},
        {"a:65536", -1},
        {"a:port", -1},
        {"a:9092x", -1},
        {"a b:9092", -1},
        {"a:9092 ", -1},
        {"://a:9092", -1},
        {"::1", -1},
        {"[]:9092", -1},
        {"[::1", -1},
        {"[::1]9092", -1},
        {"a:12345678901234567890", -1},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        if (value_check_brokers(cases[i].text, NULL) != cases[i].rc)
            fail_msg("\"%s\" is judged wrongly", cases[i].text);
    }
}

static void urls_have_a_host_or_a_socket(void **state)
{
    static const struct {
        const char *text;
        int rc;
    } cases[] = {
        {"", 0},
        {"http://localhost", 0},
        {"HTTPS://user:secret@shop.example:8443/orders?a=b", 0},
        {"http://[::1]:8080/", 0},
        {"unix:/run/shop.sock", 0},
        {"unix:/run/shop.sock:/orders", 0},
        {"localhost:8080", -1},
        {"http://", -1},
        {"http:///orders", -1},
        {"http://:80/", -1},
        {"http://a b/", -1},
        {"http://a\n", -1},
        {"ftp://localhost/", -1},
        {"unix:run/shop.sock", -1},
        {"unix:/run/shop.sock:orders", -1},
        {"unix:/0123456789012345678901234567890123456789012345678901234567890123456789012345678901"
         "23456789012345678901234567",
         -1},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        if (value_check_url(cases[i].text, NULL) != cases[i].rc)
            fail_msg("\"%s\" is judged wrongly", cases[i].text);
    }
}

static void texts_are_one_line_of_utf8(void **state)
{
    (void)state;
    assert_int_equal(value_check_text("caf\xc3\xa9 \xf0\x9f\x98\x80", 1, 64, NULL), 0);
    assert_int_equal(value_check_text("", 1, 64, NULL), -1);
    assert_int_equal(value_check_text("abc", 1, 2, NULL), -1);
    assert_int_equal(value_check_text("a\nb", 1, 64, NULL), -1);
    assert_int_equal(value_check_text("a\x1b[31m", 1, 64, NULL), -1);
    assert_int_equal(value_check_text("a\xff", 1, 64, NULL), -1);
}

static void a_quoted_value_is_one_short_line_without_escapes(void **state)
{
    char text[1000];

    (void)state;
    assert_string_equal(value_quote("a b").text, "\"a b\"");
    assert_string_equal(value_quote("").text, "\"\"");
    assert_string_equal(value_quote("a\n\x1b[0m\xff\xc2\x85"
                                    "b")
                            .text,
                        "\"a??[0m??b\"");
    memset(text, 'x', sizeof(text));
    text[999] = '\0';
    assert_in_range(strlen(value_quote(text).text), 90, 99);
    assert_non_null(strstr(value_quote(text).text, "...\""));
    for (size_t i = 0; i + 4 < sizeof(text); i += 4)
        memcpy(text + i, "\xf0\x9f\x98\x80", 5);
    assert_in_range(strlen(value_quote(text).text), 90, 99);
}

static struct suggestion nearest(const char *word, const char *const *known)
{
    struct suggestion s = {.asked = word};

    for (size_t i = 0; known[i]; i++)
        suggest_consider(&s, known[i], strlen(known[i]));
    return s;
}

static void the_nearest_word_is_suggested(void **state)
{
    static const char *const known[] = {"retry.max_attempts", "retry.max_delay_ms", "kafka.topic",
                                        NULL};
    static const struct {
        const char *word, *nearest;
        bool is_near;
    } cases[] = {
        {"retry.max_atempts", "retry.max_attempts", true},
        {"retry.max_attemtps", "retry.max_attempts", true},
        {"Retry.Max_Attempts", "retry.max_attempts", true},
        {"retry.maxdelay", "retry.max_delay_ms", true},
        {"kafka.topics", "kafka.topic", true},
        {"kakfa.topic", "kafka.topic", true},
        {"zzz", "kafka.topic", false},
        {"", "kafka.topic", false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct suggestion s = nearest(cases[i].word, known);

        if (strcmp(s.word, cases[i].nearest) != 0 || suggest_is_near(&s) != cases[i].is_near)
            fail_msg("\"%s\" is compared wrongly: %s", cases[i].word, s.word);
    }
}

static void two_swapped_letters_are_one_slip(void **state)
{
    static const char *const known[] = {"abyz", "abdc", NULL};
    struct suggestion s = nearest("abcd", known);

    (void)state;
    assert_string_equal(s.word, "abdc");
    assert_int_equal(s.distance, 1);
}

static void words_of_any_length_can_be_compared(void **state)
{
    static const char *const known[] = {"kafka.topic", NULL};
    static const char *const none[] = {NULL};
    char text[5000];
    struct suggestion s;

    (void)state;
    memset(text, 'k', sizeof(text));
    text[4999] = '\0';
    s = nearest(text, known);
    assert_false(suggest_is_near(&s));
    s = nearest("x", (const char *const[]){text, "y", NULL});
    assert_string_equal(s.word, "y");
    s = nearest("x", none);
    assert_null(s.word);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_numbers_are_read_within_their_range),
        cmocka_unit_test(the_largest_whole_numbers_are_read),
        cmocka_unit_test(numbers_are_read_within_their_range),
        cmocka_unit_test(numbers_are_written_so_that_they_read_back),
        cmocka_unit_test(a_locale_with_a_decimal_comma_changes_nothing),
        cmocka_unit_test(truth_values_are_read_in_their_usual_spellings),
        cmocka_unit_test(topics_follow_kafkas_rule),
        cmocka_unit_test(brokers_are_a_list_of_hosts_and_ports),
        cmocka_unit_test(urls_have_a_host_or_a_socket),
        cmocka_unit_test(texts_are_one_line_of_utf8),
        cmocka_unit_test(a_quoted_value_is_one_short_line_without_escapes),
        cmocka_unit_test(the_nearest_word_is_suggested),
        cmocka_unit_test(two_swapped_letters_are_one_slip),
        cmocka_unit_test(words_of_any_length_can_be_compared),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
