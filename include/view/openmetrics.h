#ifndef VIEW_OPENMETRICS_H
#define VIEW_OPENMETRICS_H

#include "base/strbuf.h"
#include "view/figures.h"

/* The classic format of Prometheus names a counter's family with its "_total", has no units and no
 * "# EOF". node_exporter's textfile collector, Pushgateway and promtool read only that. */
enum metrics_format { METRICS_OPENMETRICS, METRICS_CLASSIC };

/* What an HTTP answer calls it. */
const char *metrics_content_type(enum metrics_format format);

/* Appends the figures, as an OpenMetrics 1.0 text or in the classic format. What is not known is
 * left out.
 * Counters come from the journals: they survive restarts of tracker and monitor, and start again
 * when a journal does. `group` is the label `consumergroup`. With several trackers what each of
 * them reports has a label `tracker`. */
void openmetrics_write(const struct figures *f, const char *group, enum metrics_format format,
                       struct strbuf *out);

#endif
