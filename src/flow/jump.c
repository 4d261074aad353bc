#include "flow/jump.h"

#include "model/log_event.h"

#define CHECK_INTERVAL_MS 1000

static bool is_check_due(const struct jump *j, const struct lane_env *env)
{
    return j->checked_ms == 0 || env->now_ms - j->checked_ms >= CHECK_INTERVAL_MS;
}

bool jump_hold(struct lane *lane, const struct lane_env *env, const struct message *m, int64_t to)
{
    struct jump *j = &lane->jump;

    if (!is_check_due(j, env) && to - lane->position <= j->largest_verified)
        return false;
    j->to = to;
    j->is_begun = false;
    j->message = m ? *m : (struct message){0};
    j->is_open = true;
    return true;
}

static void pass(struct lane *lane, struct lane_env *env)
{
    struct message m = lane->jump.message;

    if (lane->jump.to - lane->position > lane->jump.largest_verified)
        lane->jump.largest_verified = lane->jump.to - lane->position;
    log_with(env->log, EVENT_OFFSETS_EMPTY, NULL, LOG_INT("partition", lane->partition),
             LOG_INT("from", lane->position), LOG_INT("to", lane->jump.to));
    lane->jump.message = (struct message){0};
    lane->jump.is_open = false;
    if (m.handle)
        lane_take(lane, env, &m);
    else
        lane->position = lane->jump.to;
}

static void go_back(struct lane *lane, struct lane_env *env)
{
    log_with(env->log, EVENT_OFFSETS_JUMPED, NULL, LOG_INT("partition", lane->partition),
             LOG_INT("from", lane->position), LOG_INT("to", lane->jump.to));
    lane_drop_jump(lane, env);
    lane->is_caught_up = false;
    env->source->restart(env->source->self, lane->partition, lane->position);
}

int64_t jump_due_ms(const struct lane *lane)
{
    const struct jump *j = &lane->jump;

    if (j->is_begun)
        return INT64_MAX;
    return j->checked_ms == 0 ? 0 : j->checked_ms + CHECK_INTERVAL_MS;
}

void jump_serve(struct lane *lane, struct lane_env *env)
{
    const struct source *s = env->source;
    struct jump *j = &lane->jump;

    if (!j->is_begun && !is_check_due(j, env))
        return;
    if (!j->is_begun)
        j->checked_ms = env->now_ms;
    j->is_begun = true;
    switch (s->check_range(s->self, lane->partition, lane->position, j->to)) {
    case RANGE_UNKNOWN:
        break;
    case RANGE_EMPTY:
        pass(lane, env);
        break;
    case RANGE_READABLE:
        go_back(lane, env);
        break;
    }
}
