#ifndef PRODUCER_ORDER_CORRUPTOR_H
#define PRODUCER_ORDER_CORRUPTOR_H

#include <stddef.h>
#include <stdint.h>

#include "base/rng.h"
#include "base/strbuf.h"
#include "model/order.h"
#include "model/record.h"

/* Ways to corrupt a good order on purpose, one row each. */
struct order_corruptor {
    const char *name;          /* for people */
    enum record_reason reason; /* why a tracker has to refuse the outcome */
    /* Either may be NULL. `order` changes the values before they are written, `bytes` what was
     * written. Both NULL: the value becomes null. */
    void (*order)(struct order *o, struct rng *rng);
    void (*bytes)(struct strbuf *value, struct rng *rng);
};

extern const struct order_corruptor order_corruptors[];
extern const size_t order_corruptor_count;

#endif
