#include "io/journal_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libgen.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/strbuf.h"
#include "io/disk.h"
#include "io/recovery.h"
#include "model/journal_line.h"

#define RESCUE_MAX_BYTES ((int64_t)64 << 20)

/* ---- the lock ---- */

/* The whole file, however it grows. */
static struct flock whole(short type)
{
    return (struct flock){.l_type = type, .l_whence = SEEK_SET};
}

int journal_lock_take(int fd)
{
    struct flock lock = whole(F_WRLCK);

    if (fcntl(fd, F_OFD_SETLK, &lock) == 0)
        return 0;
    if (errno == EACCES) /* POSIX allows both */
        errno = EWOULDBLOCK;
    return -1;
}

int journal_lock_is_held(int fd)
{
    struct flock lock = whole(F_RDLCK);

    if (fcntl(fd, F_OFD_GETLK, &lock) < 0)
        return -1;
    return lock.l_type != F_UNLCK;
}

/* ---- the lock: who holds it ---- */

/* Does /proc/PID/fdinfo/FD tell of our kind of lock on a file of that number? The kernel names no
 * pid where it is asked for the lock, since open files have these locks, and not processes. */
static bool tells_of_lock(const char *path, ino_t inode)
{
    FILE *f = fopen(path, "re");
    char line[256];
    char number[32];
    bool tells = false;

    if (!f)
        return false;
    snprintf(number, sizeof(number), ":%ju ", (uintmax_t)inode);
    while (!tells && fgets(line, sizeof(line), f))
        tells = strncmp(line, "lock:", 5) == 0 && strstr(line, " OFDLCK ") &&
                strstr(line, " WRITE ") && strstr(line, number);
    fclose(f);
    return tells;
}

static bool is_file(const char *path, const struct stat *file)
{
    struct stat st;

    return stat(path, &st) == 0 && st.st_dev == file->st_dev && st.st_ino == file->st_ino;
}

static bool is_holder(const char *pid, const struct stat *file)
{
    char path[64];
    struct dirent *fd;
    bool holds = false;
    DIR *fds;

    snprintf(path, sizeof(path), "/proc/%.16s/fdinfo", pid);
    fds = opendir(path);
    while (fds && !holds && (fd = readdir(fds))) {
        snprintf(path, sizeof(path), "/proc/%.16s/fdinfo/%.16s", pid, fd->d_name);
        if (!tells_of_lock(path, file->st_ino))
            continue;
        snprintf(path, sizeof(path), "/proc/%.16s/fd/%.16s", pid, fd->d_name);
        holds = is_file(path, file);
    }
    if (fds)
        closedir(fds);
    return holds;
}

/* Returns the pid of the process whose open file has the lock, or 0 when none can be seen. */
static long holder_of(int fd)
{
    DIR *processes = opendir("/proc");
    struct stat file;
    struct dirent *process;
    long pid = 0;

    while (processes && fstat(fd, &file) == 0 && pid == 0 && (process = readdir(processes))) {
        char *end;
        long number = strtol(process->d_name, &end, 10);

        if (number > 0 && *end == '\0' && is_holder(process->d_name, &file))
            pid = number;
    }
    if (processes)
        closedir(processes);
    return pid;
}

int journal_lock_refuse(int fd, struct err *e)
{
    long pid;

    if (errno != EWOULDBLOCK)
        return err_set(e, ERR_RUNTIME, "%s", strerror(errno));
    pid = holder_of(fd);
    if (pid == 0)
        return err_set(e, ERR_RUNTIME, "another tracker writes to it");
    return err_set(e, ERR_RUNTIME, "another tracker writes to it (pid %ld)", pid);
}

/* ---- the lines that went to a journal after it was deleted ---- */

/* Appends the bytes [from, to). */
static int read_range(int fd, int64_t from, int64_t to, struct strbuf *out)
{
    while (from < to) {
        size_t want = (size_t)(to - from);
        ssize_t n;

        strbuf_reserve(out, want);
        n = pread(fd, out->data + out->len, want, (off_t)from);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return (int)n;
        out->len += (size_t)n;
        from += n;
    }
    return 0;
}

/* Appends the end of a file of whole lines, from a line's beginning on; what is before `from`,
 * which is one, is not asked for. */
static int read_end(int fd, int64_t from, int64_t size, struct strbuf *out)
{
    bool is_cut = size - from > RESCUE_MAX_BYTES;
    const char *newline;
    size_t drop;

    if (read_range(fd, is_cut ? size - RESCUE_MAX_BYTES : from, size, out) < 0)
        return -1;
    newline = is_cut && out->len > 0 ? memchr(out->data, '\n', out->len) : NULL;
    if (newline) {
        drop = (size_t)(newline - out->data) + 1;
        memmove(out->data, out->data + drop, out->len - drop);
        strbuf_cut(out, out->len - drop);
    }
    return 0;
}

/* Takes the last line off the first `*len` bytes. Returns false when there is none. */
static bool take_last_line(const char *text, size_t *len, struct scan_value *line)
{
    const char *before;

    if (*len == 0)
        return false;
    before = *len > 1 ? memrchr(text, '\n', *len - 1) : NULL;
    line->text = before ? before + 1 : text;
    line->len = (size_t)(text + *len - 1 - line->text);
    *len = (size_t)(line->text - text);
    return true;
}

/* An editor may have changed the rest of it. */
static bool is_same(const struct journal_line *a, const struct journal_line *b)
{
    return a->kind == b->kind && a->partition == b->partition && a->offset == b->offset &&
           a->gap_from == b->gap_from && a->gap_to == b->gap_to && a->topic.len == b->topic.len &&
           (a->topic.len == 0 || memcmp(a->topic.text, b->topic.text, a->topic.len) == 0);
}

/* Where in `text` the lines after that one begin, or -1. */
static ssize_t find_after(const struct strbuf *text, const struct journal_line *wanted)
{
    struct scan_value span = {0};
    struct journal_line line;
    size_t len = text->len;
    size_t after;

    for (after = len; take_last_line(text->data, &len, &span); after = len)
        if (journal_line_parse(&line, span.text, span.len) == 0 && is_same(&line, wanted))
            return (ssize_t)after;
    return -1;
}

/* The last line that can be read. Returns false when there is none. */
static bool find_last(const struct strbuf *text, struct journal_line *line)
{
    struct scan_value span = {0};
    size_t len = text->len;

    while (take_last_line(text->data, &len, &span))
        if (journal_line_parse(line, span.text, span.len) == 0)
            return true;
    return false;
}

/* Appends what follows the last line of `fresh`, which is not empty, in `old`. Returns 1; 0 when
 * that line is not there, -1 with errno. */
static int add_after(int old, int64_t size, int fresh, int64_t fresh_size, struct strbuf *lines)
{
    struct strbuf text = {0};
    struct strbuf fresh_text = {0};
    struct journal_line last;
    ssize_t after = -1;
    int rc = -1;

    if (read_end(old, 0, size, &text) == 0 && read_end(fresh, 0, fresh_size, &fresh_text) == 0) {
        if (find_last(&fresh_text, &last))
            after = find_after(&text, &last);
        if (after >= 0)
            strbuf_add(lines, text.data + after, text.len - (size_t)after);
        rc = after >= 0;
    }
    strbuf_release(&text);
    strbuf_release(&fresh_text);
    return rc;
}

/* Appends to `lines` what the deleted file `old` holds and `fresh`, the file that the path names
 * now, lacks. Is that empty, it is all behind the first `named_size` bytes: what the file held when
 * it still had a name was deleted on purpose. A file that replaced the old one, as an editor does,
 * lacks all that follows its own last line. Not more than the last RESCUE_MAX_BYTES.
 * Returns 0, or -1 with `e`. */
static int rescue(int old, int64_t named_size, int fresh, struct strbuf *lines, struct err *e)
{
    struct stat st;
    struct stat fresh_st;
    int rc = -1;

    if (fstat(old, &st) == 0 && fstat(fresh, &fresh_st) == 0) {
        rc = fresh_st.st_size ? add_after(old, st.st_size, fresh, fresh_st.st_size, lines) : 0;
        if (rc == 0) /* one that was cut since holds nothing but what came later */
            rc = read_end(old, named_size <= st.st_size ? named_size : 0, st.st_size, lines);
    }
    if (rc < 0)
        return err_set(e, ERR_RUNTIME, "reading the deleted file: %s", strerror(errno));
    return 0;
}

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
    if (rescue(f->fd, f->watch.named_size, fd, lines, e) < 0) {
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
