#ifndef FLOW_RETRY_H
#define FLOW_RETRY_H

#include <stdint.h>

#include "base/choices.h"
#include "base/rng.h"

/* When to try again. */

struct retry_policy {
    int max_attempts; /* the first included */
    int64_t initial_delay_ms;
    int64_t max_delay_ms;
    double multiplier;
    enum retry_jitter jitter;
    int64_t max_elapsed_ms; /* since the first failure; 0: no limit beside the attempts */
};

/* Delay before the next attempt, in milliseconds, or -1 when the budget is used up. `attempt`
 * counts from 1: the attempt that failed; `elapsed_ms` since the first failure; `previous_ms` is
 * the delay given before, 0 at first. A delay that would end beyond max_elapsed_ms uses the budget
 * up. Kinds of jitter as in "Exponential Backoff And Jitter", AWS Architecture Blog, 2015. */
int64_t retry_delay_ms(const struct retry_policy *p, int attempt, int64_t elapsed_ms,
                       int64_t previous_ms, struct rng *rng);

#endif
