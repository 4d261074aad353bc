#ifndef MONITOR_ACCEPT_H
#define MONITOR_ACCEPT_H

#include "view/openmetrics.h"

/* The format for a client that sent this header `Accept` (RFC 9110, 12.5.1); NULL: it sent none.
 * OpenMetrics only for those that name it and do not prefer text/plain: the others, like curl and
 * old scrapers, read the classic format. */
enum metrics_format accept_format(const char *header);

#endif
