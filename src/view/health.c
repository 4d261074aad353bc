#include "view/health.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "view/format.h"

#define MIN_SAMPLE   20
#define QUARTER_MS   (INT64_C(15) * 60 * 1000)
#define MINUTE_MS    60000
#define READ_LAG_MS  2000
#define BURST_LEAST  5
#define BURST_SIGMAS 3.0

static struct health_finding finding(enum level level, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

static struct health_finding finding(enum level level, const char *fmt, ...)
{
    struct health_finding f = {.level = level};
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(f.text, sizeof(f.text), fmt, ap);
    va_end(ap);
    return f;
}

static const struct reader *failed_reader(const struct figures *f)
{
    if (f->events_reader->error)
        return f->events_reader;
    return f->log_reader->error ? f->log_reader : NULL;
}

/* Neither fresh events nor a reading of lag 0 are a sign of life any longer. */
static bool is_silent(const struct figures *f)
{
    return f->silence_ms >= 0 &&
           (f->state == FLOW_LIVE || f->state == FLOW_IDLE || f->state == FLOW_QUIET);
}

/* What is not read says nothing of the tracker. That it stopped or is gone is known otherwise. */
static bool is_blind(const struct figures *f)
{
    return failed_reader(f) && f->state != FLOW_LIVE && f->state != FLOW_STOPPED &&
           f->state != FLOW_GONE;
}

/* What it is called that no event comes, as far as the log's absence allows. */
static struct health_finding judge_without_log(const struct figures *f)
{
    struct text_buffer event = format_duration(f->event_age_ms);
    struct text_buffer gone = format_duration(f->gone_age_ms);

    if (f->state == FLOW_QUIET)
        return finding(LEVEL_OK, "no event for %s, the tracker is there; lag unknown without a log",
                       event.text);
    if (f->state == FLOW_GONE)
        return finding(LEVEL_CRIT, "tracker gone %s ago; only its log tells whether it crashed",
                       gone.text);
    return finding(LEVEL_CRIT, "no event for %s, and no log", event.text);
}

static struct health_finding judge_freshness(const struct figures *f, const struct health_limits *l)
{
    struct text_buffer event = format_duration(f->event_age_ms);
    struct text_buffer log = format_duration(f->log_age_ms);
    struct text_buffer stop = format_duration(f->stop_age_ms);
    struct text_buffer gone = format_duration(f->gone_age_ms);
    struct text_buffer ahead = format_duration(f->ahead_ms);

    (void)l;
    if (is_blind(f))
        return finding(LEVEL_UNKNOWN, "%.60s cannot be read", failed_reader(f)->path);
    if (is_silent(f) && !failed_reader(f))
        return finding(LEVEL_WARN, "no line for %s after %s/s%s", event.text,
                       format_rate(f->silence_rate).text,
                       f->writer == WRITER_THERE ? ", though the tracker is there" : "");
    if (f->log_reader->state == READER_NONE &&
        (f->state == FLOW_QUIET || f->state == FLOW_GONE || f->state == FLOW_STALE))
        return judge_without_log(f);
    switch (f->state) {
    case FLOW_WAITING:
        if (f->events_reader->malformed)
            return finding(LEVEL_UNKNOWN, "%" PRIu64 " lines read, none is of a journal",
                           f->events_reader->malformed);
        return finding(LEVEL_UNKNOWN, "nothing read yet");
    case FLOW_LIVE:
        if (f->ahead_ms > 0) /* so far ahead that an end would go unnoticed */
            return finding(f->ahead_ms > MINUTE_MS ? LEVEL_UNKNOWN : LEVEL_OK,
                           "clocks disagree: last event %s ahead", ahead.text);
        return finding(LEVEL_OK, "last event %s ago", event.text);
    case FLOW_IDLE:
        return finding(LEVEL_OK, "idle: lag 0, log %s ago", log.text);
    case FLOW_QUIET:
        if (f->event_age_ms < 0)
            return finding(LEVEL_UNKNOWN, "no event yet, lag unknown");
        return finding(LEVEL_WARN, "no event for %s, lag unknown", event.text);
    case FLOW_STUCK:
        return finding(LEVEL_CRIT, "no event for %s, lag %" PRId64 "%s", event.text,
                       f->lag.messages, f->down_age_ms >= 0 ? ": processor is unavailable" : "");
    case FLOW_STOPPED:
        return finding(LEVEL_CRIT,
                       f->has_failed ? "stopped by an error %s ago" : "clean stop %s ago",
                       stop.text);
    case FLOW_GONE:
        return finding(LEVEL_CRIT, "tracker gone %s ago%s", gone.text,
                       f->log_reader->state == READER_OPEN ? ", without a stop line" : "");
    case FLOW_STALE:
        break;
    }
    return finding(LEVEL_CRIT, "no event for %s, no log line for %s", event.text, log.text);
}

/* The record that waits longest is named once the metrics have it. */
static struct health_finding judge_outage(const struct figures *f)
{
    struct text_buffer down = format_duration(f->down_age_ms);
    const char *colon = *f->down_why ? ": " : "";

    if (f->head_partition < 0)
        return finding(LEVEL_CRIT, "unavailable for %s%s%s", down.text, colon, f->down_why);
    return finding(LEVEL_CRIT,
                   "unavailable for %s%s%s; partition %" PRId64 " waits at offset %" PRId64,
                   down.text, colon, f->down_why, f->head_partition, f->head_offset);
}

static struct health_finding judge_processor(const struct figures *f, const struct health_limits *l)
{
    (void)l;
    if (f->down_age_ms >= 0)
        return judge_outage(f);
    if (f->in_flight < 0)
        return finding(LEVEL_UNKNOWN, "not reported");
    if (f->head_ms >= MINUTE_MS)
        return finding(LEVEL_WARN, "partition %" PRId64 " waits at offset %" PRId64 ", for %s",
                       f->head_partition, f->head_offset, format_duration(f->head_ms).text);
    if (f->processor_p99 < 0)
        return finding(LEVEL_OK, "%" PRId64 " in progress", f->in_flight);
    return finding(LEVEL_OK, "p99 %" PRId64 " ms, %" PRId64 " in progress", f->processor_p99,
                   f->in_flight);
}

static struct health_finding judge_progress(const struct figures *f, const struct health_limits *l)
{
    struct text_buffer away = format_duration(f->away_age_ms);

    (void)l;
    if (f->away_age_ms >= 0)
        return finding(LEVEL_CRIT, "%s, for %s%s%s",
                       f->is_unassigned ? "no partition was assigned" : "Kafka is unavailable",
                       away.text, *f->away_why ? ": " : "", f->away_why);
    if (f->is_rewound)
        return finding(LEVEL_CRIT, "rewound to an earlier offset and not yet back");
    if (f->lag.messages < 0)
        return finding(LEVEL_UNKNOWN, "lag not reported%s",
                       f->log_reader->state == READER_NONE ? ": there is no log" : "");
    if (f->lag.is_frozen)
        return finding(LEVEL_CRIT, "lag %" PRId64 " and offsets do not move", f->lag.messages);
    if (f->lag.never_shrank)
        return finding(LEVEL_WARN, "lag %" PRId64 " and growing", f->lag.messages);
    return finding(LEVEL_OK, "lag %" PRId64 ", %s", f->lag.messages, trend_name(f->lag.trend));
}

/* A minute that was good hides what has just begun: 5 % that fail stay under 1 % of its orders for
 * 12 s. The last 10 seconds do not, but they hold so few orders that chance would carry them over a
 * limit and back. So they speak only of 20 orders and more, 5 of them bad, and of more than three
 * standard deviations above the limit: a slow flow, where that is out of reach, is left to the
 * minute, a fast one loses less than a second. What is beyond chance stays in these seconds for
 * longer than a verdict has to hold, so it need not hold once more. */
static bool is_burst(int64_t bad, int64_t received, double limit)
{
    double expected = limit * (double)received;

    return received >= MIN_SAMPLE && bad >= BURST_LEAST &&
           (double)bad > expected + BURST_SIGMAS * sqrt(expected * (1 - limit));
}

static enum level success_burst(const struct figures *f, const struct health_limits *l)
{
    const struct figure_window *ten = &f->windows[WINDOW_10S];

    if (is_burst(ten->failed, ten->received, 1 - l->success_crit / 100))
        return LEVEL_CRIT;
    if (is_burst(ten->failed, ten->received, 1 - l->success_warn / 100))
        return LEVEL_WARN;
    return LEVEL_OK;
}

static struct health_finding judge_success(const struct figures *f, const struct health_limits *l)
{
    bool minute = f->received_60s >= MIN_SAMPLE;
    double percent = 100.0 * (minute ? f->success_60s : f->success_last);
    struct text_buffer shown = format_percent(percent / 100.0);
    double floor = percent < l->success_crit ? l->success_crit : l->success_warn;
    enum level level = percent < l->success_crit   ? LEVEL_CRIT
                       : percent < l->success_warn ? LEVEL_WARN
                                                   : LEVEL_OK;
    enum level burst = success_burst(f, l);

    if (burst > level)
        return finding(burst, "%s in 10 s (floor %g %%)",
                       format_percent(f->windows[WINDOW_10S].success).text,
                       burst == LEVEL_CRIT ? l->success_crit : l->success_warn);
    if (!minute && f->last_count < MIN_SAMPLE)
        return finding(LEVEL_UNKNOWN, "%d events are too few to judge", f->last_count);
    if (minute)
        return finding(level, "%s in 60 s (floor %g %%)", shown.text, floor);
    return finding(level, "%s of the last %d (floor %g %%)", shown.text, f->last_count, floor);
}

static struct health_finding judge_errors(const struct figures *f, const struct health_limits *l)
{
    (void)l;
    if (f->errors_60s < 0)
        return finding(LEVEL_UNKNOWN,
                       f->log_reader->state == READER_NONE ? "no log to read" : "no log read");
    if (f->fatal_age_ms >= 0 && f->fatal_age_ms < MINUTE_MS)
        return finding(LEVEL_CRIT, "FATAL in the log");
    if (f->errors_60s > 0 && f->errors_in_a_row >= 3)
        return finding(LEVEL_CRIT, "%" PRId64 " ERROR lines in a row", f->errors_in_a_row);
    if (f->errors_60s > 0)
        return finding(LEVEL_WARN, "%" PRId64 " ERROR lines in 60 s", f->errors_60s);
    return finding(LEVEL_OK, "no ERROR line in 60 s");
}

static enum level dlq_burst(const struct figures *f, const struct health_limits *l)
{
    const struct figure_window *ten = &f->windows[WINDOW_10S];

    (void)l;
    return is_burst(ten->dlq, ten->received, 0.01) ? LEVEL_CRIT : LEVEL_OK;
}

static struct health_finding judge_dlq(const struct figures *f, const struct health_limits *l)
{
    const struct figure_window *ten = &f->windows[WINDOW_10S];

    if (f->dlq_60s < 0)
        return finding(LEVEL_UNKNOWN, "n/a");
    if (f->dlq_60s == 0)
        return finding(LEVEL_OK, "none in 60 s");
    if (f->dlq_60s * 100 > f->received_60s)
        return finding(LEVEL_CRIT, "%" PRId64 " of %" PRId64 " in 60 s, above 1 %%", f->dlq_60s,
                       f->received_60s);
    if (dlq_burst(f, l) == LEVEL_CRIT)
        return finding(LEVEL_CRIT, "%" PRId64 " of %" PRId64 " in 10 s, above 1 %%", ten->dlq,
                       ten->received);
    return finding(LEVEL_WARN, "%" PRId64 " of %" PRId64 " in 60 s", f->dlq_60s, f->received_60s);
}

static struct health_finding judge_latency(const struct figures *f, const struct health_limits *l)
{
    int64_t p99 = f->latency.p99;
    enum level level = p99 > l->latency_crit_ms   ? LEVEL_CRIT
                       : p99 > l->latency_warn_ms ? LEVEL_WARN
                                                  : LEVEL_OK;

    if (p99 < 0)
        return finding(LEVEL_UNKNOWN, "fewer than 100 samples in 60 s");
    return finding(level, "p99 %" PRId64 " ms (limit %" PRId64 " ms)", p99,
                   level == LEVEL_CRIT ? l->latency_crit_ms : l->latency_warn_ms);
}

/* What one of several trackers jumps over another may have told. */
static struct health_finding judge_integrity(const struct figures *f, const struct health_limits *l)
{
    (void)l;
    if (f->is_part)
        return finding(LEVEL_OK, "judged over all journals");
    if (f->gaps_15m < 0)
        return finding(LEVEL_UNKNOWN, "nothing read yet");
    if (f->large_gap_age_ms >= 0 && f->large_gap_age_ms < QUARTER_MS)
        return finding(LEVEL_CRIT, "%" PRId64 " offsets missing in 15 min", f->gaps_15m);
    if (f->gaps_15m > 0)
        return finding(LEVEL_WARN, "%" PRId64 " offsets missing in 15 min", f->gaps_15m);
    return finding(LEVEL_OK, "no gap in 15 min");
}

/* A tracker creates its journal before it does anything else. */
static bool is_journal_missing(const struct figures *f, const struct health_limits *l)
{
    return f->events_reader->state == READER_WAITING && f->log_reader->state == READER_OPEN &&
           f->log_age_ms >= 0 && f->log_age_ms < l->stale_ms;
}

static struct health_finding judge_reader(const struct figures *f, const struct health_limits *l)
{
    const struct reader *failed = failed_reader(f);
    struct health_finding blind;

    if (failed) {
        blind =
            finding(LEVEL_UNKNOWN, "cannot read %.60s: %s", failed->path, strerror(failed->error));
        blind.is_blind = true;
        return blind;
    }
    if (is_journal_missing(f, l))
        return finding(LEVEL_WARN, "%.90s is missing beside a living log", f->events_reader->path);
    if (f->is_catching_up)
        return finding(LEVEL_UNKNOWN, "reading history, %d %% done", (int)(f->read_share * 100));
    if (f->read_lag_ms > READ_LAG_MS)
        return finding(LEVEL_WARN, "%.1f s behind: figures are late",
                       (double)f->read_lag_ms / 1000.0);
    return finding(LEVEL_OK, "up to date");
}

/* A stop does not come and go by itself, and silence has lasted long enough already. */
static enum level lasting_freshness(const struct figures *f, const struct health_limits *l)
{
    enum level level = judge_freshness(f, l).level;

    return level >= LEVEL_WARN ? level : LEVEL_OK;
}

/* The tracker has said so itself, after it had looked twice. */
static enum level told_progress(const struct figures *f, const struct health_limits *l)
{
    (void)l;
    return f->away_age_ms >= 0 ? LEVEL_CRIT : LEVEL_OK;
}

static const struct {
    const char *name;
    struct health_finding (*judge)(const struct figures *f, const struct health_limits *l);
    /* the level that needs no holding; NULL: none */
    enum level (*at_once)(const struct figures *f, const struct health_limits *l);
} rules[HEALTH_RULES] = {
    [HEALTH_FRESHNESS] = {"freshness", judge_freshness, lasting_freshness},
    [HEALTH_PROCESSOR] = {"processor", judge_processor, NULL},
    [HEALTH_PROGRESS] = {"progress", judge_progress, told_progress},
    [HEALTH_SUCCESS] = {"success", judge_success, success_burst},
    [HEALTH_ERRORS] = {"errors", judge_errors, NULL},
    [HEALTH_DLQ] = {"dlq", judge_dlq, dlq_burst},
    [HEALTH_LATENCY] = {"latency", judge_latency, NULL},
    [HEALTH_INTEGRITY] = {"integrity", judge_integrity, NULL},
    [HEALTH_READER] = {"reader", judge_reader, NULL},
};

/* Of several trackers the worst decides, and is named. */
static void join_trackers(struct health_finding *found, const struct figures *f, int rule)
{
    enum level least = rule == HEALTH_FRESHNESS ? LEVEL_UNKNOWN : LEVEL_WARN;
    const struct figures *worst = NULL;

    for (int i = 0; i < f->tracker_count; i++) {
        const struct health_finding *own = &f->trackers[i].health.findings[rule];

        if ((own->level < least && !own->is_blind) || own->level < found->level)
            continue;
        if (!worst || own->level > worst->health.findings[rule].level)
            worst = &f->trackers[i];
    }
    if (!worst)
        return;
    *found = finding(worst->health.findings[rule].level, "%.40s: %.600s", worst->name,
                     worst->health.findings[rule].text);
    found->at_once = worst->health.findings[rule].at_once;
    found->is_blind = worst->health.findings[rule].is_blind;
    found->tracker = worst->name;
}

/* Most rules that cannot tell leave the verdict to the others. */
static bool is_decisive(const struct health_finding *found, int rule)
{
    return found->level != LEVEL_UNKNOWN || rule == HEALTH_FRESHNESS || found->is_blind;
}

void health_judge(struct health *h, const struct figures *f, const struct health_limits *limits)
{
    h->level = h->at_once = LEVEL_OK;
    h->passed = 0;
    for (int i = 0; i < HEALTH_RULES; i++) {
        struct health_finding *found = &h->findings[i];

        *found = rules[i].judge(f, limits);
        found->at_once = rules[i].at_once ? rules[i].at_once(f, limits) : LEVEL_OK;
        join_trackers(found, f, i);
        h->passed += found->level == LEVEL_OK;
        if (found->level > h->level && is_decisive(found, i))
            h->level = found->level;
        if (found->at_once > h->at_once)
            h->at_once = found->at_once;
    }
}

void health_take(struct figures *f, const struct health_limits *limits)
{
    for (int i = 0; i < f->tracker_count; i++)
        health_judge(&f->trackers[i].health, &f->trackers[i], limits);
    health_judge(&f->health, f, limits);
}

void health_ranking(const struct health *h, int order[HEALTH_RULES])
{
    int n = 0;

    for (int level = LEVEL_CRIT; level >= LEVEL_OK; level--) {
        for (int i = 0; i < HEALTH_RULES; i++) {
            if ((int)h->findings[i].level == level)
                order[n++] = i;
        }
    }
}

int health_unknown_rule(const struct health *h)
{
    for (int i = 0; i < HEALTH_RULES; i++) {
        if (h->findings[i].is_blind)
            return i;
    }
    return HEALTH_FRESHNESS;
}

const char *health_rule_name(int rule)
{
    return rules[rule].name;
}
