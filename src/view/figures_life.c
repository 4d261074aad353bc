#include "view/figures_parts.h"

#include <math.h>

#define EVENT_FRESH_MS 60000
#define STEADY_SECONDS 3 /* of 10 */
#define OVERDUE        20
#define LOG_AFTER_MS   1000

static bool has_stopped(const struct figures *f, const struct dash *d)
{
    for (int i = 0; i < f->tracker_count; i++) {
        if (f->trackers[i].state != FLOW_STOPPED)
            return false;
    }
    return f->tracker_count || (d->log.is_stopped && d->newest_ms <= d->log.stopped_ms + 1000);
}

/* The lock says that it is gone; lines that came later would say that it is not so: of another that
 * cannot be seen, which only a flow or its regular reports prove. */
static int64_t gone_age(const struct figures *f, const struct dash *d)
{
    int64_t end_ms = f->now_ms - d->events_reader.writer_gone_ms + LOG_AFTER_MS;
    bool is_told = d->log_reader.behind == 0;

    if (d->events_reader.writer != WRITER_GONE || !is_told || d->log.metrics_ms > end_ms)
        return -1;
    return d->has_event && d->newest_ms > end_ms ? -1 : d->events_reader.writer_gone_ms;
}

/* All have ended, not all of them in good order. */
static int64_t gone_age_of_all(const struct figures *f)
{
    int64_t age = -1;

    for (int i = 0; i < f->tracker_count; i++) {
        const struct figures *t = &f->trackers[i];

        if (t->state != FLOW_GONE && t->state != FLOW_STOPPED)
            return -1;
        if (t->gone_age_ms >= 0 && (age < 0 || t->gone_age_ms < age))
            age = t->gone_age_ms;
    }
    return age;
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
    if (f->gone_age_ms >= 0)
        return FLOW_GONE;
    if (fresh && !is_silent)
        return FLOW_LIVE;
    if (!log_fresh && d->log_reader.state == READER_NONE && f->writer == WRITER_THERE)
        return FLOW_QUIET;
    if (!log_fresh)
        return FLOW_STALE;
    if (f->lag.messages < 0)
        return FLOW_QUIET;
    return f->lag.messages == 0 ? FLOW_IDLE : FLOW_STUCK;
}

/* Alive, it would have written a line of the log since. */
static bool is_overdue(const struct figures *f)
{
    return f->log_interval_ms > 0 && f->log_age_ms > 2 * f->log_interval_ms;
}

/* Who had many events a second and now has no line at all is likely gone or hangs, long before the
 * silence is stale. A burst or a trickle promises nothing, and a line of the log later than the
 * events says that there are just no orders. So does the lock of a tracker that is there, until its
 * log is overdue. */
static void take_silence(struct figures *f, const struct dash *d, int64_t limit_ms)
{
    struct window_sum before = window_sum(&d->window, d->newest_ms, 10);
    bool is_steady = before.busy >= STEADY_SECONDS;
    bool log_went_on = f->log_age_ms >= 0 && f->log_age_ms + LOG_AFTER_MS < f->event_age_ms;

    f->silence_ms = -1;
    f->silence_rate = before.seconds ? (double)before.received / before.seconds : NAN;
    if (!d->has_event || f->event_age_ms < limit_ms || !is_steady || log_went_on ||
        f->is_catching_up || f->read_lag_bytes > 0 || (f->writer == WRITER_THERE && !is_overdue(f)))
        return;
    if (f->silence_rate * (double)f->event_age_ms >= OVERDUE * 1000.0)
        f->silence_ms = f->event_age_ms;
}

void figures_take_life(struct figures *f, const struct dash *d, const struct health_limits *limits)
{
    f->writer = d->events_reader.writer;
    if (has_stopped(f, d))
        f->gone_age_ms = -1;
    else
        f->gone_age_ms = f->tracker_count ? gone_age_of_all(f) : gone_age(f, d);
    f->state = state_of(f, d, limits->stale_ms);
    take_silence(f, d, limits->silence_ms);
}
