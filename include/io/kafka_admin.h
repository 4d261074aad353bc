#ifndef IO_KAFKA_ADMIN_H
#define IO_KAFKA_ADMIN_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/log.h"
#include "config/config.h"

/* Looks at the cluster once and creates what is missing. */

struct kafka_topic_state {
    const char *name; /* the settings' text */
    int partitions;   /* 0: it is not there */
    bool was_created;
};

struct kafka_cluster {
    char id[64]; /* "" when the broker does not tell */
    struct kafka_topic_state
        topics[2]; /* the orders', then the dead letters' when they are switched on */
    size_t topic_count;
};

enum kafka_admin_result {
    KAFKA_ADMIN_GOOD,
    KAFKA_ADMIN_AWAY,    /* no broker answered within `timeout_ms`: ask again */
    KAFKA_ADMIN_REFUSED, /* a topic was not created: `e` tells which and why */
    KAFKA_ADMIN_FAILED,  /* settings that librdkafka does not take */
};

/* Asks for up to `timeout_ms` and creates the missing topics when kafka.create_topics says so,
 * which waits for each for up to ten seconds, or until a stop is asked for (base/stop.h). The
 * cluster is filled as far as it was learnt, also when a topic was refused. */
enum kafka_admin_result kafka_admin_prepare(const struct config *cfg, int timeout_ms,
                                            const struct log *log, struct kafka_cluster *cluster,
                                            struct err *e);

#endif
