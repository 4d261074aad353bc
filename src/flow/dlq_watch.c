#include "flow/dlq_watch.h"

#include "model/log_event.h"

#define DELAYED_MS 10000 /* a healthy broker answers in milliseconds */

static bool is_delayed(const struct slot *slot, int64_t now_ms)
{
    return (slot->state == SLOT_SENDING || slot->state == SLOT_BLOCKED) &&
           now_ms - slot->sending_since_ms >= DELAYED_MS;
}

/* Returns how many of the lane's are; `oldest` becomes the oldest of them if it is older. */
static int64_t count_delayed(const struct lane *lane, int64_t now_ms, const struct slot **oldest)
{
    const struct slots *s = &lane->slots;
    int64_t count = 0;

    for (size_t i = 0; s->counts[SLOT_SENDING] + s->counts[SLOT_BLOCKED] > 0 && i < s->count; i++) {
        const struct slot *slot = slots_at(s, i);

        if (!is_delayed(slot, now_ms))
            continue;
        count++;
        if (!*oldest || slot->sending_since_ms < (*oldest)->sending_since_ms)
            *oldest = slot;
    }
    return count;
}

void dlq_watch_check(struct dlq_watch *w, const struct lanes *lanes, int64_t now_ms,
                     const struct log *log)
{
    const struct slot *oldest = NULL;
    int64_t count = 0;

    for (size_t i = 0; i < lanes->count; i++)
        count += count_delayed(lanes->list[i], now_ms, &oldest);
    if (oldest && !w->is_logged)
        log_with(log, EVENT_DEAD_LETTER_DELAYED, NULL, LOG_INT("count", count),
                 LOG_INT("partition", oldest->message.partition),
                 LOG_INT("offset", oldest->message.offset),
                 LOG_INT("waiting_ms", now_ms - oldest->sending_since_ms));
    else if (!oldest && w->is_logged)
        log_plain(log, EVENT_DEAD_LETTER_NOT_DELAYED, NULL);
    w->is_logged = oldest != NULL;
}
