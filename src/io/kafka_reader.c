#include "io/kafka_reader.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "io/kafka_inquiry.h"
#include "io/kafka_internal.h"

#define COMMIT_MS 1000

/* Fetched ahead per partition: as much as one holds at once of large records. */
#define FETCH_KBYTES "16384"

struct reader_partition {
    int32_t partition;
    rd_kafka_queue_t *queue;
    int64_t stored;    /* -1: nothing yet */
    int64_t committed; /* of what was stored, acknowledged by the broker */
};

struct kafka_reader {
    rd_kafka_t *rk;
    const char *topic;
    const struct log *log;
    int wake_fd;
    struct kafka_health health;
    int timeout_ms;
    int64_t began_ms;
    bool is_assigned;
    struct kafka_inquiry *inquiry; /* about the topic, until it is assigned */
    rd_kafka_resp_err_t trouble;   /* that it met last */
    struct reader_partition *partitions;
    size_t partition_count;
    rd_kafka_queue_t *commit_queue; /* what commits bring */
    bool is_committing;
    int64_t commit_ms; /* when the last one began */
    struct kafka_headers headers;
};

/* ---- callbacks ---- */

static void on_error(rd_kafka_t *rk, int err, const char *reason, void *opaque)
{
    struct kafka_reader *r = opaque;

    (void)rk;
    kafka_health_error(&r->health, (rd_kafka_resp_err_t)err, reason);
}

static int on_stats(rd_kafka_t *rk, char *json, size_t len, void *opaque)
{
    struct kafka_reader *r = opaque;

    (void)rk;
    kafka_health_stats(&r->health, json, len);
    return 0;
}

static void on_log(const rd_kafka_t *rk, int level, const char *facility, const char *text)
{
    const struct kafka_reader *r = rd_kafka_opaque(rk);

    kafka_log_line(r->log, level, facility, text);
}

/* ---- where the topic stands ---- */

static bool is_final(rd_kafka_resp_err_t err)
{
    return err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART ||
           err == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED ||
           err == RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED ||
           err == RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION;
}

/* Forwarding must be off before assign: later, some records would already be in the consumer's
 * queue. */
static void open_queue(struct kafka_reader *r, struct reader_partition *p, int32_t partition)
{
    *p = (struct reader_partition){
        .partition = partition,
        .queue = rd_kafka_queue_get_partition(r->rk, r->topic, partition),
        .stored = -1,
        .committed = -1,
    };
    rd_kafka_queue_forward(p->queue, NULL);
    kafka_wake_on(p->queue, r->wake_fd);
}

static int begin_reading(struct kafka_reader *r, struct kafka_answer *answer,
                         const struct source_events *events, struct err *e)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)answer->count);
    rd_kafka_resp_err_t err;

    events->assigned(events->ctx, answer->partitions, answer->count);
    r->partitions = mem_alloc_array(answer->count, sizeof(*r->partitions));
    r->partition_count = answer->count;
    for (size_t i = 0; i < answer->count; i++) {
        const struct assignment *a = &answer->partitions[i];

        open_queue(r, &r->partitions[i], a->partition);
        rd_kafka_topic_partition_list_add(list, r->topic, a->partition)->offset =
            a->start >= 0 ? a->start : RD_KAFKA_OFFSET_BEGINNING;
    }
    err = rd_kafka_assign(r->rk, list);
    rd_kafka_topic_partition_list_destroy(list);
    r->is_assigned = !err;
    return err ? err_set(e, ERR_RUNTIME, "topic %s: %s", r->topic, rd_kafka_err2str(err)) : 0;
}

/* Until the broker has told all, it is asked again. */
static int serve_start(struct kafka_reader *r, const struct source_events *events, struct err *e)
{
    struct kafka_answer *answer = kafka_inquiry_turn(r->inquiry, NULL);

    if (answer && !answer->err)
        return begin_reading(r, answer, events, e);
    if (answer)
        r->trouble = answer->err;
    if (is_final(r->trouble))
        return err_set(e, ERR_RUNTIME, "topic %s: %s", r->topic, rd_kafka_err2str(r->trouble));
    if (kafka_now_ms() - r->began_ms >= r->timeout_ms)
        return err_set(e, ERR_RUNTIME, "no answer from Kafka within %d ms%s%s", r->timeout_ms,
                       r->trouble ? ": " : "", r->trouble ? rd_kafka_err2str(r->trouble) : "");
    return 0;
}

/* ---- commits ---- */

static struct reader_partition *find_partition(struct kafka_reader *r, int32_t partition)
{
    for (size_t i = 0; i < r->partition_count; i++)
        if (r->partitions[i].partition == partition)
            return &r->partitions[i];
    return NULL;
}

static bool all_is_committed(const struct kafka_reader *r)
{
    for (size_t i = 0; i < r->partition_count; i++)
        if (r->partitions[i].stored != r->partitions[i].committed)
            return false;
    return true;
}

/* Begins a commit; its answer comes to the queue. rd_kafka_commit would wait for it without bound.
 */
static void begin_commit(struct kafka_reader *r)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_resp_err_t err;

    for (size_t i = 0; i < r->partition_count; i++)
        if (r->partitions[i].stored != r->partitions[i].committed)
            rd_kafka_topic_partition_list_add(list, r->topic, r->partitions[i].partition)->offset =
                r->partitions[i].stored;
    err = rd_kafka_commit_queue(r->rk, list, r->commit_queue, NULL, NULL);
    if (err)
        log_plain(r->log, LOG_WARN, "offsets not committed, will be tried again",
                  rd_kafka_err2str(err));
    r->is_committing = !err;
    r->commit_ms = kafka_now_ms();
    rd_kafka_topic_partition_list_destroy(list);
}

static void note_committed(struct kafka_reader *r, rd_kafka_event_t *event,
                           const struct source_events *events)
{
    const rd_kafka_topic_partition_list_t *list = rd_kafka_event_topic_partition_list(event);

    kafka_health_good(&r->health);
    for (int i = 0; list && i < list->cnt; i++) {
        struct reader_partition *p = find_partition(r, list->elems[i].partition);

        if (!p || list->elems[i].err)
            continue;
        p->committed = list->elems[i].offset;
        if (events)
            events->committed(events->ctx, p->partition, p->committed);
    }
}

/* Waits up to `timeout_ms` for the answer to the commit that was begun. */
static void take_commit(struct kafka_reader *r, int timeout_ms, const struct source_events *events)
{
    rd_kafka_event_t *event = rd_kafka_queue_poll(r->commit_queue, timeout_ms);

    if (!event)
        return;
    if (rd_kafka_event_type(event) == RD_KAFKA_EVENT_OFFSET_COMMIT) {
        r->is_committing = false;
        if (rd_kafka_event_error(event))
            log_plain(r->log, LOG_WARN, "offsets not committed, will be tried again",
                      rd_kafka_event_error_string(event));
        else
            note_committed(r, event, events);
    }
    rd_kafka_event_destroy(event);
}

static void serve_commits(struct kafka_reader *r, const struct source_events *events)
{
    if (r->is_committing)
        take_commit(r, 0, events);
    if (!r->is_committing && !all_is_committed(r) && kafka_now_ms() - r->commit_ms >= COMMIT_MS)
        begin_commit(r);
}

static void commit_all(struct kafka_reader *r, int64_t deadline)
{
    while (!all_is_committed(r) && kafka_now_ms() < deadline) {
        if (!r->is_committing)
            begin_commit(r);
        take_commit(r, kafka_left_ms(deadline), NULL);
        if (!all_is_committed(r) && !r->is_committing)
            take_commit(r, kafka_left_ms(deadline) < 100 ? 1 : 100,
                        NULL); /* refused: not at full speed */
    }
}

/* ---- the port ---- */

/* What the consumer itself has to say, and the trouble of a partition. Returns -1 with `e` when it
 * is for good. */
static int judge_event(struct kafka_reader *r, const rd_kafka_message_t *m, struct err *e)
{
    char why[512];

    if (m->err == RD_KAFKA_RESP_ERR__FATAL) {
        rd_kafka_resp_err_t cause = rd_kafka_fatal_error(r->rk, why, sizeof(why));

        return err_set(e, ERR_RUNTIME, "Kafka consumer is dead: %s: %s", rd_kafka_err2name(cause),
                       why);
    }
    if (is_final(m->err))
        return err_set(e, ERR_RUNTIME, "topic %s: %s", r->topic, rd_kafka_message_errstr(m));
    log_with(r->log, LOG_WARN, "Kafka consumer reports", rd_kafka_message_errstr(m),
             LOG_TEXT("code", rd_kafka_err2name(m->err)));
    return 0;
}

static int serve(void *self, const struct source_events *events, struct err *e)
{
    struct kafka_reader *r = self;
    rd_kafka_message_t *m;
    int rc = 0;

    while (rc == 0 && (m = rd_kafka_consumer_poll(r->rk, 0))) {
        if (m->err)
            rc = judge_event(r, m, e);
        rd_kafka_message_destroy(m);
    }
    if (rc == 0 && !r->is_assigned)
        rc = serve_start(r, events, e);
    if (rc == 0)
        serve_commits(r, events);
    return rc;
}

static enum fetch_result fetch(void *self, int32_t partition, struct message *m)
{
    struct kafka_reader *r = self;
    struct reader_partition *p = find_partition(r, partition);
    rd_kafka_message_t *rkm = p ? rd_kafka_consume_queue(p->queue, 0) : NULL;
    enum fetch_result result = FETCH_NOTHING;

    if (!rkm)
        return FETCH_NOTHING;
    kafka_message_fill(r->topic, rkm, m);
    if (!rkm->err) {
        kafka_health_good(&r->health);
        return FETCH_MESSAGE;
    }
    if (rkm->err == RD_KAFKA_RESP_ERR__PARTITION_EOF)
        result = FETCH_END;
    else
        log_with(r->log, LOG_WARN, "Kafka reports an error for a partition",
                 rd_kafka_message_errstr(rkm), LOG_INT("partition", partition),
                 LOG_TEXT("code", rd_kafka_err2name(rkm->err)));
    rd_kafka_message_destroy(rkm);
    m->handle = NULL;
    return result;
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
    struct kafka_reader *r = self;

    return kafka_headers_read(&r->headers, m, out);
}

static void store(void *self, int32_t partition, int64_t next)
{
    struct reader_partition *p = find_partition(self, partition);

    if (p)
        p->stored = next;
}

static void release_partitions(void *self)
{
    (void)self;
}

static int64_t high_watermark(void *self, int32_t partition)
{
    struct kafka_reader *r = self;
    int64_t low;
    int64_t high;

    if (rd_kafka_get_watermark_offsets(r->rk, r->topic, partition, &low, &high) || high < 0)
        return -1;
    return high;
}

struct source kafka_reader_port(struct kafka_reader *r)
{
    return (struct source){
        .self = r,
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

/* What this reader rests on is set last: the user's properties are for the tracker's consumer too,
 * whose group and rules are others. */
static rd_kafka_conf_t *make_conf(const struct config *cfg, const char *group, struct err *e)
{
    const struct kafka_property role[] = {
        {.name = "queued.max.messages.kbytes", .value = FETCH_KBYTES},
        {.name = "fetch.wait.max.ms", .value = "100"},
        {.name = "fetch.queue.backoff.ms", .value = "10", .is_optional = true},
    };
    const struct kafka_property own[] = {
        {.name = "group.id", .value = group},
        {.name = "enable.auto.commit", .value = "false"},
        {.name = "enable.auto.offset.store", .value = "false"},
        {.name = "enable.partition.eof", .value = "true"},
        /* When retention takes records away meanwhile. */
        {.name = "auto.offset.reset", .value = "earliest"},
    };
    rd_kafka_conf_t *conf = kafka_conf_new(cfg, role, sizeof(role) / sizeof(role[0]), e);

    for (size_t i = 0; conf && i < sizeof(own) / sizeof(own[0]); i++)
        if (kafka_conf_set(conf, own[i].name, own[i].value, ERR_RUNTIME, e) < 0) {
            rd_kafka_conf_destroy(conf);
            conf = NULL;
        }
    return conf;
}

static void wake_on_events(struct kafka_reader *r)
{
    rd_kafka_queue_t *queue = rd_kafka_queue_get_consumer(r->rk);

    kafka_wake_on(queue, r->wake_fd);
    rd_kafka_queue_destroy(queue);
    kafka_wake_on(r->commit_queue, r->wake_fd);
}

struct kafka_reader *kafka_reader_open(const struct config *cfg, const char *topic,
                                       const char *group, int timeout_ms, int wake_fd,
                                       const struct log *log, struct err *e)
{
    rd_kafka_conf_t *conf = make_conf(cfg, group, e);
    struct kafka_reader *r;
    char why[512];

    if (!conf)
        return NULL;
    r = mem_alloc(sizeof(*r));
    *r = (struct kafka_reader){.topic = topic,
                               .log = log,
                               .wake_fd = wake_fd,
                               .health = {.log = log},
                               .timeout_ms = timeout_ms,
                               .began_ms = kafka_now_ms()};
    rd_kafka_conf_set_opaque(conf, r);
    rd_kafka_conf_set_error_cb(conf, on_error);
    rd_kafka_conf_set_stats_cb(conf, on_stats);
    rd_kafka_conf_set_log_cb(conf, on_log);
    r->rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, why, sizeof(why));
    if (!r->rk) {
        rd_kafka_conf_destroy(conf);
        free(r);
        err_set(e, ERR_USAGE, "Kafka consumer: %s", why);
        return NULL;
    }
    rd_kafka_set_log_queue(r->rk, NULL);
    rd_kafka_poll_set_consumer(r->rk);
    r->commit_queue = rd_kafka_queue_new(r->rk);
    r->inquiry = kafka_inquiry_new(r->rk, topic, wake_fd);
    wake_on_events(r);
    return r;
}

int kafka_reader_close(struct kafka_reader *r, int timeout_ms, struct err *e)
{
    int64_t deadline = kafka_now_ms() + timeout_ms;
    bool is_idle;

    if (!r)
        return 0;
    commit_all(r, deadline);
    is_idle = kafka_inquiry_free(r->inquiry);
    /* As with the source: a client whose broker does not answer is left to the end of the process.
     */
    if (!all_is_committed(r))
        return err_set(e, ERR_RUNTIME, "the progress was not committed within %d ms", timeout_ms);
    if (!is_idle)
        return 0;
    for (size_t i = 0; i < r->partition_count; i++)
        rd_kafka_queue_destroy(r->partitions[i].queue);
    rd_kafka_queue_destroy(r->commit_queue);
    rd_kafka_assign(r->rk, NULL);
    rd_kafka_destroy_flags(r->rk, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
    kafka_headers_release(&r->headers);
    free(r->partitions);
    free(r);
    return 0;
}
