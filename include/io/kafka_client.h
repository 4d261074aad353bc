#ifndef IO_KAFKA_CLIENT_H
#define IO_KAFKA_CLIENT_H

#include "io/async_call.h"
#include "io/kafka_internal.h"
#include "io/kafka_reason.h"
#include "model/log_event.h"

#define KAFKA_LEADERS_WATCHED 16

/* A broker that leads partitions and cannot be reached while others can. */
struct kafka_lost_leader {
    char name[300]; /* librdkafka's; empty: free */
    int looks;      /* statistics in a row without it */
    bool is_logged;
};

/* What every client of ours is: a handle of librdkafka, and whether its brokers can be reached, and
 * if not, why. That is logged once when it changes. It is the first member of what it belongs to:
 * librdkafka hands its address to all callbacks. */
struct kafka_client {
    rd_kafka_t *rk;
    const struct log *log;
    int wake_fd;  /* an eventfd that is written to when something came; -1 for none */
    bool is_idle; /* it has no use for the brokers now: that they are unavailable is logged later */
    bool awaits_answer; /* a broker that answers is not enough: its owner says when Kafka is back */
    bool is_down;
    bool was_up;
    bool has_producer_id;   /* of an idempotent producer: it may write to some topic */
    bool topic_was_missing; /* reported since the owner set it to false */
    int looks_without;      /* statistics in a row without the brokers that it needs */
    struct kafka_lost_leader lost[KAFKA_LEADERS_WATCHED];
    char bootstrap[4100]; /* what `facts` point to */
    struct kafka_reason_client facts;
    struct kafka_reason reason; /* of the last failure since something came */
    const char *logged;         /* the name of the one in the log, or NULL; while is_logged */
    bool is_logged;
};

/* Makes `rk` from `conf`, which it takes. Errors and librdkafka's own log come to c->log, from
 * whoever polls `rk`. Returns 0, or -1 with ERR_USAGE. */
int kafka_client_open(struct kafka_client *c, rd_kafka_type_t type, rd_kafka_conf_t *conf,
                      struct err *e);

/* Destroys `rk`, which can take long, and in librdkafka before 2.1.0 for ever when a topic was
 * recreated meanwhile (#4187). A consumer is not closed before. Returns the call, see there, or
 * NULL when no thread is to be had. */
struct async_call *kafka_client_destroy(struct kafka_client *c, int wake_fd);

/* Something came from the brokers. */
void kafka_client_good(struct kafka_client *c);

void kafka_client_idle(struct kafka_client *c, bool is_idle);

/* An answer is overdue: what is known of the reason is logged. */
void kafka_client_overdue(struct kafka_client *c);

/* Logs `event` with what to do when `err` says that a permission is missing. Returns whether it
 * does. */
bool kafka_client_denied(const struct kafka_client *c, rd_kafka_resp_err_t err,
                         enum log_event_id event, const char *topic, const char *group);

/* Fills `e` with `what` and why Kafka cannot be used, as far as it is known. Returns -1. */
int kafka_client_explain(const struct kafka_client *c, const char *what, struct err *e);

/* Logs `event` with `error` and destroys that; NULL is success. Returns whether it failed. */
bool kafka_client_failed(const struct kafka_client *c, enum log_event_id event,
                         rd_kafka_error_t *error);

#endif
