#ifndef IO_KAFKA_GROUP_H
#define IO_KAFKA_GROUP_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/log.h"
#include "config/config.h"
#include "flow/port.h"
#include "io/kafka_consumer.h"
#include "io/offset_query.h"

/* One client as a member of the consumer group, from its joining to its end. A kafka_source has one
 * at a time. */
struct kafka_member;

/* All borrowed. `wake_fd` is an eventfd that is written to when something came; `fetch_bytes`, 2
 * KiB or more, is the share of one partition in what is fetched ahead, `room_bytes` bounds that of
 * all together (about). */
struct kafka_member_options {
    const struct config *cfg;
    size_t fetch_bytes;
    size_t room_bytes;
    const char *instance_id; /* NULL: none */
    int wake_fd;
    const struct log *log;
    struct offset_probe *probe;
    bool was_missing; /* the topic, for the member before, see struct kafka_consumer */
    bool was_logged;  /* that Kafka is unavailable, by the member before */
};

/* Joins the group of the settings and subscribes to its topic; never waits for the broker. Returns
 * NULL with `e` (ERR_USAGE for a bad librdkafka property). */
struct kafka_member *kafka_member_open(const struct kafka_member_options *o, struct err *e);

/* The consumer with its partitions; it lives as long as the member. */
struct kafka_consumer *kafka_member_consumer(struct kafka_member *m);

/* See struct source. Returns 0, or -1 with `e` when the client is dead; consumer.is_fatal says
 * whether another one can take its place. */
int kafka_member_serve(struct kafka_member *m, const struct source_events *events, struct err *e);
void kafka_member_store(struct kafka_member *m, int32_t partition, int64_t next);
void kafka_member_give_back(struct kafka_member *m);

/* Commits what is stored, leaves the group and frees; waits at most about `timeout_ms`. Returns 0,
 * or -1 when the broker did not answer in time: then the last offsets may not be committed, their
 * records come again. The client's memory may be left to the end of the process. NULL is accepted.
 */
int kafka_member_close(struct kafka_member *m, int timeout_ms);

/* Frees a client that is dead, without leaving the group: librdkafka does not close it, and waits
 * for ever for whoever tries. NULL is accepted. */
void kafka_member_discard(struct kafka_member *m);

#endif
