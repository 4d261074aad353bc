#include "io/kafka_member.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "io/kafka_assignment.h"

#define QUEUE_KBYTES_MAX  ((size_t)2097151)  /* that librdkafka takes */
#define QUEUE_RECORDS_MAX ((size_t)10000000) /* likewise */
#define ANSWER_BYTES_MAX  ((size_t)1 << 20)
/* Of one partition. An answer holds whole batches only, but for the first of a partition: with a
 * lower bound only one partition of many would come with each answer. */
#define ANSWER_BYTES_MIN ((size_t)64 << 10)
#define SMALL_BYTES      512 /* of smaller records most is librdkafka's own: their number counts */
#define ZSTD_RATIO       8   /* orders' bytes to what is fetched of them */
#define LEAVE_POLL_MS    20
#define CLASSIC_COUNT    3 /* properties of the classic group protocol, see make_conf */

struct kafka_member {
    struct kafka_consumer consumer; /* the callbacks and the port have its address for ours */
    struct kafka_assignment assignment;
    /* Offsets that go back. What the group committed in a topic that is no more would be taken for
     * progress in the new one, and librdkafka commits by itself only what is higher. */
    struct kafka_commits set_back;
    const char *instance_id;     /* borrowed */
    struct source_events events; /* of the last serve; commits are told until the end */
};

/* ---- callbacks ---- */

static void on_rebalance(rd_kafka_t *rk, rd_kafka_resp_err_t err,
                         rd_kafka_topic_partition_list_t *list, void *opaque)
{
    struct kafka_member *m = opaque;

    (void)rk;
    kafka_assignment_note(&m->assignment, err, list);
}

/* That Kafka is away or that partitions are lost has a line of its own. */
static bool is_told_otherwise(const struct kafka_member *m, rd_kafka_resp_err_t err)
{
    return m->consumer.client.is_down || err == RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID ||
           err == RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION;
}

static void on_commit(rd_kafka_t *rk, rd_kafka_resp_err_t err,
                      rd_kafka_topic_partition_list_t *list, void *opaque)
{
    struct kafka_member *m = opaque;

    (void)rk;
    if (err == RD_KAFKA_RESP_ERR__NO_OFFSET)
        return;
    if (err) {
        log_plain(m->consumer.client.log, is_told_otherwise(m, err) ? LOG_DEBUG : LOG_WARN,
                  "offsets not committed", rd_kafka_err2str(err));
        return;
    }
    kafka_client_good(&m->consumer.client);
    /* The list holds all partitions of the assignment: those that had nothing new to commit come
     * with RD_KAFKA_OFFSET_INVALID. */
    for (int i = 0; m->events.committed && i < list->cnt; i++)
        if (!list->elems[i].err && list->elems[i].offset >= 0)
            m->events.committed(m->events.ctx, list->elems[i].partition, list->elems[i].offset);
}

/* From there on librdkafka commits by itself. */
static void on_set_back(rd_kafka_t *rk, rd_kafka_resp_err_t err,
                        rd_kafka_topic_partition_list_t *list, void *opaque)
{
    struct kafka_member *m = opaque;

    on_commit(rk, err, list, opaque);
    for (int i = 0; !err && i < list->cnt; i++)
        if (!list->elems[i].err)
            kafka_commits_drop(&m->set_back, list->elems[i].partition);
}

/* ---- use ---- */

int kafka_member_serve(struct kafka_member *m, const struct source_events *events, struct err *e)
{
    m->events = *events;
    if (kafka_consumer_serve(&m->consumer, e) < 0)
        return -1;
    kafka_assignment_serve(&m->assignment, events);
    kafka_commits_serve(&m->set_back);
    return 0;
}

void kafka_member_store(struct kafka_member *m, int32_t partition, int64_t next)
{
    struct kafka_partition *p = kafka_consumer_find(&m->consumer, partition);

    if (!p)
        return;
    kafka_commits_move(&m->set_back, partition, next);
    p->stored = next;
    p->is_handed_over = false;
}

void kafka_member_give_back(struct kafka_member *m)
{
    kafka_assignment_give_back(&m->assignment);
}

struct kafka_consumer *kafka_member_consumer(struct kafka_member *m)
{
    return &m->consumer;
}

/* ---- life ---- */

/* cooperative-sticky can loop for ever before 2.6.1 (librdkafka #4800, #4783). */
static const char *default_assignor(void)
{
    return rd_kafka_version() < 0x020601ff ? "range" : "cooperative-sticky";
}

/* With group.protocol=consumer (KIP-848) librdkafka refuses what only the classic one has: the
 * broker decides these. */
static bool has_new_protocol(const struct config *cfg)
{
    for (size_t i = 0; i < cfg->kafka.property_count; i++)
        if (strcmp(cfg->kafka.properties[i].name, "group.protocol") == 0)
            return strcmp(cfg->kafka.properties[i].value, "consumer") == 0;
    return false;
}

static size_t within(size_t n, size_t least, size_t most)
{
    size_t bounded = n < most ? n : most;

    return bounded > least ? bounded : least;
}

static size_t queue_kbytes_of(size_t fetch_bytes)
{
    return within(fetch_bytes / 2 / 1024, 1, QUEUE_KBYTES_MAX);
}

static size_t queue_records_of(size_t fetch_bytes)
{
    size_t records = queue_kbytes_of(fetch_bytes) * 1024 / SMALL_BYTES;

    return within(records, 1, QUEUE_RECORDS_MAX);
}

/* A partition whose queue is not full yet is asked for once more, compressed: one half is for the
 * queue, the other for that. A record that is larger comes all the same, and each batch as a whole:
 * what that makes of many partitions is kafka_room's. */
static rd_kafka_conf_t *make_conf(const struct kafka_member_options *o, struct err *e)
{
    const struct config *cfg = o->cfg;
    char queue_kbytes[32];
    char queue_records[32];
    char answer_bytes[32];
    const struct kafka_property role[] = {
        {.name = "group.id", .value = cfg->kafka.consumer_group},
        /* So that a tracker that was killed has its partitions back at once. */
        {.name = "group.instance.id", .value = o->instance_id ? o->instance_id : ""},
        {.name = "enable.auto.commit", .value = "true", .is_fixed = true},
        {.name = "auto.commit.interval.ms", .value = "1000"},
        {.name = "enable.auto.offset.store", .value = "false", .is_fixed = true},
        {.name = "auto.offset.reset", .value = "earliest"},
        {.name = "enable.partition.eof", .value = "true", .is_fixed = true},
        {.name = "queued.max.messages.kbytes", .value = queue_kbytes},
        {.name = "queued.min.messages", .value = queue_records},
        {.name = "fetch.message.max.bytes", .value = answer_bytes},
        {.name = "fetch.wait.max.ms", .value = "100"},
        {.name = "fetch.queue.backoff.ms", .value = "10", .is_optional = true},
        /* What follows is the classic protocol's. */
        {.name = "partition.assignment.strategy", .value = default_assignor()},
        /* How long the group waits for a member that was killed. */
        {.name = "session.timeout.ms", .value = "10000"},
        {.name = "heartbeat.interval.ms", .value = "2000"},
    };
    size_t count = sizeof(role) / sizeof(role[0]);

    snprintf(queue_kbytes, sizeof(queue_kbytes), "%zu", queue_kbytes_of(o->fetch_bytes));
    snprintf(queue_records, sizeof(queue_records), "%zu", queue_records_of(o->fetch_bytes));
    snprintf(answer_bytes, sizeof(answer_bytes), "%zu",
             within(o->fetch_bytes / 2 / ZSTD_RATIO, ANSWER_BYTES_MIN, ANSWER_BYTES_MAX));
    return kafka_conf_new(cfg, role, has_new_protocol(cfg) ? count - CLASSIC_COUNT : count, e);
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

static int subscribe(struct kafka_member *m, struct err *e)
{
    rd_kafka_topic_partition_list_t *topics = rd_kafka_topic_partition_list_new(1);
    rd_kafka_resp_err_t err;

    rd_kafka_topic_partition_list_add(topics, m->consumer.topic, RD_KAFKA_PARTITION_UA);
    err = rd_kafka_subscribe(m->consumer.client.rk, topics);
    rd_kafka_topic_partition_list_destroy(topics);
    return err ? err_set(e, ERR_RUNTIME, "subscribe to %s: %s", m->consumer.topic,
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

struct kafka_member *kafka_member_open(const struct kafka_member_options *o, struct err *e)
{
    rd_kafka_conf_t *conf = make_conf(o, e);
    enum kafka_reset reset;
    struct kafka_member *m;

    if (!conf)
        return NULL;
    if (take_reset(conf, &reset, e) < 0) {
        rd_kafka_conf_destroy(conf);
        return NULL;
    }
    m = mem_alloc(sizeof(*m));
    m->instance_id = o->instance_id;
    m->assignment = (struct kafka_assignment){
        .consumer = &m->consumer, .set_back = &m->set_back, .reset = reset};
    m->consumer = (struct kafka_consumer){.client = {.log = o->log,
                                                     .wake_fd = o->wake_fd,
                                                     .is_down = o->was_logged,
                                                     .is_logged = o->was_logged},
                                          .cfg = o->cfg,
                                          .topic = o->cfg->kafka.topic,
                                          .is_final = is_final,
                                          .begins_anew = reset != KAFKA_RESET_ERROR,
                                          .probe = o->probe,
                                          .was_missing = o->was_missing,
                                          .room_bytes = o->room_bytes,
                                          .refill_bytes = queue_kbytes_of(o->fetch_bytes) * 1024,
                                          .refill_records = queue_records_of(o->fetch_bytes)};
    rd_kafka_conf_set_rebalance_cb(conf, on_rebalance);
    rd_kafka_conf_set_offset_commit_cb(conf, on_commit);
    if (kafka_consumer_open(&m->consumer, conf, e) < 0) {
        free(m);
        return NULL;
    }
    m->set_back = (struct kafka_commits){.rk = m->consumer.client.rk,
                                         .topic = o->cfg->kafka.topic,
                                         .answered = on_set_back,
                                         .opaque = m};
    kafka_commits_open(&m->set_back, o->wake_fd);
    if (subscribe(m, e) < 0) {
        kafka_member_close(m, 0);
        return NULL;
    }
    return m;
}

static bool is_in_group(const struct kafka_member *m)
{
    char *id = rd_kafka_memberid(m->consumer.client.rk);
    bool is_in = id && *id;

    if (id)
        rd_kafka_mem_free(m->consumer.client.rk, id);
    return is_in;
}

/* A static member that closes only stops: its partitions wait for its return or the end of its
 * session. Users who name their members want that; one with our own name leaves: it unsubscribes
 * first, and librdkafka drops its member id then (rd_kafka_cgrp_leave). */
static void leave_as_static_member(struct kafka_member *m, int64_t deadline)
{
    char instance[512];

    kafka_conf_get(rd_kafka_conf(m->consumer.client.rk), "group.instance.id", instance,
                   sizeof(instance));
    if (!m->instance_id || strcmp(instance, m->instance_id) != 0)
        return;
    rd_kafka_unsubscribe(m->consumer.client.rk);
    while (is_in_group(m) && kafka_now_ms() < deadline) {
        rd_kafka_message_t *message = rd_kafka_consumer_poll(m->consumer.client.rk, LEAVE_POLL_MS);

        if (message)
            rd_kafka_message_destroy(message);
        kafka_assignment_refuse(&m->assignment);
    }
}

/* Serves the last callbacks until the group is left. Not rd_kafka_consumer_close: it has no
 * deadline and never returns when the broker accepts and does not answer (librdkafka #3740). */
static bool leave_group(struct kafka_member *m, int64_t deadline)
{
    rd_kafka_queue_t *queue = rd_kafka_queue_new(m->consumer.client.rk);
    bool refused = kafka_client_failed(&m->consumer.client, "consumer does not close",
                                       rd_kafka_consumer_close_queue(m->consumer.client.rk, queue));

    while (!refused && !rd_kafka_consumer_closed(m->consumer.client.rk) &&
           kafka_now_ms() < deadline) {
        rd_kafka_queue_poll_callback(queue, 50);
        kafka_assignment_refuse(&m->assignment);
    }
    rd_kafka_queue_destroy(queue);
    return !refused && rd_kafka_consumer_closed(m->consumer.client.rk);
}

int kafka_member_close(struct kafka_member *m, int timeout_ms)
{
    int64_t deadline = kafka_now_ms() + timeout_ms;

    if (!m)
        return 0;
    kafka_assignment_refuse(&m->assignment);
    leave_as_static_member(m, deadline);
    /* A client whose broker does not answer takes many seconds to destroy. It is left to the end of
     * the process: nothing in it is worth waiting for. */
    if (!leave_group(m, deadline)) {
        kafka_inquiry_free(m->consumer.inquiry);
        return -1;
    }
    kafka_assignment_release(&m->assignment);
    /* Before 2.3.0 it aborts the process to destroy a sticky group's member that was never assigned
     * anything (librdkafka #4381). */
    if (!m->assignment.was_assigned && rd_kafka_version() < 0x020300ff) {
        kafka_inquiry_free(m->consumer.inquiry);
        return 0;
    }
    kafka_commits_release(&m->set_back);
    if (kafka_consumer_close(&m->consumer))
        free(m);
    return 0;
}

void kafka_member_discard(struct kafka_member *m)
{
    if (!m)
        return;
    kafka_assignment_release(&m->assignment);
    kafka_commits_release(&m->set_back);
    if (kafka_consumer_close(&m->consumer))
        free(m);
}
