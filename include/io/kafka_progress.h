#ifndef IO_KAFKA_PROGRESS_H
#define IO_KAFKA_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/log.h"
#include "io/kafka_internal.h"

/* Offsets of a group with a text each, committed in the background at least once a second. Before
 * each commit it asks whether the group still has what was committed last: another program that
 * commits to the same group at the same time is noticed, and nothing is committed any more. Kafka
 * refuses such commits only to members of a group. */
struct kafka_progress;

/* What a group committed for a partition. */
struct kafka_committed {
    int32_t partition;
    int64_t offset; /* -1 for nothing */
    char *text;     /* NULL for none; not more than `text_len` bytes */
    size_t text_len;
};

/* `rk` is a consumer of `group` and borrowed, as all else. The eventfd `wake_fd` is written to when
 * an answer came. */
struct kafka_progress *kafka_progress_new(rd_kafka_t *rk, const struct config *cfg,
                                          const char *topic, const char *group,
                                          const struct log *log, int wake_fd);

/* Asks what `group`, any one, committed for the partitions 0 to `count` - 1, until the broker has
 * answered. Returns 1 and the answer in `found`, in that order, the progress's until the next call;
 * 0 while there is none; -1 when `group` may not be read. The last failure is in `err`. Never
 * waits. */
int kafka_progress_read(struct kafka_progress *p, const char *group, size_t count,
                        const struct kafka_committed **found, rd_kafka_resp_err_t *err);

/* From here on the group is expected to have this for `partition`, a new one. */
void kafka_progress_expect(struct kafka_progress *p, const struct kafka_committed *c);

/* `offset` and `text` of an expected partition are to be committed. */
void kafka_progress_store(struct kafka_progress *p, int32_t partition, int64_t offset,
                          const char *text);

/* Commits what is due. Never waits. Returns 0, or -1 with `e` when another program commits to the
 * group, now and at each later call. */
int kafka_progress_serve(struct kafka_progress *p, struct err *e);

/* Commits all, until `deadline` on the monotonic clock. Returns 0, or -1 with `e` when not all is
 * acknowledged. */
int kafka_progress_finish(struct kafka_progress *p, int64_t deadline, struct err *e);

/* Frees, before `rk` is destroyed. Returns false when a question is still open: it ends by itself
 * after some seconds, so that `rk` and all of this stay in use. NULL is accepted. */
bool kafka_progress_free(struct kafka_progress *p);

#endif
