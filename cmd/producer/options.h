#ifndef PRODUCER_OPTIONS_H
#define PRODUCER_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "config/args.h"
#include "config/config.h"
#include "redrive.h"

/* What the command line says beside the settings. */

struct options {
    int64_t count;      /* 0: until stopped */
    int64_t seed;       /* -1: a random one */
    int64_t timeout_ms; /* of --init and --redrive */
    const char *input;  /* NULL: the generator */
    bool init;
    bool redrive;
    struct redrive_options back;
    bool quiet;
};

/* Reads the command line and the settings. ARGS_DONE: what was asked for is printed; ARGS_FAILED:
 * `e` tells. */
enum args_result options_read(int argc, char **argv, struct options *o, struct config *cfg,
                              struct err *e);

#endif
