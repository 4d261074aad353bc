#include "model/record.h"

#include <string.h>

#include "base/json_writer.h"
#include "base/rfc3339.h"
#include "base/utf8.h"
#include "model/json_reader.h"

/* Room for all members of a line but the payloads, in the usual case. */
#define MEMBERS_ROOM 768

static const char *const event_names[] = {
    [RECORD_RECEIVED] = "message.received",
    [RECORD_DESERIALIZATION_ERROR] = "message.received.deserialization_error",
    [RECORD_VALIDATION_ERROR] = "message.received.validation_error",
    [RECORD_PROCESSING_ERROR] = "message.received.processing_error",
};

static const char *const outcome_names[] = {
    [RECORD_PROCESSED] = "processed",
    [RECORD_DEAD_LETTERED] = "dead_lettered",
    [RECORD_DROPPED] = "dropped",
};

static const char *const reason_names[] = {
    [RECORD_REASON_NONE] = "NONE",    [RECORD_DESERIALIZE] = "DESERIALIZE",
    [RECORD_VALIDATE] = "VALIDATE",   [RECORD_NULL_VALUE] = "NULL_VALUE",
    [RECORD_TOO_LARGE] = "TOO_LARGE", [RECORD_PROCESS] = "PROCESS",
    [RECORD_TIMEOUT] = "TIMEOUT",
};

const char *record_outcome_name(enum record_outcome outcome)
{
    return outcome_names[outcome];
}

const char *record_reason_name(enum record_reason reason)
{
    return reason_names[reason];
}

enum record_reason record_reason_find(const char *name, size_t len)
{
    for (int i = RECORD_REASON_NONE + 1; i < RECORD_REASON_COUNT; i++)
        if (strlen(reason_names[i]) == len && memcmp(reason_names[i], name, len) == 0)
            return (enum record_reason)i;
    return RECORD_REASON_NONE;
}

/* The text with U+FFFD for each byte that is not UTF-8. */
static void write_cleaned(struct json_writer *w, const char *key, const char *text, size_t len)
{
    struct strbuf clean = {0};
    size_t i = 0;
    uint32_t code;

    while (i < len) {
        size_t n = utf8_decode(text + i, len - i, &code);

        if (n)
            strbuf_add(&clean, text + i, n);
        else
            strbuf_adds(&clean, "\xef\xbf\xbd");
        i += n ? n : 1;
    }
    json_string_n(w, key, strbuf_text(&clean), clean.len);
    strbuf_release(&clean);
}

static void write_text(struct json_writer *w, const char *key, const char *text)
{
    size_t len = strlen(text);

    if (utf8_valid(text, len, NULL))
        json_string_n(w, key, text, len);
    else
        write_cleaned(w, key, text, len);
}

static void write_time(struct json_writer *w, const char *key, int64_t wall_ms)
{
    char text[RFC3339_SIZE];

    rfc3339_format(wall_ms, text);
    json_string_n(w, key, text, RFC3339_SIZE - 1);
}

static void write_key(struct json_writer *w, const struct record *r)
{
    if (r->key)
        json_bytes(w, "kafka_key", "kafka_key_encoding", r->key, r->key_len);
    else
        json_null(w, "kafka_key");
}

static void write_received(struct json_writer *w, const struct record *r)
{
    write_time(w, "timestamp", r->timestamp_ms);
    json_string(w, "event_type", event_names[r->event]);
    write_text(w, "kafka_topic", r->topic);
    json_int(w, "kafka_partition", r->partition);
    json_int(w, "kafka_offset", r->offset);
    if (r->value)
        json_int(w, "message_size", (int64_t)r->value_len);
    else
        json_null(w, "message_size");
    json_bool(w, "deserialized", r->deserialized);
    if (r->error)
        write_text(w, "error", r->error);
    if (r->kafka_timestamp_ms >= 0)
        json_int(w, "kafka_timestamp_ms", r->kafka_timestamp_ms);
    else
        json_null(w, "kafka_timestamp_ms");
    write_key(w, r);
}

static void write_dlq(struct json_writer *w, const struct record *r)
{
    json_begin_object(w, "dlq");
    write_text(w, "topic", r->dlq_topic);
    json_int(w, "partition", r->dlq_partition);
    json_int(w, "offset", r->dlq_offset);
    json_end_object(w);
}

static void write_processor(struct json_writer *w, const struct record *r)
{
    json_begin_object(w, "processor");
    json_string(w, "kind", r->processor);
    if (r->processor_status > 0)
        json_int(w, "status", r->processor_status);
    json_int(w, "ms", r->processor_ms);
    if (r->receipt && utf8_valid(r->receipt, r->receipt_len, NULL))
        json_string_n(w, "receipt", r->receipt, r->receipt_len);
    else if (r->receipt)
        write_cleaned(w, "receipt", r->receipt, r->receipt_len);
    json_end_object(w);
}

static void write_fate(struct json_writer *w, const struct record *r)
{
    json_string(w, "outcome", record_outcome_name(r->outcome));
    if (r->reason != RECORD_REASON_NONE)
        json_string(w, "reason", record_reason_name(r->reason));
    json_int(w, "attempts", r->attempts);
    if (r->processor)
        write_processor(w, r);
    json_int(w, "latency_ms", r->latency_ms);
    if (r->order_id)
        write_text(w, "order_id", r->order_id);
    if (r->dlq_topic)
        write_dlq(w, r);
    if (r->replay)
        json_bool(w, "replay", true);
    if (r->skipped > 0)
        json_int(w, "offsets_skipped", r->skipped);
}

/* What was decodable is known to be UTF-8. */
static void write_payload(struct json_writer *w, const struct record *r)
{
    if (!r->value)
        return;
    if (r->with_raw && r->deserialized)
        json_string_n(w, "raw_message", r->value, r->value_len);
    else if (r->with_raw)
        json_bytes(w, "raw_message", "raw_encoding", r->value, r->value_len);
    if (r->with_order && r->deserialized && r->is_compact) {
        json_raw(w, "order_full", r->value, r->value_len);
    } else if (r->with_order && r->deserialized) {
        json_raw(w, "order_full", NULL, 0);
        json_minify(r->value, r->value_len, w->out);
    }
}

void record_write(const struct record *r, struct strbuf *out)
{
    struct json_writer w = json_writer_on(out);

    strbuf_reserve(out, MEMBERS_ROOM + r->value_len * 5 / 2);
    json_begin_object(&w, NULL);
    write_received(&w, r);
    write_fate(&w, r);
    write_payload(&w, r);
    json_end_object(&w);
    strbuf_addc(out, '\n');
}

static void write_range(const char *event, bool is_recreated, int64_t now_ms, const char *topic,
                        int32_t partition, int64_t from, int64_t to, struct strbuf *out)
{
    struct json_writer w = json_writer_on(out);

    json_begin_object(&w, NULL);
    write_time(&w, "timestamp", now_ms);
    json_string(&w, "event_type", event);
    write_text(&w, "kafka_topic", topic);
    json_int(&w, "kafka_partition", partition);
    json_int(&w, "kafka_offset", from);
    json_int(&w, "from", from);
    json_int(&w, "to", to);
    if (is_recreated)
        json_bool(&w, "recreated", true);
    json_end_object(&w);
    strbuf_addc(out, '\n');
}

void record_write_gap(int64_t now_ms, const char *topic, int32_t partition, int64_t from,
                      int64_t to, struct strbuf *out)
{
    write_range("journal.gap", false, now_ms, topic, partition, from, to, out);
}

void record_write_skip(int64_t now_ms, const char *topic, int32_t partition, int64_t from,
                       int64_t to, struct strbuf *out)
{
    write_range("journal.skip", false, now_ms, topic, partition, from, to, out);
}

void record_write_replay(int64_t now_ms, const char *topic, int32_t partition, int64_t from,
                         int64_t to, struct strbuf *out)
{
    write_range("journal.replay", false, now_ms, topic, partition, from, to, out);
}

void record_write_recreated(int64_t now_ms, const char *topic, int32_t partition, int64_t from,
                            int64_t to, struct strbuf *out)
{
    write_range("journal.replay", true, now_ms, topic, partition, from, to, out);
}
