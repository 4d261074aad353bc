#include "flow/outage.h"

#include <stdio.h>

#define FIRST_DELAY_MS 100
#define MAX_DELAY_MS   30000

static bool is_the_probe(const struct outage *o, uint32_t serial)
{
    return o->is_open && o->is_probing && o->probe == serial;
}

/* What was under way when it began says nothing new. */
void outage_note(struct outage *o, uint32_t serial, const char *why, int64_t now_ms)
{
    if (!o->is_open)
        *o = (struct outage){.is_open = true, .since_ms = now_ms, .delay_ms = FIRST_DELAY_MS};
    else if (is_the_probe(o, serial))
        o->delay_ms = 2 * o->delay_ms < MAX_DELAY_MS ? 2 * o->delay_ms : MAX_DELAY_MS;
    else
        return;
    o->is_probing = false;
    o->deadline_ms = now_ms + o->delay_ms;
    snprintf(o->why, sizeof(o->why), "%s", why);
}

int64_t outage_answered(struct outage *o, uint32_t serial, int64_t now_ms)
{
    if (!is_the_probe(o, serial))
        return -1;
    o->is_open = false;
    return now_ms - o->since_ms;
}

void outage_probe(struct outage *o, uint32_t serial)
{
    o->is_probing = true;
    o->probe = serial;
}

void outage_forget_probe(struct outage *o, uint32_t serial)
{
    if (is_the_probe(o, serial))
        o->is_probing = false;
}
