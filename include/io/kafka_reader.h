#ifndef IO_KAFKA_READER_H
#define IO_KAFKA_READER_H

#include "base/err.h"
#include "base/log.h"
#include "config/config.h"
#include "flow/port.h"

/* All partitions of the dead letter topic, for a redrive, without joining a group: there is no
 * rebalance to wait for, and what is stored is committed to the group's offsets directly. Of two
 * readers with the same group at the same time the one that finds the other's commit fails. */
struct kafka_reader;

/* Never waits for the broker: partitions and offsets are learnt by `serve`, which gives up when one
 * question had no answer for `timeout_ms`, and fails when the topic does not exist. What is stored
 * is committed within a second or so. When nothing is committed in `group`, what is in the groups
 * `<group>-<REASON>` counts. `wake_fd` is an eventfd that is written to when something came.
 * Returns NULL with `e` (ERR_USAGE for a bad librdkafka property). `cfg`, `topic` and `log` must
 * outlive it. */
struct kafka_reader *kafka_reader_open(const struct config *cfg, const char *topic,
                                       const char *group, int timeout_ms, int wake_fd,
                                       const struct log *log, struct err *e);

struct dead_letters kafka_reader_port(struct kafka_reader *r);

/* Commits what is stored and frees; waits at most about `timeout_ms`. Returns 0, or -1 with `e`
 * when not all of it was committed: then its records come again. The client's memory is left to the
 * end of the process if the broker did not answer. NULL is accepted. */
int kafka_reader_close(struct kafka_reader *r, int timeout_ms, struct err *e);

#endif
