#include "base/stop.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/eventfd.h>
#include <unistd.h>

static atomic_int stops;
static atomic_bool hangup;
static bool ends_with_terminal;
static atomic_int wake = -1;

/* eventfd's write is async-signal-safe; errno belongs to the code that was interrupted. */
static void on_signal(int signo)
{
    const uint64_t one = 1;
    int saved = errno;
    int fd = atomic_load(&wake);
    int none = 0;

    if (signo == SIGHUP && ends_with_terminal)
        atomic_compare_exchange_strong(&stops, &none, 1);
    else if (signo == SIGHUP)
        atomic_store(&hangup, true);
    else
        atomic_fetch_add(&stops, 1);
    if (fd >= 0 && write(fd, &one, sizeof(one)) < 0)
        errno = saved; /* the counter is full: it is readable already */
    errno = saved;
}

static void handle(int signo, void (*handler)(int))
{
    struct sigaction sa = {.sa_handler = handler, .sa_flags = SA_RESTART};

    sigemptyset(&sa.sa_mask);
    sigaction(signo, &sa, NULL);
}

static bool is_ignored(int signo)
{
    struct sigaction sa;

    return sigaction(signo, NULL, &sa) == 0 && sa.sa_handler == SIG_IGN;
}

void stop_begin(void)
{
    atomic_store(&wake, eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    ends_with_terminal = isatty(STDIN_FILENO) && !is_ignored(SIGHUP);
    if (!ends_with_terminal)
        handle(SIGHUP, on_signal);
    handle(SIGPIPE, SIG_IGN);
}

void stop_install(void)
{
    if (ends_with_terminal)
        handle(SIGHUP, on_signal);
    handle(SIGINT, on_signal);
    handle(SIGTERM, on_signal);
}

int stop_count(void)
{
    return atomic_load(&stops);
}

bool stop_take_hangup(void)
{
    return atomic_exchange(&hangup, false);
}

int stop_wake_fd(void)
{
    return atomic_load(&wake);
}

void stop_drain_wake(void)
{
    uint64_t n;

    while (read(atomic_load(&wake), &n, sizeof(n)) > 0)
        ;
}
