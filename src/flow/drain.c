#include "flow/drain.h"

#define FLUSH_MS 2000 /* for the journal, when nothing is read any more */

void drain_note_end(struct consume *c, struct lane *lane)
{
    const struct source *s = c->ports.source;

    if (lane->end < 0)
        lane->end = s->high_watermark(s->self, lane->partition);
    if (lane->end < 0)
        lane->end = lane->known_end;
    if (!lane->jump.is_open && lane->end >= 0 && lane->position >= lane->end)
        lane->is_at_end = true;
}

void drain_note_nothing(struct lane *lane)
{
    if (!lane->is_caught_up)
        return;
    lane->end = lane->position;
    lane->is_at_end = true;
}

static void begin_flushing(struct consume *c)
{
    c->phase = CONSUME_FLUSHING;
    c->phase_deadline_ms = c->env.now_ms + FLUSH_MS;
    c->are_ends_unknown = c->policy.drain && !c->was_assigned;
    for (size_t i = 0; i < c->lanes.count; i++) {
        struct lane *lane = c->lanes.list[i];

        lane_abandon(lane, &c->env);
        if (lane->end < 0 || lane->position < 0)
            c->are_ends_unknown = true;
        if (lane->position >= 0 && lane->end > lane->position)
            c->left_behind += lane->end - lane->position;
    }
}

void drain_begin(struct consume *c)
{
    if (c->phase == CONSUME_DRAINING) {
        begin_flushing(c);
    } else if (c->phase == CONSUME_RUNNING) {
        c->phase = CONSUME_DRAINING;
        c->phase_deadline_ms = c->env.now_ms + c->policy.drain_timeout_ms;
        for (size_t i = 0; i < c->lanes.count; i++)
            drain_note_end(c, c->lanes.list[i]);
    }
}

static bool has_reached_ends(struct consume *c)
{
    bool all = true;

    for (size_t i = 0; i < c->lanes.count; i++) {
        struct lane *lane = c->lanes.list[i];

        drain_note_end(c, lane);
        if (lane->end < 0 && c->phase == CONSUME_DRAINING && lane_is_idle(lane))
            continue; /* nothing was ever heard of it: there is nothing to wait for */
        if (!lane->is_at_end || !lane_is_idle(lane))
            all = false;
    }
    return all && !c->is_revoking;
}

static void end_flushing(struct consume *c)
{
    c->phase = CONSUME_DONE;
    for (size_t i = 0; i < c->lanes.count; i++)
        c->left_behind += watermark_remaining(&c->lanes.list[i]->watermark);
}

void drain_serve(struct consume *c)
{
    switch (c->phase) {
    case CONSUME_RUNNING:
        if (c->policy.drain && c->was_assigned && has_reached_ends(c))
            begin_flushing(c);
        break;
    case CONSUME_DRAINING:
        if (has_reached_ends(c) || c->env.now_ms >= c->phase_deadline_ms)
            begin_flushing(c);
        break;
    case CONSUME_FLUSHING:
        if (lanes_are_durable(&c->lanes, false) || c->env.now_ms >= c->phase_deadline_ms)
            end_flushing(c);
        else
            c->ports.journal->flush_soon(c->ports.journal->self);
        break;
    case CONSUME_DONE:
        break;
    }
}
