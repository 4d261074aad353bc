#include "io/kafka_topics.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "io/errand.h"

#define ASK_MS   5000
#define PAUSE_MS 500 /* after an error */

struct kafka_topics {
    rd_kafka_t *rk;
    int wake_fd;
    struct errand *errand; /* NULL when nothing is open */
    int64_t not_before_ms;
    /* The errand's until it is done. */
    char *name;
    rd_kafka_resp_err_t answer;
};

static void ask(void *self)
{
    struct kafka_topics *t = self;
    rd_kafka_topic_t *topic = rd_kafka_topic_new(t->rk, t->name, NULL);
    const struct rd_kafka_metadata *md;

    if (!topic) {
        t->answer = RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION;
        return;
    }
    t->answer = rd_kafka_metadata(t->rk, 0, topic, &md, ASK_MS);
    rd_kafka_topic_destroy(topic);
    if (t->answer)
        return;
    t->answer = md->topic_cnt == 1 ? md->topics[0].err : RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
    rd_kafka_metadata_destroy(md);
}

static void begin(struct kafka_topics *t, const char *name)
{
    if (kafka_now_ms() < t->not_before_ms)
        return;
    free(t->name);
    t->name = mem_strdup(name);
    t->errand = errand_begin(ask, t, t->wake_fd);
}

struct kafka_topics *kafka_topics_new(rd_kafka_t *rk, int wake_fd)
{
    struct kafka_topics *t = mem_alloc(sizeof(*t));

    *t = (struct kafka_topics){.rk = rk, .wake_fd = wake_fd};
    return t;
}

/* A topic whose leaders are not known yet is there. All else that is not named passes. */
static int judge(struct kafka_topics *t, struct err *e)
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
        t->not_before_ms = kafka_now_ms() + PAUSE_MS;
        return 0;
    }
}

int kafka_topics_find(struct kafka_topics *t, const char *name, struct err *e)
{
    if (!t->errand) {
        begin(t, name);
        return 0;
    }
    if (!errand_is_done(t->errand, 0))
        return 0;
    errand_end(t->errand);
    t->errand = NULL;
    return strcmp(t->name, name) == 0 ? judge(t, e) : 0;
}

bool kafka_topics_free(struct kafka_topics *t)
{
    bool is_open;

    if (!t)
        return true;
    is_open = t->errand && !errand_is_done(t->errand, 0);
    errand_end(t->errand);
    if (is_open)
        return false;
    free(t->name);
    free(t);
    return true;
}
