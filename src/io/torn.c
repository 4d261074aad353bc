#include "io/torn.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/rfc3339.h"
#include "io/disk.h"
#include "io/sidecar.h"

/* Opens a name that is not taken: two files may be torn in the same millisecond. */
static int create(const char *path, struct strbuf *name)
{
    char now[RFC3339_SIZE];
    int fd;

    rfc3339_format(clock_wall_ms(clock_system()), now);
    for (int i = 1;; i++) {
        strbuf_reset(name);
        strbuf_addf(name, "%s.torn-%s", path, now);
        if (i > 1)
            strbuf_addf(name, "-%d", i);
        fd = open(name->data, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, FILE_MODE);
        if (fd >= 0 || errno != EEXIST)
            return fd;
    }
}

static int copy_range(int from_fd, int64_t from, int64_t to, int to_fd)
{
    char bytes[65536];

    while (from < to) {
        size_t want = to - from < (int64_t)sizeof(bytes) ? (size_t)(to - from) : sizeof(bytes);
        ssize_t n = pread(from_fd, bytes, want, (off_t)from);
        ssize_t written = n > 0 ? write(to_fd, bytes, (size_t)n) : n;

        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0) {
            if (written == 0)
                errno = n == 0 ? EIO : ENOSPC;
            return -1;
        }
        from += written;
    }
    return fsync(to_fd);
}

/* A copy that is not whole would be one more file with each try. */
static int give_up(const struct strbuf *name, const char *path, struct err *e)
{
    int error = errno;

    unlink(name->data);
    err_set(e, ERR_RUNTIME, "moving the torn end of %s aside: %s", path, strerror(error));
    return disk_is_full(error) ? 0 : -1;
}

static int copy_then_cut(const char *path, int fd, int64_t from, int64_t to, int torn,
                         const struct strbuf *name, struct err *e)
{
    if (copy_range(fd, from, to, torn) < 0 || sidecar_sync_folder(path) < 0 ||
        ftruncate(fd, (off_t)from) < 0)
        return give_up(name, path, e);
    if (fsync(fd) < 0)
        return err_set(e, ERR_RUNTIME, "fsync %s: %s", path, strerror(errno));
    return 1;
}

int torn_move(const char *path, int fd, int64_t from, int64_t to, struct strbuf *moved_to,
              struct err *e)
{
    struct strbuf name = {0};
    int torn = create(path, &name);
    int rc;

    if (torn >= 0) {
        rc = copy_then_cut(path, fd, from, to, torn, &name, e);
        close(torn);
    } else {
        rc = give_up(&name, path, e);
    }
    if (rc > 0)
        strbuf_addf(moved_to, "%s%s", moved_to->len > 0 ? ", " : "", name.data);
    strbuf_release(&name);
    return rc;
}

/* The offset behind the last newline before `size`, or -1 with errno. */
static int64_t whole_lines(int fd, int64_t size)
{
    char bytes[65536];

    while (size > 0) {
        size_t want = size < (int64_t)sizeof(bytes) ? (size_t)size : sizeof(bytes);
        ssize_t n = pread(fd, bytes, want, (off_t)(size - (int64_t)want));
        const char *newline;

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return -1;
        newline = memrchr(bytes, '\n', (size_t)n);
        size -= (int64_t)want;
        if (newline)
            return size + (newline - bytes) + 1;
    }
    return 0;
}

int torn_move_tail(const char *path, int fd, struct strbuf *moved_to, struct err *e)
{
    struct stat st;
    int64_t whole = fstat(fd, &st) < 0 ? -1 : whole_lines(fd, st.st_size);

    if (whole < 0)
        return err_set(e, ERR_RUNTIME, "%s: %s", path, strerror(errno));
    return whole < st.st_size ? torn_move(path, fd, whole, st.st_size, moved_to, e) : 1;
}
