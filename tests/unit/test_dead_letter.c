#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/utf8.h"
#include "flow/dead_letter.h"

struct fixture {
    struct arena arena;
    struct message message;
    struct dead_letter_facts facts;
    struct outgoing out;
};

static int set_up(void **state)
{
    struct fixture *f = test_calloc(1, sizeof(*f));

    f->message = (struct message){.topic = "orders",
                                  .partition = 3,
                                  .offset = INT64_C(4294967296),
                                  .timestamp_ms = INT64_C(1795367071390),
                                  .key = "k\0y",
                                  .key_len = 3,
                                  .value = "\xff{\0}",
                                  .value_len = 4};
    f->facts = (struct dead_letter_facts){.group = "tracker-group",
                                          .error = "downstream said no",
                                          .reason = RECORD_PROCESS,
                                          .attempts = 3,
                                          .first_failure_ms = INT64_C(1795367071402),
                                          .last_failure_ms = INT64_C(1795367079000)};
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    arena_release(&f->arena);
    test_free(f);
    return 0;
}

static void build(struct fixture *f, const struct header *original, size_t count)
{
    dead_letter_build(&f->message, original, count, &f->facts, "orders-dlq", &f->arena, &f->out);
}

/* `expected` is name, value, name, value, ..., NULL. A value "\x01NULL" stands for a null value. */
static void assert_headers(const struct outgoing *o, const char *const *expected)
{
    size_t i = 0;

    for (; expected[2 * i]; i++) {
        const char *value = expected[2 * i + 1];

        assert_true(i < o->header_count);
        assert_string_equal(o->headers[i].name, expected[2 * i]);
        if (strcmp(value, "\x01NULL") == 0) {
            assert_null(o->headers[i].value);
            continue;
        }
        assert_int_equal(o->headers[i].value_len, strlen(value));
        assert_memory_equal(o->headers[i].value, value, strlen(value));
    }
    assert_int_equal(o->header_count, i);
}

static const struct header *find(const struct outgoing *o, const char *name)
{
    const struct header *found = NULL;

    for (size_t i = 0; i < o->header_count; i++)
        if (strcmp(o->headers[i].name, name) == 0) {
            assert_null(found);
            found = &o->headers[i];
        }
    return found;
}

#define OWN_HEADERS                                                                              \
    "__dlq.errors.topic", "orders", "__dlq.errors.partition", "3", "__dlq.errors.offset",        \
        "4294967296", "__dlq.errors.group", "tracker-group", "__dlq.errors.delivery.count", "3", \
        "__dlq.errors.message", "downstream said no", "dlq.id",                                  \
        "orders/3/4294967296/tracker-group", "dlq.reason", "PROCESS", "dlq.attempts", "3",       \
        "dlq.first-failure-ms", "1795367071402", "dlq.last-failure-ms", "1795367079000",         \
        "dlq.original-timestamp-ms", "1795367071390", "original-topic", "orders", "error",       \
        "downstream said no", "attempts", "3"

static void the_original_comes_through_byte_for_byte(void **state)
{
    struct fixture *f = *state;

    build(f, NULL, 0);
    assert_string_equal(f->out.topic, "orders-dlq");
    assert_int_equal(f->out.partition_hint, 3);
    assert_int_equal(f->out.timestamp_ms, 0); /* now: retention counts from the write */
    assert_int_equal(f->out.key_len, 3);
    assert_memory_equal(f->out.key, "k\0y", 3);
    assert_int_equal(f->out.value_len, 4);
    assert_memory_equal(f->out.value, "\xff{\0}", 4);
}

static void null_stays_null_and_empty_stays_empty(void **state)
{
    struct fixture *f = *state;

    f->message.key = f->message.value = NULL;
    f->message.key_len = f->message.value_len = 0;
    build(f, NULL, 0);
    assert_null(f->out.key);
    assert_null(f->out.value);
    f->message.key = f->message.value = "";
    build(f, NULL, 0);
    assert_non_null(f->out.key);
    assert_non_null(f->out.value);
    assert_int_equal(f->out.value_len, 0);
}

static void our_headers_follow_the_original_ones_in_a_fixed_order(void **state)
{
    const struct header original[] = {{"content-type", "application/json", 16},
                                      {"trace", "a", 1},
                                      {"trace", "b", 1},
                                      {"empty", "", 0},
                                      {"nothing", NULL, 0}};
    static const char *const expected[] = {
        "content-type", "application/json", "trace",     "a",  "trace", "b", "empty", "",
        "nothing",      "\x01NULL",         OWN_HEADERS, NULL,
    };
    struct fixture *f = *state;

    build(f, original, 5);
    assert_headers(&f->out, expected);
}

static void earlier_headers_of_our_names_are_replaced(void **state)
{
    const struct header original[] = {{"error", "old", 3},
                                      {"dlq.id", "x", 1},
                                      {"keep", "me", 2},
                                      {"error", "older", 5},
                                      {"__dlq.errors.message", NULL, 0},
                                      {"Error", "names are told apart by case", 28}};
    static const char *const expected[] = {
        "keep", "me", "Error", "names are told apart by case", OWN_HEADERS, NULL};
    struct fixture *f = *state;

    build(f, original, 6);
    assert_headers(&f->out, expected);
}

/* Or a record that was once a pointer would look like one for ever. */
static void what_was_said_of_omitted_parts_does_not_stick(void **state)
{
    const struct header original[] = {{"dlq.value-omitted", "true", 4},
                                      {"dlq.value-size", "9", 1},
                                      {"dlq.headers-omitted", "true", 4},
                                      {"dlq.headers-count", "9", 1},
                                      {"dlq.headers-size", "9", 1},
                                      {"dlq.key-omitted", "true", 4},
                                      {"dlq.key-size", "9", 1}};
    static const char *const expected[] = {OWN_HEADERS, NULL};
    struct fixture *f = *state;

    build(f, original, 7);
    assert_headers(&f->out, expected);
}

static void a_pointer_record_has_no_value_and_tells_its_size(void **state)
{
    const struct header original[] = {{"dlq.value-size", "9", 1}};
    static const char *const expected[] = {
        OWN_HEADERS, "dlq.value-omitted", "true", "dlq.value-size", "4", NULL};
    struct fixture *f = *state;

    f->facts.form = DEAD_LETTER_WITHOUT_VALUE;
    build(f, original, 1);
    assert_headers(&f->out, expected);
    assert_null(f->out.value);
    assert_int_equal(f->out.value_len, 0);
    assert_memory_equal(f->out.key, "k\0y", 3);
}

static void the_next_form_has_no_original_headers_either_and_the_last_one_no_key(void **state)
{
    const struct header original[] = {
        {"first", "12345", 5}, {"dlq.id", "old", 3}, {"null", NULL, 0}, {"", "", 0}};
    static const char *const without_headers[] = {
        OWN_HEADERS, "dlq.value-omitted", "true", "dlq.value-size",   "4",  "dlq.headers-omitted",
        "true",      "dlq.headers-count", "3",    "dlq.headers-size", "14", NULL};
    struct fixture *f = *state;

    f->facts.form = DEAD_LETTER_WITHOUT_HEADERS;
    build(f, original, 4);
    assert_headers(&f->out, without_headers);
    assert_null(f->out.value);
    assert_memory_equal(f->out.key, "k\0y", 3);
    f->facts.form = DEAD_LETTER_WITHOUT_KEY;
    build(f, original, 4);
    assert_null(f->out.value);
    assert_null(f->out.key);
    assert_int_equal(f->out.key_len, 0);
    assert_memory_equal(find(&f->out, "dlq.headers-omitted")->value, "true", 4);
    assert_memory_equal(find(&f->out, "dlq.key-omitted")->value, "true", 4);
    assert_memory_equal(find(&f->out, "dlq.key-size")->value, "3", 1);
    assert_null(find(&f->out, "first"));
}

static void what_was_not_there_is_not_called_left_out(void **state)
{
    static const char *const expected[] = {OWN_HEADERS, NULL};
    const struct header only_ours[] = {{"dlq.id", "old", 3}};
    struct fixture *f = *state;

    f->message.key = f->message.value = NULL;
    f->message.key_len = f->message.value_len = 0;
    f->facts.form = DEAD_LETTER_WITHOUT_KEY;
    build(f, only_ours, 1);
    assert_headers(&f->out, expected);
    assert_false(dead_letter_is_partial(f->out.headers, f->out.header_count));
}

/* A thousand headers, a key of a mebibyte and an error without end: nothing of it stays. */
static void the_last_form_is_small_whatever_the_record_was(void **state)
{
    static struct header original[1000];
    struct fixture *f = *state;
    size_t size = 1 << 20;
    char *large = test_malloc(size + 1);
    size_t total = 0;

    memset(large, 'x', size);
    large[size] = '\0';
    for (size_t i = 0; i < 998; i++)
        original[i] = (struct header){"name", i % 2 ? NULL : "value", i % 2 ? 0 : 5};
    /* As of a record that was moved back. */
    original[998] = (struct header){"dlq.replay-count", large, size};
    original[999] = (struct header){"dlq.first-failure-ms", large, size};
    f->message.key = f->message.value = large;
    f->message.key_len = f->message.value_len = size;
    f->facts.error = large;
    f->facts.form = DEAD_LETTER_WITHOUT_KEY;
    build(f, original, 1000);
    assert_null(f->out.key);
    assert_null(f->out.value);
    assert_memory_equal(find(&f->out, "dlq.headers-count")->value, "999", 3);
    for (size_t i = 0; i < f->out.header_count; i++)
        total += strlen(f->out.headers[i].name) + f->out.headers[i].value_len;
    assert_in_range(total, 1, 1024);
    test_free(large);
}

static void a_dead_letter_says_whether_it_is_all_of_the_record(void **state)
{
    const struct header original[] = {{"first", "1", 1}};
    struct fixture *f = *state;

    for (f->facts.form = DEAD_LETTER_WHOLE; f->facts.form <= DEAD_LETTER_WITHOUT_KEY;
         f->facts.form++) {
        build(f, original, 1);
        assert_int_equal(dead_letter_is_partial(f->out.headers, f->out.header_count),
                         f->facts.form != DEAD_LETTER_WHOLE);
    }
}

static void the_names_it_writes_are_known(void **state)
{
    struct fixture *f = *state;

    f->facts.form = DEAD_LETTER_WITHOUT_KEY;
    build(f, NULL, 0);
    assert_int_equal(f->out.header_count, 19);
    for (size_t i = 0; i < f->out.header_count; i++)
        assert_true(dead_letter_writes(f->out.headers[i].name));
    assert_false(dead_letter_writes("dlq.replay-count"));
    assert_false(dead_letter_writes("content-type"));
}

static void the_first_failure_stays_for_a_record_that_was_moved_back(void **state)
{
    const struct header original[] = {{"dlq.first-failure-ms", "1111", 4},
                                      {"dlq.replay-count", "2", 1}};
    struct fixture *f = *state;

    build(f, original, 2);
    assert_memory_equal(find(&f->out, "dlq.first-failure-ms")->value, "1111", 4);
    assert_memory_equal(find(&f->out, "dlq.replay-count")->value, "2", 1);
    assert_memory_equal(find(&f->out, "dlq.last-failure-ms")->value, "1795367079000", 13);
}

static void without_a_replay_an_earlier_first_failure_is_not_believed(void **state)
{
    const struct header original[] = {{"dlq.first-failure-ms", "1111", 4}};
    struct fixture *f = *state;

    build(f, original, 1);
    assert_memory_equal(find(&f->out, "dlq.first-failure-ms")->value, "1795367071402", 13);
    assert_null(find(&f->out, "dlq.replay-count"));
}

static void the_message_is_printable_and_at_most_a_kibibyte(void **state)
{
    struct fixture *f = *state;
    const struct header *h;
    char text[4000];

    f->facts.error = "line\none\ttab \x1b[31m red \xff bytes \xc3\xa9";
    build(f, NULL, 0);
    h = find(&f->out, "__dlq.errors.message");
    assert_int_equal(h->value_len, strlen("line?one?tab ?[31m red ? bytes \xc3\xa9"));
    assert_memory_equal(h->value, "line?one?tab ?[31m red ? bytes \xc3\xa9", h->value_len);
    assert_int_equal(find(&f->out, "error")->value_len, h->value_len);
    for (size_t i = 0; i + 1 < sizeof(text); i++)
        text[i] = i % 3 == 0 ? '\xe2' : i % 3 == 1 ? '\x82' : '\xac';
    text[sizeof(text) - 1] = '\0';
    f->facts.error = text;
    build(f, NULL, 0);
    h = find(&f->out, "__dlq.errors.message");
    assert_int_equal(h->value_len, 1023); /* whole characters of three bytes */
    assert_true(utf8_valid(h->value, h->value_len, NULL));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(the_original_comes_through_byte_for_byte),
        TEST(null_stays_null_and_empty_stays_empty),
        TEST(our_headers_follow_the_original_ones_in_a_fixed_order),
        TEST(earlier_headers_of_our_names_are_replaced),
        TEST(what_was_said_of_omitted_parts_does_not_stick),
        TEST(a_pointer_record_has_no_value_and_tells_its_size),
        TEST(the_next_form_has_no_original_headers_either_and_the_last_one_no_key),
        TEST(what_was_not_there_is_not_called_left_out),
        TEST(the_last_form_is_small_whatever_the_record_was),
        TEST(a_dead_letter_says_whether_it_is_all_of_the_record),
        TEST(the_names_it_writes_are_known),
        TEST(the_first_failure_stays_for_a_record_that_was_moved_back),
        TEST(without_a_replay_an_earlier_first_failure_is_not_believed),
        TEST(the_message_is_printable_and_at_most_a_kibibyte),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
