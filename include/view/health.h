#ifndef VIEW_HEALTH_H
#define VIEW_HEALTH_H

#include "view/figures.h"
#include "view/level.h"

/* The answer to "is my pipeline healthy, and why not?": nine rules, each with a level and its
 * reason in words. The worst decides. Pure. */

/* Of a whole, each tracker's own health is known. */
void health_judge(struct health *h, const struct figures *f, const struct health_limits *limits);

/* Fills the health of `f`, and of each tracker of a whole. */
void health_take(struct figures *f, const struct health_limits *limits);

/* The rules from the worst to the best, ties in their own order. */
void health_ranking(const struct health *h, int order[HEALTH_RULES]);

/* The rule that makes a verdict UNKNOWN. */
int health_unknown_rule(const struct health *h);

const char *health_rule_name(int rule);

#endif
