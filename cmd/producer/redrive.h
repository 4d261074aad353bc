#ifndef PRODUCER_REDRIVE_H
#define PRODUCER_REDRIVE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/log.h"
#include "config/config.h"

/* --redrive: moves dead letters back to their original topics. */

struct redrive_options {
    bool is_dry;
    bool is_quiet;
    const char *reason;  /* NULL: all */
    int64_t max;         /* -1: no limit */
    int64_t rate;        /* per second, -1: no limit */
    int64_t max_replays; /* -1: the default */
    int64_t timeout_ms;  /* how long to wait for the broker at the start */
};

/* Returns 0, or -1 with ERR_USAGE. */
int redrive_check(const struct redrive_options *o, struct err *e);

/* Returns the exit status; everything is said. */
int redrive_run(const struct config *cfg, const struct redrive_options *o, const struct log *log);

#endif
