#include "flow/told.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

void told_init(struct told *t)
{
    *t = (struct told){.next = -1, .timestamp_ms = -1, .durable = -1};
}

void told_release(struct told *t)
{
    free(t->marks);
    *t = (struct told){0};
}

void told_begin(struct told *t, int64_t offset)
{
    t->durable = offset;
}

void told_settle(struct told *t, int64_t offset, int64_t timestamp_ms)
{
    if (t->durable < 0)
        t->durable = offset;
    t->next = offset + 1;
    t->timestamp_ms = timestamp_ms;
}

void told_mark(struct told *t, uint64_t batch, int64_t next)
{
    if (t->mark_count == t->mark_cap) {
        t->mark_cap = t->mark_cap ? 2 * t->mark_cap : 8;
        t->marks = mem_realloc_array(t->marks, t->mark_cap, sizeof(*t->marks));
    }
    t->marks[t->mark_count++] = (struct told_mark){.batch = batch, .next = next};
}

void told_hand_over(struct told *t, uint64_t batch)
{
    if (t->next >= 0)
        told_mark(t, batch, t->next);
    t->next = -1;
}

int64_t told_take_durable(struct told *t, uint64_t durable)
{
    size_t n = 0;

    while (n < t->mark_count && t->marks[n].batch <= durable)
        t->durable = t->marks[n++].next;
    if (n == 0)
        return -1;
    t->is_set_back = false;
    t->mark_count -= n;
    memmove(t->marks, t->marks + n, t->mark_count * sizeof(*t->marks));
    return t->durable;
}

bool told_is_durable(const struct told *t)
{
    return t->mark_count == 0 && t->next < 0;
}

int64_t told_left(const struct told *t)
{
    int64_t next = t->next;

    if (next < 0 && t->mark_count > 0)
        next = t->marks[t->mark_count - 1].next;
    return next > t->durable && t->durable >= 0 ? next - t->durable : 0;
}
