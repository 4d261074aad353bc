#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/resource.h>
#include <signal.h>
#include <unistd.h>
#include <cmocka.h>
#include <cjson/cJSON.h>

#include "base/mem.h"
#include "base/strbuf.h"
#include "base/utf8.h"
#include "io/file_watch.h"
#include "io/log_file.h"
#include "support/fake_clock.h"

#define MAX_LINES 256

#define note(log, level, message, error) \
    log_emit((log), (level), event_with(message), (error), NULL, 0)
#define note_with(log, level, message, error, ...)         \
    log_emit((log), (level), event_with(message), (error), \
             (const struct log_field[]){__VA_ARGS__},      \
             sizeof((const struct log_field[]){__VA_ARGS__}) / sizeof(struct log_field))

struct fixture {
    char folder[64];
    char path[80];
    char other[80];
    struct fake_clock clock;
    struct clock clock_port;
    struct log_file_options options;
    struct log_file *log;
    struct log port;
    cJSON *lines[MAX_LINES]; /* as read last */
    size_t line_count;
};

/* An event of this text; `message` lives as long as the program. */
static const struct log_event *event_with(const char *message)
{
    static struct log_event events[64];
    size_t i = 0;

    while (events[i].name && strcmp(events[i].message, message) != 0)
        i++;
    assert_true(i < 63);
    events[i] = (struct log_event){"test.event", LOG_INFO, message};
    return &events[i];
}

static void forget_lines(struct fixture *f)
{
    while (f->line_count)
        cJSON_Delete(f->lines[--f->line_count]);
}

static int set_up(void **state)
{
    struct fixture *f = mem_alloc(sizeof(*f));
    struct err e = {0};

    strcpy(f->folder, "/tmp/test_log_file.XXXXXX");
    assert_non_null(mkdtemp(f->folder));
    snprintf(f->path, sizeof(f->path), "%s/log", f->folder);
    snprintf(f->other, sizeof(f->other), "%s/log.1", f->folder);
    f->clock = (struct fake_clock){.wall = INT64_C(1795367071402), .mono = 5000};
    f->clock_port = fake_clock_port(&f->clock);
    f->options = (struct log_file_options){.path = f->path,
                                           .service = "order-tracker",
                                           .env = "test",
                                           .level = LOG_INFO,
                                           .clock = &f->clock_port};
    f->log = log_file_open(&f->options, &e);
    assert_non_null(f->log);
    f->port = log_file_port(f->log);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    char command[128];

    log_file_close(f->log);
    forget_lines(f);
    snprintf(command, sizeof(command), "rm -rf '%s'", f->folder);
    assert_int_equal(system(command), 0);
    free(f);
    return 0;
}

/* Reads the file and parses every line. */
static void read_lines(struct fixture *f, const char *path)
{
    FILE *file = fopen(path, "re");
    char *line = NULL;
    size_t cap = 0;
    ssize_t len;

    assert_non_null(file);
    forget_lines(f);
    while ((len = getline(&line, &cap, file)) > 0) {
        const char *end;

        assert_true(f->line_count < MAX_LINES);
        assert_int_equal(line[len - 1], '\n');
        assert_true(utf8_valid(line, (size_t)len, NULL));
        f->lines[f->line_count] = cJSON_ParseWithLengthOpts(line, (size_t)len, &end, 0);
        assert_non_null(f->lines[f->line_count++]);
        assert_ptr_equal(end, line + len - 1);
    }
    free(line);
    fclose(file);
}

static const char *text_of(const cJSON *json, const char *key)
{
    return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(json, key));
}

static const cJSON *metadata(const struct fixture *f, size_t i)
{
    return cJSON_GetObjectItemCaseSensitive(f->lines[i], "metadata");
}

static int64_t field(const struct fixture *f, size_t i, const char *key)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(metadata(f, i), key);

    return item ? (int64_t)item->valuedouble : -1;
}

static void assert_keys(const cJSON *json, const char *const *keys)
{
    const cJSON *item = json->child;

    for (; *keys; keys++, item = item->next) {
        assert_non_null(item);
        assert_string_equal(item->string, *keys);
    }
    assert_null(item);
}

static void a_line_has_its_keys_in_order(void **state)
{
    static const char *const keys[] = {"timestamp", "level",    "event", "message",
                                       "service",   "metadata", NULL};
    static const char *const error_keys[] = {"timestamp", "level", "event",    "message",
                                             "service",   "error", "metadata", NULL};
    static const char *const metadata_keys[] = {"env", "partition", "topic", "sum", NULL};
    struct fixture *f = *state;

    note_with(&f->port, LOG_INFO, "first", NULL, LOG_INT("partition", -3),
              LOG_TEXT("topic", "orders"), LOG_JSON("sum", "{\"a\":[1,2]}"));
    note(&f->port, LOG_ERROR, "second", "it broke");
    read_lines(f, f->path);
    assert_int_equal(f->line_count, 2);
    assert_keys(f->lines[0], keys);
    assert_keys(metadata(f, 0), metadata_keys);
    assert_string_equal(text_of(f->lines[0], "timestamp"), "2026-11-22T17:04:31.402Z");
    assert_string_equal(text_of(f->lines[0], "level"), "INFO");
    assert_string_equal(text_of(f->lines[0], "event"), "test.event");
    assert_string_equal(text_of(f->lines[0], "message"), "first");
    assert_string_equal(text_of(f->lines[0], "service"), "order-tracker");
    assert_string_equal(text_of(metadata(f, 0), "env"), "test");
    assert_int_equal(field(f, 0, "partition"), -3);
    assert_keys(f->lines[1], error_keys);
    assert_string_equal(text_of(f->lines[1], "error"), "it broke");
}

static void an_object_without_a_name_becomes_the_metadata(void **state)
{
    static const char *const keys[] = {"env", "a", "b", "last", NULL};
    static const char *const none[] = {"env", "last", NULL};
    struct fixture *f = *state;

    note_with(&f->port, LOG_INFO, "m", NULL, LOG_JSON(NULL, "{\"a\":1,\"b\":2}"),
              LOG_INT("last", 3));
    note_with(&f->port, LOG_INFO, "m", NULL, LOG_JSON(NULL, "{}"), LOG_INT("last", 3));
    read_lines(f, f->path);
    assert_keys(metadata(f, 0), keys);
    assert_keys(metadata(f, 1), none);
}

static void levels_below_the_set_one_are_not_written(void **state)
{
    static const enum log_level levels[] = {LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR};
    struct fixture *f = *state;

    for (size_t i = 0; i < 4; i++) {
        struct err e = {0};

        log_file_close(f->log);
        unlink(f->path);
        f->options.level = levels[i];
        f->log = log_file_open(&f->options, &e);
        f->port = log_file_port(f->log);
        for (size_t k = 0; k < 4; k++)
            note(&f->port, levels[k], "m", NULL);
        read_lines(f, f->path);
        assert_int_equal(f->line_count, 4 - i);
    }
}

static void hostile_texts_stay_within_one_line_of_json(void **state)
{
    static const char *const texts[] = {
        "a\nb\rc\td",  "\"},{\"x\":\"",        "\\", "\xff\xfe\xc3", "\xed\xa0\x80",
        "\x1b[2J\x7f", "\xc3\xa9\xe2\x82\xac",
    };
    struct fixture *f = *state;
    static char long_text[100001];

    memset(long_text, 'x', 100000);
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        note_with(&f->port, LOG_ERROR, texts[i], texts[i], LOG_TEXT("text", texts[i]));
    note(&f->port, LOG_ERROR, long_text, long_text);
    read_lines(f, f->path);
    assert_int_equal(f->line_count, sizeof(texts) / sizeof(texts[0]) + 1);
    assert_string_equal(text_of(f->lines[1], "message"), "\"},{\"x\":\"");
    assert_string_equal(text_of(metadata(f, 6), "text"), "\xc3\xa9\xe2\x82\xac");
    assert_int_equal(strlen(text_of(f->lines[7], "error")), 4096);
}

static void repeated_trouble_is_told_at_once_and_then_counted(void **state)
{
    struct fixture *f = *state;

    for (int i = 0; i < 1000; i++)
        note_with(&f->port, LOG_WARN, "trouble", "broken", LOG_INT("offset", i));
    read_lines(f, f->path);
    assert_int_equal(f->line_count, 1);
    assert_int_equal(field(f, 0, "offset"), 0);
    fake_clock_advance(&f->clock, 9999);
    log_file_tick(f->log);
    read_lines(f, f->path);
    assert_int_equal(f->line_count, 1);
    fake_clock_advance(&f->clock, 1);
    log_file_tick(f->log);
    log_file_tick(f->log);
    read_lines(f, f->path);
    assert_int_equal(f->line_count, 2);
    assert_string_equal(text_of(f->lines[1], "event"), "test.event");
    assert_string_equal(text_of(f->lines[1], "message"), "trouble");
    assert_string_equal(text_of(f->lines[1], "error"), "broken");
    assert_string_equal(text_of(f->lines[1], "level"), "WARN");
    assert_int_equal(field(f, 1, "repeated"), 999);
}

static void trouble_that_comes_back_later_is_told_at_once_again(void **state)
{
    struct fixture *f = *state;

    note(&f->port, LOG_WARN, "trouble", NULL);
    fake_clock_advance(&f->clock, 10000);
    log_file_tick(f->log);
    note(&f->port, LOG_WARN, "trouble", NULL);
    read_lines(f, f->path);
    assert_int_equal(f->line_count, 2);
    assert_int_equal(field(f, 1, "repeated"), -1);
}

static void what_differs_is_no_repetition(void **state)
{
    struct fixture *f = *state;

    note(&f->port, LOG_WARN, "a", NULL);
    note(&f->port, LOG_WARN, "a", "x");
    note(&f->port, LOG_WARN, "a", "y");
    note(&f->port, LOG_ERROR, "a", "y");
    note(&f->port, LOG_WARN, "b", "y");
    note(&f->port, LOG_INFO, "c", NULL);
    note(&f->port, LOG_INFO, "c", NULL); /* no trouble: always told */
    read_lines(f, f->path);
    assert_int_equal(f->line_count, 7);
}

/* Memory is bounded: the oldest kind of trouble makes room, and its count is not lost. */
static void many_kinds_of_trouble_are_all_told_and_all_counted(void **state)
{
    struct fixture *f = *state;
    int64_t told = 0;

    for (int i = 0; i < 100; i++) {
        char error[16];

        snprintf(error, sizeof(error), "%d", i);
        note(&f->port, LOG_WARN, "trouble", error);
        note(&f->port, LOG_WARN, "trouble", error);
        fake_clock_advance(&f->clock, 1);
    }
    log_file_settle(f->log);
    read_lines(f, f->path);
    for (size_t i = 0; i < f->line_count; i++)
        told += field(f, i, "repeated") < 0 ? 1 : field(f, i, "repeated");
    assert_int_equal(told, 200);
}

static void what_was_settled_leaves_the_last_line_to_the_caller(void **state)
{
    struct fixture *f = *state;

    note(&f->port, LOG_WARN, "trouble", NULL);
    note(&f->port, LOG_WARN, "trouble", NULL);
    log_file_settle(f->log);
    note(&f->port, LOG_INFO, "the end", NULL);
    log_file_close(f->log);
    f->log = NULL;
    read_lines(f, f->path);
    assert_int_equal(f->line_count, 3);
    assert_int_equal(field(f, 1, "repeated"), 1);
    assert_string_equal(text_of(f->lines[2], "message"), "the end");
}

static void closing_tells_the_counts(void **state)
{
    struct fixture *f = *state;

    note(&f->port, LOG_WARN, "trouble", NULL);
    note(&f->port, LOG_WARN, "trouble", NULL);
    log_file_close(f->log);
    f->log = NULL;
    read_lines(f, f->path);
    assert_int_equal(f->line_count, 2);
}

static void opened_anew_it_writes_to_the_new_file(void **state)
{
    struct fixture *f = *state;

    note(&f->port, LOG_INFO, "old", NULL);
    assert_int_equal(rename(f->path, f->other), 0);
    note(&f->port, LOG_INFO, "still old", NULL);
    assert_int_equal(log_file_reopen(f->log), 0);
    note(&f->port, LOG_INFO, "new", NULL);
    read_lines(f, f->other);
    assert_int_equal(f->line_count, 2);
    read_lines(f, f->path);
    assert_int_equal(f->line_count, 1);
    assert_string_equal(text_of(f->lines[0], "message"), "new");
}

static void when_it_cannot_be_opened_anew_the_old_file_goes_on(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(rename(f->path, f->other), 0);
    assert_int_equal(symlink("/tmp/test_log_file.nowhere/log", f->path), 0);
    assert_int_equal(log_file_reopen(f->log), -1);
    note(&f->port, LOG_INFO, "goes on", NULL);
    read_lines(f, f->other);
    assert_int_equal(f->line_count, 2);
    assert_string_equal(text_of(f->lines[0], "error"), strerror(ENOENT));
    assert_string_equal(text_of(f->lines[1], "message"), "goes on");
    unlink(f->path);
}

static void a_path_that_cannot_be_opened_is_an_error(void **state)
{
    struct fixture *f = *state;
    struct err e = {0};

    f->options.path = "/tmp/test_log_file.nowhere/log";
    assert_null(log_file_open(&f->options, &e));
    assert_non_null(strstr(e.text, "/tmp/test_log_file.nowhere/log: "));
}

static void a_pipe_that_nobody_reads_is_an_error_and_not_waited_for(void **state)
{
    struct fixture *f = *state;
    struct err e = {0};
    char path[128];

    snprintf(path, sizeof(path), "%s/pipe", f->folder);
    assert_int_equal(mkfifo(path, 0600), 0);
    f->options.path = path;
    assert_null(log_file_open(&f->options, &e));
    unlink(path);
}

/* A file that may grow no further stands for a full disk. */
static void lines_that_find_no_room_are_counted_and_leave_no_torn_line(void **state)
{
    struct fixture *f = *state;
    struct rlimit before, narrow;

    signal(SIGXFSZ, SIG_IGN);
    note(&f->port, LOG_INFO, "first", NULL);
    getrlimit(RLIMIT_FSIZE, &before);
    narrow = before;
    narrow.rlim_cur = 200; /* the second line begins and does not end before it */
    setrlimit(RLIMIT_FSIZE, &narrow);
    for (int i = 0; i < 5; i++)
        note(&f->port, LOG_INFO, "lost", NULL);
    setrlimit(RLIMIT_FSIZE, &before);
    read_lines(f, f->path);
    assert_int_equal(f->line_count, 1);
    log_file_tick(f->log);
    log_file_tick(f->log);
    read_lines(f, f->path);
    assert_int_equal(f->line_count, 2);
    assert_int_equal(field(f, 1, "lost"), 5);
}

/* For people, on standard error. */
static void lines_for_people_are_plain(void **state)
{
    struct fixture *f = *state;
    struct log_file_options options = f->options;
    struct err e = {0};
    struct log_file *log;
    struct log port;
    int saved = dup(STDERR_FILENO);
    int fd = open(f->other, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    char text[512] = "";

    options.path = NULL;
    options.is_plain = true;
    options.service = "producer";
    log = log_file_open(&options, &e);
    port = log_file_port(log);
    dup2(fd, STDERR_FILENO);
    note(&port, LOG_INFO, "plain", NULL);
    note_with(&port, LOG_WARN, "trouble\x1b[31m", "why", LOG_INT("n", 3), LOG_TEXT("t", "x\ny"));
    note_with(&port, LOG_INFO, "summed", NULL, LOG_JSON(NULL, "{\"a\":1}"), LOG_INT("n", 1));
    log_file_reopen(log);
    log_file_close(log);
    dup2(saved, STDERR_FILENO);
    close(saved);
    assert_true(pread(fd, text, sizeof(text) - 1, 0) > 0);
    close(fd);
    assert_string_equal(text, "producer: plain\n"
                              "producer: trouble?[31m: why (n=3, t=x?y)\n"
                              "producer: summed (n=1)\n");
}

static void a_deleted_file_is_opened_again_within_a_second(void **state)
{
    struct fixture *f = *state;

    note(&f->port, LOG_INFO, "before", NULL);
    assert_int_equal(unlink(f->path), 0);
    fake_clock_advance(&f->clock, FILE_WATCH_MS);
    log_file_tick(f->log);
    note(&f->port, LOG_INFO, "after", NULL);
    read_lines(f, f->path);
    assert_int_equal(f->line_count, 2);
    assert_string_equal(text_of(f->lines[0], "level"), "ERROR");
    assert_string_equal(text_of(f->lines[0], "event"), "log.replaced");
    assert_string_equal(text_of(f->lines[1], "message"), "after");
}

static void a_rotation_that_sends_no_signal_is_followed_after_a_while(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(rename(f->path, f->other), 0);
    for (int64_t ms = 0; ms < FILE_RENAMED_MS; ms += FILE_WATCH_MS) {
        fake_clock_advance(&f->clock, FILE_WATCH_MS);
        log_file_tick(f->log);
        assert_int_equal(access(f->path, F_OK), -1);
    }
    fake_clock_advance(&f->clock, FILE_WATCH_MS);
    log_file_tick(f->log);
    read_lines(f, f->path);
    assert_int_equal(f->line_count, 1);
    assert_string_equal(text_of(f->lines[0], "level"), "WARN");
}

static void only_the_user_and_the_group_may_read_it(void **state)
{
    struct fixture *f = *state;
    mode_t before = umask(0);
    struct stat st;

    assert_int_equal(unlink(f->path), 0);
    assert_int_equal(log_file_reopen(f->log), 0);
    umask(before);
    assert_int_equal(stat(f->path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0640);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_line_has_its_keys_in_order),
        TEST(a_deleted_file_is_opened_again_within_a_second),
        TEST(a_rotation_that_sends_no_signal_is_followed_after_a_while),
        TEST(only_the_user_and_the_group_may_read_it),
        TEST(an_object_without_a_name_becomes_the_metadata),
        TEST(levels_below_the_set_one_are_not_written),
        TEST(hostile_texts_stay_within_one_line_of_json),
        TEST(repeated_trouble_is_told_at_once_and_then_counted),
        TEST(trouble_that_comes_back_later_is_told_at_once_again),
        TEST(what_differs_is_no_repetition),
        TEST(many_kinds_of_trouble_are_all_told_and_all_counted),
        TEST(what_was_settled_leaves_the_last_line_to_the_caller),
        TEST(closing_tells_the_counts),
        TEST(opened_anew_it_writes_to_the_new_file),
        TEST(when_it_cannot_be_opened_anew_the_old_file_goes_on),
        TEST(a_path_that_cannot_be_opened_is_an_error),
        TEST(a_pipe_that_nobody_reads_is_an_error_and_not_waited_for),
        TEST(lines_that_find_no_room_are_counted_and_leave_no_torn_line),
        TEST(lines_for_people_are_plain),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
