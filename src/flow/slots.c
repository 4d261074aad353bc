#include "flow/slots.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/rng.h"

#define SPARE_MAX   256
#define ARENA_USUAL ((size_t)16384) /* what a slot's arena takes for an order of usual size */

/* ---- slots that are not in use ---- */

static struct slot *take_slot(struct slot_pool *pool)
{
    struct slot *slot = pool->spare;

    if (!slot)
        return mem_alloc(sizeof(*slot));
    pool->spare = slot->next_spare;
    pool->spare_count--;
    slot->is_decoded = false;
    slot->attempts = 0;
    slot->reason = RECORD_REASON_NONE;
    slot->error[0] = '\0';
    slot->first_failure_ms = slot->last_failure_ms = 0;
    slot->failing_since_ms = slot->previous_delay_ms = 0;
    slot->sends = 0;
    slot->form = DEAD_LETTER_WHOLE;
    slot->had_last_chance = slot->was_probed = slot->was_refused = false;
    slot->has_follower = slot->was_answered = false;
    return slot;
}

static void count_bytes(struct slots *s, struct slot_pool *pool, struct slot *slot, size_t bytes)
{
    s->held_bytes += bytes - slot->counted_bytes;
    pool->held_bytes += bytes - slot->counted_bytes;
    slot->counted_bytes = bytes;
}

/* What a large order took is not kept for small ones. */
static void put_slot(struct slot_pool *pool, struct slot *slot)
{
    if (pool->spare_count == SPARE_MAX) {
        arena_release(&slot->arena);
        free(slot);
        return;
    }
    if (slot->message.value_len > ARENA_USUAL)
        arena_release(&slot->arena);
    else
        arena_reset(&slot->arena);
    slot->next_spare = pool->spare;
    pool->spare = slot;
    pool->spare_count++;
}

void slot_pool_release(struct slot_pool *pool)
{
    while (pool->spare) {
        struct slot *slot = pool->spare;

        pool->spare = slot->next_spare;
        arena_release(&slot->arena);
        free(slot);
    }
    *pool = (struct slot_pool){0};
}

/* ---- the window ---- */

void slots_release(struct slots *s)
{
    free(s->ring);
    free(s->keys);
    *s = (struct slots){0};
}

static size_t place(const struct slots *s, size_t i)
{
    return (s->first + i) & (s->size - 1);
}

struct slot *slots_at(const struct slots *s, size_t i)
{
    return s->ring[place(s, i)];
}

static size_t index_of(const struct slots *s, uint32_t serial)
{
    return (uint32_t)(serial - s->first_serial);
}

struct slot *slots_find(const struct slots *s, uint32_t serial)
{
    size_t i = index_of(s, serial);

    return i < s->count ? slots_at(s, i) : NULL;
}

static void grow(struct slots *s)
{
    size_t size = s->size ? 2 * s->size : 4;
    struct slot **ring = mem_alloc_array(size, sizeof(struct slot *));
    uint64_t *keys = mem_alloc_array(size, sizeof(*keys));

    for (size_t i = 0; i < s->count; i++) {
        ring[i] = slots_at(s, i);
        keys[i] = s->keys[place(s, i)];
    }
    free(s->ring);
    free(s->keys);
    s->ring = ring;
    s->keys = keys;
    s->size = size;
    s->first = 0;
}

struct slot *slots_push(struct slots *s, struct slot_pool *pool, const struct message *m)
{
    struct slot *slot = take_slot(pool);

    if (s->count == s->size)
        grow(s);
    if (s->count == 0)
        s->first_serial = s->next_serial;
    assert(s->next_serial == (uint32_t)(s->first_serial + s->count));
    slot->state = SLOT_READY;
    slot->serial = s->next_serial++;
    slot->message = *m;
    if (s->count > 0)
        count_bytes(s, pool, slot, sizeof(*slot) + ARENA_USUAL + m->key_len + m->value_len);
    s->ring[place(s, s->count)] = slot;
    s->keys[place(s, s->count)] = 0;
    s->count++;
    s->counts[SLOT_READY]++;
    return slot;
}

void slots_pop(struct slots *s, struct slot_pool *pool)
{
    struct slot *slot = slots_at(s, 0);

    s->counts[slot->state]--;
    s->first = place(s, 1);
    s->first_serial++;
    s->count--;
    if (s->ready_from > 0)
        s->ready_from--;
    count_bytes(s, pool, slot, 0);
    put_slot(pool, slot);
}

void slots_drop_newest(struct slots *s, struct slot_pool *pool)
{
    struct slot *slot = slots_at(s, s->count - 1);

    s->counts[slot->state]--;
    s->count--;
    if (s->ready_from > s->count)
        s->ready_from = s->count;
    count_bytes(s, pool, slot, 0);
    put_slot(pool, slot);
}

void slots_set(struct slots *s, struct slot *slot, enum slot_state state)
{
    s->counts[slot->state]--;
    s->counts[state]++;
    slot->state = state;
    if (state == SLOT_READY) {
        size_t i = index_of(s, slot->serial);

        if (i < s->ready_from)
            s->ready_from = i;
    }
}

/* ---- keys ---- */

static uint64_t hash_of(const struct message *m)
{
    uint64_t h = 1;

    for (size_t i = 0; i < m->key_len; i += sizeof(h)) {
        uint64_t part = 0;
        size_t left = m->key_len - i;

        memcpy(&part, m->key + i, left < sizeof(part) ? left : sizeof(part));
        h = rng_mix(h ^ part);
    }
    h = rng_mix(h ^ m->key_len);
    return h ? h : 1;
}

static bool is_same_key(const struct message *a, const struct message *b)
{
    return a->key_len == b->key_len && memcmp(a->key, b->key, a->key_len) == 0;
}

/* Only the last earlier one of the key: it is held itself if there is one before it. */
bool slots_hold_by_key(struct slots *s)
{
    struct slot *newest = slots_at(s, s->count - 1);
    uint64_t hash;

    if (!newest->message.key)
        return false;
    hash = hash_of(&newest->message);
    s->keys[place(s, s->count - 1)] = hash;
    for (size_t i = s->count - 1; i-- > 0;) {
        struct slot *earlier;

        if (s->keys[place(s, i)] != hash)
            continue;
        earlier = slots_at(s, i);
        if (!is_same_key(&earlier->message, &newest->message))
            continue;
        if (earlier->state == SLOT_SETTLED)
            return false;
        earlier->has_follower = true;
        earlier->follower = newest->serial;
        slots_set(s, newest, SLOT_HELD);
        return true;
    }
    return false;
}

void slots_settle(struct slots *s, struct slot *slot)
{
    struct slot *follower = slot->has_follower ? slots_find(s, slot->follower) : NULL;

    slots_set(s, slot, SLOT_SETTLED);
    if (follower && follower->state == SLOT_HELD)
        slots_set(s, follower, SLOT_READY);
}
