#ifndef IO_KAFKA_SINK_H
#define IO_KAFKA_SINK_H

#include <stdbool.h>

#include "base/err.h"
#include "base/log.h"
#include "config/config.h"
#include "flow/port.h"

/* An idempotent producer as the flow's sink: acks=all, zstd, one report per record. What was taken
 * is kept until it is reported; records do not expire while the broker is away. Once
 * queue.buffering.max.kbytes of them (options.queue_kbytes unless set) wait, all others are
 * SEND_FULL; a record may be larger than that. A record is reported as refused for what it is
 * (SINK_TOO_LARGE) only when it was alone in its batch. */
struct kafka_sink;

/* librdkafka's values, as text; kept. */
struct kafka_sink_options {
    const char *linger_ms; /* how long records are gathered before they go; "0" when the next one
                              only comes after this one's report */
    const char *topic_wait_ms; /* how long a topic that is not there is waited for */
    const char *queue_kbytes;  /* NULL: 16384, see above */
    bool leaves_topics;        /* no broker creates a topic because a record names it */
    const char *logged_reason; /* kafka_admin_logged: not to be logged again; or NULL */
};

/* Never waits for the broker. `wake_fd`, an eventfd, is written to when reports came; -1 for none.
 * Returns NULL with `e` (ERR_USAGE for a bad librdkafka property). `cfg` and `log` must outlive it.
 */
struct kafka_sink *kafka_sink_open(const struct config *cfg,
                                   const struct kafka_sink_options *options, int wake_fd,
                                   const struct log *log, struct err *e);

struct sink kafka_sink_port(struct kafka_sink *s);

/* Why nothing may be written, when that is for a missing right: returns true once, and again after
 * a record was acknowledged meanwhile. */
bool kafka_sink_take_denial(struct kafka_sink *s, struct err *denial);

/* Secrets were read again: see kafka_login_renew. NULL is accepted. Returns 0, or -1 with `e`. */
int kafka_sink_renew_login(struct kafka_sink *s, struct err *e);

/* Drops what was not reported and frees; waits at most about a second. NULL is accepted. */
void kafka_sink_close(struct kafka_sink *s);

#endif
