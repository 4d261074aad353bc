#include "io/kafka_consumer.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "io/kafka_internal.h"
#include "io/kafka_room.h"
#include "model/log_event.h"

#define WAKE_MS      10
#define CLOSE_MS     1000
#define ROOM_FETCHES 64 /* between two looks at the room, within a turn */
/* For how long at most nothing is committed after an assignment. librdkafka starts partitions only
 * while no commit is on its way (rd_kafka_assignment_serve), so a coordinator that takes longer for
 * each than the commits are apart would keep them from starting for ever. */
#define START_MS 10000

/* ---- records ---- */

void kafka_message_fill(const char *topic, rd_kafka_message_t *rkm, struct message *m)
{
    rd_kafka_timestamp_type_t type;

    *m = (struct message){
        .topic = topic,
        .partition = rkm->partition,
        .offset = rkm->offset,
        .timestamp_ms = rd_kafka_message_timestamp(rkm, &type),
        .key = rkm->key,
        .key_len = rkm->key_len,
        .value = rkm->payload,
        .value_len = rkm->len,
        .handle = rkm,
    };
}

size_t kafka_headers_read(struct kafka_headers *h, const struct message *m,
                          const struct header **headers)
{
    rd_kafka_headers_t *list;
    size_t n = 0;
    const char *name;
    const void *value;
    size_t len;

    *headers = NULL;
    if (rd_kafka_message_headers(m->handle, &list))
        return 0;
    while (!rd_kafka_header_get_all(list, n, &name, &value, &len)) {
        if (n == h->cap) {
            h->cap = h->cap ? 2 * h->cap : 16;
            h->items = mem_realloc_array(h->items, h->cap, sizeof(*h->items));
        }
        h->items[n++] = (struct header){.name = name, .value = value, .value_len = len};
    }
    *headers = h->items;
    return n;
}

void kafka_headers_release(struct kafka_headers *h)
{
    free(h->items);
    *h = (struct kafka_headers){0};
}

/* ---- partitions ---- */

/* Where `partition` is in the list, which is in order, or would be. */
static size_t place_of(const struct kafka_consumer *c, int32_t partition)
{
    size_t low = 0;
    size_t high = c->partition_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (c->partitions[middle].partition < partition)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

struct kafka_partition *kafka_consumer_find(const struct kafka_consumer *c, int32_t partition)
{
    size_t i = place_of(c, partition);

    return i < c->partition_count && c->partitions[i].partition == partition ? &c->partitions[i]
                                                                             : NULL;
}

void kafka_consumer_add(struct kafka_consumer *c, int32_t partition)
{
    size_t i = place_of(c, partition);

    c->partitions =
        mem_realloc_array(c->partitions, c->partition_count + 1, sizeof(*c->partitions));
    memmove(&c->partitions[i + 1], &c->partitions[i],
            (c->partition_count - i) * sizeof(*c->partitions));
    c->partition_count++;
    c->partitions[i] = (struct kafka_partition){.partition = partition,
                                                .is_doubtful = c->was_missing,
                                                .next = -1,
                                                .refused = -1,
                                                .check_at = -1,
                                                .stored = -1,
                                                .asked = -1,
                                                .committed = -1};
    c->trouble_code = RD_KAFKA_RESP_ERR_NO_ERROR;
}

static void release_queue(struct kafka_partition *p)
{
    if (p->queue)
        rd_kafka_queue_destroy(p->queue);
    p->queue = NULL;
}

void kafka_consumer_remove(struct kafka_consumer *c, int32_t partition)
{
    struct kafka_partition *p = kafka_consumer_find(c, partition);
    size_t i;

    if (!p)
        return;
    release_queue(p);
    i = (size_t)(p - c->partitions);
    c->partition_count--;
    memmove(p, p + 1, (c->partition_count - i) * sizeof(*p));
}

rd_kafka_topic_partition_list_t *kafka_consumer_waiting(const struct kafka_consumer *c)
{
    rd_kafka_topic_partition_list_t *list = NULL;

    for (size_t i = 0; i < c->partition_count; i++) {
        if (c->partitions[i].has_begun && c->partitions[i].refused < 0)
            continue;
        if (!list)
            list = rd_kafka_topic_partition_list_new(1);
        rd_kafka_topic_partition_list_add(list, c->topic, c->partitions[i].partition)->offset =
            c->partitions[i].check_at;
    }
    return list;
}

bool kafka_consumer_is_beyond(const struct kafka_consumer *c, int32_t partition)
{
    const struct kafka_partition *p = kafka_consumer_find(c, partition);

    return p->is_doubtful || (p->has_begun && p->refused == p->next);
}

void kafka_consumer_begin(struct kafka_consumer *c, int32_t partition, int64_t next)
{
    struct kafka_partition *p = kafka_consumer_find(c, partition);

    p->has_begun = true;
    p->is_doubtful = false;
    p->is_lost = true;
    p->next = next;
    p->refused = -1;
    p->check_at = -1;
    p->stored = -1;
}

/* ---- what librdkafka fetches ---- */

/* What is left of the assignment before, as errors of a topic that was missing then. */
static void empty_queue(struct kafka_consumer *c, rd_kafka_queue_t *queue)
{
    bool was_missing = c->client.topic_was_missing;
    rd_kafka_message_t *m;

    for (size_t left = rd_kafka_queue_length(queue); left > 0; left--) {
        m = rd_kafka_consume_queue(queue, 0);
        if (m)
            rd_kafka_message_destroy(m);
    }
    c->client.topic_was_missing = was_missing;
}

/* Before each assignment: a topic that was recreated since has other queues, and what comes before
 * forwarding is off would be in the consumer's own. */
static void take_queue(struct kafka_consumer *c, struct kafka_partition *p)
{
    release_queue(p);
    p->queue = rd_kafka_queue_get_partition(c->client.rk, c->topic, p->partition);
    rd_kafka_queue_forward(p->queue, NULL);
    empty_queue(c, p->queue);
    kafka_wake_on(p->queue, c->client.wake_fd);
}

static bool is_changed(const struct kafka_partition *p)
{
    return p->has_begun && p->refused < 0 && p->is_lost;
}

bool kafka_consumer_must_assign(const struct kafka_consumer *c)
{
    for (size_t i = 0; i < c->partition_count; i++)
        if (is_changed(&c->partitions[i]))
            return true;
    return false;
}

static void assign_list(struct kafka_consumer *c, rd_kafka_topic_partition_list_t *list,
                        bool is_cooperative)
{
    rd_kafka_resp_err_t err;

    if (is_cooperative)
        kafka_client_failed(&c->client, EVENT_PARTITION_ASSIGN_FAILED,
                            rd_kafka_incremental_assign(c->client.rk, list));
    else if ((err = rd_kafka_assign(c->client.rk, list)))
        log_plain(c->client.log, EVENT_PARTITION_ASSIGN_FAILED, rd_kafka_err2str(err));
}

/* librdkafka does not seek in a partition that it has given up. */
static void unassign_changed(struct kafka_consumer *c)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);

    for (size_t i = 0; i < c->partition_count; i++)
        if (c->partitions[i].is_assigned && is_changed(&c->partitions[i]))
            rd_kafka_topic_partition_list_add(list, c->topic, c->partitions[i].partition);
    if (list->cnt > 0)
        kafka_consumer_unassign(c, list, true);
    rd_kafka_topic_partition_list_destroy(list);
}

void kafka_consumer_assign(struct kafka_consumer *c, bool is_cooperative)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);

    c->assigned_ms = kafka_now_ms();
    if (is_cooperative)
        unassign_changed(c);
    for (size_t i = 0; i < c->partition_count; i++) {
        struct kafka_partition *p = &c->partitions[i];

        if (!p->has_begun || p->refused >= 0 || (is_cooperative && !p->is_lost))
            continue;
        kafka_room_resume(c, p);
        take_queue(c, p);
        rd_kafka_topic_partition_list_add(list, c->topic, p->partition)->offset = p->next;
        p->is_assigned = true;
        p->read_ms = c->assigned_ms;
        p->is_lost = p->has_answered = false;
    }
    assign_list(c, list, is_cooperative);
    rd_kafka_topic_partition_list_destroy(list);
}

/* An eager protocol takes all away at once. */
void kafka_consumer_unassign(struct kafka_consumer *c, const rd_kafka_topic_partition_list_t *list,
                             bool is_cooperative)
{
    rd_kafka_topic_partition_list_t *assigned = rd_kafka_topic_partition_list_new(1);

    for (int i = 0; i < list->cnt; i++) {
        struct kafka_partition *p = kafka_consumer_find(c, list->elems[i].partition);

        if (!p || !p->is_assigned)
            continue;
        p->is_assigned = false;
        kafka_room_resume(c, p);
        rd_kafka_topic_partition_list_add(assigned, c->topic, p->partition);
    }
    if (is_cooperative)
        kafka_client_failed(&c->client, EVENT_PARTITION_UNASSIGN_FAILED,
                            rd_kafka_incremental_unassign(c->client.rk, assigned));
    else
        rd_kafka_assign(c->client.rk, NULL);
    rd_kafka_topic_partition_list_destroy(assigned);
}

bool kafka_consumer_is_starting(const struct kafka_consumer *c)
{
    if (kafka_now_ms() - c->assigned_ms >= START_MS)
        return false;
    for (size_t i = 0; i < c->partition_count; i++)
        if (c->partitions[i].is_assigned && !c->partitions[i].has_answered)
            return true;
    return false;
}

/* ---- serving ---- */

/* The value in use; "-" when there is none. */
static void take_property(const struct kafka_consumer *c, const char *name, char *value,
                          size_t size)
{
    kafka_conf_get(rd_kafka_conf(c->client.rk), name, value, size);
    if (!*value)
        snprintf(value, size, "-");
}

/* Before 2.2.0 a partition whose queue was full when librdkafka looked is not fetched again for up
 * to a second, however fast the queue empties: 43,000 orders a second instead of 109,000.
 * fetch.queue.backoff.ms is the cure from there on. New credentials wake all broker threads;
 * connections without SASL ignore them, with SASL they are the configured ones again. */
static void wake_fetchers(struct kafka_consumer *c)
{
    int64_t now = kafka_now_ms();
    char user[1024];
    char password[8192];

    if (!(c->must_wake || (c->is_behind && rd_kafka_version() < 0x020200ff)) ||
        now - c->woken_ms < WAKE_MS)
        return;
    c->is_behind = c->must_wake = false;
    c->woken_ms = now;
    take_property(c, "sasl.username", user, sizeof(user));
    take_property(c, "sasl.password", password, sizeof(password));
    kafka_client_failed(&c->client, EVENT_KAFKA_FETCH_NOT_WOKEN,
                        rd_kafka_sasl_set_credentials(c->client.rk, user, password));
}

static int fail_fatally(struct kafka_consumer *c, struct err *e)
{
    char why[512];
    rd_kafka_resp_err_t cause = rd_kafka_fatal_error(c->client.rk, why, sizeof(why));

    c->is_fatal = true;
    return err_set(e, ERR_RUNTIME, "Kafka consumer is dead: %s: %s", rd_kafka_err2name(cause), why);
}

void kafka_consumer_note_trouble(struct kafka_consumer *c, rd_kafka_resp_err_t code,
                                 const char *what, const char *text)
{
    if (code != c->trouble_code)
        err_set(&c->trouble, ERR_RUNTIME, "%s: %s", what, text);
    c->trouble_code = code;
}

static void judge_partition(struct kafka_consumer *c, struct kafka_partition *p,
                            const rd_kafka_message_t *m)
{
    if (m->err == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET && c->begins_anew)
        p->refused = m->offset < 0 ? p->next : m->offset;
    else if (c->is_final(m->err))
        err_set(&c->failure, ERR_RUNTIME, "%s/%" PRId32 ": %s", c->topic, m->partition,
                rd_kafka_message_errstr(m));
    else if (!kafka_client_denied(&c->client, m->err, EVENT_KAFKA_PARTITION_ERROR, c->topic,
                                  c->cfg->kafka.consumer_group))
        log_with(c->client.log, EVENT_KAFKA_PARTITION_ERROR, rd_kafka_message_errstr(m),
                 LOG_INT("partition", m->partition), LOG_TEXT("code", rd_kafka_err2name(m->err)));
}

/* A record or an error of a partition outside of its queue: librdkafka has replaced the partition,
 * as when its topic was recreated. Nothing of it may be lost, so it is read again from where it
 * was. */
static void judge_stray(struct kafka_consumer *c, const rd_kafka_message_t *m)
{
    struct kafka_partition *p = kafka_consumer_find(c, m->partition);

    if (!p || !p->is_assigned)
        return; /* of an assignment that is over */
    if (m->err && m->err != RD_KAFKA_RESP_ERR__PARTITION_EOF) {
        judge_partition(c, p, m);
        return;
    }
    if (!p->is_lost)
        log_with(c->client.log, EVENT_PARTITION_MISROUTED, NULL, LOG_INT("partition", p->partition),
                 LOG_INT("offset", m->offset), LOG_INT("position", p->next));
    p->is_lost = true;
}

/* Returns -1 with `e` when it is for good. */
static int judge_event(struct kafka_consumer *c, const rd_kafka_message_t *m, struct err *e)
{
    const char *text = rd_kafka_message_errstr(m);

    if (m->err == RD_KAFKA_RESP_ERR__FATAL)
        return fail_fatally(c, e);
    if (m->rkt && m->partition >= 0) {
        judge_stray(c, m);
        return 0;
    }
    if (c->is_final(m->err))
        return err_set(e, ERR_RUNTIME, "Kafka consumer: %s", text);
    if (kafka_client_denied(&c->client, m->err, EVENT_KAFKA_READ_DENIED, c->topic,
                            c->cfg->kafka.consumer_group))
        return 0;
    log_with(c->client.log, EVENT_KAFKA_CONSUMER_ERROR, text,
             LOG_TEXT("code", rd_kafka_err2name(m->err)));
    kafka_consumer_note_trouble(c, m->err, "Kafka consumer", text);
    return 0;
}

bool kafka_consumer_take_trouble(struct kafka_consumer *c, struct err *trouble)
{
    if (c->trouble.kind == ERR_NONE)
        return false;
    *trouble = c->trouble;
    c->trouble = (struct err){0};
    return true;
}

/* Nothing more is read before it is known whether it is the topic that it was: a new one answers at
 * the old one's offsets as soon as it has grown beyond them. */
static void stop_missing(struct kafka_consumer *c)
{
    c->client.topic_was_missing = false;
    if (!c->probe)
        return;
    c->was_missing = true;
    for (size_t i = 0; i < c->partition_count; i++) {
        struct kafka_partition *p = &c->partitions[i];

        p->is_doubtful = true;
        if (p->has_begun)
            p->refused = p->next;
    }
}

int kafka_consumer_serve(struct kafka_consumer *c, struct err *e)
{
    rd_kafka_message_t *m;
    int rc = 0;

    if (c->failure.kind != ERR_NONE) {
        *e = c->failure;
        return -1;
    }
    while (rc == 0 && (m = rd_kafka_consumer_poll(c->client.rk, 0))) {
        rc = judge_event(c, m, e);
        rd_kafka_message_destroy(m);
    }
    if (c->client.topic_was_missing)
        stop_missing(c);
    kafka_room_serve(c);
    wake_fetchers(c);
    return rc;
}

/* ---- the port ---- */

static enum fetch_result fetch(void *self, int32_t partition, struct message *m)
{
    struct kafka_consumer *c = self;
    struct kafka_partition *p = kafka_consumer_find(c, partition);
    bool is_readable = p && p->is_assigned && !p->is_lost && p->refused < 0 &&
                       !(c->probe && c->client.topic_was_missing);
    rd_kafka_message_t *rkm;
    enum fetch_result result = FETCH_NOTHING;

    if (!is_readable)
        return FETCH_NOTHING;
    if (++c->fetches % ROOM_FETCHES == 0)
        kafka_room_serve(c);
    rkm = rd_kafka_consume_queue(p->queue, 0);
    if (!rkm) {
        kafka_room_note(c, p, NULL);
        return FETCH_NOTHING;
    }
    p->has_answered = true;
    kafka_message_fill(c->topic, rkm, m);
    kafka_room_note(c, p, rkm);
    if (!rkm->err) {
        c->is_behind = true;
        p->next = m->offset + 1;
        return FETCH_MESSAGE;
    }
    if (rkm->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
        p->next = m->offset;
        result = FETCH_END;
    } else {
        judge_partition(c, p, rkm);
    }
    rd_kafka_message_destroy(rkm);
    m->handle = NULL;
    return result;
}

static void release(void *self, struct message *m)
{
    (void)self;
    if (m->handle)
        rd_kafka_message_destroy(m->handle);
    m->handle = NULL;
}

static size_t headers(void *self, const struct message *m, const struct header **out)
{
    struct kafka_consumer *c = self;

    return kafka_headers_read(&c->headers, m, out);
}

static void restart(void *self, int32_t partition, int64_t offset)
{
    struct kafka_consumer *c = self;
    struct kafka_partition *p = kafka_consumer_find(c, partition);

    if (!p)
        return;
    p->next = offset;
    p->is_lost = true;
}

static int64_t high_watermark(void *self, int32_t partition)
{
    struct kafka_consumer *c = self;
    int64_t low;
    int64_t high;

    if (rd_kafka_get_watermark_offsets(c->client.rk, c->topic, partition, &low, &high) || high < 0)
        return -1;
    return high;
}

struct source kafka_consumer_port(struct kafka_consumer *c)
{
    return (struct source){
        .self = c,
        .fetch = fetch,
        .release = release,
        .headers = headers,
        .high_watermark = high_watermark,
        .restart = restart,
    };
}

/* ---- life ---- */

int kafka_consumer_open(struct kafka_consumer *c, rd_kafka_conf_t *conf, struct err *e)
{
    if (kafka_client_open(&c->client, RD_KAFKA_CONSUMER, conf, e) < 0)
        return -1;
    c->query = offset_query_new(c->client.rk, c->probe, c->topic, c->client.wake_fd);
    return 0;
}

bool kafka_consumer_close(struct kafka_consumer *c)
{
    struct async_call *destroy_call;
    bool is_gone;

    if (!offset_query_free(c->query))
        return false;
    while (c->partition_count)
        kafka_consumer_remove(c, c->partitions[0].partition);
    destroy_call = kafka_client_destroy(&c->client, -1);
    is_gone = destroy_call && async_call_is_done(destroy_call, CLOSE_MS);
    async_call_end(destroy_call);
    if (!is_gone)
        return false;
    kafka_headers_release(&c->headers);
    free(c->partitions);
    return true;
}
