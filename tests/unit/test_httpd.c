#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

#include "monitor/httpd.h"
#include "support/fake_clock.h"

/* A server and clients in one thread: a client's bytes are in the socket, then the server has its
 * turns. */

struct stage {
    struct httpd *h;
    struct fake_clock time;
    struct clock clock;
    int port;
    int asked;
};

static void answer(void *self, const char *path, const char *accept, struct httpd_answer *answer)
{
    struct stage *s = self;

    s->asked++;
    if (strcmp(path, "/nothing") == 0)
        answer->status = 404;
    strbuf_addf(&answer->body, "%s for %s", path, accept ? accept : "-");
}

static int set_up(void **state)
{
    struct stage *s = calloc(1, sizeof(*s));
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(at);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    struct err e = {0};

    assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
    assert_int_equal(listen(fd, 512), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &len), 0);
    s->port = ntohs(at.sin_port);
    s->time = (struct fake_clock){.mono = 5000};
    s->clock = fake_clock_port(&s->time);
    s->h = httpd_open(fd, &s->clock, answer, s, &e);
    assert_true((s->h != NULL) == httpd_is_built());
    *state = s;
    return 0;
}

static int tear_down(void **state)
{
    struct stage *s = *state;

    httpd_close(s->h);
    free(s);
    return 0;
}

static int connect_client(const struct stage *s)
{
    const struct sockaddr_in at = {.sin_family = AF_INET,
                                   .sin_port = htons((uint16_t)s->port),
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    assert_int_equal(connect(fd, (const struct sockaddr *)&at, sizeof(at)), 0);
    return fd;
}

static void say(int fd, const char *text)
{
    assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

static void serve_turns(struct stage *s)
{
    for (int i = 0; i < 8; i++)
        httpd_wait(s->h, 5);
}

/* What has come, as text; NULL when the server has closed. */
static const char *hear(int fd)
{
    static char text[4096];
    ssize_t n = recv(fd, text, sizeof(text) - 1, MSG_DONTWAIT);

    if (n == 0 || (n < 0 && errno == ECONNRESET))
        return NULL;
    text[n < 0 ? 0 : n] = '\0';
    return text;
}

static bool begins_with(const char *text, const char *start)
{
    return text && strncmp(text, start, strlen(start)) == 0;
}

static void get_and_head_are_answered_other_methods_are_not(void **state)
{
    struct stage *s = *state;
    int fd = connect_client(s);
    const char *text;

    say(fd, "GET /metrics?a=b HTTP/1.1\r\nHost: x\r\nAccept: some/thing\r\n\r\n");
    serve_turns(s);
    text = hear(fd);
    assert_true(begins_with(text, "HTTP/1.1 200 OK\r\n"));
    assert_non_null(strstr(text, "\r\nContent-Type: text/plain; charset=utf-8\r\n"));
    assert_string_equal(strstr(text, "\r\n\r\n"), "\r\n\r\n/metrics for some/thing");
    say(fd, "HEAD /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
    serve_turns(s);
    text = hear(fd);
    assert_non_null(strstr(text, "\r\nContent-Length: 14\r\n"));
    assert_string_equal(strstr(text, "\r\n\r\n"), "\r\n\r\n");
    say(fd, "GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n");
    serve_turns(s);
    assert_true(begins_with(hear(fd), "HTTP/1.1 404 "));
    say(fd, "POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\nbegin");
    serve_turns(s);
    text = hear(fd);
    assert_true(begins_with(text, "HTTP/1.1 405 "));
    assert_non_null(strstr(text, "\r\nAllow: GET, HEAD\r\n"));
    assert_int_equal(s->asked, 3);
    close(fd);
}

static void a_request_line_of_100_kb_is_refused_and_the_next_client_served(void **state)
{
    struct stage *s = *state;
    int fd = connect_client(s);
    char *line = malloc(100001);

    memset(line, 'a', 100000);
    memcpy(line, "GET /", 5);
    line[100000] = '\0';
    say(fd, line);
    serve_turns(s);
    assert_int_equal(s->asked, 0);
    close(fd);
    free(line);
    fd = connect_client(s);
    say(fd, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    serve_turns(s);
    assert_true(begins_with(hear(fd), "HTTP/1.1 200 "));
    close(fd);
}

/* Each letter would begin a timeout of idleness again. */
static void a_client_that_completes_no_request_for_a_minute_is_closed(void **state)
{
    struct stage *s = *state;
    int slow = connect_client(s);
    int quick = connect_client(s);

    say(slow, "GET / HTTP/1.1\r\nHost: ");
    serve_turns(s);
    for (int i = 0; i < 59; i++) {
        fake_clock_advance(&s->time, 1000);
        say(slow, "x");
        httpd_wait(s->h, 5);
        if (i == 30) {
            say(quick, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
            serve_turns(s);
            assert_true(begins_with(hear(quick), "HTTP/1.1 200 "));
        }
    }
    assert_string_equal(hear(slow), "");
    fake_clock_advance(&s->time, 1000);
    serve_turns(s);
    assert_null(hear(slow));
    assert_string_equal(hear(quick), "");
    close(slow);
    close(quick);
}

static void two_hundred_idle_clients_keep_nobody_away(void **state)
{
    struct stage *s = *state;
    int idle[200];
    int fd;

    for (int i = 0; i < 200; i++) {
        idle[i] = connect_client(s);
        httpd_wait(s->h, 0);
    }
    fd = connect_client(s);
    say(fd, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    serve_turns(s);
    assert_true(begins_with(hear(fd), "HTTP/1.1 200 "));
    for (int i = 0; i < 200; i++) {
        assert_string_equal(hear(idle[i]), "");
        close(idle[i]);
    }
    close(fd);
    serve_turns(s);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(get_and_head_are_answered_other_methods_are_not),
        TEST(a_request_line_of_100_kb_is_refused_and_the_next_client_served),
        TEST(a_client_that_completes_no_request_for_a_minute_is_closed),
        TEST(two_hundred_idle_clients_keep_nobody_away),
    };

    return httpd_is_built() ? cmocka_run_group_tests(tests, NULL, NULL) : 0;
}
