#include "io/kafka_sink.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "io/errand.h"
#include "io/kafka_client.h"
#include "io/kafka_sent.h"
#include "io/kafka_sink_conf.h"

#define CLOSE_MS        1000
#define RETRY_MS        100 /* before a producer that ended at once is made again; then doubled */
#define RETRY_MAX_MS    30000
#define BATCH_REDUCTION 10 /* times smaller, after one was too large */

struct kafka_sink {
    /* The callbacks have its address for ours. Without a handle when the next producer was not made
     * yet. */
    struct kafka_client client;
    const struct config *cfg;
    struct kafka_sink_options options;
    struct kafka_sink_bounds bounds;
    struct errand *burial; /* open while the handle is being destroyed: it is not to be used */
    struct sent in_flight; /* head of a ring, in the order they were taken */
    struct sent refused;   /* head of a ring: their batch was refused, they go in smaller ones */
    struct sent reported;  /* head of a ring, in the order of the reports */
    size_t count;          /* in all three */
    size_t bytes;          /* likewise */
    size_t smaller_bytes;  /* of the batches in which the refused ones go */
    rd_kafka_resp_err_t fatal; /* of the last producer, until the next one is made */
    bool is_wanted;            /* something was to be sent while there was none */
    int64_t retry_delay_ms;    /* 0 once a record was acknowledged */
    int64_t retry_at_ms;       /* no producer is made before */
    bool is_denied;            /* the right to write is missing, until a record was acknowledged */
    struct err denial;         /* not taken yet */
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

/* ---- the right to write ---- */

static bool is_denial(rd_kafka_resp_err_t err)
{
    return err == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED ||
           err == RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED;
}

static void note_denial(struct kafka_sink *s, rd_kafka_resp_err_t err)
{
    if (!s->is_denied && is_denial(err))
        err_set(&s->denial, ERR_RUNTIME, "%s", rd_kafka_err2str(err));
    s->is_denied |= is_denial(err);
}

bool kafka_sink_take_denial(struct kafka_sink *s, struct err *denial)
{
    if (s->denial.kind == ERR_NONE)
        return false;
    *denial = s->denial;
    s->denial = (struct err){0};
    return true;
}

/* ---- sending ---- */

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
    case RD_KAFKA_RESP_ERR_INVALID_RECORD:
    case RD_KAFKA_RESP_ERR_INVALID_TIMESTAMP:
        return SINK_INVALID;
    default:
        return SINK_TROUBLE;
    }
}

static void fill_report(struct kafka_sink *s, struct sink_report *r, uint64_t tag,
                        rd_kafka_resp_err_t err)
{
    r->tag = tag;
    r->status = classify(err);
    r->partition = -1;
    r->offset = -1;
    r->text[0] = '\0';
    if (err)
        snprintf(r->text, sizeof(r->text), "%s", rd_kafka_err2str(err));
    note_denial(s, err);
}

static void queue_report(struct kafka_sink *s, struct sent *sent, rd_kafka_resp_err_t err)
{
    sent->err = err;
    sent_unlink(sent);
    sent_link_last(&s->reported, sent);
}

static void queue_reports(struct kafka_sink *s, struct sent *ring, rd_kafka_resp_err_t err)
{
    while (!sent_ring_is_empty(ring))
        queue_report(s, ring->next, err);
}

/* ---- batches that are refused ---- */

/* A broker takes a batch as a whole or not at all, and its answer does not say which record was at
 * fault: a batch of good records may be too large. librdkafka reports the error of every record of
 * it and does not split it. Returns the size of the batches that tell more, or 0 when the error is
 * no verdict on records. */
static size_t smaller_batch(const struct kafka_sink *s, rd_kafka_resp_err_t err)
{
    size_t bytes = s->bounds.batch_bytes;

    switch ((int)err) {
    case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
    case RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE:
        return bytes > BATCH_REDUCTION ? bytes / BATCH_REDUCTION : 1;
    case RD_KAFKA_RESP_ERR_INVALID_RECORD:
    case RD_KAFKA_RESP_ERR_INVALID_TIMESTAMP:
        return 1;
    default:
        return 0;
    }
}

/* librdkafka puts no further record into a batch that would exceed the bound with it. */
static bool was_alone(const struct kafka_sink *s, const struct sent *sent)
{
    return sent->record.key_len + sent->record.value_len + 1 >= s->bounds.batch_bytes;
}

/* Returns true when the record was refused as part of a batch and is to be sent again. */
static bool set_aside(struct kafka_sink *s, struct sent *sent, rd_kafka_resp_err_t err)
{
    size_t bytes = smaller_batch(s, err);

    if (bytes == 0 || was_alone(s, sent))
        return false;
    if (sent_ring_is_empty(&s->refused) || bytes < s->smaller_bytes)
        s->smaller_bytes = bytes;
    sent_unlink(sent);
    sent_link_last(&s->refused, sent);
    return true;
}

/* A broker that lags behind its controller may not know the partitions that a topic has got since:
 * librdkafka then fails what waits for those. It was never sent, and has a place in the others. */
static bool lost_its_partition(const rd_kafka_message_t *m)
{
    return m->err == RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION &&
           rd_kafka_message_status(m) == RD_KAFKA_MSG_STATUS_NOT_PERSISTED;
}

static void on_report(rd_kafka_t *rk, const rd_kafka_message_t *m, void *opaque)
{
    struct kafka_sink *s = opaque;
    struct sent *sent = m->_private;

    if (m->err && (rd_kafka_fatal_error(rk, NULL, 0) || set_aside(s, sent, m->err)))
        return; /* the next producer sends it again */
    if (lost_its_partition(m) && produce(s, sent) == RD_KAFKA_RESP_ERR_NO_ERROR)
        return;
    sent->partition = m->partition;
    sent->offset = m->offset;
    if (!m->err) {
        kafka_client_good(&s->client);
        s->retry_delay_ms = 0;
        s->is_denied = false;
    }
    queue_report(s, sent, m->err);
}

/* ---- the producer ---- */

static int make_producer(struct kafka_sink *s, struct err *e)
{
    rd_kafka_conf_t *conf = kafka_sink_conf_new(s->cfg, &s->options, &s->bounds, e);

    if (conf)
        rd_kafka_conf_set_dr_msg_cb(conf, on_report);
    return conf ? kafka_client_open(&s->client, RD_KAFKA_PRODUCER, conf, e) : -1;
}

/* ---- a producer after the other ---- */

/* A producer that ends at once must not be made again at once. */
static void back_off(struct kafka_sink *s)
{
    int64_t delay = s->retry_delay_ms > 0 ? 2 * s->retry_delay_ms : RETRY_MS;

    s->retry_delay_ms = delay < RETRY_MAX_MS ? delay : RETRY_MAX_MS;
    s->retry_at_ms = kafka_now_ms() + s->retry_delay_ms;
}

/* The producer reads the bytes of its records until it is gone, which can take long: nothing is
 * sent before that. Returns false when that could not be begun. */
static bool bury(struct kafka_sink *s)
{
    s->burial = kafka_client_bury(&s->client, s->client.wake_fd);
    return s->burial;
}

/* A fatal error of an idempotent producer ends that producer, not the records. */
static void give_up_producer(struct kafka_sink *s)
{
    char why[512];

    s->fatal = rd_kafka_fatal_error(s->client.rk, why, sizeof(why));
    note_denial(s, s->fatal);
    if (!bury(s))
        return;
    back_off(s);
    log_with(s->client.log, LOG_WARN, "Kafka producer is made anew after a fatal error", why,
             LOG_INT("in_flight", (int64_t)s->count));
}

/* Once all that was sent is reported, so that nothing is sent twice. */
static void use_smaller_batches(struct kafka_sink *s)
{
    if (!bury(s))
        return;
    log_with(s->client.log, LOG_INFO, "a batch was refused, its records are sent in smaller ones",
             NULL, LOG_INT("batch_bytes", (int64_t)s->smaller_bytes));
}

/* In the order in which they were taken. Some of them may be on the topic already; that is
 * at-least-once. */
static void send_again(struct kafka_sink *s)
{
    sent_ring_put_first(&s->in_flight, &s->refused);
    for (struct sent *p = s->in_flight.next, *next; p != &s->in_flight; p = next) {
        rd_kafka_resp_err_t err = produce(s, p);

        next = p->next;
        if (err && err != RD_KAFKA_RESP_ERR__FATAL)
            queue_report(s, p, err);
    }
}

/* No other producer would do better until somebody changes the cluster: the records' owner decides
 * what becomes of them. */
static bool is_final(rd_kafka_resp_err_t fatal)
{
    return is_denial(fatal) || fatal == RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE;
}

static void make_next(struct kafka_sink *s)
{
    struct err e = {0};

    if (!sent_ring_is_empty(&s->refused))
        s->bounds.batch_bytes = s->smaller_bytes;
    s->is_wanted = false;
    if (make_producer(s, &e) < 0) {
        back_off(s);
        log_plain(s->client.log, LOG_ERROR, "Kafka producer cannot be made anew", e.text);
        return;
    }
    s->fatal = RD_KAFKA_RESP_ERR_NO_ERROR;
    send_again(s);
}

static void end_burial(struct kafka_sink *s)
{
    errand_end(s->burial);
    s->burial = NULL;
    s->client.rk = NULL;
    if (!is_final(s->fatal))
        return;
    queue_reports(s, &s->refused, s->fatal);
    queue_reports(s, &s->in_flight, s->fatal);
}

static bool is_needed(const struct kafka_sink *s)
{
    return s->is_wanted || !sent_ring_is_empty(&s->in_flight) || !sent_ring_is_empty(&s->refused);
}

static bool is_ready(const struct kafka_sink *s)
{
    return s->client.rk && !s->burial;
}

static void make_anew(struct kafka_sink *s)
{
    if (s->burial && !errand_is_done(s->burial, 0))
        return;
    if (s->burial)
        end_burial(s);
    if (is_needed(s) && kafka_now_ms() >= s->retry_at_ms)
        make_next(s);
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
    else if (!sent_ring_is_empty(&s->refused) && sent_ring_is_empty(&s->in_flight))
        use_smaller_batches(s);
}

/* ---- the port ---- */

static enum send_result send_record(void *self, const struct outgoing *o, uint64_t tag,
                                    struct sink_report *r)
{
    struct kafka_sink *s = self;
    struct sent *sent;
    rd_kafka_resp_err_t err;

    s->is_wanted |= !is_ready(s);
    if (s->is_wanted && is_final(s->fatal)) {
        fill_report(s, r, tag, s->fatal);
        return SEND_FAILED;
    }
    if (s->is_wanted || !sent_ring_is_empty(&s->refused) || s->bytes >= s->bounds.queue_bytes)
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
    fill_report(s, r, tag, err);
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
    fill_report(s, r, first->tag, first->err);
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
    const struct sent *const rings[] = {&s->in_flight, &s->refused, &s->reported};
    uint64_t first = UINT64_MAX;

    for (size_t i = 0; i < sizeof(rings) / sizeof(rings[0]); i++)
        for (const struct sent *p = rings[i]->next; p != rings[i]; p = p->next)
            first = p->tag < first ? p->tag : first;
    return first;
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
    sent_ring_init(&s->refused);
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
    forget_ring(s, &s->refused);
    forget_ring(s, &s->reported);
    free(s);
}
