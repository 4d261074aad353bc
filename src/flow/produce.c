#include "flow/produce.h"

#include <stdio.h>
#include <string.h>

#include "model/traceparent.h"

#define MAX_SLEEP_MS   200
#define INPUT_SLEEP_MS 20
#define BURST          1000

#define MAX_ID_BYTES 63 /* a longer key is no id */

void produce_init(struct produce *p, const struct produce_policy *policy,
                  const struct produce_input *input, const struct sink *sink, int64_t now_ms)
{
    *p = (struct produce){.policy = *policy, .input = input, .sink = sink, .due_ms = now_ms};
}

void produce_stop(struct produce *p)
{
    p->is_ended = true;
    if (p->has_item)
        p->dropped = p->item.position;
    p->has_item = false;
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
    return a == 0 || (b != 0 && b < a) ? b : a;
}

static void fail_one(struct produce *p, uint64_t position, const char *why)
{
    p->counts.failed++;
    p->counts.first_failed = earlier(p->counts.first_failed, position);
    snprintf(p->counts.last_failure, sizeof(p->counts.last_failure), "%s", why);
}

static void take_reports(struct produce *p)
{
    struct sink_report r;

    while (p->sink->next_report(p->sink->self, &r)) {
        if (r.status == SINK_OK)
            p->counts.acknowledged++;
        else
            fail_one(p, r.tag, r.text);
    }
}

#define LITERAL(text) text, sizeof(text) - 1

static size_t add_header(struct header *list, size_t count, const char *name, const char *value,
                         size_t value_len)
{
    list[count] = (struct header){.name = name, .value = value, .value_len = value_len};
    return count + 1;
}

/* CloudEvents 1.0, Kafka protocol binding, binary mode. */
static enum send_result send_item(struct produce *p, struct sink_report *failure)
{
    const struct produce_item *item = &p->item;
    struct header headers[8];
    size_t n = 0;
    char trace[TRACEPARENT_SIZE];
    struct outgoing out;

    n = add_header(headers, n, "content-type", LITERAL("application/json"));
    if (item->key && item->key_len <= MAX_ID_BYTES) {
        const char *time = rfc3339_text(&p->time, item->timestamp_ms);

        n = add_header(headers, n, "ce_specversion", LITERAL("1.0"));
        n = add_header(headers, n, "ce_id", item->key, item->key_len);
        n = add_header(headers, n, "ce_source", LITERAL("producer-service"));
        n = add_header(headers, n, "ce_type", LITERAL("order.created"));
        n = add_header(headers, n, "ce_time", time, RFC3339_SIZE - 1);
    }
    if (item->correlation_id && traceparent_from_uuid(item->correlation_id, trace))
        n = add_header(headers, n, "traceparent", trace, TRACEPARENT_SIZE - 1);
    out = (struct outgoing){
        .topic = p->policy.topic,
        .partition_hint = -1,
        .key = item->key,
        .key_len = item->key_len,
        .value = item->value,
        .value_len = item->value_len,
        .headers = headers,
        .header_count = n,
    };
    return p->sink->send(p->sink->self, &out, item->position, failure);
}

/* Takes the next order from the input. Returns 1 when there is one, 0 when not now, -1 when it
 * failed. */
static int take_item(struct produce *p, int64_t wall_ms, struct err *e)
{
    if (p->has_item)
        return 1;
    switch (p->input->next(p->input->self, wall_ms, &p->item, e)) {
    case PRODUCE_ITEM:
        p->has_item = true;
        return 1;
    case PRODUCE_NOTHING_YET:
        return 0;
    case PRODUCE_END:
        p->is_read_out = true;
        produce_stop(p);
        return 0;
    case PRODUCE_FAILED:
        produce_stop(p);
        return -1;
    }
    return -1;
}

/* Returns true when the sink took the order or refused it for good, false when it has no room now.
 */
static bool hand_over(struct produce *p)
{
    struct sink_report failure;

    switch (send_item(p, &failure)) {
    case SEND_FULL:
        return false;
    case SEND_TAKEN:
        p->counts.sent++;
        break;
    case SEND_FAILED:
        fail_one(p, p->item.position, failure.text);
        break;
    }
    p->handed_over++;
    p->has_item = false;
    return true;
}

static bool is_counted_out(const struct produce *p)
{
    return p->policy.count > 0 && p->handed_over >= p->policy.count;
}

static int sleep_until(int64_t due_ms, int64_t now_ms)
{
    int64_t ms = due_ms - now_ms;

    return ms <= 0 ? 0 : ms > MAX_SLEEP_MS ? MAX_SLEEP_MS : (int)ms;
}

int produce_turn(struct produce *p, int64_t now_ms, int64_t wall_ms, struct err *e)
{
    take_reports(p);
    for (int i = 0; i < BURST && !p->is_ended; i++) {
        int rc;

        if (now_ms < p->due_ms)
            return sleep_until(p->due_ms, now_ms);
        rc = take_item(p, wall_ms, e);
        if (rc < 0)
            return -1;
        if (rc == 0)
            return p->is_ended ? 0 : INPUT_SLEEP_MS;
        if (!hand_over(p))
            return 10; /* a report wakes us earlier */
        if (p->policy.interval_ms > 0)
            p->due_ms = now_ms + p->policy.interval_ms;
        if (is_counted_out(p)) {
            p->is_read_out = true;
            produce_stop(p);
        }
    }
    return p->is_ended ? MAX_SLEEP_MS : 0;
}

bool produce_is_done(const struct produce *p)
{
    return p->is_ended && p->sink->in_flight(p->sink->self) == 0;
}

bool produce_was_cut_short(const struct produce *p)
{
    return p->is_ended && !p->is_read_out;
}

uint64_t produce_first_open(const struct produce *p)
{
    uint64_t in_flight = p->sink->in_flight(p->sink->self) ? p->sink->first_tag(p->sink->self) : 0;

    return earlier(earlier(p->counts.first_failed, in_flight), p->dropped);
}
