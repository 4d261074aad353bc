#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "view/format.h"
#include "view/panel.h"

#define DAY_MS 86400000

/* The first row that is shown: the cursor stays in sight. */
static int first_row(const struct view *v, enum panel panel, int visible)
{
    int row = v->ui->panel == panel ? v->ui->row : -1;

    return row >= visible && visible > 0 ? row - visible + 1 : 0;
}

static void mark_chosen(struct screen *s, const struct view *v, struct rect r, enum panel panel,
                        int row, int y)
{
    if (v->ui->panel == panel && v->ui->row == row)
        screen_mark_row(s, r, y, STYLE_CHOSEN);
}

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
    int count = cause_ranking(t, now, order);
    int first = first_row(v, PANEL_ERRORS, r.height - 1);

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
        mark_chosen(s, v, r, PANEL_ERRORS, i, y);
    }
}

/* ---- partitions ---- */

#define TRACE_COLUMNS 10 /* of three seconds each */

/* The last 30 seconds, each column against the partition's own largest. */
static void put_trace(struct screen *s, int x, int y, const struct partition *p, int64_t now_ms)
{
    static const char *const blocks[] = {" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
    uint32_t counts[TRACE_COLUMNS];
    uint32_t top = 0;

    for (int i = 0; i < TRACE_COLUMNS; i++) {
        int64_t end = now_ms - (TRACE_COLUMNS - 1 - i) * INT64_C(3000);

        counts[i] = partition_sum(p, end, 3).received;
        top = counts[i] > top ? counts[i] : top;
    }
    for (int i = 0; i < TRACE_COLUMNS && top; i++)
        screen_put(s, x + i, y, 1, STYLE_CHART, blocks[(counts[i] * UINT64_C(8) + top - 1) / top]);
}

#define SHARE_COLUMNS 5

/* Its rate against that of the busiest partition. */
static void put_share(struct screen *s, int x, int y, double rate, double top)
{
    static const char *const blocks[] = {" ", "▏", "▎", "▍", "▌", "▋", "▊", "▉", "█"};
    int eighths = top > 0 && rate > 0 ? (int)(rate / top * SHARE_COLUMNS * 8 + 0.5) : 0;

    for (int i = 0; i < SHARE_COLUMNS && eighths > 0; i++, eighths -= 8)
        screen_put(s, x + i, y, 1, STYLE_CHART, blocks[eighths > 8 ? 8 : eighths]);
}

static double busiest(const struct figures *f)
{
    double top = 0;

    for (int i = 0; i < f->partition_count; i++) {
        if (f->partitions[i].per_second > top)
            top = f->partitions[i].per_second;
    }
    return top;
}

static void put_partition(struct screen *s, struct rect r, int y, const struct figure_partition *p,
                          bool wide, double top, int64_t now_ms)
{
    const struct partition *of = p->partition;
    struct panel_line l = {.screen = s, .x = r.x, .y = y, .end = r.x + r.width};
    char percent[32];

    snprintf(percent, sizeof(percent), "%s", format_percent(p->success).text);
    percent[strcspn(percent, " ")] = '\0';
    panel_put(&l, STYLE_TEXT, "%4d %10" PRId64, of->number, of->has_offset ? of->highest : -1);
    if (wide)
        panel_put(&l, STYLE_TEXT, " %10s",
                  p->high_watermark < 0 ? "n/a" : format_count(p->high_watermark).text);
    panel_put(&l, STYLE_TEXT, " %6s", format_rate(p->per_second).text);
    panel_put(&l, STYLE_TEXT, " %7s", percent);
    panel_put(&l, STYLE_TEXT, " %4s", p->lag < 0 ? "n/a" : format_short(p->lag).text);
    panel_put(&l, of->gaps ? STYLE_NOTE : STYLE_TEXT, " %4s", format_short((int64_t)of->gaps).text);
    panel_put(&l, of->dups ? STYLE_NOTE : STYLE_TEXT, " %4s", format_short((int64_t)of->dups).text);
    panel_put(&l, STYLE_TEXT, " %4s", format_age(p->age_ms).text);
    if (wide && l.x + 2 + TRACE_COLUMNS <= l.end) {
        put_trace(s, l.x + 2, y, of, now_ms);
        l.x += 2 + TRACE_COLUMNS;
    }
    if (l.x + 2 + SHARE_COLUMNS <= l.end)
        put_share(s, l.x + 2, y, p->per_second, top);
}

void panel_fill_partitions(struct screen *s, const struct view *v, struct rect r)
{
    const struct figure_partition *items = v->figures->partitions;
    int count = v->figures->partition_count;
    int first = first_row(v, PANEL_PARTITIONS, r.height - 1);
    int room = panel_tracker_room(v);
    double top = busiest(v->figures);
    struct panel_line title;
    bool wide;

    ui_sort_partitions(v->ui, v->figures->partitions, count);
    if (room)
        screen_putf(s, r.x, r.y, r.width, STYLE_TITLE, " %-*s", room, "TRACKER");
    r.x += room ? room + 1 : 0;
    r.width -= room ? room + 1 : 0;
    wide = r.width >= 72;
    title = (struct panel_line){.screen = s, .x = r.x, .y = r.y, .end = r.x + r.width};
    panel_put(&title, STYLE_TITLE,
              wide ? "   P     OFFSET    HIGH-WM  MSG/S    OK %%  LAG GAPS DUPS  AGE  30 s      "
                   : "   P     OFFSET  MSG/S    OK %%  LAG GAPS DUPS  AGE");
    panel_put(&title, STYLE_TITLE, "  SHARE");
    if (!count && r.height > 1)
        panel_put_empty(s, v, (struct rect){r.x, r.y + 1, r.width, r.height - 1}, PANEL_PARTITIONS);
    for (int i = first; i < count && i - first + 1 < r.height; i++) {
        int y = r.y + 1 + i - first;

        if (room)
            panel_put_tracker(s, v, r.x - room, y, items[i].partition->newest_journal);
        put_partition(s, r, y, &items[i], wide, top, v->figures->now_ms);
        mark_chosen(s, v, r, PANEL_PARTITIONS, i, y);
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
    int first = first_row(v, PANEL_TRACKERS, r.height - 1);

    screen_putf(s, r.x + 1, r.y, r.width - 1, STYLE_TITLE,
                "%-*s HEALTH    STATE    MSG/S    OK %%  LAG  AGE  WHY", panel_tracker_room(v),
                "TRACKER");
    for (int i = first; i < v->figures->tracker_count && i - first + 1 < r.height; i++) {
        put_tracker(s, v, r, r.y + 1 + i - first, i);
        mark_chosen(s, v, r, PANEL_TRACKERS, i, r.y + 1 + i - first);
    }
}
