#include "io/journal_queue.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/mem.h"

/* ---- batches ---- */

static struct journal_batch *batch_new(enum journal_work work)
{
    struct journal_batch *b = mem_alloc(sizeof(*b));

    b->work = work;
    b->pushed_ms = clock_mono_ms(clock_system());
    return b;
}

static void batch_free(struct journal_batch *b)
{
    strbuf_release(&b->lines);
    free(b->marks);
    free(b);
}

/* Under the lock. */
static struct journal_batch *take_first(struct journal_queue *q)
{
    struct journal_batch *b = q->first;

    if (b) {
        q->first = b->next;
        if (!q->first)
            q->last = NULL;
    }
    return b;
}

/* ---- life ---- */

void journal_queue_init(struct journal_queue *q)
{
    pthread_condattr_t attr;

    *q = (struct journal_queue){0};
    pthread_mutex_init(&q->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&q->changed, &attr);
    pthread_condattr_destroy(&attr);
}

void journal_queue_release(struct journal_queue *q)
{
    struct journal_batch *b;

    while ((b = take_first(q)))
        batch_free(b);
    strbuf_release(&q->spare);
    pthread_mutex_destroy(&q->lock);
    pthread_cond_destroy(&q->changed);
}

/* ---- handing over ---- */

/* Under the lock. */
static void add_last(struct journal_queue *q, struct journal_batch *b)
{
    if (q->last)
        q->last->next = b;
    else
        q->first = b;
    q->last = b;
    pthread_cond_signal(&q->changed);
}

void journal_queue_push(struct journal_queue *q, uint64_t number, struct strbuf *lines,
                        const struct journal_mark *marks, size_t mark_count)
{
    struct journal_batch *b = batch_new(JOURNAL_LINES);

    b->number = number;
    b->marks = mem_alloc_array(mark_count, sizeof(*marks));
    b->mark_count = mark_count;
    if (mark_count)
        memcpy(b->marks, marks, mark_count * sizeof(*marks));
    pthread_mutex_lock(&q->lock);
    b->lines = *lines;
    *lines = q->spare;
    q->spare = (struct strbuf){0};
    add_last(q, b);
    pthread_mutex_unlock(&q->lock);
}

static void push(struct journal_queue *q, struct journal_batch *b)
{
    pthread_mutex_lock(&q->lock);
    add_last(q, b);
    pthread_mutex_unlock(&q->lock);
}

void journal_queue_push_reopen(struct journal_queue *q)
{
    push(q, batch_new(JOURNAL_REOPEN));
}

void journal_queue_push_cluster(struct journal_queue *q, const char *cluster_id)
{
    struct journal_batch *b = batch_new(JOURNAL_CLUSTER);

    strbuf_adds(&b->lines, cluster_id);
    push(q, b);
}

static void set_flag(struct journal_queue *q, bool *flag)
{
    pthread_mutex_lock(&q->lock);
    *flag = true;
    pthread_cond_signal(&q->changed);
    pthread_mutex_unlock(&q->lock);
}

void journal_queue_hurry(struct journal_queue *q)
{
    set_flag(q, &q->is_hurried);
}

void journal_queue_poke(struct journal_queue *q)
{
    set_flag(q, &q->is_poked);
}

void journal_queue_close(struct journal_queue *q)
{
    set_flag(q, &q->is_closing);
}

/* ---- taking ---- */

/* Returns false when it is later than that. Under the lock. */
static bool wait_until(struct journal_queue *q, int64_t until_ms)
{
    const struct timespec until = {.tv_sec = until_ms / 1000,
                                   .tv_nsec = until_ms % 1000 * 1000000L};

    return pthread_cond_timedwait(&q->changed, &q->lock, &until) != ETIMEDOUT;
}

struct journal_turn journal_queue_take(struct journal_queue *q, int64_t until_ms, bool is_unsynced)
{
    struct journal_turn turn = {0};

    pthread_mutex_lock(&q->lock);
    while (!q->first && !q->is_closing && !q->is_poked && !(q->is_hurried && is_unsynced))
        if (!wait_until(q, until_ms))
            break;
    q->is_poked = false;
    turn.batch = take_first(q);
    turn.is_last = q->is_closing && !q->first;
    turn.is_hurried = (q->is_hurried || q->is_closing) && !q->first;
    if (turn.is_hurried)
        q->is_hurried = false;
    pthread_mutex_unlock(&q->lock);
    return turn;
}

void journal_queue_give_back(struct journal_queue *q, struct journal_batch *batch)
{
    strbuf_reset(&batch->lines);
    pthread_mutex_lock(&q->lock);
    if (!q->spare.data) {
        q->spare = batch->lines;
        batch->lines = (struct strbuf){0};
    }
    pthread_mutex_unlock(&q->lock);
    batch_free(batch);
}

bool journal_queue_take_reopen(struct journal_queue *q)
{
    struct journal_batch **at = &q->first;
    struct journal_batch *last = NULL;
    bool was_asked = false;

    pthread_mutex_lock(&q->lock);
    while (*at) {
        struct journal_batch *b = *at;

        if (b->work == JOURNAL_REOPEN) {
            *at = b->next;
            batch_free(b);
            was_asked = true;
        } else {
            last = b;
            at = &b->next;
        }
    }
    q->last = last;
    pthread_mutex_unlock(&q->lock);
    return was_asked;
}

bool journal_queue_sleep(struct journal_queue *q, int64_t ms)
{
    int64_t until_ms = clock_mono_ms(clock_system()) + ms;
    bool go_on;

    pthread_mutex_lock(&q->lock);
    while (!q->is_closing && wait_until(q, until_ms))
        ;
    go_on = !q->is_closing;
    pthread_mutex_unlock(&q->lock);
    return go_on;
}
