#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/ascii.h"
#include "base/json_writer.h"
#include "base/rfc3339.h"
#include "base/utf8.h"
#include "view/health.h"
#include "view/report.h"
#include "view/text.h"

static void json_count(struct json_writer *w, const char *key, int64_t n)
{
    if (n < 0)
        json_null(w, key);
    else
        json_int(w, key, n);
}

/* A character that is valid in JSON as it stands, but that a terminal would act upon. */
static bool needs_escape(const char *bytes, size_t len, uint32_t code)
{
    struct glyph g;

    text_next(bytes, len, false, &g);
    return code >= 0x80 && code < 0x10000 && g.code == TEXT_REPLACEMENT && code != TEXT_REPLACEMENT;
}

/* A text of unknown origin: the true characters, the dangerous ones as escapes; bytes that are no
 * UTF-8 as U+FFFD, which is all that JSON can say. */
static void json_safe(struct json_writer *w, const char *key, const char *text)
{
    struct strbuf quoted = {0};
    struct json_writer inner = json_writer_on(&quoted);
    size_t len = strlen(text);
    struct strbuf plain = {0};

    for (size_t at = 0; at < len;) {
        uint32_t code;
        size_t used = utf8_decode(text + at, len - at, &code);

        if (used == 0)
            strbuf_adds(&plain, "\xef\xbf\xbd");
        else
            strbuf_add(&plain, text + at, used);
        at += used ? used : 1;
    }
    json_string(&inner, NULL, strbuf_text(&plain));
    strbuf_reset(&plain);
    for (size_t at = 0; at < quoted.len;) {
        uint32_t code = 0;
        size_t used = utf8_decode(quoted.data + at, quoted.len - at, &code);

        if (needs_escape(quoted.data + at, used, code))
            strbuf_addf(&plain, "\\u%04x", code);
        else
            strbuf_add(&plain, quoted.data + at, used);
        at += used;
    }
    json_raw(w, key, plain.data, plain.len);
    strbuf_release(&plain);
    strbuf_release(&quoted);
}

static const char *lower(const char *name, char out[24])
{
    size_t i = 0;

    for (; i < 23 && name[i]; i++)
        out[i] = ascii_lower(name[i]);
    out[i] = '\0';
    return out;
}

static void json_safe_or_null(struct json_writer *w, const char *key, const char *text)
{
    if (text)
        json_safe(w, key, text);
    else
        json_null(w, key);
}

static void json_health(struct json_writer *w, const struct figures *f)
{
    int order[HEALTH_RULES];
    char name[24];

    json_string(w, "state", lower(flow_state_name(f->state), name));
    json_string(w, "health", lower(level_name(f->health.level), name));
    json_begin_array(w, "reasons");
    health_ranking(&f->health, order);
    for (int i = 0; i < HEALTH_RULES; i++) {
        const struct health_finding *found = &f->health.findings[order[i]];

        if (found->level == LEVEL_OK)
            continue;
        json_begin_object(w, NULL);
        json_string(w, "rule", health_rule_name(order[i]));
        json_string(w, "level", lower(level_name(found->level), name));
        json_safe_or_null(w, "tracker", found->tracker);
        json_safe(w, "text", found->text);
        json_end_object(w);
    }
    json_end_array(w);
}

struct time_text {
    char text[RFC3339_SIZE];
};

static struct time_text rfc3339(int64_t ms)
{
    struct time_text t = {""};

    rfc3339_format(ms, t.text);
    return t;
}

static void json_writer_state(struct json_writer *w, const struct figures *f)
{
    static const char *const names[] = {
        [WRITER_UNKNOWN] = NULL, [WRITER_THERE] = "held", [WRITER_GONE] = "released"};

    json_safe_or_null(w, "tracker_lock", names[f->writer]);
}

static void json_flow(struct json_writer *w, const struct figures *f)
{
    json_number(w, "rate_10s", f->rate_10s.per_second, 1);
    json_number(w, "rate_60s", f->rate_60s.per_second, 1);
    json_number(w, "rate_15m", f->rate_15m.per_second, 1);
    json_count(w, "peak_1s", f->peak);
    json_number(w, "rate_vs_hour_ago", f->vs_hour_ago, 4);
    if (f->since_ms)
        json_string(w, "since", rfc3339(f->since_ms).text);
    else
        json_null(w, "since");
    json_number(w, "bytes_per_second_10s", f->bytes_per_second, 0);
    json_number(w, "message_bytes_mean_60s", f->mean_bytes, 0);
    json_count(w, "received_total", f->received);
    json_count(w, "ok_total", f->ok);
    json_count(w, "failed_total", f->failed);
    json_bool(w, "totals_complete", f->totals_complete);
    json_count(w, "journal_span_ms", f->span_ms);
    json_number(w, "success_60s", f->success_60s, 6);
    json_number(w, "success_total", f->success_total, 6);
    json_count(w, "received_60s", f->received_60s);
    json_count(w, "failed_60s", f->failed_60s);
    json_count(w, "retried_60s", f->retried_60s);
    json_count(w, "retried_total", f->retried);
    json_count(w, "dlq_60s", f->dlq_60s);
    json_count(w, "dlq_total", f->dlq);
    json_count(w, "gaps_total", f->gaps);
    json_count(w, "gaps_15m", f->gaps_15m);
    json_count(w, "dups_total", f->dups);
    json_count(w, "rewinds_total", f->rewinds);
    json_count(w, "event_age_ms", f->event_age_ms);
    json_count(w, "event_ahead_ms", f->ahead_ms);
    json_count(w, "log_age_ms", f->log_age_ms);
    json_writer_state(w, f);
    json_count(w, "gone_age_ms", f->gone_age_ms);
    json_count(w, "silence_ms", f->silence_ms);
    json_number(w, "silence_rate_before", f->silence_ms < 0 ? NAN : f->silence_rate, 1);
    json_count(w, "log_errors_60s", f->errors_60s);
}

static void json_windows(struct json_writer *w, const struct figures *f)
{
    static const char *const keys[WINDOWS] = {"10s", "60s", "15m", "all"};

    json_begin_object(w, "windows");
    for (int i = 0; i < WINDOWS; i++) {
        json_begin_object(w, keys[i]);
        json_count(w, "received", f->windows[i].received);
        json_count(w, "failed", f->windows[i].failed);
        json_count(w, "retried", f->windows[i].retried);
        json_count(w, "dlq", f->windows[i].dlq);
        json_number(w, "success", f->windows[i].success, 6);
        json_end_object(w);
    }
    json_end_object(w);
}

static void json_latency(struct json_writer *w, const struct figures *f)
{
    json_begin_object(w, "latency_ms");
    json_int(w, "n", (int64_t)f->latency.count);
    json_count(w, "p50", f->latency.p50);
    json_count(w, "p95", f->latency.p95);
    json_count(w, "p99", f->latency.p99);
    json_count(w, "max", f->latency.max);
    json_int(w, "resolution_ms", f->latency.resolution);
    json_number(w, "skewed_share", f->skewed, 6);
    json_int(w, "skew_max_ms", f->largest_skew_ms);
    json_end_object(w);
}

static void json_orders(struct json_writer *w, const struct figures *f)
{
    const struct order_report *o = &f->orders;

    json_begin_object(w, "orders_60s");
    json_count(w, "n", f->received < 0 ? -1 : o->orders);
    json_number(w, "items_mean", o->sampled ? (double)o->quantity / (double)o->sampled : NAN, 2);
    json_safe_or_null(w, "top_item", o->top_item);
    json_number(w, "top_item_share",
                o->quantity ? (double)o->top_quantity / (double)o->quantity : NAN, 6);
    json_begin_array(w, "currencies");
    for (int i = 0; i < o->currency_count; i++) {
        json_begin_object(w, NULL);
        json_safe(w, "currency", o->currencies[i].name);
        json_int(w, "n", o->currencies[i].orders);
        json_number(w, "value", (double)o->currencies[i].cents / 100, 2);
        json_end_object(w);
    }
    json_end_array(w);
    json_end_object(w);
}

static void json_lag(struct json_writer *w, const struct figures *f)
{
    json_begin_object(w, "lag");
    json_count(w, "messages", f->lag.messages);
    json_count(w, "max_partition", f->lag.max_partition);
    json_number(w, "age_s", f->lag.age_ms < 0 ? NAN : (double)f->lag.age_ms / 1000.0, 1);
    json_string(w, "trend", trend_name(f->lag.trend));
    json_number(w, "clear_s", f->lag.clear_seconds, 0);
    json_end_object(w);
}

static void json_partitions(struct json_writer *w, const struct figures *f)
{
    json_begin_array(w, "partitions");
    for (int i = 0; i < f->partition_count; i++) {
        const struct figure_partition *p = &f->partitions[i];

        json_begin_object(w, NULL);
        json_safe(w, "topic", p->partition->topic);
        json_int(w, "p", p->partition->number);
        json_safe_or_null(w, "tracker", figures_tracker(f, p->partition->newest_journal)->name);
        json_count(w, "offset", p->partition->has_offset ? p->partition->highest : -1);
        json_count(w, "high", p->high_watermark);
        json_count(w, "lag", p->lag);
        json_number(w, "rate_60s", p->per_second, 1);
        json_number(w, "success_60s", p->success, 6);
        json_count(w, "failed_60s", p->failed);
        json_int(w, "received_total", (int64_t)p->partition->received);
        json_int(w, "failed_total", (int64_t)p->partition->failed);
        json_int(w, "gaps", (int64_t)p->partition->gaps);
        json_int(w, "dups", (int64_t)p->partition->dups);
        json_number(w, "age_s", (double)p->age_ms / 1000.0, 1);
        json_number(w, "behind_s", p->behind_ms < 0 ? NAN : (double)p->behind_ms / 1000.0, 1);
        json_end_object(w);
    }
    json_end_array(w);
}

static void json_causes(struct json_writer *w, const struct figures *f)
{
    int order[CAUSE_MAX];
    int count = cause_ranking(f->causes, f->now_ms, order);
    char example[40];

    json_begin_array(w, "errors_60s");
    for (int i = 0; i < count; i++) {
        const struct cause *c = &f->causes->items[order[i]];

        snprintf(example, sizeof(example), "%d@%" PRId64, c->partition, c->offset);
        json_begin_object(w, NULL);
        json_safe(w, "cause", c->text);
        json_int(w, "count", cause_last_minute(c, f->now_ms));
        json_int(w, "count_15m", cause_last_quarter(c, f->now_ms));
        json_int(w, "total", (int64_t)c->total);
        json_string(w, "first_at", rfc3339(c->first_ms).text);
        json_string(w, "last_at", rfc3339(c->last_ms).text);
        json_string(w, "example", example);
        json_end_object(w);
    }
    json_end_array(w);
}

static void json_trackers(struct json_writer *w, const struct figures *f)
{
    char name[24];

    json_begin_array(w, "trackers");
    for (int i = 0; i < figures_tracker_rows(f); i++) {
        const struct figures *t = figures_tracker(f, i);

        json_begin_object(w, NULL);
        json_safe_or_null(w, "name", t->name);
        json_safe_or_null(w, "events_file", t->events_reader->path);
        json_safe_or_null(w, "log_file", t->log_reader->path);
        json_string(w, "state", lower(flow_state_name(t->state), name));
        json_string(w, "health", lower(level_name(t->health.level), name));
        json_number(w, "rate_10s", t->rate_10s.per_second, 1);
        json_count(w, "received_total", t->received);
        json_count(w, "failed_total", t->failed);
        json_number(w, "success_60s", t->success_60s, 6);
        json_count(w, "dlq_60s", t->dlq_60s);
        json_count(w, "latency_p99_ms", t->latency.p99);
        json_count(w, "lag", t->lag.messages);
        json_count(w, "dups_total", t->dups);
        json_count(w, "rewinds_total", t->rewinds);
        json_count(w, "event_age_ms", t->event_age_ms);
        json_count(w, "log_age_ms", t->log_age_ms);
        json_writer_state(w, t);
        json_count(w, "gone_age_ms", t->gone_age_ms);
        json_int(w, "malformed", (int64_t)t->events_reader->malformed);
        json_end_object(w);
    }
    json_end_array(w);
}

static void json_reader(struct json_writer *w, const struct figures *f)
{
    const struct reader *e = f->events_reader;
    const struct reader *l = f->log_reader;

    json_begin_object(w, "reader");
    json_int(w, "events_bytes_behind", e->behind);
    json_int(w, "log_bytes_behind", l->behind);
    json_count(w, "events_bytes", f->journal_bytes);
    json_int(w, "rotations", (int64_t)e->rotations);
    json_int(w, "truncations", (int64_t)e->truncations);
    json_int(w, "malformed", (int64_t)e->malformed);
    json_int(w, "torn", (int64_t)e->torn);
    json_int(w, "oversized", (int64_t)e->oversized);
    json_int(w, "unfinished_bytes", e->unfinished);
    json_int(w, "log_malformed", (int64_t)l->malformed);
    json_end_object(w);
}

void report_json(const struct figures *f, struct strbuf *out)
{
    struct json_writer w = json_writer_on(out);
    char at[RFC3339_SIZE];

    rfc3339_format(f->now_ms, at);
    json_begin_object(&w, NULL);
    json_int(&w, "schema", 1);
    json_string(&w, "at", at);
    json_health(&w, f);
    json_flow(&w, f);
    json_windows(&w, f);
    json_latency(&w, f);
    json_lag(&w, f);
    json_orders(&w, f);
    json_trackers(&w, f);
    json_partitions(&w, f);
    json_causes(&w, f);
    json_reader(&w, f);
    json_end_object(&w);
    strbuf_addc(out, '\n');
}
