#ifndef FLOW_METRICS_H
#define FLOW_METRICS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/strbuf.h"
#include "model/histogram.h"
#include "model/record.h"

/* What the tracker counts, and its summary for the log. Pure. */

struct metrics {
    int64_t started_ms; /* monotonic */
    int64_t received;
    int64_t processed;
    int64_t failed; /* dead-lettered or dropped */
    int64_t retried;
    int64_t dead_lettered;
    int64_t dropped;

    int64_t interval_started_ms; /* monotonic */
    int64_t interval_received;
    struct histogram latency;   /* of the interval, in milliseconds; 49 days at most */
    struct histogram processor; /* likewise: of attempts that were answered later */
};

/* One partition as the summary shows it. */
struct metrics_partition {
    int32_t partition;
    int64_t offset;         /* next to be read, -1 if unknown */
    int64_t high_watermark; /* -1 if unknown */
};

/* What the loop knows beside the counters. */
struct metrics_state {
    const struct metrics_partition *partitions;
    size_t partition_count;
    int64_t fsync_ms_max;
    int64_t lanes_waiting;
    int64_t lanes_blocked;
    int64_t dlq_pending;
    int64_t processor_in_flight;
    bool processor_unavailable; /* for a partition */
    /* The oldest record without a line, of all partitions. */
    int64_t head_of_line_ms; /* since it was read, -1 if there is none */
    int32_t head_of_line_partition;
    int64_t head_of_line_offset;
};

void metrics_init(struct metrics *m, int64_t now_ms);

/* Counts one settled record. */
void metrics_settled(struct metrics *m, const struct record *r);

/* Counts an attempt that the processor took this long for. */
void metrics_attempted(struct metrics *m, int64_t ms);

/* Appends the summary as a JSON object. Figures over the interval count from metrics_next_interval.
 */
void metrics_write(const struct metrics *m, const struct metrics_state *state, int64_t now_ms,
                   struct strbuf *out);

void metrics_next_interval(struct metrics *m, int64_t now_ms);

#endif
