#include "view/dash.h"

const struct event_row *dash_event_row(const struct dash *d, uint64_t number)
{
    return ring_at(&d->events, number);
}

const struct log_row *dash_log_row(const struct dash *d, uint64_t number)
{
    return ring_at(&d->logs, number);
}

void dash_hold(struct dash *d, uint64_t events_anchor, uint64_t logs_anchor)
{
    for (int i = 0; i < d->part_count; i++)
        dash_hold(d->parts[i], events_anchor, logs_anchor);
    if (d->part_count)
        return;
    ring_hold(&d->events, events_anchor);
    ring_hold(&d->logs, logs_anchor);
}

/* ---- one after the other ---- */

static int ring_count(const struct dash *d)
{
    return d->part_count ? d->part_count : 1;
}

static const struct ring *ring_of(const struct dash_walk *w, int i)
{
    const struct dash *d = w->dash->part_count ? w->dash->parts[i] : w->dash;

    return w->is_of_logs ? &d->logs : &d->events;
}

static void begin(struct dash_walk *w, uint64_t anchor)
{
    for (int i = 0; i < ring_count(w->dash); i++)
        w->at[i] = ring_first(ring_of(w, i), anchor);
}

void dash_walk_events(const struct dash *d, uint64_t anchor, struct dash_walk *w)
{
    *w = (struct dash_walk){.dash = d};
    begin(w, anchor);
}

void dash_walk_logs(const struct dash *d, uint64_t anchor, struct dash_walk *w)
{
    *w = (struct dash_walk){.dash = d, .is_of_logs = true};
    begin(w, anchor);
}

static bool is_newer(const struct ring_row *a, const struct ring_row *b)
{
    return a->at_ms > b->at_ms || (a->at_ms == b->at_ms && a->sequence > b->sequence);
}

/* Steps over the newest row of all rings. */
static const void *step(struct dash_walk *w)
{
    const struct ring_row *best = NULL;
    int from = 0;

    for (int i = 0; i < ring_count(w->dash); i++) {
        const struct ring_row *row = ring_at(ring_of(w, i), w->at[i]);

        if (!row || (best && !is_newer(row, best)))
            continue;
        best = row;
        from = i;
    }
    if (best)
        w->at[from]--;
    return best;
}

/* Does the whole still miss the offset at which the gap of a part begins? */
static bool is_told_elsewhere(const struct dash *d, const struct event_row *row)
{
    if (d->part_count == 0 || row->kind != ROW_GAP)
        return false;
    for (size_t i = 0; i < d->partitions.count; i++) {
        const struct partition *p = &d->partitions.items[i];

        if (p->number == row->partition && coverage_is_missing(p->coverage, row->offset))
            return false;
    }
    return true;
}

const struct event_row *dash_next_event(struct dash_walk *w)
{
    const struct event_row *row;

    while ((row = step(w)) != NULL && is_told_elsewhere(w->dash, row))
        ;
    return row;
}

const struct log_row *dash_next_log(struct dash_walk *w)
{
    return step(w);
}

const struct log_row *dash_newest_log(const struct dash *d)
{
    struct dash_walk w;

    dash_walk_logs(d, 0, &w);
    return dash_next_log(&w);
}
