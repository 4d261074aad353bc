#ifndef MONITOR_SERVE_H
#define MONITOR_SERVE_H

#include "base/err.h"
#include "endpoint.h"
#include "live.h"

/* Serves /metrics and /health over HTTP until a signal ends it, without a screen. Each answer is
 * computed from all that was read up to then. Returns the exit status: 0 after a signal, since a
 * server is ended by one. */
int serve_run(struct monitor *m, const struct endpoint *endpoint, struct err *e);

#endif
