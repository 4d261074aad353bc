#ifndef MODEL_ORDER_GEN_H
#define MODEL_ORDER_GEN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/rng.h"
#include "base/strbuf.h"

/* Makes varied, realistic orders of about 1 KB; the same seed gives the same orders. */
struct order_gen {
    struct rng rng;
    int64_t sequence;
    double invalid_rate;
    bool fixed_time; /* metadata.timestamp counts on from `start_ms` by the sequence, not from the
                        clock */
    int64_t start_ms;
};

/* One message ready to send. Zero it before first use; the buffers are reused from call to call. */
struct order_message {
    struct strbuf key;            /* the order id */
    struct strbuf value;          /* the JSON bytes, or what a broken message holds */
    struct strbuf correlation_id; /* UUID text */
    bool has_value;               /* false: a null value */
    int64_t timestamp_ms;         /* the order's metadata.timestamp */
    const char *broken; /* how it was broken on purpose, for people; NULL for a good order */
};

void order_gen_init(struct order_gen *g, uint64_t seed, double invalid_rate);

/* Makes the next message; `now_ms` is the wall clock. */
void order_gen_next(struct order_gen *g, int64_t now_ms, struct order_message *m);

void order_message_release(struct order_message *m);

#endif
