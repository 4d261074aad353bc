#ifndef MONITOR_OPTIONS_H
#define MONITOR_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "config/args.h"
#include "endpoint.h"
#include "trackers.h"

/* The monitor's command line. */

struct options {
    bool once;
    bool json;
    bool check;
    bool metrics;
    bool merge;
    bool no_history;
    bool ascii;
    bool sync;
    int64_t watch_seconds;
    int64_t frames;
    const char *size;
    const char *since;
    int64_t since_ago_ms; /* of --since; 0 without */
    const char *color;
    const char *output;
    const char *fail_on; /* "warn" or "crit" */
    const char *listen;
    struct endpoint endpoint; /* of --listen */
    int width;                /* of --size */
    int height;
    struct arg_list events; /* as given */
    struct arg_list logs;
    struct arg_list journals;       /* of --merge */
    struct tracker_source *sources; /* what follows from it */
    int source_count;
};

/* Fills a zeroed `o`, and `cfg` as args_load does. ARGS_RUN: all is checked and `sources` says what
 * to follow; texts are borrowed from argv and `cfg`. The caller releases both in any case. */
enum args_result options_read(struct options *o, int argc, char **argv, struct config *cfg,
                              struct err *e);
void options_release(struct options *o);

#endif
