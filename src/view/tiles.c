#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "view/format.h"
#include "view/panel.h"

/* Rows of two columns: label and value on the left, anything on the right. */
static void put_pair(struct screen *s, struct rect r, int i, const char *label, const char *value,
                     const char *right)
{
    struct panel_line l = panel_row(s, r, i);
    struct panel_line at_right = l;
    char padded[32];

    snprintf(padded, sizeof(padded), r.width < 40 ? "%-9s" : "%-11s", label);
    at_right.x = r.x + r.width - 14;
    l.end = l.end < at_right.x ? l.end : at_right.x;
    panel_put(&l, STYLE_TEXT, "%s", padded);
    panel_put(&l, STYLE_TEXT, "%s", value);
    panel_put(&at_right, STYLE_TEXT, "%s", right);
}

/* A rate; "~" when fewer seconds were observed than the window has. */
static struct text_buffer rate_text(const struct figure_rate *rate)
{
    bool is_large = isfinite(rate->per_second) && rate->per_second >= 9999.5;
    struct text_buffer number =
        is_large ? format_short((int64_t)(rate->per_second + 0.5)) : format_rate(rate->per_second);
    struct text_buffer b = {""};

    snprintf(b.text, sizeof(b.text), "%s%.28s",
             isfinite(rate->per_second) && rate->is_short ? "~" : "", number.text);
    return b;
}

static uint64_t bad_lines(const struct reader *r)
{
    return r->malformed + r->torn + r->oversized;
}

/* What is still to be read; where nothing is, what could not be. */
static struct text_buffer read_lag(const struct view *v)
{
    int64_t bytes = v->figures->read_lag_bytes;
    uint64_t bad = bad_lines(v->figures->events_reader) + bad_lines(v->figures->log_reader);
    struct text_buffer b = {""};

    if (bytes == 0 && bad)
        snprintf(b.text, sizeof(b.text), "%.16s bad line%s", format_short((int64_t)bad).text,
                 bad == 1 ? "" : "s");
    else
        snprintf(b.text, sizeof(b.text), bytes < 1000 ? "read lag %s B" : "read lag %sB",
                 format_short(bytes).text);
    return b;
}

#define UNFINISHED_MS 2000

static void put_unfinished(struct panel_line *l, const struct reader *r)
{
    if (r->unfinished_ms > UNFINISHED_MS)
        panel_put(l, STYLE_NOTE, "a line without end, %s",
                  format_bytes((double)r->unfinished).text);
}

/* Where nothing flows any more: what did, in the place of the peak. Returns false when it flows, or
 * when that is not known. */
static bool put_was(struct screen *s, const struct view *v, struct rect r)
{
    double was = v->at_stop ? v->at_stop->rate_10s.per_second : v->figures->silence_rate;
    char text[64];

    if (!(was > 0) || (!v->at_stop && !(v->figures->rate_10s.per_second <= 0)))
        return false;
    snprintf(text, sizeof(text), "was %s msg/s", format_rate(was).text);
    screen_put_right(s, r.x + r.width - 2, r.y + 1, r.width - 16, STYLE_TEXT, text);
    return true;
}

static void put_received(struct screen *s, const struct view *v, struct rect r)
{
    const struct figures *f = v->figures;
    struct text_buffer since = format_moment(f->since_ms, f->now_ms, v->utc_offset_s);
    char value[64];
    char right[64];

    snprintf(value, sizeof(value), "%s%s",
             f->totals_complete || f->received < 0 ? "" : ">= ", format_count(f->received).text);
    if (panel_has_ended(v) && f->totals_complete && !f->since_ms)
        snprintf(right, sizeof(right), "total, final");
    else if (f->since_ms)
        snprintf(right, sizeof(right), "since %.*s", since.text[2] == ':' ? 5 : 6, since.text);
    else
        snprintf(right, sizeof(right), "in %s", format_duration(f->span_ms).text);
    put_pair(s, r, 2, "received", value, right);
}

static void put_bytes(struct screen *s, const struct figures *f, struct rect r, int i)
{
    char value[64];
    char right[64];

    snprintf(right, sizeof(right), "msg %8s", format_bytes(f->mean_bytes).text);
    snprintf(value, sizeof(value), "%s/s", format_bytes(f->bytes_per_second).text);
    put_pair(s, r, i, "bytes", value, right);
}

static void put_hour(struct screen *s, const struct figures *f, struct rect r, int i)
{
    char value[64] = " -";

    if (isfinite(f->vs_hour_ago))
        snprintf(value, sizeof(value), " %+.0f %%", f->vs_hour_ago * 100);
    put_pair(s, r, i, "vs 1h ago", value + (r.width >= 40), "");
}

void panel_flow(struct screen *s, const struct view *v, struct rect r)
{
    const struct figures *f = panel_figures(v);
    bool is_stopped = panel_has_ended(v);
    char value[64];
    char right[64];
    int row = 3;

    screen_box(s, r, v->at_stop ? "Flow at stop" : "Flow",
               v->at_stop   ? "frozen"
               : is_stopped ? v->figures->state == FLOW_GONE ? "gone" : "stopped"
                            : "10 s");
    snprintf(value, sizeof(value), "%s%s", is_stopped ? "-" : rate_text(&f->rate_10s).text,
             is_stopped ? "" : " msg/s");
    snprintf(right, sizeof(right), "peak %7s", format_count(f->peak).text);
    put_pair(s, r, 0, "rate", value, put_was(s, v, r) ? "" : right);
    snprintf(right, sizeof(right), "15 min %s", rate_text(&f->rate_15m).text);
    put_pair(s, r, 1, "avg 60s", rate_text(&f->rate_60s).text, right);
    put_received(s, v, r);
    if (!panel_has_latency_tile(s) || r.height > 6) /* that one tells of what is unread too */
        put_pair(s, r, row++, "journal", format_bytes((double)v->figures->journal_bytes).text,
                 read_lag(v).text);
    put_bytes(s, f, r, row++);
    put_hour(s, f, r, row);
}

static struct text_buffer number_or_na(int64_t n)
{
    static const struct text_buffer none = {"n/a"};

    return n < 0 ? none : n < 100000 ? format_count(n) : format_short(n);
}

static struct text_buffer short_or_na(int64_t n)
{
    return n < 0 ? number_or_na(n) : format_short(n);
}

/* The level of a rule, shown beside its figure: in colour, and as "!" for those who see none. */
static void put_judged(struct panel_line *l, const struct view *v, int rule, const char *text)
{
    enum level level = panel_figures(v)->health.findings[rule].level;

    panel_put(l, level >= LEVEL_WARN ? panel_level_style(level) : STYLE_TEXT, "%s%s", text,
              level >= LEVEL_WARN ? "!" : "");
}

static void put_success(struct panel_line *l, const struct view *v)
{
    const struct figures *f = panel_figures(v);
    const struct figure_window *w = &f->windows[v->ui->window];

    panel_put(l, STYLE_TEXT, "success   ");
    if (v->ui->window == WINDOW_60S)
        put_judged(l, v, HEALTH_SUCCESS, format_percent(w->success).text);
    else
        panel_put(l, STYLE_TEXT, "%s", format_percent(w->success).text);
    panel_put(l, STYLE_TEXT, "  all-time %s", format_percent(f->success_total).text);
}

/* The failures per second too, where that pushes nothing else out. */
static void put_failed(struct panel_line *l, const struct view *v)
{
    const struct figures *f = panel_figures(v);
    const struct figure_window *w = &f->windows[v->ui->window];
    struct text_buffer failed = w->failed < 0 ? format_count(-1) : number_or_na(w->failed);
    double per_second = (double)w->failed / f->rate_60s.seconds;
    char first[96];
    char rest[128];

    snprintf(first, sizeof(first), "failed %s (%s/s)", failed.text, format_rate(per_second).text);
    snprintf(rest, sizeof(rest), "  retried %s  dlq %s!", number_or_na(w->retried).text,
             number_or_na(w->dlq).text);
    if (v->ui->window != WINDOW_60S || w->failed <= 0 || !(per_second >= 0.05) ||
        (int)(strlen(first) + strlen(rest)) > l->end - l->x)
        snprintf(first, sizeof(first), "failed %s", failed.text);
    panel_put(l, STYLE_TEXT, "%s", first);
    panel_put(l, STYLE_TEXT, "  retried %s", number_or_na(w->retried).text);
    panel_put(l, STYLE_TEXT, "  dlq ");
    if (v->ui->window == WINDOW_60S)
        put_judged(l, v, HEALTH_DLQ, number_or_na(w->dlq).text);
    else
        panel_put(l, STYLE_TEXT, "%s", number_or_na(w->dlq).text);
}

static struct text_buffer ms_text(int64_t ms, int resolution, bool is_short)
{
    struct text_buffer b = {"-"};

    if (ms >= 0 && ms < resolution && resolution > 1)
        snprintf(b.text, sizeof(b.text), "<1 s");
    else if (ms >= 0)
        b = ms < 100000 && !is_short ? format_count(ms) : format_short(ms);
    return b;
}

/* Shortened where they would not all fit: the last is the one that is judged. */
static void put_percentiles(struct panel_line *l, const struct view *v, const char *label)
{
    const struct figure_latency *e = &panel_figures(v)->latency;
    const int64_t values[] = {e->p50, e->p95, e->p99};
    struct text_buffer texts[3];
    char all[160];

    for (int is_short = 0; is_short <= 1; is_short++) {
        for (int i = 0; i < 3; i++)
            texts[i] = ms_text(values[i], e->resolution, is_short);
        snprintf(all, sizeof(all), "%sp50 %s  p95 %s  p99 %s!", label, texts[0].text, texts[1].text,
                 texts[2].text);
        if ((int)strlen(all) <= l->end - l->x)
            break;
    }
    panel_put(l, STYLE_TEXT, "%sp50 %s", label, texts[0].text);
    panel_put(l, STYLE_TEXT, "  p95 %s", texts[1].text);
    if (l->end - l->x < (int)strlen("  p99 !") + (int)strlen(texts[2].text))
        return; /* no name without its number */
    panel_put(l, STYLE_TEXT, "  p99 ");
    put_judged(l, v, HEALTH_LATENCY, texts[2].text);
}

/* The partition that lags most is told where `reserved` columns are left beside it. */
static void put_lag(struct panel_line *l, const struct view *v, int reserved)
{
    const struct figure_lag *lag = &panel_figures(v)->lag;
    char most[64];

    panel_put(l, STYLE_TEXT, "lag ");
    put_judged(l, v, HEALTH_PROGRESS, number_or_na(lag->messages).text);
    if (lag->is_old)
        panel_put(l, STYLE_WARN, " %s ago", format_age(lag->age_ms).text);
    snprintf(most, sizeof(most), " (max p%d %s)", lag->max_partition,
             number_or_na(lag->max_messages).text);
    if (lag->max_partition >= 0 && !lag->is_old && (int)strlen(most) + reserved <= l->end - l->x)
        panel_put(l, STYLE_TEXT, "%s", most);
}

static void put_integrity(struct panel_line *l, const struct view *v)
{
    const struct figures *f = v->figures;

    panel_put(l, STYLE_TEXT, "gaps ");
    put_judged(l, v, HEALTH_INTEGRITY, f->gaps < 0 ? "-" : number_or_na(f->gaps).text);
    panel_put(l, f->dups > 0 ? STYLE_NOTE : STYLE_TEXT, "  dups %s",
              f->dups < 0 ? "-" : number_or_na(f->dups).text);
}

/* Since the journal's first byte; shortened where they would not all fit. */
static void put_totals(struct panel_line *l, const struct figures *f)
{
    char text[160];

    snprintf(text, sizeof(text), "all failed %s  retried %s  dlq %s", number_or_na(f->failed).text,
             number_or_na(f->retried).text, number_or_na(f->dlq).text);
    if ((int)strlen(text) > l->end - l->x)
        snprintf(text, sizeof(text), "all failed %s  retried %s  dlq %s",
                 short_or_na(f->failed).text, short_or_na(f->retried).text,
                 short_or_na(f->dlq).text);
    panel_put(l, STYLE_TEXT, "%s", text);
}

static void put_last_failure(struct panel_line *l, const struct view *v)
{
    const struct figures *f = v->figures;

    if (f->failed_age_ms >= 0)
        panel_put(l, STYLE_TEXT, "last fail %s ago  p%d@%" PRId64,
                  format_age(f->failed_age_ms).text, v->dash->failed_partition,
                  v->dash->failed_offset);
}

static void put_retries(struct panel_line *l, const struct view *v)
{
    const struct figure_window *w = &panel_figures(v)->windows[v->ui->window];

    if (w->retried > 0 && w->received > 0)
        panel_put(l, STYLE_TEXT, "retried %s/1000  ",
                  format_rate((double)w->retried * 1000 / (double)w->received).text);
    if (v->figures->dlq_age_ms >= 0)
        panel_put(l, STYLE_TEXT, "last dlq %s ago", format_age(v->figures->dlq_age_ms).text);
}

/* Lag, gaps and duplicates in one row. */
static void put_lag_and_integrity(struct panel_line *l, const struct view *v)
{
    char integrity[96];

    snprintf(integrity, sizeof(integrity), " gaps %s!  dups %s",
             number_or_na(v->figures->gaps).text, number_or_na(v->figures->dups).text);
    put_lag(l, v, (int)strlen(integrity));
    panel_put(l, STYLE_TEXT, " ");
    put_integrity(l, v);
}

void panel_quality(struct screen *s, const struct view *v, struct rect r)
{
    const struct figures *f = v->figures;
    bool has_latency_tile = panel_has_latency_tile(s);
    struct panel_line l = panel_row(s, r, 0);
    char note[48];

    snprintf(note, sizeof(note), v->at_stop ? "%s, frozen" : "%s", window_name(v->ui->window));
    screen_box(s, r, v->at_stop ? "Quality at stop" : "Quality", note);
    put_success(&l, v);
    l = panel_row(s, r, 1);
    put_failed(&l, v);
    l = panel_row(s, r, 2);
    if (has_latency_tile) {
        put_totals(&l, f);
    } else {
        put_percentiles(&l, v, v->ui->window == WINDOW_60S ? "e2e   " : "e2e 60 s  ");
        panel_put(&l, STYLE_TEXT, " ms");
    }
    l = panel_row(s, r, 3);
    if (has_latency_tile)
        put_integrity(&l, v);
    else
        put_lag_and_integrity(&l, v);
    l = panel_row(s, r, 4);
    put_last_failure(&l, v);
    l = panel_row(s, r, 5);
    put_retries(&l, v);
}

static void put_skew(struct panel_line *l, const struct figures *f)
{
    enum style style = f->skewed > 0 ? STYLE_NOTE : STYLE_TEXT;

    panel_put(l, style, "  clock skew %s",
              isfinite(f->skewed) ? f->skewed > 0 ? format_percent(f->skewed).text : "0" : "-");
    if (f->skewed > 0)
        panel_put(l, style, " <= %s", format_duration(f->largest_skew_ms).text);
}

void panel_latency(struct screen *s, const struct view *v, struct rect r)
{
    const struct figures *f = panel_figures(v);
    struct panel_line l = panel_row(s, r, 0);

    screen_box(s, r, v->at_stop ? "Latency and lag at stop" : "Latency and lag",
               v->at_stop ? "frozen" : "60 s");
    put_percentiles(&l, v, "e2e ms  ");
    l = panel_row(s, r, 1);
    panel_put(&l, STYLE_TEXT, "max %s", ms_text(f->latency.max, f->latency.resolution, false).text);
    panel_put(&l, STYLE_TEXT, "  n %s", format_count((int64_t)f->latency.count).text);
    put_skew(&l, f);
    l = panel_row(s, r, 2);
    put_lag(&l, v, 0);
    l = panel_row(s, r, 3);
    panel_put(&l, STYLE_TEXT, "trend %s", f->lag.messages == 0 ? "none" : trend_name(f->lag.trend));
    if (f->lag.messages > 0 && isfinite(f->lag.clear_seconds))
        panel_put(&l, STYLE_TEXT, "  clears in %s",
                  format_duration((int64_t)(f->lag.clear_seconds * 1000)).text);
    panel_put(&l, STYLE_TEXT, "  %s", read_lag(v).text);
    l = panel_row(s, r, 4);
    if (f->lag.age_ms >= 0)
        panel_put(
            &l, STYLE_TEXT, "lag read at %s",
            format_moment(f->now_ms - f->lag.age_ms, v->figures->now_ms, v->utc_offset_s).text);
    l = panel_row(s, r, 5);
    put_unfinished(&l, v->figures->events_reader);
}
