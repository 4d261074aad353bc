#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/wake.h"
#include "processor/http.h"

#define PATIENCE_MS 20000 /* each step takes milliseconds */

/* An endpoint that gives the same answer to each connection, after its request, and closes it. */
struct endpoint {
    int fd;
    const char *answer; /* NULL: it never accepts */
    pthread_t thread;
};

struct fixture {
    struct source source;
    struct endpoint endpoint;
    char url[64];
    struct http_options options;
    struct http *http;
    struct processor port;
};

static size_t no_headers(void *self, const struct message *m, const struct header **headers)
{
    (void)self;
    (void)m;
    *headers = NULL;
    return 0;
}

/* The body of each request here is {} and ends it. */
static void read_request(int fd)
{
    char bytes[4096];
    size_t len = 0;
    ssize_t n;

    while (len < 2 || memcmp(bytes + len - 2, "{}", 2) != 0) {
        n = read(fd, bytes + len, sizeof(bytes) - len);
        if (n <= 0)
            return;
        len += (size_t)n;
    }
}

static void *serve(void *ctx)
{
    struct endpoint *endpoint = ctx;
    int fd;

    while ((fd = accept(endpoint->fd, NULL, NULL)) >= 0) {
        read_request(fd);
        if (write(fd, endpoint->answer, strlen(endpoint->answer)) < 0)
            perror("write");
        close(fd);
    }
    return NULL;
}

static void open_endpoint(struct fixture *f, const char *answer)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(address);

    f->endpoint.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    f->endpoint.answer = answer;
    assert_int_equal(bind(f->endpoint.fd, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(listen(f->endpoint.fd, 64), 0);
    assert_int_equal(getsockname(f->endpoint.fd, (struct sockaddr *)&address, &len), 0);
    snprintf(f->url, sizeof(f->url), "http://127.0.0.1:%d/", ntohs(address.sin_port));
    if (answer)
        assert_int_equal(pthread_create(&f->endpoint.thread, NULL, serve, &f->endpoint), 0);
}

static void close_endpoint(struct fixture *f)
{
    if (f->endpoint.fd < 0)
        return;
    shutdown(f->endpoint.fd, SHUT_RDWR);
    if (f->endpoint.answer)
        pthread_join(f->endpoint.thread, NULL);
    close(f->endpoint.fd);
    f->endpoint.fd = -1;
}

static int set_up(void **state)
{
    struct fixture *f = test_calloc(1, sizeof(*f));

    signal(SIGPIPE, SIG_IGN);
    f->endpoint.fd = -1;
    f->source.headers = no_headers;
    f->options = (struct http_options){
        .url = f->url,
        .token_file = "",
        .ca_file = "",
        .cert_file = "",
        .key_file = "",
        .connect_timeout_ms = PATIENCE_MS,
        .timeout_ms = PATIENCE_MS,
        .max_in_flight = 64,
        .max_answer_bytes = 1000,
        .wake_fd = wake_open(),
        .source = &f->source,
        .clock = clock_system(),
    };
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    http_close(f->http);
    close_endpoint(f);
    close(f->options.wake_fd);
    test_free(f);
    return 0;
}

static void open_http(struct fixture *f)
{
    struct err e = {0};

    if (!http_library_version())
        skip();
    f->http = http_open(&f->options, &e);
    assert_non_null(f->http);
    f->port = http_processor(f->http);
}

static void ask(struct fixture *f, uint64_t tag)
{
    const struct message m = {.topic = "orders",
                              .offset = (int64_t)tag,
                              .timestamp_ms = -1,
                              .value = "{}",
                              .value_len = 2};
    const struct order order = {0};
    const struct attempt a = {.tag = tag, .message = &m, .order = &order, .number = 1};
    struct attempt_result r;

    assert_int_equal(f->port.start(f->port.self, &a, 0, &r), START_TAKEN);
}

static void wait_result(struct fixture *f, struct attempt_result *r)
{
    int64_t until = clock_mono_ms(clock_system()) + PATIENCE_MS;

    f->port.flush(f->port.self);
    while (!f->port.next_result(f->port.self, 0, r)) {
        assert_true(clock_mono_ms(clock_system()) < until);
        wake_wait(f->options.wake_fd, 1000);
    }
}

/* Returns the text. */
static const char *assert_answer(struct fixture *f, uint64_t tag, enum attempt_verdict verdict,
                                 enum record_reason reason)
{
    static struct attempt_result r;

    wait_result(f, &r);
    assert_int_equal(r.tag, tag);
    assert_int_equal(r.verdict, verdict);
    assert_int_equal(r.reason, reason);
    return r.text;
}

#define OK_ANSWER "HTTP/1.1 200 OK\r\norder-receipt: inv-77\r\ncontent-length: 0\r\n\r\n"

static void each_attempt_is_answered(void **state)
{
    struct fixture *f = *state;
    struct attempt_result r;
    bool was_answered[65] = {false};

    open_endpoint(f, OK_ANSWER);
    open_http(f);
    for (uint64_t tag = 1; tag <= 64; tag++)
        ask(f, tag);
    for (int i = 0; i < 64; i++) {
        wait_result(f, &r);
        assert_int_equal(r.verdict, ATTEMPT_OK);
        assert_int_equal(r.status, 200);
        assert_int_equal(r.receipt_len, 6);
        assert_memory_equal(r.receipt, "inv-77", 6);
        assert_in_range(r.tag, 1, 64);
        assert_false(was_answered[r.tag]);
        was_answered[r.tag] = true;
    }
    assert_int_equal(f->port.next_result(f->port.self, 0, &r), 0);
}

static void no_answer_in_time_is_a_timeout(void **state)
{
    struct fixture *f = *state;

    open_endpoint(f, NULL);
    f->options.timeout_ms = 300;
    open_http(f);
    ask(f, 1);
    assert_string_equal(assert_answer(f, 1, ATTEMPT_RETRY, RECORD_TIMEOUT), "no answer in 300 ms");
}

static void nobody_there_is_no_fault_of_the_order(void **state)
{
    struct fixture *f = *state;

    open_endpoint(f, NULL);
    close_endpoint(f);
    open_http(f);
    ask(f, 1);
    assert_answer(f, 1, ATTEMPT_UNAVAILABLE, RECORD_REASON_NONE);
}

static void no_time_to_connect_is_no_fault_of_the_order(void **state)
{
    struct fixture *f = *state;

    snprintf(f->url, sizeof(f->url), "http://192.0.2.1/"); /* a net that nobody has, RFC 5737 */
    f->options.connect_timeout_ms = 100;
    open_http(f);
    ask(f, 1);
    assert_answer(f, 1, ATTEMPT_UNAVAILABLE, RECORD_REASON_NONE);
}

static void an_answer_that_is_none_is_tried_again(void **state)
{
    static const char *const answers[] = {
        "",
        "HTTP/1.1 200 O",
        "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf",
        "220 this is a mail server\r\n",
    };
    struct fixture *f = *state;

    for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
        open_endpoint(f, answers[i]);
        open_http(f);
        ask(f, 1);
        assert_true(*assert_answer(f, 1, ATTEMPT_RETRY, RECORD_PROCESS) != '\0');
        http_close(f->http);
        f->http = NULL;
        close_endpoint(f);
    }
}

static void a_long_body_is_cut_off_and_the_status_counts(void **state)
{
    struct fixture *f = *state;
    char answer[10000] = "HTTP/1.1 422 No\r\n\r\n";
    const char *text;

    memset(answer + strlen(answer), 'x', sizeof(answer) - strlen(answer) - 1);
    open_endpoint(f, answer);
    open_http(f);
    ask(f, 1);
    text = assert_answer(f, 1, ATTEMPT_REJECT, RECORD_PROCESS);
    assert_int_equal(strlen(text), strlen("answered 422: ") + 256);
}

static void a_cancelled_attempt_has_no_answer(void **state)
{
    struct fixture *f = *state;

    open_endpoint(f, OK_ANSWER);
    open_http(f);
    ask(f, 1);
    f->port.cancel(f->port.self, 1);
    f->port.flush(f->port.self);
    ask(f, 2);
    f->port.flush(f->port.self);
    f->port.cancel(f->port.self, 3);
    assert_answer(f, 2, ATTEMPT_OK, RECORD_REASON_NONE);
}

static void a_close_does_not_wait_for_answers(void **state)
{
    struct fixture *f = *state;

    open_endpoint(f, NULL);
    open_http(f);
    for (uint64_t tag = 1; tag <= 64; tag++)
        ask(f, tag);
    f->port.flush(f->port.self);
    ask(f, 65);
    wake_wait(f->options.wake_fd, 100);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(each_attempt_is_answered),
        TEST(no_answer_in_time_is_a_timeout),
        TEST(nobody_there_is_no_fault_of_the_order),
        TEST(no_time_to_connect_is_no_fault_of_the_order),
        TEST(an_answer_that_is_none_is_tried_again),
        TEST(a_long_body_is_cut_off_and_the_status_counts),
        TEST(a_cancelled_attempt_has_no_answer),
        TEST(a_close_does_not_wait_for_answers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
