#ifndef VIEW_FIGURES_PARTS_H
#define VIEW_FIGURES_PARTS_H

#include "view/figures.h"

/* The parts of figures_take that are nouns of their own, in the order in which they are taken. Each
 * fills its members of `f`. */

#define FIGURES_MINUTE 60 /* seconds */

/* What the log says: its age, errors, lag, Kafka being away. */
void figures_take_log(struct figures *f, const struct dash_log *log);

/* The same of several trackers, from what each one's figures say. */
void figures_take_logs(struct figures *f);

/* State and silence. Needs ages, lag, readers, and each tracker's own state. */
void figures_take_life(struct figures *f, const struct dash *d, const struct health_limits *limits);

/* Milliseconds from `at_ms` to `now_ms`, 0 for what lies ahead. */
static inline int64_t figures_age(int64_t now_ms, int64_t at_ms)
{
    return now_ms > at_ms ? now_ms - at_ms : 0;
}

/* -1 for a time of 0. */
static inline int64_t figures_age_or_unknown(int64_t now_ms, int64_t at_ms)
{
    return at_ms ? figures_age(now_ms, at_ms) : -1;
}

#endif
