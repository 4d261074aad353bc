#ifndef TRACKER_POLICY_H
#define TRACKER_POLICY_H

#include <stdbool.h>

#include "config/config.h"
#include "flow/consume.h"

/* The settings as the flow wants them. Their texts are borrowed from `cfg`. */
struct consume_policy policy_of(const struct config *cfg, bool drain);

#endif
