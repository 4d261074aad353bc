#include <math.h>
#include <stdio.h>
#include <string.h>

#include "view/format.h"
#include "view/health.h"
#include "view/panel.h"

static struct panel_line line_at(struct screen *s, int y)
{
    return (struct panel_line){
        .screen = s, .x = s->width >= PANEL_LINES_WIDTH, .y = y, .end = s->width};
}

static void line_verdict(struct screen *s, const struct view *v, int y)
{
    char verdict[48];
    char right[96];

    panel_verdict_text(v, verdict, sizeof(verdict));
    snprintf(right, sizeof(right), "%s %s", verdict,
             format_time(v->figures->now_ms, v->utc_offset_s).text);
    screen_put(s, 1, y, s->width - (int)strlen(right) - 2, STYLE_TITLE, panel_topic(v));
    screen_put_right(s, s->width, y, s->width, panel_level_style(panel_shown_level(v)), right);
}

static void line_reason(struct screen *s, const struct view *v, int y)
{
    const struct health *h = &v->figures->health;
    int order[HEALTH_RULES];
    int rule;

    health_ranking(h, order);
    rule = panel_shown_level(v) == LEVEL_UNKNOWN       ? health_unknown_rule(h)
           : h->findings[order[0]].level >= LEVEL_WARN ? order[0]
                                                       : HEALTH_SUCCESS;
    screen_putf(s, 1, y, s->width - 1, panel_level_style(h->findings[rule].level), "%s %s",
                health_rule_name(rule), h->findings[rule].text);
}

static void line_rate(struct screen *s, const struct view *v, int y)
{
    struct panel_line l = line_at(s, y);
    int room = s->width - 30;

    panel_put(&l, STYLE_TEXT, v->at_stop ? "was %s/s " : "rate %s/s ",
              format_rate(panel_figures(v)->rate_10s.per_second).text);
    if (room > 0 && l.x + room < l.end) {
        panel_sparkline(s, v, l.x, y, room);
        l.x += room;
    }
    panel_put(&l, STYLE_TEXT, "  avg60 %s",
              format_rate(panel_figures(v)->rate_60s.per_second).text);
}

static void line_latency(struct screen *s, const struct view *v, int y)
{
    const struct figure_latency *e = &panel_figures(v)->latency;
    struct panel_line l = line_at(s, y);

    if (v->ui->notice_until_ms > v->figures->now_ms) { /* the row that is missed least */
        screen_put(s, 1, y, s->width - 1, STYLE_NOTE, v->ui->notice);
        return;
    }
    panel_put(&l, STYLE_TEXT, "p50 %s", format_count(e->p50).text);
    panel_put(&l, STYLE_TEXT, "  p95 %s", format_count(e->p95).text);
    panel_put(&l, STYLE_TEXT, v->at_stop ? "  p99 %s ms at stop" : "  p99 %s ms",
              format_count(e->p99).text);
}

static void line_counts(struct screen *s, const struct view *v, int y)
{
    const struct figures *f = v->figures;
    struct panel_line l = line_at(s, y);

    panel_put(&l, STYLE_TEXT, "lag %s", format_short_or_na(f->lag.messages).text);
    panel_put(&l, STYLE_TEXT, s->width >= PANEL_LINES_WIDTH ? "  dlq %s" : " dlq %s",
              format_short_or_na(f->dlq_60s).text);
    panel_put(&l, STYLE_TEXT, "  gaps %s", f->gaps < 0 ? "-" : format_short(f->gaps).text);
}

void panel_lines(struct screen *s, const struct view *v)
{
    static void (*const lines[])(struct screen *, const struct view *, int) = {
        line_verdict, line_reason, line_rate, line_latency, line_counts,
    };
    const int count = (int)(sizeof(lines) / sizeof(lines[0]));
    struct rect area = {0, 0, s->width, s->height - 1};

    if (v->ui->shows_help || v->ui->shows_detail) {
        (v->ui->shows_help ? panel_help : panel_detail)(s, v, area);
    } else {
        for (int i = 0; i < count && i < s->height - 1; i++)
            lines[i](s, v, i);
        panel_bare_list(s, v, (struct rect){1, count, s->width - 1, s->height - 1 - count});
    }
    panel_keys(s, v, s->height - 1);
}

/* Verdict with success and rate, then lag, then the way out: as many rows and pieces as fit. */
void panel_tiny(struct screen *s, const struct view *v)
{
    const struct figures *f = v->figures;
    enum level level = panel_shown_level(v);
    struct panel_line l = {.screen = s, .end = s->width};

    if (f->is_catching_up)
        level = LEVEL_UNKNOWN;
    panel_put(&l, panel_level_style(level), "%s", level_symbol(level));
    if (f->is_catching_up)
        panel_put(&l, panel_level_style(level), " reading %d%%", (int)(f->read_share * 100));
    else
        panel_put(&l, panel_level_style(level), " %s", level_name(level));
    if (isfinite(f->success_60s))
        panel_put(&l, STYLE_TEXT, " %.1f%%", floor(f->success_60s * 1000) / 10);
    if (panel_has_ended(v))
        panel_put(&l, STYLE_TEXT, f->state == FLOW_GONE ? " gone" : " stopped");
    else
        panel_put(&l, STYLE_TEXT, " %s/s", format_rate(f->rate_10s.per_second).text);
    if (s->height > 1)
        line_counts(s, v, 1);
    if (s->height > 2)
        screen_put(s, 0, s->height - 1, s->width, STYLE_KEY, s->width >= 7 ? "q Quit" : "q");
}
