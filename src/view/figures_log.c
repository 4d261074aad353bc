#include "view/figures_parts.h"

#include <math.h>

/* Burrow's idea: look at a few readings of lag and offset instead of at a threshold. */
static void take_trend(struct figure_lag *lag, const struct dash_log *log)
{
    const struct lag_reading *r = log->readings;
    int last = log->reading_count - 1;
    bool shrank = false;
    double per_second;

    lag->trend = TREND_UNKNOWN;
    if (last < 1)
        return;
    for (int i = 1; i <= last; i++)
        shrank |= r[i].lag < r[i - 1].lag;
    lag->trend = r[last].lag < r[0].lag   ? TREND_DRAINING
                 : r[last].lag > r[0].lag ? TREND_GROWING
                                          : TREND_STEADY;
    per_second = (double)(r[0].lag - r[last].lag) * 1000.0 / (double)(r[last].at_ms - r[0].at_ms);
    if (lag->trend == TREND_DRAINING && isfinite(per_second) && per_second > 0)
        lag->clear_seconds = (double)r[last].lag / per_second;
    if (last < DASH_READINGS - 1)
        return;
    lag->never_shrank = !shrank && r[0].lag > 0 && r[last].lag > r[0].lag &&
                        r[last].offsets > r[0].offsets; /* from 0 it is no trend yet */
    lag->is_frozen = r[last].lag > 0 && r[0].lag > 0 && r[last].offsets == r[0].offsets;
}

static void take_lag(struct figures *f, const struct dash_log *log)
{
    const struct log_metrics *m = &log->metrics;
    struct figure_lag *lag = &f->lag;

    *lag = (struct figure_lag){.messages = -1, .max_partition = -1, .max_messages = -1};
    lag->clear_seconds = NAN;
    lag->age_ms = figures_age_or_unknown(f->now_ms, log->metrics_ms);
    if (!log->metrics_ms || m->lag < 0)
        return;
    lag->messages = m->lag;
    for (int i = 0; i < m->partition_count; i++) {
        if (m->partitions[i].lag <= 0 || m->partitions[i].lag <= lag->max_messages)
            continue;
        lag->max_messages = m->partitions[i].lag;
        lag->max_partition = m->partitions[i].partition;
    }
    if (f->log_interval_ms > 0)
        lag->is_old = lag->age_ms > 2 * f->log_interval_ms;
    take_trend(lag, log);
    if (m->lag == 0)
        lag->clear_seconds = 0;
}

static void take_processor(struct figures *f, const struct dash_log *log)
{
    const struct log_metrics *m = &log->metrics;
    bool is_known = log->metrics_ms != 0 && !log->is_stopped;

    f->down_age_ms = figures_age_or_unknown(f->now_ms, log->down_ms);
    f->down_why = log->down_why;
    f->in_flight = is_known ? m->processor_in_flight : -1;
    f->processor_p50 = is_known ? m->processor_p50 : -1;
    f->processor_p99 = is_known ? m->processor_p99 : -1;
    f->head_ms = is_known ? m->head_of_line_ms : -1;
    f->head_partition = is_known ? m->head_of_line_partition : -1;
    f->head_offset = is_known ? m->head_of_line_offset : -1;
}

static void take_log(struct figures *f, const struct dash_log *log)
{
    int64_t now = f->now_ms / 1000;
    int n = log->reading_count;

    f->log_age_ms = log->has_any ? figures_age(f->now_ms, log->newest_ms) : -1;
    f->fatal_age_ms = figures_age_or_unknown(f->now_ms, log->fatal_ms);
    f->away_age_ms = figures_age_or_unknown(f->now_ms, log->away_ms);
    f->away_why = log->away_why;
    take_processor(f, log);
    f->is_unassigned = log->is_unassigned;
    f->has_failed = log->has_failed;
    f->stop_age_ms = log->is_stopped ? figures_age(f->now_ms, log->stopped_ms) : -1;
    f->errors_in_a_row = log->errors_in_a_row;
    f->errors_60s = log->has_any ? 0 : -1;
    for (int i = 0; i < CAUSE_SLOTS && log->has_any; i++) {
        if (log->errors[i].period > now - FIGURES_MINUTE)
            f->errors_60s += log->errors[i].count;
    }
    f->log_interval_ms = n > 1 ? log->readings[n - 1].at_ms - log->readings[n - 2].at_ms : -1;
}

void figures_take_log(struct figures *f, const struct dash_log *log)
{
    f->log_metrics = log->metrics_ms && !log->is_stopped ? &log->metrics : NULL;
    take_log(f, log);
    take_lag(f, log);
}

/* ---- of several trackers ---- */

static bool is_gone(const struct figures *tracker)
{
    return tracker->state == FLOW_STOPPED || tracker->state == FLOW_GONE ||
           tracker->state == FLOW_STALE;
}

static bool all_are_gone(const struct figures *f)
{
    for (int i = 0; i < f->tracker_count; i++) {
        if (!is_gone(&f->trackers[i]))
            return false;
    }
    return true;
}

/* The sum of what they report, the trouble of any. What one that is gone left behind others have
 * taken over, if there are any. */
static void take_lag_of_all(struct figures *f)
{
    bool counts_gone = all_are_gone(f);
    struct figure_lag *sum = &f->lag;

    *sum = (struct figure_lag){.messages = -1, .max_partition = -1, .max_messages = -1};
    sum->clear_seconds = NAN;
    sum->age_ms = -1;
    for (int i = 0; i < f->tracker_count; i++) {
        const struct figure_lag *lag = &f->trackers[i].lag;

        if (lag->messages < 0 || (is_gone(&f->trackers[i]) && !counts_gone))
            continue;
        sum->messages = lag->messages + (sum->messages < 0 ? 0 : sum->messages);
        if (lag->max_messages > sum->max_messages) {
            sum->max_messages = lag->max_messages;
            sum->max_partition = lag->max_partition;
        }
        sum->age_ms = lag->age_ms > sum->age_ms ? lag->age_ms : sum->age_ms;
        sum->is_old |= lag->is_old;
        sum->trend = lag->trend > sum->trend ? lag->trend : sum->trend;
        sum->never_shrank |= lag->never_shrank;
        sum->is_frozen |= lag->is_frozen;
        if (isfinite(lag->clear_seconds) && !(sum->clear_seconds > lag->clear_seconds))
            sum->clear_seconds = lag->clear_seconds;
    }
    if (sum->trend == TREND_GROWING)
        sum->clear_seconds = NAN;
}

static int64_t least(int64_t a, int64_t b)
{
    return a < 0 || (b >= 0 && b < a) ? b : a;
}

static void take_processor_of(struct figures *f, const struct figures *t)
{
    if (t->in_flight >= 0)
        f->in_flight = t->in_flight + (f->in_flight < 0 ? 0 : f->in_flight);
    if (t->processor_p99 > f->processor_p99) {
        f->processor_p50 = t->processor_p50;
        f->processor_p99 = t->processor_p99;
    }
    if (t->head_ms > f->head_ms) {
        f->head_ms = t->head_ms;
        f->head_partition = t->head_partition;
        f->head_offset = t->head_offset;
    }
    if (t->down_age_ms > f->down_age_ms) {
        f->down_age_ms = t->down_age_ms;
        f->down_why = t->down_why;
    }
}

static void take_log_of_all(struct figures *f)
{
    f->log_age_ms = f->fatal_age_ms = f->stop_age_ms = f->errors_60s = f->log_interval_ms = -1;
    f->away_age_ms = -1;
    f->away_why = "";
    f->down_age_ms = -1;
    f->down_why = "";
    f->in_flight = f->processor_p50 = f->processor_p99 = -1;
    f->head_ms = f->head_partition = f->head_offset = -1;
    for (int i = 0; i < f->tracker_count; i++) {
        const struct figures *t = &f->trackers[i];

        f->log_age_ms = least(f->log_age_ms, t->log_age_ms);
        f->fatal_age_ms = least(f->fatal_age_ms, t->fatal_age_ms);
        f->stop_age_ms = least(f->stop_age_ms, t->stop_age_ms);
        f->has_failed |= t->has_failed;
        take_processor_of(f, t);
        if (t->away_age_ms > f->away_age_ms) {
            f->away_age_ms = t->away_age_ms;
            f->away_why = t->away_why;
            f->is_unassigned = t->is_unassigned;
        }
        if (t->errors_in_a_row > f->errors_in_a_row)
            f->errors_in_a_row = t->errors_in_a_row;
        if (t->errors_60s >= 0)
            f->errors_60s = t->errors_60s + (f->errors_60s < 0 ? 0 : f->errors_60s);
    }
}

void figures_take_logs(struct figures *f)
{
    take_log_of_all(f);
    take_lag_of_all(f);
}
