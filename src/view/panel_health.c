#include <stdio.h>
#include <string.h>

#include "view/format.h"
#include "view/health.h"
#include "view/panel.h"

/* Of several trackers the worst, as many as leave half of the tile to the rules. Returns how many
 * rows they took. */
static int put_trackers(struct screen *s, const struct view *v, struct rect r)
{
    int rows = 0;

    for (int level = LEVEL_CRIT; level >= LEVEL_OK; level--) {
        for (int i = 0; i < v->figures->tracker_count && rows < (r.height - 2) / 2; i++) {
            const struct figures *t = &v->figures->trackers[i];
            struct panel_line l = panel_row(s, r, rows);

            if ((int)t->health.level != level)
                continue;
            panel_put(&l, panel_level_style(t->health.level), "%s ", level_symbol(t->health.level));
            panel_put_tracker(s, v, l.x, l.y, i);
            l.x += panel_tracker_room(v) + 1;
            panel_put(&l, STYLE_TEXT, "%-7s", flow_state_name(t->state));
            panel_put(&l, STYLE_TEXT, "  %s/s", format_rate(t->rate_10s.per_second).text);
            panel_put(&l, STYLE_TEXT, "  lag %s",
                      t->lag.messages < 0 ? "n/a" : format_short(t->lag.messages).text);
            rows++;
        }
    }
    return rows;
}

void panel_health(struct screen *s, const struct view *v, struct rect r)
{
    const struct health *h = &v->figures->health;
    int order[HEALTH_RULES];

    int before = put_trackers(s, v, r);
    char note[48] = "now";

    if (v->verdict->has_shown)
        snprintf(note, sizeof(note), "%s since %s", level_name(v->verdict->shown),
                 format_time(v->verdict->shown_ms, v->utc_offset_s).text);
    screen_box(s, r, "Health", note);
    health_ranking(h, order);
    for (int i = 0; i < HEALTH_RULES && before + i < r.height - 2; i++) {
        const struct health_finding *found = &h->findings[order[i]];
        struct panel_line l = panel_row(s, r, before + i);

        panel_put(&l, panel_level_style(found->level), "%s %-10s", level_symbol(found->level),
                  health_rule_name(order[i]));
        screen_put(s, l.x, l.y, l.end - l.x, STYLE_TEXT, found->text);
    }
}
