#include "io/kafka_reader.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "io/kafka_consumer.h"

#define COMMIT_MS 1000

/* Fetched ahead per partition: as much as one holds at once of large records. */
#define FETCH_KBYTES "16384"

struct progress {
    int32_t partition;
    int64_t stored;    /* -1: nothing yet */
    int64_t committed; /* of what was stored, acknowledged by the broker */
};

struct kafka_reader {
    struct kafka_consumer consumer; /* the callbacks and the port have its address for ours */
    int timeout_ms;
    int64_t began_ms;
    rd_kafka_resp_err_t trouble; /* that asking where the topic stands met last */
    bool is_assigned;
    struct progress *progress; /* of each partition */
    size_t partition_count;
    rd_kafka_queue_t *commit_queue; /* what commits bring */
    bool is_committing;
    int64_t commit_ms; /* when the last one began */
};

/* ---- where the topic stands ---- */

static bool is_final(rd_kafka_resp_err_t err)
{
    return err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART ||
           err == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED ||
           err == RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED ||
           err == RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION;
}

static int begin_reading(struct kafka_reader *r, struct kafka_answer *answer,
                         const struct source_events *events, struct err *e)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)answer->count);
    rd_kafka_resp_err_t err;

    events->assigned(events->ctx, answer->partitions, answer->count);
    r->progress = mem_alloc_array(answer->count, sizeof(*r->progress));
    r->partition_count = answer->count;
    for (size_t i = 0; i < answer->count; i++) {
        const struct assignment *a = &answer->partitions[i];

        kafka_consumer_add(&r->consumer, a->partition);
        r->progress[i] =
            (struct progress){.partition = a->partition, .stored = -1, .committed = -1};
        rd_kafka_topic_partition_list_add(list, r->consumer.topic, a->partition)->offset =
            a->start >= 0 ? a->start : RD_KAFKA_OFFSET_BEGINNING;
    }
    err = rd_kafka_assign(r->consumer.client.rk, list);
    rd_kafka_topic_partition_list_destroy(list);
    r->is_assigned = !err;
    return err ? err_set(e, ERR_RUNTIME, "topic %s: %s", r->consumer.topic, rd_kafka_err2str(err))
               : 0;
}

/* Until the broker has told all, it is asked again. */
static int serve_start(struct kafka_reader *r, const struct source_events *events, struct err *e)
{
    struct kafka_answer *answer = kafka_inquiry_turn(r->consumer.inquiry, NULL);

    if (answer && !answer->err)
        return begin_reading(r, answer, events, e);
    if (answer)
        r->trouble = answer->err;
    if (is_final(r->trouble))
        return err_set(e, ERR_RUNTIME, "topic %s: %s", r->consumer.topic,
                       rd_kafka_err2str(r->trouble));
    if (kafka_now_ms() - r->began_ms >= r->timeout_ms)
        return err_set(e, ERR_RUNTIME, "no answer from Kafka within %d ms%s%s", r->timeout_ms,
                       r->trouble ? ": " : "", r->trouble ? rd_kafka_err2str(r->trouble) : "");
    return 0;
}

/* ---- commits ---- */

static struct progress *find_progress(struct kafka_reader *r, int32_t partition)
{
    for (size_t i = 0; i < r->partition_count; i++)
        if (r->progress[i].partition == partition)
            return &r->progress[i];
    return NULL;
}

static bool all_is_committed(const struct kafka_reader *r)
{
    for (size_t i = 0; i < r->partition_count; i++)
        if (r->progress[i].stored != r->progress[i].committed)
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
        if (r->progress[i].stored != r->progress[i].committed)
            rd_kafka_topic_partition_list_add(list, r->consumer.topic, r->progress[i].partition)
                ->offset = r->progress[i].stored;
    err = rd_kafka_commit_queue(r->consumer.client.rk, list, r->commit_queue, NULL, NULL);
    if (err)
        log_plain(r->consumer.client.log, LOG_WARN, "offsets not committed", rd_kafka_err2str(err));
    r->is_committing = !err;
    r->commit_ms = kafka_now_ms();
    rd_kafka_topic_partition_list_destroy(list);
}

static void note_committed(struct kafka_reader *r, rd_kafka_event_t *event,
                           const struct source_events *events)
{
    const rd_kafka_topic_partition_list_t *list = rd_kafka_event_topic_partition_list(event);

    kafka_client_good(&r->consumer.client);
    for (int i = 0; list && i < list->cnt; i++) {
        struct progress *p = find_progress(r, list->elems[i].partition);

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
            log_plain(r->consumer.client.log, LOG_WARN, "offsets not committed",
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

static int serve(void *self, const struct source_events *events, struct err *e)
{
    struct kafka_reader *r = self;

    if (kafka_consumer_serve(&r->consumer, e) < 0)
        return -1;
    if (!r->is_assigned && serve_start(r, events, e) < 0)
        return -1;
    serve_commits(r, events);
    return 0;
}

static void store(void *self, int32_t partition, int64_t next)
{
    struct progress *p = find_progress(self, partition);

    if (p)
        p->stored = next;
}

static void release_partitions(void *self)
{
    (void)self;
}

struct source kafka_reader_port(struct kafka_reader *r)
{
    struct source port = kafka_consumer_port(&r->consumer);

    port.serve = serve;
    port.store = store;
    port.release_partitions = release_partitions;
    return port;
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

struct kafka_reader *kafka_reader_open(const struct config *cfg, const char *topic,
                                       const char *group, int timeout_ms, int wake_fd,
                                       const struct log *log, struct err *e)
{
    rd_kafka_conf_t *conf = make_conf(cfg, group, e);
    struct kafka_reader *r;

    if (!conf)
        return NULL;
    r = mem_alloc(sizeof(*r));
    r->consumer = (struct kafka_consumer){.client = {.log = log, .wake_fd = wake_fd},
                                          .cfg = cfg,
                                          .topic = topic,
                                          .is_final = is_final};
    if (kafka_consumer_open(&r->consumer, conf, e) < 0) {
        free(r);
        return NULL;
    }
    r->timeout_ms = timeout_ms;
    r->began_ms = kafka_now_ms();
    r->commit_queue = rd_kafka_queue_new(r->consumer.client.rk);
    kafka_wake_on(r->commit_queue, wake_fd);
    return r;
}

int kafka_reader_close(struct kafka_reader *r, int timeout_ms, struct err *e)
{
    if (!r)
        return 0;
    commit_all(r, kafka_now_ms() + timeout_ms);
    /* As with the source: a client whose broker does not answer is left to the end of the process.
     */
    if (!all_is_committed(r))
        return err_set(e, ERR_RUNTIME, "the progress was not committed within %d ms", timeout_ms);
    rd_kafka_queue_destroy(r->commit_queue);
    rd_kafka_assign(r->consumer.client.rk, NULL);
    if (!kafka_consumer_close(&r->consumer))
        return 0;
    free(r->progress);
    free(r);
    return 0;
}
