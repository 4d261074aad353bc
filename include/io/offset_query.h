#ifndef IO_OFFSET_QUERY_H
#define IO_OFFSET_QUERY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/log.h"
#include "config/config.h"
#include "flow/port.h"
#include "io/kafka_internal.h"

/* Reads single records of a topic beside the consumer that reads all: what a partition really holds
 * at an offset. Belongs to no group and commits nothing. */
struct offset_probe;

enum offset_probe_result {
    OFFSET_PROBE_NO_ANSWER,    /* not in time */
    OFFSET_PROBE_RECORD,       /* `found` is the first record at or after `offset` */
    OFFSET_PROBE_END,          /* none can be read up to `found`, where reading ends now */
    OFFSET_PROBE_OUT_OF_RANGE, /* the broker does not hold `offset` */
};

struct offset_probe_item {
    int32_t partition; /* each at most once in a call */
    int64_t offset;    /* 0 or more */
    /* The answer. */
    enum offset_probe_result result;
    int64_t found;
    int64_t timestamp_ms; /* of the record, -1 if it has none */
    int64_t high;         /* the high watermark, -1 if unknown */
};

/* Never connects before the first read. `cfg` and `log` are borrowed. */
struct offset_probe *offset_probe_new(const struct config *cfg, const struct log *log);

/* Fills the answers, waiting up to `deadline` on the monotonic clock. For any thread; a second call
 * waits for the first. */
void offset_probe_read(struct offset_probe *p, struct offset_probe_item *items, size_t count,
                       int64_t deadline);

/* One more user, on the owner's thread; each drops it in the end. */
struct offset_probe *offset_probe_share(struct offset_probe *p);

/* The last user frees; none of its calls may be open. A client that does not end within a second is
 * left to the end of the process. NULL is accepted. */
void offset_probe_drop(struct offset_probe *p);

/* Where the partitions of a topic stand: what the group committed and what the broker holds.
 * librdkafka 2.0.2 has no such question that does not block, and a consumer must be polled however
 * long the answer takes: so a thread of its own asks, one question at a time. */
struct offset_query;

struct offset_answer {
    rd_kafka_resp_err_t err;       /* why not all is known */
    struct assignment *partitions; /* all in the order of the question; `start` is -1 */
    size_t count;                  /* 0 when nothing is known */
    size_t unknown_count;          /* of those: no leader, `low` and `high` are -1 */
};

/* `rk` is borrowed, `probe` shared; without a probe (NULL) nothing can be checked. The eventfd
 * `wake_fd` is written to when an answer came. */
struct offset_query *offset_query_new(rd_kafka_t *rk, struct offset_probe *probe, const char *topic,
                                      int wake_fd);

/* Goes on asking about `partitions` (NULL: all that the topic has); one whose offset in the list is
 * 0 or more is checked there, see struct assignment. Returns the answer once, the
 * caller's until the next call, or NULL while there is none. Never waits. After an answer the next
 * call asks again, after an error or a check not before half a second has passed. */
struct offset_answer *offset_query_turn(struct offset_query *q,
                                        const rd_kafka_topic_partition_list_t *partitions);

/* The answer to what was asked last is no longer wanted. */
void offset_query_drop(struct offset_query *q);

/* Frees. Returns false when a question is still open: it goes on by itself for some seconds, so
 * that `rk` and the query stay in use. NULL is accepted. */
bool offset_query_free(struct offset_query *q);

/* Ranges of offsets that a consumer jumped over: do they hold no record? A thread of its own reads
 * the first record of each, so that nobody waits. A zeroed struct knows of none. */
struct offset_ranges {
    struct offset_probe *probe;
    const struct log *log;
    int wake_fd; /* an eventfd that is written to when an answer came */
    struct offset_range *list;
    size_t count;
    struct async_call *call; /* NULL when nothing is asked */
    struct offset_question *question;
};

/* See source.check_range. The members down to `wake_fd` are set by the caller and borrowed. */
enum range_state offset_ranges_check(struct offset_ranges *r, int32_t partition, int64_t from,
                                     int64_t to);

/* Takes answers. Never waits. */
void offset_ranges_serve(struct offset_ranges *r);

/* Frees. Returns false when a question is open: the probe stays in use then. */
bool offset_ranges_release(struct offset_ranges *r);

#endif
