#include "model/coverage.h"

#include <string.h>

static uint64_t size_of(const struct coverage_hole *h)
{
    return (uint64_t)(h->to - h->from);
}

static void remove_hole(struct coverage *c, int at)
{
    c->count--;
    memmove(&c->holes[at], &c->holes[at + 1], (size_t)(c->count - at) * sizeof(c->holes[0]));
}

/* When all places are taken the earliest hole is forgotten, as the least likely to be filled. */
static void insert_hole(struct coverage *c, int at, struct coverage_hole hole)
{
    if (c->count == COVERAGE_HOLES && at == 0) {
        c->forgotten += size_of(&hole);
        return;
    }
    if (c->count == COVERAGE_HOLES) {
        c->forgotten += size_of(&c->holes[0]);
        remove_hole(c, 0);
        at--;
    }
    memmove(&c->holes[at + 1], &c->holes[at], (size_t)(c->count - at) * sizeof(c->holes[0]));
    c->holes[at] = hole;
    c->count++;
}

/* The first hole that ends behind the offset; `count` if there is none. */
static int search(const struct coverage *c, int64_t offset)
{
    int low = 0;
    int high = c->count;

    while (low < high) {
        int middle = (low + high) / 2;

        if (c->holes[middle].to > offset)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

bool coverage_is_missing(const struct coverage *c, int64_t offset)
{
    int at = search(c, offset);

    return at < c->count && c->holes[at].from <= offset;
}

/* Takes [from, to) out of the hole at `at`, which it meets. Returns the index of the next hole. */
static int cut_hole(struct coverage *c, int at, int64_t from, int64_t to)
{
    struct coverage_hole *h = &c->holes[at];
    const struct coverage_hole front = {.from = h->from, .to = from, .at_ms = h->at_ms};
    const struct coverage_hole back = {.from = to, .to = h->to, .at_ms = h->at_ms};

    if (front.from < front.to && back.from < back.to) {
        *h = back;
        insert_hole(c, at, front);
        return c->count;
    }
    if (front.from < front.to)
        *h = front;
    else if (back.from < back.to)
        *h = back;
    else
        remove_hole(c, at--);
    return at + 1;
}

static void fill(struct coverage *c, int64_t from, int64_t to)
{
    int at = search(c, from);

    while (at < c->count && c->holes[at].from < to)
        at = cut_hole(c, at, from, to);
}

/* What is between two parts that were told is a hole. */
static void join(struct coverage *c, int at, int64_t from, int64_t to, int64_t at_ms)
{
    if (from < to)
        insert_hole(c, at, (struct coverage_hole){from, to, at_ms});
}

void coverage_add(struct coverage *c, int64_t offset, int64_t skipped, int64_t at_ms)
{
    int64_t from = offset - skipped;
    int64_t to = offset < INT64_MAX ? offset + 1 : offset; /* no hole reaches that far */

    if (!c->has_any) {
        c->has_any = true;
        c->first = from;
        c->highest = offset;
        return;
    }
    fill(c, from, to);
    if (from < c->first) {
        join(c, 0, to, c->first, at_ms);
        c->first = from;
    }
    if (offset > c->highest) {
        join(c, c->count, c->highest + 1, from, at_ms);
        c->highest = offset;
    }
}

void coverage_skip(struct coverage *c, int64_t from, int64_t to, int64_t at_ms)
{
    if (!c->has_any) {
        if (from >= to)
            return;
        c->has_any = true;
        c->first = from;
        c->highest = from - 1;
    }
    if (to - 1 <= c->highest)
        return;
    insert_hole(c, c->count, (struct coverage_hole){c->highest + 1, to, at_ms});
    c->highest = to - 1;
}

uint64_t coverage_missing(const struct coverage *c)
{
    uint64_t sum = c->forgotten;

    for (int i = 0; i < c->count; i++)
        sum += size_of(&c->holes[i]);
    return sum;
}

uint64_t coverage_missing_since(const struct coverage *c, int64_t since_ms, uint64_t *largest)
{
    uint64_t sum = 0;
    uint64_t most = 0;

    for (int i = 0; i < c->count; i++) {
        if (c->holes[i].at_ms < since_ms)
            continue;
        sum += size_of(&c->holes[i]);
        most = size_of(&c->holes[i]) > most ? size_of(&c->holes[i]) : most;
    }
    if (largest)
        *largest = most;
    return sum;
}
