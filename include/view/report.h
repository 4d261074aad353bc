#ifndef VIEW_REPORT_H
#define VIEW_REPORT_H

#include "base/strbuf.h"
#include "view/figures.h"

/* The same figures without a screen. */

/* About 25 lines "name: value" for people, without escapes. */
void report_text(const struct figures *f, struct strbuf *out);

/* One JSON object and a newline: names with their units, null for what is unknown. */
void report_json(const struct figures *f, struct strbuf *out);

/* One line by the convention of Nagios plug-ins: the state, the worst reason, and behind a bar
 * figures with their units and limits. The exit status is report_check_status's. */
void report_check(const struct figures *f, const struct health_limits *limits, struct strbuf *out);

/* 0 OK, 1 WARN, 2 CRIT, 3 UNKNOWN. */
int report_check_status(const struct figures *f);

#endif
