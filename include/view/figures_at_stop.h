#ifndef VIEW_FIGURES_AT_STOP_H
#define VIEW_FIGURES_AT_STOP_H

#include "view/figures.h"

/* The figures as they stood when the tracker stopped, or was gone. Tiles and charts show them from
 * then on: a minute later the windows hold nothing any more, and that is when somebody comes to
 * look. */

/* Fills `at_stop`, which is zeroed or from an earlier call; release with figures_release. `now` are
 * the present figures of `d`. Returns false and leaves it alone while the tracker (of several: any)
 * has not ended, or when the seconds before the stop were too old to be counted. */
bool figures_take_at_stop(struct figures *at_stop, const struct figures *now, const struct dash *d,
                          const struct health_limits *limits);

#endif
