/* For the bench only: preloaded into the tracker, it notes when how much of the journal was
 * durable.
 *
 *   DURABLE_FILE  last part of the journal's path
 *   DURABLE_LOG   where a line goes after each fsync or fdatasync of it: BYTES MICROSECONDS, what
 *                 was written before the call, and the wall clock after it */

#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

typedef int sync_function(int fd);

static sync_function *real_fsync, *real_fdatasync;
static const char *file_name;
static int log_fd = -1;

__attribute__((constructor)) static void begin(void)
{
    const char *log = getenv("DURABLE_LOG");

    /* ISO C has no cast from an object to a function; POSIX says that it works. */
    *(void **)&real_fsync = dlsym(RTLD_NEXT, "fsync");
    *(void **)&real_fdatasync = dlsym(RTLD_NEXT, "fdatasync");
    file_name = getenv("DURABLE_FILE");
    if (log)
        log_fd = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
}

static bool is_journal(int fd)
{
    char link[64], path[PATH_MAX];
    const char *slash;
    ssize_t len;

    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    len = readlink(link, path, sizeof(path) - 1);
    if (len < 0 || !file_name)
        return false;
    path[len] = '\0';
    slash = strrchr(path, '/');
    return slash && strcmp(slash + 1, file_name) == 0;
}

static int sync_and_note(sync_function *real, int fd)
{
    off_t end = lseek(fd, 0, SEEK_CUR);
    struct timespec now;
    int rc = real(fd);

    if (rc == 0 && log_fd >= 0 && is_journal(fd)) {
        clock_gettime(CLOCK_REALTIME, &now);
        dprintf(log_fd, "%lld %lld\n", (long long)end,
                (long long)now.tv_sec * 1000000 + now.tv_nsec / 1000);
    }
    return rc;
}

int fsync(int fd)
{
    return sync_and_note(real_fsync, fd);
}

int fdatasync(int fd)
{
    return sync_and_note(real_fdatasync, fd);
}
