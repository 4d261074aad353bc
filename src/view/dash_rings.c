#include "view/dash_parts.h"

#include <stdlib.h>

#include "base/mem.h"

/* While a ring is held its rows stay, and what comes goes to a second array of the same size. */

static struct event_row *event_at(const struct event_ring *r, uint64_t number)
{
    struct event_row *rows = r->hold.anchor && number > r->hold.newest ? r->fresh : r->rows;

    return &rows[number % r->kept];
}

static struct log_row *log_at(const struct log_ring *r, uint64_t number)
{
    struct log_row *rows = r->hold.anchor && number > r->hold.newest ? r->fresh : r->rows;

    return &rows[number % r->kept];
}

const struct event_row *dash_event_row(const struct dash *d, uint64_t number)
{
    const struct event_row *row = event_at(&d->events, number);

    return number && row->number == number ? row : NULL;
}

const struct log_row *dash_log_row(const struct dash *d, uint64_t number)
{
    const struct log_row *row = log_at(&d->logs, number);

    return number && row->number == number ? row : NULL;
}

struct event_row *dash_new_event_row(struct dash *d)
{
    uint64_t number = ++d->events.total;
    struct event_row *row = event_at(&d->events, number);

    row->number = number;
    row->sequence = d->whole ? ++d->whole->events.total : number;
    return row;
}

struct log_row *dash_new_log_row(struct dash *d)
{
    uint64_t number = ++d->logs.total;
    struct log_row *row = log_at(&d->logs, number);

    row->number = number;
    row->sequence = d->whole ? ++d->whole->logs.total : number;
    return row;
}

uint64_t dash_first_event(const struct dash *d, uint64_t anchor)
{
    return anchor && d->events.hold.anchor ? d->events.hold.newest : d->events.total;
}

uint64_t dash_first_log(const struct dash *d, uint64_t anchor)
{
    return anchor && d->logs.hold.anchor ? d->logs.hold.newest : d->logs.total;
}

/* The first of the numbers that came while the ring was held and are still there. */
static uint64_t first_fresh(const struct ring_hold *hold, uint64_t total, size_t kept)
{
    return total - hold->newest > kept ? total - kept + 1 : hold->newest + 1;
}

static void hold_events(struct event_ring *r, uint64_t anchor)
{
    if (anchor == r->hold.anchor)
        return;
    for (uint64_t n = first_fresh(&r->hold, r->total, r->kept); r->fresh && n <= r->total; n++)
        r->rows[n % r->kept] = r->fresh[n % r->kept];
    free(r->fresh);
    r->fresh = anchor ? mem_alloc_array(r->kept, sizeof(*r->fresh)) : NULL;
    r->hold = (struct ring_hold){.anchor = anchor, .newest = r->total};
}

static void hold_logs(struct log_ring *r, uint64_t anchor)
{
    if (anchor == r->hold.anchor)
        return;
    for (uint64_t n = first_fresh(&r->hold, r->total, r->kept); r->fresh && n <= r->total; n++)
        r->rows[n % r->kept] = r->fresh[n % r->kept];
    free(r->fresh);
    r->fresh = anchor ? mem_alloc_array(r->kept, sizeof(*r->fresh)) : NULL;
    r->hold = (struct ring_hold){.anchor = anchor, .newest = r->total};
}

void dash_hold(struct dash *d, uint64_t events_anchor, uint64_t logs_anchor)
{
    for (int i = 0; i < d->part_count; i++)
        dash_hold(d->parts[i], events_anchor, logs_anchor);
    if (d->part_count)
        return;
    hold_events(&d->events, events_anchor);
    hold_logs(&d->logs, logs_anchor);
}

void dash_rings_release(struct dash *d)
{
    free(d->events.rows);
    free(d->events.fresh);
    free(d->logs.rows);
    free(d->logs.fresh);
}
