#include "flow/retry.h"

#include <math.h>

/* Beyond this the doubles of the growth no longer hold whole milliseconds; far above any maximum.
 */
#define RETRY_CEILING_MS 1e15

static double grown_ms(const struct retry_policy *p, int attempt)
{
    double growth = fmin(pow(p->multiplier, attempt - 1), RETRY_CEILING_MS);

    return fmin((double)p->initial_delay_ms * growth, RETRY_CEILING_MS);
}

static double jittered_ms(const struct retry_policy *p, double delay, int64_t previous_ms,
                          struct rng *rng)
{
    double base = (double)p->initial_delay_ms;
    double top;

    switch (p->jitter) {
    case RETRY_JITTER_EQUAL:
        return delay / 2 + rng_unit(rng) * delay / 2;
    case RETRY_JITTER_FULL:
        return rng_unit(rng) * delay;
    case RETRY_JITTER_PROPORTIONAL:
        return delay * (0.75 + rng_unit(rng) * 0.5);
    case RETRY_JITTER_DECORRELATED:
        top = 3 * fmax(base, (double)previous_ms);
        return base + rng_unit(rng) * (top - base);
    case RETRY_JITTER_NONE:
        return delay;
    }
    return delay;
}

int64_t retry_delay_ms(const struct retry_policy *p, int attempt, int64_t elapsed_ms,
                       int64_t previous_ms, struct rng *rng)
{
    double delay;
    int64_t ms;

    if (attempt >= p->max_attempts)
        return -1;
    delay = jittered_ms(p, grown_ms(p, attempt), previous_ms, rng);
    ms = delay < (double)p->max_delay_ms ? (int64_t)round(delay) : p->max_delay_ms;
    if (p->max_elapsed_ms > 0 && ms > p->max_elapsed_ms - elapsed_ms)
        return -1;
    return ms;
}
