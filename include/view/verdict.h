#ifndef VIEW_VERDICT_H
#define VIEW_VERDICT_H

#include "view/level.h"

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
