#include "io/kafka_reader.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "io/kafka_commits.h"
#include "io/kafka_consumer.h"

/* Fetched ahead per partition: as much as one holds at once of large records. */
#define FETCH_KBYTES "16384"

struct kafka_reader {
    struct kafka_consumer consumer; /* the callbacks and the port have its address for ours */
    int timeout_ms;
    int64_t began_ms;
    rd_kafka_resp_err_t trouble; /* that asking where the topic stands met last */
    bool is_assigned;
    struct kafka_commits commits;
    struct source_events events; /* of the last serve */
};

/* ---- where the topic stands ---- */

static bool is_final(rd_kafka_resp_err_t err)
{
    return err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART ||
           err == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED ||
           err == RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED ||
           err == RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION;
}

static void begin_reading(struct kafka_reader *r, struct kafka_answer *answer,
                          const struct source_events *events)
{
    events->assigned(events->ctx, answer->partitions, answer->count);
    for (size_t i = 0; i < answer->count; i++) {
        const struct assignment *a = &answer->partitions[i];

        kafka_consumer_add(&r->consumer, a->partition);
        kafka_consumer_begin(&r->consumer, a->partition, a->start >= 0 ? a->start : a->low);
    }
    r->is_assigned = true;
}

/* Until the broker has told all, it is asked again. */
static int serve_start(struct kafka_reader *r, const struct source_events *events, struct err *e)
{
    struct kafka_answer *answer = kafka_inquiry_turn(r->consumer.inquiry, NULL);

    if (answer && !answer->err) {
        begin_reading(r, answer, events);
        return 0;
    }
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

static void on_commit(rd_kafka_t *rk, rd_kafka_resp_err_t err,
                      rd_kafka_topic_partition_list_t *list, void *opaque)
{
    struct kafka_reader *r = opaque;

    (void)rk;
    if (err) {
        log_plain(r->consumer.client.log, LOG_WARN, "offsets not committed", rd_kafka_err2str(err));
        return;
    }
    kafka_client_good(&r->consumer.client);
    for (int i = 0; r->events.committed && i < list->cnt; i++)
        if (!list->elems[i].err)
            r->events.committed(r->events.ctx, list->elems[i].partition, list->elems[i].offset);
}

/* ---- the port ---- */

static int serve(void *self, const struct source_events *events, struct err *e)
{
    struct kafka_reader *r = self;

    if (kafka_consumer_serve(&r->consumer, e) < 0)
        return -1;
    if (!r->is_assigned && serve_start(r, events, e) < 0)
        return -1;
    if (kafka_consumer_must_assign(&r->consumer))
        kafka_consumer_assign(&r->consumer, false);
    r->events = *events;
    kafka_commits_serve(&r->commits);
    return 0;
}

static void store(void *self, int32_t partition, int64_t next)
{
    struct kafka_reader *r = self;

    if (kafka_consumer_find(&r->consumer, partition))
        kafka_commits_add(&r->commits, partition, next);
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
    r->commits = (struct kafka_commits){
        .rk = r->consumer.client.rk, .topic = topic, .answered = on_commit, .opaque = r};
    kafka_commits_open(&r->commits, wake_fd);
    return r;
}

int kafka_reader_close(struct kafka_reader *r, int timeout_ms, struct err *e)
{
    if (!r)
        return 0;
    r->events = (struct source_events){0};
    /* As with the source: a client whose broker does not answer is left to the end of the process.
     */
    if (!kafka_commits_finish(&r->commits, kafka_now_ms() + timeout_ms))
        return err_set(e, ERR_RUNTIME, "the progress was not committed within %d ms", timeout_ms);
    kafka_commits_release(&r->commits);
    rd_kafka_assign(r->consumer.client.rk, NULL);
    if (!kafka_consumer_close(&r->consumer))
        return 0;
    free(r);
    return 0;
}
