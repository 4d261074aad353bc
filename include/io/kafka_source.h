#ifndef IO_KAFKA_SOURCE_H
#define IO_KAFKA_SOURCE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/log.h"
#include "config/config.h"
#include "flow/port.h"

/* A consumer group member as the flow's source: one queue per partition, offsets committed in the
 * background once stored. A client that librdkafka declares dead, as after another one took its
 * static membership, is replaced: its partitions count as lost, their records come again. */
struct kafka_source;

/* All borrowed; `cfg` and `log` must outlive the source. */
struct kafka_source_options {
    const struct config *cfg;
    size_t fetch_bytes; /* bounds what is fetched ahead of all partitions (about) */
    size_t partitions;  /* so many are expected to come; with more than that the client is replaced
                           by one that fetches less ahead of each */
    const char *instance_id; /* group.instance.id unless the user sets it; NULL: none */
    int wake_fd;             /* an eventfd that is written to when something came */
    const struct log *log;
};

/* Joins the group of the settings and subscribes to its topic; never waits for the broker. Returns
 * NULL with `e` (ERR_USAGE for a bad librdkafka property). */
struct kafka_source *kafka_source_open(const struct kafka_source_options *o, struct err *e);

struct source kafka_source_port(struct kafka_source *s);

/* What keeps it from its partitions though a broker answers, as rights that it does not have:
 * returns true when there is something new to be told. It goes on trying. */
bool kafka_source_take_trouble(struct kafka_source *s, struct err *trouble);

/* True, with its id in `id`, when another cluster answers than at the last call; at the first, when
 * one does. librdkafka learns it from whoever it connects to, before it joins a group there. */
bool kafka_source_take_cluster(struct kafka_source *s, char *id, size_t size);

/* Secrets were read again: see kafka_login_renew. NULL is accepted. Returns 0, or -1 with `e`. */
int kafka_source_renew_login(struct kafka_source *s, struct err *e);

/* Commits what is stored, leaves the group and frees; waits at most about `timeout_ms`. Returns 0,
 * or -1 when the broker did not answer in time: then the last offsets may not be committed, their
 * records come again. The client's memory may be left to the end of the process, which should be
 * near. NULL is accepted. */
int kafka_source_close(struct kafka_source *s, int timeout_ms);

#endif
