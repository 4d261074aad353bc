#include "flow/rebalance.h"

#include "flow/start.h"
#include "model/log_event.h"

#define REVOKE_MS       2000  /* for what is under way when partitions are taken away */
#define DOUBT_REPORT_MS 60000 /* between two lines about the same doubt */

/* A line about offsets instead of a record: it is durable before anything that follows it. */
static void tell_start(struct consume *c, struct lane *lane, const struct start *start)
{
    const char *topic = c->policy.topic;

    switch (start->kind) {
    case START_NORMAL:
        return;
    case START_GAP:
        record_write_gap(c->env.wall_ms, topic, lane->partition, start->from, start->to, &c->lines);
        log_with(c->ports.log, EVENT_OFFSETS_EXPIRED, NULL, LOG_INT("partition", lane->partition),
                 LOG_INT("from", start->from), LOG_INT("to", start->to));
        break;
    case START_REPLAY:
        record_write_replay(c->env.wall_ms, topic, lane->partition, start->from, start->to,
                            &c->lines);
        log_with(c->ports.log, EVENT_OFFSETS_REWOUND, NULL, LOG_INT("partition", lane->partition),
                 LOG_INT("from", start->from), LOG_INT("to", start->to));
        break;
    case START_RESET:
        record_write_recreated(c->env.wall_ms, topic, lane->partition, start->from, start->to,
                               &c->lines);
        log_with(c->ports.log, EVENT_TOPIC_RECREATED, NULL, LOG_INT("partition", lane->partition),
                 LOG_INT("from", start->from), LOG_INT("journal", start->to));
        break;
    case START_CUT:
        record_write_recreated(c->env.wall_ms, topic, lane->partition, start->from, start->to,
                               &c->lines);
        log_with(c->ports.log, EVENT_TOPIC_RECORDS_LOST, NULL,
                 LOG_INT("partition", lane->partition), LOG_INT("from", start->from),
                 LOG_INT("journal", start->to));
        break;
    }
    lane->watermark.next = start->offset;
}

static bool is_other_log(const struct start *start)
{
    return start->kind == START_RESET || start->kind == START_CUT;
}

/* A rewind goes on where a restart or another one found it, to the end of the farther one. Those of
 * another log are new records. */
static void begin_rewind(struct lane *lane, const struct journal_position *p, struct start *start)
{
    if (is_other_log(start))
        return;
    if (start->kind == START_REPLAY && start->to < p->rewind_end)
        start->to = p->rewind_end;
    lane->rewind_end = start->kind == START_REPLAY ? start->to : p->rewind_end;
}

/* ---- assignment ---- */

/* What is known of a partition whose lane is to start. */
struct found {
    struct assignment *assignment;
    struct journal_position journal;
    struct start_facts facts;
};

static void look_up(struct consume *c, struct assignment *a, struct found *found)
{
    const struct journal_port *j = c->ports.journal;

    found->assignment = a;
    j->position(j->self, a->partition, &found->journal);
    found->facts = (struct start_facts){.journal_next = found->journal.next,
                                        .acked_commit = found->journal.committed,
                                        .committed = a->committed,
                                        .low = a->low,
                                        .high = a->high,
                                        .was_beyond = a->was_beyond};
}

/* A truncated log that has not grown holds nothing new: the group's offset is left alone until it
 * does, since it may be right after all. */
static bool replaces_commit(const struct start *start, const struct assignment *a)
{
    return start->kind == START_RESET || (start->kind == START_CUT && a->high > start->offset);
}

static void start_lane(struct consume *c, struct lane *lane, struct found *found,
                       struct start start)
{
    struct assignment *a = found->assignment;

    if (start.offset == START_UNKNOWN)
        start.offset = a->initial;
    begin_rewind(lane, &found->journal, &start);
    watermark_begin(&lane->watermark, start.offset);
    tell_start(c, lane, &start);
    /* A crash came between journal and commit: the group is to know even if no record follows. */
    if (start.kind == START_NORMAL && found->journal.next > a->committed)
        watermark_add(&lane->watermark, c->last_batch, start.offset);
    lane->watermark.is_reset = start.kind == START_REPLAY || is_other_log(&start);
    a->start = start.offset;
    a->is_reset = replaces_commit(&start, a);
    lane->doubt = (struct doubt){0};
    lane->position = lane->expected = start.offset;
    lane->known_end = a->readable_end;
    if (c->policy.drain)
        lane->end = a->readable_end;
    log_with(c->ports.log, EVENT_PARTITION_ASSIGNED, NULL, LOG_INT("partition", a->partition),
             LOG_INT("start", start.offset), LOG_INT("journal", found->journal.next),
             LOG_INT("committed", a->committed), LOG_INT("low", a->low), LOG_INT("high", a->high));
}

/* The lane keeps no position: it stands for what is not known of its partition. */
static void await_leader(struct consume *c, const struct lane *lane)
{
    log_with(c->ports.log, EVENT_PARTITION_LEADERLESS, NULL, LOG_INT("partition", lane->partition));
}

static void await_answer(struct consume *c, struct lane *lane, const struct found *found)
{
    struct assignment *a = found->assignment;
    struct doubt *d = &lane->doubt;

    a->must_check = true;
    a->check_at = found->journal.next > 0 ? found->journal.next - 1 : 0;
    if (!d->is_open || (d->reported_ms > 0 && c->env.now_ms - d->reported_ms < DOUBT_REPORT_MS))
        return;
    d->reported_ms = c->env.now_ms;
    log_with(c->ports.log, EVENT_OFFSETS_DOUBTFUL, NULL, LOG_INT("partition", lane->partition),
             LOG_INT("journal", found->journal.next), LOG_INT("committed", a->committed),
             LOG_INT("low", a->low), LOG_INT("high", a->high));
}

/* The log is the one that was journaled. */
static void start_doubtless(struct consume *c, struct lane *lane, struct found *found)
{
    if (found->facts.acked_commit >= 0 && found->facts.committed < 0)
        log_with(c->ports.log, EVENT_OFFSETS_COMMIT_MISSING, NULL,
                 LOG_INT("partition", lane->partition),
                 LOG_INT("acknowledged", found->facts.acked_commit),
                 LOG_INT("journal", found->journal.next));
    start_lane(c, lane, found, start_decide(&found->facts));
}

static void decide_start(struct consume *c, struct lane *lane, struct assignment *a)
{
    struct found found;
    struct doubt_facts facts = {
        .assignment = a, .start = &found.facts, .is_drain = c->policy.drain};

    look_up(c, a, &found);
    facts.timestamp_ms = found.journal.timestamp_ms;
    if (!doubt_is_due(&lane->doubt, &found.facts)) {
        start_doubtless(c, lane, &found);
        return;
    }
    switch (doubt_judge(&lane->doubt, &facts, c->env.now_ms)) {
    case DOUBT_WAIT:
        await_answer(c, lane, &found);
        break;
    case DOUBT_SAME:
        start_doubtless(c, lane, &found);
        break;
    case DOUBT_CUT:
        start_lane(c, lane, &found, start_cut(&found.facts, lane->doubt.lowest_high));
        break;
    case DOUBT_RECREATED:
        start_lane(c, lane, &found, start_recreated(&found.facts));
        break;
    }
}

static void on_assigned(void *ctx, struct assignment *list, size_t count)
{
    struct consume *c = ctx;

    c->was_assigned = true;
    for (size_t i = 0; i < count; i++) {
        struct lane *lane = lanes_find(&c->lanes, list[i].partition);
        struct doubt doubt = lane ? lane->doubt : (struct doubt){0};

        if (lane)
            lanes_remove(&c->lanes, lane, &c->env);
        lane = lanes_add(&c->lanes, list[i].partition);
        lane->doubt = doubt;
        if (list[i].high < 0)
            await_leader(c, lane);
        else
            decide_start(c, lane, &list[i]);
    }
}

/* ---- revocation ---- */

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
    log_with(c->ports.log, lost ? EVENT_PARTITION_LOST : EVENT_PARTITION_REVOKED, NULL,
             LOG_INT("count", (int64_t)count));
}

/* A commit below the journal's watermark is not noted before the line that explains it is durable:
 * a crash in between would leave a journal that seems to be ahead for no reason but the crash. */
static void on_committed(void *ctx, int32_t partition, int64_t offset)
{
    struct consume *c = ctx;
    const struct lane *lane = lanes_find(&c->lanes, partition);

    if (!lane || !lane->watermark.is_reset)
        c->ports.journal->note_commit(c->ports.journal->self, partition, offset);
    log_with(c->ports.log, EVENT_OFFSETS_COMMITTED, NULL, LOG_INT("partition", partition),
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

        if (!lane->fenced)
            continue;
        if (is_late)
            lane_abandon(lane, &c->env);
        else
            lane_cut_waiting(lane, &c->env);
        is_waiting |= !lane_is_idle(lane);
    }
    if (!is_late && (is_waiting || !lanes_are_durable(&c->lanes, true))) {
        c->ports.journal->flush_soon(c->ports.journal->self);
        return;
    }
    lanes_remove_fenced(&c->lanes, &c->env);
    if (c->lanes.count == 0)
        c->was_assigned = false; /* more may come: having nothing now is not being at the end */
    c->is_revoking = false;
    c->ports.source->release_partitions(c->ports.source->self);
}
