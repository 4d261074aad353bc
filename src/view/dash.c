#include "view/dash.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

struct dash *dash_new(size_t events_kept, size_t logs_kept)
{
    struct dash *d = mem_alloc(sizeof(*d));

    ring_init(&d->events, events_kept, sizeof(struct event_row));
    ring_init(&d->logs, logs_kept, sizeof(struct log_row));
    d->latency = mem_alloc_array(DASH_LATENCY_SECONDS, sizeof(*d->latency));
    d->orders = mem_alloc(sizeof(*d->orders));
    d->latency_total = mem_alloc(sizeof(*d->latency_total));
    d->log.metrics.lag = -1;
    d->events_reader.behind_ms = d->events_reader.unfinished_ms = d->events_reader.rotated_ms = -1;
    d->log_reader.behind_ms = d->log_reader.unfinished_ms = d->log_reader.rotated_ms = -1;
    return d;
}

void dash_free(struct dash *d)
{
    if (!d)
        return;
    partition_table_release(&d->partitions);
    partition_table_release(&d->history.partitions);
    ring_release(&d->events);
    ring_release(&d->logs);
    free(d->latency);
    free(d->orders);
    free(d->latency_total);
    free(d->parts);
    free(d);
}

/* ---- several trackers ---- */

void dash_join(struct dash *whole, struct dash *part)
{
    part->whole = whole;
    part->number = whole->part_count;
    whole->parts =
        mem_realloc_array(whole->parts, (size_t)whole->part_count + 1, sizeof(struct dash *));
    whole->parts[whole->part_count++] = part;
}

/* Of several there when any is, else gone when any is. */
static void add_writer(struct reader *sum, const struct reader *r)
{
    if (sum->writer == WRITER_THERE || r->writer == WRITER_UNKNOWN)
        return;
    if (r->writer == WRITER_GONE && sum->writer == WRITER_GONE &&
        r->writer_gone_ms >= sum->writer_gone_ms)
        return;
    sum->writer = r->writer;
    sum->writer_gone_ms = r->writer_gone_ms;
}

static void add_reader(struct reader *sum, const struct reader *r, bool is_first)
{
    if (is_first) {
        *sum = *r;
        return;
    }
    add_writer(sum, r);
    if (r->error && !sum->error) {
        sum->path = r->path;
        sum->error = r->error;
    }
    if (r->state == READER_FAILED || sum->state == READER_NONE ||
        (sum->state == READER_WAITING && r->state != READER_NONE))
        sum->state = r->state;
    sum->was_at_end &= r->was_at_end;
    sum->size += r->size;
    sum->behind += r->behind;
    sum->unfinished += r->unfinished;
    sum->behind_ms = r->behind_ms > sum->behind_ms ? r->behind_ms : sum->behind_ms;
    sum->unfinished_ms =
        r->unfinished_ms > sum->unfinished_ms ? r->unfinished_ms : sum->unfinished_ms;
    if (r->rotated_ms >= 0 && (sum->rotated_ms < 0 || r->rotated_ms < sum->rotated_ms))
        sum->rotated_ms = r->rotated_ms;
    sum->rotations += r->rotations;
    sum->truncations += r->truncations;
    sum->oversized += r->oversized;
    sum->malformed += r->malformed;
    sum->torn += r->torn;
}

void dash_sum_readers(struct dash *whole)
{
    struct dash_history *h = &whole->history;

    h->is_reading = h->is_skipped = false;
    h->position = h->size = 0;
    for (int i = 0; i < whole->part_count; i++) {
        const struct dash *part = whole->parts[i];

        add_reader(&whole->events_reader, &part->events_reader, i == 0);
        add_reader(&whole->log_reader, &part->log_reader, i == 0);
        h->is_reading |= part->history.is_reading;
        h->is_skipped |= part->history.is_skipped;
        h->position += part->history.position;
        h->size += part->history.size;
    }
}

static struct event_row *new_event_row(struct dash *d)
{
    struct event_row *row = ring_add(&d->events, d->whole ? &d->whole->events : NULL);

    row->message_size = -1;
    row->has_latency = false;
    row->order_id[0] = '\0';
    row->text[0] = '\0';
    return row;
}

/* ---- the list of recent events ---- */

static void describe_order(struct event_row *row, const struct journal_order *o)
{
    if (o->has_total)
        snprintf(row->text, sizeof(row->text), "%-7s %8.2f %s  %s", o->status, o->total,
                 o->currency, row->kind == ROW_DUP ? "redelivered" : o->customer);
    else if (row->kind == ROW_DUP)
        snprintf(row->text, sizeof(row->text), "redelivered");
}

static void describe_failure(struct event_row *row, const struct journal_line *line)
{
    if (scan_text(&line->error, row->text, sizeof(row->text)) == 0)
        scan_text(&line->reason, row->text, sizeof(row->text));
}

static void add_gap_row(struct dash *d, const struct journal_line *line, int64_t from, int64_t to,
                        const struct place *place)
{
    struct event_row *row = new_event_row(d);

    row->kind = line->kind == JOURNAL_REPLAY ? ROW_REPLAY : ROW_GAP;
    row->row.at_ms = line->timestamp_ms;
    row->partition = line->partition;
    row->offset = from;
    row->place = *place;
    snprintf(row->text, sizeof(row->text), "%" PRId64 " offsets %s, up to @%" PRId64, to - from,
             row->kind == ROW_GAP ? "missing" : "told again on purpose", to - 1);
}

static void add_message_row(struct dash *d, const struct journal_line *line,
                            const struct journal_order *order,
                            const struct partition_change *change, const struct place *place)
{
    struct event_row *row = new_event_row(d);

    row->kind = line->is_failed                       ? ROW_FAILED
                : change->is_dup || change->is_rewind ? ROW_DUP
                                                      : ROW_OK;
    if (line->is_replay && !line->is_failed)
        row->kind = ROW_REPLAY;
    row->row.at_ms = line->timestamp_ms;
    row->partition = line->partition;
    row->offset = line->offset;
    row->message_size = line->message_size;
    row->has_latency = line->has_latency;
    row->latency_ms = line->latency_ms;
    row->place = *place;
    scan_text(&line->order_id, row->order_id, sizeof(row->order_id));
    if (line->is_failed)
        describe_failure(row, line);
    else
        describe_order(row, order);
}

/* ---- counters ---- */

static void count_latency(struct dash *d, const struct journal_line *line,
                          struct window_second *slot)
{
    int64_t second = line->timestamp_ms / 1000;
    struct latency_second *l = &d->latency[(uint64_t)second % DASH_LATENCY_SECONDS];

    if (!line->has_latency || !line->is_deserialized)
        return;
    d->with_latency++;
    d->with_whole_second += (line->timestamp_ms - line->latency_ms) % 1000 == 0;
    if (line->latency_ms < 0) {
        if (slot)
            slot->skewed++;
        if (-line->latency_ms > d->largest_skew_ms)
            d->largest_skew_ms = -line->latency_ms;
    }
    if (l->second < second) {
        memset(l, 0, sizeof(*l));
        l->second = second;
    }
    if (l->second != second)
        return;
    histogram_add(&l->histogram, line->latency_ms);
    if (line->latency_ms > l->max)
        l->max = line->latency_ms;
}

static uint64_t retries_of(const struct journal_line *line)
{
    return line->attempts > 1 ? (uint64_t)line->attempts - 1 : 0;
}

static bool is_dead_lettered(const struct journal_line *line)
{
    return line->has_outcome && line->fate == JOURNAL_DEAD_LETTERED;
}

static void count_minute(struct dash *d, int64_t at_ms)
{
    struct dash_minute *m = &d->minutes[(uint64_t)(at_ms / 60000) % DASH_MINUTES];

    if (m->minute < at_ms / 60000)
        *m = (struct dash_minute){.minute = at_ms / 60000};
    m->received += m->minute == at_ms / 60000;
}

/* What counts for old and new lines alike. */
static void count_totals(struct dash *d, const struct journal_line *line)
{
    d->received++;
    count_minute(d, line->timestamp_ms);
    if (line->has_latency && line->is_deserialized) {
        histogram_add(d->latency_total, line->latency_ms);
        d->latency_total_ms += line->latency_ms > 0 ? line->latency_ms : 0;
    }
    d->retries += retries_of(line);
    d->dead_lettered += is_dead_lettered(line);
    d->knows_outcome |= line->has_outcome;
    if (is_dead_lettered(line) && line->timestamp_ms > d->dead_lettered_ms)
        d->dead_lettered_ms = line->timestamp_ms;
    if (!line->is_failed)
        return;
    d->failed++;
    cause_count(&d->causes, line);
    if (line->timestamp_ms < d->failed_ms)
        return;
    d->failed_ms = line->timestamp_ms;
    d->failed_partition = line->partition;
    d->failed_offset = line->offset;
}

#define ORDERS_MS 62000

static void count_order(struct dash *d, const struct journal_line *line,
                        const struct journal_order *order, int64_t now_ms)
{
    if (line->is_failed || line->timestamp_ms < now_ms - ORDERS_MS)
        return;
    if (order->has_total)
        order_sums_value(d->orders, line->timestamp_ms, order->currency, order->total);
    order_sums_items(d->orders, line->timestamp_ms, &line->order);
}

static void count_message(struct dash *d, const struct journal_line *line,
                          struct window_second *slot)
{
    count_totals(d, line);
    d->last_failed[d->live++ % DASH_LAST] = line->is_failed;
    if (slot) {
        slot->received++;
        slot->failed += line->is_failed;
        slot->retries += (uint32_t)retries_of(line);
        slot->dead_lettered += is_dead_lettered(line);
        slot->bytes += line->message_size > 0 ? (uint64_t)line->message_size : 0;
    }
    count_latency(d, line, slot);
}

static void count_change(struct dash *d, const struct journal_line *line,
                         const struct partition_change *change, struct window_second *slot)
{
    d->gaps += change->gap;
    d->rewinds += change->is_rewind;
    if (slot)
        slot->gaps += change->gap;
    if (change->gap > DASH_LARGE_GAP)
        d->large_gap_ms = line->timestamp_ms;
}

static void note_time(struct dash *d, int64_t at_ms)
{
    if (!d->has_event || at_ms < d->first_ms)
        d->first_ms = at_ms;
    if (!d->has_event || at_ms > d->newest_ms)
        d->newest_ms = at_ms;
    d->has_event = true;
}

static struct partition *cover(struct dash *whole, const struct journal_line *line, int journal)
{
    size_t topic_len = line->topic.kind == JSON_STRING ? line->topic.len : 0;
    struct partition *p =
        partition_get(&whole->partitions, line->topic.text, topic_len, line->partition);

    partition_cover(p, line, journal);
    note_time(whole, line->timestamp_ms);
    return p;
}

/* What a part's line is to the whole; `dups` is what it was to the part. */
static void count_in_whole(struct dash *whole, const struct journal_line *line,
                           const struct journal_order *order, int64_t now_ms, int journal,
                           uint64_t dups)
{
    struct partition *p = cover(whole, line, journal);
    struct window_second *slot = window_slot(&whole->window, line->timestamp_ms, now_ms);

    p->dups += dups;
    memcpy(whole->topic, p->topic, sizeof(whole->topic));
    if (line->kind != JOURNAL_MESSAGE)
        return;
    count_message(whole, line, slot);
    count_order(whole, line, order, now_ms);
}

void dash_event(struct dash *d, const struct journal_line *line, const struct place *place,
                int64_t now_ms)
{
    size_t topic_len = line->topic.kind == JSON_STRING ? line->topic.len : 0;
    struct partition *p =
        partition_get(&d->partitions, line->topic.text, topic_len, line->partition);
    int64_t before = p->highest;
    uint64_t dups = p->dups;
    struct journal_order order = {.has_total = false};
    struct partition_change change = partition_count(p, line);
    struct window_second *slot = window_slot(&d->window, line->timestamp_ms, now_ms);

    note_time(d, line->timestamp_ms);
    if (line->kind == JOURNAL_MESSAGE && !line->is_failed)
        journal_line_order(line, &order);
    if (d->whole)
        count_in_whole(d->whole, line, &order, now_ms, d->number, p->dups - dups);
    memcpy(d->topic, p->topic, sizeof(d->topic));
    d->dups += p->dups - dups;
    count_change(d, line, &change, slot);
    if (line->kind == JOURNAL_GAP || line->kind == JOURNAL_REPLAY)
        add_gap_row(d, line, line->gap_from, line->gap_to, place);
    else if (change.gap)
        add_gap_row(d, line, before + 1, before + 1 + (int64_t)change.gap, place);
    if (line->kind != JOURNAL_MESSAGE)
        return;
    count_message(d, line, slot);
    count_order(d, line, &order, now_ms);
    add_message_row(d, line, &order, &change, place);
}

void dash_old_event(struct dash *d, const struct journal_line *line)
{
    size_t topic_len = line->topic.kind == JSON_STRING ? line->topic.len : 0;
    struct partition *p =
        partition_get(&d->history.partitions, line->topic.text, topic_len, line->partition);
    uint64_t dups;

    dups = p->dups;
    partition_count(p, line);
    note_time(d, line->timestamp_ms);
    if (d->whole)
        cover(d->whole, line, d->number)->dups += p->dups - dups;
    if (line->kind != JOURNAL_MESSAGE)
        return;
    count_totals(d, line);
    if (d->whole)
        count_totals(d->whole, line);
}

void dash_end_history(struct dash *d)
{
    struct partition_table *old = &d->history.partitions;

    d->history.is_reading = false;
    d->gaps = d->dups = d->rewinds = 0;
    for (size_t i = 0; i < old->count; i++) {
        const struct partition *earlier = &old->items[i];

        partition_prepend(
            partition_get(&d->partitions, earlier->topic, strlen(earlier->topic), earlier->number),
            earlier);
    }
    for (size_t i = 0; i < d->partitions.count; i++) {
        d->gaps += d->partitions.items[i].gaps;
        d->dups += d->partitions.items[i].dups;
        d->rewinds += d->partitions.items[i].rewinds;
    }
    partition_table_release(old);
}

void dash_bad_event(struct dash *d, const char *text, size_t len, const struct place *place,
                    bool is_torn, int64_t now_ms)
{
    struct event_row *row = new_event_row(d);
    int shown = len < 100 ? (int)len : 100;

    d->events_reader.malformed += !is_torn;
    d->events_reader.torn += is_torn;
    d->events_reader.last_malformed = *place;
    row->kind = ROW_BAD;
    row->row.at_ms = now_ms;
    row->partition = -1;
    row->offset = place->offset;
    row->place = *place;
    snprintf(row->text, sizeof(row->text), "%s at byte %" PRId64 ": %.*s",
             is_torn ? "unfinished line" : "no journal line", place->offset, shown, text);
}
