#ifndef IO_KAFKA_RESET_H
#define IO_KAFKA_RESET_H

#include "io/kafka_internal.h"

/* Offsets of a group that go back. What it committed in a topic that is no more would be taken for
 * progress in the new one, and librdkafka commits by itself only what is higher: they are committed
 * by name, again and again until the broker has acknowledged it. Begins zeroed. */
struct kafka_reset {
    rd_kafka_topic_partition_list_t *list; /* not acknowledged */
    rd_kafka_queue_t *answers;
    bool is_asked; /* an answer is awaited */
    int64_t due_ms;
};

void kafka_reset_add(struct kafka_reset *r, const char *topic, int32_t partition, int64_t offset);

/* The partition has come to `next` meanwhile: it is committed there. */
void kafka_reset_move(struct kafka_reset *r, const char *topic, int32_t partition, int64_t next);

/* The partition is no longer ours. */
void kafka_reset_drop(struct kafka_reset *r, const char *topic, int32_t partition);

/* Commits what is not acknowledged, in the background, once a second. */
void kafka_reset_serve(struct kafka_reset *r, rd_kafka_t *rk);

/* Before `rk` is destroyed. */
void kafka_reset_release(struct kafka_reset *r);

#endif
