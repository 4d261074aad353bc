#ifndef IO_KAFKA_INQUIRY_H
#define IO_KAFKA_INQUIRY_H

#include <stdbool.h>
#include <stddef.h>

#include "flow/port.h"
#include "io/kafka_internal.h"
#include "io/kafka_probe.h"

/* Where the partitions of a topic stand: what the group committed and what the broker holds.
 * librdkafka 2.0.2 has no such question that does not block, and a consumer must be polled however
 * long the answer takes: so a thread of its own asks, one question at a time. */
struct kafka_inquiry;

struct kafka_answer {
    rd_kafka_resp_err_t err;       /* why not all is known */
    struct assignment *partitions; /* all in the order of the question; `start` is -1 */
    size_t count;                  /* 0 when nothing is known */
    size_t unknown_count;          /* of those: no leader, `low` and `high` are -1 */
};

/* `rk` is borrowed, `probe` shared; without a probe (NULL) nothing can be checked. The eventfd
 * `wake_fd` is written to when an answer came. */
struct kafka_inquiry *kafka_inquiry_new(rd_kafka_t *rk, struct kafka_probe *probe,
                                        const char *topic, int wake_fd);

/* Goes on asking about `partitions` (NULL: all that the topic has); one whose offset in the list is
 * 0 or more is checked there, see struct assignment. Returns the answer once, the
 * caller's until the next call, or NULL while there is none. Never waits. After an answer the next
 * call asks again, after an error or a check not before half a second has passed. */
struct kafka_answer *kafka_inquiry_turn(struct kafka_inquiry *q,
                                        const rd_kafka_topic_partition_list_t *partitions);

/* The answer to what was asked last is no longer wanted. */
void kafka_inquiry_drop(struct kafka_inquiry *q);

/* Frees. Returns false when a question is still open: it goes on by itself for some seconds, so
 * that `rk` and the inquiry stay in use. NULL is accepted. */
bool kafka_inquiry_free(struct kafka_inquiry *q);

#endif
