#ifndef IO_KAFKA_ADMIN_H
#define IO_KAFKA_ADMIN_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/log.h"
#include "config/config.h"

/* Reaches the cluster and creates what is missing. */

struct kafka_topic_state {
    const char *name; /* the settings' text */
    int partitions;   /* 0: it is not there */
    bool was_created;
    struct err refusal; /* why it was not created */
};

struct kafka_cluster {
    char id[64]; /* "" when the broker does not tell */
    struct kafka_topic_state
        topics[2]; /* the orders', then the dead letters' when they are switched on */
    size_t topic_count;
};

enum kafka_admin_result {
    KAFKA_ADMIN_GOOD,
    KAFKA_ADMIN_WAITING, /* no answer yet; `e` says why, as far as it is known */
    KAFKA_ADMIN_AWAY,    /* likewise, and it is no longer a short disturbance */
};

/* One client, kept until it has its answer: a distant cluster takes many round trips. */
struct kafka_admin;

/* Why Kafka is unavailable, and that it is back, goes to `log`. Returns NULL with ERR_USAGE for
 * settings that librdkafka does not take. */
struct kafka_admin *kafka_admin_open(const struct config *cfg, const struct log *log,
                                     struct err *e);

/* Waits for the cluster's answer up to `wait_ms`. Then it creates the missing topics when
 * kafka.create_topics says so, which waits for each for up to ten seconds, or until a stop is asked
 * for (base/stop.h). After GOOD the work is done and `cluster` is filled; a topic that could not be
 * created has a refusal. */
enum kafka_admin_result kafka_admin_turn(struct kafka_admin *a, int wait_ms,
                                         struct kafka_cluster *cluster, struct err *e);

/* After GOOD: waits up to `wait_ms` until the brokers that lead the orders' partitions answer too.
 * A broker that answers may advertise addresses where none of them can be reached. */
enum kafka_admin_result kafka_admin_reach(struct kafka_admin *a, int wait_ms, struct err *e);

/* Returns 0 when the topic is there, or -1 with `e`: why it is not. */
int kafka_admin_check(const struct kafka_topic_state *t, struct err *e);

/* Secrets were read again: see kafka_login_renew. Returns 0, or -1 with `e`. */
int kafka_admin_renew_login(struct kafka_admin *a, struct err *e);

/* The name of the reason why Kafka is unavailable, when it was logged, or NULL. */
const char *kafka_admin_logged(const struct kafka_admin *a);

/* NULL is accepted. */
void kafka_admin_close(struct kafka_admin *a);

#endif
