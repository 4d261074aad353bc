#ifndef IO_KAFKA_PROBE_H
#define IO_KAFKA_PROBE_H

#include <stddef.h>
#include <stdint.h>

#include "base/log.h"
#include "config/config.h"

/* Reads single records of a topic beside the consumer that reads all: what a partition really holds
 * at an offset. Belongs to no group and commits nothing. */
struct kafka_probe;

enum kafka_probe_result {
    KAFKA_PROBE_NO_ANSWER,    /* not in time */
    KAFKA_PROBE_RECORD,       /* `found` is the first record at or after `offset` */
    KAFKA_PROBE_END,          /* none can be read up to `found`, where reading ends now */
    KAFKA_PROBE_OUT_OF_RANGE, /* the broker does not hold `offset` */
};

struct kafka_probe_item {
    int32_t partition; /* each at most once in a call */
    int64_t offset;    /* 0 or more */
    /* The answer. */
    enum kafka_probe_result result;
    int64_t found;
    int64_t timestamp_ms; /* of the record, -1 if it has none */
    int64_t high;         /* the high watermark, -1 if unknown */
};

/* Never connects before the first read. `cfg` and `log` are borrowed. */
struct kafka_probe *kafka_probe_new(const struct config *cfg, const struct log *log);

/* Fills the answers, waiting up to `deadline` on the monotonic clock. For any thread; a second call
 * waits for the first. */
void kafka_probe_read(struct kafka_probe *p, struct kafka_probe_item *items, size_t count,
                      int64_t deadline);

/* One more user, on the owner's thread; each drops it in the end. */
struct kafka_probe *kafka_probe_share(struct kafka_probe *p);

/* The last user frees; none of its calls may be open. A client that does not end within a second is
 * left to the end of the process. NULL is accepted. */
void kafka_probe_drop(struct kafka_probe *p);

#endif
