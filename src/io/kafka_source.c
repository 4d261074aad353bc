#include "io/kafka_source.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "io/kafka_inquiry.h"
#include "io/kafka_internal.h"

#define WAKE_MS          10
#define FETCH_KBYTES_MAX ((size_t)2097151) /* that librdkafka takes */

struct source_partition {
    int32_t partition;
    rd_kafka_queue_t *queue;
};

enum rebalance_kind { REBALANCE_NONE, REBALANCE_ASSIGN, REBALANCE_REVOKE };

struct kafka_source {
    rd_kafka_t *rk;
    const struct config *cfg;
    const char *topic;
    const struct log *log;
    int wake_fd;
    struct kafka_health health;
    struct source_partition *partitions;
    size_t partition_count;
    /* Noted by the callback, acted upon by serve. */
    enum rebalance_kind rebalance;
    rd_kafka_topic_partition_list_t *rebalance_list;
    struct kafka_inquiry *inquiry; /* about the partitions of an assignment */
    struct source_events events;   /* of the last serve; commits are told until the end */
    bool is_behind; /* something was fetched since the last wake_fetchers, and there is more */
    int64_t woken_ms;
    struct kafka_headers headers;
};

/* ---- callbacks ---- */

static void forget_rebalance(struct kafka_source *s)
{
    if (s->rebalance_list)
        rd_kafka_topic_partition_list_destroy(s->rebalance_list);
    s->rebalance_list = NULL;
    kafka_inquiry_drop(s->inquiry);
    s->rebalance = REBALANCE_NONE;
}

static void on_rebalance(rd_kafka_t *rk, rd_kafka_resp_err_t err,
                         rd_kafka_topic_partition_list_t *list, void *opaque)
{
    struct kafka_source *s = opaque;

    (void)rk;
    forget_rebalance(s);
    s->rebalance =
        err == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS ? REBALANCE_ASSIGN : REBALANCE_REVOKE;
    s->rebalance_list = rd_kafka_topic_partition_list_copy(list);
}

static void on_error(rd_kafka_t *rk, int err, const char *reason, void *opaque)
{
    struct kafka_source *s = opaque;

    (void)rk;
    kafka_health_error(&s->health, (rd_kafka_resp_err_t)err, reason);
}

static int on_stats(rd_kafka_t *rk, char *json, size_t len, void *opaque)
{
    struct kafka_source *s = opaque;

    (void)rk;
    kafka_health_stats(&s->health, json, len);
    return 0;
}

static void on_log(const rd_kafka_t *rk, int level, const char *facility, const char *text)
{
    const struct kafka_source *s = rd_kafka_opaque(rk);

    kafka_log_line(s->log, level, facility, text);
}

static void on_commit(rd_kafka_t *rk, rd_kafka_resp_err_t err,
                      rd_kafka_topic_partition_list_t *list, void *opaque)
{
    struct kafka_source *s = opaque;

    (void)rk;
    if (err == RD_KAFKA_RESP_ERR__NO_OFFSET)
        return;
    if (err) {
        log_plain(s->log, LOG_WARN, "offsets not committed, will be tried again",
                  rd_kafka_err2str(err));
        return;
    }
    kafka_health_good(&s->health);
    /* The list holds all partitions of the assignment: those that had nothing new to commit come
     * with RD_KAFKA_OFFSET_INVALID. */
    for (int i = 0; s->events.committed && i < list->cnt; i++)
        if (!list->elems[i].err && list->elems[i].offset >= 0)
            s->events.committed(s->events.ctx, list->elems[i].partition, list->elems[i].offset);
}

/* ---- assignment ---- */

static struct source_partition *find_partition(struct kafka_source *s, int32_t partition)
{
    for (size_t i = 0; i < s->partition_count; i++)
        if (s->partitions[i].partition == partition)
            return &s->partitions[i];
    return NULL;
}

/* Forwarding must be off before assign: later, some records would already be in the consumer's
 * queue. */
static void open_queue(struct kafka_source *s, int32_t partition)
{
    rd_kafka_queue_t *queue = rd_kafka_queue_get_partition(s->rk, s->topic, partition);

    rd_kafka_queue_forward(queue, NULL);
    kafka_wake_on(queue, s->wake_fd);
    s->partitions =
        mem_realloc_array(s->partitions, s->partition_count + 1, sizeof(*s->partitions));
    s->partitions[s->partition_count++] =
        (struct source_partition){.partition = partition, .queue = queue};
}

static void close_queue(struct kafka_source *s, int32_t partition)
{
    struct source_partition *p = find_partition(s, partition);

    if (!p)
        return;
    rd_kafka_queue_destroy(p->queue);
    *p = s->partitions[--s->partition_count];
}

static bool is_cooperative(struct kafka_source *s)
{
    return strcmp(rd_kafka_rebalance_protocol(s->rk), "COOPERATIVE") == 0;
}

static void say_if_failed(struct kafka_source *s, const char *what, rd_kafka_error_t *error)
{
    if (!error)
        return;
    log_plain(s->log, LOG_ERROR, what, rd_kafka_error_string(error));
    rd_kafka_error_destroy(error);
}

static void do_assign(struct kafka_source *s, rd_kafka_topic_partition_list_t *list)
{
    if (is_cooperative(s))
        say_if_failed(s, "assignment refused", rd_kafka_incremental_assign(s->rk, list));
    else if (rd_kafka_assign(s->rk, list))
        log_plain(s->log, LOG_ERROR, "assignment refused", rd_kafka_err2str(rd_kafka_last_error()));
}

static void do_unassign(struct kafka_source *s, const rd_kafka_topic_partition_list_t *list)
{
    if (is_cooperative(s))
        say_if_failed(s, "unassignment refused", rd_kafka_incremental_unassign(s->rk, list));
    else
        rd_kafka_assign(s->rk, NULL);
}

static void begin_assigned(struct kafka_source *s, struct assignment *partitions, size_t count,
                           const struct source_events *events)
{
    for (size_t i = 0; i < count; i++)
        open_queue(s, partitions[i].partition);
    events->assigned(events->ctx, partitions, count);
    for (size_t i = 0; i < count; i++)
        if (partitions[i].start >= 0)
            s->rebalance_list->elems[i].offset = partitions[i].start;
    do_assign(s, s->rebalance_list);
    forget_rebalance(s);
}

/* Until the broker has told where the partitions stand the rebalance waits. */
static void serve_assign(struct kafka_source *s, const struct source_events *events)
{
    struct kafka_answer *answer;

    if (s->rebalance_list->cnt == 0) {
        begin_assigned(s, NULL, 0, events);
        return;
    }
    answer = kafka_inquiry_turn(s->inquiry, s->rebalance_list);
    if (answer && answer->err)
        log_plain(s->log, LOG_WARN,
                  "the broker does not tell where the partitions stand, asking again",
                  rd_kafka_err2str(answer->err));
    else if (answer)
        begin_assigned(s, answer->partitions, answer->count, events);
}

static void tell_revoked(struct kafka_source *s, const struct source_events *events)
{
    size_t count = (size_t)s->rebalance_list->cnt;
    int32_t *partitions = mem_alloc_array(count, sizeof(*partitions));

    for (size_t i = 0; i < count; i++)
        partitions[i] = s->rebalance_list->elems[i].partition;
    s->rebalance = REBALANCE_NONE; /* told; the list stays until release_partitions */
    events->revoked(events->ctx, partitions, count, rd_kafka_assignment_lost(s->rk));
    free(partitions);
}

static void release_partitions(void *self)
{
    struct kafka_source *s = self;

    if (!s->rebalance_list)
        return;
    for (int i = 0; i < s->rebalance_list->cnt; i++)
        close_queue(s, s->rebalance_list->elems[i].partition);
    do_unassign(s, s->rebalance_list);
    forget_rebalance(s);
}

/* At the end: what is given is not taken, what is taken away goes. */
static void refuse_rebalance(struct kafka_source *s)
{
    if (s->rebalance == REBALANCE_ASSIGN) {
        rd_kafka_topic_partition_list_t *none = rd_kafka_topic_partition_list_new(0);

        do_assign(s, none);
        rd_kafka_topic_partition_list_destroy(none);
        forget_rebalance(s);
    }
    release_partitions(s);
}

static const char *property(const struct config *cfg, const char *name, const char *otherwise)
{
    for (size_t i = 0; i < cfg->kafka.property_count; i++)
        if (strcmp(cfg->kafka.properties[i].name, name) == 0)
            return cfg->kafka.properties[i].value;
    return otherwise;
}

/* Before 2.2.0 a partition whose queue was full when librdkafka looked is not fetched again for up
 * to a second, however fast the queue empties: 43,000 orders a second instead of 109,000.
 * fetch.queue.backoff.ms is the cure from there on. New credentials wake all broker threads;
 * connections without SASL ignore them, with SASL they are the configured ones again. */
static void wake_fetchers(struct kafka_source *s)
{
    int64_t now = kafka_now_ms();

    if (rd_kafka_version() >= 0x020200ff || !s->is_behind || now - s->woken_ms < WAKE_MS)
        return;
    s->is_behind = false;
    s->woken_ms = now;
    say_if_failed(s, "fetchers not woken",
                  rd_kafka_sasl_set_credentials(s->rk, property(s->cfg, "sasl.username", "-"),
                                                property(s->cfg, "sasl.password", "-")));
}

/* ---- the port ---- */

static int take_event(struct kafka_source *s, const rd_kafka_message_t *m, struct err *e)
{
    char why[512];

    if (m->err == RD_KAFKA_RESP_ERR__FATAL) {
        rd_kafka_resp_err_t cause = rd_kafka_fatal_error(s->rk, why, sizeof(why));

        return err_set(e, ERR_RUNTIME, "Kafka consumer is dead: %s: %s", rd_kafka_err2name(cause),
                       why);
    }
    log_with(s->log, LOG_WARN, "Kafka consumer reports", rd_kafka_message_errstr(m),
             LOG_TEXT("code", rd_kafka_err2name(m->err)));
    return 0;
}

static int serve(void *self, const struct source_events *events, struct err *e)
{
    struct kafka_source *s = self;
    rd_kafka_message_t *m;
    int rc = 0;

    s->events = *events;
    while (rc == 0 && (m = rd_kafka_consumer_poll(s->rk, 0))) {
        if (m->err)
            rc = take_event(s, m, e);
        rd_kafka_message_destroy(m);
    }
    if (rc < 0)
        return -1;
    wake_fetchers(s);
    if (s->rebalance == REBALANCE_ASSIGN)
        serve_assign(s, events);
    else if (s->rebalance == REBALANCE_REVOKE)
        tell_revoked(s, events);
    return 0;
}

static enum fetch_result fetch(void *self, int32_t partition, struct message *m)
{
    struct kafka_source *s = self;
    struct source_partition *p = find_partition(s, partition);
    rd_kafka_message_t *rkm = p ? rd_kafka_consume_queue(p->queue, 0) : NULL;

    if (!rkm)
        return FETCH_NOTHING;
    kafka_message_fill(s->topic, rkm, m);
    if (!rkm->err) {
        kafka_health_good(&s->health);
        s->is_behind = true;
        return FETCH_MESSAGE;
    }
    if (rkm->err != RD_KAFKA_RESP_ERR__PARTITION_EOF) {
        log_with(s->log, LOG_WARN, "Kafka reports an error for a partition",
                 rd_kafka_message_errstr(rkm), LOG_INT("partition", partition),
                 LOG_TEXT("code", rd_kafka_err2name(rkm->err)));
        rd_kafka_message_destroy(rkm);
        return FETCH_NOTHING;
    }
    rd_kafka_message_destroy(rkm);
    m->handle = NULL;
    return FETCH_END;
}

static void release(void *self, struct message *m)
{
    (void)self;
    if (m->handle)
        rd_kafka_message_destroy(m->handle);
    m->handle = NULL;
}

static size_t headers(void *self, const struct message *m, const struct header **out)
{
    struct kafka_source *s = self;

    return kafka_headers_read(&s->headers, m, out);
}

static void store(void *self, int32_t partition, int64_t next)
{
    struct kafka_source *s = self;
    rd_kafka_topic_partition_list_t *list;
    rd_kafka_resp_err_t err;

    if (!find_partition(s, partition) || rd_kafka_assignment_lost(s->rk))
        return;
    list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, s->topic, partition)->offset = next;
    err = rd_kafka_offsets_store(s->rk, list);
    if (err && err != RD_KAFKA_RESP_ERR__STATE)
        log_with(s->log, LOG_WARN, "offset not stored", rd_kafka_err2str(err),
                 LOG_INT("partition", partition), LOG_INT("offset", next));
    rd_kafka_topic_partition_list_destroy(list);
}

static int64_t high_watermark(void *self, int32_t partition)
{
    struct kafka_source *s = self;
    int64_t low;
    int64_t high;

    if (rd_kafka_get_watermark_offsets(s->rk, s->topic, partition, &low, &high) || high < 0)
        return -1;
    return high;
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
    };
}

/* ---- life ---- */

/* cooperative-sticky can loop for ever before 2.6.1 (librdkafka #4800, #4783). */
static const char *default_assignor(void)
{
    return rd_kafka_version() < 0x020601ff ? "range" : "cooperative-sticky";
}

static rd_kafka_conf_t *make_conf(const struct config *cfg, size_t fetch_bytes, struct err *e)
{
    size_t fetch_kbytes = fetch_bytes / 1024;
    char kbytes[32];
    const struct kafka_property role[] = {
        {.name = "group.id", .value = cfg->kafka.consumer_group},
        {.name = "partition.assignment.strategy", .value = default_assignor()},
        {.name = "enable.auto.commit", .value = "true", .is_fixed = true},
        {.name = "auto.commit.interval.ms", .value = "1000"},
        /* How long the group waits for a member that was killed. */
        {.name = "session.timeout.ms", .value = "10000"},
        {.name = "heartbeat.interval.ms", .value = "2000"},
        {.name = "enable.auto.offset.store", .value = "false", .is_fixed = true},
        {.name = "auto.offset.reset", .value = "earliest"},
        {.name = "enable.partition.eof", .value = "true", .is_fixed = true},
        {.name = "queued.max.messages.kbytes", .value = kbytes},
        {.name = "fetch.wait.max.ms", .value = "100"},
        {.name = "fetch.queue.backoff.ms", .value = "10", .is_optional = true},
    };

    snprintf(kbytes, sizeof(kbytes), "%zu",
             fetch_kbytes < FETCH_KBYTES_MAX ? fetch_kbytes : FETCH_KBYTES_MAX);
    return kafka_conf_new(cfg, role, sizeof(role) / sizeof(role[0]), e);
}

static int subscribe(struct kafka_source *s, struct err *e)
{
    rd_kafka_topic_partition_list_t *topics = rd_kafka_topic_partition_list_new(1);
    rd_kafka_resp_err_t err;

    rd_kafka_topic_partition_list_add(topics, s->topic, RD_KAFKA_PARTITION_UA);
    err = rd_kafka_subscribe(s->rk, topics);
    rd_kafka_topic_partition_list_destroy(topics);
    return err ? err_set(e, ERR_RUNTIME, "subscribe to %s: %s", s->topic, rd_kafka_err2str(err))
               : 0;
}

static void wake_on_events(struct kafka_source *s)
{
    rd_kafka_queue_t *queue = rd_kafka_queue_get_consumer(s->rk);

    kafka_wake_on(queue, s->wake_fd);
    rd_kafka_queue_destroy(queue);
}

struct kafka_source *kafka_source_open(const struct config *cfg, size_t fetch_bytes, int wake_fd,
                                       const struct log *log, struct err *e)
{
    rd_kafka_conf_t *conf = make_conf(cfg, fetch_bytes, e);
    struct kafka_source *s;
    char why[512];

    if (!conf)
        return NULL;
    s = mem_alloc(sizeof(*s));
    *s = (struct kafka_source){.cfg = cfg,
                               .topic = cfg->kafka.topic,
                               .log = log,
                               .wake_fd = wake_fd,
                               .health = {.log = log}};
    rd_kafka_conf_set_opaque(conf, s);
    rd_kafka_conf_set_rebalance_cb(conf, on_rebalance);
    rd_kafka_conf_set_error_cb(conf, on_error);
    rd_kafka_conf_set_stats_cb(conf, on_stats);
    rd_kafka_conf_set_log_cb(conf, on_log);
    rd_kafka_conf_set_offset_commit_cb(conf, on_commit);
    s->rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, why, sizeof(why));
    if (!s->rk) {
        rd_kafka_conf_destroy(conf);
        free(s);
        err_set(e, ERR_USAGE, "Kafka consumer: %s", why);
        return NULL;
    }
    s->inquiry = kafka_inquiry_new(s->rk, s->topic, wake_fd);
    rd_kafka_set_log_queue(s->rk, NULL);
    rd_kafka_poll_set_consumer(s->rk);
    wake_on_events(s);
    if (subscribe(s, e) < 0) {
        kafka_source_close(s, 0);
        return NULL;
    }
    return s;
}

/* Serves the last callbacks until the group is left. Not rd_kafka_consumer_close: it has no
 * deadline and never returns when the broker accepts and does not answer (librdkafka #3740). */
static bool leave_group(struct kafka_source *s, int64_t deadline)
{
    rd_kafka_queue_t *queue = rd_kafka_queue_new(s->rk);
    rd_kafka_error_t *error = rd_kafka_consumer_close_queue(s->rk, queue);
    bool refused = error != NULL;

    say_if_failed(s, "consumer does not close", error);
    while (!refused && !rd_kafka_consumer_closed(s->rk) && kafka_now_ms() < deadline) {
        rd_kafka_queue_poll_callback(queue, 50);
        refuse_rebalance(s);
    }
    rd_kafka_queue_destroy(queue);
    return !refused && rd_kafka_consumer_closed(s->rk);
}

int kafka_source_close(struct kafka_source *s, int timeout_ms)
{
    int64_t deadline = kafka_now_ms() + timeout_ms;
    bool has_left;
    bool is_idle;

    if (!s)
        return 0;
    refuse_rebalance(s);
    /* A client whose broker does not answer takes many seconds to destroy. It is left to the end of
     * the process: nothing in it is worth waiting for. */
    has_left = leave_group(s, deadline);
    is_idle = kafka_inquiry_free(s->inquiry);
    if (!has_left || !is_idle)
        return has_left ? 0 : -1;
    while (s->partition_count)
        close_queue(s, s->partitions[0].partition);
    forget_rebalance(s);
    rd_kafka_destroy(s->rk);
    free(s->partitions);
    kafka_headers_release(&s->headers);
    free(s);
    return 0;
}
