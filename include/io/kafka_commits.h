#ifndef IO_KAFKA_COMMITS_H
#define IO_KAFKA_COMMITS_H

#include "io/kafka_internal.h"

/* Offsets of a group that are committed by name: in the background, again about once a second,
 * until the broker has acknowledged each. rd_kafka_commit would wait for that without bound. */
struct kafka_commits {
    rd_kafka_t *rk;
    const char *topic;
    /* Hears of each answer; may be told from serve and finish only. */
    void (*answered)(rd_kafka_t *rk, rd_kafka_resp_err_t err, rd_kafka_topic_partition_list_t *list,
                     void *opaque);
    void *opaque;
    rd_kafka_topic_partition_list_t *list; /* not acknowledged */
    rd_kafka_queue_t *answers;
    bool is_asked; /* an answer is awaited */
    int64_t asked_ms;
};

/* The members down to `opaque` are set by the caller, who owns what they point to. The eventfd
 * `wake_fd` is written to when an answer came. */
void kafka_commits_open(struct kafka_commits *c, int wake_fd);

/* Before `rk` is destroyed. */
void kafka_commits_release(struct kafka_commits *c);

/* `offset` of `partition` is to be committed. */
void kafka_commits_add(struct kafka_commits *c, int32_t partition, int64_t offset);

/* A partition that is still to be committed is committed at `offset`; of others nothing. */
void kafka_commits_move(struct kafka_commits *c, int32_t partition, int64_t offset);

/* It is not to be committed any more. */
void kafka_commits_drop(struct kafka_commits *c, int32_t partition);

/* Commits what is due. Never waits. */
void kafka_commits_serve(struct kafka_commits *c);

/* Commits all, until `deadline` on the monotonic clock. Returns whether all is acknowledged. */
bool kafka_commits_finish(struct kafka_commits *c, int64_t deadline);

#endif
