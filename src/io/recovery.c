#include "io/recovery.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/journal_lock.h"
#include "io/rotated.h"
#include "io/sidecar.h"
#include "io/torn.h"
#include "model/journal_line.h"

#define BLOCK_BYTES ((size_t)1 << 18)

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

/* Takes the whole lines out of `block`, which begins at file offset `at`; its first `searched`
 * bytes hold no newline, so that a line over many blocks is not searched anew with each. Returns
 * how many bytes the lines are. */
static size_t apply_lines(struct recovery *r, const struct strbuf *block, size_t searched,
                          int64_t at)
{
    size_t done = 0;
    const char *newline;

    while (searched < block->len &&
           (newline = memchr(block->data + searched, '\n', block->len - searched))) {
        size_t len = (size_t)(newline - block->data) - done;

        apply_line(r, block->data + done, len, at + (int64_t)done);
        done += len + 1;
        searched = done;
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

/* Reads from offset `from` of a file of `size` bytes to the end. Returns the offset behind the last
 * line that is trusted, or -1 with errno. */
static int64_t scan_file(struct recovery *r, int fd, int64_t from, int64_t size)
{
    struct strbuf block = {0};
    int64_t at = from; /* of the block's first byte */
    ssize_t n;

    r->doubt_from = from > size - RECOVERY_UNSYNCED_BYTES ? from : size - RECOVERY_UNSYNCED_BYTES;
    r->end = -1;
    r->lines_behind = 0;
    for (;;) {
        size_t searched = block.len;
        size_t whole;

        strbuf_reserve(&block, BLOCK_BYTES);
        n = pread(fd, block.data + block.len, BLOCK_BYTES, (off_t)(at + (int64_t)block.len));
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break;
        block.len += (size_t)n;
        r->report->scanned_bytes += n;
        whole = apply_lines(r, &block, searched, at);
        if (whole == 0)
            continue;
        memmove(block.data, block.data + whole, block.len - whole);
        strbuf_cut(&block, block.len - whole);
        at += (int64_t)whole;
    }
    strbuf_release(&block);
    if (n < 0)
        return -1;
    return r->end >= 0 ? r->end : at;
}

/* ---- what is not trusted ---- */

static int move_aside(struct recovery *r, int fd, int64_t from, int64_t size, struct err *e)
{
    int rc;

    while ((rc = torn_move(r->path, fd, from, size, &r->report->torn_path, e)) == 0)
        if (!r->patience->wait || !r->patience->wait(r->patience->ctx, e))
            return -1;
    if (rc < 0)
        return -1;
    r->report->torn_bytes += size - from;
    r->report->torn_lines += r->lines_behind;
    *e = (struct err){0};
    return 0;
}

/* ---- a journal that was renamed ---- */

/* The file that the sidecar speaks of. A rotation may have renamed it while the tracker still wrote
 * to it: then its last lines count too, and it may end within one. */
static int scan_named(struct recovery *r, int fd, const struct rotated_file *file, struct err *e)
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
static int scan_later(struct recovery *r, int fd, const struct rotated_file *file, struct err *e)
{
    r->is_only_forward = true;
    if (settle_on_disk(fd) < 0 || scan_file(r, fd, 0, file->st.st_size) < 0)
        err_set(e, ERR_RUNTIME, "%s: %s", file->path, strerror(errno));
    r->is_only_forward = false;
    return e->kind == ERR_NONE ? 0 : -1;
}

static int scan_one(struct recovery *r, const struct rotated_file *file, struct err *e)
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
    struct rotated found = {0};
    struct stat sidecar = {0};
    char *real_path;
    int rc = 0;

    if (stat(sidecar_path, &sidecar) < 0)
        return err_set(e, ERR_RUNTIME, "%s: %s", sidecar_path, strerror(errno));
    real_path = realpath(r->path, NULL);
    rotated_find((const char *const[]){r->path, real_path, r->state->path}, 3, own, &named,
                 &sidecar.st_mtim, &found);
    free(real_path);
    for (size_t i = 0; i < found.count && rc == 0; i++)
        rc = scan_one(r, &found.files[i], e);
    rotated_release(&found);
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
