#include "view/figures.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "view/figures_parts.h"

#define AHEAD_MS 2000

const char *window_name(int window)
{
    static const char *const names[] = {"10 s", "60 s", "15 min", "all"};

    return names[window];
}

static const char *const trend_names[] = {
    [TREND_UNKNOWN] = "n/a",
    [TREND_STEADY] = "steady",
    [TREND_DRAINING] = "draining",
    [TREND_GROWING] = "growing",
};

const char *trend_name(enum trend trend)
{
    return trend_names[trend];
}

static const char *const state_names[] = {
    [FLOW_WAITING] = "WAITING", [FLOW_LIVE] = "LIVE",   [FLOW_IDLE] = "IDLE",
    [FLOW_QUIET] = "QUIET",     [FLOW_STUCK] = "STUCK", [FLOW_STOPPED] = "STOPPED",
    [FLOW_STALE] = "STALE",     [FLOW_GONE] = "GONE",
};

const char *flow_state_name(enum flow_state state)
{
    return state_names[state];
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
    struct window_sum minute = window_sum(&d->window, f->now_ms, FIGURES_MINUTE);
    struct window_sum quarter = window_sum(&d->window, f->now_ms, WINDOW_LONGEST);

    f->rate_10s = rate_of(&ten, 10);
    f->rate_60s = rate_of(&minute, FIGURES_MINUTE);
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
    f->large_gap_age_ms = figures_age_or_unknown(f->now_ms, d->large_gap_ms);
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
    f->dlq_age_ms = figures_age_or_unknown(f->now_ms, d->dead_lettered_ms);
    f->failed_age_ms = figures_age_or_unknown(f->now_ms, d->failed_ms);
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

        if (s->second >= now || s->second < now - FIGURES_MINUTE || s->histogram.count == 0)
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
    l->p50 = l->p50 < l->max ? l->p50 : l->max; /* a percentile is up to 1 % too large */
    l->p95 = l->p95 < l->max ? l->p95 : l->max;
    l->p99 = l->p99 < l->max ? l->p99 : l->max;
    if (d->with_latency >= 20 && d->with_whole_second == d->with_latency)
        l->resolution = 1000;
    free(sum);
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
    struct partition_second sum = partition_sum(p, f->now_ms, FIGURES_MINUTE);
    int seconds = f->rate_60s.seconds;
    int64_t newest_ms = 0;

    *out = (struct figure_partition){.partition = p,
                                     .tracker = figures_tracker(f, p->newest_journal)->name,
                                     .lag = -1,
                                     .high_watermark = -1};
    out->per_second = seconds ? (double)sum.received / seconds : NAN;
    out->success = share(sum.received - sum.failed, sum.received);
    out->failed = sum.failed;
    out->age_ms = figures_age(f->now_ms, p->newest_ms);
    take_reported(out, d);
    for (int i = 0; i < d->part_count; i++) {
        if (d->parts[i]->log.metrics_ms > newest_ms && !d->parts[i]->log.is_stopped &&
            take_reported(out, d->parts[i]))
            newest_ms = d->parts[i]->log.metrics_ms;
    }
    out->behind_ms = out->lag > 0 ? figures_age_or_unknown(f->now_ms, p->made_ms) : out->lag;
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
    f->event_age_ms = d->has_event ? figures_age(now_ms, d->newest_ms) : -1;
    f->ahead_ms = d->has_event && d->newest_ms > now_ms + AHEAD_MS ? d->newest_ms - now_ms : 0;
    take_rates(f, d);
    take_totals(f, d);
    take_last(f, d);
    take_latency(f, d);
    f->latency_total = d->latency_total;
    f->latency_total_ms = d->latency_total_ms;
    order_sums_report(d->orders, now_ms, &f->orders);
    if (d->part_count) {
        figures_take_logs(f);
        take_integrity_of_all(f, d);
    } else {
        figures_take_log(f, &d->log);
    }
    take_readers(f, d);
    take_hour(f, d);
    take_partitions(f, d);
    f->causes = &d->causes;
    figures_take_life(f, d, limits);
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
