#ifndef VIEW_DASH_PARTS_H
#define VIEW_DASH_PARTS_H

#include "view/dash.h"

/* Between the files of dash only. */

/* The place for the next row, its numbers given and all else from an earlier row. */
struct event_row *dash_new_event_row(struct dash *d);
struct log_row *dash_new_log_row(struct dash *d);

/* The number to begin with when looking for the newest row that `anchor` allows. */
uint64_t dash_first_event(const struct dash *d, uint64_t anchor);
uint64_t dash_first_log(const struct dash *d, uint64_t anchor);

void dash_rings_release(struct dash *d);

#endif
