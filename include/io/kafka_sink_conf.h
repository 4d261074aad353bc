#ifndef IO_KAFKA_SINK_CONF_H
#define IO_KAFKA_SINK_CONF_H

#include "io/kafka_internal.h"
#include "io/kafka_sink.h"

/* What the producers of a sink are configured with. */

struct kafka_sink_bounds {
    size_t queue_bytes; /* of all records that were taken and not reported */
    size_t batch_bytes; /* of one batch, before compression; a larger record is alone in its own */
};

/* A configuration of an idempotent producer; the opaque of each message must be its `struct sent`.
 * Sets both bounds as it is configured; a batch_bytes other than 0 comes before what the user
 * configured. Returns NULL with ERR_USAGE, or ERR_RUNTIME. The caller owns it until it goes to
 * rd_kafka_new. */
rd_kafka_conf_t *kafka_sink_conf_new(const struct config *cfg,
                                     const struct kafka_sink_options *options,
                                     struct kafka_sink_bounds *bounds, struct err *e);

#endif
