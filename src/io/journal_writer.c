#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/wake.h"
#include "io/journal_internal.h"
#include "io/recovery.h"
#include "model/journal_line.h"

#define SYNC_BYTES       ((size_t)4 << 20) /* enough lines for an fsync under `group` */
#define RETRY_MS         200               /* when there is no room, or no file */
#define SAVE_INTERVAL_MS 1000              /* of the sidecar */

static int64_t now_ms(void)
{
    return clock_mono_ms(clock_system());
}

/* ---- the status ---- */

static void set_state(struct journal *j, enum journal_state state, const struct err *why)
{
    pthread_mutex_lock(&j->lock);
    j->state = state;
    if (state != JOURNAL_RUNNING)
        j->why = *why;
    pthread_mutex_unlock(&j->lock);
    wake_up(j->wake_fd);
}

static void warn(struct journal *j, const struct err *warning)
{
    pthread_mutex_lock(&j->lock);
    j->warning = *warning;
    pthread_mutex_unlock(&j->lock);
}

static void set_loss(struct journal *j, const struct err *loss)
{
    pthread_mutex_lock(&j->lock);
    j->loss = *loss;
    pthread_mutex_unlock(&j->lock);
    wake_up(j->wake_fd);
}

static void set_reopened(struct journal *j)
{
    pthread_mutex_lock(&j->lock);
    j->was_reopened = true;
    pthread_mutex_unlock(&j->lock);
    wake_up(j->wake_fd);
}

/* All that was written is durable, after an fsync that took so long. */
static void set_durable(struct journal *j, int64_t took_ms)
{
    pthread_mutex_lock(&j->lock);
    j->durable = j->last_written;
    j->buffered_bytes -= j->unsynced_bytes;
    if (took_ms > j->fsync_ms_max)
        j->fsync_ms_max = took_ms;
    pthread_mutex_unlock(&j->lock);
    wake_up(j->wake_fd);
}

/* ---- the queue ---- */

/* What the thread has to do next. */
struct turn {
    struct journal_batch *batch; /* the thread's own now; NULL if none */
    bool is_flush;               /* nothing follows the batch, and somebody waits for it */
    bool is_last;                /* nothing follows for good */
};

/* Under the lock. */
static struct journal_batch *take_first(struct journal *j)
{
    struct journal_batch *b = j->first;

    if (b) {
        j->first = b->next;
        if (!j->first)
            j->last = NULL;
    }
    return b;
}

/* Returns false when it is later than that. Under the lock. */
static bool wait_until(struct journal *j, int64_t until_ms)
{
    const struct timespec until = {.tv_sec = until_ms / 1000,
                                   .tv_nsec = until_ms % 1000 * 1000000L};

    return pthread_cond_timedwait(&j->changed, &j->lock, &until) != ETIMEDOUT;
}

/* Waits for a batch, the close, a poke, or that time; for a flush only when there is something to
 * be synced, else that stays for the batch to come. */
static struct turn take_turn(struct journal *j, int64_t until_ms)
{
    struct turn turn = {0};

    pthread_mutex_lock(&j->lock);
    while (!j->first && !j->is_closing && !j->is_poked && !(j->is_flush_asked && j->is_unsynced))
        if (!wait_until(j, until_ms))
            break;
    j->is_poked = false;
    turn.batch = take_first(j);
    turn.is_last = j->is_closing && !j->first;
    turn.is_flush = (j->is_flush_asked || j->is_closing) && !j->first;
    if (turn.is_flush)
        j->is_flush_asked = false;
    pthread_mutex_unlock(&j->lock);
    return turn;
}

/* Its buffer may serve the next one. */
static void end_batch(struct journal *j, struct journal_batch *batch)
{
    strbuf_reset(&batch->lines);
    pthread_mutex_lock(&j->lock);
    if (!j->spare.data) {
        j->spare = batch->lines;
        batch->lines = (struct strbuf){0};
    }
    pthread_mutex_unlock(&j->lock);
    journal_batch_free(batch);
}

/* Takes all JOURNAL_REOPEN out, for a thread that cannot come to them. Returns whether there were
 * any. */
static bool take_reopen(struct journal *j)
{
    struct journal_batch **at = &j->first;
    struct journal_batch *last = NULL;
    bool was_asked = false;

    pthread_mutex_lock(&j->lock);
    while (*at) {
        struct journal_batch *b = *at;

        if (b->work == JOURNAL_REOPEN) {
            *at = b->next;
            journal_batch_free(b);
            was_asked = true;
        } else {
            last = b;
            at = &b->next;
        }
    }
    j->last = last;
    pthread_mutex_unlock(&j->lock);
    return was_asked;
}

/* Returns false at once when the journal is closing. */
static bool sleep_ms(struct journal *j, int64_t ms)
{
    int64_t until_ms = now_ms() + ms;
    bool go_on;

    pthread_mutex_lock(&j->lock);
    while (!j->is_closing && wait_until(j, until_ms))
        ;
    go_on = !j->is_closing;
    pthread_mutex_unlock(&j->lock);
    return go_on;
}

/* ---- positions and the sidecar ---- */

static void note_written(struct journal *j, const struct journal_batch *b)
{
    pthread_mutex_lock(&j->lock);
    journal_apply_marks(j, &j->written, b->marks, b->mark_count);
    j->is_unsaved = true;
    pthread_mutex_unlock(&j->lock);
}

static void apply_line(struct checkpoint *positions, const char *text, size_t len)
{
    struct journal_line line;
    char *topic;

    if (journal_line_parse(&line, text, len) < 0)
        return;
    topic = mem_strndup(line.topic.text, line.topic.len);
    checkpoint_apply(checkpoint_find(positions, topic, line.partition), &line);
    free(topic);
}

/* The same for whole lines of a batch whose rest is not written yet. */
static void note_written_lines(struct journal *j, const char *lines, size_t len)
{
    assert(lines || len == 0);
    pthread_mutex_lock(&j->lock);
    while (len > 0) {
        const char *newline = memchr(lines, '\n', len);
        size_t line_len;

        assert(newline);
        line_len = (size_t)(newline - lines);
        apply_line(&j->written, lines, line_len);
        lines = newline + 1;
        len -= line_len + 1;
    }
    j->is_unsaved = true;
    pthread_mutex_unlock(&j->lock);
}

static void set_unsaved(struct journal *j)
{
    pthread_mutex_lock(&j->lock);
    j->is_unsaved = true;
    pthread_mutex_unlock(&j->lock);
}

/* The monotonic time when the sidecar is to be saved, or -1. */
static int64_t save_due_ms(struct journal *j)
{
    bool is_unsaved;

    pthread_mutex_lock(&j->lock);
    is_unsaved = j->is_unsaved;
    pthread_mutex_unlock(&j->lock);
    return is_unsaved ? j->saved_ms + SAVE_INTERVAL_MS : -1;
}

static int write_sidecar(struct journal *j, struct checkpoint *state, struct err *e)
{
    if (recovery_identify(j->file.fd, state) < 0)
        return err_set(e, ERR_RUNTIME, "%s: %s", j->file.path, strerror(errno));
    return sidecar_write(j->sidecar_path, state, &j->saved_file, e);
}

/* The whole file must be what was written, and durable. A sidecar that cannot be written is no
 * reason to stop: a restart only reads more; it is due again then. */
static void save(struct journal *j, bool is_clean)
{
    struct checkpoint copy = {0};
    struct err e = {0};

    pthread_mutex_lock(&j->lock);
    checkpoint_copy(&copy, &j->written);
    j->is_unsaved = false;
    pthread_mutex_unlock(&j->lock);
    copy.is_clean = is_clean;
    free(copy.path);
    copy.path = j->file.real_path ? mem_strdup(j->file.real_path) : NULL;
    if (write_sidecar(j, &copy, &e) < 0) {
        set_unsaved(j);
        warn(j, &e);
    }
    j->saved_ms = now_ms();
    checkpoint_release(&copy);
}

/* A sidecar that somebody deleted or replaced is due. */
static void check_sidecar(struct journal *j)
{
    const struct stat *saved = &j->saved_file;
    struct stat st = {0};

    if (stat(j->sidecar_path, &st) < 0 || st.st_ino != saved->st_ino ||
        st.st_dev != saved->st_dev || st.st_size != saved->st_size ||
        st.st_mtim.tv_sec != saved->st_mtim.tv_sec || st.st_mtim.tv_nsec != saved->st_mtim.tv_nsec)
        set_unsaved(j);
}

/* ---- the file ---- */

static int fail(struct journal *j, const struct err *e)
{
    set_state(j, JOURNAL_FAILED, e);
    return -1;
}

/* Returns 0, or -1 when the journal failed. */
static int sync_to_disk(struct journal *j)
{
    struct err e = {0};

    if (j->fsync != JOURNAL_FSYNC_NEVER && journal_file_sync(&j->file, &e) < 0)
        return fail(j, &e);
    return 0;
}

static void warn_torn(struct journal *j, const struct strbuf *moved_to)
{
    struct err e = {0};

    if (moved_to->len == 0)
        return;
    err_set(&e, ERR_RUNTIME, "%s: a torn line at its end was moved to %s", j->file.path,
            moved_to->data);
    warn(j, &e);
}

/* Goes over to the file that the path names, after the old one was synced. The sidecar speaks of
 * the old file to its last byte before the new one is begun, so that a crash in between forgets
 * nothing; not while lines of a deleted file wait to be written again. Returns whether the new
 * one is open. */
static bool change_file(struct journal *j)
{
    struct strbuf moved_to = {0};
    struct err e = {0};
    int rc;

    if (j->rescued.len == 0)
        save(j, false);
    rc = journal_file_reopen(&j->file, &moved_to, &e);
    if (rc > 0 && j->rescued.len == 0)
        save(j, false);
    warn_torn(j, &moved_to);
    strbuf_release(&moved_to);
    if (rc < 0) {
        err_wrap(&e, "the file that was open before goes on");
        warn(j, &e);
    }
    return rc >= 0;
}

static void block(struct journal *j, const struct err *why)
{
    j->is_blocked = true;
    set_state(j, JOURNAL_BLOCKED, why);
}

static void unblock(struct journal *j)
{
    if (j->is_blocked)
        set_state(j, JOURNAL_RUNNING, NULL);
    j->is_blocked = false;
}

static void tell_loss(struct journal *j)
{
    struct err e = {0};
    size_t lines = 0;

    for (size_t i = 0; i < j->rescued.len; i++)
        lines += j->rescued.data[i] == '\n';
    err_set(&e, ERR_RUNTIME, "%s: lines written to it since are kept: %zu", j->file.path, lines);
    set_loss(j, &e);
}

/* The file was deleted, so nothing that is written to it will last: the lines that it got since are
 * the first of a new one. Waits until there is one. Returns 0, or -1 when the journal is closed. */
static int replace_file(struct journal *j)
{
    struct strbuf lines = {0};
    struct strbuf moved_to = {0};
    struct err e = {0};

    while (journal_file_replace(&j->file, &lines, &moved_to, &e) < 0) {
        err_wrap(&e, "it was deleted or replaced and cannot be opened again");
        block(j, &e);
        strbuf_reset(&lines);
        if (!sleep_ms(j, RETRY_MS))
            return -1;
    }
    /* What was rescued before and did not get into the file that is gone now follows. */
    strbuf_add(&lines, strbuf_text(&j->rescued) + j->rescued_done,
               j->rescued.len - j->rescued_done);
    strbuf_release(&j->rescued);
    j->rescued = lines;
    j->rescued_done = 0;
    tell_loss(j);
    warn_torn(j, &moved_to);
    strbuf_release(&moved_to);
    return 0;
}

/* Nobody sent the SIGHUP that follows a rotation. */
static int follow_name(struct journal *j)
{
    struct err e = {0};

    if (sync_to_disk(j) < 0)
        return -1;
    if (!change_file(j))
        return 0;
    err_set(&e, ERR_RUNTIME, "%s was renamed and no SIGHUP came, its name is opened again",
            j->file.path);
    warn(j, &e);
    return 0;
}

/* Once a second, at the end of a line: is the file still what the path names? Returns 0, 1 when
 * there is another one whose first lines may wait, or -1 when the journal failed or is closed. */
static int check_file(struct journal *j)
{
    int64_t now = now_ms();

    if (now >= j->file.watch.due_ms)
        check_sidecar(j);
    switch (file_watch_look(&j->file.watch, j->file.path, j->file.fd, now)) {
    case FILE_IN_PLACE:
        return 0;
    case FILE_DELETED:
        return replace_file(j) < 0 ? -1 : 1;
    case FILE_RENAMED:
        return follow_name(j);
    }
    return 0;
}

/* ---- the thread's steps ---- */

/* Appends what fits: first what was rescued. Returns as journal_file_append. */
static int append(struct journal *j, const char *bytes, size_t len, size_t *done, struct err *e)
{
    int rc;

    j->is_unsynced |= j->rescued.len > 0 || len > 0;
    rc = journal_file_append(&j->file, j->rescued.data, j->rescued.len, &j->rescued_done, e);
    if (rc <= 0)
        return rc;
    strbuf_release(&j->rescued);
    j->rescued_done = 0;
    return journal_file_append(&j->file, bytes, len, done, e);
}

/* The disk is full in the middle of a batch: its rest may as well go to another file, if a rotation
 * or a deletion wants to make room. Returns 0, or -1 when the journal failed or is closed. */
static int change_when_full(struct journal *j)
{
    if (!take_reopen(j))
        return check_file(j) < 0 ? -1 : 0;
    if (sync_to_disk(j) < 0)
        return -1;
    if (change_file(j))
        set_reopened(j);
    return 0;
}

/* Writes all bytes, and before them what was rescued. Returns 0, or -1 when the journal failed
 * or is closed while the disk is full. */
static int write_lines(struct journal *j, const char *bytes, size_t len)
{
    struct err e = {0};
    size_t done = 0;
    size_t noted = 0;
    int rc;

    while ((rc = append(j, bytes, len, &done, &e)) == 0) {
        if (!j->is_blocked)
            block(j, &e);
        note_written_lines(j, bytes + noted, done - noted);
        noted = done;
        if (!sleep_ms(j, RETRY_MS) || change_when_full(j) < 0)
            return -1;
    }
    if (rc < 0)
        return fail(j, &e);
    unblock(j);
    return 0;
}

/* What is durable has to be in a file with a name. */
static int sync_file(struct journal *j)
{
    int64_t began = now_ms();
    int64_t took;

    for (;;) {
        if (write_lines(j, NULL, 0) < 0 || (j->is_unsynced && sync_to_disk(j) < 0))
            return -1;
        if (!j->is_unsynced || !file_watch_is_deleted(&j->file.watch, j->file.fd))
            break;
        if (replace_file(j) < 0)
            return -1;
    }
    took = now_ms() - began;
    j->sync_ms = took;
    set_durable(j, took);
    j->unsynced_bytes = 0;
    j->is_unsynced = false;
    return 0;
}

static bool is_save_due(struct journal *j)
{
    int64_t due_ms = save_due_ms(j);

    return due_ms >= 0 && !j->is_unsynced && now_ms() >= due_ms;
}

/* So early that the first line is durable when its time is over, not only then begun. A disk that
 * is slower than that would be kept busy for nothing. */
static int64_t sync_due_ms(const struct journal *j)
{
    int64_t early = j->sync_ms < j->fsync_interval_ms / 2 ? j->sync_ms : 0;

    return j->unsynced_since_ms + j->fsync_interval_ms - early;
}

static bool is_sync_due(const struct journal *j, bool is_flush)
{
    if (!j->is_unsynced)
        return false;
    return is_flush || j->fsync != JOURNAL_FSYNC_GROUP || j->unsynced_bytes >= SYNC_BYTES ||
           now_ms() >= sync_due_ms(j);
}

static int reopen_file(struct journal *j)
{
    if (sync_file(j) < 0)
        return -1;
    if (change_file(j))
        set_reopened(j);
    return 0;
}

/* A batch may have waited for the sidecar or for a slow write. A backlog of such batches is still
 * synced in groups. */
static int64_t waits_since_ms(const struct journal *j, const struct journal_batch *b)
{
    int64_t latest = now_ms() - j->fsync_interval_ms / 2;

    return b->pushed_ms > latest ? b->pushed_ms : latest;
}

/* With the next line offsets may go back: the state is to say first that they are another
 * cluster's. */
static int begin_cluster(struct journal *j, const char *cluster_id)
{
    bool is_other;

    pthread_mutex_lock(&j->lock);
    is_other = checkpoint_set_cluster(&j->written, cluster_id);
    j->is_unsaved = true;
    pthread_mutex_unlock(&j->lock);
    if (!is_other)
        return 0;
    if (sync_file(j) < 0)
        return -1;
    save(j, false);
    return 0;
}

static int do_lines(struct journal *j, const struct journal_batch *b)
{
    if (!j->is_unsynced)
        j->unsynced_since_ms = waits_since_ms(j, b);
    if (write_lines(j, b->lines.data, b->lines.len) < 0)
        return -1;
    j->unsynced_bytes += b->lines.len;
    j->last_written = b->number;
    note_written(j, b);
    return is_sync_due(j, false) ? sync_file(j) : 0;
}

static int do_batch(struct journal *j, const struct journal_batch *b)
{
    switch (b->work) {
    case JOURNAL_LINES:
        return do_lines(j, b);
    case JOURNAL_REOPEN:
        return reopen_file(j);
    case JOURNAL_CLUSTER:
        return begin_cluster(j, strbuf_text(&b->lines));
    }
    return 0;
}

/* ---- the thread ---- */

/* When there is something to do even if nothing comes. */
static int64_t next_time_ms(struct journal *j)
{
    int64_t look_ms = j->file.watch.due_ms;
    int64_t due_ms = j->is_unsynced ? sync_due_ms(j) : save_due_ms(j);

    return due_ms >= 0 && due_ms < look_ms ? due_ms : look_ms;
}

void *journal_writer_run(void *journal)
{
    struct journal *j = journal;

    for (;;) {
        struct turn turn = take_turn(j, next_time_ms(j));
        int rc = 0;

        if (turn.batch) {
            rc = do_batch(j, turn.batch);
            end_batch(j, turn.batch);
        }
        if (rc == 0)
            rc = check_file(j);
        if (rc > 0 || (rc == 0 && is_sync_due(j, turn.is_flush)))
            rc = sync_file(j);
        if (rc == 0 && is_save_due(j))
            save(j, false);
        if (rc == 0 && turn.is_last)
            save(j, true);
        if (rc < 0 || turn.is_last)
            return NULL;
    }
}
