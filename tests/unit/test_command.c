#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include "base/clock.h"
#include "processor/command.h"
#include "support/fake_log.h"

#define PATIENCE_MS 20000 /* each step takes milliseconds */

/* Reads requests; `id` is that of each, `line` the whole. */
#define EACH "while read -r line; do id=${line#*\\\"id\\\":\\\"}; id=${id%%\\\"*}; "
#define OK   "echo \"{\\\"id\\\":\\\"$id\\\",\\\"result\\\":\\\"ok\\\"}\"; "
#define DONE "done"

struct fixture {
    struct source source;
    struct fake_log log;
    struct log log_port;
    struct command_options options;
    struct command *command;
    struct processor port;
};

static size_t no_headers(void *self, const struct message *m, const struct header **headers)
{
    (void)self;
    (void)m;
    *headers = NULL;
    return 0;
}

static int set_up(void **state)
{
    struct fixture *f = test_calloc(1, sizeof(*f));

    signal(SIGPIPE, SIG_IGN);
    f->source.headers = no_headers;
    f->log_port = fake_log_port(&f->log);
    f->options = (struct command_options){
        .topic = "orders",
        .workers = 1,
        .timeout_ms = PATIENCE_MS,
        .max_answer_bytes = 1000,
        .source = &f->source,
        .clock = clock_system(),
        .log = &f->log_port,
    };
    *state = f;
    return 0;
}

static int64_t now(void)
{
    return clock_mono_ms(clock_system());
}

static void open_command(struct fixture *f, const char *text)
{
    struct err e = {0};

    f->options.command = text;
    f->command = command_open(&f->options, &e);
    assert_non_null(f->command);
    f->port = command_processor(f->command);
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    command_close(f->command, now() + PATIENCE_MS);
    fake_log_release(&f->log);
    test_free(f);
    return 0;
}

static enum start_result start_keyed(struct fixture *f, int64_t offset, const char *key,
                                     struct attempt_result *r)
{
    struct message m = {.topic = "orders",
                        .offset = offset,
                        .timestamp_ms = -1,
                        .key = key,
                        .key_len = key ? strlen(key) : 0,
                        .value = "{}",
                        .value_len = 2};
    const struct order order = {.is_compact = true};
    const struct attempt a = {
        .tag = (uint64_t)offset + 1, .message = &m, .order = &order, .number = 1};
    enum start_result started = f->port.start(f->port.self, &a, now(), r);

    f->port.flush(f->port.self);
    return started;
}

/* Until the command takes it: it may just be restarted. */
static void ask(struct fixture *f, int64_t offset)
{
    struct attempt_result r;
    int64_t until = now() + PATIENCE_MS;

    while (start_keyed(f, offset, "key", &r) != START_TAKEN) {
        assert_true(now() < until);
        assert_int_equal(f->port.next_result(f->port.self, now(), &r), 0);
        poll(NULL, 0, 5);
    }
}

static void wait_result(struct fixture *f, struct attempt_result *r)
{
    int64_t until = now() + PATIENCE_MS;
    struct pollfd fd = {.fd = command_wake_fd(f->command), .events = POLLIN};

    while (!f->port.next_result(f->port.self, now(), r)) {
        assert_true(now() < until);
        poll(&fd, 1, 20);
    }
}

static void wait_log(struct fixture *f, enum log_event_id event)
{
    int64_t until = now() + PATIENCE_MS;
    struct attempt_result r;

    while (fake_log_count(&f->log, event) == 0) {
        assert_true(now() < until);
        assert_int_equal(f->port.next_result(f->port.self, now(), &r), 0);
        poll(NULL, 0, 5);
    }
}

static void assert_answer(struct fixture *f, int64_t offset, enum attempt_verdict verdict)
{
    struct attempt_result r;

    wait_result(f, &r);
    assert_int_equal(r.tag, offset + 1);
    assert_int_equal(r.verdict, verdict);
}

/* ---- answers ---- */

static void each_order_is_answered(void **state)
{
    struct fixture *f = *state;

    open_command(f, EACH OK DONE);
    for (int64_t i = 0; i < 100; i++)
        ask(f, i);
    for (int64_t i = 0; i < 100; i++)
        assert_answer(f, i, ATTEMPT_OK);
    assert_int_equal(f->log.count, 0);
}

static void a_receipt_an_error_and_a_delay_come_with_the_answer(void **state)
{
    struct fixture *f = *state;
    struct attempt_result r;

    open_command(f, "read -r l; printf '%s\\n' "
                    "'{\"id\":\"orders/0/7\",\"result\":\"retry\",\"error\":\"a\\nb\","
                    "\"retry_after_ms\":70,\"receipt\":\"inv-\\u00e9\"}'; cat >/dev/null");
    ask(f, 7);
    wait_result(f, &r);
    assert_int_equal(r.verdict, ATTEMPT_RETRY);
    assert_int_equal(r.reason, RECORD_PROCESS);
    assert_string_equal(r.text, "a\nb");
    assert_int_equal(r.retry_after_ms, 70);
    assert_int_equal(r.receipt_len, strlen("inv-\xc3\xa9"));
    assert_memory_equal(r.receipt, "inv-\xc3\xa9", r.receipt_len);
}

static void answers_may_come_in_any_order(void **state)
{
    struct fixture *f = *state;

    open_command(f, "read -r a; read -r b; "
                    "echo '{\"id\":\"orders/0/1\",\"result\":\"ok\"}'; "
                    "echo '{\"id\":\"orders/0/0\",\"result\":\"reject\"}'; cat >/dev/null");
    ask(f, 0);
    ask(f, 1);
    assert_answer(f, 1, ATTEMPT_OK);
    assert_answer(f, 0, ATTEMPT_REJECT);
}

static void what_answers_nothing_does_no_harm_and_is_logged_at_a_limited_rate(void **state)
{
    struct fixture *f = *state;

    open_command(f, EACH "i=0; while [ $i -lt 50 ]; do echo babble $i; i=$((i+1)); done; "
                         "echo '{\"id\":\"orders/0/99\",\"result\":\"ok\"}'; " OK OK DONE);
    ask(f, 0);
    assert_answer(f, 0, ATTEMPT_OK);
    ask(f, 1);
    assert_answer(f, 1, ATTEMPT_OK);
    assert_in_range(fake_log_count(&f->log, EVENT_PROCESSOR_ANSWER_IGNORED), 1, 40);
}

static void a_result_that_is_unknown_is_tried_again(void **state)
{
    struct fixture *f = *state;
    struct attempt_result r;

    open_command(f, EACH "echo \"{\\\"id\\\":\\\"$id\\\",\\\"result\\\":\\\"fine\\\"}\"; " DONE);
    ask(f, 0);
    wait_result(f, &r);
    assert_int_equal(r.verdict, ATTEMPT_RETRY);
    assert_string_equal(r.text, "the answer's result is not ok, retry or reject");
}

static void a_line_that_is_too_long_is_left_out(void **state)
{
    struct fixture *f = *state;

    open_command(f, EACH "head -c 300000 /dev/zero | tr '\\0' x; echo; " OK DONE);
    ask(f, 0);
    assert_answer(f, 0, ATTEMPT_OK);
    assert_int_equal(fake_log_count(&f->log, EVENT_PROCESSOR_ANSWER_IGNORED), 1);
}

static void each_line_on_standard_error_is_logged(void **state)
{
    struct fixture *f = *state;

    open_command(f, EACH "echo 'out of paper' >&2; " OK DONE);
    ask(f, 0);
    assert_answer(f, 0, ATTEMPT_OK);
    wait_log(f, EVENT_PROCESSOR_STDERR);
    assert_string_equal(fake_log_last(&f->log, EVENT_PROCESSOR_STDERR)->error, "out of paper");
}

static void orders_of_one_key_go_to_one_copy(void **state)
{
    struct fixture *f = *state;
    struct attempt_result r;
    char first[64] = "";
    int copies = 0;

    f->options.workers = 4;
    open_command(f, EACH "echo \"{\\\"id\\\":\\\"$id\\\",\\\"result\\\":\\\"ok\\\",\\\"receipt\\\":"
                         "\\\"$$\\\"}\"; " DONE);
    for (int64_t i = 0; i < 10; i++) {
        assert_int_equal(start_keyed(f, i, "same", &r), START_TAKEN);
        wait_result(f, &r);
        if (i == 0)
            memcpy(first, r.receipt, r.receipt_len + 1);
        assert_string_equal(r.receipt, first);
    }
    for (int64_t i = 10; i < 40; i++) {
        assert_int_equal(start_keyed(f, i, NULL, &r), START_TAKEN);
        wait_result(f, &r);
        copies += strcmp(r.receipt, first) != 0;
    }
    assert_in_range(copies, 5, 29);
}

static void a_command_that_does_not_read_gets_no_more(void **state)
{
    struct fixture *f = *state;
    struct attempt_result r;
    int64_t taken = 0;

    open_command(f, "sleep 1000");
    while (taken < 100000 && start_keyed(f, taken, "key", &r) == START_TAKEN)
        taken++;
    assert_in_range(taken, 1000, 10000); /* requests of about 150 bytes */
    assert_int_equal(start_keyed(f, taken, "key", &r), START_FULL);
    command_close(f->command, now());
    f->command = NULL;
}

static void a_cancelled_attempt_has_no_answer(void **state)
{
    struct fixture *f = *state;

    open_command(f, "read -r a; read -r b; read -r c; " /* the same order, asked again */
                    "echo '{\"id\":\"orders/0/0\",\"result\":\"ok\"}'; "
                    "echo '{\"id\":\"orders/0/0\",\"result\":\"reject\"}'; "
                    "echo '{\"id\":\"orders/0/2\",\"result\":\"ok\"}'; cat >/dev/null");
    ask(f, 0);
    f->port.cancel(f->port.self, 1);
    ask(f, 0);
    ask(f, 2);
    assert_answer(f, 0, ATTEMPT_REJECT);
    assert_answer(f, 2, ATTEMPT_OK);
}

/* ---- the process ---- */

static void what_a_command_had_when_it_ended_is_no_fault_of_the_orders(void **state)
{
    struct fixture *f = *state;
    struct attempt_result r;

    open_command(f, EACH "case $id in */1) exit 3;; esac; " OK DONE);
    ask(f, 0);
    ask(f, 1);
    ask(f, 2);
    assert_answer(f, 0, ATTEMPT_OK); /* written before its end */
    wait_result(f, &r);
    assert_int_equal(r.verdict, ATTEMPT_UNAVAILABLE);
    assert_string_equal(r.text, "command ended with exit status 3");
    assert_answer(f, 2, ATTEMPT_UNAVAILABLE);
    assert_non_null(strstr(fake_log_last(&f->log, EVENT_PROCESSOR_ENDED)->fields, "oldest=0/1"));
    ask(f, 4);
    assert_answer(f, 4, ATTEMPT_OK);
}

static void a_command_that_cannot_run_is_started_again_with_backoff(void **state)
{
    struct fixture *f = *state;
    struct attempt_result r;
    int64_t until = now() + PATIENCE_MS;

    open_command(f, "exit 1");
    while (fake_log_count(&f->log, EVENT_PROCESSOR_ENDED) < 3) {
        assert_true(now() < until);
        if (start_keyed(f, 0, "key", &r) == START_ANSWERED)
            assert_int_equal(r.verdict, ATTEMPT_UNAVAILABLE);
        while (f->port.next_result(f->port.self, now(), &r))
            assert_int_equal(r.verdict, ATTEMPT_UNAVAILABLE);
        poll(NULL, 0, 5);
    }
    assert_non_null(strstr(fake_log_last(&f->log, EVENT_PROCESSOR_ENDED)->fields, "delay_ms=400"));
}

static void no_answer_in_time_ends_the_command_and_only_the_first_is_at_fault(void **state)
{
    struct fixture *f = *state;
    struct attempt_result r;

    f->options.timeout_ms = 300;
    open_command(f, EACH "case $id in */1) sleep 1000;; esac; " OK DONE);
    for (int64_t i = 0; i < 3; i++)
        ask(f, i);
    assert_answer(f, 0, ATTEMPT_OK);
    wait_result(f, &r);
    assert_int_equal(r.tag, 2);
    assert_int_equal(r.verdict, ATTEMPT_RETRY);
    assert_int_equal(r.reason, RECORD_TIMEOUT);
    assert_string_equal(r.text, "no answer in 300 ms");
    assert_answer(f, 2, ATTEMPT_UNAVAILABLE);
    ask(f, 4);
    assert_answer(f, 4, ATTEMPT_OK);
}

static void nothing_that_is_open_here_is_open_there(void **state)
{
    struct fixture *f = *state;
    struct attempt_result r;
    int leak = open("/dev/null", O_RDONLY); /* not closed by exec */

    assert_true(leak > 2);
    f->options.max_answer_bytes = 100000;
    open_command(f, EACH
                 "n=$(ls /proc/self/fd | wc -l); echo \"{\\\"id\\\":\\\"$id\\\",\\\"result\\\":"
                 "\\\"ok\\\",\\\"receipt\\\":\\\"$n\\\"}\"; " DONE);
    ask(f, 0);
    wait_result(f, &r);
    assert_string_equal(r.receipt, "4"); /* the three, and the folder itself */
    close(leak);
}

/* ---- the stop ---- */

static void at_a_stop_the_command_sees_the_end_of_its_input_and_has_its_time(void **state)
{
    struct fixture *f = *state;
    char path[] = "/tmp/test_command.XXXXXX";
    char text[256];
    int fd = mkstemp(path);

    assert_true(fd >= 0);
    snprintf(text, sizeof(text), "%s; sleep 0.2; echo end >%s", EACH OK DONE, path);
    open_command(f, text);
    ask(f, 0);
    assert_answer(f, 0, ATTEMPT_OK);
    command_close(f->command, now() + PATIENCE_MS);
    f->command = NULL;
    assert_int_equal(read(fd, text, sizeof(text)), 4);
    close(fd);
    unlink(path);
}

static void one_that_ignores_it_is_ended_with_all_that_it_started(void **state)
{
    struct fixture *f = *state;
    struct attempt_result r;
    int64_t until = now() + PATIENCE_MS;
    pid_t child;

    open_command(
        f,
        "trap '' TERM; sleep 1000 & " EACH
        "echo \"{\\\"id\\\":\\\"$id\\\",\\\"result\\\":\\\"ok\\\",\\\"receipt\\\":\\\"$!\\\"}\"; "
        "done; sleep 1000");
    ask(f, 0);
    wait_result(f, &r);
    child = (pid_t)atoi(r.receipt);
    assert_true(child > 0 && kill(child, 0) == 0);
    command_close(f->command, now());
    f->command = NULL;
    while (kill(child, 0) == 0 && now() < until) /* a zombie until its new parent reaps it */
        poll(NULL, 0, 10);
    assert_true(now() < until);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(each_order_is_answered),
        TEST(a_receipt_an_error_and_a_delay_come_with_the_answer),
        TEST(answers_may_come_in_any_order),
        TEST(what_answers_nothing_does_no_harm_and_is_logged_at_a_limited_rate),
        TEST(a_result_that_is_unknown_is_tried_again),
        TEST(a_line_that_is_too_long_is_left_out),
        TEST(each_line_on_standard_error_is_logged),
        TEST(orders_of_one_key_go_to_one_copy),
        TEST(a_command_that_does_not_read_gets_no_more),
        TEST(a_cancelled_attempt_has_no_answer),
        TEST(what_a_command_had_when_it_ended_is_no_fault_of_the_orders),
        TEST(a_command_that_cannot_run_is_started_again_with_backoff),
        TEST(no_answer_in_time_ends_the_command_and_only_the_first_is_at_fault),
        TEST(nothing_that_is_open_here_is_open_there),
        TEST(at_a_stop_the_command_sees_the_end_of_its_input_and_has_its_time),
        TEST(one_that_ignores_it_is_ended_with_all_that_it_started),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
