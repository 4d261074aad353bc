#ifndef IO_KAFKA_INTERNAL_H
#define IO_KAFKA_INTERNAL_H

/* What the Kafka files of this room share; the only place that includes librdkafka. */

#include <librdkafka/rdkafka.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/log.h"
#include "config/config.h"
#include "flow/port.h"

/* One property that a role of ours needs. */
struct kafka_property {
    const char *name;
    const char *value;
    bool is_fixed;    /* our promises rest on it: the user may not set it otherwise */
    bool is_optional; /* newer librdkafka only: unknown is no error */
};

/* A configuration of: what every client of ours needs, `role`, then the user's properties. Returns
 * NULL with ERR_USAGE when a property is unknown, has a bad value or is fixed. The caller owns it
 * until it goes to rd_kafka_new. */
rd_kafka_conf_t *kafka_conf_new(const struct config *cfg, const struct kafka_property *role,
                                size_t role_count, struct err *e);

/* Sets one property by `name`. Returns 0, or -1 with `kind`. */
int kafka_conf_set(rd_kafka_conf_t *conf, const char *name, const char *value, enum err_kind kind,
                   struct err *e);

/* Sets what is ours alone, whatever the user has set. Takes `conf`, which may be NULL, and returns
 * it, or NULL with ERR_RUNTIME. */
rd_kafka_conf_t *kafka_conf_own(rd_kafka_conf_t *conf, const struct kafka_property *own,
                                size_t count, struct err *e);

/* Writes the value of the property `name` to `value`; "" when it is unknown or does not fit. */
void kafka_conf_get(const rd_kafka_conf_t *conf, const char *name, char *value, size_t size);

/* Takes the values that may be secret out of `text`, which librdkafka wrote. */
void kafka_conf_hide(const rd_kafka_conf_t *conf, char *text);

/* The monotonic clock, and what is left until `deadline` on it, at least 1. */
int64_t kafka_now_ms(void);
int kafka_left_ms(int64_t deadline);

/* What librdkafka's own log says goes to `log` at its level or lower: trouble of connections comes
 * and goes and is told once by kafka_client. For use in a log callback. */
void kafka_log_line(const struct log *log, int level, const char *facility, const char *text);

/* What a fetched record brings. It stays the record's, which is the message's handle. */
void kafka_message_fill(const char *topic, rd_kafka_message_t *rkm, struct message *m);

/* The headers of one message at a time, in memory that is used again; a zeroed struct is empty. */
struct kafka_headers {
    struct header *items;
    size_t cap;
};

size_t kafka_headers_read(struct kafka_headers *h, const struct message *m,
                          const struct header **headers);
void kafka_headers_release(struct kafka_headers *h);

/* Makes `queue` write to the eventfd `wake_fd` when something comes into it; -1: it is not. */
void kafka_wake_on(rd_kafka_queue_t *queue, int wake_fd);

#endif
