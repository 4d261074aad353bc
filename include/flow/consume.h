#ifndef FLOW_CONSUME_H
#define FLOW_CONSUME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "flow/lanes.h"
#include "flow/metrics.h"
#include "flow/dlq_watch.h"
#include "flow/port.h"

/* The tracker's flow: lanes are read, records settled, lines handed to the journal, and offsets
 * stored only when their lines are durable. It never waits: whoever drives it calls consume_turn
 * again and again and sleeps in between for as long as the turn says. */

struct consume_policy {
    struct lane_policy lane;
    const char *topic;
    size_t max_buffered_bytes;
    int64_t metrics_interval_ms;
    int64_t drain_timeout_ms; /* at an orderly stop */
    bool drain; /* stop by itself at the ends of the partitions as they are at the start */
};

struct consume_ports {
    const struct source *source;
    const struct sink *sink; /* NULL when dead letters are switched off */
    const struct processor *processor;
    const struct journal_port *journal;
    const struct clock *clock;
    const struct log *log;
    /* Told of each settled record, for people who watch; `o` is NULL when it was not decodable. May
     * be NULL. */
    void (*settled)(void *ctx, const struct record *r, const struct order *o);
    void *settled_ctx;
    int64_t (*fsync_ms_max)(void *ctx); /* slowest fsync since the last call; may be NULL */
    void *fsync_ctx;
};

enum consume_phase {
    CONSUME_RUNNING,
    CONSUME_DRAINING, /* a stop was asked for: handles what is before the ends noted then */
    CONSUME_FLUSHING, /* nothing is read any more: waits for the journal */
    CONSUME_DONE,
};

struct consume {
    struct consume_policy policy;
    struct consume_ports ports;
    struct lane_env env;
    struct lanes lanes;
    size_t next_lane;    /* the first to be read in the next turn */
    size_t first_run;    /* the first to begin attempts in this turn */
    struct strbuf lines; /* settled, not yet handed to the journal */
    uint64_t last_batch; /* handed to the journal */
    enum consume_phase phase;
    int64_t phase_deadline_ms;
    bool was_assigned;
    bool is_revoking;
    bool is_lost;
    int64_t revoke_deadline_ms;
    bool journal_was_blocked;
    bool is_unavailable; /* the processor, for a partition */
    int64_t unavailable_since_ms;
    bool has_failed; /* the exit status is to be 1 */
    struct err failure;
    /* At the end: records known to be before the ends whose lines are not on the disk, and whether
     * a partition's end is not known: then there may be more. */
    int64_t left_behind;
    bool are_ends_unknown;
    struct metrics metrics;
    struct dlq_watch dlq_watch;
};

/* Copies policy and ports; what they point to must outlive `c`. `seed` is for the jitter. */
void consume_init(struct consume *c, const struct consume_policy *policy,
                  const struct consume_ports *ports, uint64_t seed);
void consume_release(struct consume *c);

/* Does all there is to do now. Returns for how many milliseconds nothing will be due by time (0:
 * call again at once), at most 200; or -1 with `e` when the flow cannot go on: then nothing more
 * may be stored. */
int consume_turn(struct consume *c, struct err *e);

/* Asks for an orderly stop; asked again, nothing more is handled and only the journal is waited
 * for. */
void consume_stop(struct consume *c);

/* True when there is nothing left to do: the source can be closed. */
bool consume_is_done(const struct consume *c);

/* True when the flow is done, and all was handled that was to be handled before the stop. */
bool consume_is_drained(const struct consume *c);

/* Appends the totals as a JSON object, for the last line of the log. */
void consume_write_metrics(struct consume *c, struct strbuf *out);

#endif
