#ifndef FLOW_LANES_H
#define FLOW_LANES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "flow/lane.h"

/* The lanes of the partitions that are ours, in no order. A zeroed struct has none. Each lane stays
 * where it is while it is there: attempts borrow from it. */
struct lanes {
    struct lane **list;
    size_t count;
    uint32_t last_epoch;
};

/* The lane of a partition, or of a tag (see lane_tag); NULL when there is none. */
struct lane *lanes_find(const struct lanes *l, int32_t partition);
struct lane *lanes_find_tag(const struct lanes *l, uint64_t tag);

/* A new lane for a partition that has none. */
struct lane *lanes_add(struct lanes *l, int32_t partition);

/* Takes a lane away; a record that it holds is abandoned. */
void lanes_remove(struct lanes *l, struct lane *lane, struct lane_env *env);
void lanes_remove_fenced(struct lanes *l, struct lane_env *env);

/* True when all that the lanes (or only the fenced ones) settled is durable. */
bool lanes_are_durable(const struct lanes *l, bool only_fenced);

/* Takes all lanes away and frees the memory. */
void lanes_release(struct lanes *l, struct lane_env *env);

#endif
