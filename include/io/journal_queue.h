#ifndef IO_JOURNAL_QUEUE_H
#define IO_JOURNAL_QUEUE_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/strbuf.h"
#include "flow/port.h"

/* The queue between the flow thread, which hands over batches of lines, and the journal's thread,
 * which takes them. The functions are for either thread but where they say otherwise. */

enum journal_work {
    JOURNAL_LINES,
    JOURNAL_REOPEN,  /* the path is to be opened again */
    JOURNAL_CLUSTER, /* what follows is of the cluster that `lines` names */
};

struct journal_batch {
    struct journal_batch *next;
    enum journal_work work;
    uint64_t number; /* of JOURNAL_LINES */
    int64_t pushed_ms;
    struct strbuf lines;
    struct journal_mark *marks; /* true once the lines are durable */
    size_t mark_count;
};

struct journal_queue {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct journal_batch *first;
    struct journal_batch *last;
    struct strbuf spare; /* an empty buffer with memory, for the next batch */
    bool is_hurried;
    bool is_poked;
    bool is_closing;
};

/* What the journal's thread has to do next. */
struct journal_turn {
    struct journal_batch *batch; /* the thread's own now; NULL if none */
    bool is_hurried;             /* nothing follows the batch, and somebody waits for it */
    bool is_last;                /* nothing follows for good */
};

void journal_queue_init(struct journal_queue *q);

/* Frees what was never taken. */
void journal_queue_release(struct journal_queue *q);

/* Copies the marks and takes the buffer, leaving `lines` empty with memory of its own. */
void journal_queue_push(struct journal_queue *q, uint64_t number, struct strbuf *lines,
                        const struct journal_mark *marks, size_t mark_count);

/* Asks for the path to be opened again, after all that was pushed so far. */
void journal_queue_push_reopen(struct journal_queue *q);

/* Says of which cluster all that is pushed from now on is. */
void journal_queue_push_cluster(struct journal_queue *q, const char *cluster_id);

/* Do not wait for more: see journal_turn. */
void journal_queue_hurry(struct journal_queue *q);

/* Ends the wait of the journal's thread, so that it looks around. */
void journal_queue_poke(struct journal_queue *q);

/* Nothing is pushed any more. */
void journal_queue_close(struct journal_queue *q);

/* For the journal's thread: waits for a batch, the close, a poke, or the monotonic time `until_ms`;
 * for a hurry only when something `is_unsynced`, else that stays for the batch to come. */
struct journal_turn journal_queue_take(struct journal_queue *q, int64_t until_ms, bool is_unsynced);

/* For the journal's thread: done with a batch. */
void journal_queue_give_back(struct journal_queue *q, struct journal_batch *batch);

/* For the journal's thread, which cannot come to it: takes all JOURNAL_REOPEN out. Returns whether
 * there were any. */
bool journal_queue_take_reopen(struct journal_queue *q);

/* For the journal's thread: sleeps so long. Returns false at once when the queue is closed. */
bool journal_queue_sleep(struct journal_queue *q, int64_t ms);

#endif
