#include "io/kafka_sink.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "io/async_call.h"
#include "io/kafka_client.h"
#include "io/kafka_internal.h"
#include "io/kafka_login.h"
#include "io/pending_record.h"
#include "model/log_event.h"

#define ROOMY_KBYTES      2097151 /* the most that all versions of librdkafka take */
#define ROOMY_KBYTES_TEXT "2097151"
#define ZSTD_LEVEL        "1" /* not 3, its default: orders take 4 % more and less CPU */

#define CLOSE_MS        1000
#define RETRY_MS        100 /* before a producer that ended at once is made again; then doubled */
#define RETRY_MAX_MS    30000
#define BATCH_REDUCTION 10 /* times smaller, after one was too large */

/* What the producers of a sink are configured with. */
struct bounds {
    size_t queue_bytes; /* of all records that were taken and not reported */
    size_t batch_bytes; /* of one batch, before compression; a larger record is alone in its own */
};

struct kafka_sink {
    /* The callbacks have its address for ours. Without a handle when the next producer was not made
     * yet. */
    struct kafka_client client;
    const struct config *cfg;
    struct kafka_sink_options options;
    struct bounds bounds;
    struct async_call
        *destroy_call; /* open while the handle is being destroyed: it is not to be used */
    struct pending_record in_flight; /* head of a ring, in the order they were taken */
    struct pending_record
        refused; /* head of a ring: their batch was refused, they go in smaller ones */
    struct pending_record reported; /* head of a ring, in the order of the reports */
    size_t count;                   /* in all three */
    size_t bytes;                   /* likewise */
    size_t smaller_bytes;           /* of the batches in which the refused ones go */
    rd_kafka_resp_err_t fatal;      /* of the last producer, until the next one is made */
    bool is_wanted;                 /* something was to be sent while there was none */
    int64_t retry_delay_ms;         /* 0 once a record was acknowledged */
    int64_t retry_at_ms;            /* no producer is made before */
    bool is_denied;    /* the right to write is missing, until a record was acknowledged */
    struct err denial; /* not taken yet */
};

/* ---- how a producer is configured ---- */

static int32_t choose_partition(const rd_kafka_topic_t *topic, const void *key, size_t key_len,
                                int32_t count, void *topic_opaque, void *opaque)
{
    const struct pending_record *sent = opaque;

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
static int take_queue_bytes(rd_kafka_conf_t *conf, size_t *bytes, struct err *e)
{
    const char *name = "queue.buffering.max.kbytes";
    int64_t kbytes = number_of(conf, name);

    *bytes = (size_t)kbytes * 1024;
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

static int bound_batches(rd_kafka_conf_t *conf, size_t *bytes, struct err *e)
{
    char text[32];
    int64_t configured = number_of(conf, "batch.size");
    int64_t largest = number_of(conf, "message.max.bytes");

    if (*bytes == 0) {
        *bytes = (size_t)(configured < largest ? configured : largest);
        return 0;
    }
    snprintf(text, sizeof(text), "%zu", *bytes);
    return kafka_conf_set(conf, "batch.size", text, ERR_RUNTIME, e);
}

/* A configuration of an idempotent producer; the opaque of each message must be its
 * `struct pending_record`. Sets both bounds as it is configured; a batch_bytes other than 0 comes
 * before what the user configured. Returns NULL with ERR_USAGE, or ERR_RUNTIME. The caller owns it
 * until it goes to rd_kafka_new. */
static rd_kafka_conf_t *make_conf(const struct config *cfg,
                                  const struct kafka_sink_options *options, struct bounds *bounds,
                                  struct err *e)
{
    const struct kafka_property role[] = {
        {.name = "enable.idempotence", .value = "true", .is_fixed = true},
        {.name = "acks", .value = "all", .is_fixed = true},
        {.name = "compression.type", .value = "zstd"},
        {.name = "linger.ms", .value = options->linger_ms},
        {.name = "topic.metadata.propagation.max.ms", .value = options->topic_wait_ms},
        {.name = "allow.auto.create.topics", .value = options->leaves_topics ? "false" : "true"},
        /* The broker being away is no reason to give a record up. */
        {.name = "message.timeout.ms", .value = "0", .is_fixed = true},
        /* Without all reports nobody knows what was acknowledged. */
        {.name = "delivery.report.only.error", .value = "false", .is_fixed = true},
        /* What is too large is the topic's to say: the default would refuse what it takes. */
        {.name = "message.max.bytes", .value = "1000000000"},
        {.name = "queue.buffering.max.messages", .value = "100000"},
        /* What lies in the CPU's cache is sent faster than ten times as much. */
        {.name = "queue.buffering.max.kbytes",
         .value = options->queue_kbytes ? options->queue_kbytes : "16384"},
    };
    rd_kafka_conf_t *conf = kafka_conf_new(cfg, role, sizeof(role) / sizeof(role[0]), e);

    if (!conf)
        return NULL;
    if (take_queue_bytes(conf, &bounds->queue_bytes, e) < 0 ||
        bound_batches(conf, &bounds->batch_bytes, e) < 0 || choose_level(conf, e) < 0) {
        rd_kafka_conf_destroy(conf);
        return NULL;
    }
    rd_kafka_topic_conf_set_partitioner_cb(rd_kafka_conf_get_default_topic_conf(conf),
                                           choose_partition);
    return conf;
}

/* ---- what was sent ---- */

static void keep_sent(struct kafka_sink *s, struct pending_record *sent)
{
    pending_ring_add(&s->in_flight, sent);
    s->count++;
    s->bytes += sent->size;
    kafka_client_idle(&s->client, false);
}

static void forget_sent(struct kafka_sink *s, struct pending_record *sent)
{
    pending_ring_remove(sent);
    s->count--;
    s->bytes -= sent->size;
    kafka_client_idle(&s->client, s->count == 0);
    free(sent);
}

static void forget_ring(struct kafka_sink *s, struct pending_record *ring)
{
    for (struct pending_record *p = ring->next, *next; p != ring; p = next) {
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

static rd_kafka_resp_err_t produce(struct kafka_sink *s, struct pending_record *sent)
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

static void queue_report(struct kafka_sink *s, struct pending_record *sent, rd_kafka_resp_err_t err)
{
    sent->err = err;
    pending_ring_remove(sent);
    pending_ring_add(&s->reported, sent);
}

static void queue_reports(struct kafka_sink *s, struct pending_record *ring,
                          rd_kafka_resp_err_t err)
{
    while (!pending_ring_is_empty(ring))
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
static bool was_alone(const struct kafka_sink *s, const struct pending_record *sent)
{
    return sent->record.key_len + sent->record.value_len + 1 >= s->bounds.batch_bytes;
}

/* Returns true when the record was refused as part of a batch and is to be sent again. */
static bool set_aside(struct kafka_sink *s, struct pending_record *sent, rd_kafka_resp_err_t err)
{
    size_t bytes = smaller_batch(s, err);

    if (bytes == 0 || was_alone(s, sent))
        return false;
    if (pending_ring_is_empty(&s->refused) || bytes < s->smaller_bytes)
        s->smaller_bytes = bytes;
    pending_ring_remove(sent);
    pending_ring_add(&s->refused, sent);
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
    struct pending_record *sent = m->_private;

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
    rd_kafka_conf_t *conf = make_conf(s->cfg, &s->options, &s->bounds, e);

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
static bool begin_destroy(struct kafka_sink *s)
{
    s->destroy_call = kafka_client_destroy(&s->client, s->client.wake_fd);
    return s->destroy_call;
}

/* A fatal error of an idempotent producer ends that producer, not the records. */
static void give_up_producer(struct kafka_sink *s)
{
    char why[512];

    s->fatal = rd_kafka_fatal_error(s->client.rk, why, sizeof(why));
    note_denial(s, s->fatal);
    if (!begin_destroy(s))
        return;
    back_off(s);
    log_with(s->client.log, EVENT_KAFKA_PRODUCER_REPLACED, why,
             LOG_INT("in_flight", (int64_t)s->count));
}

/* Once all that was sent is reported, so that nothing is sent twice. */
static void use_smaller_batches(struct kafka_sink *s)
{
    if (!begin_destroy(s))
        return;
    log_with(s->client.log, EVENT_KAFKA_BATCH_REFUSED, NULL,
             LOG_INT("batch_bytes", (int64_t)s->smaller_bytes));
}

/* In the order in which they were taken. Some of them may be on the topic already; that is
 * at-least-once. */
static void send_again(struct kafka_sink *s)
{
    pending_ring_put_first(&s->in_flight, &s->refused);
    for (struct pending_record *p = s->in_flight.next, *next; p != &s->in_flight; p = next) {
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

    if (!pending_ring_is_empty(&s->refused))
        s->bounds.batch_bytes = s->smaller_bytes;
    s->is_wanted = false;
    if (make_producer(s, &e) < 0) {
        back_off(s);
        log_plain(s->client.log, EVENT_KAFKA_PRODUCER_NOT_REPLACED, e.text);
        return;
    }
    s->fatal = RD_KAFKA_RESP_ERR_NO_ERROR;
    send_again(s);
}

static void end_destroy(struct kafka_sink *s)
{
    async_call_end(s->destroy_call);
    s->destroy_call = NULL;
    s->client.rk = NULL;
    if (!is_final(s->fatal))
        return;
    queue_reports(s, &s->refused, s->fatal);
    queue_reports(s, &s->in_flight, s->fatal);
}

static bool is_needed(const struct kafka_sink *s)
{
    return s->is_wanted || !pending_ring_is_empty(&s->in_flight) ||
           !pending_ring_is_empty(&s->refused);
}

static bool is_ready(const struct kafka_sink *s)
{
    return s->client.rk && !s->destroy_call;
}

static void make_anew(struct kafka_sink *s)
{
    if (s->destroy_call && !async_call_is_done(s->destroy_call, 0))
        return;
    if (s->destroy_call)
        end_destroy(s);
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
    else if (!pending_ring_is_empty(&s->refused) && pending_ring_is_empty(&s->in_flight))
        use_smaller_batches(s);
}

/* ---- the port ---- */

static enum send_result send_record(void *self, const struct outgoing *o, uint64_t tag,
                                    struct sink_report *r)
{
    struct kafka_sink *s = self;
    struct pending_record *sent;
    rd_kafka_resp_err_t err;

    s->is_wanted |= !is_ready(s);
    if (s->is_wanted && is_final(s->fatal)) {
        fill_report(s, r, tag, s->fatal);
        return SEND_FAILED;
    }
    if (s->is_wanted || !pending_ring_is_empty(&s->refused) || s->bytes >= s->bounds.queue_bytes)
        return SEND_FULL;
    sent = pending_record_new(o, tag);
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
    struct pending_record *first = s->reported.next;

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
    const struct pending_record *const rings[] = {&s->in_flight, &s->refused, &s->reported};
    uint64_t first = UINT64_MAX;

    for (size_t i = 0; i < sizeof(rings) / sizeof(rings[0]); i++)
        for (const struct pending_record *p = rings[i]->next; p != rings[i]; p = p->next)
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
    pending_ring_init(&s->in_flight);
    pending_ring_init(&s->refused);
    pending_ring_init(&s->reported);
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
        s->destroy_call = kafka_client_destroy(&s->client, -1);
    is_gone = s->destroy_call ? async_call_is_done(s->destroy_call, timeout_ms) : !s->client.rk;
    async_call_end(s->destroy_call);
    return is_gone;
}

int kafka_sink_renew_login(struct kafka_sink *s, struct err *e)
{
    return s && is_ready(s) ? kafka_login_renew(s->client.rk, s->cfg, e) : 0;
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
