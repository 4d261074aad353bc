#include "io/kafka_admin.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/stop.h"
#include "io/async_call.h"
#include "io/kafka_client.h"
#include "io/kafka_login.h"

#define CREATE_TIMEOUT_MS 10000
#define STOP_LOOK_MS      100
#define SERVE_MS          10
#define PAUSE_MS          100  /* between two questions */
#define SURE_MS           1000 /* that a failure lasts before it is one */

struct kafka_admin {
    struct kafka_client client; /* the callbacks have its address for ours */
    const struct config *cfg;
    struct async_call *call; /* that asks; NULL when nothing is open */
    int64_t not_before_ms;
    int64_t asked_ms; /* when the open question was put first; 0: there is none */
    int64_t down_ms;  /* since when there is a reason */
    /* The call's until it is done. */
    const struct rd_kafka_metadata *metadata;
    rd_kafka_topic_partition_list_t *led; /* the orders' partitions that have a leader, or NULL */
    rd_kafka_resp_err_t err;
};

static void note_leaders(struct kafka_admin *a, const struct rd_kafka_metadata_topic *topic)
{
    a->led = rd_kafka_topic_partition_list_new(topic->partition_cnt);
    for (int i = 0; i < topic->partition_cnt; i++)
        if (topic->partitions[i].leader >= 0)
            rd_kafka_topic_partition_list_add(a->led, topic->topic, topic->partitions[i].id);
}

static void note_topics(struct kafka_admin *a, struct kafka_cluster *cluster)
{
    const struct rd_kafka_metadata *md = a->metadata;

    for (size_t i = 0; i < cluster->topic_count; i++) {
        struct kafka_topic_state *t = &cluster->topics[i];

        for (int k = 0; k < md->topic_cnt; k++)
            if (strcmp(md->topics[k].topic, t->name) == 0 && !md->topics[k].err) {
                t->partitions = md->topics[k].partition_cnt;
                if (i == 0 && !a->led)
                    note_leaders(a, &md->topics[k]);
            }
    }
}

static void note_cluster(struct kafka_admin *a, struct kafka_cluster *cluster)
{
    char *id = rd_kafka_clusterid(a->client.rk, 0);

    note_topics(a, cluster);
    rd_kafka_metadata_destroy(a->metadata);
    a->metadata = NULL;
    snprintf(cluster->id, sizeof(cluster->id), "%s", id ? id : "");
    if (id)
        rd_kafka_mem_free(a->client.rk, id);
}

/* ---- asking ---- */

/* On the call's thread: the call has no other end than its timeout, and meanwhile somebody must
 * serve the callbacks. */
static void ask(void *self)
{
    struct kafka_admin *a = self;

    a->err = rd_kafka_metadata(a->client.rk, 1, NULL, &a->metadata,
                               (int)a->cfg->kafka.connect_timeout_ms);
}

/* Likewise: each leader must be reached for it. */
static void ask_leaders(void *self)
{
    struct kafka_admin *a = self;

    for (int i = 0; i < a->led->cnt; i++)
        a->led->elems[i].offset = RD_KAFKA_OFFSET_END;
    a->err =
        rd_kafka_offsets_for_times(a->client.rk, a->led, (int)a->cfg->kafka.connect_timeout_ms);
}

static void begin(struct kafka_admin *a, void (*question)(void *self))
{
    if (kafka_now_ms() >= a->not_before_ms)
        a->call = async_call_begin(question, a, -1);
    if (a->asked_ms == 0)
        a->asked_ms = kafka_now_ms();
}

static void note_overdue(struct kafka_admin *a)
{
    if (a->asked_ms > 0 && kafka_now_ms() - a->asked_ms >= SURE_MS)
        kafka_client_overdue(&a->client);
}

static void note_silence(struct kafka_admin *a)
{
    if (!a->client.is_down)
        a->down_ms = 0;
    else if (a->down_ms == 0)
        a->down_ms = kafka_now_ms();
}

/* Serves the callbacks until there is an answer or `wait_ms` is over. */
static bool has_answer(struct kafka_admin *a, void (*question)(void *self), int wait_ms)
{
    int64_t deadline = kafka_now_ms() + wait_ms;

    do {
        rd_kafka_poll(a->client.rk, a->call ? 0 : SERVE_MS);
        note_overdue(a);
        note_silence(a);
        if (!a->call)
            begin(a, question);
        else if (async_call_is_done(a->call, SERVE_MS))
            return true;
    } while (kafka_now_ms() < deadline && stop_count() == 0);
    return false;
}

/* A name may have several addresses: the first one's failure is not yet the whole answer. */
static enum kafka_admin_result judge_silence(const struct kafka_admin *a, struct err *e)
{
    bool is_sure = a->down_ms > 0 && kafka_now_ms() - a->down_ms >= SURE_MS;

    kafka_client_explain(&a->client, "no answer from Kafka", e);
    return is_sure ? KAFKA_ADMIN_AWAY : KAFKA_ADMIN_WAITING;
}

static enum kafka_admin_result put(struct kafka_admin *a, void (*question)(void *self), int wait_ms,
                                   struct err *e)
{
    if (!has_answer(a, question, wait_ms))
        return judge_silence(a, e);
    async_call_end(a->call);
    a->call = NULL;
    if (a->err) {
        a->not_before_ms = kafka_now_ms() + PAUSE_MS;
        return judge_silence(a, e);
    }
    a->asked_ms = 0;
    kafka_client_good(&a->client);
    return KAFKA_ADMIN_GOOD;
}

static enum kafka_admin_result look(struct kafka_admin *a, int wait_ms,
                                    struct kafka_cluster *cluster, struct err *e)
{
    enum kafka_admin_result result = put(a, ask, wait_ms, e);

    if (result == KAFKA_ADMIN_GOOD)
        note_cluster(a, cluster);
    return result;
}

enum kafka_admin_result kafka_admin_reach(struct kafka_admin *a, int wait_ms, struct err *e)
{
    return a->led && a->led->cnt > 0 ? put(a, ask_leaders, wait_ms, e) : KAFKA_ADMIN_GOOD;
}

/* ---- creating ---- */

static rd_kafka_resp_err_t judge_created(const rd_kafka_CreateTopics_result_t *result,
                                         struct err *e)
{
    size_t count;
    const rd_kafka_topic_result_t **topics = rd_kafka_CreateTopics_result_topics(result, &count);
    rd_kafka_resp_err_t err = rd_kafka_topic_result_error(topics[0]);
    const char *why = rd_kafka_topic_result_error_string(topics[0]);

    if (err == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED ||
        err == RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED)
        err_set(e, ERR_RUNTIME,
                "topic %s was not created: no CREATE permission on it for this user (kafka-acls)",
                rd_kafka_topic_result_name(topics[0]));
    else if (err)
        err_set(e, ERR_RUNTIME, "topic %s was not created: %s",
                rd_kafka_topic_result_name(topics[0]), why ? why : rd_kafka_err2str(err));
    return err;
}

/* Returns NULL when no answer came in time or before a stop. */
static rd_kafka_event_t *await_created(struct kafka_admin *a, rd_kafka_queue_t *queue)
{
    int64_t deadline = kafka_now_ms() + CREATE_TIMEOUT_MS;
    rd_kafka_event_t *event = NULL;

    a->asked_ms = kafka_now_ms();
    while (!event && kafka_now_ms() < deadline && stop_count() == 0) {
        rd_kafka_poll(a->client.rk, 0);
        note_overdue(a);
        event = rd_kafka_queue_poll(queue, STOP_LOOK_MS);
    }
    a->asked_ms = 0;
    return event;
}

static rd_kafka_resp_err_t judge_answer(struct kafka_admin *a, const struct kafka_topic_state *t,
                                        rd_kafka_event_t *event, struct err *e)
{
    rd_kafka_resp_err_t err = event ? rd_kafka_event_error(event) : RD_KAFKA_RESP_ERR__TIMED_OUT;

    if (!event && stop_count() > 0)
        err_set(e, ERR_RUNTIME, "topic %s was not created: stopped before an answer came", t->name);
    else if (!event || (err && a->client.reason.name)) {
        kafka_client_explain(&a->client, "no answer", e);
        err_wrap(e, "topic %s was not created", t->name);
    } else if (err)
        err_set(e, ERR_RUNTIME, "topic %s was not created: %s", t->name,
                rd_kafka_event_error_string(event));
    else
        err = judge_created(rd_kafka_event_CreateTopics_result(event), e);
    return err;
}

/* Returns an error with `e`. */
static rd_kafka_resp_err_t create_topic(struct kafka_admin *a, const struct kafka_topic_state *t,
                                        struct err *e)
{
    char why[512];
    rd_kafka_NewTopic_t *topic =
        rd_kafka_NewTopic_new(t->name, (int)a->cfg->kafka.partitions,
                              (int)a->cfg->kafka.replication_factor, why, sizeof(why));
    rd_kafka_resp_err_t err;
    rd_kafka_queue_t *queue;
    rd_kafka_event_t *event;

    if (!topic) {
        err_set(e, ERR_USAGE, "topic %s: %s", t->name, why);
        return RD_KAFKA_RESP_ERR__INVALID_ARG;
    }
    queue = rd_kafka_queue_new(a->client.rk);
    rd_kafka_CreateTopics(a->client.rk, &topic, 1, NULL, queue);
    event = await_created(a, queue);
    err = judge_answer(a, t, event, e);
    if (event)
        rd_kafka_event_destroy(event);
    rd_kafka_queue_destroy(queue);
    rd_kafka_NewTopic_destroy(topic);
    return err;
}

/* A topic that was created a moment ago, by someone else maybe, is not shown by all brokers at
 * once. */
static void wait_until_shown(struct kafka_admin *a, struct kafka_cluster *cluster,
                             const struct kafka_topic_state *t)
{
    int64_t deadline = kafka_now_ms() + CREATE_TIMEOUT_MS;
    struct err ignored;

    while (t->partitions == 0 && kafka_now_ms() < deadline && stop_count() == 0) {
        a->not_before_ms = kafka_now_ms() + PAUSE_MS;
        look(a, STOP_LOOK_MS, cluster, &ignored);
    }
}

static void create_missing(struct kafka_admin *a, struct kafka_cluster *cluster)
{
    for (size_t i = 0; i < cluster->topic_count; i++) {
        struct kafka_topic_state *t = &cluster->topics[i];
        rd_kafka_resp_err_t err;

        if (t->partitions > 0)
            continue;
        err = create_topic(a, t, &t->refusal);
        if (err == RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS)
            wait_until_shown(a, cluster, t);
        if (t->partitions > 0)
            t->refusal = (struct err){0};
        if (err)
            continue;
        t->partitions = (int)a->cfg->kafka.partitions;
        t->was_created = true;
    }
}

/* ---- life ---- */

struct kafka_admin *kafka_admin_open(const struct config *cfg, const struct log *log, struct err *e)
{
    rd_kafka_conf_t *conf = kafka_conf_new(cfg, NULL, 0, e);
    struct kafka_admin *a;

    if (!conf)
        return NULL;
    a = mem_alloc(sizeof(*a));
    a->client = (struct kafka_client){.log = log, .wake_fd = -1, .awaits_answer = true};
    a->cfg = cfg;
    if (kafka_client_open(&a->client, RD_KAFKA_PRODUCER, conf, e) == 0)
        return a;
    free(a);
    return NULL;
}

enum kafka_admin_result kafka_admin_turn(struct kafka_admin *a, int wait_ms,
                                         struct kafka_cluster *cluster, struct err *e)
{
    enum kafka_admin_result result;

    *cluster = (struct kafka_cluster){.topic_count = a->cfg->dlq.enabled ? 2 : 1};
    cluster->topics[0].name = a->cfg->kafka.topic;
    cluster->topics[1].name = a->cfg->dlq.topic;
    result = look(a, wait_ms, cluster, e);
    if (result == KAFKA_ADMIN_GOOD && a->cfg->kafka.create_topics)
        create_missing(a, cluster);
    return result;
}

int kafka_admin_check(const struct kafka_topic_state *t, struct err *e)
{
    if (t->refusal.kind != ERR_NONE)
        *e = t->refusal;
    else if (t->partitions == 0)
        err_set(e, ERR_RUNTIME,
                "topic %s does not exist, or this user may not see it (DESCRIBE), and "
                "kafka.create_topics is false",
                t->name);
    return t->refusal.kind != ERR_NONE || t->partitions == 0 ? -1 : 0;
}

int kafka_admin_renew_login(struct kafka_admin *a, struct err *e)
{
    return kafka_login_renew(a->client.rk, a->cfg, e);
}

const char *kafka_admin_logged(const struct kafka_admin *a)
{
    return a->client.is_logged ? a->client.logged : NULL;
}

void kafka_admin_close(struct kafka_admin *a)
{
    bool is_asking;

    if (!a)
        return;
    is_asking = a->call && !async_call_is_done(a->call, 0);
    async_call_end(a->call);
    if (is_asking) /* it goes on by itself: all is left to the end of the process */
        return;
    if (a->metadata)
        rd_kafka_metadata_destroy(a->metadata);
    if (a->led)
        rd_kafka_topic_partition_list_destroy(a->led);
    rd_kafka_destroy(a->client.rk);
    free(a);
}
