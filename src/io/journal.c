#include "io/journal.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/strbuf.h"
#include "io/disk.h"
#include "io/journal_file.h"
#include "io/journal_progress.h"
#include "io/journal_queue.h"
#include "io/journal_standing.h"

#define SYNC_BYTES ((size_t)4 << 20) /* enough lines for an fsync under `group` */
#define RETRY_MS   200               /* when there is no room, or no file */

struct journal {
    enum journal_fsync fsync;
    int64_t fsync_interval_ms;
    struct recovery_patience patience;
    pthread_t thread;
    bool is_finished; /* the thread has ended */
    struct journal_queue queue;
    struct journal_progress progress;
    struct journal_standing standing;

    /* The flow thread's own. */
    uint64_t submitted;

    /* The journal's thread's own. */
    struct journal_file file;
    bool is_unsynced;      /* the file holds lines that are not durable */
    size_t unsynced_bytes; /* of those, what was handed over and counts as buffered */
    int64_t unsynced_since_ms;
    int64_t sync_ms; /* how long the last fsync took */
    uint64_t written;
    bool is_blocked;
    struct strbuf rescued; /* of a deleted file: to be written before all else */
    size_t rescued_done;   /* so much of it is */
};

static int64_t now_ms(void)
{
    return clock_mono_ms(clock_system());
}

/* ---- the file ---- */

static int fail(struct journal *j, const struct err *e)
{
    journal_standing_set(&j->standing, JOURNAL_FAILED, e);
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

/* A sidecar that cannot be written is no reason to stop: a restart only reads more. */
static void save_progress(struct journal *j, bool is_clean)
{
    struct err e = {0};

    if (journal_progress_save(&j->progress, &j->file, is_clean, &e) < 0)
        journal_standing_warn(&j->standing, &e);
}

static void warn_torn(struct journal *j, const struct strbuf *moved_to)
{
    struct err e = {0};

    if (moved_to->len == 0)
        return;
    err_set(&e, ERR_RUNTIME, "%s: a torn line at its end was moved to %s", j->file.path,
            moved_to->data);
    journal_standing_warn(&j->standing, &e);
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
        save_progress(j, false);
    rc = journal_file_reopen(&j->file, &moved_to, &e);
    if (rc > 0 && j->rescued.len == 0)
        save_progress(j, false);
    warn_torn(j, &moved_to);
    strbuf_release(&moved_to);
    if (rc < 0) {
        err_wrap(&e, "the file that was open before goes on");
        journal_standing_warn(&j->standing, &e);
    }
    return rc >= 0;
}

static void block(struct journal *j, const struct err *why)
{
    j->is_blocked = true;
    journal_standing_set(&j->standing, JOURNAL_BLOCKED, why);
}

static void unblock(struct journal *j)
{
    if (j->is_blocked)
        journal_standing_set(&j->standing, JOURNAL_RUNNING, NULL);
    j->is_blocked = false;
}

static void tell_loss(struct journal *j)
{
    struct err e = {0};
    size_t lines = 0;

    for (size_t i = 0; i < j->rescued.len; i++)
        lines += j->rescued.data[i] == '\n';
    err_set(&e, ERR_RUNTIME, "%s: lines written to it since are kept: %zu", j->file.path, lines);
    journal_standing_set_loss(&j->standing, &e);
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
        if (!journal_queue_sleep(&j->queue, RETRY_MS))
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
    journal_standing_warn(&j->standing, &e);
    return 0;
}

/* Once a second, at the end of a line: is the file still what the path names? Returns 0, 1 when
 * there is another one whose first lines may wait, or -1 when the journal failed or is closed. */
static int check_file(struct journal *j)
{
    int64_t now = now_ms();

    if (now >= j->file.watch.due_ms)
        journal_progress_check(&j->progress);
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
    if (!journal_queue_take_reopen(&j->queue))
        return check_file(j) < 0 ? -1 : 0;
    if (sync_to_disk(j) < 0)
        return -1;
    if (change_file(j))
        journal_standing_set_reopened(&j->standing);
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
        journal_progress_write_lines(&j->progress, bytes + noted, done - noted);
        noted = done;
        if (!journal_queue_sleep(&j->queue, RETRY_MS) || change_when_full(j) < 0)
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
    journal_standing_set_durable(&j->standing, j->written, j->unsynced_bytes, took);
    j->unsynced_bytes = 0;
    j->is_unsynced = false;
    return 0;
}

static bool is_save_due(struct journal *j)
{
    int64_t due_ms = journal_progress_due_ms(&j->progress);

    return due_ms >= 0 && !j->is_unsynced && now_ms() >= due_ms;
}

/* So early that the first line is durable when its time is over, not only then begun. A disk that
 * is slower than that would be kept busy for nothing. */
static int64_t sync_due_ms(const struct journal *j)
{
    int64_t early = j->sync_ms < j->fsync_interval_ms / 2 ? j->sync_ms : 0;

    return j->unsynced_since_ms + j->fsync_interval_ms - early;
}

static bool is_sync_due(const struct journal *j, bool is_hurried)
{
    if (!j->is_unsynced)
        return false;
    return is_hurried || j->fsync != JOURNAL_FSYNC_GROUP || j->unsynced_bytes >= SYNC_BYTES ||
           now_ms() >= sync_due_ms(j);
}

static int reopen_file(struct journal *j)
{
    if (sync_file(j) < 0)
        return -1;
    if (change_file(j))
        journal_standing_set_reopened(&j->standing);
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
    if (!journal_progress_write_cluster(&j->progress, cluster_id))
        return 0;
    if (sync_file(j) < 0)
        return -1;
    save_progress(j, false);
    return 0;
}

static int do_lines(struct journal *j, const struct journal_batch *b)
{
    if (!j->is_unsynced)
        j->unsynced_since_ms = waits_since_ms(j, b);
    if (write_lines(j, b->lines.data, b->lines.len) < 0)
        return -1;
    j->unsynced_bytes += b->lines.len;
    j->written = b->number;
    journal_progress_write(&j->progress, b->marks, b->mark_count);
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
    int64_t due_ms = j->is_unsynced ? sync_due_ms(j) : journal_progress_due_ms(&j->progress);

    return due_ms >= 0 && due_ms < look_ms ? due_ms : look_ms;
}

static void *run(void *arg)
{
    struct journal *j = arg;

    for (;;) {
        struct journal_turn turn = journal_queue_take(&j->queue, next_time_ms(j), j->is_unsynced);
        int rc = 0;

        if (turn.batch) {
            rc = do_batch(j, turn.batch);
            journal_queue_give_back(&j->queue, turn.batch);
        }
        if (rc == 0)
            rc = check_file(j);
        if (rc > 0 || (rc == 0 && is_sync_due(j, turn.is_hurried)))
            rc = sync_file(j);
        if (rc == 0 && is_save_due(j))
            save_progress(j, false);
        if (rc == 0 && turn.is_last)
            save_progress(j, true);
        if (rc < 0 || turn.is_last)
            return NULL;
    }
}

/* ---- the port ---- */

static uint64_t submit(void *self, struct strbuf *lines, const struct journal_mark *marks,
                       size_t mark_count)
{
    struct journal *j = self;

    assert(lines->len > 0 && lines->data[lines->len - 1] == '\n');
    journal_progress_tell(&j->progress, marks, mark_count);
    journal_standing_add(&j->standing, lines->len);
    journal_queue_push(&j->queue, ++j->submitted, lines, marks, mark_count);
    return j->submitted;
}

static uint64_t durable(void *self)
{
    struct journal *j = self;

    return journal_standing_durable(&j->standing);
}

static size_t buffered_bytes(void *self)
{
    struct journal *j = self;

    return journal_standing_buffered_bytes(&j->standing);
}

static enum journal_state state(void *self, struct err *e)
{
    struct journal *j = self;

    return journal_standing_get(&j->standing, e);
}

static void hurry(void *self)
{
    struct journal *j = self;

    journal_queue_hurry(&j->queue);
}

static void reopen(void *self)
{
    struct journal *j = self;

    journal_queue_push_reopen(&j->queue);
}

static void position(void *self, int32_t partition, struct journal_position *p)
{
    struct journal *j = self;

    journal_progress_position(&j->progress, partition, p);
}

static void note_commit(void *self, int32_t partition, int64_t committed)
{
    struct journal *j = self;

    journal_progress_commit(&j->progress, partition, committed);
    journal_queue_poke(&j->queue);
}

struct journal_port journal_port(struct journal *j)
{
    return (struct journal_port){
        .self = j,
        .submit = submit,
        .durable = durable,
        .buffered_bytes = buffered_bytes,
        .state = state,
        .hurry = hurry,
        .reopen = reopen,
        .position = position,
        .note_commit = note_commit,
    };
}

/* ---- beside the port ---- */

const char *journal_instance_id(const struct journal *j)
{
    return j->progress.told.instance_id;
}

bool journal_set_cluster(struct journal *j, const char *cluster_id)
{
    journal_queue_push_cluster(&j->queue, cluster_id);
    return journal_progress_tell_cluster(&j->progress, cluster_id);
}

int64_t journal_take_fsync_ms_max(struct journal *j)
{
    return journal_standing_take_fsync_ms_max(&j->standing);
}

bool journal_take_warning(struct journal *j, struct err *e)
{
    return journal_standing_take_warning(&j->standing, e);
}

bool journal_take_loss(struct journal *j, struct err *e)
{
    return journal_standing_take_loss(&j->standing, e);
}

bool journal_take_reopened(struct journal *j)
{
    return journal_standing_take_reopened(&j->standing);
}

/* ---- life ---- */

static void journal_free(struct journal *j)
{
    journal_queue_release(&j->queue);
    journal_progress_release(&j->progress);
    journal_file_close(&j->file);
    strbuf_release(&j->rescued);
    journal_standing_release(&j->standing);
    free(j);
}

static struct journal *journal_new(const struct journal_options *options)
{
    struct journal *j = mem_alloc(sizeof(*j));

    *j = (struct journal){
        .fsync = options->fsync,
        .fsync_interval_ms = options->fsync_interval_ms,
        .patience = options->patience,
    };
    journal_queue_init(&j->queue);
    journal_progress_init(&j->progress, options->path, options->topic);
    journal_standing_init(&j->standing, options->wake_fd);
    return j;
}

/* Brings the file into order and starts the thread. */
static int begin(struct journal *j, struct recovery_report *report, struct err *e)
{
    struct journal_progress *p = &j->progress;
    int rc;

    if (recovery_run(j->file.path, p->sidecar_path, j->file.fd, &j->patience, &p->written, report,
                     e) < 0)
        return -1;
    journal_progress_begin(p);
    rc = pthread_create(&j->thread, NULL, run, j);
    return rc ? err_set(e, ERR_RUNTIME, "journal thread: %s", strerror(rc)) : 0;
}

/* A full disk may have no room for one more file. */
static int open_file(struct journal *j, const char *path, struct err *e)
{
    const struct recovery_patience *p = &j->patience;

    while (journal_file_open(&j->file, path, e) < 0) {
        if (!disk_is_full(errno) || !p->wait || !p->wait(p->ctx, e))
            return -1;
        journal_file_close(&j->file);
    }
    *e = (struct err){0};
    return 0;
}

struct journal *journal_open(const struct journal_options *options, struct recovery_report *report,
                             struct err *e)
{
    struct journal *j = journal_new(options);

    if (open_file(j, options->path, e) < 0 || begin(j, report, e) < 0) {
        journal_free(j);
        return NULL;
    }
    return j;
}

void journal_finish(struct journal *j)
{
    if (j->is_finished)
        return;
    journal_queue_close(&j->queue);
    pthread_join(j->thread, NULL);
    j->is_finished = true;
}

void journal_close(struct journal *j)
{
    if (!j)
        return;
    journal_finish(j);
    journal_free(j);
}
