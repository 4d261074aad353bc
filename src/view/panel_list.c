#include <inttypes.h>
#include <stdio.h>
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
    {PANEL_EVENTS, "events", "[e]vents"},       {PANEL_LOGS, "logs", "[l]ogs"},
    {PANEL_ERRORS, "errors", "errors [x]"},     {PANEL_PARTITIONS, "partitions", "[p]artitions"},
    {PANEL_TRACKERS, "trackers", "[t]rackers"}, /* the last: only when there are several */
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

/* One event in one row, from x on, in `room` columns; `compact` leaves the time out. */
static void put_event_row(struct screen *s, const struct view *v, int x, int y, int room,
                          const struct event_row *row, bool compact)
{
    int end = x + room;
    struct panel_line rest;
    char id[24];

    if (!compact)
        x +=
            screen_putf(s, x, y, end - x, STYLE_TEXT, "%s ",
                        format_moment_ms(row->row.at_ms, v->figures->now_ms, v->utc_offset_s).text);
    if (!compact && panel_tracker_room(v) && panel_tracker_room(v) + 1 < end - x) {
        panel_put_tracker(s, v, x, y, row->place.tracker);
        x += panel_tracker_room(v) + 1;
    }
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
                     format_moment(row->row.at_ms, v->figures->now_ms, v->utc_offset_s).text);
    if (panel_tracker_room(v) && panel_tracker_room(v) + 1 < end - x) {
        panel_put_tracker(s, v, x, y, row->place.tracker);
        x += panel_tracker_room(v) + 1;
    }
    x +=
        screen_putf(s, x, y, end - x, level_styles[row->level], "%-5s", log_level_name(row->level));
    screen_putf(s, x, y, end - x, STYLE_TEXT, "  %s", row->text);
}

static int put_filter(const struct ui *ui, char *out, size_t cap)
{
    if (!ui->is_typing && !ui->filter[0])
        return 0;
    return snprintf(out, cap, "/%s%s  ", ui->filter, ui->is_typing ? "_" : "");
}

/* The upper right of a list: does it follow, what is filtered, what is new. */
static void list_note(const struct view *v, enum panel panel, char *out, size_t cap)
{
    const struct ui *ui = v->ui;
    const struct ui_list *list = panel == PANEL_LOGS ? &ui->logs : &ui->events;
    uint64_t total = panel == PANEL_LOGS ? v->dash->logs.total : v->dash->events.total;
    int len = put_filter(ui, out, cap);

    if (ui->only_failures)
        len += snprintf(out + len, cap - (size_t)len, "%s  ",
                        panel == PANEL_LOGS ? ">= WARN" : "failures only");
    if (!list->anchor && !ui->is_paused)
        snprintf(out + len, cap - (size_t)len, "following");
    else
        snprintf(out + len, cap - (size_t)len, "%s %s new", ui->is_paused ? "PAUSED" : "held,",
                 format_count((int64_t)(total - list->anchor)).text);
}

static void fill_events(struct screen *s, const struct view *v, struct rect r, bool compact)
{
    const struct event_row *rows[ROWS_MAX];
    int height = r.height < ROWS_MAX ? r.height : ROWS_MAX;
    int chosen;
    int count = ui_event_rows(v->ui, v->dash, rows, height, &chosen);

    if (!count)
        panel_put_empty(s, v, r, PANEL_EVENTS);
    for (int i = 0; i < count; i++) {
        put_event_row(s, v, r.x + 1, r.y + i, r.width - 2, rows[i], compact);
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

    if (!count)
        panel_put_empty(s, v, r, PANEL_LOGS);
    for (int i = 0; i < count; i++) {
        put_log_row(s, v, r, r.y + i, rows[i]);
        if (i == chosen)
            screen_mark_row(s, r, r.y + i, STYLE_CHOSEN);
    }
}

/* ---- frames ---- */

static void fill(struct screen *s, const struct view *v, struct rect r, enum panel panel,
                 bool compact)
{
    if (r.width < 1 || r.height < 1)
        return;
    if (panel == PANEL_EVENTS)
        fill_events(s, v, r, compact);
    else if (panel == PANEL_LOGS)
        fill_logs(s, v, r);
    else if (panel == PANEL_ERRORS)
        panel_fill_errors(s, v, r);
    else if (panel == PANEL_PARTITIONS)
        panel_fill_partitions(s, v, r);
    else if (panel == PANEL_TRACKERS)
        panel_fill_trackers(s, v, r);
}

static void errors_note(const struct view *v, char *out, size_t cap)
{
    int len = put_filter(v->ui, out, cap);
    int count = v->dash->causes.count;

    if (count)
        snprintf(out + len, cap - (size_t)len, "%d cause%s", count, count == 1 ? "" : "s");
}

static void note_of(const struct view *v, enum panel panel, char *note, size_t cap)
{
    if (panel == PANEL_ERRORS)
        errors_note(v, note, cap);
    else if (panel == PANEL_PARTITIONS)
        snprintf(note, cap, "sort: %s", ui_sort_name(v->ui->sort));
    else if (panel == PANEL_TRACKERS)
        snprintf(note, cap, "%d", v->figures->tracker_count);
    else
        list_note(v, panel, note, cap);
}

static void framed(struct screen *s, const struct view *v, struct rect r, enum panel panel,
                   const char *title)
{
    char note[160] = "";

    note_of(v, panel, note, sizeof(note));
    screen_box(s, r, title, note);
    fill(s, v, inside(r), panel, false);
}

static const char *tab_title(const struct view *v, enum panel panel, const char *name)
{
    for (size_t i = 0; i < TABS; i++) {
        if (tabs[i].panel == panel && v->ui->panel == panel)
            return tabs[i].chosen;
    }
    return name;
}

/* A list beside others: the one that has the keys has its name and its frame marked. */
static void beside_others(struct screen *s, const struct view *v, struct rect r, enum panel panel,
                          const char *name)
{
    framed(s, v, r, panel, tab_title(v, panel, name));
    if (v->ui->panel == panel)
        screen_mark_frame(s, r, STYLE_TITLE);
}

void panel_events(struct screen *s, const struct view *v, struct rect r)
{
    beside_others(s, v, r, PANEL_EVENTS, "events");
}

void panel_logs(struct screen *s, const struct view *v, struct rect r)
{
    beside_others(s, v, r, PANEL_LOGS, "logs");
}

void panel_errors(struct screen *s, const struct view *v, struct rect r)
{
    beside_others(s, v, r, PANEL_ERRORS, "Top errors");
}

void panel_partitions(struct screen *s, const struct view *v, struct rect r)
{
    beside_others(s, v, r, PANEL_PARTITIONS, "Partitions");
}

void panel_trackers(struct screen *s, const struct view *v, struct rect r)
{
    beside_others(s, v, r, PANEL_TRACKERS, "Trackers");
}

void panel_chosen(struct screen *s, const struct view *v, struct rect r)
{
    char title[80] = "";
    size_t len = 0;

    for (size_t i = 0; i < (panel_tracker_room(v) ? TABS : TABS - 1); i++)
        len += (size_t)snprintf(title + len, sizeof(title) - len, "%s%s", i ? "  " : "",
                                tabs[i].panel == v->ui->panel ? tabs[i].chosen : tabs[i].name);
    framed(s, v, r, v->ui->panel, title);
}

/* Is there more to say of the list than its rows do? Tables have a first row of their own. */
static bool needs_head(const struct ui *ui)
{
    bool is_chosen = ui->is_typing || ui->filter[0] || ui->only_failures || ui->events.anchor;

    return ui->panel == PANEL_LOGS || (ui->panel == PANEL_EVENTS && is_chosen);
}

void panel_bare_list(struct screen *s, const struct view *v, struct rect r)
{
    char note[160] = "";

    if (r.height >= 4 || (r.height >= 2 && needs_head(v->ui))) {
        note_of(v, v->ui->panel, note, sizeof(note));
        screen_put(s, r.x, r.y, r.width, STYLE_TITLE, tab_title(v, v->ui->panel, ""));
        screen_put_right(s, r.x + r.width, r.y, r.width - 16, STYLE_TEXT, note);
        r.y++;
        r.height--;
    }
    /* the lists leave a column free on both sides */
    fill(s, v, (struct rect){r.x - 1, r.y, r.width + 2, r.height}, v->ui->panel, true);
}
