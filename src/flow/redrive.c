#include "flow/redrive.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define MAX_SLEEP_MS  200
#define FULL_SLEEP_MS 10 /* a report wakes us earlier */
#define BURST         500
#define CATCH_UP_US   INT64_C(200000) /* of what the rate allowed and nobody took */

struct redrive_partition {
    int32_t partition;
    int64_t next;   /* all before it was read, and is settled or in the window */
    int64_t end;    /* of this run */
    int64_t stored; /* all before it is told to the source */
    int64_t failed; /* the first that was refused, INT64_MAX if none */
    bool is_read;   /* nothing more is read from it in this pass */
};

void redrive_init(struct redrive *r, const struct redrive_policy *policy, const struct sink *sink,
                  const struct log *log, int64_t now_ms)
{
    *r = (struct redrive){.policy = *policy, .sink = sink, .log = log, .due_us = now_ms * 1000};
}

/* ---- where to begin and to end ---- */

static void note_ends(struct redrive *r, const struct assignment *list, size_t count)
{
    if (r->has_ends)
        return;
    r->ends = mem_alloc_array(count, sizeof(*r->ends));
    if (count)
        memcpy(r->ends, list, count * sizeof(*list));
    r->end_count = count;
    r->has_ends = true;
}

/* A partition that came later than the first pass has nothing for this run. */
static int64_t end_of(const struct redrive *r, const struct assignment *a)
{
    for (size_t i = 0; i < r->end_count; i++)
        if (r->ends[i].partition == a->partition)
            return r->ends[i].high;
    return a->low;
}

static int64_t start_of(const struct redrive *r, const struct assignment *a)
{
    if (a->committed < 0)
        return a->low;
    if (a->committed > a->high) {
        log_with(r->log, LOG_WARN, "the dead letter topic was recreated or cut, reading all of it",
                 NULL, LOG_INT("partition", a->partition), LOG_INT("committed", a->committed),
                 LOG_INT("end", a->high));
        return a->low;
    }
    if (a->committed < a->low) {
        log_with(r->log, LOG_WARN, "dead letters can no longer be read, going on behind them", NULL,
                 LOG_INT("partition", a->partition), LOG_INT("from", a->committed),
                 LOG_INT("to", a->low));
        return a->low;
    }
    return a->committed;
}

static void on_assigned(void *ctx, struct assignment *list, size_t count)
{
    struct redrive *r = ctx;

    note_ends(r, list, count);
    free(r->partitions);
    r->partitions = mem_alloc_array(count, sizeof(*r->partitions));
    r->partition_count = count;
    for (size_t i = 0; i < count; i++) {
        int64_t end = end_of(r, &list[i]);

        list[i].start = start_of(r, &list[i]);
        r->partitions[i] = (struct redrive_partition){.partition = list[i].partition,
                                                      .next = list[i].start,
                                                      .end = end,
                                                      .stored = list[i].start,
                                                      .failed = INT64_MAX,
                                                      .is_read = list[i].start >= end};
    }
    r->is_assigned = true;
}

static void on_revoked(void *ctx, const int32_t *partitions, size_t count, bool lost)
{
    /* Nobody else may claim them: the source is no member of its group. */
    (void)ctx;
    (void)partitions;
    (void)count;
    (void)lost;
}

static void on_committed(void *ctx, int32_t partition, int64_t offset)
{
    (void)ctx;
    (void)partition;
    (void)offset;
}

/* ---- what was sent ---- */

static void fail_one(struct redrive *r, size_t partition, int64_t offset, const char *why)
{
    struct redrive_partition *p = &r->partitions[partition];

    r->counts.failed++;
    snprintf(r->counts.last_failure, sizeof(r->counts.last_failure),
             "%s partition %" PRId32 " offset %" PRId64 ": %s", r->policy.replay.dlq_topic,
             p->partition, offset, why);
    if (offset < p->failed)
        p->failed = offset;
    p->is_read = true;
}

static void take_report(struct redrive *r, const struct sink_report *report)
{
    struct redrive_sent *sent = &r->window[report->tag % REDRIVE_WINDOW];

    sent->is_reported = true;
    if (report->status == SINK_OK)
        r->counts.acknowledged++;
    else
        fail_one(r, sent->partition, sent->offset, report->text);
    while (r->first_tag < r->next_tag && r->window[r->first_tag % REDRIVE_WINDOW].is_reported)
        r->first_tag++;
}

static void take_reports(struct redrive *r)
{
    struct sink_report report;

    while (r->sink && r->sink->next_report(r->sink->self, &report))
        take_report(r, &report);
}

/* The longest prefix in which nothing is open. */
static int64_t settled_prefix(const struct redrive *r, size_t partition)
{
    const struct redrive_partition *p = &r->partitions[partition];
    int64_t prefix = p->failed < p->next ? p->failed : p->next;

    for (uint64_t tag = r->first_tag; tag < r->next_tag; tag++) {
        const struct redrive_sent *s = &r->window[tag % REDRIVE_WINDOW];

        if (s->partition == partition && !s->is_reported && s->offset < prefix)
            prefix = s->offset;
    }
    return prefix;
}

static void store_progress(struct redrive *r)
{
    for (size_t i = 0; i < r->partition_count && !r->policy.is_dry; i++) {
        struct redrive_partition *p = &r->partitions[i];
        int64_t prefix = p->next > p->stored ? settled_prefix(r, i) : p->stored;

        if (prefix > p->stored) {
            r->source->store(r->source->self, p->partition, prefix);
            p->stored = prefix;
        }
    }
}

/* ---- reading ---- */

static void advance(struct redrive_partition *p, int64_t next)
{
    if (next > p->next)
        p->next = next < p->end ? next : p->end;
    if (next >= p->end)
        p->is_read = true;
}

static void give_back(struct redrive *r, struct message *m)
{
    r->source->release(r->source->self, m);
}

/* What goes is held until it is sent; all else is settled here. */
static void take_message(struct redrive *r, size_t partition, struct message *m)
{
    struct redrive_partition *p = &r->partitions[partition];
    const struct header *headers;
    size_t count = r->source->headers(r->source->self, m, &headers);
    struct replay replay;

    arena_reset(&r->arena);
    replay_judge(&r->policy.replay, headers, count, &r->arena, &replay);
    if (replay.reason == r->reason && replay.fate == REDRIVE_GOES && !r->policy.is_dry) {
        replay_build(&replay, m, headers, count, &r->arena, &r->outgoing);
        r->held = *m;
        r->held_partition = partition;
        r->has_held = true;
        return;
    }
    if (replay.reason == r->reason)
        redrive_table_add(&r->table, replay.reason, replay.topic, replay.fate);
    advance(p, m->offset + 1);
    give_back(r, m);
}

/* Returns false when the partition has nothing for now. */
static bool read_partition(struct redrive *r, size_t partition)
{
    struct redrive_partition *p = &r->partitions[partition];
    struct message m;

    switch (r->source->fetch(r->source->self, p->partition, &m)) {
    case FETCH_NOTHING:
        return false;
    case FETCH_END:
        /* Behind our end after compaction. Before it when another broker has taken over and lags:
         * then what is missing still comes. */
        advance(p, m.offset);
        return true;
    case FETCH_MESSAGE:
        break;
    }
    if (m.offset >= p->next && m.offset < p->end) {
        take_message(r, partition, &m);
    } else {
        advance(p, m.offset);
        give_back(r, &m);
    }
    return true;
}

/* One record of the partition whose turn it is. Returns false when no partition has one. */
static bool read_one(struct redrive *r)
{
    for (size_t i = 0; i < r->partition_count; i++) {
        size_t partition = (r->next_partition + i) % r->partition_count;

        if (!r->partitions[partition].is_read && read_partition(r, partition)) {
            r->next_partition = partition + 1;
            return true;
        }
    }
    return false;
}

/* ---- sending ---- */

static void drop_held(struct redrive *r)
{
    if (r->has_held)
        give_back(r, &r->held);
    r->has_held = false;
}

static void settle_held(struct redrive *r)
{
    redrive_table_add(&r->table, r->reason, r->outgoing.topic, REDRIVE_GOES);
    advance(&r->partitions[r->held_partition], r->held.offset + 1);
    drop_held(r);
}

static void note_sent(struct redrive *r)
{
    r->window[r->next_tag % REDRIVE_WINDOW] =
        (struct redrive_sent){.partition = r->held_partition, .offset = r->held.offset};
    r->next_tag++;
    r->counts.sent++;
    if (r->policy.max > 0 && r->counts.sent >= r->policy.max)
        r->is_ended = true;
}

static void use_rate(struct redrive *r, int64_t now_ms)
{
    int64_t now_us = now_ms * 1000;

    if (r->policy.rate <= 0)
        return;
    if (r->due_us < now_us - CATCH_UP_US)
        r->due_us = now_us - CATCH_UP_US;
    r->due_us += 1000000 / r->policy.rate;
}

static int sleep_until_due(const struct redrive *r, int64_t now_ms)
{
    int64_t us = r->due_us - now_ms * 1000;
    int64_t ms = (us + 999) / 1000;

    return us <= 0 ? 0 : ms > MAX_SLEEP_MS ? MAX_SLEEP_MS : (int)ms;
}

/* Returns 0 when the held record is on its way or refused, else for how long it has to wait. */
static int send_held(struct redrive *r, int64_t now_ms)
{
    int wait_ms = r->policy.rate > 0 ? sleep_until_due(r, now_ms) : 0;
    struct sink_report failure;

    if (wait_ms > 0)
        return wait_ms;
    switch (r->sink->send(r->sink->self, &r->outgoing, r->next_tag, &failure)) {
    case SEND_FULL:
        return FULL_SLEEP_MS;
    case SEND_TAKEN:
        note_sent(r);
        use_rate(r, now_ms);
        break;
    case SEND_FAILED:
        fail_one(r, r->held_partition, r->held.offset, failure.text);
        break;
    }
    settle_held(r);
    return 0;
}

/* One step: reads a record, or sends the one that is held. Returns 0, or for how long there is
 * nothing to do. */
static int step(struct redrive *r, int64_t now_ms)
{
    if (r->has_held && r->partitions[r->held_partition].failed != INT64_MAX)
        drop_held(r); /* one before it was refused */
    if (r->next_tag - r->first_tag == REDRIVE_WINDOW)
        return FULL_SLEEP_MS;
    if (!r->has_held && !read_one(r))
        return MAX_SLEEP_MS;
    return r->has_held ? send_held(r, now_ms) : 0;
}

/* ---- a pass ---- */

void redrive_begin_pass(struct redrive *r, enum record_reason reason, const struct source *source)
{
    r->source = source;
    r->reason = reason;
    r->is_assigned = false;
    r->partition_count = 0;
    r->next_partition = 0;
}

int redrive_turn(struct redrive *r, int64_t now_ms, struct err *e)
{
    const struct source_events events = {
        .assigned = on_assigned, .revoked = on_revoked, .committed = on_committed, .ctx = r};
    int wait_ms = 0;

    if (r->source->serve(r->source->self, &events, e) < 0)
        return -1;
    take_reports(r);
    for (int i = 0; i < BURST && wait_ms == 0 && !r->is_ended; i++)
        wait_ms = step(r, now_ms);
    store_progress(r);
    return r->is_ended && wait_ms == 0 ? MAX_SLEEP_MS : wait_ms;
}

bool redrive_pass_is_done(const struct redrive *r)
{
    if (r->has_held || r->first_tag < r->next_tag)
        return false;
    for (size_t i = 0; i < r->partition_count && !r->is_ended; i++)
        if (!r->partitions[i].is_read)
            return false;
    return r->is_ended || r->is_assigned;
}

void redrive_end_pass(struct redrive *r)
{
    drop_held(r);
    free(r->partitions);
    r->partitions = NULL;
    r->partition_count = 0;
    r->source = NULL;
}

void redrive_stop(struct redrive *r)
{
    r->is_ended = true;
    drop_held(r);
}

int64_t redrive_in_flight(const struct redrive *r)
{
    int64_t count = 0;

    for (uint64_t tag = r->first_tag; tag < r->next_tag; tag++)
        count += !r->window[tag % REDRIVE_WINDOW].is_reported;
    return count;
}

void redrive_release(struct redrive *r)
{
    free(r->partitions);
    free(r->ends);
    arena_release(&r->arena);
    redrive_table_release(&r->table);
    *r = (struct redrive){0};
}
