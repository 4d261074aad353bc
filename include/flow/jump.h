#ifndef FLOW_JUMP_H
#define FLOW_JUMP_H

#include <stdbool.h>
#include <stdint.h>

#include "flow/lane.h"

/* Offsets that a lane is about to skip. */

/* The lane is idle and what comes next in its partition is `m`, or the end at `to` when `m` is
 * NULL, beyond its position. Returns true when the jump has to be checked: the lane takes `m` over
 * and waits; false when the lane may go on there. */
bool jump_hold(struct lane *lane, const struct lane_env *env, const struct message *m, int64_t to);

/* For a lane that is being checked: goes on behind the jump once it is known to be normal, or has
 * the source read again what was skipped. */
void jump_serve(struct lane *lane, struct lane_env *env);

/* For a lane that is being checked: when jump_serve has something to do, or INT64_MAX while an
 * answer is awaited. */
int64_t jump_due_ms(const struct lane *lane);

#endif
