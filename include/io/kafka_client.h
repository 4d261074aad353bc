#ifndef IO_KAFKA_CLIENT_H
#define IO_KAFKA_CLIENT_H

#include "io/errand.h"
#include "io/kafka_internal.h"

/* What every client of ours is: a handle of librdkafka, and whether its brokers can be reached,
 * told once when it changes. It is the first member of what it belongs to: librdkafka hands its
 * address to all callbacks. */
struct kafka_client {
    rd_kafka_t *rk;
    const struct log *log;
    int wake_fd;  /* an eventfd that is written to when something came; -1 for none */
    bool is_idle; /* it has no use for the brokers now: their trouble is told when it has */
    bool is_down;
    bool is_told;
    bool was_up;
    int looks_without; /* statistics in a row without a broker that is up */
    char reason[256];
};

/* Makes `rk` from `conf`, which it takes. Trouble and librdkafka's own log come to c->log, from
 * whoever polls `rk`. Returns 0, or -1 with ERR_USAGE. */
int kafka_client_open(struct kafka_client *c, rd_kafka_type_t type, rd_kafka_conf_t *conf,
                      struct err *e);

/* Destroys `rk`, which can take long, and in librdkafka before 2.1.0 for ever when a topic was
 * recreated meanwhile (#4187). A consumer is not closed before. Returns the errand, see there, or
 * NULL when no thread is to be had. */
struct errand *kafka_client_bury(struct kafka_client *c, int wake_fd);

/* Something came from the brokers. */
void kafka_client_good(struct kafka_client *c);

void kafka_client_idle(struct kafka_client *c, bool is_idle);

/* Says that `what` failed and destroys `error`; NULL is success. Returns whether it failed. */
bool kafka_client_failed(const struct kafka_client *c, const char *what, rd_kafka_error_t *error);

#endif
