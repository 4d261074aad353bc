#include "io/journal.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/strbuf.h"
#include "io/sidecar.h"

#define SYNC_BYTES         ((size_t)4 << 20) /* enough lines for an fsync under `group` */
#define FULL_DISK_RETRY_MS 200
#define STATE_INTERVAL_MS  1000 /* between two writings of the sidecar */

/* What is handed over, in order. */
struct work {
    struct work *next;
    uint64_t number; /* 0: open the path anew */
    struct strbuf lines;
    struct journal_mark *marks; /* true once the lines are durable */
    size_t mark_count;
};

struct journal {
    char *path;
    char *sidecar_path;
    char *topic;
    enum journal_fsync fsync;
    int64_t fsync_interval_ms;
    int wake_fd;
    pthread_t thread;
    bool is_finished; /* the thread has ended */

    /* The thread's own. */
    int fd;
    size_t unsynced_bytes;
    int64_t unsynced_since_ms;
    uint64_t written;
    int64_t state_written_ms;

    /* Shared, under `lock`. */
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct work *first;
    struct work *last;
    struct strbuf spare; /* an empty buffer with memory, for the next submit */
    uint64_t submitted;
    uint64_t durable;
    size_t buffered_bytes;
    enum journal_state state;
    struct err why;
    struct err warning;
    struct checkpoint told;   /* by all that was handed over */
    struct checkpoint synced; /* by what was written; goes into the sidecar once that is durable */
    bool is_state_old;        /* the sidecar does not say what `synced` says */
    bool is_hurried;
    bool is_closing;
    int64_t fsync_ms_max;
};

static int64_t now_ms(void)
{
    return clock_mono_ms(clock_system());
}

static void wake_flow(struct journal *j)
{
    const uint64_t one = 1;

    /* A full counter is readable already: nothing is lost when this fails. */
    if (j->wake_fd >= 0 && write(j->wake_fd, &one, sizeof(one)) < 0)
        return;
}

/* ---- the file ---- */

static int open_file(const char *path, struct err *e)
{
    int fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NONBLOCK, 0644);
    struct stat st;

    if (fd < 0)
        return err_set(e, ERR_RUNTIME, "%s: %s", path, strerror(errno));
    if (fstat(fd, &st) == 0 && !S_ISREG(st.st_mode)) {
        close(fd);
        return err_set(e, ERR_RUNTIME, "%s: not a regular file", path);
    }
    if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
        err_set(e, ERR_RUNTIME, "%s: %s", path,
                errno == EWOULDBLOCK ? "another tracker writes to it" : strerror(errno));
        close(fd);
        return -1;
    }
    if (sidecar_sync_folder(path) < 0) {
        err_set(e, ERR_RUNTIME, "folder of %s: %s", path, strerror(errno));
        close(fd);
        return -1;
    }
    return fd;
}

/* ---- state ---- */

static void set_state(struct journal *j, enum journal_state state, const char *doing, int error)
{
    pthread_mutex_lock(&j->lock);
    j->state = state;
    if (state != JOURNAL_RUNNING)
        err_set(&j->why, ERR_RUNTIME, "%s %s: %s", doing, j->path, strerror(error));
    pthread_mutex_unlock(&j->lock);
    wake_flow(j);
}

static void add_ms(struct timespec *t, int64_t ms)
{
    t->tv_sec += ms / 1000;
    t->tv_nsec += ms % 1000 * 1000000L;
    if (t->tv_nsec >= 1000000000L) {
        t->tv_sec++;
        t->tv_nsec -= 1000000000L;
    }
}

/* Sleeps a while; returns false when the journal is being closed. */
static bool wait_for_room(struct journal *j)
{
    struct timespec until;
    bool go_on;

    clock_gettime(CLOCK_MONOTONIC, &until);
    add_ms(&until, FULL_DISK_RETRY_MS);
    pthread_mutex_lock(&j->lock);
    while (!j->is_closing && pthread_cond_timedwait(&j->changed, &j->lock, &until) == 0)
        ;
    go_on = !j->is_closing;
    pthread_mutex_unlock(&j->lock);
    return go_on;
}

/* ---- writing ---- */

/* Cuts off the part of a line that was written before the disk was full, so that readers and a
 * restart only ever see whole lines. Whole lines stay: a reader may have them already. Returns how
 * many of the `done` bytes stay, or -1 with errno. */
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

static bool is_full(int error)
{
    return error == ENOSPC || error == EDQUOT;
}

/* Writes all bytes. Returns 0, or -1 when the journal failed or is closed while the disk is full.
 */
static int write_lines(struct journal *j, const char *bytes, size_t len)
{
    size_t done = 0;
    bool was_full = false;

    while (done < len) {
        ssize_t n = write(j->fd, bytes + done, len - done);

        if (n > 0) {
            done += (size_t)n;
            continue;
        }
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && !is_full(errno)) {
            set_state(j, JOURNAL_FAILED, "write", errno);
            return -1;
        }
        if (!was_full)
            set_state(j, JOURNAL_BLOCKED, "write", n < 0 ? errno : ENOSPC);
        was_full = true;
        n = cut_torn_line(j->fd, bytes, done);
        if (n < 0) {
            set_state(j, JOURNAL_FAILED, "cut", errno);
            return -1;
        }
        done = (size_t)n;
        if (!wait_for_room(j))
            return -1;
    }
    if (was_full)
        set_state(j, JOURNAL_RUNNING, NULL, 0);
    return 0;
}

static int sync_file(struct journal *j)
{
    int64_t began = now_ms();
    int64_t took;

    if (j->fsync != JOURNAL_FSYNC_NEVER && j->unsynced_bytes > 0 && fdatasync(j->fd) < 0) {
        /* The kernel may have dropped the pages it could not write: what is on the disk is unknown.
         */
        set_state(j, JOURNAL_FAILED, "fdatasync", errno);
        return -1;
    }
    took = now_ms() - began;
    pthread_mutex_lock(&j->lock);
    j->durable = j->written;
    j->buffered_bytes -= j->unsynced_bytes;
    if (took > j->fsync_ms_max)
        j->fsync_ms_max = took;
    pthread_mutex_unlock(&j->lock);
    j->unsynced_bytes = 0;
    wake_flow(j);
    return 0;
}

static void warn(struct journal *j, const struct err *e)
{
    pthread_mutex_lock(&j->lock);
    j->warning = *e;
    pthread_mutex_unlock(&j->lock);
}

/* Writes the sidecar. All that was written must be durable: then the whole file is what `synced`
 * says. A sidecar that cannot be written is no reason to stop: a restart only reads more of the
 * journal. */
static void write_state(struct journal *j, bool is_clean)
{
    struct checkpoint copy = {0};
    struct err e = {0};

    assert(j->unsynced_bytes == 0);
    pthread_mutex_lock(&j->lock);
    checkpoint_copy(&copy, &j->synced);
    j->is_state_old = false;
    pthread_mutex_unlock(&j->lock);
    copy.is_clean = is_clean;
    if (recovery_identify(j->fd, &copy) < 0)
        err_set(&e, ERR_RUNTIME, "%s: %s", j->path, strerror(errno));
    else
        sidecar_write(j->sidecar_path, &copy, &e);
    j->state_written_ms = now_ms();
    checkpoint_release(&copy);
    if (e.kind == ERR_NONE)
        return;
    warn(j, &e);
    pthread_mutex_lock(&j->lock);
    j->is_state_old = true;
    pthread_mutex_unlock(&j->lock);
}

static bool is_state_due(struct journal *j)
{
    bool is_old;

    pthread_mutex_lock(&j->lock);
    is_old = j->is_state_old;
    pthread_mutex_unlock(&j->lock);
    return is_old && j->unsynced_bytes == 0 && now_ms() - j->state_written_ms >= STATE_INTERVAL_MS;
}

static bool is_sync_due(const struct journal *j, bool is_hurried)
{
    if (j->unsynced_bytes == 0)
        return false;
    return is_hurried || j->fsync != JOURNAL_FSYNC_GROUP || j->unsynced_bytes >= SYNC_BYTES ||
           now_ms() - j->unsynced_since_ms >= j->fsync_interval_ms;
}

static bool is_still_named(const struct journal *j)
{
    struct stat ours;
    struct stat named;

    return fstat(j->fd, &ours) == 0 && stat(j->path, &named) == 0 && ours.st_dev == named.st_dev &&
           ours.st_ino == named.st_ino;
}

/* The sidecar speaks of the old file to its last byte before the new one is begun, so that a crash
 * in between forgets nothing. */
static int reopen_file(struct journal *j)
{
    struct err e = {0};
    int fd;

    if (sync_file(j) < 0)
        return -1;
    write_state(j, false);
    if (is_still_named(j))
        return 0; /* nobody moved it; opened once more it would seem to be another tracker's */
    fd = open_file(j->path, &e);
    if (fd < 0) {
        err_wrap(&e, "the file that was open before goes on");
        warn(j, &e);
        return 0;
    }
    close(j->fd);
    j->fd = fd;
    write_state(j, false);
    return 0;
}

static void apply_marks(struct journal *j, struct checkpoint *state,
                        const struct journal_mark *marks, size_t count)
{
    for (size_t i = 0; i < count; i++)
        checkpoint_find(state, j->topic, marks[i].partition)->next = marks[i].next;
}

static int do_work(struct journal *j, struct work *w)
{
    if (w->number == 0)
        return reopen_file(j);
    if (write_lines(j, w->lines.data, w->lines.len) < 0)
        return -1;
    if (j->unsynced_bytes == 0)
        j->unsynced_since_ms = now_ms();
    j->unsynced_bytes += w->lines.len;
    j->written = w->number;
    pthread_mutex_lock(&j->lock);
    apply_marks(j, &j->synced, w->marks, w->mark_count);
    j->is_state_old = true;
    pthread_mutex_unlock(&j->lock);
    return is_sync_due(j, false) ? sync_file(j) : 0;
}

/* ---- the thread ---- */

/* Waits, under the lock, for work, hurry, close, or the time of the next fsync. */
static void wait_for_work(struct journal *j)
{
    struct timespec until;

    int64_t at;

    if (j->unsynced_bytes > 0)
        at = j->unsynced_since_ms + j->fsync_interval_ms;
    else if (j->is_state_old)
        at = j->state_written_ms + STATE_INTERVAL_MS;
    else
        at = INT64_MAX / 2;
    until.tv_sec = at / 1000;
    until.tv_nsec = at % 1000 * 1000000L;
    while (!j->first && !j->is_closing && !(j->is_hurried && j->unsynced_bytes > 0))
        if (pthread_cond_timedwait(&j->changed, &j->lock, &until) == ETIMEDOUT)
            return;
}

static struct work *take_work(struct journal *j)
{
    struct work *w = j->first;

    if (w) {
        j->first = w->next;
        if (!j->first)
            j->last = NULL;
    }
    return w;
}

static void work_free(struct work *w)
{
    strbuf_release(&w->lines);
    free(w->marks);
    free(w);
}

static void give_back(struct journal *j, struct work *w)
{
    strbuf_reset(&w->lines);
    pthread_mutex_lock(&j->lock);
    if (!j->spare.data) {
        j->spare = w->lines;
        w->lines = (struct strbuf){0};
    }
    pthread_mutex_unlock(&j->lock);
    work_free(w);
}

static void *run(void *arg)
{
    struct journal *j = arg;

    for (;;) {
        struct work *w;
        bool is_hurried;
        bool is_last;
        int rc = 0;

        pthread_mutex_lock(&j->lock);
        wait_for_work(j);
        w = take_work(j);
        is_last = j->is_closing && !j->first;
        is_hurried = (j->is_hurried || j->is_closing) && !j->first;
        if (is_hurried)
            j->is_hurried = false;
        pthread_mutex_unlock(&j->lock);
        if (w) {
            rc = do_work(j, w);
            give_back(j, w);
        }
        if (rc == 0 && is_sync_due(j, is_hurried))
            rc = sync_file(j);
        if (rc == 0 && is_state_due(j))
            write_state(j, false);
        if (rc == 0 && is_last)
            write_state(j, true);
        if (rc < 0 || is_last)
            return NULL;
    }
}

/* ---- the port ---- */

static void append_work(struct journal *j, struct work *w)
{
    if (j->last)
        j->last->next = w;
    else
        j->first = w;
    j->last = w;
    pthread_cond_signal(&j->changed);
}

static uint64_t submit(void *self, struct strbuf *lines, const struct journal_mark *marks,
                       size_t mark_count)
{
    struct journal *j = self;
    struct work *w = mem_alloc(sizeof(*w));
    uint64_t number;

    assert(lines->len > 0 && lines->data[lines->len - 1] == '\n');
    w->lines = *lines;
    w->marks = mem_alloc_array(mark_count, sizeof(*marks));
    w->mark_count = mark_count;
    memcpy(w->marks, marks, mark_count * sizeof(*marks));
    pthread_mutex_lock(&j->lock);
    apply_marks(j, &j->told, marks, mark_count);
    number = w->number = ++j->submitted;
    j->buffered_bytes += w->lines.len;
    *lines = j->spare;
    j->spare = (struct strbuf){0};
    append_work(j, w);
    pthread_mutex_unlock(&j->lock);
    return number;
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
    enum journal_state s;

    pthread_mutex_lock(&j->lock);
    s = j->state;
    if (s != JOURNAL_RUNNING)
        *e = j->why;
    pthread_mutex_unlock(&j->lock);
    return s;
}

static void hurry(void *self)
{
    struct journal *j = self;

    pthread_mutex_lock(&j->lock);
    j->is_hurried = true;
    pthread_cond_signal(&j->changed);
    pthread_mutex_unlock(&j->lock);
}

static void reopen(void *self)
{
    struct journal *j = self;
    struct work *w = mem_alloc(sizeof(*w));

    pthread_mutex_lock(&j->lock);
    append_work(j, w);
    pthread_mutex_unlock(&j->lock);
}

static void position(void *self, int32_t partition, int64_t *next, int64_t *committed)
{
    struct journal *j = self;
    const struct checkpoint_entry *p;

    pthread_mutex_lock(&j->lock);
    p = checkpoint_find(&j->told, j->topic, partition);
    *next = p->next;
    *committed = p->committed;
    pthread_mutex_unlock(&j->lock);
}

static void note_commit(void *self, int32_t partition, int64_t committed)
{
    struct journal *j = self;

    pthread_mutex_lock(&j->lock);
    checkpoint_find(&j->told, j->topic, partition)->committed = committed;
    checkpoint_find(&j->synced, j->topic, partition)->committed = committed;
    j->is_state_old = true;
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
        .hurry = hurry,
        .reopen = reopen,
        .position = position,
        .note_commit = note_commit,
    };
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

/* ---- life ---- */

static void init_locks(struct journal *j)
{
    pthread_condattr_t attr;

    pthread_mutex_init(&j->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&j->changed, &attr);
    pthread_condattr_destroy(&attr);
}

static void journal_free(struct journal *j)
{
    struct work *w;

    while ((w = take_work(j)))
        work_free(w);
    close(j->fd);
    strbuf_release(&j->spare);
    checkpoint_release(&j->told);
    checkpoint_release(&j->synced);
    pthread_mutex_destroy(&j->lock);
    pthread_cond_destroy(&j->changed);
    free(j->path);
    free(j->sidecar_path);
    free(j->topic);
    free(j);
}

static struct journal *journal_new(const struct journal_options *options, int fd)
{
    struct journal *j = mem_alloc(sizeof(*j));
    struct strbuf sidecar_path = {0};

    strbuf_addf(&sidecar_path, "%s.state", options->path);
    *j = (struct journal){
        .path = mem_strdup(options->path),
        .sidecar_path = strbuf_take(&sidecar_path),
        .topic = mem_strdup(options->topic),
        .fsync = options->fsync,
        .fsync_interval_ms = options->fsync_interval_ms,
        .wake_fd = options->wake_fd,
        .fd = fd,
        .is_state_old = true,
    };
    init_locks(j);
    return j;
}

struct journal *journal_open(const struct journal_options *options, struct recovery_report *report,
                             struct err *e)
{
    int fd = open_file(options->path, e);
    struct journal *j;
    int rc;

    if (fd < 0)
        return NULL;
    j = journal_new(options, fd);
    if (recovery_run(j->path, j->sidecar_path, fd, &j->synced, report, e) < 0) {
        journal_free(j);
        return NULL;
    }
    checkpoint_copy(&j->told, &j->synced);
    rc = pthread_create(&j->thread, NULL, run, j);
    if (rc) {
        err_set(e, ERR_RUNTIME, "journal thread: %s", strerror(rc));
        journal_free(j);
        return NULL;
    }
    return j;
}

bool journal_set_cluster(struct journal *j, const char *cluster_id)
{
    bool is_other;

    if (!*cluster_id)
        return false;
    pthread_mutex_lock(&j->lock);
    is_other = *j->synced.cluster_id && strcmp(j->synced.cluster_id, cluster_id) != 0;
    if (is_other) {
        checkpoint_forget(&j->synced);
        checkpoint_forget(&j->told);
    }
    snprintf(j->synced.cluster_id, sizeof(j->synced.cluster_id), "%s", cluster_id);
    j->is_state_old = true;
    pthread_cond_signal(&j->changed);
    pthread_mutex_unlock(&j->lock);
    return is_other;
}

bool journal_take_warning(struct journal *j, struct err *e)
{
    pthread_mutex_lock(&j->lock);
    *e = j->warning;
    j->warning = (struct err){0};
    pthread_mutex_unlock(&j->lock);
    return e->kind != ERR_NONE;
}

void journal_finish(struct journal *j)
{
    if (j->is_finished)
        return;
    pthread_mutex_lock(&j->lock);
    j->is_closing = true;
    pthread_cond_signal(&j->changed);
    pthread_mutex_unlock(&j->lock);
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
