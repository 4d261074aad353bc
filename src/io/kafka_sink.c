#include "io/kafka_sink.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "io/errand.h"
#include "io/kafka_client.h"
#include "io/kafka_sent.h"

#define CLOSE_MS          1000
#define ROOMY_KBYTES      2097151 /* the most that all versions of librdkafka take */
#define ROOMY_KBYTES_TEXT "2097151"
#define ZSTD_LEVEL        "1" /* not 3, its default: orders take 4 % more and less CPU */

struct kafka_sink {
    /* The callbacks have its address for ours. Without a handle when the next producer could not be
     * made yet. */
    struct kafka_client client;
    const struct config *cfg;
    struct kafka_sink_options options;
    struct errand *burial; /* open while the handle is being destroyed: it is not to be used */
    struct sent in_flight; /* head of a ring, in the order they were taken */
    struct sent reported;  /* head of a ring, in the order of the reports */
    size_t count;          /* in both */
    size_t bytes;          /* likewise */
    size_t bytes_max;
};

/* ---- what was sent ---- */

static void keep_sent(struct kafka_sink *s, struct sent *sent)
{
    sent_link_last(&s->in_flight, sent);
    s->count++;
    s->bytes += sent->size;
    kafka_client_idle(&s->client, false);
}

static void forget_sent(struct kafka_sink *s, struct sent *sent)
{
    sent_unlink(sent);
    s->count--;
    s->bytes -= sent->size;
    kafka_client_idle(&s->client, s->count == 0);
    free(sent);
}

static void forget_ring(struct kafka_sink *s, struct sent *ring)
{
    for (struct sent *p = ring->next, *next; p != ring; p = next) {
        next = p->next;
        forget_sent(s, p);
    }
}

/* ---- reports ---- */

/* One table for what produce returns and what a delivery report brings. What is not named here may
 * pass: nothing is given up because of it. */
static enum sink_status classify(rd_kafka_resp_err_t err)
{
    switch ((int)err) {
    case RD_KAFKA_RESP_ERR_NO_ERROR:
        return SINK_OK;
    case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
    case RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE:
        return SINK_TOO_LARGE;
    default:
        return SINK_TROUBLE;
    }
}

static void fill_report(struct sink_report *r, uint64_t tag, rd_kafka_resp_err_t err)
{
    r->tag = tag;
    r->status = classify(err);
    r->partition = -1;
    r->offset = -1;
    r->text[0] = '\0';
    if (err)
        snprintf(r->text, sizeof(r->text), "%s", rd_kafka_err2str(err));
}

static void queue_report(struct kafka_sink *s, struct sent *sent, rd_kafka_resp_err_t err)
{
    sent->err = err;
    sent_unlink(sent);
    sent_link_last(&s->reported, sent);
}

static void on_report(rd_kafka_t *rk, const rd_kafka_message_t *m, void *opaque)
{
    struct kafka_sink *s = opaque;
    struct sent *sent = m->_private;

    if (m->err && rd_kafka_fatal_error(rk, NULL, 0))
        return; /* the next producer sends it again */
    sent->partition = m->partition;
    sent->offset = m->offset;
    if (!m->err)
        kafka_client_good(&s->client);
    queue_report(s, sent, m->err);
}

/* ---- the producer ---- */

static int32_t choose_partition(const rd_kafka_topic_t *topic, const void *key, size_t key_len,
                                int32_t count, void *topic_opaque, void *opaque)
{
    const struct sent *sent = opaque;

    if (sent->record.partition_hint >= 0)
        return sent->record.partition_hint % count;
    return rd_kafka_msg_partitioner_murmur2_random(topic, key, key_len, count, topic_opaque,
                                                   opaque);
}

static int64_t number_of(const rd_kafka_conf_t *conf, const char *name)
{
    char value[32];

    kafka_conf_get(conf, name, value, sizeof(value));
    return strtoll(value, NULL, 10);
}

/* librdkafka would never take a record that is larger than its queue. So the bound is ours to keep:
 * nothing more is taken once it is reached. */
static int take_bytes_max(rd_kafka_conf_t *conf, size_t *bytes_max, struct err *e)
{
    const char *name = "queue.buffering.max.kbytes";
    int64_t kbytes = number_of(conf, name);

    *bytes_max = (size_t)kbytes * 1024;
    return kbytes < ROOMY_KBYTES ? kafka_conf_set(conf, name, ROOMY_KBYTES_TEXT, ERR_RUNTIME, e)
                                 : 0;
}

/* The level means something else to each codec. */
static int choose_level(rd_kafka_conf_t *conf, struct err *e)
{
    char codec[16];

    kafka_conf_get(conf, "compression.type", codec, sizeof(codec));
    if (strcmp(codec, "zstd") != 0 || number_of(conf, "compression.level") != -1)
        return 0;
    return kafka_conf_set(conf, "compression.level", ZSTD_LEVEL, ERR_RUNTIME, e);
}

static rd_kafka_conf_t *make_conf(struct kafka_sink *s, struct err *e)
{
    const struct kafka_property role[] = {
        {.name = "enable.idempotence", .value = "true", .is_fixed = true},
        {.name = "acks", .value = "all", .is_fixed = true},
        {.name = "compression.type", .value = "zstd"},
        {.name = "linger.ms", .value = s->options.linger_ms},
        {.name = "topic.metadata.propagation.max.ms", .value = s->options.topic_wait_ms},
        /* The broker being away is no reason to give a record up. */
        {.name = "message.timeout.ms", .value = "0", .is_fixed = true},
        /* Without all reports nobody knows what was acknowledged. */
        {.name = "delivery.report.only.error", .value = "false", .is_fixed = true},
        /* What is too large is the topic's to say: the default would refuse what it takes. */
        {.name = "message.max.bytes", .value = "1000000000"},
        {.name = "queue.buffering.max.messages", .value = "100000"},
        /* What lies in the CPU's cache is sent faster than ten times as much. */
        {.name = "queue.buffering.max.kbytes",
         .value = s->options.queue_kbytes ? s->options.queue_kbytes : "16384"},
    };
    rd_kafka_conf_t *conf = kafka_conf_new(s->cfg, role, sizeof(role) / sizeof(role[0]), e);

    if (!conf)
        return NULL;
    if (take_bytes_max(conf, &s->bytes_max, e) < 0 || choose_level(conf, e) < 0) {
        rd_kafka_conf_destroy(conf);
        return NULL;
    }
    rd_kafka_conf_set_dr_msg_cb(conf, on_report);
    rd_kafka_topic_conf_set_partitioner_cb(rd_kafka_conf_get_default_topic_conf(conf),
                                           choose_partition);
    return conf;
}

static int make_producer(struct kafka_sink *s, struct err *e)
{
    rd_kafka_conf_t *conf = make_conf(s, e);

    return conf ? kafka_client_open(&s->client, RD_KAFKA_PRODUCER, conf, e) : -1;
}

static rd_kafka_headers_t *make_headers(const struct outgoing *o)
{
    rd_kafka_headers_t *list = rd_kafka_headers_new(o->header_count);

    for (size_t i = 0; i < o->header_count; i++)
        rd_kafka_header_add(list, o->headers[i].name, -1, o->headers[i].value,
                            (ssize_t)o->headers[i].value_len);
    return list;
}

static rd_kafka_resp_err_t produce(struct kafka_sink *s, struct sent *sent)
{
    const struct outgoing *o = &sent->record;
    rd_kafka_headers_t *headers = o->header_count ? make_headers(o) : NULL;
    rd_kafka_resp_err_t err;

    /* No copy: key and value stay in `sent` until the report. librdkafka's macros want plain
     * pointers. */
    err =
        rd_kafka_producev(s->client.rk, RD_KAFKA_V_TOPIC(o->topic),
                          RD_KAFKA_V_VALUE((void *)(uintptr_t)o->value, o->value_len),
                          RD_KAFKA_V_KEY(o->key, o->key_len), RD_KAFKA_V_TIMESTAMP(o->timestamp_ms),
                          RD_KAFKA_V_HEADERS(headers), RD_KAFKA_V_OPAQUE(sent), RD_KAFKA_V_END);
    if (err && headers)
        rd_kafka_headers_destroy(headers);
    return err;
}

/* ---- a producer after the other ---- */

/* A fatal error of an idempotent producer ends that producer, not the records. It reads their bytes
 * until it is gone, which can take long: nothing is sent before that. */
static void give_up_producer(struct kafka_sink *s)
{
    char why[512];

    rd_kafka_fatal_error(s->client.rk, why, sizeof(why));
    s->burial = kafka_client_bury(&s->client, s->client.wake_fd);
    if (s->burial)
        log_with(s->client.log, LOG_WARN, "Kafka producer is made anew after a fatal error", why,
                 LOG_INT("in_flight", (int64_t)s->count));
}

/* In the order in which they were taken. Some of them may be on the topic already; that is
 * at-least-once. */
static void send_again(struct kafka_sink *s)
{
    for (struct sent *p = s->in_flight.next, *next; p != &s->in_flight; p = next) {
        rd_kafka_resp_err_t err = produce(s, p);

        next = p->next;
        if (err)
            queue_report(s, p, err);
    }
}

static void make_anew(struct kafka_sink *s)
{
    struct err e = {0};

    if (s->burial && !errand_is_done(s->burial, 0))
        return;
    errand_end(s->burial);
    s->burial = NULL;
    s->client.rk = NULL;
    if (make_producer(s, &e) == 0)
        send_again(s);
    else
        log_plain(s->client.log, LOG_ERROR, "Kafka producer cannot be made anew", e.text);
}

static bool is_ready(const struct kafka_sink *s)
{
    return s->client.rk && !s->burial;
}

static void serve(struct kafka_sink *s)
{
    if (!is_ready(s))
        make_anew(s);
    if (!is_ready(s))
        return;
    rd_kafka_poll(s->client.rk, 0);
    if (rd_kafka_fatal_error(s->client.rk, NULL, 0))
        give_up_producer(s);
}

/* ---- the port ---- */

static enum send_result send_record(void *self, const struct outgoing *o, uint64_t tag,
                                    struct sink_report *r)
{
    struct kafka_sink *s = self;
    struct sent *sent;
    rd_kafka_resp_err_t err;

    if (!is_ready(s) || s->bytes >= s->bytes_max)
        return SEND_FULL;
    sent = sent_new(o, tag);
    err = produce(s, sent);
    if (!err) {
        keep_sent(s, sent);
        return SEND_TAKEN;
    }
    free(sent);
    if (err == RD_KAFKA_RESP_ERR__QUEUE_FULL || err == RD_KAFKA_RESP_ERR__FATAL)
        return SEND_FULL;
    fill_report(r, tag, err);
    return SEND_FAILED;
}

static int next_report(void *self, struct sink_report *r)
{
    struct kafka_sink *s = self;
    struct sent *first = s->reported.next;

    if (first == &s->reported) {
        serve(s);
        first = s->reported.next;
    }
    if (first == &s->reported)
        return 0;
    fill_report(r, first->tag, first->err);
    if (!first->err) {
        r->partition = first->partition;
        r->offset = first->offset;
    }
    forget_sent(s, first);
    return 1;
}

static size_t in_flight(void *self)
{
    const struct kafka_sink *s = self;

    return s->count;
}

static uint64_t first_tag(void *self)
{
    const struct kafka_sink *s = self;

    return s->in_flight.next == &s->in_flight ? s->reported.next->tag : s->in_flight.next->tag;
}

struct sink kafka_sink_port(struct kafka_sink *s)
{
    return (struct sink){.self = s,
                         .send = send_record,
                         .next_report = next_report,
                         .in_flight = in_flight,
                         .first_tag = first_tag};
}

/* ---- life ---- */

struct kafka_sink *kafka_sink_open(const struct config *cfg,
                                   const struct kafka_sink_options *options, int wake_fd,
                                   const struct log *log, struct err *e)
{
    struct kafka_sink *s = mem_alloc(sizeof(*s));

    *s = (struct kafka_sink){.client = {.log = log,
                                        .wake_fd = wake_fd,
                                        .is_idle = true,
                                        .is_down = options->logged_reason != NULL,
                                        .is_logged = options->logged_reason != NULL,
                                        .logged = options->logged_reason},
                             .cfg = cfg,
                             .options = *options};
    sent_ring_init(&s->in_flight);
    sent_ring_init(&s->reported);
    if (make_producer(s, e) < 0) {
        free(s);
        return NULL;
    }
    return s;
}

/* Returns true when the producer is gone within `timeout_ms`. */
static bool destroy_producer(struct kafka_sink *s, int timeout_ms)
{
    bool is_gone;

    if (is_ready(s))
        s->burial = kafka_client_bury(&s->client, -1);
    is_gone = s->burial ? errand_is_done(s->burial, timeout_ms) : !s->client.rk;
    errand_end(s->burial);
    return is_gone;
}

void kafka_sink_close(struct kafka_sink *s)
{
    /* One that does not go reads the records' bytes to the last: all is left to the end of the
     * process. */
    if (!s || !destroy_producer(s, CLOSE_MS))
        return;
    forget_ring(s, &s->in_flight);
    forget_ring(s, &s->reported);
    free(s);
}
