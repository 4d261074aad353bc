#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "view/format.h"
#include "view/health.h"
#include "view/panel.h"

#define DAY_MS 86400000

/* The time of day, or how long ago when that was another day. */
static struct text_buffer first_seen(const struct view *v, const struct cause *c)
{
    int64_t ago = v->figures->now_ms - c->first_ms;

    return ago < DAY_MS ? format_time(c->first_ms, v->utc_offset_s) : format_age(ago);
}

void panel_fill_errors(struct screen *s, const struct view *v, struct rect r)
{
    const struct cause_table *t = &v->dash->causes;
    int64_t now = v->figures->now_ms;
    bool wide = r.width >= 90;
    int order[CAUSE_MAX];
    int count = ui_causes(v->ui, t, now, order);
    int first = panel_first_row(v, PANEL_ERRORS, r.height - 1);

    screen_put(s, r.x, r.y, r.width, STYLE_TITLE,
               wide ? "    60s    15m       ALL  LAST    P  SINCE     EXAMPLE          CAUSE"
                    : "   60s      ALL  LAST  CAUSE");
    if (!count && r.height > 1)
        panel_put_empty(s, v, (struct rect){r.x, r.y + 1, r.width, r.height - 1}, PANEL_ERRORS);
    for (int i = first; i < count && i - first + 1 < r.height; i++) {
        const struct cause *c = &t->items[order[i]];
        int y = r.y + 1 + i - first;
        int x = r.x;
        char where[40];

        x += screen_putf(s, x, y, r.width, STYLE_TEXT, "%6u", cause_last_minute(c, now));
        if (wide)
            x += screen_putf(s, x, y, r.width, STYLE_TEXT, " %6u", cause_last_quarter(c, now));
        x +=
            screen_putf(s, x, y, r.width, STYLE_TEXT, wide ? " %9" PRIu64 : " %8" PRIu64, c->total);
        x += screen_putf(s, x, y, r.width, STYLE_TEXT, "  %4s",
                         format_age(now > c->last_ms ? now - c->last_ms : 0).text);
        if (wide) {
            snprintf(where, sizeof(where), "p%d@%" PRId64, c->partition, c->offset);
            x += screen_putf(s, x, y, r.width, STYLE_TEXT, c->on_many ? "    *" : " %4d",
                             c->partition);
            x += screen_putf(s, x, y, r.width, STYLE_TEXT, "  %-8s  %-15s", first_seen(v, c).text,
                             where);
        }
        screen_putf(s, x, y, r.x + r.width - x, STYLE_TEXT, "  %s", c->text);
        panel_mark_chosen(s, v, r, PANEL_ERRORS, i, y);
    }
}

/* ---- trackers ---- */

static void put_tracker(struct screen *s, const struct view *v, struct rect r, int y, int number)
{
    const struct figures *f = &v->figures->trackers[number];
    const enum level level = f->health.level;
    int order[HEALTH_RULES];
    char percent[32];
    int x = r.x + 1;
    int end = r.x + r.width;

    health_ranking(&f->health, order);
    snprintf(percent, sizeof(percent), "%s", format_percent(f->success_60s).text);
    percent[strcspn(percent, " ")] = '\0';
    panel_put_tracker(s, v, x, y, number);
    x += panel_tracker_room(v) + 1;
    x += screen_putf(s, x, y, end - x, panel_level_style(level), "%s %-7s", level_symbol(level),
                     level_name(level));
    x += screen_putf(s, x, y, end - x, STYLE_TEXT, " %-7s %6s %7s %4s %4s  ",
                     flow_state_name(f->state), format_rate(f->rate_10s.per_second).text, percent,
                     f->lag.messages < 0 ? "n/a" : format_short(f->lag.messages).text,
                     f->event_age_ms < 0 ? "-" : format_age(f->event_age_ms).text);
    if (level == LEVEL_OK)
        screen_putf(s, x, y, end - x, STYLE_TEXT, "%d of %d checks passed", f->health.passed,
                    HEALTH_RULES);
    else
        screen_putf(s, x, y, end - x, STYLE_TEXT, "%s: %s", health_rule_name(order[0]),
                    f->health.findings[order[0]].text);
}

void panel_fill_trackers(struct screen *s, const struct view *v, struct rect r)
{
    int first = panel_first_row(v, PANEL_TRACKERS, r.height - 1);

    screen_putf(s, r.x + 1, r.y, r.width - 1, STYLE_TITLE,
                "%-*s HEALTH    STATE    MSG/S    OK %%  LAG  AGE  WHY", panel_tracker_room(v),
                "TRACKER");
    for (int i = first; i < v->figures->tracker_count && i - first + 1 < r.height; i++) {
        put_tracker(s, v, r, r.y + 1 + i - first, i);
        panel_mark_chosen(s, v, r, PANEL_TRACKERS, i, r.y + 1 + i - first);
    }
}
