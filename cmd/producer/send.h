#ifndef PRODUCER_SEND_H
#define PRODUCER_SEND_H

#include "base/log.h"
#include "config/config.h"
#include "options.h"

/* Sends orders, made or read from a file, until the end or a signal. Returns the exit status;
 * everything is said. */
int send_run(const struct config *cfg, const struct options *o, const struct log *log);

#endif
