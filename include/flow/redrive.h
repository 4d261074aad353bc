#ifndef FLOW_REDRIVE_H
#define FLOW_REDRIVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/log.h"
#include "flow/port.h"
#include "flow/redrive_partition.h"
#include "flow/replay.h"
#include "model/redrive_table.h"

/* Moves dead letters back to their original topics, in one pass over the dead letter topic that
 * ends where the topic ended at the start.
 *
 * What is stored with the offset of each partition says which dead letters are still open
 * (model/redrive_progress.h): those whose reason was not asked for, that were moved back often
 * enough, whose topic is not available, that were refused, and those that nobody looked at. The
 * next run sends what is open and nothing else. After a crash what was acknowledged and not yet
 * committed is sent again, and what was on its way then. */

struct redrive_policy {
    struct replay_policy replay;
    bool is_one_reason; /* only this one */
    enum record_reason reason;
    int64_t max;  /* records to be sent; 0: no limit */
    int64_t rate; /* records a second; 0: no limit */
    bool is_dry;  /* count, but send and store nothing */
};

struct redrive_counts {
    int64_t sent; /* taken by the sink */
    int64_t acknowledged;
    int64_t failed; /* refused, or not sent since their topic is not available */
};

/* The first one of its kind, for people. */
struct redrive_place {
    int32_t partition;
    int64_t offset;
    int64_t count; /* 0: there is none */
};

enum redrive_topic_state {
    REDRIVE_TOPIC_UNKNOWN, /* nobody knows yet whether it is there */
    REDRIVE_TOPIC_THERE,   /* nothing was acknowledged yet: one record at a time */
    REDRIVE_TOPIC_TRIED,   /* the one is on its way */
    REDRIVE_TOPIC_GOOD,
    REDRIVE_TOPIC_UNAVAILABLE, /* until the end of this run */
};

/* One original topic. */
struct redrive_topic {
    char *name;
    enum redrive_topic_state state;
    struct redrive_place failed; /* what was refused or not sent */
    char why[256];               /* the first of them */
};

/* Records on their way at once: so many may be sent twice after a crash, and those of the time
 * between two commits. */
#define REDRIVE_WINDOW 1000

struct redrive_sent {
    size_t partition; /* index */
    size_t topic;     /* index */
    int64_t offset;
    bool is_reported;
};

struct redrive {
    struct redrive_policy policy;
    const struct dead_letters *letters;
    const struct sink *sink;
    const struct log *log;
    struct redrive_counts counts;
    struct redrive_table table;
    struct redrive_topic *topics;
    size_t topic_count;
    struct redrive_place incomplete; /* what cannot be restored */
    struct redrive_place full;       /* where a partition was given up: no room for what is left */
    bool has_begun;                  /* the partitions are known */
    struct redrive_partition *partitions;
    size_t partition_count;
    size_t next_partition; /* its turn */
    struct message held;   /* fetched, to be sent as soon as it may */
    size_t held_partition;
    size_t held_topic;
    struct replay replay;     /* what the held one's headers say */
    struct outgoing outgoing; /* what it becomes */
    bool has_held;
    struct arena arena;                         /* of the record at hand */
    int64_t due_us;                             /* of the next record, monotonic */
    bool is_ended;                              /* nothing more is to be sent */
    struct redrive_sent window[REDRIVE_WINDOW]; /* by tag modulo its size */
    uint64_t first_tag;
    uint64_t next_tag;
};

/* `sink` may be NULL for a dry run. All ports must outlive it. */
void redrive_init(struct redrive *r, const struct redrive_policy *policy,
                  const struct dead_letters *letters, const struct sink *sink,
                  const struct log *log, int64_t now_ms);

/* Takes the reports, reads, sends what is due, stores what is done. Returns for how many
 * milliseconds there is nothing to do (0: call again at once), at most 200; or -1 with `e` when the
 * dead letters cannot be read, or what was committed with an offset is not ours. */
int redrive_turn(struct redrive *r, int64_t now_ms, struct err *e);

/* True when it has nothing more to read or may not, and everything sent is reported. */
bool redrive_is_done(const struct redrive *r);

/* Stores where it ended, done or not: what has no report yet is left open. Nothing may be called
 * after it but redrive_in_flight and redrive_release. */
void redrive_end(struct redrive *r);

/* Sends nothing more. */
void redrive_stop(struct redrive *r);

/* Records sent and not yet reported. */
int64_t redrive_in_flight(const struct redrive *r);

void redrive_release(struct redrive *r);

#endif
