#ifndef VIEW_LEVEL_H
#define VIEW_LEVEL_H

#include <stdbool.h>
#include <stdint.h>

/* What the rules of health find: a level and its reason in words for each of them. */

enum level { LEVEL_OK, LEVEL_UNKNOWN, LEVEL_WARN, LEVEL_CRIT, LEVELS }; /* the worse the larger */

enum {
    HEALTH_FRESHNESS,
    HEALTH_PROCESSOR, /* before its consequences */
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

const char *level_name(enum level level);   /* "WARN" */
const char *level_symbol(enum level level); /* "!" */

#endif
