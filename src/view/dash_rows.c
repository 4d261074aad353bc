#include "view/dash_parts.h"

static int rings(const struct dash *d)
{
    return d->part_count ? d->part_count : 1;
}

static const struct dash *ring(const struct dash *d, int i)
{
    return d->part_count ? d->parts[i] : d;
}

/* What merging asks of a row, whether of events or of the log. Returns false when there is none. */
struct row_key {
    uint64_t sequence;
    int64_t at_ms;
};

typedef bool (*row_key_of)(const struct dash *d, uint64_t number, struct row_key *key);

static bool event_key(const struct dash *d, uint64_t number, struct row_key *key)
{
    const struct event_row *row = dash_event_row(d, number);

    if (row)
        *key = (struct row_key){.sequence = row->sequence, .at_ms = row->at_ms};
    return row != NULL;
}

static bool log_key(const struct dash *d, uint64_t number, struct row_key *key)
{
    const struct log_row *row = dash_log_row(d, number);

    if (row)
        *key = (struct row_key){.sequence = row->sequence, .at_ms = row->at_ms};
    return row != NULL;
}

/* From `number` back to the newest row that `anchor` allows. */
static uint64_t skip_newer(const struct dash *d, uint64_t number, uint64_t anchor,
                           row_key_of key_of)
{
    struct row_key key;

    while (anchor && key_of(d, number, &key) && key.sequence > anchor)
        number--;
    return number;
}

void dash_walk_events(const struct dash *d, uint64_t anchor, struct dash_walk *w)
{
    *w = (struct dash_walk){.dash = d};
    for (int i = 0; i < rings(d); i++)
        w->at[i] = skip_newer(ring(d, i), dash_first_event(ring(d, i), anchor), anchor, event_key);
}

void dash_walk_logs(const struct dash *d, uint64_t anchor, struct dash_walk *w)
{
    *w = (struct dash_walk){.dash = d};
    for (int i = 0; i < rings(d); i++)
        w->at[i] = skip_newer(ring(d, i), dash_first_log(ring(d, i), anchor), anchor, log_key);
}

static bool is_newer(const struct row_key *a, const struct row_key *b)
{
    return a->at_ms > b->at_ms || (a->at_ms == b->at_ms && a->sequence > b->sequence);
}

/* Steps over the newest row of all rings. Returns whose it was and its number, or -1. */
static int step(struct dash_walk *w, row_key_of key_of, uint64_t *number)
{
    struct row_key best = {0};
    struct row_key key;
    int from = -1;

    for (int i = 0; i < rings(w->dash); i++) {
        if (!key_of(ring(w->dash, i), w->at[i], &key) || (from >= 0 && !is_newer(&key, &best)))
            continue;
        best = key;
        from = i;
    }
    if (from >= 0)
        *number = w->at[from]--;
    return from;
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
    uint64_t number;
    int from = step(w, event_key, &number);

    return from < 0 ? NULL : dash_event_row(ring(w->dash, from), number);
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
    uint64_t number;
    int from = step(w, log_key, &number);

    return from < 0 ? NULL : dash_log_row(ring(w->dash, from), number);
}

const struct log_row *dash_newest_log(const struct dash *d)
{
    struct dash_walk w;

    dash_walk_logs(d, 0, &w);
    return dash_next_log(&w);
}
