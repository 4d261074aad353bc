#include "io/kafka_reader.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/strbuf.h"
#include "io/async_call.h"
#include "io/kafka_consumer.h"
#include "io/kafka_internal.h"
#include "io/kafka_progress.h"
#include "model/log_event.h"
#include "model/redrive_table.h"

/* Fetched ahead per partition: as much as one holds at once of large records. */
#define FETCH_KBYTES   "16384"
#define TOPIC_ASK_MS   5000
#define TOPIC_PAUSE_MS 500 /* after an error */

/* Whether topics exist. librdkafka 2.0.2 has no such question that does not block: so a thread of
 * its own asks, about one topic at a time. It never has a topic created. */
struct topics {
    rd_kafka_t *rk;
    int wake_fd;
    struct async_call *call; /* NULL when nothing is open */
    int64_t not_before_ms;
    /* The call's until it is done. */
    char *name;
    rd_kafka_resp_err_t answer;
};

/* What is asked, one after the other. */
enum phase {
    ASK_TOPIC, /* which partitions there are, and where they begin and end */
    ASK_GROUP, /* what the group committed */
    ASK_OLD,   /* what the groups of earlier versions committed, for one reason after the other */
    READY,
};

struct kafka_reader {
    struct kafka_consumer consumer; /* the callbacks and the port have its address for ours */
    char *group;
    int timeout_ms;
    int64_t answered_ms;         /* the last time, or when it began */
    rd_kafka_resp_err_t trouble; /* that the question met last */
    enum phase phase;
    int old_reason; /* of ASK_OLD */
    struct dead_letter_partition *partitions;
    char **descriptions; /* theirs */
    size_t count;
    struct kafka_progress *progress;
    struct topics *topics;
};

/* ---- whether a topic exists ---- */

static void ask_topic_exists(void *self)
{
    struct topics *t = self;
    rd_kafka_topic_t *topic = rd_kafka_topic_new(t->rk, t->name, NULL);
    const struct rd_kafka_metadata *md;

    if (!topic) {
        t->answer = RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION;
        return;
    }
    t->answer = rd_kafka_metadata(t->rk, 0, topic, &md, TOPIC_ASK_MS);
    rd_kafka_topic_destroy(topic);
    if (t->answer)
        return;
    t->answer = md->topic_cnt == 1 ? md->topics[0].err : RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
    rd_kafka_metadata_destroy(md);
}

static void begin_question(struct topics *t, const char *name)
{
    if (kafka_now_ms() < t->not_before_ms)
        return;
    free(t->name);
    t->name = mem_strdup(name);
    t->call = async_call_begin(ask_topic_exists, t, t->wake_fd);
}

/* `rk` is a consumer and borrowed. The eventfd `wake_fd` is written to when an answer came. */
static struct topics *topics_new(rd_kafka_t *rk, int wake_fd)
{
    struct topics *t = mem_alloc(sizeof(*t));

    *t = (struct topics){.rk = rk, .wake_fd = wake_fd};
    return t;
}

/* A topic whose leaders are not known yet is there. All else that is not named passes. */
static int judge_topic(struct topics *t, struct err *e)
{
    switch ((int)t->answer) {
    case RD_KAFKA_RESP_ERR_NO_ERROR:
    case RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE:
        return 1;
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
    case RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION:
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
        err_set(e, ERR_RUNTIME, "%s", rd_kafka_err2str(t->answer));
        return -1;
    default:
        t->not_before_ms = kafka_now_ms() + TOPIC_PAUSE_MS;
        return 0;
    }
}

/* Asks until there is an answer about `name`. Returns 1 when the topic is there, -1 with why in `e`
 * when it is not or may not be used, 0 while that is not known. Never waits. */
static int topics_find(struct topics *t, const char *name, struct err *e)
{
    if (!t->call) {
        begin_question(t, name);
        return 0;
    }
    if (!async_call_is_done(t->call, 0))
        return 0;
    async_call_end(t->call);
    t->call = NULL;
    return strcmp(t->name, name) == 0 ? judge_topic(t, e) : 0;
}

/* Frees. Returns false when a question is still open: it ends by itself after some seconds, so that
 * `rk` and all of this stay in use. NULL is accepted. */
static bool topics_free(struct topics *t)
{
    bool is_open;

    if (!t)
        return true;
    is_open = t->call && !async_call_is_done(t->call, 0);
    async_call_end(t->call);
    if (is_open)
        return false;
    free(t->name);
    free(t);
    return true;
}

/* ---- where the topic stands ---- */

static bool is_final(rd_kafka_resp_err_t err)
{
    return err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART ||
           err == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED ||
           err == RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED ||
           err == RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION;
}

static void keep_partitions(struct kafka_reader *r, const struct offset_answer *answer)
{
    r->partitions = mem_alloc_array(answer->count, sizeof(*r->partitions));
    r->descriptions = mem_alloc_array(answer->count, sizeof(*r->descriptions));
    r->count = answer->count;
    for (size_t i = 0; i < r->count; i++) {
        struct dead_letter_partition *p = &r->partitions[i];

        *p = (struct dead_letter_partition){.partition = answer->partitions[i].partition,
                                            .low = answer->partitions[i].low,
                                            .high = answer->partitions[i].readable_end,
                                            .committed = -1,
                                            .start = -1};
        for (int reason = 0; reason < RECORD_REASON_COUNT; reason++)
            p->by_reason[reason] = -1;
    }
}

static void ask_topic(struct kafka_reader *r)
{
    const struct offset_answer *answer = offset_query_turn(r->consumer.query, NULL);

    if (answer && !answer->err) {
        keep_partitions(r, answer);
        r->phase = ASK_GROUP;
    } else if (answer) {
        r->trouble = answer->err;
    }
}

static void ask_group(struct kafka_reader *r)
{
    const struct kafka_committed *found;
    bool is_new = false;

    if (kafka_progress_read(r->progress, r->group, r->count, &found, &r->trouble) <= 0)
        return;
    for (size_t i = 0; i < r->count; i++) {
        kafka_progress_expect(r->progress, &found[i]);
        r->partitions[i].committed = found[i].offset;
        r->descriptions[i] = mem_strndup(found[i].text ? found[i].text : "", found[i].text_len);
        r->partitions[i].description = r->descriptions[i];
        r->partitions[i].description_len = found[i].text_len;
        is_new |= found[i].offset < 0;
    }
    r->phase = is_new ? ASK_OLD : READY;
}

/* A group that may not be read is one that was never used. */
static void ask_old(struct kafka_reader *r)
{
    const char *reason = redrive_reason_name((enum record_reason)r->old_reason);
    const struct kafka_committed *found;
    struct strbuf group = {0};
    int rc;

    strbuf_addf(&group, "%s-%s", r->group, reason);
    rc = kafka_progress_read(r->progress, strbuf_text(&group), r->count, &found, &r->trouble);
    if (rc < 0)
        log_with(r->consumer.client.log, EVENT_REDRIVE_COMMITS_UNKNOWN,
                 rd_kafka_err2str(r->trouble), LOG_TEXT("group", strbuf_text(&group)));
    for (size_t i = 0; rc > 0 && i < r->count; i++)
        r->partitions[i].by_reason[r->old_reason] = found[i].offset;
    if (rc != 0 && ++r->old_reason == RECORD_REASON_COUNT)
        r->phase = READY;
    strbuf_release(&group);
}

/* Until the broker has answered all, it is asked again. */
static int serve_start(struct kafka_reader *r, struct err *e)
{
    enum phase phase = r->phase;
    int old_reason = r->old_reason;

    switch (phase) {
    case ASK_TOPIC:
        ask_topic(r);
        break;
    case ASK_GROUP:
        ask_group(r);
        break;
    case ASK_OLD:
        ask_old(r);
        break;
    case READY:
        return 0;
    }
    if (r->phase != phase || r->old_reason != old_reason) {
        r->trouble = RD_KAFKA_RESP_ERR_NO_ERROR;
        r->answered_ms = kafka_now_ms();
    }
    if (phase != ASK_OLD && is_final(r->trouble))
        return err_set(e, ERR_RUNTIME, "%s %s: %s", phase == ASK_TOPIC ? "topic" : "group",
                       phase == ASK_TOPIC ? r->consumer.topic : r->group,
                       rd_kafka_err2str(r->trouble));
    if (r->phase != READY && kafka_now_ms() - r->answered_ms >= r->timeout_ms)
        return err_set(e, ERR_RUNTIME, "no answer from Kafka within %d ms%s%s", r->timeout_ms,
                       r->trouble ? ": " : "", r->trouble ? rd_kafka_err2str(r->trouble) : "");
    return 0;
}

/* ---- the port ---- */

static int serve(void *self, struct err *e)
{
    struct kafka_reader *r = self;

    if (kafka_consumer_serve(&r->consumer, e) < 0)
        return -1;
    if (r->phase != READY)
        return serve_start(r, e);
    if (kafka_consumer_must_assign(&r->consumer))
        kafka_consumer_assign(&r->consumer, false);
    return kafka_progress_serve(r->progress, e);
}

static size_t partitions(void *self, struct dead_letter_partition **list)
{
    struct kafka_reader *r = self;

    *list = r->partitions;
    return r->phase == READY ? r->count : 0;
}

static void begin(void *self)
{
    struct kafka_reader *r = self;

    for (size_t i = 0; i < r->count; i++) {
        kafka_consumer_add(&r->consumer, r->partitions[i].partition);
        kafka_consumer_begin(&r->consumer, r->partitions[i].partition, r->partitions[i].start);
    }
}

static void store(void *self, int32_t partition, int64_t offset, const char *description)
{
    struct kafka_reader *r = self;

    kafka_progress_store(r->progress, partition, offset, description);
}

static int find_topic(void *self, const char *name, struct err *e)
{
    struct kafka_reader *r = self;

    return topics_find(r->topics, name, e);
}

struct dead_letters kafka_reader_port(struct kafka_reader *r)
{
    struct source port = kafka_consumer_port(&r->consumer);

    return (struct dead_letters){
        .self = r,
        .serve = serve,
        .partitions = partitions,
        .begin = begin,
        .fetch = port.fetch,
        .release = port.release,
        .headers = port.headers,
        .store = store,
        .find_topic = find_topic,
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
        /* A topic that was deleted must not come back because a dead letter names it. */
        {.name = "allow.auto.create.topics", .value = "false"},
    };

    return kafka_conf_own(kafka_conf_new(cfg, role, sizeof(role) / sizeof(role[0]), e), own,
                          sizeof(own) / sizeof(own[0]), e);
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
    r->group = mem_strdup(group);
    r->timeout_ms = timeout_ms;
    r->answered_ms = kafka_now_ms();
    r->progress = kafka_progress_new(r->consumer.client.rk, cfg, topic, r->group, log, wake_fd);
    r->topics = topics_new(r->consumer.client.rk, wake_fd);
    return r;
}

static void free_reader(struct kafka_reader *r)
{
    for (size_t i = 0; i < r->count; i++)
        free(r->descriptions[i]);
    free(r->descriptions);
    free(r->partitions);
    free(r->group);
    free(r);
}

int kafka_reader_close(struct kafka_reader *r, int timeout_ms, struct err *e)
{
    int64_t deadline = kafka_now_ms() + timeout_ms;
    int rc;

    if (!r)
        return 0;
    rc = kafka_progress_finish(r->progress, deadline, e);
    /* As with the source: a client whose broker does not answer is left to the end of the process.
     */
    if ((rc < 0 && kafka_now_ms() >= deadline) || !topics_free(r->topics) ||
        !kafka_progress_free(r->progress))
        return rc;
    rd_kafka_assign(r->consumer.client.rk, NULL);
    if (kafka_consumer_close(&r->consumer))
        free_reader(r);
    return rc;
}
