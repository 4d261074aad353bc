#include "view/figures.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define EVENT_FRESH_MS 60000
#define AHEAD_MS       2000
#define LAST_MINUTE    60
#define STEADY_SECONDS 3 /* of 10 */
#define OVERDUE        20
#define LOG_AFTER_MS   1000

static const char *const state_names[] = {
    [FLOW_WAITING] = "WAITING", [FLOW_LIVE] = "LIVE",   [FLOW_IDLE] = "IDLE",
    [FLOW_QUIET] = "QUIET",     [FLOW_STUCK] = "STUCK", [FLOW_STOPPED] = "STOPPED",
    [FLOW_STALE] = "STALE",
};

static const char *const trend_names[] = {
    [TREND_UNKNOWN] = "n/a",
    [TREND_STEADY] = "steady",
    [TREND_DRAINING] = "draining",
    [TREND_GROWING] = "growing",
};

const char *flow_state_name(enum flow_state state)
{
    return state_names[state];
}

const char *trend_name(enum trend trend)
{
    return trend_names[trend];
}

const char *window_name(int window)
{
    static const char *const names[] = {"10 s", "60 s", "15 min", "all"};

    return names[window];
}

static int64_t age(int64_t now_ms, int64_t at_ms)
{
    return now_ms > at_ms ? now_ms - at_ms : 0;
}

static int64_t age_or_unknown(int64_t now_ms, int64_t at_ms)
{
    return at_ms ? age(now_ms, at_ms) : -1;
}

static struct figure_rate rate_of(const struct window_sum *sum, int seconds)
{
    return (struct figure_rate){
        .per_second = sum->seconds ? (double)sum->received / sum->seconds : NAN,
        .seconds = sum->seconds,
        .is_short = sum->seconds < seconds,
    };
}

static double share(uint64_t part, uint64_t whole)
{
    return whole ? (double)part / (double)whole : NAN;
}

static struct figure_window window_of(const struct dash *d, const struct window_sum *sum)
{
    return (struct figure_window){
        .received = d->has_event ? (int64_t)sum->received : -1,
        .failed = d->has_event ? (int64_t)sum->failed : -1,
        .retried = d->knows_outcome ? (int64_t)sum->retries : -1,
        .dlq = d->knows_outcome ? (int64_t)sum->dead_lettered : -1,
        .success = share(sum->received - sum->failed, sum->received),
    };
}

static void take_rates(struct figures *f, const struct dash *d)
{
    struct window_sum ten = window_sum(&d->window, f->now_ms, 10);
    struct window_sum minute = window_sum(&d->window, f->now_ms, LAST_MINUTE);
    struct window_sum quarter = window_sum(&d->window, f->now_ms, WINDOW_LONGEST);

    f->rate_10s = rate_of(&ten, 10);
    f->rate_60s = rate_of(&minute, LAST_MINUTE);
    f->rate_15m = rate_of(&quarter, WINDOW_LONGEST);
    f->peak = quarter.seconds ? (int64_t)quarter.peak : -1;
    f->bytes_per_second = ten.seconds ? (double)ten.bytes / ten.seconds : NAN;
    f->mean_bytes = share(minute.bytes, minute.received);
    f->windows[WINDOW_10S] = window_of(d, &ten);
    f->windows[WINDOW_60S] = window_of(d, &minute);
    f->windows[WINDOW_15M] = window_of(d, &quarter);
    f->success_60s = f->windows[WINDOW_60S].success;
    f->skewed = share(minute.skewed, minute.received);
    f->received_60s = f->windows[WINDOW_60S].received;
    f->failed_60s = f->windows[WINDOW_60S].failed;
    f->retried_60s = f->windows[WINDOW_60S].retried;
    f->dlq_60s = f->windows[WINDOW_60S].dlq;
    f->gaps_15m = d->has_event ? (int64_t)quarter.gaps : -1;
    f->large_gap_age_ms = age_or_unknown(f->now_ms, d->large_gap_ms);
}

#define COMPARED_MINUTES 5

static uint64_t minutes_sum(const struct dash *d, int64_t from)
{
    uint64_t sum = 0;

    for (int i = 0; i < DASH_MINUTES; i++) {
        if (d->minutes[i].minute >= from && d->minutes[i].minute < from + COMPARED_MINUTES)
            sum += d->minutes[i].received;
    }
    return sum;
}

/* Only when the hour was seen whole. */
static void take_hour(struct figures *f, const struct dash *d)
{
    int64_t recent = f->now_ms / 60000 - COMPARED_MINUTES;
    uint64_t before = minutes_sum(d, recent - 60);

    f->vs_hour_ago = NAN;
    if (!d->has_event || d->first_ms / 60000 >= recent - 60 || !f->totals_complete)
        return;
    if (before)
        f->vs_hour_ago = (double)minutes_sum(d, recent) / (double)before - 1;
}

static void take_totals(struct figures *f, const struct dash *d)
{
    bool has = d->has_event;

    f->received = has ? (int64_t)d->received : -1;
    f->failed = has ? (int64_t)d->failed : -1;
    f->ok = has ? (int64_t)(d->received - d->failed) : -1;
    f->success_total = share(d->received - d->failed, d->received);
    f->retried = d->knows_outcome ? (int64_t)d->retries : -1;
    f->dlq = d->knows_outcome ? (int64_t)d->dead_lettered : -1;
    f->windows[WINDOW_ALL] = (struct figure_window){.received = f->received,
                                                    .failed = f->failed,
                                                    .retried = f->retried,
                                                    .dlq = f->dlq,
                                                    .success = f->success_total};
    f->gaps = has ? (int64_t)d->gaps : -1;
    f->dups = has ? (int64_t)d->dups : -1;
    f->rewinds = has ? (int64_t)d->rewinds : -1;
    f->span_ms = has ? d->newest_ms - d->first_ms : -1;
    f->largest_skew_ms = d->largest_skew_ms;
    f->dlq_age_ms = age_or_unknown(f->now_ms, d->dead_lettered_ms);
    f->failed_age_ms = age_or_unknown(f->now_ms, d->failed_ms);
}

static void take_last(struct figures *f, const struct dash *d)
{
    int count = d->live < DASH_LAST ? (int)d->live : DASH_LAST;
    int failed = 0;

    for (int i = 0; i < count; i++)
        failed += d->last_failed[i];
    f->last_count = count;
    f->success_last = count ? (double)(count - failed) / count : NAN;
}

static void take_latency(struct figures *f, const struct dash *d)
{
    struct histogram *sum = mem_alloc(sizeof(*sum));
    int64_t now = f->now_ms / 1000;
    struct figure_latency *l = &f->latency;

    *l = (struct figure_latency){.p50 = -1, .p95 = -1, .p99 = -1, .max = -1, .resolution = 1};
    for (int i = 0; i < DASH_LATENCY_SECONDS; i++) {
        const struct latency_second *s = &d->latency[i];

        if (s->second >= now || s->second < now - LAST_MINUTE || s->histogram.count == 0)
            continue;
        histogram_merge(sum, &s->histogram);
        if (s->max > l->max)
            l->max = s->max;
    }
    l->count = sum->count;
    if (sum->count)
        l->p50 = histogram_quantile(sum, 0.50);
    if (sum->count >= 20)
        l->p95 = histogram_quantile(sum, 0.95);
    if (sum->count >= 100)
        l->p99 = histogram_quantile(sum, 0.99);
    if (sum->count && l->max < 0)
        l->max = 0;
    if (d->with_latency >= 20 && d->with_whole_second == d->with_latency)
        l->resolution = 1000;
    free(sum);
}

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

/* Of several trackers: the sum of what they report, the trouble of any. */
static void take_lag_of_all(struct figures *f)
{
    struct figure_lag *sum = &f->lag;

    *sum = (struct figure_lag){.messages = -1, .max_partition = -1, .max_messages = -1};
    sum->clear_seconds = NAN;
    sum->age_ms = -1;
    for (int i = 0; i < f->tracker_count; i++) {
        const struct figure_lag *lag = &f->trackers[i].lag;

        if (lag->messages < 0 || f->trackers[i].state == FLOW_STOPPED ||
            f->trackers[i].state == FLOW_STALE) /* it is known no longer */
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

static void take_lag(struct figures *f, const struct dash_log *log)
{
    const struct log_metrics *m = &log->metrics;
    struct figure_lag *lag = &f->lag;

    *lag = (struct figure_lag){.messages = -1, .max_partition = -1, .max_messages = -1};
    lag->clear_seconds = NAN;
    lag->age_ms = age_or_unknown(f->now_ms, log->metrics_ms);
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

static void take_log(struct figures *f, const struct dash_log *log)
{
    int64_t now = f->now_ms / 1000;
    int n = log->reading_count;

    f->log_age_ms = log->has_any ? age(f->now_ms, log->newest_ms) : -1;
    f->fatal_age_ms = age_or_unknown(f->now_ms, log->fatal_ms);
    f->away_age_ms = age_or_unknown(f->now_ms, log->away_ms);
    f->stop_age_ms = log->is_stopped ? age(f->now_ms, log->stopped_ms) : -1;
    f->errors_in_a_row = log->errors_in_a_row;
    f->errors_60s = log->has_any ? 0 : -1;
    for (int i = 0; i < CAUSE_SLOTS && log->has_any; i++) {
        if (log->errors[i].period > now - LAST_MINUTE)
            f->errors_60s += log->errors[i].count;
    }
    f->log_interval_ms = n > 1 ? log->readings[n - 1].at_ms - log->readings[n - 2].at_ms : -1;
}

static int64_t least(int64_t a, int64_t b)
{
    return a < 0 || (b >= 0 && b < a) ? b : a;
}

static void take_log_of_all(struct figures *f)
{
    f->log_age_ms = f->fatal_age_ms = f->stop_age_ms = f->errors_60s = f->log_interval_ms = -1;
    f->away_age_ms = -1;
    for (int i = 0; i < f->tracker_count; i++) {
        const struct figures *t = &f->trackers[i];

        f->log_age_ms = least(f->log_age_ms, t->log_age_ms);
        f->fatal_age_ms = least(f->fatal_age_ms, t->fatal_age_ms);
        f->stop_age_ms = least(f->stop_age_ms, t->stop_age_ms);
        if (t->away_age_ms > f->away_age_ms)
            f->away_age_ms = t->away_age_ms;
        if (t->errors_in_a_row > f->errors_in_a_row)
            f->errors_in_a_row = t->errors_in_a_row;
        if (t->errors_60s >= 0)
            f->errors_60s = t->errors_60s + (f->errors_60s < 0 ? 0 : f->errors_60s);
    }
}

/* What only each journal, or only all of them together, can tell. */
static void take_integrity_of_all(struct figures *f, const struct dash *d)
{
    int64_t since = f->now_ms - INT64_C(1000) * WINDOW_LONGEST;
    uint64_t most = 0;

    f->gaps = f->gaps_15m = f->dups = f->rewinds = d->has_event ? 0 : -1;
    f->large_gap_age_ms = -1;
    for (size_t i = 0; i < d->partitions.count; i++) {
        const struct coverage *c = d->partitions.items[i].coverage;

        f->gaps += (int64_t)coverage_missing(c);
        f->gaps_15m += (int64_t)coverage_missing_since(c, since, &most);
        if (most > DASH_LARGE_GAP)
            f->large_gap_age_ms = 0;
    }
    for (int i = 0; i < f->tracker_count; i++) {
        const struct figures *t = &f->trackers[i];

        f->dups += t->dups > 0 ? t->dups : 0;
        f->rewinds += t->rewinds > 0 ? t->rewinds : 0;
        f->is_rewound |= t->is_rewound;
    }
    if (d->history.is_reading) /* holes that the rest of it will fill */
        f->gaps = -1;
}

static int64_t reader_lag_ms(const struct reader *r)
{
    return r->behind_ms > 0 ? r->behind_ms : 0;
}

static void take_readers(struct figures *f, const struct dash *d)
{
    const struct reader *e = &d->events_reader;
    const struct reader *l = &d->log_reader;

    f->events_reader = e;
    f->log_reader = l;
    f->read_lag_bytes = e->behind + l->behind;
    f->read_lag_ms = reader_lag_ms(e) > reader_lag_ms(l) ? reader_lag_ms(e) : reader_lag_ms(l);
    f->is_catching_up = e->state == READER_OPEN && !e->was_at_end;
    f->read_share =
        f->is_catching_up && e->size > 0 ? 1.0 - (double)e->behind / (double)e->size : 1.0;
    f->totals_complete = !f->is_catching_up && !d->history.is_reading && !d->history.is_skipped;
    f->journal_bytes = e->state == READER_OPEN ? e->size : -1;
}

static bool has_stopped(const struct figures *f, const struct dash *d)
{
    for (int i = 0; i < f->tracker_count; i++) {
        if (f->trackers[i].state != FLOW_STOPPED)
            return false;
    }
    return f->tracker_count || (d->log.is_stopped && d->newest_ms <= d->log.stopped_ms + 1000);
}

static enum flow_state state_of(const struct figures *f, const struct dash *d, int64_t stale_ms)
{
    bool fresh = f->event_age_ms >= 0 && f->event_age_ms < EVENT_FRESH_MS;
    bool log_fresh = f->log_age_ms >= 0 && f->log_age_ms < stale_ms;
    bool is_silent = f->event_age_ms >= stale_ms && !log_fresh;

    if (f->event_age_ms < 0 && f->log_age_ms < 0)
        return FLOW_WAITING;
    if (has_stopped(f, d))
        return FLOW_STOPPED;
    if (fresh && !is_silent)
        return FLOW_LIVE;
    if (!log_fresh)
        return FLOW_STALE;
    if (f->lag.messages < 0)
        return FLOW_QUIET;
    return f->lag.messages == 0 ? FLOW_IDLE : FLOW_STUCK;
}

/* Who had many events a second and now has no line at all is likely gone, long before the silence
 * is stale. A burst or a trickle promises nothing, and a line of the log later than the events says
 * that there are just no orders. */
static void take_silence(struct figures *f, const struct dash *d, int64_t limit_ms)
{
    struct window_sum before = window_sum(&d->window, d->newest_ms, 10);
    bool is_steady = before.busy >= STEADY_SECONDS;
    bool log_went_on = f->log_age_ms >= 0 && f->log_age_ms + LOG_AFTER_MS < f->event_age_ms;

    f->silence_ms = -1;
    f->silence_rate = before.seconds ? (double)before.received / before.seconds : NAN;
    if (!d->has_event || f->event_age_ms < limit_ms || !is_steady || log_went_on ||
        f->is_catching_up || f->read_lag_bytes > 0)
        return;
    if (f->silence_rate * (double)f->event_age_ms >= OVERDUE * 1000.0)
        f->silence_ms = f->event_age_ms;
}

static int by_number(const void *a, const void *b)
{
    const struct figure_partition *p = a;
    const struct figure_partition *q = b;

    return (p->partition->number > q->partition->number) -
           (p->partition->number < q->partition->number);
}

/* What the log's last metrics say of the partition, if they do. */
static bool take_reported(struct figure_partition *out, const struct dash *d)
{
    const struct log_metrics *m = &d->log.metrics;

    for (int i = 0; i < m->partition_count && d->log.metrics_ms; i++) {
        if (m->partitions[i].partition != out->partition->number)
            continue;
        out->lag = m->partitions[i].lag;
        out->high_watermark = m->partitions[i].high_watermark;
        return true;
    }
    return false;
}

static void take_partition(struct figure_partition *out, const struct figures *f,
                           const struct dash *d, const struct partition *p)
{
    struct partition_second sum = partition_sum(p, f->now_ms, LAST_MINUTE);
    int seconds = f->rate_60s.seconds;
    int64_t newest_ms = 0;

    *out = (struct figure_partition){.partition = p, .lag = -1, .high_watermark = -1};
    out->per_second = seconds ? (double)sum.received / seconds : NAN;
    out->success = share(sum.received - sum.failed, sum.received);
    out->failed = sum.failed;
    out->age_ms = age(f->now_ms, p->newest_ms);
    take_reported(out, d);
    for (int i = 0; i < d->part_count; i++) {
        if (d->parts[i]->log.metrics_ms > newest_ms && !d->parts[i]->log.is_stopped &&
            take_reported(out, d->parts[i]))
            newest_ms = d->parts[i]->log.metrics_ms;
    }
}

static void take_partitions(struct figures *f, const struct dash *d)
{
    f->partition_count = (int)d->partitions.count;
    f->partitions =
        mem_realloc_array(f->partitions, d->partitions.count + 1, sizeof(*f->partitions));
    for (int i = 0; i < f->partition_count; i++) {
        take_partition(&f->partitions[i], f, d, &d->partitions.items[i]);
        f->is_rewound |= d->partitions.items[i].is_rewound;
    }
    if (f->partition_count > 1)
        qsort(f->partitions, (size_t)f->partition_count, sizeof(*f->partitions), by_number);
}

static void take_trackers(struct figures *f, const struct dash *d,
                          const struct health_limits *limits)
{
    if (d->part_count > f->tracker_count) {
        f->trackers = mem_realloc_array(f->trackers, (size_t)d->part_count, sizeof(*f->trackers));
        memset(&f->trackers[f->tracker_count], 0,
               (size_t)(d->part_count - f->tracker_count) * sizeof(*f->trackers));
        f->tracker_count = d->part_count;
    }
    for (int i = 0; i < d->part_count; i++)
        figures_take(&f->trackers[i], d->parts[i], limits, f->now_ms);
}

static void take_own(struct figures *f, const struct dash *d)
{
    take_log(f, &d->log);
    take_lag(f, &d->log);
}

static void take_of_all(struct figures *f, const struct dash *d)
{
    take_log_of_all(f);
    take_lag_of_all(f);
    take_integrity_of_all(f, d);
}

void figures_take(struct figures *f, const struct dash *d, const struct health_limits *limits,
                  int64_t now_ms)
{
    *f = (struct figures){.now_ms = now_ms,
                          .name = d->name,
                          .since_ms = d->since_ms,
                          .is_part = d->whole && d->whole->part_count > 1,
                          .partitions = f->partitions,
                          .trackers = f->trackers,
                          .tracker_count = f->tracker_count};
    take_trackers(f, d, limits);
    f->event_age_ms = d->has_event ? age(now_ms, d->newest_ms) : -1;
    f->ahead_ms = d->has_event && d->newest_ms > now_ms + AHEAD_MS ? d->newest_ms - now_ms : 0;
    take_rates(f, d);
    take_totals(f, d);
    take_last(f, d);
    take_latency(f, d);
    order_sums_report(d->orders, now_ms, &f->orders);
    (d->part_count ? take_of_all : take_own)(f, d);
    take_readers(f, d);
    take_silence(f, d, limits->silence_ms);
    take_hour(f, d);
    take_partitions(f, d);
    f->causes = &d->causes;
    f->state = state_of(f, d, limits->stale_ms);
    health_judge(&f->health, f, limits);
}

const struct figures *figures_tracker(const struct figures *f, int i)
{
    return f->tracker_count ? &f->trackers[i] : f;
}

int figures_tracker_rows(const struct figures *f)
{
    return f->tracker_count ? f->tracker_count : 1;
}

void figures_release(struct figures *f)
{
    for (int i = 0; i < f->tracker_count; i++)
        figures_release(&f->trackers[i]);
    free(f->trackers);
    free(f->partitions);
    *f = (struct figures){0};
}
