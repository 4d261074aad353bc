#ifndef VIEW_PANEL_H
#define VIEW_PANEL_H

#include "view/format.h"
#include "view/paint.h"

/* The panels: each paints itself, frame and all, into a rectangle. A new panel is one function
 * here, one row in paint.c's table and a place in a layout. */

void panel_flow(struct screen *s, const struct view *v, struct rect r);
void panel_quality(struct screen *s, const struct view *v, struct rect r);
void panel_latency(struct screen *s, const struct view *v, struct rect r);
void panel_health(struct screen *s, const struct view *v, struct rect r);
void panel_orders(struct screen *s, const struct view *v, struct rect r);

void panel_throughput(struct screen *s, const struct view *v, struct rect r);
void panel_failures(struct screen *s, const struct view *v, struct rect r);
void panel_two_charts(struct screen *s, const struct view *v, struct rect r);

void panel_events(struct screen *s, const struct view *v, struct rect r);
void panel_logs(struct screen *s, const struct view *v, struct rect r);
void panel_errors(struct screen *s, const struct view *v, struct rect r);
void panel_partitions(struct screen *s, const struct view *v, struct rect r);
void panel_trackers(struct screen *s, const struct view *v, struct rect r);

/* Tables without their frames: the first row names the columns. */
void panel_fill_errors(struct screen *s, const struct view *v, struct rect r);
void panel_fill_partitions(struct screen *s, const struct view *v, struct rect r);
void panel_fill_trackers(struct screen *s, const struct view *v, struct rect r);

/* The first row that a table of so many visible rows shows, so that the cursor stays in sight; and
 * the mark of the row under it. */
int panel_first_row(const struct view *v, enum panel panel, int visible);
void panel_mark_chosen(struct screen *s, const struct view *v, struct rect r, enum panel panel,
                       int row, int y);

/* Why the list has no row to show, in its first row. */
void panel_put_empty(struct screen *s, const struct view *v, struct rect r, enum panel panel);

/* The columns that a tracker's name takes, 0 when there is only one; and the name. */
int panel_tracker_room(const struct view *v);
void panel_put_tracker(struct screen *s, const struct view *v, int x, int y, int number);

/* The list that the user chose, with the names of all lists as its title. */
void panel_chosen(struct screen *s, const struct view *v, struct rect r);

/* The same without a frame, for small windows: named only where there is room or more to say. */
void panel_bare_list(struct screen *s, const struct view *v, struct rect r);

/* The first row; the rows under it for what must not be missed, at most `most`, their number is
 * returned; and the keys in the last row. */
void panel_header(struct screen *s, const struct view *v);
int panel_notices(struct screen *s, const struct view *v, int most);
void panel_keys(struct screen *s, const struct view *v, int y);

/* Whole screens for windows too small for panels: rows of text from this size on, below it as much
 * as fits. */
#define PANEL_LINES_WIDTH  36
#define PANEL_LINES_HEIGHT 6
void panel_lines(struct screen *s, const struct view *v);
void panel_tiny(struct screen *s, const struct view *v);

/* What the header says, for others too. */
enum level panel_shown_level(const struct view *v);
void panel_verdict_text(const struct view *v, char *out, size_t cap);
const char *panel_topic(const struct view *v);

void panel_waiting(struct screen *s, const struct view *v, struct rect r);
void panel_detail(struct screen *s, const struct view *v, struct rect r);

/* How far the detail can be scrolled in a panel of this size, frame and all. */
int panel_detail_end(const struct ui *ui, struct rect r, bool ascii);
void panel_help(struct screen *s, const struct view *v, struct rect r);

/* A chart of the throughput in one row: the newest `room` seconds. */
void panel_sparkline(struct screen *s, const struct view *v, int x, int y, int room);

enum style panel_level_style(enum level level);

/* Has the tracker stopped, or is it gone without a word? */
bool panel_has_ended(const struct view *v);

/* What tiles and charts show: the present, or what it was when the tracker ended. */
const struct figures *panel_figures(const struct view *v);

/* Windows that are large enough have a tile for latency and lag, which others need not show
 * then. */
bool panel_has_latency_tile(const struct screen *s);

/* What is still to be read; where nothing is, what could not be. */
struct text_buffer panel_read_lag(const struct view *v);

/* Text in one row, piece by piece: a piece that does not fit whole is left out, so that no number
 * is ever cut. */
struct panel_line {
    struct screen *screen;
    int x, y, end;
};

/* The text area of row `i` of a framed panel; without room below its frame's end. */
struct panel_line panel_row(struct screen *s, struct rect r, int i);

void panel_put(struct panel_line *l, enum style style, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

#endif
