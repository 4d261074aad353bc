#ifndef SUPPORT_SOURCE_GROUP_H
#define SUPPORT_SOURCE_GROUP_H

#include "io/kafka_source.h"
#include "support/fake_log.h"
#include "support/mock_kafka.h"

/* Up to two sources as members of one consumer group of a mock cluster. Each value on the topic is
 * its own offset as text. */

#define GROUP_TOPIC      "orders"
#define GROUP_PARTITIONS 4
#define START_UNKNOWN    (-2)

/* A member of the group that notes what it is told. */
struct member {
    struct kafka_source *source;
    struct source port;
    struct fake_log log;
    struct log log_port;
    int wake_fd;
    bool is_ours[GROUP_PARTITIONS];
    struct assignment assigned[GROUP_PARTITIONS]; /* as told last */
    int64_t start[GROUP_PARTITIONS];              /* to ask for, START_UNKNOWN: nothing */
    int64_t position[GROUP_PARTITIONS];           /* next to be fetched */
    int64_t end[GROUP_PARTITIONS];                /* told by FETCH_END, -1: not yet */
    int64_t acknowledged[GROUP_PARTITIONS];
    bool went_back; /* a commit was acknowledged after a higher one */
    size_t revocations;
    bool sets_back;     /* `start` replaces the group's offset */
    bool keeps_revoked; /* does not release them */
    bool is_waiting;    /* for the release */
    int64_t longest_ms; /* that serve took */
};

struct group {
    struct mock_kafka kafka;
    struct member a;
    struct member b;
};

/* A mock cluster with the topic, and no member yet: for cmocka. */
int group_set_up(void **state);
int group_tear_down(void **state);

/* Writes the values from `from` to `to`, exclusive. */
void group_write(struct group *f, int32_t partition, int from, int to);

/* Opens the source, with what the member is to do still unset. */
void member_open(struct group *f, struct member *m);
void member_close(struct member *m);
void member_release(struct member *m);

/* A turn of the source's; the second lets revoked partitions go, and fails the test on an error. */
int member_serve_once(struct member *m, struct err *e);
void member_serve(struct member *m);

/* How many partitions it has; and waits until it has all. */
int member_count(const struct member *m);
void member_join(struct member *m);

/* Takes what waits in one partition; each value must be its offset. Returns how many came. */
int member_take(struct member *m, int32_t partition);

#endif
