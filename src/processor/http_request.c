#include "processor/http_request.h"

#include <inttypes.h>
#include <string.h>

#include "base/rfc3339.h"
#include "model/traceparent.h"

#define DEFAULT_TYPE "order"

/* Of several of one name the last one counts. */
static const struct header *find(const struct header *headers, size_t count, const char *name)
{
    while (count-- > 0)
        if (headers[count].value && strcmp(headers[count].name, name) == 0)
            return &headers[count];
    return NULL;
}

static bool is_graphic(char c)
{
    return c > ' ' && c <= '~';
}

/* Percent-encoded as the HTTP binding of CloudEvents has it, so that any bytes make one line. */
static void add_value(struct strbuf *out, const char *value, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        char c = value[i];

        if (is_graphic(c) && c != '"' && c != '%')
            strbuf_addc(out, c);
        else
            strbuf_addf(out, "%%%02X", (unsigned)(unsigned char)c);
    }
}

static void end_line(struct strbuf *out)
{
    strbuf_addc(out, '\0');
}

static void add_id(struct strbuf *out, const char *name, const struct message *m)
{
    strbuf_addf(out, "%s: %s/%" PRId32 "/%" PRId64, name, m->topic, m->partition, m->offset);
    end_line(out);
}

static void add_source(struct strbuf *out, const struct message *m, const struct header *own)
{
    strbuf_adds(out, "ce-source: ");
    if (own && own->value_len > 0)
        add_value(out, own->value, own->value_len);
    else
        strbuf_addf(out, "kafka:%s", m->topic);
    end_line(out);
}

static void add_type(struct strbuf *out, const struct order *o, const struct header *own)
{
    const char *type = o->metadata.event_type;

    strbuf_adds(out, "ce-type: ");
    if (own && own->value_len > 0)
        add_value(out, own->value, own->value_len);
    else if (type && *type)
        add_value(out, type, strlen(type));
    else
        strbuf_adds(out, DEFAULT_TYPE);
    end_line(out);
}

static void add_time(struct strbuf *out, const struct message *m)
{
    char text[RFC3339_SIZE];

    if (m->timestamp_ms < 0)
        return;
    rfc3339_format(m->timestamp_ms, text);
    strbuf_addf(out, "ce-time: %s", text);
    end_line(out);
}

static bool is_token(const struct header *h)
{
    for (size_t i = 0; i < h->value_len; i++)
        if (!is_graphic(h->value[i]))
            return false;
    return h->value_len > 0;
}

static void add_traceparent(struct strbuf *out, const struct order *o, const struct header *own)
{
    char made[TRACEPARENT_SIZE];

    if (own && is_token(own)) {
        strbuf_adds(out, "traceparent: ");
        strbuf_add(out, own->value, own->value_len);
        end_line(out);
    } else if (o->metadata.correlation_id &&
               traceparent_from_uuid(o->metadata.correlation_id, made)) {
        strbuf_addf(out, "traceparent: %s", made);
        end_line(out);
    }
}

/* An empty `expect` keeps libcurl from waiting for leave to send a large body. */
void http_request_headers(const struct attempt *a, const struct header *headers, size_t count,
                          struct strbuf *out)
{
    static const char fixed[] = "content-type: application/json\0expect:\0ce-specversion: 1.0";
    const struct message *m = a->message;

    strbuf_add(out, fixed, sizeof(fixed));
    add_id(out, "ce-id", m);
    add_source(out, m, find(headers, count, "ce_source"));
    add_type(out, a->order, find(headers, count, "ce_type"));
    add_time(out, m);
    add_id(out, "idempotency-key", m);
    strbuf_addf(out, "order-attempt: %d", a->number);
    end_line(out);
    add_traceparent(out, a->order, find(headers, count, "traceparent"));
}
