#include "flow/lanes.h"

#include <stdlib.h>

#include "base/mem.h"

struct lane *lanes_find(const struct lanes *l, int32_t partition)
{
    for (size_t i = 0; i < l->count; i++)
        if (l->list[i]->partition == partition)
            return l->list[i];
    return NULL;
}

struct lane *lanes_find_tag(const struct lanes *l, uint64_t tag)
{
    for (size_t i = 0; i < l->count; i++)
        if (l->list[i]->epoch == (uint32_t)(tag >> 32))
            return l->list[i];
    return NULL;
}

struct lane *lanes_add(struct lanes *l, int32_t partition)
{
    struct lane *lane = mem_alloc(sizeof(*lane));

    lane_init(lane, partition, ++l->last_epoch);
    l->list = mem_realloc_array(l->list, l->count + 1, sizeof(struct lane *));
    l->list[l->count++] = lane;
    return lane;
}

void lanes_remove(struct lanes *l, struct lane *lane, struct lane_env *env)
{
    size_t i = 0;

    while (l->list[i] != lane)
        i++;
    l->list[i] = l->list[--l->count];
    lane_abandon(lane, env);
    lane_release(lane);
    free(lane);
}

void lanes_remove_fenced(struct lanes *l, struct lane_env *env)
{
    for (size_t i = l->count; i-- > 0;)
        if (l->list[i]->fenced)
            lanes_remove(l, l->list[i], env);
}

bool lanes_are_durable(const struct lanes *l, bool only_fenced)
{
    for (size_t i = 0; i < l->count; i++)
        if ((l->list[i]->fenced || !only_fenced) && !watermark_is_durable(&l->list[i]->watermark))
            return false;
    return true;
}

void lanes_release(struct lanes *l, struct lane_env *env)
{
    while (l->count)
        lanes_remove(l, l->list[0], env);
    free(l->list);
    *l = (struct lanes){.last_epoch = l->last_epoch};
}
