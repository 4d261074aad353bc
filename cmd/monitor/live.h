#ifndef MONITOR_LIVE_H
#define MONITOR_LIVE_H

#include <stdbool.h>
#include <stdint.h>

#include "trackers.h"
#include "view/paint.h"

/* What all ways of showing share. */
struct monitor {
    struct trackers trackers;
    struct dash *dash; /* of trackers_dash */
    struct figures figures;
    struct figures at_stop;
    bool is_frozen; /* at_stop holds something */
    struct health_limits limits;
    struct verdict verdict;
    struct ui ui;
    const struct clock *clock;
    const char *topic;
    const char *group;
    bool ascii;
    bool color;
    bool sync;
    int64_t update_ms;
    int64_t frames; /* end after so many; 0 = go on */
    int64_t started_ms;
    struct {
        int64_t at_ms; /* monotonic */
        int64_t position;
        double rate; /* bytes per second, 0 while not known */
    } reading;       /* of history */
};

/* Computes the figures and the verdict for now. */
void monitor_take(struct monitor *m);

/* Paints the current figures. */
void monitor_paint(struct monitor *m, struct screen *s);

/* Shows the screen on the terminal until the user or a signal ends it. Returns the exit status. */
int live_run(struct monitor *m);

#endif
