#include "support/fake_source.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/mem.h"

#define TOPIC "orders"

static struct fake_partition *partition_of(struct fake_source *s, int32_t partition)
{
    assert_in_range(partition, 0, FAKE_PARTITIONS - 1);
    return &s->partitions[partition];
}

static void drop_records(struct fake_partition *p)
{
    for (size_t k = 0; k < p->count; k++) {
        free(p->records[k].key);
        free(p->records[k].value);
    }
    free(p->records);
    p->records = NULL;
    p->count = 0;
}

/* ---- what the test says ---- */

void fake_source_add_bytes(struct fake_source *s, int32_t partition, const char *key,
                           size_t key_len, const char *value, size_t value_len)
{
    struct fake_partition *p = partition_of(s, partition);

    p->records = mem_realloc_array(p->records, p->count + 1, sizeof(*p->records));
    p->records[p->count++] = (struct fake_record){
        .offset = p->end,
        .timestamp_ms = FAKE_SOURCE_TIME_MS + p->age_ms + p->end,
        .key = key ? mem_strndup(key, key_len) : NULL,
        .key_len = key_len,
        .value = value ? mem_strndup(value, value_len) : NULL,
        .value_len = value_len,
    };
    p->end++;
    p->told_end = false;
}

void fake_source_add(struct fake_source *s, int32_t partition, const char *value)
{
    fake_source_add_bytes(s, partition, "key", 3, value, value ? strlen(value) : 0);
}

void fake_source_set_headers(struct fake_source *s, int32_t partition, const struct header *headers,
                             size_t count)
{
    struct fake_partition *p = partition_of(s, partition);

    assert_true(p->count > 0);
    p->records[p->count - 1].headers = headers;
    p->records[p->count - 1].header_count = count;
}

void fake_source_skip(struct fake_source *s, int32_t partition, int64_t n)
{
    partition_of(s, partition)->end += n;
}

void fake_source_jump(struct fake_source *s, int32_t partition, int64_t n)
{
    partition_of(s, partition)->position += n;
}

static void add_event(struct fake_source *s, int32_t from, int32_t to, bool is_assign, bool lost)
{
    struct fake_source_event *e;

    assert_true(s->event_first + s->event_count < FAKE_EVENTS);
    e = &s->events[s->event_first + s->event_count++];
    *e = (struct fake_source_event){.is_assign = is_assign, .lost = lost};
    for (int32_t i = from; i <= to; i++)
        e->partitions[e->count++] = i;
}

void fake_source_assign(struct fake_source *s, int32_t from, int32_t to)
{
    add_event(s, from, to, true, false);
}

void fake_source_revoke(struct fake_source *s, int32_t from, int32_t to, bool lost)
{
    add_event(s, from, to, false, lost);
}

void fake_source_recreate(struct fake_source *s, int32_t partition)
{
    struct fake_partition *p = partition_of(s, partition);

    drop_records(p);
    p->low = p->end = p->committed = p->acknowledged = 0;
    p->age_ms += 1000000;
    add_event(s, partition, partition, true, false);
    s->events[s->event_first + s->event_count - 1].was_beyond = true;
}

void fake_source_truncate(struct fake_source *s, int32_t partition, int64_t end)
{
    struct fake_partition *p = partition_of(s, partition);

    while (p->count > 0 && p->records[p->count - 1].offset >= end) {
        p->count--;
        free(p->records[p->count].key);
        free(p->records[p->count].value);
    }
    p->end = end;
    p->age_ms += 1000000;
}

void fake_source_release(struct fake_source *s)
{
    for (int i = 0; i < FAKE_PARTITIONS; i++) {
        struct fake_partition *p = &s->partitions[i];

        drop_records(p);
    }
    assert_int_equal(s->outstanding, 0);
    *s = (struct fake_source){0};
}

/* ---- the port ---- */

static struct record_mark first_record(const struct fake_partition *p, int64_t from, int64_t end)
{
    for (size_t i = 0; i < p->count; i++)
        if (p->records[i].offset >= from && p->records[i].offset < end)
            return (struct record_mark){p->records[i].offset, p->records[i].timestamp_ms};
    return (struct record_mark){-1, -1};
}

static void fill(const struct fake_partition *p, struct assignment *a, int64_t check_at)
{
    int64_t end = p->is_stale ? p->stale_end : p->end;

    a->committed = p->committed > 0 && !p->has_forgotten_commit ? p->committed : -1;
    a->low = a->initial = p->is_unknown ? -1 : p->low;
    a->readable_end = p->is_unknown ? -1 : end;
    a->high = p->is_unknown ? -1 : check_at >= 0 ? end + p->in_transaction : end;
    a->is_checked = check_at >= 0;
    if (a->is_checked) {
        a->first = first_record(p, p->low, end);
        a->at = first_record(p, check_at, end);
    }
}

static void ask_again(struct fake_source *s, struct fake_partition *p, const struct assignment *a,
                      bool was_beyond)
{
    struct fake_source_event *e;

    p->check_at = a->check_at;
    add_event(s, a->partition, a->partition, true, false);
    e = &s->events[s->event_first + s->event_count - 1];
    e->is_check = true;
    e->was_beyond = was_beyond;
}

static void tell_assigned(struct fake_source *s, const struct fake_source_event *e,
                          const struct source_events *events)
{
    struct assignment list[FAKE_PARTITIONS];

    for (size_t i = 0; i < e->count; i++) {
        const struct fake_partition *p = partition_of(s, e->partitions[i]);

        list[i] = (struct assignment){
            .partition = e->partitions[i], .was_beyond = e->was_beyond, .start = -1};
        fill(p, &list[i], e->is_check ? p->check_at : -1);
    }
    events->assigned(events->ctx, list, e->count);
    for (size_t i = 0; i < e->count; i++) {
        struct fake_partition *p = partition_of(s, list[i].partition);

        assert_true(p->is_ours == (e->was_beyond || e->is_check || p->was_unknown));
        p->is_ours = true;
        p->was_unknown = p->is_unknown || list[i].must_check;
        if (list[i].must_check)
            ask_again(s, p, &list[i], e->was_beyond);
        p->is_lost = p->told_end = false;
        p->start = list[i].start;
        p->position = list[i].start < 0 ? p->low : list[i].start;
        p->acknowledged = p->committed;
    }
}

static void tell_revoked(struct fake_source *s, const struct fake_source_event *e,
                         const struct source_events *events)
{
    for (size_t i = 0; i < e->count; i++) {
        struct fake_partition *p = partition_of(s, e->partitions[i]);

        assert_true(p->is_ours);
        p->is_asked_back = true;
        p->is_lost = e->lost;
    }
    events->revoked(events->ctx, e->partitions, e->count, e->lost);
}

static bool is_revoking(const struct fake_source *s)
{
    for (int i = 0; i < FAKE_PARTITIONS; i++)
        if (s->partitions[i].is_asked_back)
            return true;
    return false;
}

static void tell_committed(struct fake_source *s, const struct source_events *events)
{
    for (int32_t i = 0; i < FAKE_PARTITIONS; i++) {
        struct fake_partition *p = &s->partitions[i];

        if (!p->is_ours || p->acknowledged == p->committed)
            continue;
        p->acknowledged = p->committed;
        events->committed(events->ctx, i, p->committed);
    }
}

static int serve(void *self, const struct source_events *events, struct err *e)
{
    struct fake_source *s = self;
    struct fake_source_event next;

    s->serves++;
    if (s->serves == s->fail_serve_at)
        return err_set(e, ERR_RUNTIME, "the source is dead");
    tell_committed(s, events);
    if (s->event_count == 0 || is_revoking(s))
        return 0;
    next = s->events[s->event_first++];
    if (--s->event_count == 0)
        s->event_first = 0;
    if (next.is_assign)
        tell_assigned(s, &next, events);
    else
        tell_revoked(s, &next, events);
    return 0;
}

static void hand_out(struct fake_source *s, int32_t partition, const struct fake_record *r,
                     struct message *m)
{
    struct fake_record *copy = mem_alloc(sizeof(*copy));

    *copy = *r;
    copy->key = r->key ? mem_strndup(r->key, r->key_len) : NULL;
    copy->value = r->value ? mem_strndup(r->value, r->value_len) : NULL;
    *m = (struct message){
        .topic = TOPIC,
        .partition = partition,
        .offset = r->offset,
        .timestamp_ms = r->timestamp_ms,
        .key = copy->key,
        .key_len = copy->key_len,
        .value = copy->value,
        .value_len = copy->value_len,
        .handle = copy,
    };
    s->outstanding++;
}

static enum fetch_result fetch(void *self, int32_t partition, struct message *m)
{
    struct fake_source *s = self;
    struct fake_partition *p = partition_of(s, partition);

    assert_true(p->is_ours);
    assert_false(p->is_asked_back);
    p->fetches++;
    if (p->is_slow || p->was_unknown)
        return FETCH_NOTHING;
    for (size_t i = 0; i < p->count; i++) {
        if (p->records[i].offset < p->position)
            continue;
        hand_out(s, partition, &p->records[i], m);
        p->position = m->offset + 1;
        return FETCH_MESSAGE;
    }
    if (p->told_end)
        return FETCH_NOTHING;
    p->told_end = true;
    *m = (struct message){.topic = TOPIC, .partition = partition, .offset = p->end};
    return FETCH_END;
}

static void release(void *self, struct message *m)
{
    struct fake_source *s = self;
    struct fake_record *r = m->handle;

    assert_non_null(r);
    free(r->key);
    free(r->value);
    free(r);
    m->handle = NULL;
    s->outstanding--;
}

static size_t headers(void *self, const struct message *m, const struct header **out)
{
    struct fake_source *s = self;
    const struct fake_record *r = m->handle;

    *out = r->headers ? r->headers : s->headers;
    return r->headers ? r->header_count : s->header_count;
}

static void store(void *self, int32_t partition, int64_t next)
{
    struct fake_source *s = self;
    struct fake_partition *p = partition_of(s, partition);

    assert_true(p->is_ours);
    assert_false(p->is_lost);
    assert_true(next >= p->committed);
    if (s->stored)
        s->stored(s->stored_ctx, partition, next);
    p->committed = next;
}

static void release_partitions(void *self)
{
    struct fake_source *s = self;

    assert_true(is_revoking(s));
    s->releases++;
    for (int i = 0; i < FAKE_PARTITIONS; i++) {
        struct fake_partition *p = &s->partitions[i];

        if (p->is_asked_back)
            p->is_ours = p->is_asked_back = false;
    }
}

static int64_t high_watermark(void *self, int32_t partition)
{
    struct fake_source *s = self;

    const struct fake_partition *p = partition_of(s, partition);

    return s->hides_watermarks || p->was_unknown ? -1 : p->end + p->in_transaction;
}

static enum range_state check_range(void *self, int32_t partition, int64_t from, int64_t to)
{
    struct fake_source *s = self;
    struct fake_partition *p = partition_of(s, partition);

    assert_true(p->is_ours);
    assert_true(from < to);
    if (++p->checks < p->answer_checks_at)
        return RANGE_UNKNOWN;
    return first_record(p, from, to).offset < 0 ? RANGE_EMPTY : RANGE_READABLE;
}

static void restart(void *self, int32_t partition, int64_t offset)
{
    struct fake_source *s = self;
    struct fake_partition *p = partition_of(s, partition);

    assert_true(p->is_ours);
    p->position = offset;
    p->told_end = false;
    p->restarts++;
}

struct source fake_source_port(struct fake_source *s)
{
    return (struct source){
        .self = s,
        .serve = serve,
        .fetch = fetch,
        .release = release,
        .headers = headers,
        .store = store,
        .release_partitions = release_partitions,
        .high_watermark = high_watermark,
        .check_range = check_range,
        .restart = restart,
    };
}
