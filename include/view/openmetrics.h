#ifndef VIEW_OPENMETRICS_H
#define VIEW_OPENMETRICS_H

#include "base/strbuf.h"
#include "view/figures.h"

/* Appends the figures as an OpenMetrics 1.0 text with its "# EOF". What is not known is left out.
 * Counters come from the journals: they survive restarts of tracker and monitor, and start again
 * when a journal does. `group` is the label `consumergroup`. With several trackers what each of
 * them reports has a label `tracker`. */
void openmetrics_write(const struct figures *f, const char *group, struct strbuf *out);

#endif
