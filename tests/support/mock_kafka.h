#ifndef SUPPORT_MOCK_KAFKA_H
#define SUPPORT_MOCK_KAFKA_H

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include "base/clock.h"
#include "config/config.h"
#include "flow/port.h"

/* A Kafka in this process: librdkafka's mock cluster with one broker, and settings that point to
 * it. Its groups need session.timeout.ms - 1000 for each rebalance, and it keeps 5 MiB per
 * partition. */
struct mock_kafka {
    rd_kafka_t *rk; /* the cluster lives in it */
    rd_kafka_mock_cluster_t *cluster;
    rd_kafka_t *writer; /* of mock_kafka_write, NULL until it is needed */
    struct config cfg;
};

#define MOCK_PRODUCE       0
#define MOCK_FETCH         1
#define MOCK_LIST_OFFSETS  2
#define MOCK_OFFSET_COMMIT 8
#define MOCK_OFFSET_FETCH  9
#define MOCK_JOIN_GROUP    11
#define MOCK_HEARTBEAT     12
#define MOCK_CREATE_TOPICS 19
#define MOCK_INIT_PRODUCER 22

#define MOCK_TURN_MS     1000   /* no turn of a loop may take that long: ten times what it should */
#define MOCK_PATIENCE_MS 120000 /* for what must happen soon, on the slowest machine */

/* Looks at `condition` until it holds; `step` is done in between. */
#define MOCK_WAIT(condition, step)                                              \
    do {                                                                        \
        int64_t give_up_ms_ = clock_mono_ms(clock_system()) + MOCK_PATIENCE_MS; \
        while (!(condition)) {                                                  \
            if (clock_mono_ms(clock_system()) > give_up_ms_)                    \
                fail_msg("in vain: %s", #condition);                            \
            step;                                                               \
            usleep(2000);                                                       \
        }                                                                       \
    } while (0)

void mock_kafka_open(struct mock_kafka *m);
void mock_kafka_close(struct mock_kafka *m);

void mock_kafka_set(struct mock_kafka *m, const char *key, const char *value);
void mock_kafka_create(struct mock_kafka *m, const char *topic, int partitions);

/* The next request of this kind, behind those that were told before, is answered with `err` after
 * `delay_ms`. */
void mock_kafka_delay(struct mock_kafka *m, int16_t api_key, int delay_ms, rd_kafka_resp_err_t err);

/* The broker takes the next requests of this kind and never answers. */
void mock_kafka_ignore(struct mock_kafka *m, int16_t api_key, int count);

/* It does so with all requests, until it is made to answer again: on new connections. */
void mock_kafka_answer(struct mock_kafka *m, bool does);

/* Writes one record and waits until it is there. */
void mock_kafka_write(struct mock_kafka *m, const char *topic, int32_t partition, const char *key,
                      const char *value, size_t value_len, const struct header *headers,
                      size_t header_count);

/* All that is on the topic, each partition in order; the caller gives the list to
 * mock_kafka_release. */
struct mock_records {
    rd_kafka_message_t **list;
    size_t count;
};

struct mock_records mock_kafka_read(struct mock_kafka *m, const char *topic, int partitions);
void mock_kafka_release(struct mock_records *records);

/* What the group committed, -1 if nothing. */
int64_t mock_kafka_committed(struct mock_kafka *m, const char *topic, int32_t partition);

#endif
