#include "io/kafka_source.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "io/kafka_group.h"
#include "io/kafka_login.h"
#include "io/offset_query.h"
#include "model/log_event.h"

#define REPLACE_MS     100   /* before the first replacement of a client */
#define REPLACE_MAX_MS 30000 /* the pause doubles up to this while replacements do not last */
#define CLOSE_MS       2000
#define FETCH_MIN      ((size_t)2 << 10) /* of one partition */

struct kafka_source {
    struct kafka_member_options options; /* of the next member */
    size_t fetch_bytes;                  /* of all partitions */
    struct offset_probe *probe;
    struct offset_ranges ranges;
    struct kafka_member *member; /* NULL between two of them */
    struct source inner;         /* the member's consumer */
    bool is_replaced;            /* its partitions are revoked, it ends when they are released */
    bool is_dead;                /* it cannot be closed in order */
    int64_t opened_ms;
    int64_t reopen_at_ms;
    int64_t pause_ms;
    char cluster_id[64];
};

/* ---- one member after the other ---- */

static size_t share_of_each(size_t bytes, size_t partitions)
{
    size_t share = bytes / (partitions > 0 ? partitions : 1);

    return share > FETCH_MIN ? share : FETCH_MIN;
}

static int open_member(struct kafka_source *s, struct err *e)
{
    s->member = kafka_member_open(&s->options, e);
    if (!s->member)
        return -1;
    s->inner = kafka_consumer_port(kafka_member_consumer(s->member));
    s->is_replaced = s->is_dead = false;
    s->opened_ms = kafka_now_ms();
    return 0;
}

/* All partitions go back; when the flow has released them the next member is opened. */
static void replace(struct kafka_source *s, const struct source_events *events)
{
    const struct kafka_consumer *c = kafka_member_consumer(s->member);
    int32_t *partitions = mem_alloc_array(c->partition_count, sizeof(*partitions));

    for (size_t i = 0; i < c->partition_count; i++)
        partitions[i] = c->partitions[i].partition;
    s->is_replaced = true;
    events->revoked(events->ctx, partitions, c->partition_count, s->is_dead);
    free(partitions);
}

static void replace_dead(struct kafka_source *s, const struct source_events *events,
                         const struct err *why)
{
    bool did_last = kafka_now_ms() - s->opened_ms >= REPLACE_MAX_MS;

    s->pause_ms = did_last || s->pause_ms == 0 ? REPLACE_MS : 2 * s->pause_ms;
    if (s->pause_ms > REPLACE_MAX_MS)
        s->pause_ms = REPLACE_MAX_MS;
    log_with(s->options.log, EVENT_KAFKA_CONSUMER_REPLACED, why->text,
             LOG_INT("pause_ms", s->pause_ms));
    s->is_dead = true;
    replace(s, events);
}

/* The topic has grown. */
static void replace_greedy(struct kafka_source *s, const struct source_events *events,
                           size_t partitions)
{
    s->options.fetch_bytes = share_of_each(s->fetch_bytes, partitions);
    s->pause_ms = 0;
    log_with(s->options.log, EVENT_KAFKA_FETCH_REDUCED, NULL,
             LOG_INT("partitions", (int64_t)partitions),
             LOG_INT("bytes", (int64_t)s->options.fetch_bytes));
    replace(s, events);
}

static bool is_greedy(const struct kafka_source *s, size_t partitions)
{
    return s->options.fetch_bytes > share_of_each(s->fetch_bytes, partitions);
}

static void end_member(struct kafka_source *s)
{
    s->options.was_missing = kafka_member_consumer(s->member)->was_missing;
    s->options.was_logged = kafka_member_consumer(s->member)->client.is_logged;
    if (s->is_dead)
        kafka_member_discard(s->member);
    else
        kafka_member_close(s->member, CLOSE_MS);
    s->member = NULL;
    s->reopen_at_ms = kafka_now_ms() + s->pause_ms;
}

/* ---- the port ---- */

static int serve_member(struct kafka_source *s, const struct source_events *events, struct err *e)
{
    struct kafka_consumer *c = kafka_member_consumer(s->member);

    if (kafka_member_serve(s->member, events, e) < 0) {
        if (!c->is_fatal)
            return -1;
        replace_dead(s, events, e);
        *e = (struct err){0};
    } else if (is_greedy(s, c->partition_count)) {
        replace_greedy(s, events, c->partition_count);
    }
    offset_ranges_serve(&s->ranges);
    return 0;
}

static int serve(void *self, const struct source_events *events, struct err *e)
{
    struct kafka_source *s = self;

    if (s->is_replaced && s->member)
        return 0;
    if (s->member)
        return serve_member(s, events, e);
    return kafka_now_ms() < s->reopen_at_ms ? 0 : open_member(s, e);
}

static enum fetch_result fetch(void *self, int32_t partition, struct message *m)
{
    struct kafka_source *s = self;

    return s->member && !s->is_replaced ? s->inner.fetch(s->inner.self, partition, m)
                                        : FETCH_NOTHING;
}

/* Records are released before their member ends. */
static void release(void *self, struct message *m)
{
    struct kafka_source *s = self;

    s->inner.release(s->inner.self, m);
}

static size_t headers(void *self, const struct message *m, const struct header **out)
{
    struct kafka_source *s = self;

    return s->inner.headers(s->inner.self, m, out);
}

static void store(void *self, int32_t partition, int64_t next)
{
    struct kafka_source *s = self;

    if (s->member)
        kafka_member_store(s->member, partition, next);
}

static void release_partitions(void *self)
{
    struct kafka_source *s = self;

    if (s->is_replaced)
        end_member(s);
    else if (s->member)
        kafka_member_give_back(s->member);
}

static int64_t high_watermark(void *self, int32_t partition)
{
    struct kafka_source *s = self;

    return s->member ? s->inner.high_watermark(s->inner.self, partition) : -1;
}

static enum range_state check_range(void *self, int32_t partition, int64_t from, int64_t to)
{
    struct kafka_source *s = self;

    return offset_ranges_check(&s->ranges, partition, from, to);
}

static void restart(void *self, int32_t partition, int64_t offset)
{
    struct kafka_source *s = self;

    if (s->member)
        s->inner.restart(s->inner.self, partition, offset);
}

struct source kafka_source_port(struct kafka_source *s)
{
    return (struct source){
        .self = s,
        .serve = serve,
        .fetch = fetch,
        .release = release,
        .headers = headers,
        .store = store,
        .release_partitions = release_partitions,
        .high_watermark = high_watermark,
        .check_range = check_range,
        .restart = restart,
    };
}

bool kafka_source_take_trouble(struct kafka_source *s, struct err *trouble)
{
    return s->member && kafka_consumer_take_trouble(kafka_member_consumer(s->member), trouble);
}

bool kafka_source_take_cluster(struct kafka_source *s, char *id, size_t size)
{
    rd_kafka_t *rk = s->member ? kafka_member_consumer(s->member)->client.rk : NULL;
    char *found = rk ? rd_kafka_clusterid(rk, 0) : NULL;
    bool is_other = found && strcmp(found, s->cluster_id) != 0;

    if (is_other) {
        snprintf(s->cluster_id, sizeof(s->cluster_id), "%s", found);
        snprintf(id, size, "%s", found);
    }
    if (found)
        rd_kafka_mem_free(rk, found);
    return is_other;
}

/* ---- life ---- */

static void free_source(struct kafka_source *s)
{
    if (offset_ranges_release(&s->ranges))
        offset_probe_drop(s->probe);
    free(s);
}

struct kafka_source *kafka_source_open(const struct kafka_source_options *o, struct err *e)
{
    struct kafka_source *s = mem_alloc(sizeof(*s));

    *s = (struct kafka_source){.fetch_bytes = o->fetch_bytes,
                               .probe = offset_probe_new(o->cfg, o->log)};
    s->options =
        (struct kafka_member_options){.cfg = o->cfg,
                                      .fetch_bytes = share_of_each(o->fetch_bytes, o->partitions),
                                      .room_bytes = o->fetch_bytes,
                                      .instance_id = o->instance_id,
                                      .wake_fd = o->wake_fd,
                                      .log = o->log,
                                      .probe = s->probe};
    s->ranges = (struct offset_ranges){.probe = s->probe, .log = o->log, .wake_fd = o->wake_fd};
    if (open_member(s, e) == 0)
        return s;
    free_source(s);
    return NULL;
}

int kafka_source_renew_login(struct kafka_source *s, struct err *e)
{
    if (!s || !s->member)
        return 0;
    return kafka_login_renew(kafka_member_consumer(s->member)->client.rk, s->options.cfg, e);
}

int kafka_source_close(struct kafka_source *s, int timeout_ms)
{
    int rc = 0;

    if (!s)
        return 0;
    if (s->is_dead)
        kafka_member_discard(s->member);
    else
        rc = kafka_member_close(s->member, timeout_ms);
    free_source(s);
    return rc;
}
