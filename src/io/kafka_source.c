#include "io/kafka_source.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "io/kafka_assignment.h"

#define QUEUE_KBYTES_MAX ((size_t)2097151) /* that librdkafka takes */
#define FETCH_BYTES_MAX  ((size_t)1 << 20)
#define ZSTD_RATIO       8 /* orders' bytes to what is fetched of them */

struct kafka_source {
    struct kafka_consumer consumer; /* the callbacks and the port have its address for ours */
    struct kafka_assignment assignment;
    /* Offsets that go back. What the group committed in a topic that is no more would be taken for
     * progress in the new one, and librdkafka commits by itself only what is higher. */
    struct kafka_commits set_back;
    char *cluster_id;
    struct source_events events; /* of the last serve; commits are told until the end */
};

/* ---- callbacks ---- */

static void on_rebalance(rd_kafka_t *rk, rd_kafka_resp_err_t err,
                         rd_kafka_topic_partition_list_t *list, void *opaque)
{
    struct kafka_source *s = opaque;

    (void)rk;
    kafka_assignment_note(&s->assignment, err, list);
}

/* That Kafka is away or that partitions are lost has a line of its own. */
static bool is_told_otherwise(const struct kafka_source *s, rd_kafka_resp_err_t err)
{
    return s->consumer.client.is_down || err == RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID ||
           err == RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION;
}

static void on_commit(rd_kafka_t *rk, rd_kafka_resp_err_t err,
                      rd_kafka_topic_partition_list_t *list, void *opaque)
{
    struct kafka_source *s = opaque;

    (void)rk;
    if (err == RD_KAFKA_RESP_ERR__NO_OFFSET)
        return;
    if (err) {
        log_plain(s->consumer.client.log, is_told_otherwise(s, err) ? LOG_DEBUG : LOG_WARN,
                  "offsets not committed", rd_kafka_err2str(err));
        return;
    }
    kafka_client_good(&s->consumer.client);
    /* The list holds all partitions of the assignment: those that had nothing new to commit come
     * with RD_KAFKA_OFFSET_INVALID. */
    for (int i = 0; s->events.committed && i < list->cnt; i++)
        if (!list->elems[i].err && list->elems[i].offset >= 0)
            s->events.committed(s->events.ctx, list->elems[i].partition, list->elems[i].offset);
}

/* From there on librdkafka commits by itself. */
static void on_set_back(rd_kafka_t *rk, rd_kafka_resp_err_t err,
                        rd_kafka_topic_partition_list_t *list, void *opaque)
{
    struct kafka_source *s = opaque;

    on_commit(rk, err, list, opaque);
    for (int i = 0; !err && i < list->cnt; i++)
        if (!list->elems[i].err)
            kafka_commits_drop(&s->set_back, list->elems[i].partition);
}

/* ---- the port ---- */

static int serve(void *self, const struct source_events *events, struct err *e)
{
    struct kafka_source *s = self;

    s->events = *events;
    if (kafka_consumer_serve(&s->consumer, e) < 0)
        return -1;
    kafka_assignment_serve(&s->assignment, events);
    kafka_commits_serve(&s->set_back);
    return 0;
}

static void store(void *self, int32_t partition, int64_t next)
{
    struct kafka_source *s = self;
    struct kafka_partition *p = kafka_consumer_find(&s->consumer, partition);

    if (!p)
        return;
    kafka_commits_move(&s->set_back, partition, next);
    p->stored = next;
    p->is_handed_over = false;
}

static void release_partitions(void *self)
{
    struct kafka_source *s = self;

    kafka_assignment_give_back(&s->assignment);
}

struct source kafka_source_port(struct kafka_source *s)
{
    struct source port = kafka_consumer_port(&s->consumer);

    port.serve = serve;
    port.store = store;
    port.release_partitions = release_partitions;
    return port;
}

bool kafka_source_take_trouble(struct kafka_source *s, struct err *trouble)
{
    return kafka_consumer_take_trouble(&s->consumer, trouble);
}

bool kafka_source_take_cluster(struct kafka_source *s, char *id, size_t size)
{
    rd_kafka_t *rk = s->consumer.client.rk;
    char *found = rd_kafka_clusterid(rk, 0);
    bool is_other = found && !(s->cluster_id && strcmp(found, s->cluster_id) == 0);

    if (is_other) {
        char *before = s->cluster_id;

        s->cluster_id = found;
        found = before;
        snprintf(id, size, "%s", s->cluster_id);
    }
    if (found)
        rd_kafka_mem_free(rk, found);
    return is_other;
}

/* ---- life ---- */

/* cooperative-sticky can loop for ever before 2.6.1 (librdkafka #4800, #4783). */
static const char *default_assignor(void)
{
    return rd_kafka_version() < 0x020601ff ? "range" : "cooperative-sticky";
}

static size_t at_most(size_t n, size_t most)
{
    return n < most ? n : most;
}

/* A partition whose queue is not full yet is asked for once more, compressed: one half is for the
 * queue, the other for that. A record that is larger comes all the same. */
static rd_kafka_conf_t *make_conf(const struct config *cfg, size_t fetch_bytes, struct err *e)
{
    char queue_kbytes[32];
    char answer_bytes[32];
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
        {.name = "queued.max.messages.kbytes", .value = queue_kbytes},
        {.name = "fetch.message.max.bytes", .value = answer_bytes},
        {.name = "fetch.wait.max.ms", .value = "100"},
        {.name = "fetch.queue.backoff.ms", .value = "10", .is_optional = true},
    };

    snprintf(queue_kbytes, sizeof(queue_kbytes), "%zu",
             at_most(fetch_bytes / 2 / 1024, QUEUE_KBYTES_MAX));
    snprintf(answer_bytes, sizeof(answer_bytes), "%zu",
             at_most(fetch_bytes / 2 / ZSTD_RATIO, FETCH_BYTES_MAX));
    return kafka_conf_new(cfg, role, sizeof(role) / sizeof(role[0]), e);
}

/* librdkafka by itself would go on at the beginning or the end without a word when a partition
 * cannot be read on where it was. It is to tell; the user's choice is ours to follow. */
static int take_reset(rd_kafka_conf_t *conf, enum kafka_reset *reset, struct err *e)
{
    char value[32];

    kafka_conf_get(conf, "auto.offset.reset", value, sizeof(value));
    *reset = strcmp(value, "error") == 0     ? KAFKA_RESET_ERROR
             : strcmp(value, "largest") == 0 ? KAFKA_RESET_LATEST
                                             : KAFKA_RESET_EARLIEST;
    return kafka_conf_set(conf, "auto.offset.reset", "error", ERR_RUNTIME, e);
}

static int subscribe(struct kafka_source *s, struct err *e)
{
    rd_kafka_topic_partition_list_t *topics = rd_kafka_topic_partition_list_new(1);
    rd_kafka_resp_err_t err;

    rd_kafka_topic_partition_list_add(topics, s->consumer.topic, RD_KAFKA_PARTITION_UA);
    err = rd_kafka_subscribe(s->consumer.client.rk, topics);
    rd_kafka_topic_partition_list_destroy(topics);
    return err ? err_set(e, ERR_RUNTIME, "subscribe to %s: %s", s->consumer.topic,
                         rd_kafka_err2str(err))
               : 0;
}

/* Only other settings help. All else may pass: topics are created, rights are given. */
static bool is_final(rd_kafka_resp_err_t err)
{
    return err == RD_KAFKA_RESP_ERR_INVALID_SESSION_TIMEOUT ||
           err == RD_KAFKA_RESP_ERR_INVALID_GROUP_ID || err == RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION ||
           err == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET; /* auto.offset.reset=error */
}

struct kafka_source *kafka_source_open(const struct config *cfg, size_t fetch_bytes, int wake_fd,
                                       const struct log *log, struct err *e)
{
    rd_kafka_conf_t *conf = make_conf(cfg, fetch_bytes, e);
    enum kafka_reset reset;
    struct kafka_source *s;

    if (!conf)
        return NULL;
    if (take_reset(conf, &reset, e) < 0) {
        rd_kafka_conf_destroy(conf);
        return NULL;
    }
    s = mem_alloc(sizeof(*s));
    s->assignment = (struct kafka_assignment){
        .consumer = &s->consumer, .set_back = &s->set_back, .reset = reset};
    s->consumer = (struct kafka_consumer){.client = {.log = log, .wake_fd = wake_fd},
                                          .cfg = cfg,
                                          .topic = cfg->kafka.topic,
                                          .is_final = is_final,
                                          .begins_anew = reset != KAFKA_RESET_ERROR};
    rd_kafka_conf_set_rebalance_cb(conf, on_rebalance);
    rd_kafka_conf_set_offset_commit_cb(conf, on_commit);
    if (kafka_consumer_open(&s->consumer, conf, e) < 0) {
        free(s);
        return NULL;
    }
    s->set_back = (struct kafka_commits){.rk = s->consumer.client.rk,
                                         .topic = cfg->kafka.topic,
                                         .answered = on_set_back,
                                         .opaque = s};
    kafka_commits_open(&s->set_back, wake_fd);
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
    rd_kafka_queue_t *queue = rd_kafka_queue_new(s->consumer.client.rk);
    bool refused = kafka_client_failed(&s->consumer.client, "consumer does not close",
                                       rd_kafka_consumer_close_queue(s->consumer.client.rk, queue));

    while (!refused && !rd_kafka_consumer_closed(s->consumer.client.rk) &&
           kafka_now_ms() < deadline) {
        rd_kafka_queue_poll_callback(queue, 50);
        kafka_assignment_refuse(&s->assignment);
    }
    rd_kafka_queue_destroy(queue);
    return !refused && rd_kafka_consumer_closed(s->consumer.client.rk);
}

int kafka_source_close(struct kafka_source *s, int timeout_ms)
{
    int64_t deadline = kafka_now_ms() + timeout_ms;

    if (!s)
        return 0;
    kafka_assignment_refuse(&s->assignment);
    /* A client whose broker does not answer takes many seconds to destroy. It is left to the end of
     * the process: nothing in it is worth waiting for. */
    if (!leave_group(s, deadline)) {
        kafka_inquiry_free(s->consumer.inquiry);
        return -1;
    }
    kafka_assignment_release(&s->assignment);
    /* Before 2.3.0 it aborts the process to destroy a sticky group's member that was never assigned
     * anything (librdkafka #4381). */
    if (!s->assignment.was_assigned && rd_kafka_version() < 0x020300ff) {
        kafka_inquiry_free(s->consumer.inquiry);
        return 0;
    }
    kafka_commits_release(&s->set_back);
    if (s->cluster_id)
        rd_kafka_mem_free(s->consumer.client.rk, s->cluster_id);
    if (kafka_consumer_close(&s->consumer))
        free(s);
    return 0;
}
