#ifndef IO_KAFKA_ASSIGNMENT_H
#define IO_KAFKA_ASSIGNMENT_H

#include <stdbool.h>

#include "flow/port.h"
#include "io/kafka_commits.h"
#include "io/kafka_consumer.h"

/* What the user wants where nobody knows where to begin. */
enum kafka_reset { KAFKA_RESET_EARLIEST, KAFKA_RESET_LATEST, KAFKA_RESET_ERROR };

enum kafka_rebalance { KAFKA_REBALANCE_NONE, KAFKA_REBALANCE_ASSIGN, KAFKA_REBALANCE_REVOKE };

/* Which partitions are a group member's, and where each begins. What the group says is noted in its
 * callback and acted upon by serve. */
struct kafka_assignment {
    struct kafka_consumer *consumer;
    struct kafka_commits *set_back; /* gets the offsets that go back */
    enum kafka_reset reset;
    bool was_assigned; /* ever */
    enum kafka_rebalance rebalance;
    rd_kafka_topic_partition_list_t *list; /* of the rebalance */
};

/* The members down to `reset` are set by the caller and borrowed. */
void kafka_assignment_release(struct kafka_assignment *a);

/* For the rebalance callback, with what it is given. */
void kafka_assignment_note(struct kafka_assignment *a, rd_kafka_resp_err_t err,
                           const rd_kafka_topic_partition_list_t *list);

/* Tells what is due: `assigned` when the broker has told where partitions stand, `revoked`. */
void kafka_assignment_serve(struct kafka_assignment *a, const struct source_events *events);

/* Gives back what `revoked` told. */
void kafka_assignment_give_back(struct kafka_assignment *a);

/* At the end: what is given is not taken, what is taken away goes. */
void kafka_assignment_refuse(struct kafka_assignment *a);

#endif
