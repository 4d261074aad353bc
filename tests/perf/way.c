/* The way of orders through the programs, without Kafka and files: what tests/perf/check.py counts
 * instructions and allocations of.
 *
 *   way both|raw|failures    the tracker's: decoded, checked, processed, told as a journal line
 *   way broken               the same for what is not decodable or not valid and so is dropped
 *   way made                 the producer's: made by the generator
 *
 * What stands in `counted` counts; before it everything has run once, so that buffers are as large
 * as they will be. Prints the number of messages, and of allocations within `counted`. */

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "flow/lane.h"
#include "processor/simulate.h"
#include "producer/order_gen.h"

#define MESSAGES    1000
#define SEED        1
#define WALL_MS     INT64_C(1795344727144)
#define BATCH_BYTES ((size_t)1 << 18) /* as the flow hands them to the journal */
#define MAX_MESSAGE ((size_t)1 << 20)
#define NOT_INLINED __attribute__((noinline))

/* ---- allocations: glibc's own, counted, also those of libraries ---- */

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *p, size_t size);

static unsigned long allocations;

void *malloc(size_t size)
{
    allocations++;
    return __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
    allocations++;
    return __libc_calloc(count, size);
}

void *realloc(void *p, size_t size)
{
    allocations++;
    return __libc_realloc(p, size);
}

/* ---- the tracker's way ---- */

struct way {
    struct lane_policy policy;
    struct lane_env env;
    struct source source;
    struct simulate simulate;
    struct processor processor;
    struct log log;
    struct lane lane;
    struct message *messages;
    struct strbuf lines;
    struct order_gen gen;
    struct order_message made;
};

static void release(void *self, struct message *m)
{
    (void)self;
    (void)m;
}

static void say_nothing(void *self, const struct log_entry *entry)
{
    (void)self;
    (void)entry;
}

static void tell(void *ctx, const struct slot *slot, const struct record *r)
{
    struct way *w = ctx;

    (void)slot;
    record_write(r, &w->lines);
    if (w->lines.len >= BATCH_BYTES)
        strbuf_reset(&w->lines);
}

static char *copy_of(const struct strbuf *sb)
{
    char *bytes = mem_alloc_array(sb->len + 1, 1);

    memcpy(bytes, strbuf_text(sb), sb->len + 1);
    return bytes;
}

static void make_messages(struct way *w, double invalid_rate)
{
    struct order_gen gen;
    struct order_message m = {0};

    order_gen_init(&gen, SEED, invalid_rate);
    w->messages = mem_alloc_array(MESSAGES, sizeof(*w->messages));
    for (int i = 0; i < MESSAGES; i++) {
        order_gen_next(&gen, WALL_MS, &m);
        w->messages[i] = (struct message){
            .topic = "orders",
            .offset = i,
            .timestamp_ms = WALL_MS,
            .key = copy_of(&m.key),
            .key_len = m.key.len,
            .value = m.has_value ? copy_of(&m.value) : NULL,
            .value_len = m.has_value ? m.value.len : 0,
        };
    }
    order_message_release(&m);
}

static void track(struct way *w)
{
    for (int i = 0; i < MESSAGES; i++)
        lane_take(&w->lane, &w->env, &w->messages[i]);
}

static void make_orders(struct way *w)
{
    for (int i = 0; i < MESSAGES; i++)
        order_gen_next(&w->gen, WALL_MS, &w->made);
}

NOT_INLINED static void counted(struct way *w, void (*run)(struct way *w))
{
    run(w);
}

static void init(struct way *w)
{
    *w = (struct way){0};
    w->policy = (struct lane_policy){
        .retry = {.max_attempts = 3,
                  .initial_delay_ms = 100,
                  .max_delay_ms = 5000,
                  .multiplier = 2},
        .breaker = {.consecutive = 100, .share = 0.5, .window = 1000, .pause_ms = 1000},
        .max_message_bytes = MAX_MESSAGE,
        .group = "order-tracker-group",
    };
    w->source = (struct source){.release = release};
    w->simulate = (struct simulate){.only_partition = -1};
    w->processor = simulate_processor(&w->simulate);
    w->log = (struct log){.write = say_nothing};
    w->env = (struct lane_env){
        .policy = &w->policy,
        .source = &w->source,
        .processor = &w->processor,
        .log = &w->log,
        .now_ms = 1,
        .wall_ms = WALL_MS,
        .settled = tell,
        .ctx = w,
    };
    lane_init(&w->lane, 0, 1);
}

static void release_all(struct way *w)
{
    for (int i = 0; w->messages && i < MESSAGES; i++) {
        free((char *)w->messages[i].key);
        free((char *)w->messages[i].value);
    }
    free(w->messages);
    strbuf_release(&w->lines);
    order_message_release(&w->made);
    simulate_release(&w->simulate);
    lane_release(&w->lane);
    slot_pool_release(&w->env.pool);
}

static const struct mode {
    const char *name;
    void (*run)(struct way *w);
    enum lane_payload payload;
    double invalid_rate;
} modes[] = {
    {"both", track, LANE_PAYLOAD_BOTH, 0},         {"raw", track, LANE_PAYLOAD_RAW, 0},
    {"failures", track, LANE_PAYLOAD_FAILURES, 0}, {"broken", track, LANE_PAYLOAD_BOTH, 1},
    {"made", make_orders, LANE_PAYLOAD_BOTH, 0},
};

int main(int argc, char **argv)
{
    const struct mode *mode = NULL;
    struct way w;
    unsigned long before;

    for (size_t i = 0; argc == 2 && i < sizeof(modes) / sizeof(modes[0]); i++)
        if (strcmp(argv[1], modes[i].name) == 0)
            mode = &modes[i];
    if (!mode) {
        fprintf(stderr, "usage: way both|raw|failures|broken|made\n");
        return 2;
    }
    init(&w);
    w.policy.payload = mode->payload;
    make_messages(&w, mode->invalid_rate);
    order_gen_init(&w.gen, SEED, 0);
    mode->run(&w);
    before = allocations;
    counted(&w, mode->run);
    printf("messages %d allocations %lu\n", MESSAGES, allocations - before);
    release_all(&w);
    return 0;
}
