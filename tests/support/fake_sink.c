#include "support/fake_sink.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/mem.h"

static const char *keep(struct fake_sink *s, const char *bytes, size_t len)
{
    return bytes ? arena_strndup(&s->arena, bytes, len) : NULL;
}

static void keep_record(struct fake_sink *s, const struct outgoing *o, struct outgoing *copy)
{
    struct header *headers = arena_alloc(&s->arena, (o->header_count + 1) * sizeof(*headers));

    *copy = *o;
    copy->topic = keep(s, o->topic, strlen(o->topic));
    copy->key = keep(s, o->key, o->key_len);
    copy->value = keep(s, o->value, o->value_len);
    copy->headers = headers;
    for (size_t i = 0; i < o->header_count; i++)
        headers[i] = (struct header){
            .name = keep(s, o->headers[i].name, strlen(o->headers[i].name)),
            .value = keep(s, o->headers[i].value, o->headers[i].value_len),
            .value_len = o->headers[i].value_len,
        };
}

static struct fake_send met_by(const struct fake_sink *s, const struct outgoing *o)
{
    if (s->decide)
        return s->decide(s->decide_ctx, o);
    return s->count < s->step_count ? s->steps[s->count] : s->otherwise;
}

static void fill_report(const struct fake_sink *s, size_t i, struct sink_report *r)
{
    const struct fake_sent *sent = &s->sent[i];

    *r = (struct sink_report){
        .tag = sent->tag, .status = sent->met.status, .partition = -1, .offset = -1};
    if (r->status == SINK_OK) {
        r->partition = sent->record.partition_hint < 0 ? 0 : sent->record.partition_hint;
        r->offset = (int64_t)i;
    } else {
        snprintf(r->text, sizeof(r->text), "send %zu refused", i);
    }
}

static enum send_result send_record(void *self, const struct outgoing *o, uint64_t tag,
                                    struct sink_report *r)
{
    struct fake_sink *s = self;
    struct fake_sent sent = {.tag = tag, .met = met_by(s, o)};

    keep_record(s, o, &sent.record);
    sent.is_reported = sent.met.result != SEND_TAKEN;
    if (s->count == s->cap) {
        s->cap = s->cap ? 2 * s->cap : 64;
        s->sent = mem_realloc_array(s->sent, s->cap, sizeof(*s->sent));
    }
    s->sent[s->count++] = sent;
    s->reported += sent.is_reported;
    if (sent.met.result == SEND_FAILED)
        fill_report(s, s->count - 1, r);
    return sent.met.result;
}

static int next_report(void *self, struct sink_report *r)
{
    struct fake_sink *s = self;

    while (s->first_open < s->count && s->sent[s->first_open].is_reported)
        s->first_open++;
    for (size_t i = s->first_open; i < s->count; i++) {
        if (s->sent[i].is_reported || s->sent[i].met.report_later)
            continue;
        s->sent[i].is_reported = true;
        s->reported++;
        fill_report(s, i, r);
        return 1;
    }
    return 0;
}

static size_t in_flight(void *self)
{
    const struct fake_sink *s = self;

    return s->count - s->reported;
}

static uint64_t first_tag(void *self)
{
    const struct fake_sink *s = self;

    for (size_t i = 0; i < s->count; i++)
        if (!s->sent[i].is_reported)
            return s->sent[i].tag;
    fail_msg("nothing is in flight");
    return 0;
}

struct sink fake_sink_port(struct fake_sink *s)
{
    return (struct sink){.self = s,
                         .send = send_record,
                         .next_report = next_report,
                         .in_flight = in_flight,
                         .first_tag = first_tag};
}

void fake_sink_report(struct fake_sink *s, size_t i, enum sink_status status)
{
    assert_true(i < s->count && !s->sent[i].is_reported);
    s->sent[i].met.report_later = false;
    s->sent[i].met.status = status;
}

const char *fake_sink_header(const struct fake_sink *s, size_t i, const char *name)
{
    const struct outgoing *o = &s->sent[i].record;

    for (size_t k = 0; k < o->header_count; k++)
        if (strcmp(o->headers[k].name, name) == 0)
            return o->headers[k].value;
    return NULL;
}

void fake_sink_release(struct fake_sink *s)
{
    arena_release(&s->arena);
    free(s->sent);
    *s = (struct fake_sink){0};
}
