#ifndef VIEW_PAINT_H
#define VIEW_PAINT_H

#include <stdint.h>

#include "view/dash.h"
#include "view/figures.h"
#include "view/screen.h"
#include "view/ui.h"
#include "view/verdict.h"

/* Everything that a picture is painted from; all borrowed. */
struct view {
    const struct dash *dash;
    const struct figures *figures;
    const struct figures
        *at_stop; /* those of view/figures_at_stop.h; NULL while they are not known */
    const struct ui *ui;
    const struct verdict *verdict;
    const struct health_limits *limits;
    const char *topic;
    const char *group;
    int utc_offset_s;  /* for times of day */
    int64_t waited_ms; /* since the monitor started */
    double read_rate;  /* bytes per second of history; 0: not known */
};

/* Paints the whole screen: the richest layout that fits its size. Never refuses a size. */
void paint(struct screen *s, const struct view *v);

/* Rows of the list that has the keys, for paging. */
int paint_page(int width, int height, const struct ui *ui);

/* How far the detail can be scrolled, for ui_limit_detail. */
int paint_detail_end(int width, int height, bool ascii, const struct ui *ui);

#endif
