#include "io/kafka_preflight.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/stop.h"
#include "base/strbuf.h"
#include "io/kafka_client.h"
#include "io/kafka_internal.h"

#define SLICE_MS 5000 /* of a question that cannot be interrupted */
#define SERVE_MS 50
#define PAUSE_MS 200 /* before a question is put again */

struct preflight {
    struct kafka_client client; /* the callbacks have its address for ours */
    const struct config *cfg;
    const struct preflight_report *report;
    rd_kafka_queue_t *answers;
    int64_t deadline; /* of the question that is open */
};

/* ---- findings ---- */

static void find(const struct preflight *p, enum preflight_state state, const char *what,
                 const char *text)
{
    p->report->take(p->report->ctx,
                    &(struct preflight_finding){.state = state, .what = what, .text = text});
}

static void find_denied(const struct preflight *p, const char *operation, const char *resource)
{
    struct kafka_reason r;
    struct strbuf text = {0};

    kafka_reason_denied(&r, operation, resource);
    strbuf_addf(&text, "no %s permission; %s", operation, r.remedy);
    find(p, PREFLIGHT_WRONG, resource, strbuf_text(&text));
    strbuf_release(&text);
}

static void find_unknown(const struct preflight *p, const char *operation, const char *resource,
                         const char *why)
{
    struct strbuf text = {0};

    strbuf_addf(&text, "%s cannot be checked: %s", operation, why);
    find(p, PREFLIGHT_UNKNOWN, resource, strbuf_text(&text));
    strbuf_release(&text);
}

static void find_allowed(const struct preflight *p, const char *operation, const char *resource)
{
    struct strbuf text = {0};

    strbuf_addf(&text, "%s is allowed", operation);
    find(p, PREFLIGHT_OK, resource, strbuf_text(&text));
    strbuf_release(&text);
}

/* ---- questions ---- */

static void begin_question(struct preflight *p)
{
    p->deadline = kafka_now_ms() + p->cfg->kafka.connect_timeout_ms;
}

static bool has_time(const struct preflight *p)
{
    return kafka_now_ms() < p->deadline && stop_count() == 0;
}

/* The answer to what was asked with `answers`; NULL when none came in time. */
static rd_kafka_event_t *await_answer(struct preflight *p)
{
    rd_kafka_event_t *event = NULL;

    while (!event && has_time(p)) {
        rd_kafka_poll(p->client.rk, 0);
        event = rd_kafka_queue_poll(p->answers, SERVE_MS);
    }
    return event;
}

/* A cluster that was just started, or where something moves. */
static bool is_passing(rd_kafka_resp_err_t err)
{
    switch ((int)err) {
    case RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE:
    case RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS:
    case RD_KAFKA_RESP_ERR_NOT_COORDINATOR:
    case RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE:
    case RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT:
    case RD_KAFKA_RESP_ERR__TRANSPORT:
    case RD_KAFKA_RESP_ERR__TIMED_OUT:
        return true;
    default:
        return false;
    }
}

/* Puts `question` until its error is not a passing one. */
static rd_kafka_resp_err_t ask(struct preflight *p,
                               rd_kafka_resp_err_t (*question)(struct preflight *p, void *arg),
                               void *arg)
{
    rd_kafka_resp_err_t err;

    begin_question(p);
    while (is_passing(err = question(p, arg)) && has_time(p))
        rd_kafka_poll(p->client.rk, PAUSE_MS);
    return err;
}

/* ---- a topic ---- */

struct topic_question {
    const char *name;
    int partitions;
    struct strbuf why; /* the broker's own words */
};

static rd_kafka_resp_err_t ask_metadata(struct preflight *p, void *arg)
{
    struct topic_question *q = arg;
    rd_kafka_topic_t *topic = rd_kafka_topic_new(p->client.rk, q->name, NULL);
    const struct rd_kafka_metadata *md = NULL;
    rd_kafka_resp_err_t err = rd_kafka_metadata(p->client.rk, 0, topic, &md, SLICE_MS);

    rd_kafka_topic_destroy(topic);
    if (err)
        return err;
    err = md->topic_cnt == 1 ? md->topics[0].err : RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
    q->partitions = md->topic_cnt == 1 ? md->topics[0].partition_cnt : 0;
    rd_kafka_metadata_destroy(md);
    return err;
}

static rd_kafka_resp_err_t judge_created(rd_kafka_event_t *event, struct strbuf *why)
{
    const rd_kafka_topic_result_t **topics;
    rd_kafka_resp_err_t err = rd_kafka_event_error(event);
    const char *text = rd_kafka_event_error_string(event);
    size_t count;

    if (!err) {
        topics =
            rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event), &count);
        err = rd_kafka_topic_result_error(topics[0]);
        text = rd_kafka_topic_result_error_string(topics[0]);
    }
    strbuf_cut(why, 0);
    strbuf_adds(why, text ? text : rd_kafka_err2str(err));
    return err;
}

/* Whether the topic could be created, without creating it. */
static rd_kafka_resp_err_t ask_creation(struct preflight *p, void *arg)
{
    struct topic_question *q = arg;
    char why[512];
    rd_kafka_NewTopic_t *topic =
        rd_kafka_NewTopic_new(q->name, (int)p->cfg->kafka.partitions,
                              (int)p->cfg->kafka.replication_factor, why, sizeof(why));
    rd_kafka_AdminOptions_t *options =
        rd_kafka_AdminOptions_new(p->client.rk, RD_KAFKA_ADMIN_OP_CREATETOPICS);
    rd_kafka_resp_err_t err = RD_KAFKA_RESP_ERR__TIMED_OUT;
    rd_kafka_event_t *event;

    rd_kafka_AdminOptions_set_validate_only(options, 1, why, sizeof(why));
    rd_kafka_CreateTopics(p->client.rk, &topic, 1, options, p->answers);
    event = await_answer(p);
    if (event) {
        err = judge_created(event, &q->why);
        rd_kafka_event_destroy(event);
    }
    rd_kafka_AdminOptions_destroy(options);
    rd_kafka_NewTopic_destroy(topic);
    return err;
}

static void check_creation(struct preflight *p, struct topic_question *q, const char *resource)
{
    rd_kafka_resp_err_t err = ask(p, ask_creation, q);
    struct strbuf text = {0};

    switch ((int)err) {
    case RD_KAFKA_RESP_ERR_NO_ERROR:
        find(p, PREFLIGHT_OK, resource, "does not exist, CREATE is allowed");
        break;
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED:
        find_denied(p, "CREATE", resource);
        break;
    default:
        strbuf_addf(&text,
                    "does not exist, and cannot be created: %s; see kafka.partitions and "
                    "kafka.replication_factor",
                    q->why.len ? strbuf_text(&q->why) : rd_kafka_err2str(err));
        find(p, PREFLIGHT_WRONG, resource, strbuf_text(&text));
    }
    strbuf_release(&text);
}

static void check_topic(struct preflight *p, const char *name, const char *resource)
{
    struct topic_question q = {.name = name};
    struct strbuf text = {0};
    rd_kafka_resp_err_t err = ask(p, ask_metadata, &q);

    if (err == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED)
        find_denied(p, "DESCRIBE", resource);
    else if (err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART && p->cfg->kafka.create_topics)
        check_creation(p, &q, resource);
    else if (err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART)
        find(p, PREFLIGHT_WRONG, resource,
             "does not exist, and kafka.create_topics is false; create it, or correct its name");
    else if (err)
        find(p, PREFLIGHT_WRONG, resource, rd_kafka_err2str(err));
    else {
        strbuf_addf(&text, "exists, %d partition%s", q.partitions, q.partitions == 1 ? "" : "s");
        find(p, PREFLIGHT_OK, resource, strbuf_text(&text));
    }
    strbuf_release(&q.why);
    strbuf_release(&text);
}

/* ---- the group, and reading ---- */

static rd_kafka_resp_err_t judge_commit(rd_kafka_event_t *event)
{
    const rd_kafka_group_result_t **groups;
    const rd_kafka_error_t *error;
    size_t count;

    if (rd_kafka_event_error(event))
        return rd_kafka_event_error(event);
    groups = rd_kafka_AlterConsumerGroupOffsets_result_groups(
        rd_kafka_event_AlterConsumerGroupOffsets_result(event), &count);
    if (count != 1)
        return RD_KAFKA_RESP_ERR__BAD_MSG;
    error = rd_kafka_group_result_error(groups[0]);
    return error ? rd_kafka_error_code(error)
                 : rd_kafka_group_result_partitions(groups[0])->elems[0].err;
}

/* A commit for a partition that no topic can have. The broker looks at the group's permission
 * first, then at the topic's, and then refuses it: nothing is stored, and no member joins.
 * librdkafka 2.0.2 aborts when the broker goes away during this question, see kafka_progress.c:
 * a tracker that runs may not ask so, a check that ends anyway may. */
static rd_kafka_resp_err_t ask_commit(struct preflight *p, void *arg)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_AlterConsumerGroupOffsets_t *commit;
    rd_kafka_resp_err_t err = RD_KAFKA_RESP_ERR__TIMED_OUT;
    rd_kafka_event_t *event;

    (void)arg;
    rd_kafka_topic_partition_list_add(list, p->cfg->kafka.topic, INT_MAX)->offset = 0;
    commit = rd_kafka_AlterConsumerGroupOffsets_new(p->cfg->kafka.consumer_group, list);
    rd_kafka_AlterConsumerGroupOffsets(p->client.rk, &commit, 1, NULL, p->answers);
    event = await_answer(p);
    if (event) {
        err = judge_commit(event);
        rd_kafka_event_destroy(event);
    }
    rd_kafka_AlterConsumerGroupOffsets_destroy(commit);
    rd_kafka_topic_partition_list_destroy(list);
    return err;
}

static void check_reading(struct preflight *p, const char *topic, const char *group)
{
    rd_kafka_resp_err_t err = ask(p, ask_commit, NULL);

    switch ((int)err) {
    case RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED:
        find_denied(p, "READ", group);
        find_unknown(p, "READ", topic, "the group's permission comes first");
        break;
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
        find_allowed(p, "READ", group);
        find_denied(p, "READ", topic);
        break;
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
        find_allowed(p, "READ", group);
        find_allowed(p, "READ", topic);
        break;
    default:
        find_unknown(p, "READ", group, rd_kafka_err2str(err));
        find_unknown(p, "READ", topic, rd_kafka_err2str(err));
    }
}

/* ---- writing dead letters ---- */

#if RD_KAFKA_VERSION >= 0x020300ff

static bool may_write(const rd_kafka_TopicDescription_t *topic)
{
    size_t count;
    const rd_kafka_AclOperation_t *allowed =
        rd_kafka_TopicDescription_authorized_operations(topic, &count);

    for (size_t i = 0; i < count; i++)
        if (allowed[i] == RD_KAFKA_ACL_OPERATION_WRITE)
            return true;
    return false;
}

static rd_kafka_resp_err_t judge_description(rd_kafka_event_t *event)
{
    const rd_kafka_TopicDescription_t **topics;
    rd_kafka_resp_err_t err = rd_kafka_event_error(event);
    size_t count;

    if (err)
        return err;
    topics =
        rd_kafka_DescribeTopics_result_topics(rd_kafka_event_DescribeTopics_result(event), &count);
    err = rd_kafka_error_code(rd_kafka_TopicDescription_error(topics[0]));
    if (!err && !may_write(topics[0]))
        err = RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED;
    return err;
}

/* The broker says what this user may do with the topic. */
static rd_kafka_resp_err_t ask_writing(struct preflight *p, void *arg)
{
    const char *names[] = {p->cfg->dlq.topic};
    rd_kafka_TopicCollection_t *topics = rd_kafka_TopicCollection_of_topic_names(names, 1);
    rd_kafka_AdminOptions_t *options =
        rd_kafka_AdminOptions_new(p->client.rk, RD_KAFKA_ADMIN_OP_DESCRIBETOPICS);
    rd_kafka_resp_err_t err = RD_KAFKA_RESP_ERR__TIMED_OUT;
    rd_kafka_event_t *event;

    (void)arg;
    rd_kafka_error_destroy(rd_kafka_AdminOptions_set_include_authorized_operations(options, 1));
    rd_kafka_DescribeTopics(p->client.rk, topics, options, p->answers);
    event = await_answer(p);
    if (event) {
        err = judge_description(event);
        rd_kafka_event_destroy(event);
    }
    rd_kafka_AdminOptions_destroy(options);
    rd_kafka_TopicCollection_destroy(topics);
    return err;
}

static const char cannot_tell[] = "the topic does not exist yet";

#else

static rd_kafka_resp_err_t ask_writing(struct preflight *p, void *arg)
{
    (void)p, (void)arg;
    return RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
}

static const char cannot_tell[] =
    "this user may write to some topic; which one, only librdkafka 2.3.0 and newer can ask";

#endif

/* A producer asks for its id first, which needs WRITE on any topic: without it there is none on
 * this one. */
static rd_kafka_resp_err_t ask_producer_id(struct preflight *p, void *arg)
{
    char why[512];

    (void)arg;
    while (!p->client.has_producer_id && has_time(p)) {
        rd_kafka_poll(p->client.rk, SERVE_MS);
        if (rd_kafka_fatal_error(p->client.rk, why, sizeof(why)))
            return rd_kafka_fatal_error(p->client.rk, why, sizeof(why));
    }
    return p->client.has_producer_id ? RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART
                                     : RD_KAFKA_RESP_ERR__TIMED_OUT;
}

static void check_writing(struct preflight *p, const char *resource)
{
    rd_kafka_resp_err_t err = ask(p, ask_writing, NULL);

    if (err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART)
        err = ask(p, ask_producer_id, NULL);
    switch ((int)err) {
    case RD_KAFKA_RESP_ERR_NO_ERROR:
        find_allowed(p, "WRITE", resource);
        break;
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED:
        find_denied(p, "WRITE", resource);
        break;
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
        find_unknown(p, "WRITE", resource, cannot_tell);
        break;
    default:
        find_unknown(p, "WRITE", resource, rd_kafka_err2str(err));
    }
}

/* ---- all ---- */

static void check_all(struct preflight *p)
{
    const struct config *cfg = p->cfg;
    struct strbuf topic = {0};
    struct strbuf letters = {0};
    struct strbuf group = {0};

    strbuf_addf(&topic, "topic %s", cfg->kafka.topic);
    strbuf_addf(&letters, "topic %s", cfg->dlq.topic);
    strbuf_addf(&group, "group %s", cfg->kafka.consumer_group);
    check_topic(p, cfg->kafka.topic, strbuf_text(&topic));
    check_reading(p, strbuf_text(&topic), strbuf_text(&group));
    if (cfg->dlq.enabled) {
        check_topic(p, cfg->dlq.topic, strbuf_text(&letters));
        check_writing(p, strbuf_text(&letters));
    }
    strbuf_release(&topic);
    strbuf_release(&letters);
    strbuf_release(&group);
}

int kafka_preflight_run(const struct config *cfg, const struct log *log,
                        const struct preflight_report *report, struct err *e)
{
    static const struct kafka_property role[] = {
        {.name = "enable.idempotence", .value = "true", .is_fixed = true},
        {.name = "acks", .value = "all", .is_fixed = true},
    };
    static const struct kafka_property own[] = {
        {.name = "allow.auto.create.topics", .value = "false"},
        {.name = "statistics.interval.ms", .value = "200"}, /* they tell of the producer's id */
    };
    struct preflight p = {.client = {.log = log, .wake_fd = -1}, .cfg = cfg, .report = report};
    rd_kafka_conf_t *conf =
        kafka_conf_own(kafka_conf_new(cfg, role, sizeof(role) / sizeof(role[0]), e), own,
                       sizeof(own) / sizeof(own[0]), e);

    if (!conf || kafka_client_open(&p.client, RD_KAFKA_PRODUCER, conf, e) < 0)
        return -1;
    p.answers = rd_kafka_queue_new(p.client.rk);
    check_all(&p);
    rd_kafka_queue_destroy(p.answers);
    rd_kafka_destroy(p.client.rk);
    return 0;
}
