#include "processor/simulate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/rng.h"

struct simulate_pending {
    int64_t due_ms;
    struct attempt_result result;
};

/* A number in [0, 1) that only depends on the record and on `salt`. */
static double draw(const struct message *m, uint64_t salt)
{
    uint64_t x = rng_mix((uint64_t)(uint32_t)m->partition ^ salt << 32);

    x = rng_mix(x ^ (uint64_t)m->offset);
    return (double)(x >> 11) * 0x1.0p-53;
}

static void decide(const struct simulate *s, const struct attempt *a, struct attempt_result *r)
{
    *r = (struct attempt_result){.tag = a->tag, .verdict = ATTEMPT_OK};
    if (s->only_partition >= 0 && a->message->partition != s->only_partition)
        return;
    if (draw(a->message, 0) < s->permanent_rate) {
        r->verdict = ATTEMPT_REJECT;
        r->reason = RECORD_PROCESS;
        snprintf(r->text, sizeof(r->text), "simulated permanent failure");
    } else if (draw(a->message, (uint64_t)a->number) < s->transient_rate) {
        r->verdict = ATTEMPT_RETRY;
        r->reason = RECORD_PROCESS;
        snprintf(r->text, sizeof(r->text), "simulated transient failure (attempt %d)", a->number);
    }
}

static enum start_result start(void *self, const struct attempt *a, int64_t now_ms,
                               struct attempt_result *r)
{
    struct simulate *s = self;

    decide(s, a, r);
    if (s->latency_ms == 0)
        return START_ANSWERED;
    if (s->pending_count == s->pending_cap) {
        s->pending_cap = s->pending_cap ? 2 * s->pending_cap : 16;
        s->pending = mem_realloc_array(s->pending, s->pending_cap, sizeof(*s->pending));
    }
    s->pending[s->pending_count++] =
        (struct simulate_pending){.due_ms = now_ms + s->latency_ms, .result = *r};
    return START_TAKEN;
}

static void forget(struct simulate *s, size_t i)
{
    s->pending_count--;
    memmove(s->pending + i, s->pending + i + 1, (s->pending_count - i) * sizeof(*s->pending));
}

static int next_result(void *self, int64_t now_ms, struct attempt_result *r)
{
    struct simulate *s = self;

    /* All take the same time: the oldest is the first that is due. */
    if (s->pending_count == 0 || s->pending[0].due_ms > now_ms)
        return 0;
    *r = s->pending[0].result;
    forget(s, 0);
    return 1;
}

static int64_t deadline_ms(void *self)
{
    const struct simulate *s = self;

    return s->pending_count ? s->pending[0].due_ms : INT64_MAX;
}

static void cancel(void *self, uint64_t tag)
{
    struct simulate *s = self;

    for (size_t i = 0; i < s->pending_count; i++) {
        if (s->pending[i].result.tag == tag) {
            forget(s, i);
            return;
        }
    }
}

struct processor simulate_processor(struct simulate *s)
{
    return (struct processor){
        .self = s,
        .start = start,
        .next_result = next_result,
        .deadline_ms = deadline_ms,
        .cancel = cancel,
    };
}

void simulate_release(struct simulate *s)
{
    free(s->pending);
    s->pending = NULL;
    s->pending_count = s->pending_cap = 0;
}
