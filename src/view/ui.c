#include "view/ui.h"

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "view/ui_parts.h"

void ui_init(struct ui *ui)
{
    *ui = (struct ui){.panel = PANEL_EVENTS, .sort = UI_SORT_LAG, .window = UI_WINDOW_DEFAULT};
    ui->events.cursor = ui->logs.cursor = ui->row = -1;
}

void ui_release(struct ui *ui)
{
    strbuf_release(&ui->detail);
}

const char *ui_sort_name(enum ui_sort sort)
{
    static const char *const names[] = {"partition", "lag", "rate", "failed"};

    return names[sort];
}

void ui_notice(struct ui *ui, int64_t until_ms, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(ui->notice, sizeof(ui->notice), fmt, ap);
    va_end(ap);
    ui->notice_until_ms = until_ms;
}

static struct ui_list *chosen_list(struct ui *ui)
{
    return ui->panel == PANEL_EVENTS ? &ui->events : ui->panel == PANEL_LOGS ? &ui->logs : NULL;
}

static uint64_t newest_row(const struct ui *ui, const struct dash *d)
{
    return ui->panel == PANEL_LOGS ? d->logs.total : d->events.total;
}

/* ---- keys ---- */

static const enum panel lists[] = {PANEL_EVENTS, PANEL_LOGS, PANEL_ERRORS, PANEL_PARTITIONS,
                                   PANEL_TRACKERS};

#define LISTS ((int)(sizeof(lists) / sizeof(lists[0])))

/* The last list is there only when there are several trackers. */
static int count_lists(const struct dash *d)
{
    return d->part_count > 1 ? LISTS : LISTS - 1;
}

static void choose_panel(struct ui *ui, const struct dash *d, enum panel panel)
{
    if (panel == PANEL_TRACKERS && d->part_count < 2)
        return;
    ui->panel = panel;
    ui->row = -1;
}

static void step_panel(struct ui *ui, const struct dash *d, int step)
{
    int count = count_lists(d);
    int at = 0;

    while (at < count - 1 && lists[at] != ui->panel)
        at++;
    choose_panel(ui, d, lists[(at + step + count) % count]);
}

static int table_rows(const struct ui *ui, const struct dash *d)
{
    int order[CAUSE_MAX];

    return ui->panel == PANEL_ERRORS       ? ui_causes(ui, &d->causes, 0, order)
           : ui->panel == PANEL_PARTITIONS ? (int)d->partitions.count
                                           : d->part_count;
}

/* How many rows the list shows, counted up to `most`. */
static int count_rows(const struct ui *ui, const struct dash *d, int most)
{
    const struct event_row *event;
    const struct log_row *log;
    struct dash_walk walk;
    int count = 0;

    if (ui_is_paused_empty(ui, ui->panel == PANEL_LOGS ? &ui->logs : &ui->events))
        return 0;
    if (ui->panel == PANEL_LOGS) {
        dash_walk_logs(d, ui->logs.anchor, &walk);
        while (count < most && (log = dash_next_log(&walk)) != NULL)
            count += ui_wants_log(ui, log);
    } else {
        dash_walk_events(d, ui->events.anchor, &walk);
        while (count < most && (event = dash_next_event(&walk)) != NULL)
            count += ui_wants_event(ui, event);
    }
    return count;
}

/* From nothing chosen a step down chooses the first row. */
static int step_cursor(int cursor, int step, int rows)
{
    int to = cursor < 0 ? (step > 0 ? step - 1 : 0) : cursor + step;

    if (to >= rows)
        to = rows - 1;
    return to < 0 ? 0 : to;
}

/* Moves the cursor; the first move pins the list, so that rows do not run away under the cursor. */
static void move(struct ui *ui, const struct dash *d, int step)
{
    struct ui_list *list = chosen_list(ui);

    if (!list) {
        ui->row = step_cursor(ui->row, step, table_rows(ui, d));
        return;
    }
    if (!list->anchor && !ui->is_paused)
        list->anchor = newest_row(ui, d);
    list->cursor = step_cursor(
        list->cursor, step,
        count_rows(ui, d, (list->cursor < 0 ? 0 : list->cursor) + (step > 0 ? step : 0) + 1));
}

static void follow(struct ui *ui)
{
    struct ui_list *list = chosen_list(ui);

    ui->row = -1;
    if (list && !ui->is_paused)
        *list = (struct ui_list){.cursor = -1};
    else if (list)
        list->cursor = 0;
}

static void pause_or_resume(struct ui *ui, const struct dash *d)
{
    ui->is_paused = !ui->is_paused;
    ui->events = (struct ui_list){.anchor = ui->is_paused ? d->events.total : 0, .cursor = -1};
    ui->logs = (struct ui_list){.anchor = ui->is_paused ? d->logs.total : 0, .cursor = -1};
}

/* Escape closes one thing at a time and never quits. */
static void escape(struct ui *ui)
{
    if (ui->notice_until_ms)
        ui->notice_until_ms = 0;
    else if (ui->filter[0] || ui->only_failures)
        ui->filter[0] = '\0', ui->only_failures = false;
    else if (ui->is_zoomed)
        ui->is_zoomed = false;
    else
        follow(ui);
}

#define CLEAR_LINE 21 /* Ctrl+U */

static void type(struct ui *ui, int key)
{
    size_t len = strlen(ui->filter);

    if (key == UI_KEY_ENTER || key == '\r') {
        ui->is_typing = false;
    } else if (key == UI_KEY_ESCAPE) {
        ui->is_typing = false;
        ui->filter[0] = '\0';
    } else if (key == UI_KEY_BACKSPACE || key == '\b') {
        while (len && ((unsigned char)ui->filter[--len] & 0xc0) == 0x80)
            ;
        ui->filter[len] = '\0';
    } else if (key == CLEAR_LINE) {
        ui->filter[0] = '\0';
    } else if (key >= ' ' && key < 256 && len + 1 < sizeof(ui->filter)) {
        ui->filter[len] = (char)key;
        ui->filter[len + 1] = '\0';
    }
}

#define TO_THE_OLDEST (INT_MAX / 4)

static const struct {
    int key;
    enum panel panel;
} panel_keys[] = {
    {'e', PANEL_EVENTS},     {'l', PANEL_LOGS},     {'x', PANEL_ERRORS}, {'p', PANEL_PARTITIONS},
    {'t', PANEL_TRACKERS},   {'1', PANEL_EVENTS},   {'2', PANEL_LOGS},   {'3', PANEL_ERRORS},
    {'4', PANEL_PARTITIONS}, {'5', PANEL_TRACKERS},
};

static const struct {
    int key;
    int lines;
    int pages;
} move_keys[] = {
    {UI_KEY_UP, -1, 0},
    {'k', -1, 0},
    {UI_KEY_DOWN, 1, 0},
    {'j', 1, 0},
    {'N', -1, 0},
    {'n', 1, 0}, /* what is filtered out is no row */
    {UI_KEY_PAGE_UP, 0, -1},
    {UI_KEY_PAGE_DOWN, 0, 1},
};

static const struct {
    int key;
    enum ui_action action;
} action_keys[] = {
    {'q', UI_QUIT},
    {3, UI_QUIT},
    {'r', UI_RETRY},
    {12, UI_RETRY},
    {UI_KEY_ENTER, UI_DETAIL},
    {'\r', UI_DETAIL},
    {'y', UI_COPY},
    {'w', UI_SNAPSHOT},
    {'m', UI_MOUSE},
    {'b', UI_SKIP_HISTORY},
};

static bool press_table(struct ui *ui, const struct dash *d, int key, int page)
{
    for (size_t i = 0; i < sizeof(panel_keys) / sizeof(panel_keys[0]); i++) {
        if (panel_keys[i].key == key) {
            choose_panel(ui, d, panel_keys[i].panel);
            return true;
        }
    }
    for (size_t i = 0; i < sizeof(move_keys) / sizeof(move_keys[0]); i++) {
        if (move_keys[i].key == key) {
            move(ui, d, move_keys[i].lines + move_keys[i].pages * page);
            return true;
        }
    }
    return false;
}

static void press_toggle(struct ui *ui, const struct dash *d, int key)
{
    switch (key) {
    case ' ':
        pause_or_resume(ui, d);
        break;
    case UI_KEY_TAB:
        step_panel(ui, d, 1);
        break;
    case UI_KEY_BACK_TAB:
        step_panel(ui, d, -1);
        break;
    case 'g':
    case UI_KEY_HOME:
        move(ui, d, TO_THE_OLDEST);
        break;
    case 'G':
    case UI_KEY_END:
        follow(ui);
        break;
    case '/':
        if (ui->panel == PANEL_PARTITIONS || ui->panel == PANEL_TRACKERS)
            choose_panel(ui, d, PANEL_EVENTS); /* those have nothing to be searched */
        ui->is_typing = true;
        ui->filter[0] = '\0';
        break;
    case 'f':
        ui->only_failures = !ui->only_failures;
        break;
    case 'z':
        ui->is_zoomed = !ui->is_zoomed;
        break;
    case 's':
        ui->is_log_scale = !ui->is_log_scale;
        break;
    case 'o':
        ui->sort = (ui->sort + 1) % UI_SORT_COUNT;
        break;
    case '+':
    case '=': /* the same key without shift */
        ui->window += ui->window < UI_WINDOW_LAST;
        break;
    case '-':
        ui->window -= ui->window > 0;
        break;
    case '?':
        ui->shows_help = true;
        ui->help_scroll = 0;
        break;
    case UI_KEY_ESCAPE:
        escape(ui);
        break;
    default:
        break;
    }
}

enum ui_action ui_press(struct ui *ui, const struct dash *d, int key, int page)
{
    if (key == 3) /* Ctrl+C quits wherever one is */
        return UI_QUIT;
    if (ui->is_typing) {
        type(ui, key);
        return UI_NOTHING;
    }
    if (ui->shows_help && ui_press_in_help(ui, key, page))
        return UI_NOTHING;
    if (ui->shows_detail) {
        if (key != 'n' && key != 'N')
            return ui_press_in_detail(ui, key, page);
        move(ui, d, key == 'n' ? 1 : -1);
        return UI_DETAIL;
    }
    for (size_t i = 0; i < sizeof(action_keys) / sizeof(action_keys[0]); i++) {
        if (action_keys[i].key == key)
            return action_keys[i].action;
    }
    if (!press_table(ui, d, key, page))
        press_toggle(ui, d, key);
    return UI_NOTHING;
}
