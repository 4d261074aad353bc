#include <arpa/inet.h>
#include <netinet/in.h>
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

#include "monitor/endpoint.h"

static void a_port_alone_is_that_of_this_machine_only(void **state)
{
    static const struct {
        const char *text, *host, *port;
    } cases[] = {
        {"9464", "127.0.0.1", "9464"}, {":9464", "127.0.0.1", "9464"},
        {"0.0.0.0:1", "0.0.0.0", "1"}, {"localhost:65535", "localhost", "65535"},
        {"[::1]:9464", "::1", "9464"}, {"[::]:9464", "::", "9464"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct endpoint p;

        assert_int_equal(endpoint_parse(&p, cases[i].text), 0);
        assert_string_equal(p.host, cases[i].host);
        assert_string_equal(p.port, cases[i].port);
    }
}

static void what_has_no_port_is_refused(void **state)
{
    static const char *const texts[] = {
        "",   ":",     "localhost", "localhost:", "1:0",       "65536",   "999999",
        "-1", "9464 ", "a:94x4",    "::1:9464",   "[::1]9464", "[]:9464", "[::1:9464",
    };
    char long_host[400];
    struct endpoint p;

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        if (endpoint_parse(&p, texts[i]) == 0)
            fail_msg("%s", texts[i]);
    }
    memset(long_host, 'a', sizeof(long_host));
    snprintf(long_host + 300, 6, ":9464");
    assert_int_equal(endpoint_parse(&p, long_host), -1);
}

static int port_of(int fd)
{
    struct sockaddr_in at;
    socklen_t len = sizeof(at);

    assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &len), 0);
    assert_int_equal(ntohl(at.sin_addr.s_addr), INADDR_LOOPBACK);
    return ntohs(at.sin_port);
}

static void a_port_that_is_taken_and_a_host_that_is_not_here_are_errors(void **state)
{
    struct endpoint p = {.host = "127.0.0.1", .port = "0"};
    struct err e = {0};
    int taken = endpoint_listen(&p, &e);

    (void)state;
    assert_true(taken >= 0);
    snprintf(p.port, sizeof(p.port), "%d", port_of(taken));
    assert_int_equal(endpoint_listen(&p, &e), -1);
    assert_string_equal(e.text, "Address already in use");
    close(taken);
    e = (struct err){0};
    snprintf(p.host, sizeof(p.host), "192.0.2.1");
    assert_int_equal(endpoint_listen(&p, &e), -1);
    assert_string_equal(e.text, "Cannot assign requested address");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_port_alone_is_that_of_this_machine_only),
        cmocka_unit_test(what_has_no_port_is_refused),
        cmocka_unit_test(a_port_that_is_taken_and_a_host_that_is_not_here_are_errors),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
