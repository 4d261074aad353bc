#include "view/dash.h"

const struct event_row *dash_event_row(const struct dash *d, uint64_t number)
{
    const struct event_row *row = &d->events.rows[number % d->events.kept];

    return number && row->number == number ? row : NULL;
}

const struct log_row *dash_log_row(const struct dash *d, uint64_t number)
{
    const struct log_row *row = &d->logs.rows[number % d->logs.kept];

    return number && row->number == number ? row : NULL;
}

static int rings(const struct dash *d)
{
    return d->part_count ? d->part_count : 1;
}

static const struct dash *ring(const struct dash *d, int i)
{
    return d->part_count ? d->parts[i] : d;
}

void dash_walk_events(const struct dash *d, uint64_t anchor, struct dash_walk *w)
{
    const struct event_row *row;

    *w = (struct dash_walk){.dash = d};
    for (int i = 0; i < rings(d); i++) {
        uint64_t *at = &w->at[i];

        *at = ring(d, i)->events.total;
        while (anchor && (row = dash_event_row(ring(d, i), *at)) != NULL && row->sequence > anchor)
            --*at;
    }
}

void dash_walk_logs(const struct dash *d, uint64_t anchor, struct dash_walk *w)
{
    const struct log_row *row;

    *w = (struct dash_walk){.dash = d};
    for (int i = 0; i < rings(d); i++) {
        uint64_t *at = &w->at[i];

        *at = ring(d, i)->logs.total;
        while (anchor && (row = dash_log_row(ring(d, i), *at)) != NULL && row->sequence > anchor)
            --*at;
    }
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

static const struct event_row *newest_event(struct dash_walk *w)
{
    const struct event_row *best = NULL;
    int from = 0;

    for (int i = 0; i < rings(w->dash); i++) {
        const struct event_row *row = dash_event_row(ring(w->dash, i), w->at[i]);

        if (!row || (best && (row->at_ms < best->at_ms ||
                              (row->at_ms == best->at_ms && row->sequence < best->sequence))))
            continue;
        best = row;
        from = i;
    }
    w->at[from] -= best != NULL;
    return best;
}

const struct event_row *dash_next_event(struct dash_walk *w)
{
    const struct event_row *row;

    while ((row = newest_event(w)) != NULL && is_told_elsewhere(w->dash, row))
        ;
    return row;
}

const struct log_row *dash_next_log(struct dash_walk *w)
{
    const struct log_row *best = NULL;
    int from = 0;

    for (int i = 0; i < rings(w->dash); i++) {
        const struct log_row *row = dash_log_row(ring(w->dash, i), w->at[i]);

        if (!row || (best && (row->at_ms < best->at_ms ||
                              (row->at_ms == best->at_ms && row->sequence < best->sequence))))
            continue;
        best = row;
        from = i;
    }
    w->at[from] -= best != NULL;
    return best;
}

const struct log_row *dash_newest_log(const struct dash *d)
{
    struct dash_walk w;

    dash_walk_logs(d, 0, &w);
    return dash_next_log(&w);
}
