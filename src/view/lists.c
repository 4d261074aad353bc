#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "view/format.h"
#include "view/panel.h"

#define ROWS_MAX 512

static const struct {
    const char *tag;
    enum style style;
} kinds[] = {
    [ROW_OK] = {"ok ", STYLE_OK},       [ROW_FAILED] = {"ERR", STYLE_CRIT},
    [ROW_DUP] = {"DUP", STYLE_NOTE},    [ROW_GAP] = {"GAP", STYLE_NOTE},
    [ROW_REPLAY] = {"RPL", STYLE_NOTE}, [ROW_BAD] = {"BAD", STYLE_WARN},
};

static const enum style level_styles[] = {
    [LOG_DEBUG] = STYLE_TEXT,
    [LOG_INFO] = STYLE_TEXT,
    [LOG_WARN] = STYLE_WARN,
    [LOG_ERROR] = STYLE_CRIT,
};

static const struct {
    enum panel panel;
    const char *name;
    const char *chosen;
} tabs[] = {
    {PANEL_EVENTS, "events", "[e]vents"},
    {PANEL_LOGS, "logs", "[l]ogs"},
    {PANEL_ERRORS, "errors", "errors [x]"},
    {PANEL_PARTITIONS, "partitions", "[p]artitions"},
};

#define TABS (sizeof(tabs) / sizeof(tabs[0]))

static struct rect inside(struct rect r)
{
    return (struct rect){r.x + 1, r.y + 1, r.width - 2, r.height - 2};
}

/* "8f3a…c1": enough of an id to tell it from its neighbours. */
static void short_id(char out[24], const char *id)
{
    size_t len = strlen(id);

    if (len <= 8)
        snprintf(out, 24, "%.23s", id);
    else
        snprintf(out, 24, "%.4s…%s", id, id + len - 2);
}

void panel_event_row(struct screen *s, const struct view *v, int x, int y, int room,
                     const struct event_row *row, bool compact)
{
    int end = x + room;
    struct panel_line rest;
    char id[24];

    if (!compact)
        x += screen_putf(s, x, y, end - x, STYLE_TEXT, "%s ",
                         format_time_ms(row->at_ms, v->utc_offset_s).text);
    x += screen_put(s, x, y, end - x, kinds[row->kind].style, kinds[row->kind].tag);
    if (row->partition >= 0)
        x += screen_putf(s, x, y, end - x, STYLE_TEXT, compact ? " p%d@%" PRId64 : " p%d @%" PRId64,
                         row->partition, row->offset);
    if (row->order_id[0] && row->kind != ROW_FAILED) {
        short_id(id, row->order_id);
        x += screen_putf(s, x, y, end - x, STYLE_TEXT, compact ? " %s" : " order %s ", id);
    }
    x += screen_putf(s, x, y, end - x, STYLE_TEXT, " %s", row->text);
    rest = (struct panel_line){.screen = s, .x = x, .y = y, .end = end};
    if (row->kind == ROW_FAILED && row->message_size >= 0)
        panel_put(&rest, STYLE_TEXT, "  raw %s", format_bytes((double)row->message_size).text);
    if (row->has_latency && row->kind != ROW_FAILED)
        panel_put(&rest, STYLE_TEXT, "  %" PRId64 "ms", row->latency_ms);
}

static void put_log_row(struct screen *s, const struct view *v, struct rect r, int y,
                        const struct log_row *row)
{
    int x = r.x + 1;
    int end = r.x + r.width - 1;

    x += screen_putf(s, x, y, end - x, STYLE_TEXT, "%s ",
                     format_time(row->at_ms, v->utc_offset_s).text);
    x +=
        screen_putf(s, x, y, end - x, level_styles[row->level], "%-5s", log_level_name(row->level));
    screen_putf(s, x, y, end - x, STYLE_TEXT, "  %s", row->text);
}

/* The upper right of a list: does it follow, what is filtered, what is new. */
static void list_note(const struct view *v, enum panel panel, char *out, size_t cap)
{
    const struct ui *ui = v->ui;
    const struct ui_list *list = panel == PANEL_LOGS ? &ui->logs : &ui->events;
    uint64_t total = panel == PANEL_LOGS ? v->dash->logs.total : v->dash->events.total;
    int len = 0;

    if (ui->is_typing || ui->filter[0])
        len = snprintf(out, cap, "/%s%s  ", ui->filter, ui->is_typing ? "_" : "");
    if (ui->only_failures)
        len += snprintf(out + len, cap - (size_t)len, "failures only  ");
    if (!list->anchor)
        snprintf(out + len, cap - (size_t)len, "following");
    else
        snprintf(out + len, cap - (size_t)len, "%s %s new", ui->is_paused ? "PAUSED" : "held,",
                 format_count((int64_t)(total - list->anchor)).text);
}

static void fill_events(struct screen *s, const struct view *v, struct rect r)
{
    const struct event_row *rows[ROWS_MAX];
    int height = r.height < ROWS_MAX ? r.height : ROWS_MAX;
    int chosen;
    int count = ui_event_rows(v->ui, v->dash, rows, height, &chosen);

    for (int i = 0; i < count; i++) {
        panel_event_row(s, v, r.x + 1, r.y + i, r.width - 2, rows[i], false);
        if (i == chosen)
            screen_mark_row(s, r, r.y + i, STYLE_CHOSEN);
    }
}

static void fill_logs(struct screen *s, const struct view *v, struct rect r)
{
    const struct log_row *rows[ROWS_MAX];
    int height = r.height < ROWS_MAX ? r.height : ROWS_MAX;
    int chosen;
    int count = ui_log_rows(v->ui, v->dash, rows, height, &chosen);

    for (int i = 0; i < count; i++) {
        put_log_row(s, v, r, r.y + i, rows[i]);
        if (i == chosen)
            screen_mark_row(s, r, r.y + i, STYLE_CHOSEN);
    }
}

static void fill_errors(struct screen *s, const struct view *v, struct rect r)
{
    const struct cause_table *t = &v->dash->causes;
    int64_t now = v->figures->now_ms;
    bool wide = r.width >= 90;
    int order[CAUSE_MAX];
    int count = cause_ranking(t, now, order);
    int first = v->ui->panel == PANEL_ERRORS && v->ui->scroll < count ? v->ui->scroll : 0;

    screen_put(s, r.x, r.y, r.width, STYLE_TITLE,
               wide ? "    60s    15m       ALL  LAST    P  EXAMPLE          CAUSE"
                    : "   60s      ALL  LAST  CAUSE");
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
            x += screen_putf(s, x, y, r.width, STYLE_TEXT, "  %-15s", where);
        }
        screen_putf(s, x, y, r.x + r.width - x, STYLE_TEXT, "  %s", c->text);
    }
}

/* ---- partitions ---- */

typedef int (*partition_order)(const void *a, const void *b);

static int by_number(const void *a, const void *b)
{
    const struct figure_partition *p = a;
    const struct figure_partition *q = b;

    return (p->partition->number > q->partition->number) -
           (p->partition->number < q->partition->number);
}

static int by_lag(const void *a, const void *b)
{
    const struct figure_partition *p = a;
    const struct figure_partition *q = b;

    return p->lag != q->lag ? (p->lag < q->lag) - (p->lag > q->lag) : by_number(a, b);
}

static int by_rate(const void *a, const void *b)
{
    const struct figure_partition *p = a;
    const struct figure_partition *q = b;

    if (p->per_second < q->per_second)
        return 1;
    return p->per_second > q->per_second ? -1 : by_number(a, b);
}

static int by_failed(const void *a, const void *b)
{
    const struct figure_partition *p = a;
    const struct figure_partition *q = b;

    return p->failed != q->failed ? (p->failed < q->failed) - (p->failed > q->failed)
                                  : by_number(a, b);
}

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

static void put_partition(struct screen *s, struct rect r, int y, const struct figure_partition *p,
                          bool wide, int64_t now_ms)
{
    const struct partition *of = p->partition;
    char percent[32];
    int x = r.x;

    snprintf(percent, sizeof(percent), "%s", format_percent(p->success).text);
    percent[strcspn(percent, " ")] = '\0';
    x += screen_putf(s, x, y, r.width, STYLE_TEXT, "%4d %10" PRId64, of->number,
                     of->has_offset ? of->highest : -1);
    if (wide)
        x += screen_putf(s, x, y, r.width, STYLE_TEXT, " %10s",
                         p->high_watermark < 0 ? "n/a" : format_count(p->high_watermark).text);
    x += screen_putf(s, x, y, r.width, STYLE_TEXT, " %6s", format_rate(p->per_second).text);
    x += screen_putf(s, x, y, r.width, STYLE_TEXT, " %7s %4s", percent,
                     p->lag < 0 ? "n/a" : format_short(p->lag).text);
    x += screen_putf(s, x, y, r.width, of->gaps ? STYLE_NOTE : STYLE_TEXT, " %4s",
                     format_short((int64_t)of->gaps).text);
    x += screen_putf(s, x, y, r.width, of->dups ? STYLE_NOTE : STYLE_TEXT, " %4s",
                     format_short((int64_t)of->dups).text);
    x += screen_putf(s, x, y, r.x + r.width - x, STYLE_TEXT, " %4s", format_age(p->age_ms).text);
    if (wide)
        put_trace(s, x + 2, y, of, now_ms);
}

static void fill_partitions(struct screen *s, const struct view *v, struct rect r)
{
    static const partition_order orders[] = {
        [UI_SORT_NUMBER] = by_number,
        [UI_SORT_LAG] = by_lag,
        [UI_SORT_RATE] = by_rate,
        [UI_SORT_FAILED] = by_failed,
    };
    struct figure_partition *items = v->figures->partitions;
    int count = v->figures->partition_count;
    int first = v->ui->panel == PANEL_PARTITIONS && v->ui->scroll < count ? v->ui->scroll : 0;
    bool wide = r.width >= 70;

    if (count > 1)
        qsort(items, (size_t)count, sizeof(*items), orders[v->ui->sort]);
    screen_put(s, r.x, r.y, r.width, STYLE_TITLE,
               wide ? "   P     OFFSET    HIGH-WM  MSG/S    OK %  LAG GAPS DUPS  AGE  30 s"
                    : "   P     OFFSET  MSG/S    OK %  LAG GAPS DUPS  AGE");
    for (int i = first; i < count && i - first + 1 < r.height; i++)
        put_partition(s, r, r.y + 1 + i - first, &items[i], wide, v->figures->now_ms);
}

/* ---- frames ---- */

static void fill(struct screen *s, const struct view *v, struct rect r, enum panel panel)
{
    if (r.width < 1 || r.height < 1)
        return;
    if (panel == PANEL_EVENTS)
        fill_events(s, v, r);
    else if (panel == PANEL_LOGS)
        fill_logs(s, v, r);
    else if (panel == PANEL_ERRORS)
        fill_errors(s, v, r);
    else if (panel == PANEL_PARTITIONS)
        fill_partitions(s, v, r);
}

static void note_of(const struct view *v, enum panel panel, char *note, size_t cap)
{
    if (panel == PANEL_ERRORS)
        snprintf(note, cap, "60 s / all");
    else if (panel == PANEL_PARTITIONS)
        snprintf(note, cap, "sort: %s", ui_sort_name(v->ui->sort));
    else
        list_note(v, panel, note, cap);
}

static void framed(struct screen *s, const struct view *v, struct rect r, enum panel panel,
                   const char *title)
{
    char note[160] = "";

    note_of(v, panel, note, sizeof(note));
    screen_box(s, r, title, note);
    fill(s, v, inside(r), panel);
}

static const char *tab_title(const struct view *v, enum panel panel, const char *name)
{
    for (size_t i = 0; i < TABS; i++) {
        if (tabs[i].panel == panel && v->ui->panel == panel)
            return tabs[i].chosen;
    }
    return name;
}

void panel_events(struct screen *s, const struct view *v, struct rect r)
{
    framed(s, v, r, PANEL_EVENTS, tab_title(v, PANEL_EVENTS, "events"));
}

void panel_logs(struct screen *s, const struct view *v, struct rect r)
{
    framed(s, v, r, PANEL_LOGS, tab_title(v, PANEL_LOGS, "logs"));
}

void panel_errors(struct screen *s, const struct view *v, struct rect r)
{
    framed(s, v, r, PANEL_ERRORS, tab_title(v, PANEL_ERRORS, "Top errors"));
}

void panel_partitions(struct screen *s, const struct view *v, struct rect r)
{
    framed(s, v, r, PANEL_PARTITIONS, tab_title(v, PANEL_PARTITIONS, "Partitions"));
}

void panel_chosen(struct screen *s, const struct view *v, struct rect r)
{
    char title[80] = "";
    size_t len = 0;

    for (size_t i = 0; i < TABS; i++)
        len += (size_t)snprintf(title + len, sizeof(title) - len, "%s%s", i ? "  " : "",
                                tabs[i].panel == v->ui->panel ? tabs[i].chosen : tabs[i].name);
    framed(s, v, r, v->ui->panel, title);
}
