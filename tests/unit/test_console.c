#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/mem.h"
#include "tracker/console.h"

#define WALL_MS INT64_C(1795367071402)

/* A console on a pipe that the test reads. */
struct fixture {
    int ends[2];
    struct console console;
    char text[65536];
};

static int set_up(void **state)
{
    struct fixture *f = mem_alloc(sizeof(*f));

    assert_int_equal(pipe(f->ends), 0);
    fcntl(f->ends[0], F_SETFL, O_NONBLOCK);
    console_init(&f->console, f->ends[1]);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    close(f->ends[0]);
    close(f->ends[1]);
    free(f);
    return 0;
}

/* What was shown since the last call. */
static const char *shown(struct fixture *f)
{
    ssize_t n = read(f->ends[0], f->text, sizeof(f->text) - 1);

    f->text[n > 0 ? n : 0] = '\0';
    return f->text;
}

static struct record processed(int64_t wall_ms)
{
    return (struct record){.timestamp_ms = wall_ms,
                           .topic = "orders",
                           .partition = 3,
                           .offset = 42,
                           .outcome = RECORD_PROCESSED,
                           .attempts = 1,
                           .latency_ms = 12};
}

static struct order order(struct order_item *items, size_t count)
{
    return (struct order){.order_id = "o-1",
                          .sequence = 7,
                          .customer = {.name = "Ann", .email = "ann@example.org"},
                          .items = items,
                          .item_count = count,
                          .total = 1999,
                          .currency = "EUR"};
}

static void a_processed_order_is_shown_as_a_block(void **state)
{
    struct order_item item = {.item_name = "Nut", .quantity = 2, .total_price = 1999};
    struct order o = order(&item, 1);
    struct record r = processed(WALL_MS);
    struct fixture *f = *state;

    console_settled(&f->console, &r, &o);
    assert_string_equal(shown(f), "17:04:31.402  partition 3 offset 42  processed, 12 ms\n"
                                  "  order o-1 #7  Ann <ann@example.org>\n"
                                  "    2 x Nut  19.99 EUR\n"
                                  "  total 19.99 EUR\n");
}

static void a_dead_letter_says_why_and_where_it_is(void **state)
{
    struct record r = processed(WALL_MS);
    struct fixture *f = *state;

    r.outcome = RECORD_DEAD_LETTERED;
    r.reason = RECORD_PROCESS;
    r.error = "no\nanswer \x1b[2J";
    r.attempts = 3;
    r.dlq_topic = "orders-dlq";
    r.dlq_partition = 1;
    r.dlq_offset = 7;
    console_settled(&f->console, &r, NULL);
    assert_string_equal(
        shown(f), "17:04:31.402  partition 3 offset 42  dead_lettered after 3 attempts, 12 ms\n"
                  "  PROCESS: no?answer ?[2J -> orders-dlq/1 offset 7\n");
}

static void many_orders_become_one_line_a_second(void **state)
{
    struct order o = order(NULL, 0);
    struct fixture *f = *state;
    int blocks = 0;

    for (int second = 0; second < 3; second++) {
        for (int i = 0; i < 100; i++) {
            struct record r = processed(WALL_MS - 402 + second * 1000 + i);

            console_settled(&f->console, &r, &o);
        }
        if (second == 0)
            for (const char *at = shown(f); (at = strstr(at, "order o-1")); at++)
                blocks++;
    }
    console_tick(&f->console, WALL_MS + 3000);
    assert_int_equal(blocks, 5);
    assert_string_equal(shown(f), "100 orders/s   processed 100  dead-lettered 0  dropped 0\n"
                                  "100 orders/s   processed 200  dead-lettered 0  dropped 0\n"
                                  "100 orders/s   processed 300  dead-lettered 0  dropped 0\n");
    console_tick(&f->console, WALL_MS + 4000);
    assert_string_equal(shown(f), "");
}

static void on_no_descriptor_it_only_counts(void **state)
{
    struct fixture *f = *state;
    struct record r = processed(WALL_MS);

    console_init(&f->console, -1);
    console_settled(&f->console, &r, NULL);
    console_say(&f->console, "nobody reads this");
    assert_int_equal(f->console.processed, 1);
    assert_string_equal(shown(f), "");
}

static void what_is_said_is_printable(void **state)
{
    struct fixture *f = *state;

    console_say(&f->console, "waiting for %s", "a\nb\x1b[0m");
    assert_string_equal(shown(f), "waiting for a?b?[0m\n");
}

/* A pipe with a little room, and a block that is larger than that: a plain write would wait. The
 * alarm would end the test. */
static void a_reader_that_sleeps_is_never_waited_for(void **state)
{
    struct fixture *f = *state;
    struct order_item items[10];
    struct order o = order(items, 10);
    char *name = mem_alloc(301);
    char *filler = mem_alloc(65536);

    memset(name, 'x', 300);
    for (size_t i = 0; i < 10; i++)
        items[i] = (struct order_item){.item_name = name, .quantity = 1, .total_price = 1};
    o.currency = o.order_id = o.customer.name = o.customer.email = name;
    alarm(30);
    assert_int_equal(write(f->ends[1], filler, 65536 - 4096), 65536 - 4096);
    for (int second = 0; second < 20; second++) {
        struct record r = processed(WALL_MS + second * 1000);

        console_settled(&f->console, &r, &o);
        console_say(&f->console, "still here");
    }
    alarm(0);
    assert_int_equal(f->console.processed, 20);
    free(name);
    free(filler);
}

static void a_reader_that_has_gone_is_no_trouble(void **state)
{
    struct fixture *f = *state;
    struct record r = processed(WALL_MS);

    signal(SIGPIPE, SIG_IGN);
    close(f->ends[0]);
    f->ends[0] = dup(f->ends[1]);
    console_settled(&f->console, &r, NULL);
    assert_int_equal(f->console.processed, 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_processed_order_is_shown_as_a_block),
        TEST(a_dead_letter_says_why_and_where_it_is),
        TEST(many_orders_become_one_line_a_second),
        TEST(on_no_descriptor_it_only_counts),
        TEST(what_is_said_is_printable),
        TEST(a_reader_that_sleeps_is_never_waited_for),
        TEST(a_reader_that_has_gone_is_no_trouble),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
