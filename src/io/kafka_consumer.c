#include "io/kafka_consumer.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define WAKE_MS  10
#define CLOSE_MS 1000

/* ---- partitions ---- */

static struct kafka_partition *find(const struct kafka_consumer *c, int32_t partition)
{
    for (size_t i = 0; i < c->partition_count; i++)
        if (c->partitions[i].partition == partition)
            return &c->partitions[i];
    return NULL;
}

bool kafka_consumer_has(const struct kafka_consumer *c, int32_t partition)
{
    return find(c, partition) != NULL;
}

void kafka_consumer_add(struct kafka_consumer *c, int32_t partition)
{
    rd_kafka_queue_t *queue = rd_kafka_queue_get_partition(c->client.rk, c->topic, partition);

    rd_kafka_queue_forward(queue, NULL);
    kafka_wake_on(queue, c->client.wake_fd);
    c->partitions =
        mem_realloc_array(c->partitions, c->partition_count + 1, sizeof(*c->partitions));
    c->partitions[c->partition_count++] = (struct kafka_partition){
        .partition = partition, .queue = queue, .next = RD_KAFKA_OFFSET_END, .refused = -1};
    c->trouble_code = RD_KAFKA_RESP_ERR_NO_ERROR;
}

void kafka_consumer_remove(struct kafka_consumer *c, int32_t partition)
{
    struct kafka_partition *p = find(c, partition);

    if (!p)
        return;
    rd_kafka_queue_destroy(p->queue);
    *p = c->partitions[--c->partition_count];
}

rd_kafka_topic_partition_list_t *kafka_consumer_waiting(const struct kafka_consumer *c)
{
    rd_kafka_topic_partition_list_t *list = NULL;

    for (size_t i = 0; i < c->partition_count; i++) {
        if (c->partitions[i].has_begun && c->partitions[i].refused < 0)
            continue;
        if (!list)
            list = rd_kafka_topic_partition_list_new(1);
        rd_kafka_topic_partition_list_add(list, c->topic, c->partitions[i].partition);
    }
    return list;
}

bool kafka_consumer_is_beyond(const struct kafka_consumer *c, int32_t partition)
{
    const struct kafka_partition *p = find(c, partition);

    return p->has_begun && p->refused == p->next;
}

void kafka_consumer_begin(struct kafka_consumer *c, int32_t partition, int64_t next)
{
    struct kafka_partition *p = find(c, partition);

    p->has_begun = true;
    p->next = next;
    p->refused = -1;
}

rd_kafka_topic_partition_list_t *kafka_consumer_positions(const struct kafka_consumer *c)
{
    rd_kafka_topic_partition_list_t *list =
        rd_kafka_topic_partition_list_new((int)c->partition_count);

    for (size_t i = 0; i < c->partition_count; i++)
        rd_kafka_topic_partition_list_add(list, c->topic, c->partitions[i].partition)->offset =
            c->partitions[i].next;
    return list;
}

/* ---- serving ---- */

static const char *property(const struct config *cfg, const char *name, const char *otherwise)
{
    for (size_t i = 0; i < cfg->kafka.property_count; i++)
        if (strcmp(cfg->kafka.properties[i].name, name) == 0)
            return cfg->kafka.properties[i].value;
    return otherwise;
}

/* Before 2.2.0 a partition whose queue was full when librdkafka looked is not fetched again for up
 * to a second, however fast the queue empties: 43,000 orders a second instead of 109,000.
 * fetch.queue.backoff.ms is the cure from there on. New credentials wake all broker threads;
 * connections without SASL ignore them, with SASL they are the configured ones again. */
static void wake_fetchers(struct kafka_consumer *c)
{
    int64_t now = kafka_now_ms();

    if (rd_kafka_version() >= 0x020200ff || !c->is_behind || now - c->woken_ms < WAKE_MS)
        return;
    c->is_behind = false;
    c->woken_ms = now;
    kafka_client_failed(&c->client, "fetchers not woken",
                        rd_kafka_sasl_set_credentials(c->client.rk,
                                                      property(c->cfg, "sasl.username", "-"),
                                                      property(c->cfg, "sasl.password", "-")));
}

static int fail_fatally(struct kafka_consumer *c, struct err *e)
{
    char why[512];
    rd_kafka_resp_err_t cause = rd_kafka_fatal_error(c->client.rk, why, sizeof(why));

    return err_set(e, ERR_RUNTIME, "Kafka consumer is dead: %s: %s", rd_kafka_err2name(cause), why);
}

void kafka_consumer_note_trouble(struct kafka_consumer *c, rd_kafka_resp_err_t code,
                                 const char *what, const char *text)
{
    if (code != c->trouble_code)
        err_set(&c->trouble, ERR_RUNTIME, "%s: %s", what, text);
    c->trouble_code = code;
}

/* Returns -1 with `e` when it is for good. */
static int judge_event(struct kafka_consumer *c, const rd_kafka_message_t *m, struct err *e)
{
    const char *text = rd_kafka_message_errstr(m);

    if (m->err == RD_KAFKA_RESP_ERR__FATAL)
        return fail_fatally(c, e);
    if (c->is_final(m->err))
        return err_set(e, ERR_RUNTIME, "Kafka consumer: %s", text);
    log_with(c->client.log, LOG_WARN, "Kafka consumer reports", text,
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

int kafka_consumer_serve(struct kafka_consumer *c, struct err *e)
{
    rd_kafka_message_t *m;
    int rc = 0;

    if (c->failure.kind != ERR_NONE) {
        *e = c->failure;
        return -1;
    }
    while (rc == 0 && (m = rd_kafka_consumer_poll(c->client.rk, 0))) {
        if (m->err)
            rc = judge_event(c, m, e);
        rd_kafka_message_destroy(m);
    }
    wake_fetchers(c);
    return rc;
}

/* ---- the port ---- */

static void judge_partition(struct kafka_consumer *c, struct kafka_partition *p,
                            const rd_kafka_message_t *m)
{
    if (m->err == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET && c->begins_anew)
        p->refused = m->offset < 0 ? p->next : m->offset;
    else if (c->is_final(m->err))
        err_set(&c->failure, ERR_RUNTIME, "%s/%" PRId32 ": %s", c->topic, m->partition,
                rd_kafka_message_errstr(m));
    else
        log_with(c->client.log, LOG_WARN, "Kafka reports an error for a partition",
                 rd_kafka_message_errstr(m), LOG_INT("partition", m->partition),
                 LOG_TEXT("code", rd_kafka_err2name(m->err)));
}

static enum fetch_result fetch(void *self, int32_t partition, struct message *m)
{
    struct kafka_consumer *c = self;
    struct kafka_partition *p = find(c, partition);
    rd_kafka_message_t *rkm = p && p->has_begun ? rd_kafka_consume_queue(p->queue, 0) : NULL;
    enum fetch_result result = FETCH_NOTHING;

    if (!rkm)
        return FETCH_NOTHING;
    kafka_message_fill(c->topic, rkm, m);
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
    };
}

/* ---- life ---- */

int kafka_consumer_open(struct kafka_consumer *c, rd_kafka_conf_t *conf, struct err *e)
{
    if (kafka_client_open(&c->client, RD_KAFKA_CONSUMER, conf, e) < 0)
        return -1;
    c->inquiry = kafka_inquiry_new(c->client.rk, c->topic, c->client.wake_fd);
    return 0;
}

bool kafka_consumer_close(struct kafka_consumer *c)
{
    struct errand *burial;
    bool is_gone;

    if (!kafka_inquiry_free(c->inquiry))
        return false;
    while (c->partition_count)
        kafka_consumer_remove(c, c->partitions[0].partition);
    burial = kafka_client_bury(&c->client, -1);
    is_gone = burial && errand_is_done(burial, CLOSE_MS);
    errand_end(burial);
    if (!is_gone)
        return false;
    kafka_headers_release(&c->headers);
    free(c->partitions);
    return true;
}
