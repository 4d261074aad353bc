#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/stop.h"

static bool is_by_default(int signo)
{
    struct sigaction sa;

    assert_int_equal(sigaction(signo, NULL, &sa), 0);
    return sa.sa_handler == SIG_DFL;
}

static bool is_woken(void)
{
    struct pollfd p = {.fd = stop_wake_fd(), .events = POLLIN};

    return poll(&p, 1, 0) == 1;
}

static void from_the_beginning_a_hangup_is_kept_and_a_stop_ends_the_program(void **state)
{
    (void)state;
    stop_begin();
    assert_true(is_by_default(SIGTERM) && is_by_default(SIGINT));
    assert_false(stop_take_hangup());
    raise(SIGPIPE);
    raise(SIGHUP);
    raise(SIGHUP);
    assert_true(is_woken());
    assert_true(stop_take_hangup());
    assert_false(stop_take_hangup());
    assert_int_equal(stop_count(), 0);
}

static void once_installed_stops_are_counted(void **state)
{
    (void)state;
    stop_install();
    stop_drain_wake();
    assert_false(is_woken());
    raise(SIGTERM);
    assert_int_equal(stop_count(), 1);
    assert_true(is_woken());
    raise(SIGINT);
    assert_int_equal(stop_count(), 2);
    assert_false(stop_take_hangup());
}

int main(void)
{
    /* In this order: one process has one set of signals. */
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(from_the_beginning_a_hangup_is_kept_and_a_stop_ends_the_program),
        cmocka_unit_test(once_installed_stops_are_counted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
