#include "io/journal.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/rng.h"
#include "io/disk.h"
#include "io/journal_internal.h"

/* ---- positions ---- */

void journal_apply_marks(const struct journal *j, struct checkpoint *positions,
                         const struct journal_mark *marks, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct checkpoint_entry *entry = checkpoint_find(positions, j->topic, marks[i].partition);

        entry->next = marks[i].next;
        entry->timestamp_ms = marks[i].timestamp_ms;
        entry->rewind_end = marks[i].rewind_end;
        if (marks[i].is_reset)
            entry->committed = -1;
    }
}

/* ---- the queue ---- */

static struct journal_batch *batch_new(enum journal_work work)
{
    struct journal_batch *b = mem_alloc(sizeof(*b));

    b->work = work;
    b->pushed_ms = clock_mono_ms(clock_system());
    return b;
}

void journal_batch_free(struct journal_batch *b)
{
    strbuf_release(&b->lines);
    free(b->marks);
    free(b);
}

/* Under the lock. */
static void push(struct journal *j, struct journal_batch *b)
{
    if (j->last)
        j->last->next = b;
    else
        j->first = b;
    j->last = b;
    pthread_cond_signal(&j->changed);
}

/* Copies the marks. */
static struct journal_batch *batch_of_lines(uint64_t number, const struct journal_mark *marks,
                                            size_t mark_count)
{
    struct journal_batch *b = batch_new(JOURNAL_LINES);

    b->number = number;
    b->marks = mem_alloc_array(mark_count, sizeof(*marks));
    b->mark_count = mark_count;
    if (mark_count)
        memcpy(b->marks, marks, mark_count * sizeof(*marks));
    return b;
}

static void set_flag(struct journal *j, bool *flag)
{
    pthread_mutex_lock(&j->lock);
    *flag = true;
    pthread_cond_signal(&j->changed);
    pthread_mutex_unlock(&j->lock);
}

/* ---- the port ---- */

/* The buffer goes, one with memory comes in its place. */
static uint64_t submit(void *self, struct strbuf *lines, const struct journal_mark *marks,
                       size_t mark_count)
{
    struct journal *j = self;
    struct journal_batch *b = batch_of_lines(++j->last_batch, marks, mark_count);

    assert(lines->len > 0 && lines->data[lines->len - 1] == '\n');
    pthread_mutex_lock(&j->lock);
    journal_apply_marks(j, &j->submitted, marks, mark_count);
    j->buffered_bytes += lines->len;
    b->lines = *lines;
    *lines = j->spare;
    j->spare = (struct strbuf){0};
    push(j, b);
    pthread_mutex_unlock(&j->lock);
    return j->last_batch;
}

static uint64_t durable(void *self)
{
    struct journal *j = self;
    uint64_t n;

    pthread_mutex_lock(&j->lock);
    n = j->durable;
    pthread_mutex_unlock(&j->lock);
    return n;
}

static size_t buffered_bytes(void *self)
{
    struct journal *j = self;
    size_t n;

    pthread_mutex_lock(&j->lock);
    n = j->buffered_bytes;
    pthread_mutex_unlock(&j->lock);
    return n;
}

static enum journal_state state(void *self, struct err *e)
{
    struct journal *j = self;
    enum journal_state now;

    pthread_mutex_lock(&j->lock);
    now = j->state;
    if (now != JOURNAL_RUNNING)
        *e = j->why;
    pthread_mutex_unlock(&j->lock);
    return now;
}

static void flush_soon(void *self)
{
    struct journal *j = self;

    set_flag(j, &j->is_flush_asked);
}

static void reopen(void *self)
{
    struct journal *j = self;
    struct journal_batch *b = batch_new(JOURNAL_REOPEN);

    pthread_mutex_lock(&j->lock);
    push(j, b);
    pthread_mutex_unlock(&j->lock);
}

static void position(void *self, int32_t partition, struct journal_position *p)
{
    struct journal *j = self;
    const struct checkpoint_entry *entry;

    pthread_mutex_lock(&j->lock);
    entry = checkpoint_find(&j->submitted, j->topic, partition);
    *p = (struct journal_position){.next = entry->next,
                                   .committed = entry->committed,
                                   .rewind_end = entry->rewind_end,
                                   .timestamp_ms = entry->timestamp_ms};
    pthread_mutex_unlock(&j->lock);
}

static void note_commit(void *self, int32_t partition, int64_t committed)
{
    struct journal *j = self;

    pthread_mutex_lock(&j->lock);
    checkpoint_find(&j->submitted, j->topic, partition)->committed = committed;
    checkpoint_find(&j->written, j->topic, partition)->committed = committed;
    j->is_unsaved = true;
    j->is_poked = true;
    pthread_cond_signal(&j->changed);
    pthread_mutex_unlock(&j->lock);
}

struct journal_port journal_port(struct journal *j)
{
    return (struct journal_port){
        .self = j,
        .submit = submit,
        .durable = durable,
        .buffered_bytes = buffered_bytes,
        .state = state,
        .flush_soon = flush_soon,
        .reopen = reopen,
        .position = position,
        .note_commit = note_commit,
    };
}

/* ---- beside the port ---- */

/* The submitted positions keep it as long as the journal lives. */
const char *journal_instance_id(const struct journal *j)
{
    return j->submitted.instance_id;
}

bool journal_set_cluster(struct journal *j, const char *cluster_id)
{
    struct journal_batch *b = batch_new(JOURNAL_CLUSTER);
    bool is_other;

    strbuf_adds(&b->lines, cluster_id);
    pthread_mutex_lock(&j->lock);
    push(j, b);
    is_other = checkpoint_set_cluster(&j->submitted, cluster_id);
    pthread_mutex_unlock(&j->lock);
    return is_other;
}

int64_t journal_take_fsync_ms_max(struct journal *j)
{
    int64_t ms;

    pthread_mutex_lock(&j->lock);
    ms = j->fsync_ms_max;
    j->fsync_ms_max = 0;
    pthread_mutex_unlock(&j->lock);
    return ms;
}

static bool take(struct journal *j, struct err *from, struct err *e)
{
    pthread_mutex_lock(&j->lock);
    *e = *from;
    *from = (struct err){0};
    pthread_mutex_unlock(&j->lock);
    return e->kind != ERR_NONE;
}

bool journal_take_warning(struct journal *j, struct err *e)
{
    return take(j, &j->warning, e);
}

bool journal_take_loss(struct journal *j, struct err *e)
{
    return take(j, &j->loss, e);
}

bool journal_take_reopened(struct journal *j)
{
    bool was;

    pthread_mutex_lock(&j->lock);
    was = j->was_reopened;
    j->was_reopened = false;
    pthread_mutex_unlock(&j->lock);
    return was;
}

/* ---- life ---- */

static void init_lock(struct journal *j)
{
    pthread_condattr_t attr;

    pthread_mutex_init(&j->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&j->changed, &attr);
    pthread_condattr_destroy(&attr);
}

static struct journal *journal_new(const struct journal_options *options)
{
    struct journal *j = mem_alloc(sizeof(*j));
    struct strbuf sidecar_path = {0};

    strbuf_addf(&sidecar_path, "%s.state", options->path);
    *j = (struct journal){
        .fsync = options->fsync,
        .fsync_interval_ms = options->fsync_interval_ms,
        .patience = options->patience,
        .wake_fd = options->wake_fd,
        .topic = mem_strdup(options->topic),
        .sidecar_path = strbuf_take(&sidecar_path),
        .is_unsaved = true,
    };
    init_lock(j);
    return j;
}

/* Batches that were never taken go too. */
static void journal_free(struct journal *j)
{
    for (struct journal_batch *b = j->first, *next; b; b = next) {
        next = b->next;
        journal_batch_free(b);
    }
    strbuf_release(&j->spare);
    checkpoint_release(&j->submitted);
    checkpoint_release(&j->written);
    journal_file_close(&j->file);
    strbuf_release(&j->rescued);
    pthread_cond_destroy(&j->changed);
    pthread_mutex_destroy(&j->lock);
    free(j->topic);
    free(j->sidecar_path);
    free(j);
}

/* Brings the file into order and starts the thread. */
static int begin(struct journal *j, struct recovery_report *report, struct err *e)
{
    struct checkpoint *found = &j->written;
    int rc;

    if (recovery_run(j->file.path, j->sidecar_path, j->file.fd, &j->patience, found, report, e) < 0)
        return -1;
    if (!*found->instance_id)
        snprintf(found->instance_id, sizeof(found->instance_id), "tracker-%016" PRIx64,
                 rng_random_seed());
    checkpoint_copy(&j->submitted, found);
    rc = pthread_create(&j->thread, NULL, journal_writer_run, j);
    return rc ? err_set(e, ERR_RUNTIME, "journal thread: %s", strerror(rc)) : 0;
}

/* A full disk may have no room for one more file. */
static int open_file(struct journal *j, const char *path, struct err *e)
{
    const struct recovery_patience *p = &j->patience;
    struct err why = {0};

    while (journal_file_open(&j->file, path, &why) < 0) {
        if (!disk_is_full(errno) || !p->wait || !p->wait(p->ctx, &why))
            return err_set(e, why.kind, "%s", why.text);
        journal_file_close(&j->file);
    }
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
    set_flag(j, &j->is_closing);
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
