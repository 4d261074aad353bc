#ifndef IO_KAFKA_STATS_H
#define IO_KAFKA_STATS_H

#include <stdbool.h>
#include <stdint.h>

/* What librdkafka's statistics say of the connection to one broker. */
struct kafka_broker_state {
    char name[300];       /* librdkafka's own: "ssl://host:9093/1" */
    char state[32];       /* "UP", "CONNECT", "SSL_HANDSHAKE", ... */
    int64_t state_age_ms; /* for how long it has been in it */
    bool is_up;
    bool is_coordinator; /* the connection to the group's coordinator, once one is known */
    bool is_leader;      /* of partitions that this client knows */
};

/* Reads the next broker from the statistics at `*at`, a text that starts as the whole document and
 * is moved on. Returns false when there is none left. Pure. */
bool kafka_stats_next(const char **at, struct kafka_broker_state *b);

#endif
