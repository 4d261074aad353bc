#include "model/window.h"

#include <stddef.h>

#define MAY_RUN_AHEAD (WINDOW_SLOTS - WINDOW_LONGEST - 2)

static int64_t second_of(int64_t ms)
{
    return ms >= 0 ? ms / 1000 : -((-ms + 999) / 1000);
}

static size_t slot_of(int64_t second)
{
    return (size_t)(second & (WINDOW_SLOTS - 1));
}

struct window_second *window_slot(struct window *w, int64_t at_ms, int64_t now_ms)
{
    int64_t second = second_of(at_ms);
    int64_t now = second_of(now_ms);
    struct window_second *slot = &w->slots[slot_of(second)];

    if (!w->has_first || second < w->first_second)
        w->first_second = second;
    if (!w->has_first || second > w->last_second)
        w->last_second = second;
    w->has_first = true;
    if (second > now + MAY_RUN_AHEAD || second < now - WINDOW_LONGEST)
        return NULL;
    if (slot->second != second)
        *slot = (struct window_second){.second = second};
    return slot;
}

const struct window_second *window_at(const struct window *w, int64_t second)
{
    const struct window_second *slot = &w->slots[slot_of(second)];

    return slot->second == second ? slot : NULL;
}

/* From the first event on. */
static bool is_observed(const struct window *w, int64_t second)
{
    return w->has_first && second >= w->first_second;
}

static void add(struct window_sum *sum, const struct window_second *s)
{
    sum->busy += s->received > 0;
    sum->received += s->received;
    sum->failed += s->failed;
    sum->retries += s->retries;
    sum->dead_lettered += s->dead_lettered;
    sum->skewed += s->skewed;
    sum->bytes += s->bytes;
    sum->gaps += s->gaps;
    if (s->received > sum->peak)
        sum->peak = s->received;
}

struct window_sum window_sum(const struct window *w, int64_t now_ms, int seconds)
{
    struct window_sum sum = {0};
    int64_t now = second_of(now_ms);

    for (int64_t second = now - seconds; second < now; second++) {
        const struct window_second *s = window_at(w, second);

        if (!is_observed(w, second))
            continue;
        sum.seconds++;
        if (s)
            add(&sum, s);
    }
    return sum;
}
