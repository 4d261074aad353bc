#include "processor/exchange.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/base64.h"
#include "base/json_writer.h"
#include "base/utf8.h"
#include "model/json_reader.h"

#define MEMBERS_ROOM 512 /* for all members but key, headers and order, in the usual case */
#define ID_MAX_BYTES 512

/* ---- requests ---- */

static void write_base64(struct json_writer *w, const char *key, const char *bytes, size_t len)
{
    struct strbuf text = {0};

    base64_encode(&text, bytes, len);
    json_string_n(w, key, strbuf_text(&text), text.len);
    strbuf_release(&text);
}

static void write_key(struct json_writer *w, const struct message *m)
{
    if (!m->key)
        json_null(w, "key");
    else if (utf8_valid(m->key, m->key_len, NULL))
        json_string_n(w, "key", m->key, m->key_len);
    else
        write_base64(w, "key_base64", m->key, m->key_len);
}

/* Of several of one name the last one counts, as with Kafka's own lastHeader. */
static bool is_hidden(const struct header *headers, size_t count, size_t i)
{
    for (size_t k = i + 1; k < count; k++)
        if (strcmp(headers[k].name, headers[i].name) == 0)
            return true;
    return false;
}

static bool is_text(const struct header *h)
{
    return !h->value || utf8_valid(h->value, h->value_len, NULL);
}

/* The name as it stands between quotes. */
static const char *escaped_name(const char *name, struct strbuf *out)
{
    struct json_writer w = json_writer_on(out);

    strbuf_reset(out);
    json_string(&w, NULL, name);
    strbuf_cut(out, out->len - 1);
    return out->data + 1;
}

static void write_headers(struct json_writer *w, const char *member, bool texts,
                          const struct header *headers, size_t count)
{
    struct strbuf name = {0};

    json_begin_object(w, member);
    for (size_t i = 0; i < count; i++) {
        const struct header *h = &headers[i];

        if (is_text(h) != texts || is_hidden(headers, count, i) ||
            !utf8_valid(h->name, strlen(h->name), NULL))
            continue;
        if (!h->value)
            json_null(w, escaped_name(h->name, &name));
        else if (texts)
            json_string_n(w, escaped_name(h->name, &name), h->value, h->value_len);
        else
            write_base64(w, escaped_name(h->name, &name), h->value, h->value_len);
    }
    json_end_object(w);
    strbuf_release(&name);
}

static void write_order(struct json_writer *w, const struct attempt *a)
{
    const struct message *m = a->message;

    if (a->order->is_compact) {
        json_raw(w, "order", m->value, m->value_len);
        return;
    }
    json_raw(w, "order", NULL, 0);
    json_minify(m->value, m->value_len, w->out);
}

static bool are_all_texts(const struct header *headers, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!is_text(&headers[i]))
            return false;
    return true;
}

void exchange_write(const struct attempt *a, const struct header *headers, size_t header_count,
                    int64_t timeout_ms, struct strbuf *out)
{
    const struct message *m = a->message;
    struct json_writer w = json_writer_on(out);
    char id[ID_MAX_BYTES];

    snprintf(id, sizeof(id), "%s/%" PRId32 "/%" PRId64, m->topic, m->partition, m->offset);
    strbuf_reserve(out, MEMBERS_ROOM + m->key_len + m->value_len);
    json_begin_object(&w, NULL);
    json_string(&w, "id", id);
    json_int(&w, "attempt", a->number);
    json_int(&w, "timeout_ms", timeout_ms);
    json_string(&w, "topic", m->topic);
    json_int(&w, "partition", m->partition);
    json_int(&w, "offset", m->offset);
    if (m->timestamp_ms >= 0)
        json_int(&w, "timestamp_ms", m->timestamp_ms);
    else
        json_null(&w, "timestamp_ms");
    write_key(&w, m);
    write_headers(&w, "headers", true, headers, header_count);
    if (!are_all_texts(headers, header_count))
        write_headers(&w, "headers_base64", false, headers, header_count);
    write_order(&w, a);
    json_end_object(&w);
    strbuf_addc(out, '\n');
}

/* ---- answers ---- */

static const struct {
    const char *name;
    enum attempt_verdict verdict;
} results[] = {
    {"ok", ATTEMPT_OK},
    {"retry", ATTEMPT_RETRY},
    {"reject", ATTEMPT_REJECT},
};

/* Digits up to the end. Returns the number, or -1. */
static int64_t read_digits(const char *text, size_t len)
{
    const struct scan_value v = {.kind = JSON_NUMBER, .text = text, .len = len};
    int64_t n;

    return len > 0 && text[0] != '-' && scan_int(&v, &n) == 0 ? n : -1;
}

/* topic/partition/offset; some encoders escape the slashes. */
static int read_id(struct exchange_answer *answer, const char *topic, const struct scan_value *id)
{
    char text[ID_MAX_BYTES];
    size_t len = id->kind == JSON_STRING ? scan_text(id, text, sizeof(text)) : 0;
    size_t topic_len = strlen(topic);
    const char *rest = text + topic_len + 1;
    const char *slash;
    int64_t partition;

    if (len <= topic_len || memcmp(text, topic, topic_len) != 0 || text[topic_len] != '/')
        return -1;
    len -= topic_len + 1;
    slash = memchr(rest, '/', len);
    if (!slash)
        return -1;
    partition = read_digits(rest, (size_t)(slash - rest));
    answer->offset = read_digits(slash + 1, len - (size_t)(slash - rest) - 1);
    if (partition < 0 || partition > INT32_MAX || answer->offset < 0)
        return -1;
    answer->partition = (int32_t)partition;
    return 0;
}

static void read_result(struct exchange_answer *answer, const struct scan_value *value)
{
    for (size_t i = 0; i < sizeof(results) / sizeof(results[0]); i++) {
        if (!scan_is(value, results[i].name))
            continue;
        answer->has_verdict = true;
        answer->verdict = results[i].verdict;
    }
}

static bool says_something(const struct scan_value *value)
{
    return value->kind != JSON_NULL;
}

int exchange_read(struct exchange_answer *answer, const char *topic, const char *text, size_t len)
{
    struct scan s;
    struct scan_value key;
    struct scan_value value;
    struct scan_value id = {0};
    int rc;

    *answer = (struct exchange_answer){0};
    if (scan_begin(&s, text, len) < 0)
        return -1;
    while ((rc = scan_member(&s, &key, &value)) == 1) {
        if (scan_is(&key, "id"))
            id = value;
        else if (scan_is(&key, "result"))
            read_result(answer, &value);
        else if (scan_is(&key, "retry_after_ms"))
            scan_int(&value, &answer->retry_after_ms);
        else if (scan_is(&key, "error") && says_something(&value))
            answer->error = value;
        else if (scan_is(&key, "receipt") && says_something(&value))
            answer->receipt = value;
    }
    if (answer->retry_after_ms < 0)
        answer->retry_after_ms = 0;
    return rc < 0 ? -1 : read_id(answer, topic, &id);
}
