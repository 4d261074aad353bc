#include "flow/watermark.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

void watermark_init(struct watermark *t)
{
    *t = (struct watermark){.next = -1, .timestamp_ms = -1, .durable = -1};
}

void watermark_release(struct watermark *t)
{
    free(t->marks);
    *t = (struct watermark){0};
}

void watermark_begin(struct watermark *t, int64_t offset)
{
    t->durable = offset;
}

void watermark_settle(struct watermark *t, int64_t offset, int64_t timestamp_ms)
{
    if (t->durable < 0)
        t->durable = offset;
    t->next = offset + 1;
    t->timestamp_ms = timestamp_ms;
}

void watermark_add(struct watermark *t, uint64_t batch, int64_t next)
{
    if (t->mark_count == t->mark_cap) {
        t->mark_cap = t->mark_cap ? 2 * t->mark_cap : 8;
        t->marks = mem_realloc_array(t->marks, t->mark_cap, sizeof(*t->marks));
    }
    t->marks[t->mark_count++] = (struct watermark_batch){.batch = batch, .next = next};
}

void watermark_hand_over(struct watermark *t, uint64_t batch)
{
    if (t->next >= 0)
        watermark_add(t, batch, t->next);
    t->next = -1;
}

int64_t watermark_take_durable(struct watermark *t, uint64_t durable)
{
    size_t n = 0;

    while (n < t->mark_count && t->marks[n].batch <= durable)
        t->durable = t->marks[n++].next;
    if (n == 0)
        return -1;
    t->is_reset = false;
    t->mark_count -= n;
    memmove(t->marks, t->marks + n, t->mark_count * sizeof(*t->marks));
    return t->durable;
}

bool watermark_is_durable(const struct watermark *t)
{
    return t->mark_count == 0 && t->next < 0;
}

int64_t watermark_remaining(const struct watermark *t)
{
    int64_t next = t->next;

    if (next < 0 && t->mark_count > 0)
        next = t->marks[t->mark_count - 1].next;
    return next > t->durable && t->durable >= 0 ? next - t->durable : 0;
}
