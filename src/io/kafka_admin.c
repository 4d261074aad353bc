#include "io/kafka_admin.h"

#include <stdio.h>
#include <string.h>

#include "base/stop.h"
#include "io/kafka_internal.h"

#define CREATE_TIMEOUT_MS 10000
#define LOOK_PAUSE_MS     50
#define STOP_LOOK_MS      100

/* Trouble is told by the result, each time it is asked; librdkafka need not say it too. */
static void on_log(const rd_kafka_t *rk, int level, const char *facility, const char *text)
{
    const struct log *log = rd_kafka_opaque(rk);

    (void)level;
    kafka_log_line(log, 7, facility, text);
}

static rd_kafka_t *connect_to(const struct config *cfg, const struct log *log, struct err *e)
{
    rd_kafka_conf_t *conf = kafka_conf_new(cfg, NULL, 0, e);
    rd_kafka_t *rk;
    char why[512];

    if (!conf)
        return NULL;
    rd_kafka_conf_set_opaque(conf, (void *)(uintptr_t)log);
    rd_kafka_conf_set_log_cb(conf, on_log);
    rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof(why));
    if (!rk) {
        rd_kafka_conf_destroy(conf);
        err_set(e, ERR_USAGE, "Kafka: %s", why);
        return NULL;
    }
    rd_kafka_set_log_queue(rk, NULL);
    return rk;
}

static void note_topics(struct kafka_cluster *cluster, const struct rd_kafka_metadata *md)
{
    for (size_t i = 0; i < cluster->topic_count; i++) {
        struct kafka_topic_state *t = &cluster->topics[i];

        for (int k = 0; k < md->topic_cnt; k++)
            if (strcmp(md->topics[k].topic, t->name) == 0 && !md->topics[k].err)
                t->partitions = md->topics[k].partition_cnt;
    }
}

static enum kafka_admin_result look(rd_kafka_t *rk, int timeout_ms, struct kafka_cluster *cluster,
                                    struct err *e)
{
    const struct rd_kafka_metadata *md;
    rd_kafka_resp_err_t err = rd_kafka_metadata(rk, 1, NULL, &md, timeout_ms);
    char *id;

    rd_kafka_poll(rk, 0);
    if (err) {
        err_set(e, ERR_RUNTIME, "no answer from Kafka: %s", rd_kafka_err2str(err));
        return KAFKA_ADMIN_AWAY;
    }
    note_topics(cluster, md);
    rd_kafka_metadata_destroy(md);
    id = rd_kafka_clusterid(rk, 0);
    snprintf(cluster->id, sizeof(cluster->id), "%s", id ? id : "");
    if (id)
        rd_kafka_mem_free(rk, id);
    return KAFKA_ADMIN_GOOD;
}

static rd_kafka_resp_err_t judge_created(const rd_kafka_CreateTopics_result_t *result,
                                         struct err *e)
{
    size_t count;
    const rd_kafka_topic_result_t **topics = rd_kafka_CreateTopics_result_topics(result, &count);
    rd_kafka_resp_err_t err = rd_kafka_topic_result_error(topics[0]);
    const char *why = rd_kafka_topic_result_error_string(topics[0]);

    if (err)
        err_set(e, ERR_RUNTIME, "topic %s was not created: %s",
                rd_kafka_topic_result_name(topics[0]), why ? why : rd_kafka_err2str(err));
    return err;
}

/* Returns NULL when no answer came in time or before a stop. */
static rd_kafka_event_t *await_created(rd_kafka_queue_t *queue)
{
    int64_t deadline = kafka_now_ms() + CREATE_TIMEOUT_MS;
    rd_kafka_event_t *event = NULL;

    while (!event && kafka_now_ms() < deadline && stop_count() == 0)
        event = rd_kafka_queue_poll(queue, STOP_LOOK_MS);
    return event;
}

/* Returns an error with `e`. */
static rd_kafka_resp_err_t create_topic(rd_kafka_t *rk, const struct config *cfg,
                                        const struct kafka_topic_state *t, struct err *e)
{
    char why[512];
    rd_kafka_NewTopic_t *topic = rd_kafka_NewTopic_new(
        t->name, (int)cfg->kafka.partitions, (int)cfg->kafka.replication_factor, why, sizeof(why));
    rd_kafka_resp_err_t err = RD_KAFKA_RESP_ERR__TIMED_OUT;
    rd_kafka_queue_t *queue;
    rd_kafka_event_t *event;

    if (!topic) {
        err_set(e, ERR_USAGE, "topic %s: %s", t->name, why);
        return RD_KAFKA_RESP_ERR__INVALID_ARG;
    }
    queue = rd_kafka_queue_new(rk);
    rd_kafka_CreateTopics(rk, &topic, 1, NULL, queue);
    event = await_created(queue);
    if (!event && stop_count() > 0)
        err_set(e, ERR_RUNTIME, "topic %s was not created: stopped before an answer came", t->name);
    else if (!event)
        err_set(e, ERR_RUNTIME, "topic %s was not created: no answer within %d ms", t->name,
                CREATE_TIMEOUT_MS);
    else if ((err = rd_kafka_event_error(event)))
        err_set(e, ERR_RUNTIME, "topic %s was not created: %s", t->name,
                rd_kafka_event_error_string(event));
    else
        err = judge_created(rd_kafka_event_CreateTopics_result(event), e);
    if (event)
        rd_kafka_event_destroy(event);
    rd_kafka_queue_destroy(queue);
    rd_kafka_NewTopic_destroy(topic);
    return err;
}

/* A topic that was created a moment ago, by someone else maybe, is not shown by all brokers at
 * once. */
static void wait_until_shown(rd_kafka_t *rk, int timeout_ms, struct kafka_cluster *cluster,
                             const struct kafka_topic_state *t)
{
    int64_t deadline = kafka_now_ms() + CREATE_TIMEOUT_MS;
    struct err ignored;

    while (look(rk, timeout_ms, cluster, &ignored) == KAFKA_ADMIN_GOOD && t->partitions == 0 &&
           kafka_now_ms() < deadline && stop_count() == 0)
        rd_kafka_poll(rk, LOOK_PAUSE_MS);
}

static enum kafka_admin_result create_missing(rd_kafka_t *rk, const struct config *cfg,
                                              int timeout_ms, struct kafka_cluster *cluster,
                                              struct err *e)
{
    for (size_t i = 0; i < cluster->topic_count; i++) {
        struct kafka_topic_state *t = &cluster->topics[i];
        rd_kafka_resp_err_t err;

        if (t->partitions > 0)
            continue;
        err = create_topic(rk, cfg, t, e);
        if (err == RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS)
            wait_until_shown(rk, timeout_ms, cluster, t);
        if (err && t->partitions == 0)
            return KAFKA_ADMIN_REFUSED;
        if (err)
            continue;
        t->partitions = (int)cfg->kafka.partitions;
        t->was_created = true;
    }
    return KAFKA_ADMIN_GOOD;
}

enum kafka_admin_result kafka_admin_prepare(const struct config *cfg, int timeout_ms,
                                            const struct log *log, struct kafka_cluster *cluster,
                                            struct err *e)
{
    enum kafka_admin_result result;
    rd_kafka_t *rk;

    *cluster = (struct kafka_cluster){.topic_count = cfg->dlq.enabled ? 2 : 1};
    cluster->topics[0].name = cfg->kafka.topic;
    cluster->topics[1].name = cfg->dlq.topic;
    rk = connect_to(cfg, log, e);
    if (!rk)
        return KAFKA_ADMIN_FAILED;
    result = look(rk, timeout_ms, cluster, e);
    if (result == KAFKA_ADMIN_GOOD && cfg->kafka.create_topics)
        result = create_missing(rk, cfg, timeout_ms, cluster, e);
    rd_kafka_destroy(rk);
    return result;
}
