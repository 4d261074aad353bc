#include "io/kafka_reset.h"

#define AGAIN_MS 1000

void kafka_reset_add(struct kafka_reset *r, const char *topic, int32_t partition, int64_t offset)
{
    if (!r->list)
        r->list = rd_kafka_topic_partition_list_new(1);
    kafka_reset_drop(r, topic, partition);
    rd_kafka_topic_partition_list_add(r->list, topic, partition)->offset = offset;
    r->due_ms = 0;
}

void kafka_reset_move(struct kafka_reset *r, const char *topic, int32_t partition, int64_t next)
{
    if (r->list)
        rd_kafka_topic_partition_list_set_offset(r->list, topic, partition, next);
}

void kafka_reset_drop(struct kafka_reset *r, const char *topic, int32_t partition)
{
    if (r->list)
        rd_kafka_topic_partition_list_del(r->list, topic, partition);
}

static void on_answer(rd_kafka_t *rk, rd_kafka_resp_err_t err,
                      rd_kafka_topic_partition_list_t *offsets, void *opaque)
{
    struct kafka_reset *r = opaque;

    (void)rk;
    r->is_asked = false;
    for (int i = 0; !err && i < offsets->cnt; i++)
        if (!offsets->elems[i].err)
            kafka_reset_drop(r, offsets->elems[i].topic, offsets->elems[i].partition);
}

void kafka_reset_serve(struct kafka_reset *r, rd_kafka_t *rk)
{
    int64_t now;

    if (!r->list || (r->list->cnt == 0 && !r->is_asked))
        return;
    now = kafka_now_ms();
    if (!r->answers)
        r->answers = rd_kafka_queue_new(rk);
    rd_kafka_queue_poll_callback(r->answers, 0);
    if (r->is_asked || r->list->cnt == 0 || now < r->due_ms)
        return;
    r->is_asked = !rd_kafka_commit_queue(rk, r->list, r->answers, on_answer, r);
    r->due_ms = now + AGAIN_MS;
}

void kafka_reset_release(struct kafka_reset *r)
{
    if (r->list)
        rd_kafka_topic_partition_list_destroy(r->list);
    if (r->answers)
        rd_kafka_queue_destroy(r->answers);
    *r = (struct kafka_reset){0};
}
