#ifndef FLOW_TOLD_H
#define FLOW_TOLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How far a partition is told: by lines that are not handed to the journal yet, by batches that
 * are, and by those of them that are on the disk. Pure. */

/* `next` is durable once batch `batch` is. */
struct told_mark {
    uint64_t batch;
    int64_t next;
};

struct told {
    int64_t next;         /* offset behind the last line that is not handed over, -1 for none */
    int64_t timestamp_ms; /* of the record of that line, -1 if it has none or it is of no record */
    int64_t durable;  /* what is before it is on the disk, or not ours to tell; -1 until known */
    bool is_set_back; /* it begins anew, and the line that says so is not durable yet */
    struct told_mark *marks; /* handed over, oldest first */
    size_t mark_count;
    size_t mark_cap;
};

/* Storage is the caller's. */
void told_init(struct told *t);
void told_release(struct told *t);

/* What is before `offset` was told before; -1: unknown. */
void told_begin(struct told *t, int64_t offset);

/* There is a line for the record at `offset`, which has this timestamp or -1. */
void told_settle(struct told *t, int64_t offset, int64_t timestamp_ms);

/* The lines so far are part of batch `batch`. */
void told_hand_over(struct told *t, uint64_t batch);

/* Everything before `next` is told by batch `batch`. */
void told_mark(struct told *t, uint64_t batch, int64_t next);

/* Takes the marks up to batch `durable`. Returns the next offset that may be stored, or -1 for
 * none. */
int64_t told_take_durable(struct told *t, uint64_t durable);

/* True when all that is told is durable. */
bool told_is_durable(const struct told *t);

/* How many offsets are told and not durable. */
int64_t told_left(const struct told *t);

#endif
