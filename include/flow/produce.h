#ifndef FLOW_PRODUCE_H
#define FLOW_PRODUCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/rfc3339.h"
#include "base/strbuf.h"
#include "flow/port.h"

/* The producer's flow: takes orders where they come from, hands them to the sink at the set pace,
 * and counts what is reported. */

/* One order as it is to be sent. Bytes are borrowed until the next call of `next`. */
struct produce_item {
    const char *key; /* NULL for a null key */
    size_t key_len;
    const char *value; /* NULL for a null value */
    size_t value_len;
    const char *correlation_id; /* UUID text; NULL when unknown */
    int64_t timestamp_ms;
    uint64_t position; /* in the input, growing; 0 when that says nothing */
};

enum produce_next {
    PRODUCE_ITEM,
    PRODUCE_NOTHING_YET, /* ask again later */
    PRODUCE_END,
    PRODUCE_FAILED, /* `e` tells why */
};

/* Where orders come from: the generator or a file. `wall_ms` is the wall clock. */
struct produce_input {
    void *self;
    enum produce_next (*next)(void *self, int64_t wall_ms, struct produce_item *item,
                              struct err *e);
};

struct produce_policy {
    const char *topic;
    int64_t count; /* 0: no end */
    int64_t interval_ms;
};

struct produce_counts {
    int64_t sent; /* taken by the sink */
    int64_t acknowledged;
    int64_t failed;        /* will never be on the topic */
    uint64_t first_failed; /* the lowest position of them; 0 for none */
    char last_failure[256];
};

struct produce {
    struct produce_policy policy;
    const struct produce_input *input;
    const struct sink *sink;
    struct produce_counts counts;
    int64_t handed_over; /* to the sink, taken or refused */
    int64_t due_ms;      /* of the next order, monotonic */
    bool has_item;       /* taken from the input, not yet taken by the sink */
    struct produce_item item;
    struct rfc3339_text time; /* of the last order */
    bool is_ended;            /* nothing more is to be sent */
    bool is_read_out;         /* as much was taken from the input as was wanted, or as there is */
    uint64_t
        dropped; /* position of the item that was taken from the input when it ended; 0: none */
};

void produce_init(struct produce *p, const struct produce_policy *policy,
                  const struct produce_input *input, const struct sink *sink, int64_t now_ms);

/* Takes the reports and sends what is due, a burst at most. Returns for how many milliseconds there
 * is nothing to do (0: call again at once), at most 200; or -1 with `e` when the input failed. */
int produce_turn(struct produce *p, int64_t now_ms, int64_t wall_ms, struct err *e);

/* Sends nothing more. */
void produce_stop(struct produce *p);

/* True when all was sent and everything is reported. */
bool produce_is_done(const struct produce *p);

/* True when there may be more in the input: it was stopped, or failed. */
bool produce_was_cut_short(const struct produce *p);

/* The lowest position that was taken from the input and is not acknowledged, 0 when there is none.
 * What lies behind it may be acknowledged. */
uint64_t produce_first_open(const struct produce *p);

#endif
