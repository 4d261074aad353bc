#include "io/journal_standing.h"

#include "base/wake.h"

void journal_standing_init(struct journal_standing *s, int wake_fd)
{
    *s = (struct journal_standing){.wake_fd = wake_fd};
    pthread_mutex_init(&s->lock, NULL);
}

void journal_standing_release(struct journal_standing *s)
{
    pthread_mutex_destroy(&s->lock);
}

/* ---- what is said ---- */

void journal_standing_set(struct journal_standing *s, enum journal_state state,
                          const struct err *why)
{
    pthread_mutex_lock(&s->lock);
    s->state = state;
    if (state != JOURNAL_RUNNING)
        s->why = *why;
    pthread_mutex_unlock(&s->lock);
    wake_up(s->wake_fd);
}

void journal_standing_warn(struct journal_standing *s, const struct err *warning)
{
    pthread_mutex_lock(&s->lock);
    s->warning = *warning;
    pthread_mutex_unlock(&s->lock);
}

void journal_standing_set_loss(struct journal_standing *s, const struct err *loss)
{
    pthread_mutex_lock(&s->lock);
    s->loss = *loss;
    pthread_mutex_unlock(&s->lock);
    wake_up(s->wake_fd);
}

void journal_standing_set_reopened(struct journal_standing *s)
{
    pthread_mutex_lock(&s->lock);
    s->was_reopened = true;
    pthread_mutex_unlock(&s->lock);
    wake_up(s->wake_fd);
}

void journal_standing_add(struct journal_standing *s, size_t bytes)
{
    pthread_mutex_lock(&s->lock);
    s->buffered_bytes += bytes;
    pthread_mutex_unlock(&s->lock);
}

void journal_standing_set_durable(struct journal_standing *s, uint64_t number, size_t bytes,
                                  int64_t took_ms)
{
    pthread_mutex_lock(&s->lock);
    s->durable = number;
    s->buffered_bytes -= bytes;
    if (took_ms > s->fsync_ms_max)
        s->fsync_ms_max = took_ms;
    pthread_mutex_unlock(&s->lock);
    wake_up(s->wake_fd);
}

/* ---- what is asked ---- */

enum journal_state journal_standing_get(struct journal_standing *s, struct err *why)
{
    enum journal_state state;

    pthread_mutex_lock(&s->lock);
    state = s->state;
    if (state != JOURNAL_RUNNING)
        *why = s->why;
    pthread_mutex_unlock(&s->lock);
    return state;
}

uint64_t journal_standing_durable(struct journal_standing *s)
{
    uint64_t n;

    pthread_mutex_lock(&s->lock);
    n = s->durable;
    pthread_mutex_unlock(&s->lock);
    return n;
}

size_t journal_standing_buffered_bytes(struct journal_standing *s)
{
    size_t n;

    pthread_mutex_lock(&s->lock);
    n = s->buffered_bytes;
    pthread_mutex_unlock(&s->lock);
    return n;
}

static bool take(struct journal_standing *s, struct err *from, struct err *e)
{
    pthread_mutex_lock(&s->lock);
    *e = *from;
    *from = (struct err){0};
    pthread_mutex_unlock(&s->lock);
    return e->kind != ERR_NONE;
}

bool journal_standing_take_warning(struct journal_standing *s, struct err *e)
{
    return take(s, &s->warning, e);
}

bool journal_standing_take_loss(struct journal_standing *s, struct err *e)
{
    return take(s, &s->loss, e);
}

bool journal_standing_take_reopened(struct journal_standing *s)
{
    bool was;

    pthread_mutex_lock(&s->lock);
    was = s->was_reopened;
    s->was_reopened = false;
    pthread_mutex_unlock(&s->lock);
    return was;
}

int64_t journal_standing_take_fsync_ms_max(struct journal_standing *s)
{
    int64_t ms;

    pthread_mutex_lock(&s->lock);
    ms = s->fsync_ms_max;
    s->fsync_ms_max = 0;
    pthread_mutex_unlock(&s->lock);
    return ms;
}
