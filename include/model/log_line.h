#ifndef MODEL_LOG_LINE_H
#define MODEL_LOG_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/log.h"
#include "model/log_event.h"

/* One line of tracker.log as the monitor reads it. */

struct cJSON;

struct log_line {
    int64_t timestamp_ms;
    enum log_level level;
    bool is_fatal;           /* a level above ERROR, from writers that have one */
    enum log_event_id event; /* EVENT_NONE of earlier versions, and of other writers */
    const char *message;
    const char *error;            /* "" if none */
    const char *remedy;           /* of the metadata; "" if none */
    const struct cJSON *metadata; /* an object, or NULL */
    struct cJSON *doc;            /* what the others are borrowed from */
};

/* A longer line is refused: one with metrics of 10,000 partitions has 1 MiB. */
#define LOG_LINE_MAX ((size_t)1 << 20)

/* Reads one line without its newline into `line`, which log_line_release frees in any case. Returns
 * 0, or -1 when it is no JSON object or lacks timestamp or message. An unknown level reads as INFO.
 */
int log_line_parse(struct log_line *line, const char *text, size_t len);

void log_line_release(struct log_line *line);

#define LOG_METRICS_PARTITIONS 256

/* The tracker's own figures. A number that the line does not give, or gives as null, is -1. */
struct log_metrics {
    int64_t uptime_seconds;
    int64_t received;
    int64_t processed;
    int64_t failed;
    int64_t retried;
    int64_t dead_lettered;
    int64_t dropped;
    int64_t lag;
    int64_t fsync_ms_max; /* in the interval before the line */
    int64_t lanes_waiting;
    int64_t lanes_blocked;
    int64_t dlq_pending;
    int64_t processor_in_flight;
    int64_t processor_p50; /* of the attempts answered in the interval before the line, in ms */
    int64_t processor_p99;
    int64_t head_of_line_ms; /* how long ago the oldest record in progress was read */
    int64_t head_of_line_partition;
    int64_t head_of_line_offset;
    bool is_processor_unavailable;
    struct {
        int32_t partition;
        int64_t offset;
        int64_t high_watermark;
        int64_t lag;
    } partitions[LOG_METRICS_PARTITIONS];
    int partition_count; /* those beyond the array's end are left out */
};

/* True for a line that only says how often an earlier one was repeated. */
bool log_line_is_count(const struct log_line *line);

/* Reads the metadata of a line of EVENT_TRACKER_METRICS. */
void log_line_metrics(const struct log_line *line, struct log_metrics *m);

/* Writes what a list shows: the message, then the error, then the metadata's plain members as
 * name=value; for metrics only the few that tell most. At most `cap` - 1 bytes and a NUL. */
void log_line_summary(const struct log_line *line, char *out, size_t cap);

#endif
