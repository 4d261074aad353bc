#ifndef VIEW_HEALTH_H
#define VIEW_HEALTH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The answer to "is my pipeline healthy, and why not?": eight rules, each with a level and its
 * reason in words. The worst decides. Pure. */

struct figures;

enum level { LEVEL_OK, LEVEL_UNKNOWN, LEVEL_WARN, LEVEL_CRIT }; /* the worse the larger */

enum {
    HEALTH_FRESHNESS,
    HEALTH_PROGRESS,
    HEALTH_SUCCESS,
    HEALTH_ERRORS,
    HEALTH_DLQ,
    HEALTH_LATENCY,
    HEALTH_INTEGRITY,
    HEALTH_READER,
    HEALTH_RULES,
};

struct health_limits {
    double success_warn; /* percent */
    double success_crit;
    int64_t latency_warn_ms;
    int64_t latency_crit_ms;
    int64_t silence_ms; /* silence after a steady flow that is worth a look */
    int64_t stale_ms;   /* silence of the log that means trouble */
};

struct health_finding {
    enum level level;
    const char *tracker; /* of several: whose it is, also said in the text; else NULL */
    char text[160];
};

struct health {
    enum level level; /* the worst of all; a rule that cannot tell does not make it UNKNOWN, unless
                         nothing was read at all */
    int passed;       /* rules that are OK */
    struct health_finding findings[HEALTH_RULES];
};

void health_judge(struct health *h, const struct figures *f, const struct health_limits *limits);

/* The rules from the worst to the best, ties in their own order. */
void health_ranking(const struct health *h, int order[HEALTH_RULES]);

const char *health_rule_name(int rule);
const char *level_name(enum level level);   /* "WARN" */
const char *level_symbol(enum level level); /* "!" */

/* The level that is shown follows the level that was found once that has held for 3 seconds, so
 * that it does not flap; a stop or silence of the tracker and the first finding show at once. A zeroed struct
 * has shown nothing yet. */
struct verdict {
    bool has_shown;
    enum level shown;
    enum level found;
    int64_t found_ms; /* since when it is found */
    int64_t shown_ms; /* since when it is shown */
};

void verdict_update(struct verdict *v, enum level found, bool at_once, int64_t now_ms);

#endif
