#include "flow/overdue.h"

#include "model/log_event.h"

#define OVERDUE_MS 10000 /* a broker that is well answers in milliseconds */

static bool is_overdue(const struct lane *lane, int64_t now_ms)
{
    return lane->state != LANE_IDLE && lane->sends > 0 &&
           now_ms - lane->sending_since_ms >= OVERDUE_MS;
}

void overdue_look(struct overdue *o, const struct lanes *lanes, int64_t now_ms,
                  const struct log *log)
{
    const struct lane *oldest = NULL;
    int64_t count = 0;

    for (size_t i = 0; i < lanes->count; i++) {
        const struct lane *lane = lanes->list[i];

        if (!is_overdue(lane, now_ms))
            continue;
        count++;
        if (!oldest || lane->sending_since_ms < oldest->sending_since_ms)
            oldest = lane;
    }
    if (oldest && !o->is_told)
        log_with(log, EVENT_DEAD_LETTER_DELAYED, NULL, LOG_INT("count", count),
                 LOG_INT("partition", oldest->partition), LOG_INT("offset", oldest->message.offset),
                 LOG_INT("waiting_ms", now_ms - oldest->sending_since_ms));
    else if (!oldest && o->is_told)
        log_plain(log, EVENT_DEAD_LETTER_NOT_DELAYED, NULL);
    o->is_told = oldest != NULL;
}
