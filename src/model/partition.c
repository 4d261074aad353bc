#include "model/partition.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

void partition_table_release(struct partition_table *t)
{
    for (size_t i = 0; i < t->count; i++)
        free(t->items[i].coverage);
    free(t->items);
    *t = (struct partition_table){0};
}

static bool is_it(const struct partition *p, const char *topic, size_t len, int32_t number)
{
    return p->number == number && p->topic[len] == '\0' &&
           (len == 0 || strncmp(p->topic, topic, len) == 0);
}

static struct partition *append(struct partition_table *t, const char *topic, size_t len,
                                int32_t number)
{
    struct partition *p;

    if (t->count == t->cap) {
        t->cap = t->cap ? t->cap * 2 : 16;
        t->items = mem_realloc_array(t->items, t->cap, sizeof(*t->items));
    }
    t->last = t->count++;
    p = &t->items[t->last];
    *p = (struct partition){.number = number};
    if (len)
        memcpy(p->topic, topic, len);
    return p;
}

struct partition *partition_get(struct partition_table *t, const char *topic, size_t topic_len,
                                int32_t number)
{
    size_t len = topic_len < PARTITION_TOPIC ? topic_len : PARTITION_TOPIC - 1;

    for (size_t i = 0; i < t->count; i++) {
        size_t at = (t->last + i) % t->count;

        if (is_it(&t->items[at], topic, len, number)) {
            t->last = at;
            return &t->items[at];
        }
    }
    return append(t, topic, len, number);
}

static void skip_to(struct partition *p, int64_t highest)
{
    p->highest = highest;
    p->has_offset = true;
    p->is_rewound = false;
}

/* Offsets between a line and a later one whose line does not say that they hold no record. */
static uint64_t missing_between(int64_t earlier, int64_t later, int64_t skipped)
{
    int64_t between = later - earlier - 1;

    return between > skipped ? (uint64_t)(between - skipped) : 0;
}

/* What comes is of another topic of the same name: no offset of it was seen before. */
static void start_over(struct partition *p, int64_t from)
{
    if (!p->has_offset)
        p->starts_over = true;
    else
        skip_to(p, from - 1);
}

static struct partition_change count_offset(struct partition *p, const struct journal_line *line)
{
    struct partition_change change = {0};
    int64_t offset = line->offset;

    if (!p->has_offset) {
        p->first = offset;
        p->first_skipped = line->skipped;
    }
    if (!p->has_offset || offset > p->highest) {
        if (p->has_offset)
            change.gap = missing_between(p->highest, offset, line->skipped);
        skip_to(p, offset);
    } else if (p->is_rewound) {
        change.is_dup = true;
    } else if (line->is_replay || p->highest - offset > PARTITION_REWIND) {
        p->is_rewound = true;
        change.is_rewind = !line->is_replay;
        p->rewinds += change.is_rewind;
    } else {
        change.is_dup = true;
        p->dups++;
    }
    p->gaps += change.gap;
    return change;
}

/* The tracker itself says that [from, to) is gone. */
static struct partition_change count_gap(struct partition *p, const struct journal_line *line)
{
    struct partition_change change = {0};
    int64_t from = line->gap_from;

    if (p->has_offset && from <= p->highest)
        from = p->highest + 1;
    if (line->gap_to <= from)
        return change;
    change.gap = (uint64_t)(line->gap_to - from);
    p->gaps += change.gap;
    skip_to(p, line->gap_to - 1);
    return change;
}

/* Offsets that hold no record count like a line for the last of them that says so of the others. */
static struct partition_change count_skip(struct partition *p, const struct journal_line *line)
{
    struct journal_line last = *line;

    last.offset = line->gap_to - 1;
    last.skipped = last.offset - line->gap_from;
    if (last.skipped < 0 || (p->has_offset && last.offset <= p->highest))
        return (struct partition_change){0};
    return count_offset(p, &last);
}

static void count_second(struct partition *p, const struct journal_line *line)
{
    int64_t second = line->timestamp_ms / 1000;
    struct partition_second *s = &p->seconds[(uint64_t)second % PARTITION_SECONDS];

    if (s->second < second)
        *s = (struct partition_second){.second = second};
    if (s->second != second)
        return;
    s->received++;
    s->failed += line->is_failed;
}

static void note_time(struct partition *p, const struct journal_line *line)
{
    p->newest_ms = line->timestamp_ms;
    if (line->kind == JOURNAL_MESSAGE)
        p->made_ms = line->has_latency ? line->timestamp_ms - line->latency_ms : 0;
}

struct partition_change partition_count(struct partition *p, const struct journal_line *line)
{
    if (line->timestamp_ms >= p->newest_ms)
        note_time(p, line);
    if (line->kind == JOURNAL_GAP)
        return count_gap(p, line);
    if (line->kind == JOURNAL_SKIP)
        return count_skip(p, line);
    if (line->kind == JOURNAL_REPLAY) {
        if (line->is_recreated)
            start_over(p, line->gap_from);
        return (struct partition_change){0};
    }
    p->received++;
    p->failed += line->is_failed;
    count_second(p, line);
    return count_offset(p, line);
}

void partition_cover(struct partition *p, const struct journal_line *line, int journal)
{
    if (!p->coverage)
        p->coverage = mem_alloc(sizeof(*p->coverage));
    if (line->timestamp_ms >= p->newest_ms) {
        note_time(p, line);
        p->newest_journal = journal;
    }
    if (line->kind == JOURNAL_GAP) {
        coverage_skip(p->coverage, line->gap_from, line->gap_to, line->timestamp_ms);
    } else if (line->kind == JOURNAL_SKIP && line->gap_from < line->gap_to) {
        coverage_add(p->coverage, line->gap_to - 1, line->gap_to - 1 - line->gap_from,
                     line->timestamp_ms);
    } else if (line->kind == JOURNAL_MESSAGE) {
        p->received++;
        p->failed += line->is_failed;
        count_second(p, line);
        coverage_add(p->coverage, line->offset, line->skipped, line->timestamp_ms);
    }
    p->has_offset = p->coverage->has_any;
    p->highest = p->coverage->highest;
    p->gaps = coverage_missing(p->coverage);
}

void partition_prepend(struct partition *p, const struct partition *earlier)
{
    p->received += earlier->received;
    p->failed += earlier->failed;
    p->gaps += earlier->gaps;
    p->dups += earlier->dups;
    p->rewinds += earlier->rewinds;
    if (!earlier->has_offset)
        return;
    if (!p->has_offset)
        skip_to(p, earlier->highest);
    else if (p->first > earlier->highest)
        p->gaps +=
            p->starts_over ? 0 : missing_between(earlier->highest, p->first, p->first_skipped);
    else if (!p->starts_over)
        p->dups += (uint64_t)(earlier->highest - p->first + 1);
    p->first = earlier->first;
    p->first_skipped = earlier->first_skipped;
    if (earlier->newest_ms > p->newest_ms) {
        p->newest_ms = earlier->newest_ms;
        p->made_ms = earlier->made_ms;
    }
}

struct partition_second partition_sum(const struct partition *p, int64_t now_ms, int seconds)
{
    struct partition_second sum = {0};
    int64_t now = now_ms / 1000;

    for (int i = 0; i < PARTITION_SECONDS; i++) {
        const struct partition_second *s = &p->seconds[i];

        if (s->second >= now || s->second < now - seconds)
            continue;
        sum.received += s->received;
        sum.failed += s->failed;
    }
    return sum;
}
