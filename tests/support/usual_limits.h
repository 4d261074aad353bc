#ifndef SUPPORT_USUAL_LIMITS_H
#define SUPPORT_USUAL_LIMITS_H

#include "view/level.h"

/* The monitor's limits as its settings have them. */
static const struct health_limits usual_limits = {.success_warn = 95,
                                                  .success_crit = 80,
                                                  .latency_warn_ms = 1000,
                                                  .latency_crit_ms = 10000,
                                                  .silence_ms = 4000,
                                                  .stale_ms = 90000};

#endif
