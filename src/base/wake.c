#include "base/wake.h"

#include <poll.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/stop.h"

int wake_open(void)
{
    return eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
}

void wake_up(int wake_fd)
{
    const uint64_t one = 1;

    if (wake_fd >= 0 && write(wake_fd, &one, sizeof(one)) < 0)
        return; /* the counter is full: it is readable already */
}

void wake_wait(int wake_fd, int timeout_ms)
{
    wake_wait_for(wake_fd, -1, timeout_ms);
}

void wake_wait_for(int wake_fd, int other_fd, int timeout_ms)
{
    struct pollfd fds[] = {
        {.fd = wake_fd, .events = POLLIN},
        {.fd = stop_wake_fd(), .events = POLLIN},
        {.fd = other_fd, .events = POLLIN},
    };
    uint64_t count;

    poll(fds, sizeof(fds) / sizeof(fds[0]), timeout_ms);
    while (wake_fd >= 0 && read(wake_fd, &count, sizeof(count)) > 0)
        ;
    stop_drain_wake();
}
