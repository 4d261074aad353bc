#ifndef VIEW_UI_H
#define VIEW_UI_H

#include <stdbool.h>
#include <stdint.h>

#include "base/strbuf.h"
#include "view/dash.h"
#include "view/figures.h"

/* What the user chose to see: keys change it, paint follows it. Pure. */

enum panel {
    PANEL_NONE,
    PANEL_FLOW,
    PANEL_QUALITY,
    PANEL_LATENCY,
    PANEL_HEALTH,
    PANEL_ORDERS,
    PANEL_THROUGHPUT,
    PANEL_FAILURES,
    PANEL_TWO_CHARTS, /* failures above latency */
    PANEL_EVENTS,
    PANEL_LOGS,
    PANEL_ERRORS,
    PANEL_PARTITIONS,
    PANEL_TRACKERS,
    PANEL_CHOSEN, /* in a layout: the list that the user chose */
    PANEL_COUNT,
};

/* Keys beyond plain characters. */
enum ui_key {
    UI_KEY_TAB = '\t',
    UI_KEY_ENTER = '\n',
    UI_KEY_ESCAPE = 27,
    UI_KEY_BACKSPACE = 127,
    UI_KEY_UP = 0x110000,
    UI_KEY_DOWN,
    UI_KEY_PAGE_UP,
    UI_KEY_PAGE_DOWN,
    UI_KEY_HOME,
    UI_KEY_END,
    UI_KEY_BACK_TAB,
};

enum ui_action {
    UI_NOTHING,
    UI_QUIT,
    UI_RETRY,    /* look for the files now, draw everything anew */
    UI_DETAIL,   /* the caller reads the chosen line and calls ui_show_detail */
    UI_COPY,     /* put the chosen line on the clipboard */
    UI_SNAPSHOT, /* write the screen to a file */
    UI_MOUSE,
    UI_SKIP_HISTORY,
};

#define UI_FILTER_MAX     64
#define UI_WINDOW_DEFAULT 1 /* 60 s */
#define UI_WINDOW_LAST    3 /* all */

/* Where a list of rows stands. */
struct ui_list {
    uint64_t anchor; /* the newest row shown; 0 follows the newest there is */
    int cursor;      /* rows below it; -1 while nothing is chosen */
};

enum ui_sort { UI_SORT_NUMBER, UI_SORT_LAG, UI_SORT_RATE, UI_SORT_FAILED, UI_SORT_COUNT };

struct ui {
    enum panel panel; /* the list that has the keys */
    struct ui_list events;
    struct ui_list logs;
    int row; /* the cursor of errors, partitions and trackers; -1 while nothing is chosen */
    bool is_paused;
    bool is_zoomed;
    bool is_log_scale;
    bool shows_help;
    int help_scroll;
    bool only_failures;
    enum ui_sort sort;
    int window;     /* of the tiles: WINDOW_10S and so on, see figures */
    bool is_typing; /* the filter is being entered */
    char filter[UI_FILTER_MAX];
    bool shows_detail;
    struct strbuf detail; /* lines of text */
    int detail_scroll;
    char notice[160]; /* shown until Escape or `notice_until_ms` */
    int64_t notice_until_ms;
};

void ui_init(struct ui *ui);
void ui_release(struct ui *ui);

/* Takes one key (a character or an ui_key). `page` is the height of a list. */
enum ui_action ui_press(struct ui *ui, const struct dash *d, int key, int page);

/* Shows these lines (copied) until Escape. */
void ui_show_detail(struct ui *ui, const char *lines);

/* The end of the scrolling, which depends on the window: beyond it nothing would be shown. */
void ui_limit_detail(struct ui *ui, int end);

/* Shows a notice until `until_ms`. */
void ui_notice(struct ui *ui, int64_t until_ms, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* What the filter lets through: a row, and the causes of failure, ranked (returns how many). */
bool ui_wants_event(const struct ui *ui, const struct event_row *row);
bool ui_wants_log(const struct ui *ui, const struct log_row *row);
int ui_causes(const struct ui *ui, const struct cause_table *t, int64_t now_ms,
              int order[CAUSE_MAX]);

/* True for a list that was empty when it was paused: it has no row to stand at, and shows none. */
bool ui_is_paused_empty(const struct ui *ui, const struct ui_list *list);

/* Fills `rows` with the rows to show, newest first, at most `height`; returns their number.
 * `chosen` gets the index of the one under the cursor, or -1. */
int ui_event_rows(const struct ui *ui, const struct dash *d, const struct event_row **rows,
                  int height, int *chosen);
int ui_log_rows(const struct ui *ui, const struct dash *d, const struct log_row **rows, int height,
                int *chosen);

/* The place of the line under the cursor, or of the newest that is shown. NULL if there is none.
 * `is_log` tells which file. */
const struct place *ui_chosen_place(const struct ui *ui, const struct dash *d, bool *is_log);

const char *ui_sort_name(enum ui_sort sort);

/* The partitions of `f` as the user chose to sort them. The caller frees the list. */
const struct figure_partition **ui_sorted_partitions(const struct ui *ui, const struct figures *f);

#endif
