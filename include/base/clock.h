#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>

/* Time as a port: the pure rooms are handed `now_ms`, the loops ask the clock they were given. */
struct clock {
    int64_t (*wall_ms)(void *self); /* milliseconds since 1970-01-01 UTC; may jump */
    int64_t (*mono_ms)(
        void *self); /* milliseconds that never go back; only differences mean anything */
    void *self;
};

/* The clock of the operating system. */
const struct clock *clock_system(void);

int64_t clock_wall_ms(const struct clock *c);
int64_t clock_mono_ms(const struct clock *c);

#endif
