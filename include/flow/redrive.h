#ifndef FLOW_REDRIVE_H
#define FLOW_REDRIVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/log.h"
#include "flow/port.h"
#include "flow/replay.h"
#include "model/redrive_table.h"

/* Moves dead letters back to their original topics: one pass over the dead letter topic per reason,
 * each with a source that keeps the progress of this reason alone, so that a run for one reason
 * hides nothing from the next. All passes end where the first one saw the ends of the topic.
 *
 * What is stored at the source is, per partition, the longest prefix in which every record of the
 * reason is acknowledged or stays where it is. What may be sent twice after a crash is therefore
 * what was sent and not yet committed; a run that stops in good order leaves nothing of it. */

struct redrive_policy {
    struct replay_policy replay;
    int64_t max;  /* records to be sent by all passes; 0: no limit */
    int64_t rate; /* records a second; 0: no limit */
    bool is_dry;  /* count, but send and store nothing */
};

struct redrive_counts {
    int64_t sent; /* taken by the sink */
    int64_t acknowledged;
    int64_t failed; /* refused; nothing after it in its partition is read in this pass */
    char last_failure[384];
};

struct redrive_partition;

/* Records under way at once: so many may be sent twice after a crash, beside those of the time
 * between two commits. */
#define REDRIVE_WINDOW 1000

struct redrive_sent {
    size_t partition; /* index */
    int64_t offset;
    bool is_reported;
};

struct redrive {
    struct redrive_policy policy;
    const struct sink *sink;
    const struct log *log;
    struct redrive_counts counts;
    struct redrive_table table;

    /* Of the pass. */
    const struct source *source;
    enum record_reason reason;
    bool is_assigned;
    struct redrive_partition *partitions;
    size_t partition_count;
    size_t next_partition; /* its turn */
    struct message held;   /* fetched, to be sent as soon as it may */
    size_t held_partition;
    struct outgoing outgoing; /* what it becomes */
    bool has_held;
    struct arena arena; /* of the record at hand */

    /* Of the run. */
    struct assignment *ends; /* as the first pass saw them */
    size_t end_count;
    bool has_ends;
    int64_t due_us;                             /* of the next record, monotonic */
    bool is_ended;                              /* nothing more is to be sent, in no pass */
    struct redrive_sent window[REDRIVE_WINDOW]; /* by tag modulo its size */
    uint64_t first_tag;
    uint64_t next_tag;
};

/* `sink` may be NULL for a dry run. Sink and log must outlive it. */
void redrive_init(struct redrive *r, const struct redrive_policy *policy, const struct sink *sink,
                  const struct log *log, int64_t now_ms);

/* Begins the pass for one reason. `source` is of the dead letter topic and must live until the pass
 * is done or given up. */
void redrive_begin_pass(struct redrive *r, enum record_reason reason, const struct source *source);

/* Takes the reports, reads, sends what is due, stores the progress. Returns for how many
 * milliseconds there is nothing to do (0: call again at once), at most 200; or -1 with `e` when the
 * source is dead. */
int redrive_turn(struct redrive *r, int64_t now_ms, struct err *e);

/* True when the pass has nothing more to read or may not, and everything sent is reported and
 * stored. */
bool redrive_pass_is_done(const struct redrive *r);

/* Ends the pass, done or not: what is held is given back to the source. */
void redrive_end_pass(struct redrive *r);

/* Sends nothing more. */
void redrive_stop(struct redrive *r);

/* Records sent and not yet reported. */
int64_t redrive_in_flight(const struct redrive *r);

void redrive_release(struct redrive *r);

#endif
