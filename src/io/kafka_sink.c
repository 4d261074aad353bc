#include "io/kafka_sink.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "io/errand.h"
#include "io/kafka_client.h"

#define CLOSE_MS 1000

/* A record that was taken and not yet reported: librdkafka reads key and value from here, and
 * should the producer have to be made anew, they are sent again from here. In the order they were
 * taken. */
struct sent {
    struct sent *next;
    struct sent *prev;
    struct kafka_sink *sink;
    uint64_t tag;
    struct outgoing record; /* points behind this struct */
};

struct kafka_sink {
    struct kafka_client
        client; /* the callbacks have its address for ours; without a handle when the
                                   next producer could not be made yet */
    const struct config *cfg;
    struct kafka_sink_options options;
    struct errand *burial; /* open while the handle is being destroyed: it is not to be used */
    struct sent in_flight; /* head of a ring */
    size_t in_flight_count;
    struct sink_report *reports; /* a queue in an array */
    size_t report_first;
    size_t report_count;
    size_t report_cap;
};

/* ---- what was sent ---- */

static char *copy_bytes(char **at, const char *bytes, size_t len)
{
    char *copy = *at;

    if (len)
        memcpy(copy, bytes, len);
    copy[len] = '\0';
    *at += len + 1;
    return copy;
}

static size_t copied_size(const struct outgoing *o)
{
    size_t size = strlen(o->topic) + 1 + o->key_len + 1 + o->value_len + 1;

    for (size_t i = 0; i < o->header_count; i++)
        size += strlen(o->headers[i].name) + 1 + o->headers[i].value_len + 1;
    return size;
}

/* One block: the struct, its headers, then all bytes. */
static struct sent *sent_new(struct kafka_sink *s, const struct outgoing *o, uint64_t tag)
{
    size_t header_bytes = o->header_count * sizeof(struct header);
    struct sent *sent = mem_alloc(sizeof(*sent) + header_bytes + copied_size(o));
    struct header *headers = (struct header *)(sent + 1);
    char *at = (char *)headers + header_bytes;

    sent->sink = s;
    sent->tag = tag;
    sent->record = *o;
    sent->record.topic = copy_bytes(&at, o->topic, strlen(o->topic));
    sent->record.headers = headers;
    if (o->key)
        sent->record.key = copy_bytes(&at, o->key, o->key_len);
    if (o->value)
        sent->record.value = copy_bytes(&at, o->value, o->value_len);
    for (size_t i = 0; i < o->header_count; i++) {
        headers[i] = o->headers[i];
        headers[i].name = copy_bytes(&at, o->headers[i].name, strlen(o->headers[i].name));
        if (o->headers[i].value)
            headers[i].value = copy_bytes(&at, o->headers[i].value, o->headers[i].value_len);
    }
    return sent;
}

static void link_sent(struct kafka_sink *s, struct sent *sent)
{
    sent->prev = s->in_flight.prev;
    sent->next = &s->in_flight;
    sent->prev->next = sent;
    sent->next->prev = sent;
    s->in_flight_count++;
    kafka_client_idle(&s->client, false);
}

static void forget_sent(struct sent *sent)
{
    sent->prev->next = sent->next;
    sent->next->prev = sent->prev;
    sent->sink->in_flight_count--;
    kafka_client_idle(&sent->sink->client, sent->sink->in_flight_count == 0);
    free(sent);
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
    *r = (struct sink_report){.tag = tag, .status = classify(err), .partition = -1, .offset = -1};
    if (err)
        snprintf(r->text, sizeof(r->text), "%s", rd_kafka_err2str(err));
}

static void queue_report(struct kafka_sink *s, const struct sink_report *r)
{
    if (s->report_first + s->report_count == s->report_cap) {
        if (s->report_first > s->report_count) {
            memmove(s->reports, s->reports + s->report_first, s->report_count * sizeof(*r));
        } else {
            s->report_cap = s->report_cap ? 2 * s->report_cap : 64;
            s->reports = mem_realloc_array(s->reports, s->report_cap, sizeof(*r));
            memmove(s->reports, s->reports + s->report_first, s->report_count * sizeof(*r));
        }
        s->report_first = 0;
    }
    s->reports[s->report_first + s->report_count++] = *r;
}

static void on_report(rd_kafka_t *rk, const rd_kafka_message_t *m, void *opaque)
{
    struct kafka_sink *s = opaque;
    struct sent *sent = m->_private;
    struct sink_report r;

    if (m->err && rd_kafka_fatal_error(rk, NULL, 0))
        return; /* the next producer sends it again */
    fill_report(&r, sent->tag, m->err);
    if (!m->err) {
        r.partition = m->partition;
        r.offset = m->offset;
        kafka_client_good(&s->client);
    }
    queue_report(s, &r);
    forget_sent(sent);
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
        {.name = "queue.buffering.max.kbytes", .value = "131072"},
    };
    rd_kafka_conf_t *conf = kafka_conf_new(s->cfg, role, sizeof(role) / sizeof(role[0]), e);

    if (!conf)
        return NULL;
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
                 LOG_INT("in_flight", (int64_t)s->in_flight_count));
}

/* In the order in which they were taken. Some of them may be on the topic already; that is
 * at-least-once. */
static void send_again(struct kafka_sink *s)
{
    for (struct sent *p = s->in_flight.next, *next; p != &s->in_flight; p = next) {
        rd_kafka_resp_err_t err = produce(s, p);

        next = p->next;
        if (err) {
            struct sink_report r;

            fill_report(&r, p->tag, err);
            queue_report(s, &r);
            forget_sent(p);
        }
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

    if (!is_ready(s))
        return SEND_FULL;
    sent = sent_new(s, o, tag);
    err = produce(s, sent);
    if (!err) {
        link_sent(s, sent);
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

    if (s->report_count == 0)
        serve(s);
    if (s->report_count == 0)
        return 0;
    *r = s->reports[s->report_first++];
    if (--s->report_count == 0)
        s->report_first = 0;
    return 1;
}

static size_t in_flight(void *self)
{
    const struct kafka_sink *s = self;

    return s->in_flight_count;
}

struct sink kafka_sink_port(struct kafka_sink *s)
{
    return (struct sink){
        .self = s, .send = send_record, .next_report = next_report, .in_flight = in_flight};
}

/* ---- life ---- */

struct kafka_sink *kafka_sink_open(const struct config *cfg,
                                   const struct kafka_sink_options *options, int wake_fd,
                                   const struct log *log, struct err *e)
{
    struct kafka_sink *s = mem_alloc(sizeof(*s));

    *s = (struct kafka_sink){.client = {.log = log, .wake_fd = wake_fd, .is_idle = true},
                             .cfg = cfg,
                             .options = *options};
    s->in_flight.next = s->in_flight.prev = &s->in_flight;
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
    for (struct sent *p = s->in_flight.next, *next; p != &s->in_flight; p = next) {
        next = p->next;
        forget_sent(p);
    }
    free(s->reports);
    free(s);
}
