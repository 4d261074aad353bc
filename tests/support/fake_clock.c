#include "support/fake_clock.h"

static int64_t wall_ms(void *self)
{
    return ((const struct fake_clock *)self)->wall;
}

static int64_t mono_ms(void *self)
{
    struct fake_clock *c = self;

    fake_clock_advance(c, c->step);
    return c->mono;
}

struct clock fake_clock_port(struct fake_clock *c)
{
    return (struct clock){.wall_ms = wall_ms, .mono_ms = mono_ms, .self = c};
}

void fake_clock_advance(struct fake_clock *c, int64_t ms)
{
    c->wall += ms;
    c->mono += ms;
}
