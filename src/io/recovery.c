#include "io/recovery.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libgen.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/line_reader.h"
#include "base/mem.h"
#include "base/rfc3339.h"
#include "io/disk.h"
#include "io/journal_file.h"
#include "io/rotation.h"
#include "model/journal_line.h"

#define SIDECAR_MAX_BYTES ((size_t)16 << 20)
#define BLOCK_BYTES       ((size_t)1 << 18)

struct recovery {
    const char *path;
    struct checkpoint *state;
    struct recovery_report *report;
    const struct recovery_patience *patience;
    struct strbuf topic;  /* of the line at hand */
    bool is_only_forward; /* lines that do not go on from what is known are passed over */
    bool is_ours;         /* all lines are this tracker's and go on from what is known */
    int64_t doubt_from;   /* before it a broken line changes nothing */
    int64_t end;          /* where the trust in the file ends; -1: nowhere yet */
    int64_t lines_behind; /* whole ones, behind that */
};

/* ---- the sidecar ---- */

int sidecar_sync_folder(const char *path)
{
    char *copy = mem_strdup(path);
    int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int rc = fd < 0 ? -1 : fsync(fd);
    int saved = errno;

    if (fd >= 0)
        close(fd);
    free(copy);
    errno = saved;
    return rc;
}

static int read_all(int fd, struct strbuf *text)
{
    while (text->len < SIDECAR_MAX_BYTES) {
        ssize_t n;

        strbuf_reserve(text, 4096);
        n = read(fd, text->data + text->len, 4096);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return (int)n;
        text->len += (size_t)n;
    }
    errno = EFBIG;
    return -1;
}

int sidecar_read(const char *path, struct checkpoint *s, struct err *e)
{
    struct strbuf text = {0};
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a named pipe is not waited for */
    int rc = -1;

    if (fd < 0 && errno == ENOENT)
        return 0;
    if (fd < 0)
        return err_set(e, ERR_RUNTIME, "%s: %s", path, strerror(errno));
    if (read_all(fd, &text) < 0)
        err_set(e, ERR_RUNTIME, "%s: %s", path, strerror(errno));
    else if (checkpoint_decode(s, strbuf_text(&text), text.len, e) < 0)
        err_wrap(e, "%s", path);
    else
        rc = 1;
    close(fd);
    strbuf_release(&text);
    return rc;
}

static int write_all(int fd, const char *bytes, size_t len)
{
    size_t done = 0;

    while (done < len) {
        ssize_t n = write(fd, bytes + done, len - done);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            if (n == 0)
                errno = ENOSPC;
            return -1;
        }
        done += (size_t)n;
    }
    return 0;
}

static int write_file(const char *path, const struct strbuf *text, struct stat *written)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NONBLOCK, FILE_MODE);
    int rc;
    int saved;

    if (fd < 0)
        return -1;
    rc = write_all(fd, text->data, text->len);
    if (rc == 0)
        rc = fsync(fd);
    if (rc == 0 && written)
        rc = fstat(fd, written);
    saved = errno;
    if (close(fd) < 0 && rc == 0) {
        saved = errno;
        rc = -1;
    }
    errno = saved;
    return rc;
}

int sidecar_write(const char *path, const struct checkpoint *s, struct stat *written, struct err *e)
{
    struct strbuf text = {0};
    struct strbuf temporary = {0};
    int rc = -1;
    int saved;

    checkpoint_encode(s, &text);
    strbuf_addf(&temporary, "%s.tmp", path);
    if (write_file(temporary.data, &text, written) == 0 && rename(temporary.data, path) == 0 &&
        sidecar_sync_folder(path) == 0)
        rc = 0;
    saved = errno;
    if (rc < 0) {
        err_set(e, ERR_RUNTIME, "%s: %s", path, strerror(saved));
        unlink(temporary.data);
    }
    strbuf_release(&text);
    strbuf_release(&temporary);
    errno = saved;
    return rc;
}

/* ---- torn ends ---- */

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

/* ---- identity ---- */

/* Hash of the bytes before `length`, at most CHECKPOINT_TAIL_BYTES of them. Returns 0, or -1. */
static int hash_tail(int fd, int64_t length, uint64_t *hash)
{
    char tail[CHECKPOINT_TAIL_BYTES];
    size_t want = length < (int64_t)sizeof(tail) ? (size_t)length : sizeof(tail);
    ssize_t n = pread(fd, tail, want, (off_t)(length - (int64_t)want));

    if (n != (ssize_t)want)
        return -1;
    *hash = checkpoint_hash(tail, want);
    return 0;
}

int recovery_identify(int fd, struct checkpoint *state)
{
    struct stat st;

    if (fstat(fd, &st) < 0)
        return -1;
    state->device = st.st_dev;
    state->inode = st.st_ino;
    state->length = st.st_size;
    return hash_tail(fd, st.st_size, &state->tail_hash);
}

static bool is_same_file(const struct stat *st, const struct checkpoint *s)
{
    return st->st_dev == s->device && st->st_ino == s->inode;
}

/* True when the file still begins with the bytes that the state speaks of. */
static bool holds_what_state_says(int fd, const struct stat *st, const struct checkpoint *s)
{
    uint64_t hash;

    return st->st_size >= s->length && hash_tail(fd, s->length, &hash) == 0 && hash == s->tail_hash;
}

/* ---- scanning ---- */

/* A copy of an older file may lie among those that are read: it begins before what is known. */
static bool goes_on(const struct journal_line *line, int64_t next)
{
    return (line->kind == JOURNAL_MESSAGE ? line->offset + 1 : line->gap_to) >= next;
}

/* Without a line that says why, the offsets of a partition never go back. */
static bool goes_back(const struct journal_line *line, int64_t next)
{
    switch (line->kind) {
    case JOURNAL_MESSAGE:
        return line->offset < next;
    case JOURNAL_GAP:
    case JOURNAL_SKIP:
        return line->gap_from < next;
    case JOURNAL_REPLAY:
        return false;
    }
    return false;
}

static struct checkpoint_entry *entry_of(struct recovery *r, const struct journal_line *line)
{
    strbuf_reset(&r->topic);
    strbuf_add(&r->topic, line->topic.text, line->topic.len);
    return checkpoint_find(r->state, strbuf_text(&r->topic), line->partition);
}

/* Two blocks that lost what was between them may join to a line that can be read. */
static bool is_whole(struct recovery *r, const struct journal_line *line)
{
    return !r->is_ours ||
           (!journal_line_is_mixed(line) && !goes_back(line, entry_of(r, line)->next));
}

static void note_broken(struct recovery *r, int64_t at)
{
    if (at >= r->doubt_from)
        r->end = at;
    else if (!r->is_only_forward && r->report->broken_lines++ == 0)
        r->report->first_broken_at = at;
}

static void apply_line(struct recovery *r, const char *text, size_t len, int64_t at)
{
    struct journal_line line;
    bool is_read = journal_line_parse(&line, text, len) == 0;
    struct checkpoint_entry *p;

    r->report->scanned_lines++;
    if (r->end >= 0) {
        r->lines_behind += is_read;
        return;
    }
    if (!is_read || !is_whole(r, &line)) {
        note_broken(r, at);
        return;
    }
    p = entry_of(r, &line);
    if (!r->is_only_forward || goes_on(&line, p->next))
        checkpoint_apply(p, &line);
}

/* What is scanned counts as told, so it must be on the disk; and it is read from there, since after
 * a failed fsync the page cache still holds what the disk never took. */
static int settle_on_disk(int fd)
{
    if (fsync(fd) < 0)
        return -1;
    posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
    return 0;
}

/* Reads from offset `from` of a file of `size` bytes to the end. Returns the offset behind the last
 * line that is trusted, or -1 with errno. */
static int64_t scan_file(struct recovery *r, int fd, int64_t from, int64_t size)
{
    struct line_reader block = {0};
    int64_t at = from; /* of the block's first byte */
    const char *line;
    size_t len;
    ssize_t n;

    r->doubt_from = from > size - RECOVERY_UNSYNCED_BYTES ? from : size - RECOVERY_UNSYNCED_BYTES;
    r->end = -1;
    r->lines_behind = 0;
    for (;;) {
        struct strbuf *text = &block.text;

        strbuf_reserve(text, BLOCK_BYTES);
        n = pread(fd, text->data + text->len, BLOCK_BYTES, (off_t)(at + (int64_t)text->len));
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break;
        text->len += (size_t)n;
        r->report->scanned_bytes += n;
        while (line_reader_next(&block, &line, &len))
            apply_line(r, line, len, at + (line - text->data));
        at += (int64_t)block.taken;
        line_reader_drop(&block);
    }
    line_reader_release(&block);
    if (n < 0)
        return -1;
    return r->end >= 0 ? r->end : at;
}

/* ---- what is not trusted ---- */

static int move_aside(struct recovery *r, int fd, int64_t from, int64_t size, struct err *e)
{
    struct err why = {0};
    int rc;

    while ((rc = torn_move(r->path, fd, from, size, &r->report->torn_path, &why)) == 0)
        if (!r->patience->wait || !r->patience->wait(r->patience->ctx, &why))
            break;
    if (rc <= 0)
        return err_set(e, why.kind, "%s", why.text);
    r->report->torn_bytes += size - from;
    r->report->torn_lines += r->lines_behind;
    return 0;
}

/* ---- a journal that was renamed ---- */

/* The file that the sidecar speaks of. A rotation may have renamed it while the tracker still wrote
 * to it: then its last lines count too, and it may end within one. */
static int scan_named(struct recovery *r, int fd, const struct rotation_file *file, struct err *e)
{
    int64_t end;

    if (journal_lock_take(fd) < 0) {
        journal_lock_refuse(fd, e);
        return err_wrap(e, "%s, which was %s", file->path, r->path);
    }
    if (!holds_what_state_says(fd, &file->st, r->state))
        return 0;
    r->is_ours = r->state->length > 0;
    end = settle_on_disk(fd) < 0 ? -1 : scan_file(r, fd, r->state->length, file->st.st_size);
    r->is_ours = false;
    if (end < 0)
        return err_set(e, ERR_RUNTIME, "%s, which was %s: %s", file->path, r->path,
                       strerror(errno));
    return end < file->st.st_size ? move_aside(r, fd, end, file->st.st_size, e) : 0;
}

/* A file that came after that one: the sidecar could not be written when they were rotated. It may
 * be anything that is called like a rotated journal, so nothing is cut off. */
static int scan_later(struct recovery *r, int fd, const struct rotation_file *file, struct err *e)
{
    int64_t end;

    r->is_only_forward = true;
    end = settle_on_disk(fd) < 0 ? -1 : scan_file(r, fd, 0, file->st.st_size);
    r->is_only_forward = false;
    return end < 0 ? err_set(e, ERR_RUNTIME, "%s: %s", file->path, strerror(errno)) : 0;
}

static int scan_one(struct recovery *r, const struct rotation_file *file, struct err *e)
{
    int fd = open(file->path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    int rc;

    if (fd < 0)
        return 0; /* what we cannot open we did not write */
    rc =
        is_same_file(&file->st, r->state) ? scan_named(r, fd, file, e) : scan_later(r, fd, file, e);
    close(fd);
    return rc;
}

static int scan_rotated(struct recovery *r, const char *sidecar_path, const struct stat *own,
                        struct err *e)
{
    const struct stat named = {.st_dev = r->state->device, .st_ino = r->state->inode};
    struct rotation found = {0};
    struct stat sidecar = {0};
    char *real_path;
    int rc = 0;

    if (stat(sidecar_path, &sidecar) < 0)
        return err_set(e, ERR_RUNTIME, "%s: %s", sidecar_path, strerror(errno));
    real_path = realpath(r->path, NULL);
    rotation_find((const char *const[]){r->path, real_path, r->state->path}, 3, own, &named,
                  &sidecar.st_mtim, &found);
    free(real_path);
    for (size_t i = 0; i < found.count && rc == 0; i++)
        rc = scan_one(r, &found.files[i], e);
    rotation_release(&found);
    return rc;
}

/* ---- all together ---- */

/* Where to begin scanning, by what the sidecar says. Returns -1 with `e` on trouble. */
static int64_t first_unknown_byte(struct recovery *r, const char *sidecar_path, int fd,
                                  const struct stat *st, struct err *e)
{
    if (!r->report->had_state)
        return 0;
    if (is_same_file(st, r->state))
        return holds_what_state_says(fd, st, r->state) ? r->state->length : 0;
    return scan_rotated(r, sidecar_path, st, e) < 0 ? -1 : 0;
}

static void read_state(const char *sidecar_path, struct checkpoint *state,
                       struct recovery_report *report)
{
    struct err why = {0};
    int rc = sidecar_read(sidecar_path, state, &why);

    report->had_state = rc > 0;
    report->was_clean = rc > 0 && state->is_clean;
    if (rc < 0) {
        strbuf_adds(&report->trouble, why.text);
        checkpoint_release(state);
    }
}

/* Reads what is not known yet of `fd`, which is the file `st`, and cuts off what is not trusted. */
static int recover(struct recovery *r, const char *sidecar_path, int fd, const struct stat *st,
                   struct err *e)
{
    int64_t from = first_unknown_byte(r, sidecar_path, fd, st, e);
    int64_t trusted;

    if (from < 0)
        return -1;
    if (from < st->st_size && settle_on_disk(fd) < 0)
        return err_set(e, ERR_RUNTIME, "fsync %s: %s", r->path, strerror(errno));
    r->is_ours = from > 0;
    trusted = scan_file(r, fd, from, st->st_size);
    if (trusted < 0)
        return err_set(e, ERR_RUNTIME, "%s: %s", r->path, strerror(errno));
    return trusted < st->st_size ? move_aside(r, fd, trusted, st->st_size, e) : 0;
}

int recovery_run(const char *path, const char *sidecar_path, int fd,
                 const struct recovery_patience *patience, struct checkpoint *state,
                 struct recovery_report *report, struct err *e)
{
    struct recovery r = {.path = path, .state = state, .report = report, .patience = patience};
    struct stat st;
    int rc;

    if (fstat(fd, &st) < 0)
        return err_set(e, ERR_RUNTIME, "%s: %s", path, strerror(errno));
    read_state(sidecar_path, state, report);
    rc = recover(&r, sidecar_path, fd, &st, e);
    if (rc == 0 && recovery_identify(fd, state) < 0)
        rc = err_set(e, ERR_RUNTIME, "%s: %s", path, strerror(errno));
    strbuf_release(&r.topic);
    return rc;
}

void recovery_report_release(struct recovery_report *report)
{
    strbuf_release(&report->torn_path);
    strbuf_release(&report->trouble);
    *report = (struct recovery_report){0};
}
