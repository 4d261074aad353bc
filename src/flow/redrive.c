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

void redrive_init(struct redrive *r, const struct redrive_policy *policy,
                  const struct dead_letters *letters, const struct sink *sink,
                  const struct log *log, int64_t now_ms)
{
    *r = (struct redrive){
        .policy = *policy, .letters = letters, .sink = sink, .log = log, .due_us = now_ms * 1000};
}

/* ---- what is stored ---- */

/* One that is too long is not stored: what is in flight is about to make room. */
static void store(struct redrive *r, struct redrive_partition *p, int64_t upto)
{
    struct strbuf text = {0};
    int64_t first;

    redrive_partition_describe(p, upto, &text, &first);
    if (text.len <= REDRIVE_PROGRESS_MAX_BYTES) {
        r->letters->store(r->letters->self, p->partition, first, strbuf_text(&text));
        p->stored = upto;
    }
    strbuf_release(&text);
}

/* The longest prefix in which nothing is on its way. */
static int64_t settled_prefix(const struct redrive *r, size_t partition)
{
    int64_t prefix = r->partitions[partition].next;

    for (uint64_t tag = r->first_tag; tag < r->next_tag; tag++) {
        const struct redrive_sent *s = &r->window[tag % REDRIVE_WINDOW];

        if (s->partition == partition && !s->is_reported && s->offset < prefix)
            prefix = s->offset;
    }
    return prefix;
}

/* At the start too: it keeps what was committed before from expiring. */
static void store_progress(struct redrive *r)
{
    for (size_t i = 0; i < r->partition_count && !r->policy.is_dry; i++) {
        int64_t prefix = settled_prefix(r, i);

        if (prefix > r->partitions[i].stored)
            store(r, &r->partitions[i], prefix);
    }
}

/* ---- where to begin and to end ---- */

/* As soon as the partitions are known. */
static int begin(struct redrive *r, struct err *e)
{
    struct dead_letter_partition *list;
    size_t count = r->has_begun ? 0 : r->letters->partitions(r->letters->self, &list);

    if (count == 0)
        return 0;
    r->partitions = mem_alloc_array(count, sizeof(*r->partitions));
    for (size_t i = 0; i < count; i++)
        if (redrive_partition_begin(&r->partitions[r->partition_count++], &list[i], r->log, e) < 0)
            return -1;
    r->letters->begin(r->letters->self);
    r->has_begun = true;
    return 0;
}

/* ---- what is left ---- */

static struct redrive_traits traits_of(const struct replay *replay)
{
    return (struct redrive_traits){
        .reason = replay->reason, .topic = replay->topic, .replays = replay->replays};
}

static void leave_all(const struct redrive *r, struct redrive_partition *p, int64_t offset,
                      enum redrive_rule_kind kind)
{
    const struct redrive_traits traits = traits_of(&r->replay);

    redrive_partition_leave_all(p, offset, kind, &traits);
}

static void note(struct redrive_place *place, const struct redrive_partition *p, int64_t offset)
{
    if (place->count++ == 0) {
        place->partition = p->partition;
        place->offset = offset;
    }
}

static void note_why(struct redrive_topic *t, const char *why)
{
    snprintf(t->why, sizeof(t->why), "%.*s", (int)sizeof(t->why) - 1, why);
}

/* ---- what was sent ---- */

/* What is no fault of the record is the topic's: nothing more is sent to it. */
static void fail_one(struct redrive *r, const struct redrive_sent *sent,
                     const struct sink_report *report)
{
    struct redrive_partition *p = &r->partitions[sent->partition];
    struct redrive_topic *t = &r->topics[sent->topic];
    bool is_topics = report->status == SINK_TROUBLE;

    r->counts.failed++;
    note(&t->failed, p, sent->offset);
    redrive_partition_leave(p, sent->offset);
    if (t->failed.count == 1 || (is_topics && t->state != REDRIVE_TOPIC_UNAVAILABLE))
        note_why(t, report->text);
    if (is_topics)
        t->state = REDRIVE_TOPIC_UNAVAILABLE;
    else if (t->state == REDRIVE_TOPIC_TRIED)
        t->state = REDRIVE_TOPIC_THERE;
}

static void take_report(struct redrive *r, const struct sink_report *report)
{
    struct redrive_sent *sent = &r->window[report->tag % REDRIVE_WINDOW];

    sent->is_reported = true;
    r->partitions[sent->partition].in_flight--;
    if (report->status != SINK_OK) {
        fail_one(r, sent, report);
    } else {
        r->counts.acknowledged++;
        if (r->topics[sent->topic].state == REDRIVE_TOPIC_TRIED)
            r->topics[sent->topic].state = REDRIVE_TOPIC_GOOD;
    }
    while (r->first_tag < r->next_tag && r->window[r->first_tag % REDRIVE_WINDOW].is_reported)
        r->first_tag++;
}

static void take_reports(struct redrive *r)
{
    struct sink_report report;

    while (r->sink && r->sink->next_report(r->sink->self, &report))
        take_report(r, &report);
}

/* ---- reading ---- */

static void give_back(struct redrive *r, struct message *m)
{
    r->letters->release(r->letters->self, m);
}

static size_t topic_of(struct redrive *r, const char *name)
{
    for (size_t i = 0; i < r->topic_count; i++)
        if (strcmp(r->topics[i].name, name) == 0)
            return i;
    r->topics = mem_realloc_array(r->topics, r->topic_count + 1, sizeof(*r->topics));
    r->topics[r->topic_count] = (struct redrive_topic){.name = mem_strdup(name)};
    return r->topic_count++;
}

static void hold(struct redrive *r, size_t partition, const struct message *m,
                 const struct header *headers, size_t count)
{
    replay_build(&r->replay, m, headers, count, &r->arena, &r->outgoing);
    r->held = *m;
    r->held_partition = partition;
    r->held_topic = topic_of(r, r->replay.topic);
    r->has_held = true;
}

/* Settles an open record that does not go. Returns false for one that does. */
static bool settle_open(struct redrive *r, struct redrive_partition *p, int64_t offset)
{
    if (r->policy.is_one_reason && r->replay.reason != r->policy.reason) {
        leave_all(r, p, offset, REDRIVE_BY_REASON);
        return true;
    }
    if (r->replay.fate == REDRIVE_GOES)
        return false;
    if (r->replay.fate == REDRIVE_STAYS)
        leave_all(r, p, offset, REDRIVE_BY_REPLAYS);
    if (r->replay.fate == REDRIVE_NO_VALUE)
        note(&r->incomplete, p, offset);
    redrive_table_add(&r->table, r->replay.reason, r->replay.topic, r->replay.fate);
    return true;
}

/* What goes is held until it is sent; all else is settled here. */
static void take_message(struct redrive *r, size_t partition, struct message *m)
{
    struct redrive_partition *p = &r->partitions[partition];
    const struct header *headers;
    size_t count = r->letters->headers(r->letters->self, m, &headers);
    struct redrive_traits traits;

    arena_reset(&r->arena);
    replay_judge(&r->policy.replay, headers, count, &r->arena, &r->replay);
    traits = traits_of(&r->replay);
    if (redrive_progress_is_open(&p->before, m->offset, &traits) && !settle_open(r, p, m->offset)) {
        hold(r, partition, m, headers, count);
        return;
    }
    redrive_partition_advance(p, m->offset + 1);
    give_back(r, m);
}

/* Returns false when the partition has nothing for now. */
static bool read_partition(struct redrive *r, size_t partition)
{
    struct redrive_partition *p = &r->partitions[partition];
    struct message m;

    switch (r->letters->fetch(r->letters->self, p->partition, &m)) {
    case FETCH_NOTHING:
        return false;
    case FETCH_END:
        /* Behind our end after compaction. Before it when another broker has taken over and lags:
         * then what is missing still comes. */
        redrive_partition_advance(p, m.offset);
        return true;
    case FETCH_MESSAGE:
        break;
    }
    if (m.offset >= p->next && m.offset < p->end) {
        take_message(r, partition, &m);
    } else {
        redrive_partition_advance(p, m.offset);
        give_back(r, &m);
    }
    return true;
}

/* Whether the partition may be read now. One without room for what may be left in it is given up:
 * what comes next must not be sent if it could not be described that it was. */
static bool may_read(struct redrive *r, struct redrive_partition *p)
{
    if (p->is_read || redrive_partition_has_room(p))
        return !p->is_read;
    if (p->in_flight == 0) {
        p->is_read = true;
        note(&r->full, p, p->next);
    }
    return false;
}

/* One record of the partition whose turn it is. Returns false when no partition has one. */
static bool read_one(struct redrive *r)
{
    for (size_t i = 0; i < r->partition_count; i++) {
        size_t partition = (r->next_partition + i) % r->partition_count;

        if (may_read(r, &r->partitions[partition]) && read_partition(r, partition)) {
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

static void settle_held(struct redrive *r, enum redrive_fate fate)
{
    redrive_table_add(&r->table, r->replay.reason, r->replay.topic, fate);
    redrive_partition_advance(&r->partitions[r->held_partition], r->held.offset + 1);
    drop_held(r);
}

static void note_sent(struct redrive *r, const struct redrive_sent *sent)
{
    struct redrive_topic *t = &r->topics[sent->topic];

    r->window[r->next_tag % REDRIVE_WINDOW] = *sent;
    r->next_tag++;
    r->partitions[sent->partition].in_flight++;
    if (t->state == REDRIVE_TOPIC_THERE)
        t->state = REDRIVE_TOPIC_TRIED;
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
    const struct redrive_sent sent = {
        .partition = r->held_partition, .topic = r->held_topic, .offset = r->held.offset};
    int wait_ms = r->policy.rate > 0 ? sleep_until_due(r, now_ms) : 0;
    struct sink_report failure;

    if (wait_ms > 0)
        return wait_ms;
    switch (r->sink->send(r->sink->self, &r->outgoing, r->next_tag, &failure)) {
    case SEND_FULL:
        return FULL_SLEEP_MS;
    case SEND_TAKEN:
        note_sent(r, &sent);
        use_rate(r, now_ms);
        break;
    case SEND_FAILED:
        fail_one(r, &sent, &failure);
        break;
    }
    settle_held(r, REDRIVE_GOES);
    return 0;
}

static int find_topic(struct redrive *r, struct redrive_topic *t)
{
    struct err e = {0};
    int found = r->letters->find_topic(r->letters->self, t->name, &e);

    if (found == 0)
        return MAX_SLEEP_MS; /* the answer wakes us earlier */
    t->state = found > 0 ? REDRIVE_TOPIC_THERE : REDRIVE_TOPIC_UNAVAILABLE;
    if (found < 0)
        note_why(t, e.text);
    return 0;
}

static void leave_held(struct redrive *r, struct redrive_topic *t)
{
    struct redrive_partition *p = &r->partitions[r->held_partition];

    r->counts.failed++;
    note(&t->failed, p, r->held.offset);
    leave_all(r, p, r->held.offset, REDRIVE_BY_TOPIC);
    settle_held(r, REDRIVE_NO_TOPIC);
}

/* Returns 0 when the held record is settled or its topic's state changed, else for how long it has
 * to wait. A topic proves good with its first record; otherwise one that may not be written to
 * would refuse all that is on its way. */
static int serve_held(struct redrive *r, int64_t now_ms)
{
    struct redrive_topic *t = &r->topics[r->held_topic];

    switch (t->state) {
    case REDRIVE_TOPIC_UNKNOWN:
        return find_topic(r, t);
    case REDRIVE_TOPIC_TRIED:
        return FULL_SLEEP_MS;
    case REDRIVE_TOPIC_UNAVAILABLE:
        leave_held(r, t);
        return 0;
    case REDRIVE_TOPIC_THERE:
    case REDRIVE_TOPIC_GOOD:
        break;
    }
    if (!r->policy.is_dry)
        return send_held(r, now_ms);
    settle_held(r, REDRIVE_GOES);
    return 0;
}

/* One step: reads a record, or deals with the one that is held. Returns 0, or for how long there is
 * nothing to do. */
static int step(struct redrive *r, int64_t now_ms)
{
    if (r->next_tag - r->first_tag == REDRIVE_WINDOW)
        return FULL_SLEEP_MS;
    if (!r->has_held && !read_one(r))
        return MAX_SLEEP_MS;
    return r->has_held ? serve_held(r, now_ms) : 0;
}

/* ---- the run ---- */

int redrive_turn(struct redrive *r, int64_t now_ms, struct err *e)
{
    int wait_ms = 0;

    if (r->letters->serve(r->letters->self, e) < 0 || begin(r, e) < 0)
        return -1;
    take_reports(r);
    for (int i = 0; i < BURST && wait_ms == 0 && !r->is_ended; i++)
        wait_ms = step(r, now_ms);
    store_progress(r);
    return r->is_ended && wait_ms == 0 ? MAX_SLEEP_MS : wait_ms;
}

bool redrive_is_done(const struct redrive *r)
{
    if (r->has_held || r->first_tag < r->next_tag)
        return false;
    for (size_t i = 0; i < r->partition_count && !r->is_ended; i++)
        if (!r->partitions[i].is_read)
            return false;
    return r->is_ended || r->has_begun;
}

void redrive_end(struct redrive *r)
{
    drop_held(r);
    for (uint64_t tag = r->first_tag; tag < r->next_tag; tag++) {
        const struct redrive_sent *s = &r->window[tag % REDRIVE_WINDOW];

        if (!s->is_reported)
            redrive_partition_leave(&r->partitions[s->partition], s->offset);
    }
    for (size_t i = 0; i < r->partition_count && r->has_begun && !r->policy.is_dry; i++)
        if (r->partitions[i].next > r->partitions[i].stored)
            store(r, &r->partitions[i], r->partitions[i].next);
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
    for (size_t i = 0; i < r->partition_count; i++)
        redrive_partition_release(&r->partitions[i]);
    for (size_t i = 0; i < r->topic_count; i++)
        free(r->topics[i].name);
    free(r->topics);
    free(r->partitions);
    arena_release(&r->arena);
    redrive_table_release(&r->table);
    *r = (struct redrive){0};
}
