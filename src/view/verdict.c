#include "view/verdict.h"

#define VERDICT_HOLDS 3000 /* ms */

static void note_found(struct verdict *v, enum level found, int64_t now_ms)
{
    for (int level = LEVEL_OK; level < LEVELS; level++) {
        if (!v->has_shown || ((int)found >= level && (int)v->found < level))
            v->at_least_ms[level] = now_ms;
        if (!v->has_shown || ((int)found <= level && (int)v->found > level))
            v->at_most_ms[level] = now_ms;
    }
    v->found = found;
}

/* UNKNOWN is no step between two others. */
static bool is_step(const struct verdict *v, int level)
{
    return level != LEVEL_UNKNOWN || v->found == LEVEL_UNKNOWN;
}

/* The level next to the one found that may be shown. */
static enum level held_level(const struct verdict *v, enum level at_once, int64_t now_ms)
{
    int level = (int)v->found;

    for (; level > (int)v->shown; level--) {
        if (is_step(v, level) &&
            (level <= (int)at_once || now_ms - v->at_least_ms[level] >= VERDICT_HOLDS))
            break;
    }
    for (; level < (int)v->shown; level++) {
        if (is_step(v, level) && now_ms - v->at_most_ms[level] >= VERDICT_HOLDS)
            break;
    }
    return (enum level)level;
}

void verdict_update(struct verdict *v, enum level found, enum level at_once, int64_t now_ms)
{
    enum level level = found;

    note_found(v, found, now_ms);
    if (v->has_shown && v->shown != LEVEL_UNKNOWN)
        level = held_level(v, at_once, now_ms);
    if (v->has_shown && level == v->shown)
        return;
    v->has_shown = true;
    v->shown = level;
    v->shown_ms = now_ms;
}
