#include "io/recovery.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/rfc3339.h"
#include "io/sidecar.h"
#include "model/journal_line.h"

#define BLOCK_BYTES ((size_t)1 << 18)

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

struct walk {
    struct checkpoint *state;
    struct recovery_report *report;
    struct strbuf topic;
};

static void apply_line(struct walk *walk, const char *text, size_t len, int64_t at)
{
    struct journal_line line;
    struct checkpoint_entry *p;

    walk->report->scanned_lines++;
    if (journal_line_parse(&line, text, len) < 0) {
        if (walk->report->broken_lines++ == 0)
            walk->report->first_broken_at = at;
        return;
    }
    strbuf_reset(&walk->topic);
    strbuf_add(&walk->topic, line.topic.text, line.topic.len);
    p = checkpoint_find(walk->state, strbuf_text(&walk->topic), line.partition);
    switch (line.kind) {
    case JOURNAL_MESSAGE:
        p->next = line.offset + 1;
        break;
    case JOURNAL_GAP:
        p->next = line.gap_to;
        break;
    case JOURNAL_REPLAY:
        p->next = line.gap_from;
        p->committed = line.gap_from;
        break;
    }
}

/* Takes the whole lines out of `block`, which begins at file offset `at`. Returns how many bytes
 * they are. */
static size_t apply_lines(struct walk *walk, const struct strbuf *block, int64_t at)
{
    size_t done = 0;
    const char *newline;

    while (done < block->len && (newline = memchr(block->data + done, '\n', block->len - done))) {
        size_t len = (size_t)(newline - block->data) - done;

        apply_line(walk, block->data + done, len, at + (int64_t)done);
        done += len + 1;
    }
    return done;
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

/* Reads from offset `from` to the end. Returns the offset behind the last newline, or -1 with
 * errno. */
static int64_t scan_file(int fd, int64_t from, struct checkpoint *state,
                         struct recovery_report *report)
{
    struct walk walk = {.state = state, .report = report};
    struct strbuf block = {0};
    int64_t at = from; /* of the block's first byte */
    ssize_t n;

    for (;;) {
        size_t whole;

        strbuf_reserve(&block, BLOCK_BYTES);
        n = pread(fd, block.data + block.len, BLOCK_BYTES, (off_t)(at + (int64_t)block.len));
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break;
        block.len += (size_t)n;
        report->scanned_bytes += n;
        whole = apply_lines(&walk, &block, at);
        memmove(block.data, block.data + whole, block.len - whole);
        strbuf_cut(&block, block.len - whole);
        at += (int64_t)whole;
    }
    strbuf_release(&block);
    strbuf_release(&walk.topic);
    return n < 0 ? -1 : at;
}

/* ---- a journal that was renamed ---- */

/* Looks in the journal's folder for the file that the state speaks of. Returns a descriptor, or -1.
 */
static int open_rotated(const char *path, const struct checkpoint *s)
{
    char *copy = mem_strdup(path);
    DIR *folder = opendir(dirname(copy));
    struct dirent *entry;
    struct stat st;
    int fd = -1;

    while (folder && fd < 0 && (entry = readdir(folder))) {
        if (entry->d_ino != s->inode)
            continue;
        fd = openat(dirfd(folder), entry->d_name, O_RDONLY | O_CLOEXEC);
        if (fd >= 0 &&
            (fstat(fd, &st) < 0 || !is_same_file(&st, s) || !holds_what_state_says(fd, &st, s))) {
            close(fd);
            fd = -1;
        }
    }
    if (folder)
        closedir(folder);
    free(copy);
    return fd;
}

/* logrotate may have renamed the file while the tracker still wrote to it: its last lines count
 * too. */
static int scan_rotated(const char *path, struct checkpoint *state, struct recovery_report *report,
                        struct err *e)
{
    int fd = open_rotated(path, state);
    int64_t end;

    if (fd < 0)
        return 0;
    end = settle_on_disk(fd) < 0 ? -1 : scan_file(fd, state->length, state, report);
    if (end < 0)
        err_set(e, ERR_RUNTIME, "the file that was %s: %s", path, strerror(errno));
    close(fd);
    return end < 0 ? -1 : 0;
}

/* ---- the torn tail ---- */

static int copy_range(int from_fd, int64_t from, int64_t to, int to_fd)
{
    char bytes[4096];

    while (from < to) {
        size_t want = to - from < (int64_t)sizeof(bytes) ? (size_t)(to - from) : sizeof(bytes);
        ssize_t n = pread(from_fd, bytes, want, (off_t)from);

        if (n <= 0 || write(to_fd, bytes, (size_t)n) != n)
            return -1;
        from += n;
    }
    return fsync(to_fd);
}

/* Moves what follows the last newline into a file of its own. First the copy, then the cut. */
static int move_torn_tail(const char *path, int fd, int64_t whole, int64_t size,
                          struct recovery_report *report, struct err *e)
{
    char now[RFC3339_SIZE];
    int torn;
    int rc;

    rfc3339_format(clock_wall_ms(clock_system()), now);
    strbuf_addf(&report->torn_path, "%s.torn-%s", path, now);
    torn = open(report->torn_path.data, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    if (torn < 0)
        return err_set(e, ERR_RUNTIME, "%s: %s", report->torn_path.data, strerror(errno));
    rc = copy_range(fd, whole, size, torn);
    if (rc < 0)
        err_set(e, ERR_RUNTIME, "%s: %s", report->torn_path.data, strerror(errno));
    close(torn);
    if (rc == 0 &&
        (sidecar_sync_folder(path) < 0 || ftruncate(fd, (off_t)whole) < 0 || fsync(fd) < 0))
        rc = err_set(e, ERR_RUNTIME, "%s: cutting the torn line off: %s", path, strerror(errno));
    report->torn_bytes = size - whole;
    return rc;
}

/* ---- all together ---- */

/* Where to begin scanning, by what the sidecar says. Returns -1 with `e` on trouble. */
static int64_t first_unknown_byte(const char *path, int fd, const struct stat *st,
                                  struct checkpoint *state, struct recovery_report *report,
                                  struct err *e)
{
    if (!report->had_state)
        return 0;
    if (is_same_file(st, state))
        return holds_what_state_says(fd, st, state) ? state->length : 0;
    return scan_rotated(path, state, report, e) < 0 ? -1 : 0;
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

int recovery_run(const char *path, const char *sidecar_path, int fd, struct checkpoint *state,
                 struct recovery_report *report, struct err *e)
{
    struct stat st;
    int64_t from;
    int64_t whole;

    if (fstat(fd, &st) < 0)
        return err_set(e, ERR_RUNTIME, "%s: %s", path, strerror(errno));
    read_state(sidecar_path, state, report);
    from = first_unknown_byte(path, fd, &st, state, report, e);
    if (from < 0)
        return -1;
    if (from < st.st_size && settle_on_disk(fd) < 0)
        return err_set(e, ERR_RUNTIME, "fsync %s: %s", path, strerror(errno));
    whole = scan_file(fd, from, state, report);
    if (whole < 0)
        return err_set(e, ERR_RUNTIME, "%s: %s", path, strerror(errno));
    if (whole < st.st_size && move_torn_tail(path, fd, whole, st.st_size, report, e) < 0)
        return -1;
    if (recovery_identify(fd, state) < 0)
        return err_set(e, ERR_RUNTIME, "%s: %s", path, strerror(errno));
    return 0;
}

void recovery_report_release(struct recovery_report *report)
{
    strbuf_release(&report->torn_path);
    strbuf_release(&report->trouble);
    *report = (struct recovery_report){0};
}
