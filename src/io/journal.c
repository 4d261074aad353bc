#include "io/journal.h"

#include <assert.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/strbuf.h"
#include "io/journal_file.h"
#include "io/journal_progress.h"
#include "io/journal_queue.h"
#include "io/journal_standing.h"

#define SYNC_BYTES         ((size_t)4 << 20) /* enough lines for an fsync under `group` */
#define FULL_DISK_RETRY_MS 200

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
    size_t unsynced_bytes;
    int64_t unsynced_since_ms;
    int64_t sync_ms; /* how long the last fsync took */
    uint64_t written;
};

static int64_t now_ms(void)
{
    return clock_mono_ms(clock_system());
}

/* ---- the thread's steps ---- */

/* Writes all bytes. Returns 0, or -1 when the journal failed or is closed while the disk is full.
 */
static int write_lines(struct journal *j, const char *bytes, size_t len)
{
    struct err e = {0};
    size_t done = 0;
    bool was_full = false;
    int rc;

    while ((rc = journal_file_append(&j->file, bytes, len, &done, &e)) == 0) {
        if (!was_full)
            journal_standing_set(&j->standing, JOURNAL_BLOCKED, &e);
        was_full = true;
        if (!journal_queue_sleep(&j->queue, FULL_DISK_RETRY_MS))
            return -1;
    }
    if (rc < 0) {
        journal_standing_set(&j->standing, JOURNAL_FAILED, &e);
        return -1;
    }
    if (was_full)
        journal_standing_set(&j->standing, JOURNAL_RUNNING, NULL);
    return 0;
}

static int sync_file(struct journal *j)
{
    int64_t began = now_ms();
    int64_t took;
    struct err e = {0};

    if (j->fsync != JOURNAL_FSYNC_NEVER && j->unsynced_bytes > 0 &&
        journal_file_sync(&j->file, &e) < 0) {
        journal_standing_set(&j->standing, JOURNAL_FAILED, &e);
        return -1;
    }
    took = now_ms() - began;
    j->sync_ms = took;
    journal_standing_set_durable(&j->standing, j->written, j->unsynced_bytes, took);
    j->unsynced_bytes = 0;
    return 0;
}

/* A sidecar that cannot be written is no reason to stop: a restart only reads more. */
static void save_progress(struct journal *j, bool is_clean)
{
    struct err e = {0};

    assert(j->unsynced_bytes == 0);
    if (journal_progress_save(&j->progress, j->file.path, j->file.fd, is_clean, &e) < 0)
        journal_standing_warn(&j->standing, &e);
}

static bool is_save_due(struct journal *j)
{
    int64_t due_ms = journal_progress_due_ms(&j->progress);

    return due_ms >= 0 && j->unsynced_bytes == 0 && now_ms() >= due_ms;
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
    if (j->unsynced_bytes == 0)
        return false;
    return is_hurried || j->fsync != JOURNAL_FSYNC_GROUP || j->unsynced_bytes >= SYNC_BYTES ||
           now_ms() >= sync_due_ms(j);
}

/* The sidecar speaks of the old file to its last byte before the new one is begun, so that a crash
 * in between forgets nothing. */
static int reopen_file(struct journal *j)
{
    struct err e = {0};
    int rc;

    if (sync_file(j) < 0)
        return -1;
    save_progress(j, false);
    rc = journal_file_reopen(&j->file, &e);
    if (rc > 0)
        save_progress(j, false);
    if (rc >= 0) {
        journal_standing_set_reopened(&j->standing);
        return 0;
    }
    err_wrap(&e, "the file that was open before goes on");
    journal_standing_warn(&j->standing, &e);
    return 0;
}

/* A batch may have waited for the sidecar or for a slow write. A backlog of such batches is still
 * synced in groups. */
static int64_t waits_since_ms(const struct journal *j, const struct journal_batch *b)
{
    int64_t latest = now_ms() - j->fsync_interval_ms / 2;

    return b->pushed_ms > latest ? b->pushed_ms : latest;
}

/* With the next line offsets may go back: the state is to say first that they are another cluster's.
 */
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
    if (write_lines(j, b->lines.data, b->lines.len) < 0)
        return -1;
    if (j->unsynced_bytes == 0)
        j->unsynced_since_ms = waits_since_ms(j, b);
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
    int64_t due_ms;

    if (j->unsynced_bytes > 0)
        return sync_due_ms(j);
    due_ms = journal_progress_due_ms(&j->progress);
    return due_ms >= 0 ? due_ms : INT64_MAX / 2;
}

static void *run(void *arg)
{
    struct journal *j = arg;

    for (;;) {
        struct journal_turn turn =
            journal_queue_take(&j->queue, next_time_ms(j), j->unsynced_bytes > 0);
        int rc = 0;

        if (turn.batch) {
            rc = do_batch(j, turn.batch);
            journal_queue_give_back(&j->queue, turn.batch);
        }
        if (rc == 0 && is_sync_due(j, turn.is_hurried))
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

struct journal *journal_open(const struct journal_options *options, struct recovery_report *report,
                             struct err *e)
{
    struct journal *j = journal_new(options);

    if (journal_file_open(&j->file, options->path, e) < 0 || begin(j, report, e) < 0) {
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
