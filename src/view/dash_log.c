#include "view/dash.h"

#include <string.h>

#include "base/utf8.h"

static void count_error(struct dash_log *log, const struct log_line *line)
{
    int64_t second = line->timestamp_ms / 1000;
    struct cause_slot *slot = &log->errors[(uint64_t)second % CAUSE_SLOTS];

    if (line->level != LOG_ERROR) {
        log->errors_in_a_row = 0;
        return;
    }
    log->errors_in_a_row++;
    if (line->is_fatal)
        log->fatal_ms = line->timestamp_ms;
    if (slot->period < second)
        *slot = (struct cause_slot){.period = second};
    if (slot->period == second)
        slot->count++;
}

static void add_reading(struct dash_log *log, int64_t at_ms)
{
    struct lag_reading *r;
    int64_t offsets = 0;

    if (log->metrics.lag < 0)
        return;
    for (int i = 0; i < log->metrics.partition_count; i++)
        offsets += log->metrics.partitions[i].offset;
    if (log->reading_count == DASH_READINGS)
        memmove(&log->readings[0], &log->readings[1],
                (DASH_READINGS - 1) * sizeof(log->readings[0]));
    else
        log->reading_count++;
    r = &log->readings[log->reading_count - 1];
    *r = (struct lag_reading){.at_ms = at_ms, .lag = log->metrics.lag, .offsets = offsets};
}

static void take_metrics(struct dash *d, const struct log_line *line)
{
    log_line_metrics(line, &d->log.metrics);
    d->log.metrics_ms = line->timestamp_ms;
    add_reading(&d->log, line->timestamp_ms);
}

static bool is_away(const struct log_line *line)
{
    return line->event == EVENT_KAFKA_UNAVAILABLE || line->event == EVENT_KAFKA_READ_DENIED;
}

static bool is_back(const struct log_line *line)
{
    return line->event == EVENT_KAFKA_AVAILABLE || line->event == EVENT_PARTITION_ASSIGNED ||
           line->event == EVENT_TRACKER_STARTED || line->event == EVENT_TRACKER_STOPPED;
}

/* The last line with a reason counts: what several clients see may be known to one of them. */
static void take_away(struct dash_log *log, const struct log_line *line)
{
    char *why = log->away_why;
    size_t len = 0;

    if (is_back(line)) {
        log->away_ms = 0;
        *why = '\0';
    }
    if (!is_away(line))
        return;
    if (log->away_ms == 0)
        log->away_ms = line->timestamp_ms;
    log->is_unassigned = line->event == EVENT_KAFKA_READ_DENIED;
    if (*line->error)
        len = utf8_copy(why, AWAY_WHY_SIZE, line->error);
    if (len > 0 && len + 3 < AWAY_WHY_SIZE && *line->remedy) {
        memcpy(why + len, "; ", 3);
        utf8_copy(why + len + 2, AWAY_WHY_SIZE - len - 2, line->remedy);
    }
}

/* Lines that repeat are counted, and the count comes later: what it says may be over by then. The
 * metrics say how it is. */
static void take_processor(struct dash_log *log, const struct log_line *line)
{
    bool is_metrics = line->event == EVENT_TRACKER_METRICS;
    bool is_up = line->event == EVENT_PROCESSOR_AVAILABLE || line->event == EVENT_TRACKER_STARTED ||
                 line->event == EVENT_TRACKER_STOPPED ||
                 (is_metrics && !log->metrics.is_processor_unavailable);
    bool is_down = (line->event == EVENT_PROCESSOR_UNAVAILABLE && !log_line_is_count(line)) ||
                   (is_metrics && log->metrics.is_processor_unavailable);

    if (is_up) {
        log->down_ms = 0;
        log->down_why[0] = '\0';
    }
    if (!is_down)
        return;
    if (log->down_ms == 0)
        log->down_ms = line->timestamp_ms;
    if (*line->error)
        utf8_copy(log->down_why, sizeof(log->down_why), line->error);
}

void dash_log_line(struct dash *d, const struct log_line *line, const struct place *place)
{
    struct log_row *row = ring_add(&d->logs, d->whole ? &d->whole->logs : NULL);

    row->level = line->level;
    row->row.at_ms = line->timestamp_ms;
    row->place = *place;
    log_line_summary(line, row->text, sizeof(row->text));

    count_error(&d->log, line);
    if (!d->log.has_any || line->timestamp_ms > d->log.newest_ms)
        d->log.newest_ms = line->timestamp_ms;
    d->log.has_any = true;
    d->log.is_stopped = line->event == EVENT_TRACKER_STOPPED;
    d->log.has_failed = d->log.is_stopped && line->level == LOG_ERROR;
    if (line->event == EVENT_TRACKER_STOPPED)
        d->log.stopped_ms = line->timestamp_ms;
    take_away(&d->log, line);
    if (line->event == EVENT_TRACKER_METRICS)
        take_metrics(d, line);
    take_processor(&d->log, line);
}

void dash_bad_log_line(struct dash *d, const struct place *place, bool is_torn)
{
    d->log_reader.malformed += !is_torn;
    d->log_reader.torn += is_torn;
    d->log_reader.last_malformed = *place;
}
