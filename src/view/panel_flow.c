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

struct text_buffer panel_read_lag(const struct view *v)
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
                 panel_read_lag(v).text);
    put_bytes(s, f, r, row++);
    put_hour(s, f, r, row);
}
