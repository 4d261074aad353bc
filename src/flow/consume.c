#include "flow/consume.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "flow/drain.h"
#include "flow/jump.h"
#include "flow/rebalance.h"
#include "model/log_event.h"

#define TURN_MAX_SLEEP_MS 200
#define LANE_BURST        100               /* records of one lane before the next has its turn */
#define BATCH_BYTES       ((size_t)1 << 18) /* lines handed to the journal at once */
#define READ_MS           100               /* of a turn, then the source is served again */
#define AT_REST_MS        2000 /* a flow that pauses for less gets no line about its end */

/* ---- what the lanes tell ---- */

static void on_settled(void *ctx, const struct slot *slot, const struct record *r)
{
    struct consume *c = ctx;

    record_write(r, &c->lines);
    metrics_settled(&c->metrics, r);
    if (c->ports.settled)
        c->ports.settled(c->ports.settled_ctx, r, slot->is_decoded ? &slot->order : NULL);
}

static void on_attempted(void *ctx, int64_t ms)
{
    struct consume *c = ctx;

    metrics_attempted(&c->metrics, ms);
}

static void on_retried(void *ctx)
{
    struct consume *c = ctx;

    c->metrics.retried++;
}

/* ---- journal and offsets ---- */

static void submit_lines(struct consume *c)
{
    const struct journal_port *j = c->ports.journal;
    struct journal_mark *marks;
    size_t count = 0;

    if (c->lines.len == 0)
        return;
    marks = mem_alloc_array(c->lanes.count, sizeof(*marks));
    for (size_t i = 0; i < c->lanes.count; i++) {
        const struct lane *lane = c->lanes.list[i];
        const struct watermark *w = &lane->watermark;

        if (w->next >= 0)
            marks[count++] = (struct journal_mark){.partition = lane->partition,
                                                   .next = w->next,
                                                   .timestamp_ms = w->timestamp_ms,
                                                   .rewind_end = lane_rewind_end(lane),
                                                   .is_reset = w->is_reset && w->mark_count == 0};
    }
    c->last_batch = j->submit(j->self, &c->lines, marks, count);
    for (size_t i = 0; i < c->lanes.count; i++)
        watermark_hand_over(&c->lanes.list[i]->watermark, c->last_batch);
    free(marks);
}

/* Has it come to rest behind offsets without a record? */
static bool ends_in_skipped(const struct consume *c, const struct lane *lane)
{
    bool is_at_rest = c->policy.drain || c->phase != CONSUME_RUNNING ||
                      c->env.now_ms - lane->caught_up_ms >= AT_REST_MS;

    return is_at_rest && lane_is_idle(lane) && lane->is_caught_up && !lane->fenced &&
           lane->expected >= 0 && lane->position > lane->expected;
}

/* Markers and aborted records behind the last one are passed too, so that nobody who compares the
 * group's offsets with the ends of the partitions sees a lag. A line says so first: whoever begins
 * at what is committed cannot know what was before it. */
static void pass_ends(struct consume *c)
{
    const struct journal_port *j = c->ports.journal;

    for (size_t i = 0; i < c->lanes.count; i++) {
        const struct lane *lane = c->lanes.list[i];

        if (ends_in_skipped(c, lane))
            record_write_skip(c->env.wall_ms, c->policy.topic, lane->partition, lane->expected,
                              lane->position, &c->lines);
    }
    if (c->lines.len == 0)
        return;
    c->last_batch = j->submit(j->self, &c->lines, NULL, 0);
    for (size_t i = 0; i < c->lanes.count; i++) {
        struct lane *lane = c->lanes.list[i];

        if (!ends_in_skipped(c, lane))
            continue;
        watermark_add(&lane->watermark, c->last_batch, lane->position);
        lane->expected = lane->position;
    }
}

static void store_durable(struct consume *c)
{
    const struct source *s = c->ports.source;
    uint64_t durable = c->ports.journal->durable(c->ports.journal->self);

    for (size_t i = 0; i < c->lanes.count; i++) {
        int64_t next = watermark_take_durable(&c->lanes.list[i]->watermark, durable);

        if (next >= 0 && !(c->lanes.list[i]->fenced && c->is_lost))
            s->store(s->self, c->lanes.list[i]->partition, next);
    }
}

static int look_at_journal(struct consume *c, bool *is_writable, struct err *e)
{
    struct err why = {0};

    *is_writable = false;
    switch (c->ports.journal->state(c->ports.journal->self, &why)) {
    case JOURNAL_RUNNING:
        if (c->journal_was_blocked)
            log_plain(c->ports.log, EVENT_JOURNAL_UNBLOCKED, NULL);
        c->journal_was_blocked = false;
        *is_writable = true;
        return 0;
    case JOURNAL_BLOCKED:
        if (!c->journal_was_blocked)
            log_plain(c->ports.log, EVENT_JOURNAL_BLOCKED, why.text);
        c->journal_was_blocked = true;
        return 0;
    case JOURNAL_FAILED:
        return err_set(e, ERR_RUNTIME, "journal: %s", why.text);
    }
    return 0;
}

/* ---- reading ---- */

/* Returns true when a record failed for which the user chose to stop. */
static bool halt(struct consume *c, const struct lane *lane)
{
    const struct slot *slot = lane_halted(lane);

    if (!slot)
        return false;
    c->has_failed = true;
    err_set(&c->failure, ERR_RUNTIME,
            "%s/%" PRId32 " offset %" PRId64 ": %s (dlq.enabled is false, dlq.on_disabled is halt)",
            slot->message.topic, lane->partition, slot->message.offset, slot->error);
    c->phase = CONSUME_DRAINING;
    consume_stop(c);
    return true;
}

/* One terminal line per offset, whatever the source does: one that goes back by itself must not go
 * unseen. */
static void leave_out(struct consume *c, const struct lane *lane, struct message *m)
{
    log_with(c->ports.log, EVENT_RECORD_DUPLICATE, NULL, LOG_INT("partition", lane->partition),
             LOG_INT("offset", m->offset), LOG_INT("position", lane->position));
    c->ports.source->release(c->ports.source->self, m);
}

static void take_message(struct consume *c, struct lane *lane, struct message *m)
{
    if (m->offset < lane->position)
        leave_out(c, lane, m);
    else if (m->offset == lane->position || !jump_hold(lane, &c->env, m, m->offset))
        lane_take(lane, &c->env, m);
}

/* Reads what waits, up to a burst or a batch. Returns true when there may be more. */
static bool read_lane(struct consume *c, struct lane *lane)
{
    const struct source *s = c->ports.source;
    struct message m;

    for (int i = 0; i < LANE_BURST; i++) {
        /* A record may have been settled since the lane was looked at. */
        if (c->policy.drain || c->phase == CONSUME_DRAINING)
            drain_note_end(c, lane);
        if (!lane_has_room(lane, &c->env) || lane->is_at_end)
            return false;
        switch (s->fetch(s->self, lane->partition, &m)) {
        case FETCH_NOTHING:
            if (c->phase == CONSUME_DRAINING)
                drain_note_nothing(lane);
            return false;
        case FETCH_END:
            lane->is_caught_up = true;
            lane->caught_up_ms = c->env.now_ms;
            if (m.offset > lane->position && !jump_hold(lane, &c->env, NULL, m.offset))
                lane->position = m.offset;
            break;
        case FETCH_MESSAGE:
            lane->is_caught_up = false;
            take_message(c, lane, &m);
            break;
        }
        if (halt(c, lane))
            return false;
        if (c->lines.len >= BATCH_BYTES) {
            submit_lines(c);
            return true;
        }
    }
    return true;
}

static void read_clock(struct consume *c)
{
    c->env.now_ms = clock_mono_ms(c->ports.clock);
    c->env.wall_ms = clock_wall_ms(c->ports.clock);
}

static size_t line_bytes(const struct consume *c)
{
    const struct journal_port *j = c->ports.journal;

    return j->buffered_bytes(j->self) + c->lines.len;
}

/* One half is for lines and for records in windows, the other for what the source has fetched
 * ahead. With nothing buffered there is room, however little is allowed. Each window has its share
 * of a quarter: one that is full leaves room for the others. */
static void share_room(struct consume *c)
{
    if (c->lanes.count > 0)
        c->env.window_bytes = c->policy.max_buffered_bytes / 4 / c->lanes.count;
}

static bool has_room(const struct consume *c)
{
    return line_bytes(c) + c->env.pool.held_bytes <= c->policy.max_buffered_bytes / 2;
}

/* Each lane has its turn, beginning after the last one that had; the rest waits when memory or time
 * runs out. */
static bool read_lanes(struct consume *c)
{
    int64_t until_ms = c->env.now_ms + READ_MS;
    bool more = false;

    for (size_t i = 0; i < c->lanes.count && c->phase <= CONSUME_DRAINING; i++) {
        struct lane *lane = c->lanes.list[c->next_lane % c->lanes.count];

        read_clock(c);
        if (c->env.now_ms >= until_ms)
            return true;
        if (!has_room(c)) {
            if (line_bytes(c) > c->env.pool.held_bytes)
                c->ports.journal->flush_soon(c->ports.journal->self);
            return false;
        }
        c->next_lane = (c->next_lane + 1) % c->lanes.count;
        if (!lane->fenced && read_lane(c, lane))
            more = true;
    }
    return more;
}

/* ---- answers and deadlines ---- */

static void take_answers(struct consume *c)
{
    const struct processor *p = c->ports.processor;
    const struct sink *sink = c->ports.sink;
    struct attempt_result result;
    struct sink_report report;

    while (p->next_result(p->self, c->env.now_ms, &result)) {
        struct lane *lane = lanes_find_tag(&c->lanes, result.tag);

        if (lane)
            lane_answered(lane, &c->env, &result);
    }
    while (sink && sink->next_report(sink->self, &report)) {
        struct lane *lane = lanes_find_tag(&c->lanes, report.tag);

        if (lane)
            lane_reported(lane, &c->env, &report);
    }
}

/* Another lane is the first each time: what the processor has room for is shared. */
static void run_lanes(struct consume *c)
{
    c->first_run++;
    for (size_t i = 0; i < c->lanes.count; i++) {
        struct lane *lane = c->lanes.list[(c->first_run + i) % c->lanes.count];

        if (c->phase == CONSUME_DRAINING && !lane->fenced)
            lane_hasten(lane, &c->env);
        if (lane->jump.is_open && !lane->fenced)
            jump_serve(lane, &c->env);
        lane_run(lane, &c->env);
        halt(c, lane);
    }
}

/* ---- metrics ---- */

static bool is_blocked(const struct lane *lane)
{
    const size_t *counts = lane->slots.counts;

    return counts[SLOT_BLOCKED] + counts[SLOT_PROBING] > 0 || lane->doubt.is_open ||
           lane->outage.is_open;
}

/* What waits behind the oldest record is part of the lag. */
static int64_t read_up_to(const struct lane *lane)
{
    return lane->slots.count > 0 ? slots_at(&lane->slots, 0)->message.offset + 1 : lane->position;
}

static void note_head_of_line(const struct lane *lane, int64_t now_ms, struct metrics_state *state)
{
    const struct slot *oldest = lane->slots.count > 0 ? slots_at(&lane->slots, 0) : NULL;

    if (!oldest || now_ms - oldest->taken_ms <= state->head_of_line_ms)
        return;
    state->head_of_line_ms = now_ms - oldest->taken_ms;
    state->head_of_line_partition = lane->partition;
    state->head_of_line_offset = oldest->message.offset;
}

void consume_write_metrics(struct consume *c, struct strbuf *out)
{
    const struct source *s = c->ports.source;
    struct metrics_partition *list = mem_alloc_array(c->lanes.count, sizeof(*list));
    struct metrics_state state = {.partitions = list,
                                  .partition_count = c->lanes.count,
                                  .processor_in_flight = (int64_t)c->env.in_flight,
                                  .head_of_line_ms = -1};

    for (size_t i = 0; i < c->lanes.count; i++) {
        const struct lane *lane = c->lanes.list[i];

        list[i] = (struct metrics_partition){
            .partition = lane->partition,
            .offset = read_up_to(lane),
            .high_watermark = s->high_watermark(s->self, lane->partition),
        };
        state.lanes_waiting += lane->slots.counts[SLOT_WAITING] > 0;
        state.lanes_blocked += is_blocked(lane) || c->journal_was_blocked;
        state.processor_unavailable |= lane->outage.is_open;
        note_head_of_line(lane, c->env.now_ms, &state);
    }
    if (c->ports.fsync_ms_max)
        state.fsync_ms_max = c->ports.fsync_ms_max(c->ports.fsync_ctx);
    if (c->ports.sink)
        state.dlq_pending = (int64_t)c->ports.sink->in_flight(c->ports.sink->self);
    metrics_write(&c->metrics, &state, c->env.now_ms, out);
    free(list);
}

static void report_metrics(struct consume *c)
{
    struct strbuf text = {0};

    if (c->env.now_ms - c->metrics.interval_started_ms < c->policy.metrics_interval_ms)
        return;
    consume_write_metrics(c, &text);
    metrics_next_interval(&c->metrics, c->env.now_ms);
    log_with(c->ports.log, EVENT_TRACKER_METRICS, NULL, LOG_JSON(NULL, strbuf_text(&text)));
    strbuf_release(&text);
}

/* Said once, however many partitions it is unavailable for. */
static void report_outage(struct consume *c)
{
    const struct lane *first = NULL;
    int64_t count = 0;

    for (size_t i = 0; i < c->lanes.count; i++) {
        const struct lane *lane = c->lanes.list[i];

        if (!lane->outage.is_open)
            continue;
        count++;
        if (!first || lane->outage.since_ms < first->outage.since_ms)
            first = lane;
    }
    if (first && !c->is_unavailable) {
        log_with(c->ports.log, EVENT_PROCESSOR_UNAVAILABLE, first->outage.why,
                 LOG_INT("partitions", count));
        c->unavailable_since_ms = first->outage.since_ms;
    } else if (!first && c->is_unavailable) {
        log_with(c->ports.log, EVENT_PROCESSOR_AVAILABLE, NULL,
                 LOG_INT("lasted_ms", c->env.now_ms - c->unavailable_since_ms));
    }
    c->is_unavailable = first != NULL;
}

/* ---- a turn ---- */

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int sleep_ms(const struct consume *c)
{
    const struct processor *p = c->ports.processor;
    int64_t due = c->env.now_ms + TURN_MAX_SLEEP_MS;

    for (size_t i = 0; i < c->lanes.count; i++) {
        const struct lane *lane = c->lanes.list[i];

        if (lane->fenced)
            continue;
        due = earlier(due, lane_due_ms(lane));
        if (lane->jump.is_open)
            due = earlier(due, jump_due_ms(lane));
    }
    due = earlier(due, p->deadline_ms(p->self));
    if (c->phase == CONSUME_DRAINING || c->phase == CONSUME_FLUSHING)
        due = earlier(due, c->phase_deadline_ms);
    if (c->is_revoking)
        due = earlier(due, c->revoke_deadline_ms);
    return due > c->env.now_ms ? (int)(due - c->env.now_ms) : 0;
}

int consume_turn(struct consume *c, struct err *e)
{
    bool is_writable;
    bool more = false;
    enum consume_phase before = c->phase;

    read_clock(c);
    if (rebalance_serve(c, e) < 0 || look_at_journal(c, &is_writable, e) < 0)
        return -1;
    share_room(c);
    take_answers(c);
    run_lanes(c);
    if (is_writable)
        more = read_lanes(c);
    if (c->ports.processor->flush)
        c->ports.processor->flush(c->ports.processor->self);
    submit_lines(c);
    if (is_writable)
        pass_ends(c);
    store_durable(c);
    rebalance_give_back(c);
    drain_serve(c);
    dlq_watch_check(&c->dlq_watch, &c->lanes, c->env.now_ms, c->ports.log);
    report_outage(c);
    report_metrics(c);
    if (more || c->phase != before)
        return 0;
    return sleep_ms(c);
}

void consume_stop(struct consume *c)
{
    read_clock(c);
    drain_begin(c);
}

bool consume_is_done(const struct consume *c)
{
    return c->phase == CONSUME_DONE;
}

bool consume_is_drained(const struct consume *c)
{
    return c->phase == CONSUME_DONE && !c->has_failed && c->left_behind == 0 &&
           !c->are_ends_unknown && lanes_are_durable(&c->lanes, false);
}

void consume_init(struct consume *c, const struct consume_policy *policy,
                  const struct consume_ports *ports, uint64_t seed)
{
    *c = (struct consume){.policy = *policy, .ports = *ports};
    c->env = (struct lane_env){
        .policy = &c->policy.lane,
        .source = ports->source,
        .sink = ports->sink,
        .processor = ports->processor,
        .log = ports->log,
        .settled = on_settled,
        .retried = on_retried,
        .attempted = on_attempted,
        .ctx = c,
    };
    rng_seed(&c->env.rng, seed);
    read_clock(c);
    metrics_init(&c->metrics, c->env.now_ms);
}

void consume_release(struct consume *c)
{
    lanes_release(&c->lanes, &c->env);
    slot_pool_release(&c->env.pool);
    strbuf_release(&c->lines);
}
