#include "io/kafka_commits.h"

#define AGAIN_MS 1000
#define PAUSE_MS 100 /* at the end: a broker that refuses is not asked at full speed */

static rd_kafka_topic_partition_t *find(struct kafka_commits *c, int32_t partition)
{
    return rd_kafka_topic_partition_list_find(c->list, c->topic, partition);
}

/* What came after the question is not answered by it. */
static void note_acknowledged(struct kafka_commits *c, const rd_kafka_topic_partition_t *answer)
{
    const rd_kafka_topic_partition_t *p = find(c, answer->partition);

    if (p && !answer->err && p->offset == answer->offset)
        kafka_commits_drop(c, answer->partition);
}

static void on_answer(rd_kafka_t *rk, rd_kafka_resp_err_t err,
                      rd_kafka_topic_partition_list_t *list, void *opaque)
{
    struct kafka_commits *c = opaque;

    c->is_asked = false;
    for (int i = 0; !err && i < list->cnt; i++)
        note_acknowledged(c, &list->elems[i]);
    c->answered(rk, err, list, c->opaque);
}

static void ask(struct kafka_commits *c)
{
    rd_kafka_resp_err_t err = rd_kafka_commit_queue(c->rk, c->list, c->answers, on_answer, c);

    c->asked_ms = kafka_now_ms();
    c->is_asked = !err;
    if (err)
        c->answered(c->rk, err, c->list, c->opaque);
}

void kafka_commits_open(struct kafka_commits *c, int wake_fd)
{
    c->list = rd_kafka_topic_partition_list_new(1);
    c->answers = rd_kafka_queue_new(c->rk);
    kafka_wake_on(c->answers, wake_fd);
}

void kafka_commits_release(struct kafka_commits *c)
{
    rd_kafka_topic_partition_list_destroy(c->list);
    rd_kafka_queue_destroy(c->answers);
}

void kafka_commits_add(struct kafka_commits *c, int32_t partition, int64_t offset)
{
    if (!find(c, partition))
        rd_kafka_topic_partition_list_add(c->list, c->topic, partition);
    kafka_commits_move(c, partition, offset);
}

void kafka_commits_move(struct kafka_commits *c, int32_t partition, int64_t offset)
{
    rd_kafka_topic_partition_list_set_offset(c->list, c->topic, partition, offset);
}

void kafka_commits_drop(struct kafka_commits *c, int32_t partition)
{
    rd_kafka_topic_partition_list_del(c->list, c->topic, partition);
}

void kafka_commits_serve(struct kafka_commits *c)
{
    if (c->is_asked)
        rd_kafka_queue_poll_callback(c->answers, 0);
    if (!c->is_asked && c->list->cnt > 0 && kafka_now_ms() - c->asked_ms >= AGAIN_MS)
        ask(c);
}

bool kafka_commits_finish(struct kafka_commits *c, int64_t deadline)
{
    while (c->list->cnt > 0 && kafka_now_ms() < deadline) {
        int left_ms = kafka_left_ms(deadline);

        if (!c->is_asked && kafka_now_ms() - c->asked_ms >= PAUSE_MS)
            ask(c);
        rd_kafka_queue_poll_callback(c->answers,
                                     c->is_asked || left_ms < PAUSE_MS ? left_ms : PAUSE_MS);
    }
    return c->list->cnt == 0;
}
