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

static void fill(struct coverage *c, int64_t offset)
{
    int at = search(c, offset);
    struct coverage_hole *h = &c->holes[at];
    struct coverage_hole front;

    if (at == c->count || h->from > offset)
        return;
    front = (struct coverage_hole){.from = h->from, .to = offset, .at_ms = h->at_ms};
    h->from = offset + 1;
    if (h->from == h->to && front.from == front.to)
        remove_hole(c, at);
    else if (h->from == h->to)
        *h = front;
    else if (front.from < front.to)
        insert_hole(c, at, front);
}

void coverage_add(struct coverage *c, int64_t offset, int64_t at_ms)
{
    if (!c->has_any) {
        c->has_any = true;
        c->first = c->highest = offset;
    } else if (offset > c->highest) {
        if (offset - 1 > c->highest)
            insert_hole(c, c->count, (struct coverage_hole){c->highest + 1, offset, at_ms});
        c->highest = offset;
    } else if (offset < c->first) {
        if (offset + 1 < c->first)
            insert_hole(c, 0, (struct coverage_hole){offset + 1, c->first, at_ms});
        c->first = offset;
    } else {
        fill(c, offset);
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
