#include "io/kafka_probe.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/mem.h"
#include "io/errand.h"
#include "io/kafka_internal.h"

#define POLL_MS  100
#define CLOSE_MS 1000

struct kafka_probe {
    const struct config *cfg;
    const struct log *log;
    int users;
    pthread_mutex_t lock; /* one call at a time */
    rd_kafka_t *rk;       /* NULL until the first read */
    rd_kafka_topic_t *topic;
};

/* ---- the client ---- */

/* The consumer reports its connections; this one only says why it has no answer. */
static void on_log(const rd_kafka_t *rk, int level, const char *facility, const char *text)
{
    const struct log *log = rd_kafka_opaque(rk);

    (void)level;
    kafka_log_line(log, 7, facility, text);
}

/* One record is wanted of each partition. Set last is what no property of the user may change. */
static rd_kafka_conf_t *make_conf(const struct config *cfg, struct err *e)
{
    const struct kafka_property role[] = {
        {.name = "queued.min.messages", .value = "1"},
        {.name = "queued.max.messages.kbytes", .value = "16"},
        {.name = "fetch.message.max.bytes", .value = "16384"},
        {.name = "fetch.wait.max.ms", .value = "10"},
        {.name = "statistics.interval.ms", .value = "0"},
    };
    const struct kafka_property own[] = {
        {.name = "enable.auto.commit", .value = "false"},
        {.name = "enable.partition.eof", .value = "true"},
        {.name = "auto.offset.reset", .value = "error"},
    };
    rd_kafka_conf_t *conf = kafka_conf_new(cfg, role, sizeof(role) / sizeof(role[0]), e);

    for (size_t i = 0; conf && i < sizeof(own) / sizeof(own[0]); i++)
        if (kafka_conf_set(conf, own[i].name, own[i].value, ERR_RUNTIME, e) < 0) {
            rd_kafka_conf_destroy(conf);
            conf = NULL;
        }
    return conf;
}

static int connect_once(struct kafka_probe *p, struct err *e)
{
    rd_kafka_conf_t *conf;
    char why[512];

    if (p->rk)
        return 0;
    conf = make_conf(p->cfg, e);
    if (!conf)
        return -1;
    rd_kafka_conf_set_opaque(conf, (void *)(uintptr_t)p->log);
    rd_kafka_conf_set_log_cb(conf, on_log);
    p->rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, why, sizeof(why));
    if (!p->rk) {
        rd_kafka_conf_destroy(conf);
        return err_set(e, ERR_RUNTIME, "%s", why);
    }
    rd_kafka_set_log_queue(p->rk, NULL);
    p->topic = rd_kafka_topic_new(p->rk, p->cfg->kafka.topic, NULL);
    return 0;
}

/* ---- reading ---- */

static struct kafka_probe_item *find(struct kafka_probe_item *items, size_t count,
                                     int32_t partition)
{
    for (size_t i = 0; i < count; i++)
        if (items[i].partition == partition)
            return &items[i];
    return NULL;
}

/* Returns false for what says nothing of the partition, as a broken connection: librdkafka goes on
 * by itself. */
static bool take_answer(struct kafka_probe_item *item, const rd_kafka_message_t *m)
{
    rd_kafka_timestamp_type_t type;

    switch (m->err) {
    case RD_KAFKA_RESP_ERR_NO_ERROR:
        item->result = KAFKA_PROBE_RECORD;
        item->timestamp_ms = rd_kafka_message_timestamp(m, &type);
        break;
    case RD_KAFKA_RESP_ERR__PARTITION_EOF:
        item->result = KAFKA_PROBE_END;
        break;
    case RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET:
    case RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE:
        item->result = KAFKA_PROBE_OUT_OF_RANGE;
        break;
    default:
        return false;
    }
    item->found = m->offset;
    return true;
}

static void read_answers(struct kafka_probe *p, rd_kafka_queue_t *queue,
                         struct kafka_probe_item *items, size_t count, int64_t deadline)
{
    size_t missing = count;

    while (missing > 0 && kafka_now_ms() < deadline) {
        int left_ms = kafka_left_ms(deadline);
        rd_kafka_message_t *m =
            rd_kafka_consume_queue(queue, left_ms < POLL_MS ? left_ms : POLL_MS);
        struct kafka_probe_item *item;
        int64_t low;

        rd_kafka_poll(p->rk, 0);
        if (!m)
            continue;
        item = find(items, count, m->partition);
        if (item && item->result == KAFKA_PROBE_NO_ANSWER && take_answer(item, m)) {
            missing--;
            rd_kafka_get_watermark_offsets(p->rk, p->cfg->kafka.topic, item->partition, &low,
                                           &item->high);
        }
        rd_kafka_message_destroy(m);
    }
}

static void read_items(struct kafka_probe *p, struct kafka_probe_item *items, size_t count,
                       int64_t deadline)
{
    rd_kafka_queue_t *queue = rd_kafka_queue_new(p->rk);

    for (size_t i = 0; i < count; i++)
        rd_kafka_consume_start_queue(p->topic, items[i].partition, items[i].offset, queue);
    read_answers(p, queue, items, count, deadline);
    for (size_t i = 0; i < count; i++)
        rd_kafka_consume_stop(p->topic, items[i].partition);
    rd_kafka_queue_destroy(queue);
}

void kafka_probe_read(struct kafka_probe *p, struct kafka_probe_item *items, size_t count,
                      int64_t deadline)
{
    struct err e = {0};

    for (size_t i = 0; i < count; i++) {
        items[i].result = KAFKA_PROBE_NO_ANSWER;
        items[i].found = items[i].timestamp_ms = items[i].high = -1;
    }
    pthread_mutex_lock(&p->lock);
    if (connect_once(p, &e) < 0)
        log_plain(p->log, LOG_WARN, "records cannot be read for a check", e.text);
    else if (count > 0)
        read_items(p, items, count, deadline);
    pthread_mutex_unlock(&p->lock);
}

/* ---- life ---- */

struct kafka_probe *kafka_probe_new(const struct config *cfg, const struct log *log)
{
    struct kafka_probe *p = mem_alloc(sizeof(*p));

    *p = (struct kafka_probe){.cfg = cfg, .log = log, .users = 1};
    pthread_mutex_init(&p->lock, NULL);
    return p;
}

static void destroy(void *self)
{
    struct kafka_probe *p = self;

    if (p->topic)
        rd_kafka_topic_destroy(p->topic);
    if (p->rk)
        rd_kafka_destroy(p->rk);
}

struct kafka_probe *kafka_probe_share(struct kafka_probe *p)
{
    p->users++;
    return p;
}

void kafka_probe_drop(struct kafka_probe *p)
{
    struct errand *end;
    bool is_gone;

    if (!p || --p->users > 0)
        return;
    end = errand_begin(destroy, p, -1);
    is_gone = end && errand_is_done(end, CLOSE_MS);
    errand_end(end);
    if (!is_gone)
        return;
    pthread_mutex_destroy(&p->lock);
    free(p);
}
