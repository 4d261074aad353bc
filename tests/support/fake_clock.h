#ifndef SUPPORT_FAKE_CLOCK_H
#define SUPPORT_FAKE_CLOCK_H

#include <stdint.h>

#include "base/clock.h"

/* Time that passes only when a test says so. */
struct fake_clock {
    int64_t wall;
    int64_t mono;
    int64_t step; /* goes on by so much each time it is read */
};

struct clock fake_clock_port(struct fake_clock *c);

/* Both clocks go on by `ms`. */
void fake_clock_advance(struct fake_clock *c, int64_t ms);

#endif
