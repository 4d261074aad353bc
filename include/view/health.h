#ifndef VIEW_HEALTH_H
#define VIEW_HEALTH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The answer to "is my pipeline healthy, and why not?": eight rules, each with a level and its
 * reason in words. The worst decides. Pure. */

struct figures;

enum level { LEVEL_OK, LEVEL_UNKNOWN, LEVEL_WARN, LEVEL_CRIT, LEVELS }; /* the worse the larger */

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
    enum level at_once;  /* that bad it cannot come and go within seconds: needs no holding */
    bool is_blind;       /* UNKNOWN since a file cannot be read: then so is the verdict */
    const char *tracker; /* of several: whose it is, also said in the text; else NULL */
    char text[720];      /* the reason of an outage has a remedy with it */
};

struct health {
    enum level level; /* the worst of all; a rule that cannot tell does not make it UNKNOWN, unless
                         nothing was read at all, or a file cannot be read */
    enum level at_once; /* the worst that needs no holding; OK: none does */
    int passed;         /* rules that are OK */
    struct health_finding findings[HEALTH_RULES];
};

void health_judge(struct health *h, const struct figures *f, const struct health_limits *limits);

/* The rules from the worst to the best, ties in their own order. */
void health_ranking(const struct health *h, int order[HEALTH_RULES]);

/* The rule that makes a verdict UNKNOWN. */
int health_unknown_rule(const struct health *h);

const char *health_rule_name(int rule);
const char *level_name(enum level level);   /* "WARN" */
const char *level_symbol(enum level level); /* "!" */

/* What is shown does not flap. It rises to a level once that, or a worse one, has been found for 3
 * seconds, and falls to one once nothing worse than that has been found for 3 seconds: OK, then
 * WARN, then CRIT shows WARN 3 seconds after WARN began and CRIT 3 seconds after CRIT began. The
 * first finding shows at once, and so does whatever follows an UNKNOWN. A zeroed struct has shown
 * nothing yet. */
struct verdict {
    bool has_shown;
    enum level shown;
    enum level found;
    int64_t at_least_ms[LEVELS]; /* since when what is found is that bad, where it is */
    int64_t at_most_ms[LEVELS];  /* since when it is no worse, where it is not */
    int64_t shown_ms;            /* since when it is shown */
};

/* Up to the level `at_once` a rise is not waited for. */
void verdict_update(struct verdict *v, enum level found, enum level at_once, int64_t now_ms);

#endif
