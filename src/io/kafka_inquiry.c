#include "io/kafka_inquiry.h"

#include <stdlib.h>

#include "base/mem.h"
#include "io/errand.h"

#define ASK_MS   5000 /* for all questions together: a slow connection has several round trips */
#define PAUSE_MS 500  /* after an error */

struct kafka_inquiry {
    rd_kafka_t *rk;
    struct kafka_probe *probe;
    char *topic; /* ours: a question may outlive whoever asked */
    int wake_fd;
    struct errand *errand; /* NULL when nothing is open */
    bool is_dropped;
    int64_t not_before_ms;
    /* The errand's until it is done. */
    rd_kafka_topic_partition_list_t *list;
    rd_kafka_topic_partition_list_t *led; /* those of them that have a leader */
    struct assignment *found;
    bool has_checks;
    struct kafka_answer answer;
};

/* ---- on the errand's thread ---- */

static rd_kafka_topic_partition_list_t *list_partitions(const struct rd_kafka_metadata_topic *topic)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(topic->partition_cnt);

    for (int i = 0; i < topic->partition_cnt; i++)
        rd_kafka_topic_partition_list_add(list, topic->topic, topic->partitions[i].id);
    return list;
}

/* One without a leader cannot be asked about, and would hold up the answer for all others. */
static void note_leaders(struct kafka_inquiry *q, const struct rd_kafka_metadata_topic *topic)
{
    q->led = rd_kafka_topic_partition_list_new(q->list->cnt);
    for (int i = 0; i < topic->partition_cnt; i++)
        if (topic->partitions[i].leader >= 0 &&
            rd_kafka_topic_partition_list_find(q->list, q->topic, topic->partitions[i].id))
            rd_kafka_topic_partition_list_add(q->led, q->topic, topic->partitions[i].id);
}

/* Which of the partitions, or of all that the topic has, have a leader. */
static rd_kafka_resp_err_t learn_leaders(struct kafka_inquiry *q, int64_t deadline)
{
    rd_kafka_topic_t *topic = rd_kafka_topic_new(q->rk, q->topic, NULL);
    const struct rd_kafka_metadata *md;
    rd_kafka_resp_err_t err;

    if (!topic)
        return RD_KAFKA_RESP_ERR__INVALID_ARG;
    err = rd_kafka_metadata(q->rk, 0, topic, &md, kafka_left_ms(deadline));
    rd_kafka_topic_destroy(topic);
    if (err)
        return err;
    err = md->topic_cnt == 1 ? md->topics[0].err : RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
    if (!err && !q->list)
        q->list = list_partitions(&md->topics[0]);
    if (!err)
        note_leaders(q, &md->topics[0]);
    rd_kafka_metadata_destroy(md);
    return err;
}

static rd_kafka_resp_err_t first_error(const rd_kafka_topic_partition_list_t *list)
{
    for (int i = 0; i < list->cnt; i++)
        if (list->elems[i].err)
            return list->elems[i].err;
    return RD_KAFKA_RESP_ERR_NO_ERROR;
}

/* What the group committed. */
static rd_kafka_resp_err_t learn_committed(struct kafka_inquiry *q, int64_t deadline)
{
    rd_kafka_resp_err_t err;

    q->found = mem_alloc_array((size_t)q->list->cnt, sizeof(*q->found));
    for (int i = 0; i < q->list->cnt; i++)
        q->found[i] = (struct assignment){.partition = q->list->elems[i].partition,
                                          .committed = -1,
                                          .low = -1,
                                          .high = -1,
                                          .readable_end = -1,
                                          .first = {.offset = -1},
                                          .at = {.offset = -1},
                                          .initial = -1,
                                          .start = -1,
                                          .check_at = q->list->elems[i].offset};
    err = rd_kafka_committed(q->rk, q->list, kafka_left_ms(deadline));
    if (err || (err = first_error(q->list)))
        return err;
    for (int i = 0; i < q->list->cnt; i++)
        if (q->list->elems[i].offset >= 0)
            q->found[i].committed = q->list->elems[i].offset;
    return err;
}

/* Where the partitions with a leader begin or end: `end` is RD_KAFKA_OFFSET_BEGINNING or _END,
 * which the protocol takes as a time. Not rd_kafka_query_watermark_offsets: in 2.0.2 it waits
 * beyond its timeout. */
static rd_kafka_resp_err_t learn_ends(struct kafka_inquiry *q, int64_t end, int64_t deadline)
{
    rd_kafka_resp_err_t err;

    for (int i = 0; i < q->led->cnt; i++)
        q->led->elems[i].offset = end;
    err = rd_kafka_offsets_for_times(q->rk, q->led, kafka_left_ms(deadline));
    if (err || (err = first_error(q->led)))
        return err;
    for (int i = 0; i < q->list->cnt; i++) {
        const rd_kafka_topic_partition_t *p =
            rd_kafka_topic_partition_list_find(q->led, q->topic, q->found[i].partition);

        if (p && end == RD_KAFKA_OFFSET_BEGINNING)
            q->found[i].low = p->offset;
        else if (p)
            q->found[i].high = q->found[i].readable_end = p->offset;
    }
    return err;
}

/* ---- checks ---- */

static bool is_to_be_checked(const struct assignment *a)
{
    return a->high >= 0 && a->check_at >= 0;
}

static struct record_mark mark_of(const struct kafka_probe_item *item)
{
    return item->result == KAFKA_PROBE_RECORD
               ? (struct record_mark){.offset = item->found, .timestamp_ms = item->timestamp_ms}
               : (struct record_mark){.offset = -1, .timestamp_ms = -1};
}

/* Below its beginning a partition has no record, beyond its readable end no probe reads. */
static int64_t probed_offset(const struct assignment *a, bool is_first)
{
    if (is_first || a->check_at < a->low)
        return a->low;
    return a->check_at < a->readable_end ? a->check_at : a->readable_end;
}

/* Reads one record of each partition that is to be checked: its first, or the one at check_at.
 * Without an answer a partition stays unchecked, and will be asked about again. */
static void probe_all(struct kafka_inquiry *q, bool is_first, int64_t deadline)
{
    struct kafka_probe_item *items = mem_alloc_array((size_t)q->list->cnt, sizeof(*items));
    size_t count = 0;

    for (int i = 0; i < q->list->cnt; i++)
        if (is_to_be_checked(&q->found[i]))
            items[count++] =
                (struct kafka_probe_item){.partition = q->found[i].partition,
                                          .offset = probed_offset(&q->found[i], is_first)};
    kafka_probe_read(q->probe, items, count, deadline);
    count = 0;
    for (int i = 0; i < q->list->cnt; i++) {
        struct assignment *a = &q->found[i];
        const struct kafka_probe_item *item = &items[count];

        if (!is_to_be_checked(a))
            continue;
        count++;
        *(is_first ? &a->first : &a->at) = mark_of(item);
        a->is_checked = (is_first || a->is_checked) && item->result != KAFKA_PROBE_NO_ANSWER;
        if (item->high > a->high)
            a->high = item->high;
    }
    free(items);
}

static rd_kafka_resp_err_t learn_all(struct kafka_inquiry *q)
{
    int64_t deadline = kafka_now_ms() + ASK_MS;
    rd_kafka_resp_err_t err = learn_leaders(q, deadline);

    if (!err)
        err = learn_committed(q, deadline);
    if (!err && q->led->cnt > 0)
        err = learn_ends(q, RD_KAFKA_OFFSET_BEGINNING, deadline);
    if (!err && q->led->cnt > 0)
        err = learn_ends(q, RD_KAFKA_OFFSET_END, deadline);
    if (!err && q->has_checks) {
        deadline = kafka_now_ms() + ASK_MS;
        probe_all(q, true, deadline);
        probe_all(q, false, deadline);
    }
    return err;
}

static void ask(void *self)
{
    struct kafka_inquiry *q = self;

    q->answer = (struct kafka_answer){.err = learn_all(q), .partitions = q->found};
    if (q->answer.err)
        return;
    q->answer.count = (size_t)q->list->cnt;
    q->answer.unknown_count = (size_t)(q->list->cnt - q->led->cnt);
    if (q->answer.unknown_count)
        q->answer.err = RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE;
}

/* ---- on the owner's thread ---- */

static void forget(struct kafka_inquiry *q)
{
    if (q->list)
        rd_kafka_topic_partition_list_destroy(q->list);
    if (q->led)
        rd_kafka_topic_partition_list_destroy(q->led);
    q->list = q->led = NULL;
    free(q->found);
    q->found = NULL;
}

static void begin(struct kafka_inquiry *q, const rd_kafka_topic_partition_list_t *partitions)
{
    if (kafka_now_ms() < q->not_before_ms)
        return;
    forget(q);
    if (partitions)
        q->list = rd_kafka_topic_partition_list_copy(partitions);
    q->has_checks = false;
    for (int i = 0; q->probe && q->list && i < q->list->cnt; i++)
        q->has_checks |= q->list->elems[i].offset >= 0;
    q->is_dropped = false;
    q->errand = errand_begin(ask, q, q->wake_fd);
}

struct kafka_inquiry *kafka_inquiry_new(rd_kafka_t *rk, struct kafka_probe *probe,
                                        const char *topic, int wake_fd)
{
    struct kafka_inquiry *q = mem_alloc(sizeof(*q));

    *q = (struct kafka_inquiry){.rk = rk,
                                .probe = probe ? kafka_probe_share(probe) : NULL,
                                .topic = mem_strdup(topic),
                                .wake_fd = wake_fd};
    return q;
}

struct kafka_answer *kafka_inquiry_turn(struct kafka_inquiry *q,
                                        const rd_kafka_topic_partition_list_t *partitions)
{
    if (!q->errand) {
        begin(q, partitions);
        return NULL;
    }
    if (!errand_is_done(q->errand, 0))
        return NULL;
    errand_end(q->errand);
    q->errand = NULL;
    if (q->answer.err || q->has_checks)
        q->not_before_ms = kafka_now_ms() + PAUSE_MS;
    return q->is_dropped ? NULL : &q->answer;
}

void kafka_inquiry_drop(struct kafka_inquiry *q)
{
    q->is_dropped = true;
}

bool kafka_inquiry_free(struct kafka_inquiry *q)
{
    bool is_open;

    if (!q)
        return true;
    is_open = q->errand && !errand_is_done(q->errand, 0);
    errand_end(q->errand);
    if (is_open)
        return false;
    forget(q);
    kafka_probe_drop(q->probe);
    free(q->topic);
    free(q);
    return true;
}
