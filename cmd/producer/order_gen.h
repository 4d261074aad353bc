#ifndef PRODUCER_ORDER_GEN_H
#define PRODUCER_ORDER_GEN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/rfc3339.h"
#include "base/strbuf.h"
#include "model/record.h"

/* Makes varied, realistic orders of about 1 KB.
 *
 * The n-th order depends on the seed and on n alone: the same seed gives the same orders byte for
 * byte but for metadata.timestamp, which is the time handed in. Whether and how the n-th order is
 * broken depends on the seed and the rate; it does not change the others. */
struct order_gen {
    uint64_t seed;
    int64_t sequence; /* of the last order made; 0 = none yet */
    double invalid_rate;
    struct rfc3339_text timestamp;
};

/* One message ready to send. Zero it before first use; the buffers are reused from call to call. */
struct order_message {
    struct strbuf key;            /* the order id */
    struct strbuf value;          /* the JSON bytes, or what a broken message holds */
    struct strbuf correlation_id; /* UUID text */
    bool has_value;               /* false: a null value */
    int64_t timestamp_ms;         /* the order's metadata.timestamp */
    const char *broken; /* how it was broken on purpose, for people; NULL for a good order */
    enum record_reason
        reason; /* why a tracker has to refuse it; RECORD_REASON_NONE for a good one */
};

/* `invalid_rate` is the share of broken messages, 0 to 1. */
void order_gen_init(struct order_gen *g, uint64_t seed, double invalid_rate);

/* Makes the next message, beginning with sequence 1; `now_ms` is the wall clock. */
void order_gen_next(struct order_gen *g, int64_t now_ms, struct order_message *m);

void order_message_release(struct order_message *m);

#endif
