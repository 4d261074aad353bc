#include "io/journal_file.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/strbuf.h"
#include "io/disk.h"
#include "io/journal_lock.h"
#include "io/journal_rescue.h"
#include "io/sidecar.h"
#include "io/torn.h"

/* ---- opening ---- */

/* The file's name is in the folder to which the links lead. */
static int sync_real_folder(const char *path)
{
    char *real = realpath(path, NULL);
    int rc = sidecar_sync_folder(real ? real : path);
    int saved = errno;

    free(real);
    errno = saved;
    return rc;
}

/* Returns 0, or -1 with `e` and errno. */
static int claim(int fd, const char *path, struct err *e)
{
    struct stat st;
    int error = 0;

    if (fstat(fd, &st) == 0 && !S_ISREG(st.st_mode)) {
        error = EINVAL;
        err_set(e, ERR_RUNTIME, "%s: not a regular file", path);
    } else if (journal_lock_take(fd) < 0) {
        error = errno;
        journal_lock_refuse(fd, e);
        err_wrap(e, "%s", path);
    } else if (sync_real_folder(path) < 0) {
        error = errno;
        err_set(e, ERR_RUNTIME, "folder of %s: %s", path, strerror(error));
    }
    errno = error;
    return error ? -1 : 0;
}

static int open_path(const char *path, struct err *e)
{
    int fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NONBLOCK, FILE_MODE);
    int error = errno;

    if (fd < 0) {
        err_set(e, ERR_RUNTIME, "%s: %s", path, strerror(error));
    } else if (claim(fd, path, e) < 0) {
        error = errno;
        close(fd);
        fd = -1;
    }
    errno = error;
    return fd;
}

static void set_fd(struct journal_file *f, int fd)
{
    if (f->fd >= 0)
        close(f->fd);
    free(f->real_path);
    f->fd = fd;
    f->real_path = realpath(f->path, NULL);
    file_watch_begin(&f->watch, fd, clock_mono_ms(clock_system()));
}

int journal_file_open(struct journal_file *f, const char *path, struct err *e)
{
    int fd = open_path(path, e);

    *f = (struct journal_file){.path = mem_strdup(path), .fd = -1};
    if (fd < 0)
        return -1;
    set_fd(f, fd);
    return 0;
}

static bool is_still_named(const struct journal_file *f)
{
    struct stat ours;
    struct stat named;

    return fstat(f->fd, &ours) == 0 && stat(f->path, &named) == 0 && ours.st_dev == named.st_dev &&
           ours.st_ino == named.st_ino;
}

/* Opens what the path names now, for lines to be appended. Returns a descriptor, or -1 with `e`. */
static int open_next(const struct journal_file *f, struct strbuf *moved_to, struct err *e)
{
    int fd = open_path(f->path, e);

    if (fd >= 0 && torn_move_tail(f->path, fd, moved_to, e) <= 0) {
        close(fd);
        return -1;
    }
    return fd;
}

int journal_file_reopen(struct journal_file *f, struct strbuf *moved_to, struct err *e)
{
    int fd;

    if (is_still_named(f))
        return 0; /* opened once more it would seem to be another tracker's */
    fd = open_next(f, moved_to, e);
    if (fd < 0)
        return -1;
    set_fd(f, fd);
    return 1;
}

int journal_file_replace(struct journal_file *f, struct strbuf *lines, struct strbuf *moved_to,
                         struct err *e)
{
    int fd = open_next(f, moved_to, e);

    if (fd < 0)
        return -1;
    if (journal_rescue(f->fd, f->watch.named_size, fd, lines, e) < 0) {
        close(fd);
        return -1;
    }
    set_fd(f, fd);
    return 0;
}

void journal_file_close(struct journal_file *f)
{
    if (f->path && f->fd >= 0)
        close(f->fd);
    free(f->path);
    free(f->real_path);
    *f = (struct journal_file){0};
}

/* ---- what belongs to it ---- */

static bool is_same_file(const char *path, const char *suffix, const char *other)
{
    struct strbuf whole = {0};
    struct stat a;
    struct stat b;
    bool is_same;

    strbuf_addf(&whole, "%s%s", path, suffix);
    is_same = stat(whole.data, &a) == 0 && stat(other, &b) == 0 && a.st_dev == b.st_dev &&
              a.st_ino == b.st_ino;
    strbuf_release(&whole);
    return is_same;
}

static const char *last_part(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

/* Torn lines are put aside under names that nobody knows before, so the name decides. */
static bool is_like_torn(const char *path, const char *other)
{
    char *folder = mem_strdup(path);
    char *other_folder = mem_strdup(other);
    struct strbuf name = {0};
    bool is_like;

    strbuf_addf(&name, "%s.torn-", last_part(path));
    is_like = strncmp(last_part(other), name.data, name.len) == 0 &&
              is_same_file(dirname(folder), "", dirname(other_folder));
    strbuf_release(&name);
    free(folder);
    free(other_folder);
    return is_like;
}

bool journal_file_owns(const char *path, const char *other)
{
    return is_same_file(path, "", other) || is_same_file(path, ".state", other) ||
           is_same_file(path, ".state.tmp", other) || is_like_torn(path, other);
}

/* ---- writing ---- */

/* Cuts off the part of a line that was written before the disk was full. Whole lines stay: a reader
 * may have them already. Returns how many of the `done` bytes stay, or -1 with errno. */
static ssize_t cut_torn_line(int fd, const char *bytes, size_t done)
{
    const char *newline = done ? memrchr(bytes, '\n', done) : NULL;
    size_t whole = newline ? (size_t)(newline - bytes) + 1 : 0;
    struct stat st;

    if (whole == done)
        return (ssize_t)done;
    if (fstat(fd, &st) < 0 || ftruncate(fd, st.st_size - (off_t)(done - whole)) < 0)
        return -1;
    return (ssize_t)whole;
}

static int fail(const struct journal_file *f, const char *doing, int error, struct err *e)
{
    return err_set(e, ERR_RUNTIME, "%s %s: %s", doing, f->path, strerror(error));
}

int journal_file_append(struct journal_file *f, const char *bytes, size_t len, size_t *done,
                        struct err *e)
{
    while (*done < len) {
        ssize_t n = write(f->fd, bytes + *done, len - *done);
        int error = n < 0 ? errno : ENOSPC;

        if (n > 0) {
            *done += (size_t)n;
            continue;
        }
        if (error == EINTR)
            continue;
        fail(f, "write", error, e);
        if (!disk_is_full(error))
            return -1;
        n = cut_torn_line(f->fd, bytes, *done);
        if (n < 0)
            return fail(f, "cut", errno, e);
        *done = (size_t)n;
        return 0;
    }
    return 1;
}

int journal_file_sync(const struct journal_file *f, struct err *e)
{
    /* The kernel may have dropped the pages it could not write: what is on the disk is unknown. */
    return fdatasync(f->fd) < 0 ? fail(f, "fdatasync", errno, e) : 0;
}
