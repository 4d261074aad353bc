#include "io/journal_progress.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/rng.h"
#include "base/strbuf.h"
#include "io/recovery.h"

#define SAVE_INTERVAL_MS 1000

void journal_progress_init(struct journal_progress *p, const char *path, const char *topic)
{
    struct strbuf sidecar_path = {0};

    strbuf_addf(&sidecar_path, "%s.state", path);
    *p = (struct journal_progress){
        .sidecar_path = strbuf_take(&sidecar_path), .topic = mem_strdup(topic), .is_old = true};
    pthread_mutex_init(&p->lock, NULL);
}

void journal_progress_release(struct journal_progress *p)
{
    checkpoint_release(&p->told);
    checkpoint_release(&p->written);
    pthread_mutex_destroy(&p->lock);
    free(p->sidecar_path);
    free(p->topic);
}

void journal_progress_begin(struct journal_progress *p)
{
    if (!*p->written.instance_id)
        snprintf(p->written.instance_id, sizeof(p->written.instance_id), "tracker-%016" PRIx64,
                 rng_random_seed());
    checkpoint_copy(&p->told, &p->written);
}

/* ---- positions ---- */

static void apply(const struct journal_progress *p, struct checkpoint *state,
                  const struct journal_mark *marks, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct checkpoint_entry *entry = checkpoint_find(state, p->topic, marks[i].partition);

        entry->next = marks[i].next;
        entry->timestamp_ms = marks[i].timestamp_ms;
        entry->rewind_end = marks[i].rewind_end;
        if (marks[i].is_set_back)
            entry->committed = -1;
    }
}

void journal_progress_tell(struct journal_progress *p, const struct journal_mark *marks,
                           size_t count)
{
    pthread_mutex_lock(&p->lock);
    apply(p, &p->told, marks, count);
    pthread_mutex_unlock(&p->lock);
}

void journal_progress_write(struct journal_progress *p, const struct journal_mark *marks,
                            size_t count)
{
    pthread_mutex_lock(&p->lock);
    apply(p, &p->written, marks, count);
    p->is_old = true;
    pthread_mutex_unlock(&p->lock);
}

static void apply_line(struct checkpoint *state, const char *text, size_t len)
{
    struct journal_line line;
    char *topic;

    if (journal_line_parse(&line, text, len) < 0)
        return;
    topic = mem_strndup(line.topic.text, line.topic.len);
    checkpoint_apply(checkpoint_find(state, topic, line.partition), &line);
    free(topic);
}

void journal_progress_write_lines(struct journal_progress *p, const char *lines, size_t len)
{
    pthread_mutex_lock(&p->lock);
    while (len > 0) {
        const char *newline = memchr(lines, '\n', len);
        size_t line_len = (size_t)(newline - lines);

        apply_line(&p->written, lines, line_len);
        lines = newline + 1;
        len -= line_len + 1;
    }
    p->is_old = true;
    pthread_mutex_unlock(&p->lock);
}

void journal_progress_commit(struct journal_progress *p, int32_t partition, int64_t committed)
{
    pthread_mutex_lock(&p->lock);
    checkpoint_find(&p->told, p->topic, partition)->committed = committed;
    checkpoint_find(&p->written, p->topic, partition)->committed = committed;
    p->is_old = true;
    pthread_mutex_unlock(&p->lock);
}

void journal_progress_position(struct journal_progress *p, int32_t partition,
                               struct journal_position *position)
{
    const struct checkpoint_entry *entry;

    pthread_mutex_lock(&p->lock);
    entry = checkpoint_find(&p->told, p->topic, partition);
    *position = (struct journal_position){.next = entry->next,
                                          .committed = entry->committed,
                                          .rewind_end = entry->rewind_end,
                                          .timestamp_ms = entry->timestamp_ms};
    pthread_mutex_unlock(&p->lock);
}

/* Under the lock. */
static bool set_cluster(struct checkpoint *state, const char *cluster_id)
{
    bool is_other = *state->cluster_id && strcmp(state->cluster_id, cluster_id) != 0;

    if (!*cluster_id)
        return false;
    if (is_other)
        checkpoint_forget(state);
    snprintf(state->cluster_id, sizeof(state->cluster_id), "%s", cluster_id);
    return is_other;
}

bool journal_progress_tell_cluster(struct journal_progress *p, const char *cluster_id)
{
    bool is_other;

    pthread_mutex_lock(&p->lock);
    is_other = set_cluster(&p->told, cluster_id);
    pthread_mutex_unlock(&p->lock);
    return is_other;
}

bool journal_progress_write_cluster(struct journal_progress *p, const char *cluster_id)
{
    bool is_other;

    pthread_mutex_lock(&p->lock);
    is_other = set_cluster(&p->written, cluster_id);
    p->is_old = true;
    pthread_mutex_unlock(&p->lock);
    return is_other;
}

/* ---- the sidecar ---- */

int64_t journal_progress_due_ms(struct journal_progress *p)
{
    bool is_old;

    pthread_mutex_lock(&p->lock);
    is_old = p->is_old;
    pthread_mutex_unlock(&p->lock);
    return is_old ? p->saved_ms + SAVE_INTERVAL_MS : -1;
}

static void set_old(struct journal_progress *p)
{
    pthread_mutex_lock(&p->lock);
    p->is_old = true;
    pthread_mutex_unlock(&p->lock);
}

static int save(struct journal_progress *p, const struct journal_file *file,
                struct checkpoint *state, struct err *e)
{
    if (recovery_identify(file->fd, state) < 0)
        return err_set(e, ERR_RUNTIME, "%s: %s", file->path, strerror(errno));
    return sidecar_write(p->sidecar_path, state, &p->saved_file, e);
}

int journal_progress_save(struct journal_progress *p, const struct journal_file *file,
                          bool is_clean, struct err *e)
{
    struct checkpoint copy = {0};
    int rc;

    pthread_mutex_lock(&p->lock);
    checkpoint_copy(&copy, &p->written);
    p->is_old = false;
    pthread_mutex_unlock(&p->lock);
    copy.is_clean = is_clean;
    free(copy.path);
    copy.path = file->real_path ? mem_strdup(file->real_path) : NULL;
    rc = save(p, file, &copy, e);
    p->saved_ms = clock_mono_ms(clock_system());
    checkpoint_release(&copy);
    if (rc < 0)
        set_old(p);
    return rc;
}

void journal_progress_check(struct journal_progress *p)
{
    const struct stat *saved = &p->saved_file;
    struct stat st = {0};

    if (stat(p->sidecar_path, &st) < 0 || st.st_ino != saved->st_ino ||
        st.st_dev != saved->st_dev || st.st_size != saved->st_size ||
        st.st_mtim.tv_sec != saved->st_mtim.tv_sec || st.st_mtim.tv_nsec != saved->st_mtim.tv_nsec)
        set_old(p);
}
