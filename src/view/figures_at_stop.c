#include "view/figures_at_stop.h"

#define STOPPING_MS 10000

/* A stop takes its time, in which nothing comes any more: then the flow before it is what
 * counts. */
static int64_t last_full_second(const struct figures *now, const struct dash *d)
{
    int64_t age_ms = now->state == FLOW_STOPPED ? now->stop_age_ms : now->gone_age_ms;
    int64_t stopped_ms = now->now_ms - age_ms;
    int64_t at_ms = stopped_ms - d->newest_ms < STOPPING_MS ? d->newest_ms : stopped_ms;

    return (at_ms / 1000 + 1) * 1000;
}

bool figures_take_at_stop(struct figures *at_stop, const struct figures *now, const struct dash *d,
                          const struct health_limits *limits)
{
    if ((now->state != FLOW_STOPPED && now->state != FLOW_GONE) || !d->has_event ||
        !window_at(&d->window, d->newest_ms / 1000))
        return false;
    figures_take(at_stop, d, limits, last_full_second(now, d));
    return true;
}
