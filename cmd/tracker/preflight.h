#ifndef TRACKER_PREFLIGHT_H
#define TRACKER_PREFLIGHT_H

#include "config/config.h"

/* Prints a line on stdout for each thing that the tracker needs: ok, wrong with what to do, or
 * unknown where nothing can be known without writing. Returns the exit status: 0 nothing is wrong,
 * 1 something is, 2 wrong settings. */
int preflight_run(const struct config *cfg);

#endif
