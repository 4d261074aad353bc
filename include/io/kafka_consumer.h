#ifndef IO_KAFKA_CONSUMER_H
#define IO_KAFKA_CONSUMER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "flow/port.h"
#include "io/kafka_client.h"
#include "io/offset_query.h"

/* A consumer that reads each partition of its topic from a queue of its own. How it comes by its
 * partitions is for the one it belongs to, whose first member it is. */
struct kafka_consumer {
    struct kafka_client client;
    const struct config *cfg;
    const char *topic;
    bool (*is_final)(rd_kafka_resp_err_t err); /* trouble that no waiting ends */
    bool begins_anew; /* a partition that cannot be read on is noted, see kafka_consumer_waiting */
    struct offset_probe *probe; /* NULL: partitions are not checked */
    size_t room_bytes;          /* bound of what is fetched ahead, see kafka_room; 0: none */
    size_t refill_bytes;        /* librdkafka fetches more of a partition that has less */
    size_t refill_records;      /* likewise */
    bool was_missing; /* the topic was, for a while: it may be another one now; partitions that come
                         are doubtful */
    struct offset_query *query;
    struct kafka_partition *partitions;
    size_t partition_count; /* in order of their numbers */
    int64_t assigned_ms;    /* the last time */
    bool is_behind;         /* something was fetched since the fetchers were woken last */
    bool must_wake;         /* librdkafka is to fetch at once what was resumed */
    int64_t woken_ms;
    int64_t room_checked_ms;
    bool room_is_full;   /* by the last check */
    size_t room_next;    /* the first partition whose turn it is to be resumed */
    size_t room_largest; /* queue seen */
    unsigned fetches;
    struct kafka_headers headers;
    struct err failure;               /* a partition's, for the next serve */
    bool is_fatal;                    /* librdkafka does nothing more with this client */
    rd_kafka_resp_err_t trouble_code; /* the last one */
    struct err trouble;               /* not taken yet */
};

struct kafka_partition {
    int32_t partition;
    rd_kafka_queue_t *queue; /* NULL until it begins */
    bool has_begun;          /* `next` is known; nothing is fetched before */
    bool is_assigned;        /* librdkafka fetches it */
    bool has_answered;       /* something came since it was assigned last */
    bool is_doubtful;        /* it may be another one than it was, until it begins */
    bool is_lost;        /* librdkafka reads it elsewhere: it must be assigned again at `next` */
    int64_t next;        /* offset to be fetched */
    int64_t refused;     /* offset that the broker could not read, -1 for none */
    int64_t check_at;    /* to be checked there before it begins, -1: nowhere */
    int64_t stored;      /* everything before it is done, -1 for none */
    int64_t asked;       /* to be committed by the last request, -1 for none */
    int64_t committed;   /* acknowledged, -1 for none */
    bool is_paused;      /* by kafka_room */
    int64_t resumed_ms;  /* nothing has come since, 0: something has */
    int64_t read_ms;     /* the last time */
    size_t record_bytes; /* on average, 0: not known */
};

/* Takes `conf`. The members down to `refill_records`, with client.log and client.wake_fd, are set
 * by the caller. Returns 0, or -1 with ERR_USAGE. */
int kafka_consumer_open(struct kafka_consumer *c, rd_kafka_conf_t *conf, struct err *e);

/* Serves callbacks and tells what the consumer itself has to say. Returns 0, or -1 with `e` when it
 * is dead for good. */
int kafka_consumer_serve(struct kafka_consumer *c, struct err *e);

/* What keeps the consumer from its partitions, for people to be told: `what` met `code`, in words
 * `text`. */
void kafka_consumer_note_trouble(struct kafka_consumer *c, rd_kafka_resp_err_t code,
                                 const char *what, const char *text);

/* The trouble that was noted or that the consumer itself reported: returns true when there is
 * something new. The same thing is new again when partitions came in between. */
bool kafka_consumer_take_trouble(struct kafka_consumer *c, struct err *trouble);

/* `partition` is ours. Nothing is fetched from it until it begins. */
void kafka_consumer_add(struct kafka_consumer *c, int32_t partition);
void kafka_consumer_remove(struct kafka_consumer *c, int32_t partition);
struct kafka_partition *kafka_consumer_find(const struct kafka_consumer *c, int32_t partition);

/* The partitions whose start is to be decided: those that have not begun, and those that the broker
 * cannot read on where they were: out of its range. Nothing comes from them until they begin and
 * are assigned there. Returns a new list, with the offset where one is to be checked, or NULL when
 * there are none. */
rd_kafka_topic_partition_list_t *kafka_consumer_waiting(const struct kafka_consumer *c);

/* Whether the broker refused to read just where the partition stands; a refusal may also be of an
 * earlier assignment, or behind records that compaction took. Or the topic was missing: a new one
 * may have grown beyond where the old one was read. */
bool kafka_consumer_is_beyond(const struct kafka_consumer *c, int32_t partition);

/* `partition` is to be read from `next` on, by the next kafka_consumer_assign. */
void kafka_consumer_begin(struct kafka_consumer *c, int32_t partition, int64_t next);

/* True when a partition has to be assigned, or assigned again: it begins, or librdkafka lost its
 * place. */
bool kafka_consumer_must_assign(const struct kafka_consumer *c);

/* Has librdkafka fetch the partitions that have begun, each from where it is to be read on, and no
 * others: never from a logical offset. A late answer to the query for such an offset moves the
 * position without a word, also that of a later assignment (in 2.0.2 and 2.16:
 * rd_kafka_toppar_handle_Offset arms a timer that rd_kafka_toppar_fetch_stop clears in one state
 * only). With `is_cooperative` only what changes is assigned; an eager protocol knows only all. */
void kafka_consumer_assign(struct kafka_consumer *c, bool is_cooperative);

/* Has librdkafka fetch the partitions of `list` no more. */
void kafka_consumer_unassign(struct kafka_consumer *c, const rd_kafka_topic_partition_list_t *list,
                             bool is_cooperative);

/* A partition was assigned a moment ago and nothing has come from it yet. librdkafka starts none
 * while a commit is on its way (rd_kafka_assignment_serve): it should wait. */
bool kafka_consumer_is_starting(const struct kafka_consumer *c);

/* The port of the one it belongs to, with what is the consumer's: self, fetch, release, headers and
 * high_watermark. */
struct source kafka_consumer_port(struct kafka_consumer *c);

/* Destroys the handle and frees all but `c` itself. Returns false when a question to the broker is
 * open or the handle does not go within a second: all of it is in use, and left to the end of the
 * process. */
bool kafka_consumer_close(struct kafka_consumer *c);

#endif
