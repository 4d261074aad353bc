#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "view/format.h"
#include "view/panel.h"

static struct text_buffer number_or_na(int64_t n)
{
    return n >= 0 && n < 100000 ? format_count(n) : format_short_or_na(n);
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

/* Of dead letters only the number: they are judged by themselves. */
struct failed_texts {
    char first[96];
    char retried[48];
    struct text_buffer dlq;
};

/* Returns whether all of it fits. */
static bool fill_failed(struct failed_texts *t, const struct figure_window *w, double per_second,
                        bool is_short, int room)
{
    struct text_buffer (*number)(int64_t n) = is_short ? format_short_or_na : number_or_na;
    struct text_buffer failed = w->failed < 0 ? format_count(-1) : number(w->failed);

    if (per_second >= 0.05)
        snprintf(t->first, sizeof(t->first), "failed %s (%s/s)", failed.text,
                 format_rate(per_second).text);
    else
        snprintf(t->first, sizeof(t->first), "failed %s", failed.text);
    snprintf(t->retried, sizeof(t->retried), "  retried %s", number(w->retried).text);
    t->dlq = number(w->dlq);
    return (int)(strlen(t->first) + strlen(t->retried) + strlen("  dlq !") + strlen(t->dlq.text)) <=
           room;
}

/* The failures per second where there is room for them; large numbers shortened where not. */
static void put_failed(struct panel_line *l, const struct view *v)
{
    const struct figures *f = panel_figures(v);
    const struct figure_window *w = &f->windows[v->ui->window];
    bool is_minute = v->ui->window == WINDOW_60S;
    int seconds = is_minute ? f->rate_60s.seconds : 0;
    double per_second = seconds > 0 && w->failed > 0 ? (double)w->failed / seconds : 0;
    int room = l->end - l->x;
    struct failed_texts t;

    if (!fill_failed(&t, w, per_second, false, room) && !fill_failed(&t, w, 0, false, room))
        fill_failed(&t, w, 0, true, room);
    panel_put(l, STYLE_TEXT, "%s", t.first);
    panel_put(l, STYLE_TEXT, "%s", t.retried);
    panel_put(l, STYLE_TEXT, "  dlq ");
    if (is_minute)
        put_judged(l, v, HEALTH_DLQ, t.dlq.text);
    else
        panel_put(l, STYLE_TEXT, "%s", t.dlq.text);
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
                 format_short_or_na(f->failed).text, format_short_or_na(f->retried).text,
                 format_short_or_na(f->dlq).text);
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

#define UNFINISHED_MS 2000

static void put_unfinished(struct panel_line *l, const struct reader *r)
{
    panel_put(l, STYLE_NOTE, "a line without end, %s", format_bytes((double)r->unfinished).text);
}

static void put_skew(struct panel_line *l, const struct figures *f)
{
    enum style style = f->skewed > 0 ? STYLE_NOTE : STYLE_TEXT;

    panel_put(l, style, "  clock skew %s",
              isfinite(f->skewed) ? f->skewed > 0 ? format_percent(f->skewed).text : "0" : "-");
    if (f->skewed > 0)
        panel_put(l, style, " <= %s", format_duration(f->largest_skew_ms).text);
}

/* One that answers at once has nothing to show. */
static bool has_processor(const struct figures *f)
{
    return f->down_age_ms >= 0 || f->in_flight > 0 || f->processor_p99 >= 0;
}

static void put_processor(struct panel_line *l, const struct view *v)
{
    const struct figures *f = panel_figures(v);
    char text[64];

    panel_put(l, STYLE_TEXT, "processor ");
    if (f->down_age_ms >= 0)
        snprintf(text, sizeof(text), "unavailable for %s", format_duration(f->down_age_ms).text);
    else if (f->processor_p99 >= 0)
        snprintf(text, sizeof(text), "p99 %s ms", number_or_na(f->processor_p99).text);
    else
        snprintf(text, sizeof(text), "busy");
    put_judged(l, v, HEALTH_PROCESSOR, text);
    if (f->down_age_ms < 0)
        panel_put(l, STYLE_TEXT, "  %s in progress", number_or_na(f->in_flight).text);
}

static void put_lag_age(struct panel_line *l, const struct view *v)
{
    const struct figures *f = panel_figures(v);
    int64_t read_ms = f->now_ms - f->lag.age_ms;

    if (f->lag.age_ms >= 0)
        panel_put(l, STYLE_TEXT, "lag read at %s",
                  format_moment(read_ms, v->figures->now_ms, v->utc_offset_s).text);
}

void panel_latency(struct screen *s, const struct view *v, struct rect r)
{
    const struct figures *f = panel_figures(v);
    struct panel_line l = panel_row(s, r, 0);
    int row = 4;

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
    panel_put(&l, STYLE_TEXT, "  %s", panel_read_lag(v).text);
    if (has_processor(f)) {
        l = panel_row(s, r, row++);
        put_processor(&l, v);
    }
    if (v->figures->events_reader->unfinished_ms > UNFINISHED_MS) {
        l = panel_row(s, r, row++);
        put_unfinished(&l, v->figures->events_reader);
    }
    l = panel_row(s, r, row);
    put_lag_age(&l, v);
}
