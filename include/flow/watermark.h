#ifndef FLOW_WATERMARK_H
#define FLOW_WATERMARK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How far a partition is journaled: by lines that are not handed to the journal yet, by batches
 * that are, and by those of them that are durable. Pure. */

/* `next` is durable once batch `batch` is. */
struct watermark_batch {
    uint64_t batch;
    int64_t next;
};

struct watermark {
    int64_t next;         /* offset after the last line that is not handed over, -1 for none */
    int64_t timestamp_ms; /* of the record of that line, -1 if it has none or it is of no record */
    int64_t durable;      /* what is before it is durable, or not ours to record; -1 until known */
    bool is_reset;        /* it begins again, and the line that says so is not durable yet */
    struct watermark_batch *marks; /* handed over, oldest first */
    size_t mark_count;
    size_t mark_cap;
};

/* Storage is the caller's. */
void watermark_init(struct watermark *t);
void watermark_release(struct watermark *t);

/* What is before `offset` was journaled before; -1: unknown. */
void watermark_begin(struct watermark *t, int64_t offset);

/* There is a line for the record at `offset`, which has this timestamp or -1. */
void watermark_settle(struct watermark *t, int64_t offset, int64_t timestamp_ms);

/* The lines so far are part of batch `batch`. */
void watermark_hand_over(struct watermark *t, uint64_t batch);

/* Everything before `next` is journaled by batch `batch`. */
void watermark_add(struct watermark *t, uint64_t batch, int64_t next);

/* Takes the marks up to batch `durable`. Returns the next offset that may be stored, or -1 for
 * none. */
int64_t watermark_take_durable(struct watermark *t, uint64_t durable);

/* True when all that is journaled is durable. */
bool watermark_is_durable(const struct watermark *t);

/* How many offsets are journaled and not durable. */
int64_t watermark_remaining(const struct watermark *t);

#endif
