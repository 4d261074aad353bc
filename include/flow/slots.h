#ifndef FLOW_SLOTS_H
#define FLOW_SLOTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "flow/dead_letter.h"
#include "flow/port.h"

/* The window of a lane: the records of one partition that were read and have no journal line yet,
 * each in a slot, in offset order. */

enum slot_state {
    SLOT_READY,      /* its next attempt may begin */
    SLOT_HELD,       /* an earlier record of its key is not settled */
    SLOT_ATTEMPTING, /* the processor answers later */
    SLOT_WAITING,    /* backoff; next attempt at deadline_ms */
    SLOT_PROBING,    /* the breaker is open; one more attempt at deadline_ms */
    SLOT_SENDING,    /* the dead letter's report is on its way */
    SLOT_BLOCKED,    /* a fault of the system; the dead letter is sent again at deadline_ms */
    SLOT_HALTED,     /* it failed and the user chose to stop */
    SLOT_SETTLED,    /* its line is written as soon as all earlier ones are */
};
#define SLOT_STATE_COUNT (SLOT_SETTLED + 1)

struct slot {
    enum slot_state state;
    uint32_t serial; /* of the record within its lane */
    int64_t deadline_ms;
    int64_t taken_ms; /* monotonic, when it was read */
    struct message message;
    struct arena arena;
    struct order order;
    bool is_decoded;
    int attempts;
    int64_t started_ms; /* monotonic, of the attempt under way */
    bool was_answered;  /* later, by the processor; the next three are of that answer */
    int64_t answer_ms;  /* that it took */
    int status;
    const char *receipt; /* in the arena, NULL if none */
    size_t receipt_len;
    enum record_reason reason;
    char error[512];
    int64_t first_failure_ms; /* wall clock */
    int64_t last_failure_ms;  /* wall clock */
    int64_t failing_since_ms; /* monotonic */
    int64_t previous_delay_ms;
    int sends;                  /* of the dead letter */
    int64_t sending_since_ms;   /* monotonic, of the first of them */
    enum dead_letter_form form; /* of the dead letter: the largest that was not refused yet */
    bool had_last_chance;       /* at a stop: it was attempted once more without waiting */
    bool was_probed;            /* the breaker had it attempted once more */
    bool was_refused;           /* the processor was unavailable for its last attempt */
    /* Once settled. */
    enum record_outcome outcome;
    int32_t dlq_partition;
    int64_t dlq_offset;
    /* Kept by the window. */
    size_t counted_bytes;
    bool has_follower; /* the slot of `follower` is held until this one is settled */
    uint32_t follower;
    struct slot *next_spare;
};

/* Slots that are not in use, shared by all lanes, and how much memory all windows take; a lane's
 * only record is not counted. Begins zeroed. */
struct slot_pool {
    struct slot *spare;
    size_t spare_count;
    size_t held_bytes;
};

/* Begins zeroed. */
struct slots {
    struct slot **ring;
    uint64_t *keys; /* hash of each one's key, 0 for none */
    size_t size;    /* of both, a power of two */
    size_t first;
    size_t count;
    uint32_t first_serial; /* of the oldest; those that follow are numbered without a gap */
    uint32_t next_serial;
    size_t held_bytes; /* of those that were added behind another */
    size_t ready_from; /* none before it is SLOT_READY */
    size_t counts[SLOT_STATE_COUNT];
};

void slot_pool_release(struct slot_pool *pool);

/* Frees the memory; the window must be empty. */
void slots_release(struct slots *s);

/* The i-th slot, counting from the oldest. */
struct slot *slots_at(const struct slots *s, size_t i);

/* The slot of that serial, or NULL. */
struct slot *slots_find(const struct slots *s, uint32_t serial);

/* Adds a slot for a record, as SLOT_READY and otherwise zeroed. */
struct slot *slots_push(struct slots *s, struct slot_pool *pool, const struct message *m);

/* The oldest slot leaves the window; nothing of it is borrowed any more. */
void slots_pop(struct slots *s, struct slot_pool *pool);

/* The newest one leaves. No serial is used twice: nothing may be added before the window is empty.
 */
void slots_drop_newest(struct slots *s, struct slot_pool *pool);

void slots_set(struct slots *s, struct slot *slot, enum slot_state state);

/* Holds the newest slot if an earlier record of its key is not settled. Returns true if so. */
bool slots_hold_by_key(struct slots *s);

/* The slot is settled: the next record of its key may begin. */
void slots_settle(struct slots *s, struct slot *slot);

#endif
