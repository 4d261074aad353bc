#include "view/report.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/printable.h"
#include "base/rfc3339.h"
#include "view/figure.h"
#include "view/health.h"

#define TEXT_MOST 3 /* rows of what may be many */

/* ---- text ---- */

static void line(struct strbuf *out, const char *name, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

static void line(struct strbuf *out, const char *name, const char *fmt, ...)
{
    char value[512];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(value, sizeof(value), fmt, ap);
    va_end(ap);
    strbuf_addf(out, "%-18s ", name);
    printable_add(out, value, strlen(value), sizeof(value)); /* it comes from files too */
    strbuf_addc(out, '\n');
}

static struct text_buffer text_of(enum figure_table table, const char *name, const void *of)
{
    return figure_text(figure_named(table, name), of);
}

static void text_health(const struct figures *f, struct strbuf *out)
{
    int order[HEALTH_RULES];
    char at[RFC3339_SIZE];

    rfc3339_format(f->now_ms, at);
    line(out, "health:", "%s (%d of %d checks passed)", level_name(f->health.level),
         f->health.passed, HEALTH_RULES);
    line(out, "at:", "%s", at);
    line(out, "state:", "%s", flow_state_name(f->state));
    health_ranking(&f->health, order);
    for (int i = 0; i < HEALTH_RULES; i++) {
        const struct health_finding *found = &f->health.findings[order[i]];

        line(out, "", "%s %-10s %s", level_symbol(found->level), health_rule_name(order[i]),
             found->text);
    }
}

static const char *short_mark(const struct figure_rate *rate)
{
    return isfinite(rate->per_second) && rate->is_short ? " (window not yet full)" : "";
}

/* "label:  before value unit after" of a figure in the table of the flow. */
static void put(struct strbuf *out, const struct figures *f, const char *name, const char *before,
                const char *after)
{
    const struct figure *figure = figure_named(FIGURE_OF_FLOW, name);
    char label[40];

    snprintf(label, sizeof(label), "%s:", figure->label);
    line(out, label, "%s%s%s", before, figure_text(figure, f).text, after);
}

/* The same with the figure of a window behind it. */
static void put_with(struct strbuf *out, const struct figures *f, const char *name,
                     const char *window, const char *window_figure)
{
    char after[64];

    snprintf(after, sizeof(after), " (%s: %s)", window,
             text_of(FIGURE_OF_FLOW, window_figure, f).text);
    put(out, f, name, "", after);
}

static void text_flow(const struct figures *f, struct strbuf *out)
{
    put(out, f, "rate_10s", "", short_mark(&f->rate_10s));
    put(out, f, "rate_60s", "", short_mark(&f->rate_60s));
    put(out, f, "rate_15m", "", short_mark(&f->rate_15m));
    if (isfinite(f->vs_hour_ago))
        put(out, f, "rate_vs_hour_ago", "", "");
    put(out, f, "peak_1s", "", "");
    put(out, f, "received_total", f->totals_complete || f->received < 0 ? "" : ">= ", "");
    put(out, f, "ok_total", "", "");
    put_with(out, f, "failed_total", "60 s", "failed_60s");
    put_with(out, f, "retried_total", "60 s", "retried_60s");
    put_with(out, f, "dlq_total", "60 s", "dlq_60s");
}

static void text_causes(const struct figures *f, struct strbuf *out)
{
    int order[CAUSE_MAX];
    int count = cause_ranking(f->causes, f->now_ms, order);

    for (int i = 0; i < count && i < TEXT_MOST; i++) {
        const struct cause *c = &f->causes->items[order[i]];

        line(out, i ? "" : "top errors:", "%s (60 s: %u, all: %" PRIu64 ", last p%d@%" PRId64 ")",
             c->text, cause_last_minute(c, f->now_ms), c->total, c->partition, c->offset);
    }
}

static void text_orders(const struct figures *f, struct strbuf *out)
{
    const struct order_report *o = &f->orders;

    for (int i = 0; i < o->currency_count && i < TEXT_MOST; i++)
        line(out, i ? "" : "orders 60 s:", "%s, %.2f %s",
             format_count(o->currencies[i].orders).text, (double)o->currencies[i].cents / 100,
             o->currencies[i].name);
}

static void text_latency(const struct figures *f, struct strbuf *out)
{
    static const char *const names[] = {"p50", "p95", "p99", "max", "n"};
    char text[256] = "";
    size_t len = 0;

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        const struct figure *figure = figure_named(FIGURE_OF_LATENCY, names[i]);

        len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%s %s", i ? "  " : "",
                                figure->label, figure_text(figure, f).text);
    }
    line(out, "latency ms 60 s:", "%s", text);
}

static void text_quality(const struct figures *f, struct strbuf *out)
{
    struct text_buffer lag = text_of(FIGURE_OF_LAG, "messages", f);
    char rewinds[48];

    put(out, f, "success_60s", "", "");
    put(out, f, "success_total", "", "");
    text_latency(f, out);
    if (f->lag.max_partition >= 0)
        line(out, "lag:", "%s messages (most on partition %d: %s), %s", lag.text,
             f->lag.max_partition, format_count(f->lag.max_messages).text,
             trend_name(f->lag.trend));
    else
        line(out, "lag:", "%s", lag.text);
    put_with(out, f, "gaps_total", "15 min", "gaps_15m");
    snprintf(rewinds, sizeof(rewinds), ", rewinds %s",
             text_of(FIGURE_OF_FLOW, "rewinds_total", f).text);
    put(out, f, "dups_total", "", rewinds);
    line(out, "partitions:", "%d", f->partition_count);
    text_orders(f, out);
    text_causes(f, out);
}

static void text_reader(const struct reader *r, const char *name, struct strbuf *out)
{
    static const char *const states[] = {"not found", "open", "cannot be read",
                                         "goes to standard error"};

    line(out, name, "%s, %s, %s%s%s", r->path, states[r->state],
         format_bytes(r->state == READER_OPEN ? (double)r->size : NAN).text, r->error ? ", " : "",
         r->error ? strerror(r->error) : "");
    line(out, "",
         "unread %" PRId64 " B, rotations %" PRIu64 ", truncations %" PRIu64 ", malformed %" PRIu64
         ", torn %" PRIu64 ", oversized %" PRIu64,
         r->behind, r->rotations, r->truncations, r->malformed, r->torn, r->oversized);
}

static void text_trackers(const struct figures *f, struct strbuf *out)
{
    for (int i = 0; i < f->tracker_count; i++) {
        const struct figures *t = &f->trackers[i];

        line(out, i ? "" : "trackers:", "%s %-10s %-7s %s  success %s  lag %s",
             level_symbol(t->health.level), t->name, flow_state_name(t->state),
             text_of(FIGURE_OF_TRACKER, "rate_10s", t).text,
             text_of(FIGURE_OF_TRACKER, "success_60s", t).text,
             text_of(FIGURE_OF_TRACKER, "lag", t).text);
    }
}

static void text_ages(const struct figures *f, struct strbuf *out)
{
    char at[RFC3339_SIZE];

    put(out, f, "event_age_ms", "", "");
    put(out, f, "log_age_ms", "", "");
    if (f->since_ms) {
        rfc3339_format(f->since_ms, at);
        line(out, "counted since:", "%s", at);
    }
    if (f->ahead_ms)
        line(out, "clocks:", "the newest event lies %s in the future: clocks disagree",
             format_duration(f->ahead_ms).text);
}

void report_text(const struct figures *f, struct strbuf *out)
{
    text_health(f, out);
    text_trackers(f, out);
    text_flow(f, out);
    text_quality(f, out);
    text_ages(f, out);
    for (int i = 0; i < figures_tracker_rows(f); i++) {
        text_reader(figures_tracker(f, i)->events_reader, "journal:", out);
        text_reader(figures_tracker(f, i)->log_reader, "log:", out);
    }
}

/* ---- Nagios ---- */

/* "name=value[unit];warn;crit;min;max", the last four as `bounds`. */
static void check_number(struct strbuf *out, const char *name, double n, int decimals,
                         const char *bounds)
{
    if (isfinite(n) && n >= 0)
        strbuf_addf(out, " %s=%.*f%s", name, decimals, n, bounds);
    else
        strbuf_addf(out, " %s=U", name);
}

/* A bar would begin the figures. */
static void add_reason(struct strbuf *out, const char *text)
{
    size_t from = out->len;

    printable_add(out, text, strlen(text), SIZE_MAX);
    for (size_t i = from; i < out->len; i++)
        out->data[i] = out->data[i] == '|' ? '/' : out->data[i];
}

void report_check(const struct figures *f, const struct health_limits *limits, struct strbuf *out)
{
    char success[64];
    char latency[64];
    int order[HEALTH_RULES];
    int worst;

    health_ranking(&f->health, order);
    worst = f->health.level == LEVEL_UNKNOWN ? health_unknown_rule(&f->health) : order[0];
    strbuf_addf(out, "%s ", level_name(f->health.level));
    if (f->health.level == LEVEL_OK)
        strbuf_addf(out, "%d of %d checks passed", f->health.passed, HEALTH_RULES);
    else
        strbuf_addf(out, "%s ", health_rule_name(worst));
    if (f->health.level != LEVEL_OK)
        add_reason(out, f->health.findings[worst].text);
    snprintf(success, sizeof(success), "%%;%g:;%g:;0;100", limits->success_warn,
             limits->success_crit);
    snprintf(latency, sizeof(latency), "ms;%" PRId64 ";%" PRId64 ";0", limits->latency_warn_ms,
             limits->latency_crit_ms);
    strbuf_adds(out, " |");
    check_number(out, "rate", f->rate_10s.per_second, 1, ";;;0");
    check_number(out, "success", f->success_60s * 100, 2, success);
    check_number(out, "lag", (double)f->lag.messages, 0, ";;;0");
    check_number(out, "dlq", (double)f->dlq_60s, 0, ";;;0");
    check_number(out, "p99", (double)f->latency.p99, 0, latency);
    strbuf_addc(out, '\n');
}

int report_check_status(const struct figures *f)
{
    static const int statuses[] = {
        [LEVEL_OK] = 0, [LEVEL_UNKNOWN] = 3, [LEVEL_WARN] = 1, [LEVEL_CRIT] = 2};

    return statuses[f->health.level];
}
