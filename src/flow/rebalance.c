#include "flow/rebalance.h"

#include "flow/start.h"

#define REVOKE_MS 2000 /* for what is under way when partitions are taken away */

/* A line about offsets instead of a record: it is durable before anything that follows it. */
static void tell_start(struct consume *c, struct lane *lane, const struct start *start)
{
    const char *topic = c->policy.topic;

    switch (start->kind) {
    case START_NORMAL:
        return;
    case START_GAP:
        record_write_gap(c->env.wall_ms, topic, lane->partition, start->from, start->to, &c->lines);
        log_with(c->ports.log, LOG_WARN, "offsets can no longer be read, going on behind them",
                 NULL, LOG_INT("partition", lane->partition), LOG_INT("from", start->from),
                 LOG_INT("to", start->to));
        break;
    case START_REPLAY:
        record_write_replay(c->env.wall_ms, topic, lane->partition, start->from, start->to,
                            &c->lines);
        log_with(c->ports.log, LOG_WARN, "the group was set back, telling records a second time",
                 NULL, LOG_INT("partition", lane->partition), LOG_INT("from", start->from),
                 LOG_INT("to", start->to));
        break;
    case START_RESET:
        record_write_recreated(c->env.wall_ms, topic, lane->partition, start->from, start->to,
                               &c->lines);
        log_with(c->ports.log, LOG_ERROR, "the topic was recreated or cut, its offsets begin anew",
                 NULL, LOG_INT("partition", lane->partition), LOG_INT("from", start->from),
                 LOG_INT("journal", start->to));
        break;
    }
    lane->told.next = start->offset;
}

/* A rewind goes on where a restart or another one found it, to the end of the farther one. Those of
 * a recreated topic are new records. */
static void begin_rewind(struct lane *lane, const struct journal_position *p, struct start *start)
{
    if (start->kind == START_RESET)
        return;
    if (start->kind == START_REPLAY && start->to < p->rewind_end)
        start->to = p->rewind_end;
    lane->rewind_end = start->kind == START_REPLAY ? start->to : p->rewind_end;
}

static void start_lane(struct consume *c, struct assignment *a)
{
    const struct journal_port *j = c->ports.journal;
    struct lane *lane = lanes_add(&c->lanes, a->partition);
    struct start_facts facts = {
        .committed = a->committed, .low = a->low, .high = a->high, .was_beyond = a->was_beyond};
    struct journal_position position;
    struct start start;

    j->position(j->self, a->partition, &position);
    facts.journal_next = position.next;
    facts.acked_commit = position.committed;
    start = start_decide(&facts);
    begin_rewind(lane, &position, &start);
    told_begin(&lane->told, start.offset);
    tell_start(c, lane, &start);
    /* A crash came between journal and commit: the group is to know even if no record follows. */
    if (start.kind == START_NORMAL && facts.journal_next > facts.committed)
        told_mark(&lane->told, c->last_batch, start.offset);
    lane->told.is_set_back = start.kind == START_REPLAY || start.kind == START_RESET;
    a->start = start.offset;
    a->is_reset = start.kind == START_RESET;
    lane->position = lane->expected = start.offset;
    if (c->policy.drain)
        lane->end = a->high;
    log_with(c->ports.log, LOG_INFO, "partition assigned", NULL, LOG_INT("partition", a->partition),
             LOG_INT("start", start.offset), LOG_INT("journal", facts.journal_next),
             LOG_INT("committed", a->committed), LOG_INT("low", a->low), LOG_INT("high", a->high));
}

/* A lane without a position: it stands for what is not known of its partition. */
static void await_lane(struct consume *c, const struct assignment *a)
{
    lanes_add(&c->lanes, a->partition);
    log_with(c->ports.log, LOG_INFO, "partition waits, it has no leader", NULL,
             LOG_INT("partition", a->partition));
}

static void on_assigned(void *ctx, struct assignment *list, size_t count)
{
    struct consume *c = ctx;

    c->was_assigned = true;
    for (size_t i = 0; i < count; i++) {
        struct lane *lane = lanes_find(&c->lanes, list[i].partition);

        if (lane)
            lanes_remove(&c->lanes, lane, &c->env);
        if (list[i].high < 0)
            await_lane(c, &list[i]);
        else
            start_lane(c, &list[i]);
    }
}

static void on_revoked(void *ctx, const int32_t *partitions, size_t count, bool lost)
{
    struct consume *c = ctx;

    for (size_t i = 0; i < count; i++) {
        struct lane *lane = lanes_find(&c->lanes, partitions[i]);

        if (lane)
            lane->fenced = true;
    }
    c->is_revoking = true;
    c->is_lost = lost;
    c->revoke_deadline_ms = c->env.now_ms + REVOKE_MS;
    log_with(c->ports.log, lost ? LOG_WARN : LOG_INFO,
             lost ? "partitions lost" : "partitions revoked", NULL,
             LOG_INT("count", (int64_t)count));
}

/* A commit below what the journal told is not noted before the line that explains it is durable: a
 * crash in between would leave a journal that seems to be ahead for no reason but the crash. */
static void on_committed(void *ctx, int32_t partition, int64_t offset)
{
    struct consume *c = ctx;
    const struct lane *lane = lanes_find(&c->lanes, partition);

    if (!lane || !lane->told.is_set_back)
        c->ports.journal->note_commit(c->ports.journal->self, partition, offset);
    log_with(c->ports.log, LOG_DEBUG, "offset committed", NULL, LOG_INT("partition", partition),
             LOG_INT("offset", offset));
}

int rebalance_serve(struct consume *c, struct err *e)
{
    const struct source_events events = {
        .assigned = on_assigned,
        .revoked = on_revoked,
        .committed = on_committed,
        .ctx = c,
    };

    return c->ports.source->serve(c->ports.source->self, &events, e);
}

void rebalance_give_back(struct consume *c)
{
    bool is_late = c->is_lost || c->env.now_ms >= c->revoke_deadline_ms;
    bool is_waiting = false;

    if (!c->is_revoking)
        return;
    for (size_t i = 0; i < c->lanes.count; i++) {
        struct lane *lane = c->lanes.list[i];
        bool runs = lane->state == LANE_ATTEMPTING || lane->state == LANE_SENDING;

        if (!lane->fenced)
            continue;
        if (!runs || is_late)
            lane_abandon(lane, &c->env);
        else
            is_waiting = true;
    }
    if (!is_late && (is_waiting || !lanes_are_durable(&c->lanes, true))) {
        c->ports.journal->hurry(c->ports.journal->self);
        return;
    }
    lanes_remove_fenced(&c->lanes, &c->env);
    if (c->lanes.count == 0)
        c->was_assigned = false; /* more may come: having nothing now is not being at the end */
    c->is_revoking = false;
    c->ports.source->release_partitions(c->ports.source->self);
}
