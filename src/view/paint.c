#include "view/paint.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "view/format.h"
#include "view/panel.h"

/* ---- layouts ---- */

static void (*const panels[PANEL_COUNT])(struct screen *, const struct view *, struct rect) = {
    [PANEL_FLOW] = panel_flow,
    [PANEL_QUALITY] = panel_quality,
    [PANEL_LATENCY] = panel_latency,
    [PANEL_HEALTH] = panel_health,
    [PANEL_THROUGHPUT] = panel_throughput,
    [PANEL_FAILURES] = panel_failures,
    [PANEL_LATENCY_CHART] = panel_latency_chart,
    [PANEL_EVENTS] = panel_events,
    [PANEL_LOGS] = panel_logs,
    [PANEL_ERRORS] = panel_errors,
    [PANEL_PARTITIONS] = panel_partitions,
    [PANEL_CHOSEN] = panel_chosen,
};

#define ROW_PANELS  4
#define LAYOUT_ROWS 4

struct layout_row {
    int height; /* 0: all that the others leave */
    struct {
        enum panel panel;
        int share; /* of the width, relative to the others in the row */
    } cells[ROW_PANELS];
};

/* The largest that fits wins. */
static const struct layout {
    int min_width;
    int min_height;
    struct layout_row rows[LAYOUT_ROWS];
} layouts[] = {
    {180,
     50,
     {{7, {{PANEL_HEALTH, 1}, {PANEL_FLOW, 1}, {PANEL_QUALITY, 1}, {PANEL_LATENCY, 1}}},
      {13, {{PANEL_THROUGHPUT, 2}, {PANEL_FAILURES, 1}, {PANEL_LATENCY_CHART, 1}}},
      {12, {{PANEL_PARTITIONS, 1}, {PANEL_ERRORS, 1}}},
      {0, {{PANEL_EVENTS, 3}, {PANEL_LOGS, 2}}}}},
    {110,
     32,
     {{6, {{PANEL_FLOW, 1}, {PANEL_QUALITY, 1}, {PANEL_LATENCY, 1}}},
      {9, {{PANEL_THROUGHPUT, 1}, {PANEL_FAILURES, 1}}},
      {9, {{PANEL_PARTITIONS, 1}, {PANEL_ERRORS, 1}}},
      {0, {{PANEL_EVENTS, 3}, {PANEL_LOGS, 2}}}}},
    {76,
     20,
     {{6, {{PANEL_FLOW, 1}, {PANEL_QUALITY, 1}}},
      {6, {{PANEL_THROUGHPUT, 1}}},
      {0, {{PANEL_CHOSEN, 1}}}}},
};

#define LAYOUTS (sizeof(layouts) / sizeof(layouts[0]))

static const struct layout *layout_for(int width, int height)
{
    for (size_t i = 0; i < LAYOUTS; i++) {
        if (width >= layouts[i].min_width && height >= layouts[i].min_height)
            return &layouts[i];
    }
    return NULL;
}

static int fixed_height(const struct layout *layout)
{
    int sum = 0;

    for (int i = 0; i < LAYOUT_ROWS; i++)
        sum += layout->rows[i].height;
    return sum;
}

static void paint_row(struct screen *s, const struct view *v, const struct layout_row *row,
                      struct rect area)
{
    int shares = 0;
    int before = 0;

    for (int i = 0; i < ROW_PANELS; i++)
        shares += row->cells[i].share;
    for (int i = 0; i < ROW_PANELS && row->cells[i].share; i++) {
        int after = before + row->cells[i].share;
        struct rect r = area;

        r.x = area.x + area.width * before / shares;
        r.width = area.x + area.width * after / shares - r.x;
        panels[row->cells[i].panel](s, v, r);
        before = after;
    }
}

static void paint_layout(struct screen *s, const struct view *v, const struct layout *layout,
                         struct rect area)
{
    int rest = area.height - fixed_height(layout);

    for (int i = 0; i < LAYOUT_ROWS && layout->rows[i].cells[0].share; i++) {
        struct rect r = area;

        r.height = layout->rows[i].height ? layout->rows[i].height : rest;
        paint_row(s, v, &layout->rows[i], r);
        area.y += r.height;
    }
}

/* ---- header, notices, key bar ---- */

static enum level shown_level(const struct view *v)
{
    return v->verdict->has_shown ? v->verdict->shown : LEVEL_UNKNOWN;
}

static void verdict_text(const struct view *v, char *out, size_t cap)
{
    enum level level = shown_level(v);

    if (v->figures->is_catching_up)
        snprintf(out, cap, "[? CATCHING UP %d %%]", (int)(v->figures->read_share * 100));
    else
        snprintf(out, cap, "[%s %s]", level_symbol(level), level_name(level));
}

static void state_text(const struct view *v, char *out, size_t cap)
{
    const struct figures *f = v->figures;

    if (f->state == FLOW_STALE)
        snprintf(out, cap, "STALE %s",
                 format_duration(f->event_age_ms > f->log_age_ms ? f->event_age_ms : f->log_age_ms)
                     .text);
    else
        snprintf(out, cap, "%s", flow_state_name(f->state));
}

static const char *shown_topic(const struct view *v)
{
    return v->dash->topic[0] ? v->dash->topic : v->topic;
}

static void put_left(struct screen *s, const struct view *v, int room)
{
    int x = screen_put(s, 0, 0, room, STYLE_TITLE, " monitor  ");

    room -= x;
    if (v->figures->state == FLOW_WAITING)
        screen_put(s, x, 0, room, STYLE_TEXT, "waiting for data");
    else if (s->width >= 110)
        screen_putf(s, x, 0, room, STYLE_TEXT, "topic %s  group %s  %s  %s", shown_topic(v),
                    v->group, v->figures->events_reader->path, v->figures->log_reader->path);
    else
        screen_putf(s, x, 0, room, STYLE_TEXT, "%s / %s", shown_topic(v), v->group);
}

static void paint_header(struct screen *s, const struct view *v)
{
    char verdict[48];
    char state[48];
    char right[128];
    int width;

    verdict_text(v, verdict, sizeof(verdict));
    state_text(v, state, sizeof(state));
    if (s->width >= 110 && v->figures->health.passed == HEALTH_RULES)
        snprintf(right, sizeof(right), " all %d checks  %s  %s", HEALTH_RULES, state,
                 format_time(v->figures->now_ms, v->utc_offset_s).text);
    else
        snprintf(right, sizeof(right), "  %s  %s", state,
                 format_time(v->figures->now_ms, v->utc_offset_s).text);
    width = (int)(strlen(verdict) + strlen(right));
    put_left(s, v, s->width - width - 2);
    screen_put(s, s->width - width, 0, width, panel_level_style(shown_level(v)), verdict);
    screen_put_right(s, s->width, 0, (int)strlen(right), STYLE_TEXT, right);
}

static void notice_history(struct screen *s, const struct view *v, int y)
{
    const struct reader *r = v->figures->events_reader;

    screen_putf(s, 0, y, s->width, STYLE_NOTE,
                " ? reading history, %s of %s; totals marked >= are still growing",
                format_bytes((double)(r->size - r->behind)).text,
                format_bytes((double)r->size).text);
}

/* When and after what: more than the rule's own words, since times of day belong to the view. */
static void notice_silence(struct screen *s, const struct view *v, int y, enum style style)
{
    const struct figures *f = v->figures;
    const struct log_row *log = dash_log_row(v->dash, v->dash->logs.total);
    struct text_buffer event = format_time_ms(v->dash->newest_ms, v->utc_offset_s);
    struct text_buffer line = format_time(log ? log->at_ms : 0, v->utc_offset_s);

    if (f->state == FLOW_STOPPED)
        screen_putf(s, 0, y, s->width, style, " X tracker stopped cleanly at %s (%s ago)%s%s",
                    line.text, format_duration(f->stop_age_ms).text,
                    v->dash->has_event ? ", last event " : "",
                    v->dash->has_event ? event.text : "");
    else if (log)
        screen_putf(s, 0, y, s->width, style, " X silent for %s. Last log: %s %s %s",
                    format_duration(f->log_age_ms).text, line.text, log_level_name(log->level),
                    log->text);
    else
        screen_putf(s, 0, y, s->width, style, " X silent for %s, and no log is read",
                    format_duration(f->event_age_ms).text);
}

static void notice_finding(struct screen *s, const struct view *v, int y, int rule)
{
    const struct health_finding *found = &v->figures->health.findings[rule];
    enum style style = panel_level_style(found->level);
    bool is_silent = v->figures->state == FLOW_STOPPED || v->figures->state == FLOW_STALE;

    if (rule == HEALTH_FRESHNESS && is_silent)
        notice_silence(s, v, y, style);
    else
        screen_putf(s, 0, y, s->width, style, " %s %s: %s", level_symbol(found->level),
                    health_rule_name(rule), found->text);
}

/* A row under the header for each thing that must not be missed. Returns how many rows. */
static int paint_notices(struct screen *s, const struct view *v, int most)
{
    const struct health *h = &v->figures->health;
    int order[HEALTH_RULES];
    int y = 1;

    if (most > 0 && v->ui->notice_until_ms > v->figures->now_ms)
        screen_putf(s, 0, y++, s->width, STYLE_NOTE, " i %s", v->ui->notice);
    if (v->dash->history.is_reading && !v->figures->is_catching_up && y <= most)
        screen_putf(s, 0, y++, s->width, STYLE_NOTE,
                    " i reading history, %s of %s; totals marked >= are still growing   b skips",
                    format_bytes((double)v->dash->history.position).text,
                    format_bytes((double)v->dash->history.size).text);
    if (v->figures->is_catching_up) {
        if (y <= most)
            notice_history(s, v, y++);
        return y - 1;
    }
    health_ranking(h, order);
    for (int i = 0; i < HEALTH_RULES && y <= most; i++) {
        if (h->findings[order[i]].level < LEVEL_WARN || shown_level(v) < LEVEL_WARN)
            break;
        notice_finding(s, v, y++, order[i]);
    }
    return y - 1;
}

/* In the order of their worth: as many as fit. */
static const struct {
    const char *key;
    const char *label;
    const char *label_when_paused;
    const char *help;
} key_bar[] = {
    {"q", "Quit", NULL, "quit, as does Ctrl+C"},
    {"?", "Help", NULL, "this page"},
    {"Space", "Pause", "Resume", "hold the lists still, and let them go on"},
    {"Tab", "Panel", NULL, "next list; Shift+Tab the one before; e l x p choose one"},
    {"/", "Filter", NULL, "show only rows with this text; Escape clears it"},
    {"Enter", "Detail", NULL, "the whole line under the cursor"},
    {"f", "Failures", NULL, "failures only"},
    {"+/-", "Window", NULL, "what the quality tile looks back on: 10 s, 60 s, 15 min, all"},
    {"z", "Zoom", NULL, "the list over the whole screen"},
    {"s", "Scale", NULL, "charts linear or logarithmic"},
    {"o", "Sort", NULL, "order of the partitions"},
    {"w", "Write", NULL, "write the screen into a file"},
    {"y", "Copy", NULL, "copy the line to the clipboard (OSC 52)"},
    {"r", "Redraw", NULL, "look for the files now and draw anew, as does Ctrl+L"},
    {"m", "Mouse", NULL, "mouse wheel on and off"},
    {"b", "", NULL, "give up reading the journal's history; the totals stay lower bounds"},
};

#define KEYS (sizeof(key_bar) / sizeof(key_bar[0]))

static void paint_keys(struct screen *s, const struct view *v, int y)
{
    int x = 1;

    for (size_t i = 0; i < KEYS; i++) {
        const char *label = v->ui->is_paused && key_bar[i].label_when_paused
                                ? key_bar[i].label_when_paused
                                : key_bar[i].label;
        int width = (int)(strlen(key_bar[i].key) + 1 + strlen(label));

        if (!label[0])
            continue; /* its notice tells of it when it is of use */
        if (x + width > s->width)
            break;
        screen_put(s, x, y, s->width - x, STYLE_KEY, key_bar[i].key);
        screen_put(s, x + width - (int)strlen(label), y, s->width - x, STYLE_TEXT, label);
        x += width + 2;
    }
    if (x == 1)
        screen_put(s, 0, y, s->width, STYLE_KEY, "q");
}

/* ---- whole pages ---- */

void panel_help(struct screen *s, const struct view *v, struct rect r)
{
    (void)v;
    screen_box(s, r, "Keys", "Esc closes");
    for (size_t i = 0; i < KEYS && (int)i < r.height - 2; i++) {
        int y = r.y + 1 + (int)i;

        screen_put(s, r.x + 3, y, r.width - 4, STYLE_KEY, key_bar[i].key);
        screen_put(s, r.x + 11, y, r.width - 12, STYLE_TEXT, key_bar[i].help);
    }
}

void panel_detail(struct screen *s, const struct view *v, struct rect r)
{
    const char *line = strbuf_text(&v->ui->detail);
    int skip = v->ui->detail_scroll;
    int y = r.y + 1;
    char text[2048];

    screen_box(s, r, "Detail", "Esc closes  arrows scroll  y copies");
    while (*line && y < r.y + r.height - 1) {
        size_t len = strcspn(line, "\n");
        size_t shown = len < sizeof(text) - 1 ? len : sizeof(text) - 1;

        if (skip-- <= 0) {
            memcpy(text, line, shown);
            text[shown] = '\0';
            screen_put(s, r.x + 2, y++, r.width - 4, STYLE_TEXT, text);
        }
        line += len + (line[len] != '\0');
    }
}

static void put_file(struct screen *s, struct rect r, int row, const struct reader *reader)
{
    static const char *const symbols[] = {"?", "+", "X"};
    char what[128];

    if (reader->state == READER_WAITING)
        snprintf(what, sizeof(what), "not found");
    else if (reader->state == READER_FAILED)
        snprintf(what, sizeof(what), "%s", strerror(reader->error));
    else
        snprintf(what, sizeof(what), "opened, %s", format_bytes((double)reader->size).text);
    screen_putf(s, r.x + 4, r.y + row, r.width - 5, STYLE_TEXT, "%s   %-20s  %s",
                symbols[reader->state], reader->path, what);
}

void panel_waiting(struct screen *s, const struct view *v, struct rect r)
{
    static const char *const advice[] = {
        "The tracker has not written a message yet. Start it, or point monitor at",
        "other files:  monitor --events PATH --log PATH",
    };
    char note[64];

    snprintf(note, sizeof(note), "checking every 0.5 s, %s so far",
             format_duration(v->waited_ms).text);
    if (r.height > 8)
        r.height = 8;
    screen_box(s, r, "Waiting for files", note);
    put_file(s, r, 1, v->figures->events_reader);
    put_file(s, r, 2, v->figures->log_reader);
    for (int i = 0; i < 2 && i + 4 < r.height - 1; i++)
        screen_put(s, r.x + 4, r.y + 4 + i, r.width - 5, STYLE_TEXT, advice[i]);
    screen_put(s, 0, r.y + r.height, s->width, STYLE_TEXT,
               " nothing is shown as 0 here on purpose: unknown is not zero");
}

static void paint_main(struct screen *s, const struct view *v, const struct layout *layout)
{
    int spare = s->height - 2 - fixed_height(layout) - 4;
    int notices = paint_notices(s, v, spare < 0 ? 0 : spare < 3 ? spare : 3);
    struct rect area = {0, 1 + notices, s->width, s->height - 2 - notices};

    paint_header(s, v);
    if (v->ui->shows_help)
        panel_help(s, v, area);
    else if (v->ui->shows_detail)
        panel_detail(s, v, area);
    else if (v->figures->state == FLOW_WAITING)
        panel_waiting(s, v, area);
    else if (v->ui->is_zoomed)
        panel_chosen(s, v, area);
    else
        paint_layout(s, v, layout, area);
    paint_keys(s, v, s->height - 1);
}

/* ---- small windows: lines only ---- */

#define LINES_WIDTH  36
#define LINES_HEIGHT 6

static struct panel_line line_at(struct screen *s, int y)
{
    return (struct panel_line){.screen = s, .x = s->width >= LINES_WIDTH, .y = y, .end = s->width};
}

static void line_verdict(struct screen *s, const struct view *v, int y)
{
    char verdict[48];
    char right[96];

    verdict_text(v, verdict, sizeof(verdict));
    snprintf(right, sizeof(right), "%s %s", verdict,
             format_time(v->figures->now_ms, v->utc_offset_s).text);
    screen_put(s, 1, y, s->width - (int)strlen(right) - 2, STYLE_TITLE, shown_topic(v));
    screen_put_right(s, s->width, y, s->width, panel_level_style(shown_level(v)), right);
}

static void line_reason(struct screen *s, const struct view *v, int y)
{
    const struct health *h = &v->figures->health;
    int order[HEALTH_RULES];
    int rule;

    health_ranking(h, order);
    rule = v->figures->state == FLOW_WAITING           ? HEALTH_FRESHNESS
           : h->findings[order[0]].level >= LEVEL_WARN ? order[0]
                                                       : HEALTH_SUCCESS;
    screen_putf(s, 1, y, s->width - 1, panel_level_style(h->findings[rule].level), "%s %s",
                health_rule_name(rule), h->findings[rule].text);
}

static void line_rate(struct screen *s, const struct view *v, int y)
{
    struct panel_line l = line_at(s, y);
    int room = s->width - 30;

    panel_put(&l, STYLE_TEXT, "rate %s/s ", format_rate(v->figures->rate_10s.per_second).text);
    if (room > 0 && l.x + room < l.end) {
        panel_sparkline(s, v, l.x, y, room);
        l.x += room;
    }
    panel_put(&l, STYLE_TEXT, "  avg60 %s", format_rate(v->figures->rate_60s.per_second).text);
}

static struct text_buffer plain(int64_t n)
{
    static const struct text_buffer none = {"n/a"};

    return n < 0 ? none : format_short(n);
}

static void line_latency(struct screen *s, const struct view *v, int y)
{
    const struct figure_latency *e = &v->figures->latency;
    struct panel_line l = line_at(s, y);

    panel_put(&l, STYLE_TEXT, "p50 %s", format_count(e->p50).text);
    panel_put(&l, STYLE_TEXT, "  p95 %s", format_count(e->p95).text);
    panel_put(&l, STYLE_TEXT, "  p99 %s ms", format_count(e->p99).text);
}

static void line_counts(struct screen *s, const struct view *v, int y)
{
    const struct figures *f = v->figures;
    struct panel_line l = line_at(s, y);

    panel_put(&l, STYLE_TEXT, "lag %s", plain(f->lag.messages).text);
    panel_put(&l, STYLE_TEXT, s->width >= LINES_WIDTH ? "  dlq %s" : " dlq %s",
              plain(f->dlq_60s).text);
    panel_put(&l, STYLE_TEXT, "  gaps %s", f->gaps < 0 ? "-" : format_short(f->gaps).text);
}

static void line_events(struct screen *s, const struct view *v, int y, int rows)
{
    const struct event_row *events[64];
    int chosen;
    int count = ui_event_rows(v->ui, v->dash, events, rows < 64 ? rows : 64, &chosen);

    for (int i = 0; i < count; i++)
        panel_event_row(s, v, 1, y + i, s->width - 1, events[i], true);
}

static void paint_lines(struct screen *s, const struct view *v)
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
        line_events(s, v, count, s->height - 1 - count);
    }
    paint_keys(s, v, s->height - 1);
}

/* Verdict with success and rate, then lag, then the way out: as many rows and pieces as fit. */
static void paint_tiny(struct screen *s, const struct view *v)
{
    const struct figures *f = v->figures;
    enum level level = shown_level(v);
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
    panel_put(&l, STYLE_TEXT, " %s/s", format_rate(f->rate_10s.per_second).text);
    if (s->height > 1)
        line_counts(s, v, 1);
    if (s->height > 2)
        screen_put(s, 0, s->height - 1, s->width, STYLE_KEY, s->width >= 7 ? "q Quit" : "q");
}

void paint(struct screen *s, const struct view *v)
{
    const struct layout *layout = layout_for(s->width, s->height);

    screen_clear(s);
    if (layout)
        paint_main(s, v, layout);
    else if (s->width >= LINES_WIDTH && s->height >= LINES_HEIGHT)
        paint_lines(s, v);
    else
        paint_tiny(s, v);
}

int paint_page(int width, int height, const struct ui *ui)
{
    const struct layout *layout = layout_for(width, height);
    int rows = height - 4;

    if (layout && !ui->is_zoomed && !ui->shows_detail)
        rows -= fixed_height(layout);
    return rows < 1 ? 1 : rows;
}
