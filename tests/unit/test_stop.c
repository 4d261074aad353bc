#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>
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

static void use_as_stdin(int fd)
{
    assert_true(fd >= 0);
    assert_int_equal(dup2(fd, STDIN_FILENO), STDIN_FILENO);
}

static void use_terminal_as_stdin(void)
{
    int terminal = posix_openpt(O_RDWR | O_NOCTTY);

    assert_int_equal(grantpt(terminal), 0);
    assert_int_equal(unlockpt(terminal), 0);
    use_as_stdin(open(ptsname(terminal), O_RDWR | O_NOCTTY));
    assert_true(isatty(STDIN_FILENO));
}

static void from_the_beginning_a_hangup_is_kept_and_a_stop_ends_the_program(void **state)
{
    (void)state;
    use_as_stdin(open("/dev/null", O_RDONLY));
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

/* As of `trap '' HUP` in a terminal. */
static void where_it_was_ignored_a_hangup_is_kept_at_a_terminal_too(void **state)
{
    (void)state;
    use_terminal_as_stdin();
    signal(SIGHUP, SIG_IGN);
    stop_begin();
    raise(SIGHUP);
    assert_true(stop_take_hangup());
    stop_install();
    raise(SIGHUP);
    assert_true(stop_take_hangup());
    assert_int_equal(stop_count(), 0);
}

static void at_a_terminal_a_hangup_stops_once(void **state)
{
    (void)state;
    use_terminal_as_stdin();
    signal(SIGHUP, SIG_DFL);
    stop_begin();
    assert_true(is_by_default(SIGHUP));
    stop_install();
    stop_drain_wake();
    raise(SIGHUP);
    raise(SIGHUP);
    assert_int_equal(stop_count(), 1);
    assert_true(is_woken());
    assert_false(stop_take_hangup());
    raise(SIGTERM);
    assert_int_equal(stop_count(), 2);
    raise(SIGHUP);
    assert_int_equal(stop_count(), 2);
}

static void once_installed_stops_are_counted(void **state)
{
    int before = stop_count();

    (void)state;
    stop_install();
    stop_drain_wake();
    assert_false(is_woken());
    raise(SIGTERM);
    assert_int_equal(stop_count(), before + 1);
    assert_true(is_woken());
    raise(SIGINT);
    assert_int_equal(stop_count(), before + 2);
    assert_false(stop_take_hangup());
}

int main(void)
{
    /* In this order: one process has one set of signals. */
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(from_the_beginning_a_hangup_is_kept_and_a_stop_ends_the_program),
        cmocka_unit_test(where_it_was_ignored_a_hangup_is_kept_at_a_terminal_too),
        cmocka_unit_test(at_a_terminal_a_hangup_stops_once),
        cmocka_unit_test(once_installed_stops_are_counted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
