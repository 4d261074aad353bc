#include "base/clock.h"

#include <time.h>

static int64_t read_ms(clockid_t id)
{
    struct timespec ts;

    clock_gettime(id, &ts);
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static int64_t system_wall_ms(void *self)
{
    (void)self;
    return read_ms(CLOCK_REALTIME);
}

static int64_t system_mono_ms(void *self)
{
    (void)self;
    return read_ms(CLOCK_MONOTONIC);
}

const struct clock *clock_system(void)
{
    static const struct clock system_clock = {.wall_ms = system_wall_ms, .mono_ms = system_mono_ms};

    return &system_clock;
}

int64_t clock_wall_ms(const struct clock *c)
{
    return c->wall_ms(c->self);
}

int64_t clock_mono_ms(const struct clock *c)
{
    return c->mono_ms(c->self);
}
