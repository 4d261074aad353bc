#include "view/ui.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void ui_init(struct ui *ui)
{
    *ui = (struct ui){.panel = PANEL_EVENTS, .sort = UI_SORT_LAG, .window = UI_WINDOW_DEFAULT};
    ui->events.cursor = ui->logs.cursor = -1;
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

void ui_show_detail(struct ui *ui, const char *lines)
{
    strbuf_reset(&ui->detail);
    strbuf_adds(&ui->detail, lines);
    ui->detail_scroll = 0;
    ui->shows_detail = true;
}

void ui_notice(struct ui *ui, int64_t until_ms, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(ui->notice, sizeof(ui->notice), fmt, ap);
    va_end(ap);
    ui->notice_until_ms = until_ms;
}

/* ---- which rows ---- */

static bool contains(const char *text, const char *part)
{
    return !part[0] || strcasestr(text, part) != NULL;
}

bool ui_wants_event(const struct ui *ui, const struct event_row *row)
{
    char head[64];

    if (ui->only_failures && (row->kind == ROW_OK || row->kind == ROW_REPLAY))
        return false;
    snprintf(head, sizeof(head), "p%d @%lld ", row->partition, (long long)row->offset);
    return contains(row->text, ui->filter) || contains(row->order_id, ui->filter) ||
           contains(head, ui->filter);
}

bool ui_wants_log(const struct ui *ui, const struct log_row *row)
{
    if (ui->only_failures && row->level < LOG_WARN)
        return false;
    return contains(row->text, ui->filter) || contains(log_level_name(row->level), ui->filter);
}

static int first_shown(const struct ui_list *list, int height)
{
    return list->cursor >= height ? list->cursor - height + 1 : 0;
}

static void place_cursor(const struct ui_list *list, int first, int count, int *chosen)
{
    int at = list->cursor - first;

    *chosen = list->cursor < 0 || count == 0 ? -1 : at < count ? at : count - 1;
}

int ui_event_rows(const struct ui *ui, const struct dash *d, const struct event_row **rows,
                  int height, int *chosen)
{
    uint64_t number = ui->events.anchor ? ui->events.anchor : d->events.total;
    int first = first_shown(&ui->events, height);
    int skip = first;
    int count = 0;
    const struct event_row *row;

    for (; count < height && (row = dash_event_row(d, number)) != NULL; number--) {
        if (ui_wants_event(ui, row) && skip-- <= 0)
            rows[count++] = row;
    }
    place_cursor(&ui->events, first, count, chosen);
    return count;
}

int ui_log_rows(const struct ui *ui, const struct dash *d, const struct log_row **rows, int height,
                int *chosen)
{
    uint64_t number = ui->logs.anchor ? ui->logs.anchor : d->logs.total;
    int first = first_shown(&ui->logs, height);
    int skip = first;
    int count = 0;
    const struct log_row *row;

    for (; count < height && (row = dash_log_row(d, number)) != NULL; number--) {
        if (ui_wants_log(ui, row) && skip-- <= 0)
            rows[count++] = row;
    }
    place_cursor(&ui->logs, first, count, chosen);
    return count;
}

static struct ui_list *chosen_list(struct ui *ui)
{
    return ui->panel == PANEL_EVENTS ? &ui->events : ui->panel == PANEL_LOGS ? &ui->logs : NULL;
}

static uint64_t newest_row(const struct ui *ui, const struct dash *d)
{
    return ui->panel == PANEL_LOGS ? d->logs.total : d->events.total;
}

uint64_t ui_new_rows(const struct ui *ui, const struct dash *d)
{
    uint64_t anchor = ui->panel == PANEL_LOGS ? ui->logs.anchor : ui->events.anchor;

    return anchor ? newest_row(ui, d) - anchor : 0;
}

const struct place *ui_chosen_place(const struct ui *ui, const struct dash *d, bool *is_log)
{
    const struct event_row *event;
    const struct log_row *log;
    int chosen;
    struct ui at = *ui;

    *is_log = ui->panel == PANEL_LOGS;
    at.events.cursor = ui->events.cursor < 0 ? 0 : ui->events.cursor;
    at.logs.cursor = ui->logs.cursor < 0 ? 0 : ui->logs.cursor;
    if (ui->panel == PANEL_LOGS)
        return ui_log_rows(&at, d, &log, 1, &chosen) ? &log->place : NULL;
    if (ui->panel == PANEL_EVENTS)
        return ui_event_rows(&at, d, &event, 1, &chosen) ? &event->place : NULL;
    return NULL;
}

/* ---- keys ---- */

static const enum panel lists[] = {PANEL_EVENTS, PANEL_LOGS, PANEL_ERRORS, PANEL_PARTITIONS};

#define LISTS ((int)(sizeof(lists) / sizeof(lists[0])))

static void choose_panel(struct ui *ui, enum panel panel)
{
    ui->panel = panel;
    ui->scroll = 0;
}

static void step_panel(struct ui *ui, int step)
{
    int at = 0;

    while (at < LISTS - 1 && lists[at] != ui->panel)
        at++;
    choose_panel(ui, lists[(at + step + LISTS) % LISTS]);
}

/* Moves the cursor; the first move pins the list, so that rows do not run away under the cursor. */
static void move(struct ui *ui, const struct dash *d, int step)
{
    struct ui_list *list = chosen_list(ui);

    if (!list) {
        ui->scroll = ui->scroll + step < 0 ? 0 : ui->scroll + step;
        return;
    }
    if (!list->anchor)
        list->anchor = newest_row(ui, d);
    list->cursor = list->cursor < 0 ? (step > 0 ? step - 1 : 0) : list->cursor + step;
    if (list->cursor < 0)
        list->cursor = 0;
}

static void follow(struct ui *ui)
{
    struct ui_list *list = chosen_list(ui);

    ui->scroll = 0;
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
    if (ui->shows_help)
        ui->shows_help = false;
    else if (ui->shows_detail)
        ui->shows_detail = false;
    else if (ui->notice_until_ms)
        ui->notice_until_ms = 0;
    else if (ui->filter[0] || ui->only_failures)
        ui->filter[0] = '\0', ui->only_failures = false;
    else if (ui->is_zoomed)
        ui->is_zoomed = false;
    else
        follow(ui);
}

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
    } else if (key >= ' ' && key < 256 && len + 1 < sizeof(ui->filter)) {
        ui->filter[len] = (char)key;
        ui->filter[len + 1] = '\0';
    }
}

static void scroll_detail(struct ui *ui, int step)
{
    ui->detail_scroll += step;
    if (ui->detail_scroll < 0)
        ui->detail_scroll = 0;
}

static enum ui_action press_in_detail(struct ui *ui, int key, int page)
{
    switch (key) {
    case 'q':
        return UI_QUIT;
    case 'y':
        return UI_COPY;
    case UI_KEY_UP:
    case 'k':
        scroll_detail(ui, -1);
        break;
    case UI_KEY_DOWN:
    case 'j':
        scroll_detail(ui, 1);
        break;
    case UI_KEY_PAGE_UP:
        scroll_detail(ui, -page);
        break;
    case UI_KEY_PAGE_DOWN:
    case ' ':
        scroll_detail(ui, page);
        break;
    case UI_KEY_ESCAPE:
    case UI_KEY_ENTER:
        ui->shows_detail = false;
        break;
    default:
        break;
    }
    return UI_NOTHING;
}

static const struct {
    int key;
    enum panel panel;
} panel_keys[] = {
    {'e', PANEL_EVENTS}, {'l', PANEL_LOGS}, {'x', PANEL_ERRORS}, {'p', PANEL_PARTITIONS},
    {'1', PANEL_EVENTS}, {'2', PANEL_LOGS}, {'3', PANEL_ERRORS}, {'4', PANEL_PARTITIONS},
};

static const struct {
    int key;
    int lines;
    int pages;
} move_keys[] = {
    {UI_KEY_UP, -1, 0},      {'k', -1, 0},
    {UI_KEY_DOWN, 1, 0},     {'j', 1, 0},
    {UI_KEY_PAGE_UP, 0, -1}, {UI_KEY_PAGE_DOWN, 0, 1},
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
            choose_panel(ui, panel_keys[i].panel);
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
        step_panel(ui, 1);
        break;
    case UI_KEY_BACK_TAB:
        step_panel(ui, -1);
        break;
    case 'g':
    case 'G':
    case UI_KEY_HOME:
    case UI_KEY_END:
        follow(ui);
        break;
    case '/':
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
        ui->shows_help = !ui->shows_help;
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
    if (ui->shows_detail && !ui->shows_help)
        return press_in_detail(ui, key, page);
    for (size_t i = 0; i < sizeof(action_keys) / sizeof(action_keys[0]); i++) {
        if (action_keys[i].key == key)
            return action_keys[i].action;
    }
    if (!press_table(ui, d, key, page))
        press_toggle(ui, d, key);
    return UI_NOTHING;
}
