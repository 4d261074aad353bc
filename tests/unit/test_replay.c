#include "flow/replay.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

#include "flow/dead_letter.h"

#define TEXT(n, v)                                            \
    {                                                         \
        .name = (n), .value = (v), .value_len = sizeof(v) - 1 \
    }

struct fixture {
    struct arena arena;
    struct replay_policy policy;
    struct message message;
    struct replay replay;
    struct outgoing out;
};

static int set_up(void **state)
{
    struct fixture *f = test_calloc(1, sizeof(*f));

    f->policy = (struct replay_policy){.dlq_topic = "orders-dlq", .max_replays = 3};
    f->message = (struct message){.topic = "orders-dlq",
                                  .partition = 1,
                                  .offset = 7,
                                  .timestamp_ms = 5,
                                  .key = "k\0y",
                                  .key_len = 3,
                                  .value = "\xff{\0}",
                                  .value_len = 4};
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

static void judge(struct fixture *f, const struct header *headers, size_t count)
{
    replay_judge(&f->policy, headers, count, &f->arena, &f->replay);
}

static void build(struct fixture *f, const struct header *headers, size_t count)
{
    judge(f, headers, count);
    assert_int_equal(f->replay.fate, REDRIVE_GOES);
    replay_build(&f->replay, &f->message, headers, count, &f->arena, &f->out);
}

static void assert_header(const struct outgoing *o, size_t i, const char *name, const char *value,
                          size_t len)
{
    assert_true(i < o->header_count);
    assert_string_equal(o->headers[i].name, name);
    assert_int_equal(o->headers[i].value_len, len);
    if (!value)
        assert_null(o->headers[i].value);
    else
        assert_memory_equal(o->headers[i].value, value, len);
}

/* A dead letter as the tracker makes it, of a record with these headers. */
static void dead_letter_of(struct fixture *f, const struct message *m, const struct header *headers,
                           size_t count)
{
    const struct dead_letter_facts facts = {.group = "group",
                                            .error = "no",
                                            .reason = RECORD_PROCESS,
                                            .attempts = 3,
                                            .first_failure_ms = 1000,
                                            .last_failure_ms = 2000};

    dead_letter_build(m, headers, count, &facts, "orders-dlq", &f->arena, &f->out);
}

static void a_dead_letter_becomes_what_it_was(void **state)
{
    const struct header original[] = {TEXT("trace", "a\0b"),
                                      TEXT("trace", "c"),
                                      {"nothing", NULL, 0},
                                      TEXT("empty", ""),
                                      TEXT("dlq.not-ours", "stays")};
    struct fixture *f = *state;
    struct message m = f->message;

    m.topic = "orders";
    m.partition = 5;
    dead_letter_of(f, &m, original, 5);
    f->message.key = f->out.key;
    build(f, f->out.headers, f->out.header_count);
    assert_int_equal(f->replay.reason, RECORD_PROCESS);
    assert_string_equal(f->out.topic, "orders");
    assert_int_equal(f->out.partition_hint, 5);
    assert_int_equal(f->out.timestamp_ms, 0);
    assert_int_equal(f->out.key_len, 3);
    assert_memory_equal(f->out.key, "k\0y", 3);
    assert_int_equal(f->out.value_len, 4);
    assert_memory_equal(f->out.value, "\xff{\0}", 4);
    assert_int_equal(f->out.header_count, 8);
    assert_header(&f->out, 0, "trace", "a\0b", 3);
    assert_header(&f->out, 1, "trace", "c", 1);
    assert_header(&f->out, 2, "nothing", NULL, 0);
    assert_header(&f->out, 3, "empty", "", 0);
    assert_header(&f->out, 4, "dlq.not-ours", "stays", 5);
    assert_header(&f->out, 5, "dlq.id", "orders/5/7/group", 16);
    assert_header(&f->out, 6, "dlq.first-failure-ms", "1000", 4);
    assert_header(&f->out, 7, "dlq.replay-count", "1", 1);
}

static void null_stays_null_and_empty_stays_empty(void **state)
{
    struct fixture *f = *state;

    f->message.key = f->message.value = NULL;
    f->message.key_len = f->message.value_len = 0;
    dead_letter_of(f, &(struct message){.topic = "orders"}, NULL, 0);
    build(f, f->out.headers, f->out.header_count);
    assert_null(f->out.key);
    assert_null(f->out.value);
    f->message.key = f->message.value = "";
    dead_letter_of(f, &(struct message){.topic = "orders"}, NULL, 0);
    build(f, f->out.headers, f->out.header_count);
    assert_non_null(f->out.key);
    assert_non_null(f->out.value);
}

/* Round and round: the count grows, the first failure stays, at the limit it stays. */
static void every_round_counts_and_the_first_failure_stays(void **state)
{
    const struct header first[] = {TEXT("content-type", "x"), TEXT("dlq.first-failure-ms", "11"),
                                   TEXT("dlq.replay-count", "1")};
    struct fixture *f = *state;
    struct message m = {.topic = "orders", .value = "v", .value_len = 1};

    f->out = (struct outgoing){.headers = first, .header_count = 3};
    for (int round = 2; round <= 3; round++) {
        dead_letter_of(f, &m, f->out.headers, f->out.header_count);
        build(f, f->out.headers, f->out.header_count);
        assert_int_equal(f->out.header_count, 4);
        assert_header(&f->out, 0, "content-type", "x", 1);
        assert_header(&f->out, 2, "dlq.first-failure-ms", "11", 2);
        assert_header(&f->out, 3, "dlq.replay-count", round == 2 ? "2" : "3", 1);
    }
    dead_letter_of(f, &m, f->out.headers, f->out.header_count);
    judge(f, f->out.headers, f->out.header_count);
    assert_int_equal(f->replay.fate, REDRIVE_STAYS);
    f->policy.max_replays = 4;
    judge(f, f->out.headers, f->out.header_count);
    assert_int_equal(f->replay.fate, REDRIVE_GOES);
}

static void a_count_that_is_no_number_is_none(void **state)
{
    static const struct {
        const char *text;
        int64_t replays;
    } cases[] = {{"", 0},   {"x", 0},  {"-1", 0},
                 {"2x", 0}, {"02", 2}, {"99999999999999999999999", INT64_MAX}};
    struct fixture *f = *state;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct header headers[] = {TEXT("__dlq.errors.topic", "orders"),
                                         TEXT("dlq.id", "i"),
                                         {.name = "dlq.replay-count",
                                          .value = cases[i].text,
                                          .value_len = strlen(cases[i].text)}};

        judge(f, headers, 3);
        assert_int_equal(f->replay.replays, cases[i].replays);
        assert_int_equal(f->replay.fate, cases[i].replays < 3 ? REDRIVE_GOES : REDRIVE_STAYS);
    }
}

static void fates_by_headers(void **state)
{
    static const struct header topic = TEXT("__dlq.errors.topic", "orders");
    static const struct header id = TEXT("dlq.id", "i");
    const struct {
        const char *what;
        struct header headers[4];
        size_t count;
        enum redrive_fate fate;
        enum record_reason reason;
    } cases[] = {
        {"no headers", {{0}}, 0, REDRIVE_FOREIGN, RECORD_REASON_NONE},
        {"topic alone", {topic}, 1, REDRIVE_FOREIGN, RECORD_REASON_NONE},
        {"id alone", {id}, 1, REDRIVE_FOREIGN, RECORD_REASON_NONE},
        {"both", {topic, id}, 2, REDRIVE_GOES, RECORD_REASON_NONE},
        {"unknown reason",
         {topic, id, TEXT("dlq.reason", "MOON")},
         3,
         REDRIVE_GOES,
         RECORD_REASON_NONE},
        {"known reason",
         {topic, id, TEXT("dlq.reason", "TIMEOUT")},
         3,
         REDRIVE_GOES,
         RECORD_TIMEOUT},
        {"the last reason counts",
         {topic, id, TEXT("dlq.reason", "MOON"), TEXT("dlq.reason", "VALIDATE")},
         4,
         REDRIVE_GOES,
         RECORD_VALIDATE},
        {"reason, but not ours",
         {id, TEXT("dlq.reason", "PROCESS")},
         2,
         REDRIVE_FOREIGN,
         RECORD_PROCESS},
        {"null topic",
         {{.name = "__dlq.errors.topic"}, id},
         2,
         REDRIVE_FOREIGN,
         RECORD_REASON_NONE},
        {"empty topic",
         {TEXT("__dlq.errors.topic", ""), id},
         2,
         REDRIVE_FOREIGN,
         RECORD_REASON_NONE},
        {"no topic's name",
         {TEXT("__dlq.errors.topic", "or\0ders"), id},
         2,
         REDRIVE_FOREIGN,
         RECORD_REASON_NONE},
        {"..", {TEXT("__dlq.errors.topic", ".."), id}, 2, REDRIVE_FOREIGN, RECORD_REASON_NONE},
        {"the dead letter topic itself",
         {TEXT("__dlq.errors.topic", "orders-dlq"), id},
         2,
         REDRIVE_FOREIGN,
         RECORD_REASON_NONE},
        {"value left out",
         {topic, id, TEXT("dlq.value-omitted", "true")},
         3,
         REDRIVE_NO_VALUE,
         RECORD_REASON_NONE},
        {"headers left out",
         {topic, id, TEXT("dlq.headers-omitted", "true")},
         3,
         REDRIVE_NO_VALUE,
         RECORD_REASON_NONE},
        {"key left out",
         {topic, id, TEXT("dlq.key-omitted", "true")},
         3,
         REDRIVE_NO_VALUE,
         RECORD_REASON_NONE},
        {"value not left out",
         {topic, id, TEXT("dlq.value-omitted", "false")},
         3,
         REDRIVE_GOES,
         RECORD_REASON_NONE},
        {"left out, and often moved",
         {topic, id, TEXT("dlq.value-omitted", "true"), TEXT("dlq.replay-count", "9")},
         4,
         REDRIVE_NO_VALUE,
         RECORD_REASON_NONE},
    };
    struct fixture *f = *state;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        judge(f, cases[i].headers, cases[i].count);
        if (f->replay.fate != cases[i].fate || f->replay.reason != cases[i].reason)
            fail_msg("%s: fate %d, reason %d", cases[i].what, (int)f->replay.fate,
                     (int)f->replay.reason);
        assert_int_equal(f->replay.topic == NULL, cases[i].fate == REDRIVE_FOREIGN);
    }
}

static void without_a_partition_the_key_decides(void **state)
{
    const struct header headers[] = {TEXT("__dlq.errors.topic", "orders"), TEXT("dlq.id", "i"),
                                     TEXT("__dlq.errors.partition", "4294967296")};
    struct fixture *f = *state;

    build(f, headers, 2);
    assert_int_equal(f->out.partition_hint, -1);
    build(f, headers, 3);
    assert_int_equal(f->out.partition_hint, -1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_dead_letter_becomes_what_it_was),
        TEST(null_stays_null_and_empty_stays_empty),
        TEST(every_round_counts_and_the_first_failure_stays),
        TEST(a_count_that_is_no_number_is_none),
        TEST(fates_by_headers),
        TEST(without_a_partition_the_key_decides),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
