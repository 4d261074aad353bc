#include "io/kafka_ranges.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "io/errand.h"
#include "io/kafka_internal.h"

#define ASK_MS 5000

struct kafka_range {
    int32_t partition;
    int64_t from;
    int64_t to;
    bool is_asked; /* by the question that is open */
    enum range_state state;
};

/* The errand's until it is done. */
struct kafka_question {
    struct kafka_probe *probe;
    struct kafka_probe_item *items;
    size_t count;
};

static void ask(void *self)
{
    struct kafka_question *q = self;

    kafka_probe_read(q->probe, q->items, q->count, kafka_now_ms() + ASK_MS);
}

static struct kafka_range *find(const struct kafka_ranges *r, int32_t partition)
{
    for (size_t i = 0; i < r->count; i++)
        if (r->list[i].partition == partition)
            return &r->list[i];
    return NULL;
}

/* The end that is read may lag behind: a broker that has just become the leader. That says nothing.
 * What the broker no longer holds was skipped, not read. */
static enum range_state state_of(const struct kafka_range *range,
                                 const struct kafka_probe_item *item)
{
    switch (item->result) {
    case KAFKA_PROBE_NO_ANSWER:
        return RANGE_UNKNOWN;
    case KAFKA_PROBE_RECORD:
        return item->found < range->to ? RANGE_READABLE : RANGE_EMPTY;
    case KAFKA_PROBE_END:
        return item->found < range->to ? RANGE_UNKNOWN : RANGE_EMPTY;
    case KAFKA_PROBE_OUT_OF_RANGE:
        return RANGE_READABLE;
    }
    return RANGE_UNKNOWN;
}

static void free_question(struct kafka_ranges *r)
{
    if (r->question)
        free(r->question->items);
    free(r->question);
    r->question = NULL;
}

static void take_answers(struct kafka_ranges *r)
{
    for (size_t i = 0; i < r->question->count; i++) {
        const struct kafka_probe_item *item = &r->question->items[i];
        struct kafka_range *range = find(r, item->partition);

        if (!range || !range->is_asked)
            continue;
        range->is_asked = false;
        range->state = state_of(range, item);
        if (range->state == RANGE_UNKNOWN)
            log_with(r->log, LOG_WARN, "skipped offsets cannot be checked, trying again", NULL,
                     LOG_INT("partition", range->partition), LOG_INT("from", range->from),
                     LOG_INT("to", range->to));
    }
    free_question(r);
}

static void begin(struct kafka_ranges *r)
{
    size_t count = 0;

    r->question = mem_alloc(sizeof(*r->question));
    *r->question = (struct kafka_question){
        .probe = r->probe, .items = mem_alloc_array(r->count, sizeof(*r->question->items))};
    for (size_t i = 0; i < r->count; i++) {
        if (r->list[i].state != RANGE_UNKNOWN)
            continue;
        r->list[i].is_asked = true;
        r->question->items[count++] =
            (struct kafka_probe_item){.partition = r->list[i].partition, .offset = r->list[i].from};
    }
    r->question->count = count;
    if (count > 0)
        r->errand = errand_begin(ask, r->question, r->wake_fd);
    if (!r->errand)
        free_question(r);
}

void kafka_ranges_serve(struct kafka_ranges *r)
{
    if (r->errand && errand_is_done(r->errand, 0)) {
        errand_end(r->errand);
        r->errand = NULL;
        take_answers(r);
    }
}

/* An answer is taken once; what nobody asks for any more is replaced by the partition's next. */
enum range_state kafka_ranges_check(struct kafka_ranges *r, int32_t partition, int64_t from,
                                    int64_t to)
{
    struct kafka_range *range = find(r, partition);
    enum range_state state;

    if (!range) {
        r->list = mem_realloc_array(r->list, r->count + 1, sizeof(*r->list));
        range = &r->list[r->count++];
        *range = (struct kafka_range){.partition = partition};
    }
    if (range->from != from || range->to != to)
        *range = (struct kafka_range){.partition = partition, .from = from, .to = to};
    state = range->state;
    if (state != RANGE_UNKNOWN)
        *range = r->list[--r->count];
    else if (!r->errand)
        begin(r);
    return state;
}

bool kafka_ranges_release(struct kafka_ranges *r)
{
    bool is_open = r->errand && !errand_is_done(r->errand, 0);

    errand_end(r->errand);
    if (!is_open)
        free_question(r);
    free(r->list);
    r->list = NULL;
    r->count = 0;
    return !is_open;
}
