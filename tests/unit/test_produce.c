#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/mem.h"
#include "flow/produce.h"
#include "support/fake_sink.h"

#define WALL_MS INT64_C(1795367071402)
#define UUID    "0af76519-16cd-43dd-8448-eb211c80319c"

/* An input that counts: order n has the value "n". */
struct input {
    int64_t next;
    int64_t end;       /* PRODUCE_END from here on; 0: never */
    int64_t fail_at;   /* PRODUCE_FAILED here; 0: never */
    bool is_empty_now; /* PRODUCE_NOTHING_YET */
    struct produce_item item;
    char value[32];
};

struct fixture {
    struct input input;
    struct produce_input input_port;
    struct fake_sink sink;
    struct sink sink_port;
    struct produce_policy policy;
    struct produce p;
    int64_t now_ms;
};

static enum produce_next next(void *self, int64_t wall_ms, struct produce_item *item, struct err *e)
{
    struct input *in = self;

    if (in->is_empty_now)
        return PRODUCE_NOTHING_YET;
    if (in->end && in->next >= in->end)
        return PRODUCE_END;
    if (in->fail_at && in->next == in->fail_at) {
        err_set(e, ERR_RUNTIME, "the input broke");
        return PRODUCE_FAILED;
    }
    snprintf(in->value, sizeof(in->value), "%lld", (long long)in->next++);
    *item = in->item;
    item->position = (uint64_t)in->next; /* from 1, as lines */
    item->value = in->value;
    item->value_len = strlen(in->value);
    item->timestamp_ms = wall_ms;
    return PRODUCE_ITEM;
}

static int set_up(void **state)
{
    struct fixture *f = mem_alloc(sizeof(*f));

    f->input.item = (struct produce_item){.key = "o-1", .key_len = 3, .correlation_id = UUID};
    f->input_port = (struct produce_input){.self = &f->input, .next = next};
    f->sink_port = fake_sink_port(&f->sink);
    f->policy = (struct produce_policy){.topic = "orders"};
    f->now_ms = 5000;
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    fake_sink_release(&f->sink);
    free(f);
    return 0;
}

static void begin(struct fixture *f)
{
    produce_init(&f->p, &f->policy, &f->input_port, &f->sink_port, f->now_ms);
}

static int turn(struct fixture *f)
{
    struct err e = {0};
    int sleep_ms = produce_turn(&f->p, f->now_ms, WALL_MS, &e);

    assert_in_range(sleep_ms, 0, 200);
    return sleep_ms;
}

/* Turns until nothing is left to do, `limit` times at most. */
static void run_to_end(struct fixture *f, int limit)
{
    while (!produce_is_done(&f->p) && limit-- > 0)
        f->now_ms += turn(f);
    assert_true(produce_is_done(&f->p));
}

static void assert_values_in_order(const struct fixture *f)
{
    int64_t expected = 0;
    char text[32];

    for (size_t i = 0; i < f->sink.count; i++) {
        if (f->sink.sent[i].met.result != SEND_TAKEN)
            continue;
        snprintf(text, sizeof(text), "%lld", (long long)expected++);
        assert_string_equal(f->sink.sent[i].record.value, text);
    }
}

static void the_set_number_of_orders_is_sent_in_order(void **state)
{
    struct fixture *f = *state;

    f->policy.count = 2500;
    begin(f);
    run_to_end(f, 100);
    assert_int_equal(f->sink.count, 2500);
    assert_int_equal(f->p.counts.sent, 2500);
    assert_int_equal(f->p.counts.acknowledged, 2500);
    assert_int_equal(f->p.counts.failed, 0);
    assert_values_in_order(f);
    assert_string_equal(f->sink.sent[0].record.topic, "orders");
    assert_int_equal(f->sink.sent[0].record.partition_hint, -1);
}

static void without_a_number_it_goes_on_until_it_is_stopped(void **state)
{
    struct fixture *f = *state;

    begin(f);
    for (int i = 0; i < 10; i++)
        assert_int_equal(turn(f), 0);
    assert_int_equal(f->sink.count, 10000);
    assert_false(produce_is_done(&f->p));
    produce_stop(&f->p);
    run_to_end(f, 10);
    assert_int_equal(f->sink.count, 10000);
    assert_int_equal(f->p.counts.acknowledged, 10000);
}

static void the_input_ends_it(void **state)
{
    struct fixture *f = *state;

    f->input.end = 7;
    begin(f);
    run_to_end(f, 10);
    assert_int_equal(f->p.counts.acknowledged, 7);
}

static void the_interval_is_kept(void **state)
{
    struct fixture *f = *state;

    f->policy.interval_ms = 2000;
    begin(f);
    for (int64_t ms = 0; ms < 10000;) {
        int sleep_ms = turn(f);

        assert_int_equal(f->sink.count, ms / 2000 + 1);
        f->now_ms += sleep_ms;
        ms += sleep_ms;
    }
}

static void a_short_interval_is_not_overslept(void **state)
{
    struct fixture *f = *state;

    f->policy.interval_ms = 30;
    begin(f);
    assert_int_equal(turn(f), 30);
    f->now_ms += 10;
    assert_int_equal(turn(f), 20);
    f->now_ms += 20;
    turn(f);
    assert_int_equal(f->sink.count, 2);
}

static void a_full_sink_is_waited_for_and_nothing_is_dropped(void **state)
{
    struct fixture *f = *state;

    f->policy.count = 5;
    f->sink.otherwise.result = SEND_FULL;
    begin(f);
    for (int i = 0; i < 50; i++)
        assert_in_range(turn(f), 1, 20);
    assert_int_equal(f->input.next, 1); /* one is held, no more are taken */
    assert_int_equal(f->p.counts.sent, 0);
    f->sink.otherwise.result = SEND_TAKEN;
    run_to_end(f, 10);
    assert_int_equal(f->p.counts.acknowledged, 5);
    assert_values_in_order(f);
}

static void an_input_that_has_nothing_yet_is_asked_again(void **state)
{
    struct fixture *f = *state;

    f->policy.count = 1;
    f->input.is_empty_now = true;
    begin(f);
    for (int i = 0; i < 5; i++)
        assert_in_range(turn(f), 1, 50);
    assert_int_equal(f->sink.count, 0);
    f->input.is_empty_now = false;
    run_to_end(f, 10);
    assert_int_equal(f->p.counts.acknowledged, 1);
}

static void an_input_that_breaks_ends_it_with_its_reason(void **state)
{
    struct fixture *f = *state;
    struct err e = {0};

    f->input.fail_at = 3;
    begin(f);
    assert_int_equal(produce_turn(&f->p, f->now_ms, WALL_MS, &e), -1);
    assert_string_equal(e.text, "the input broke");
    run_to_end(f, 10);
    assert_int_equal(f->p.counts.acknowledged, 3);
}

static void failed_reports_and_refusals_are_counted_and_the_last_reason_kept(void **state)
{
    static const struct fake_send steps[] = {
        {SEND_TAKEN, SINK_OK, false},
        {SEND_TAKEN, SINK_TROUBLE, false},
        {SEND_FAILED, SINK_TOO_LARGE, false},
    };
    struct fixture *f = *state;

    f->policy.count = 4;
    f->sink.steps = steps;
    f->sink.step_count = 3;
    begin(f);
    run_to_end(f, 10);
    assert_int_equal(f->sink.count, 4);
    assert_int_equal(f->p.counts.sent, 3);
    assert_int_equal(f->p.counts.acknowledged, 2);
    assert_int_equal(f->p.counts.failed, 2);
    assert_string_equal(f->p.counts.last_failure, "send 1 refused");
}

static void an_order_that_was_taken_and_failed_counts_once(void **state)
{
    static const struct fake_send steps[] = {{SEND_TAKEN, SINK_TROUBLE, false},
                                             {SEND_TAKEN, SINK_TROUBLE, false}};
    struct fixture *f = *state;

    f->policy.count = 6;
    f->policy.interval_ms = 10;
    f->sink.steps = steps;
    f->sink.step_count = 2;
    begin(f);
    run_to_end(f, 20);
    assert_int_equal(f->p.counts.sent, 6);
    assert_int_equal(f->p.counts.failed, 2);
    assert_int_equal(f->p.counts.acknowledged, 4);
}

/* What follows it may have been acknowledged. */
static void the_first_position_that_is_not_acknowledged_is_known(void **state)
{
    static const struct fake_send steps[] = {
        {.report_later = true},       {.report_later = true},
        {.status = SINK_TROUBLE},     {.result = SEND_FAILED, .status = SINK_TROUBLE},
        {SEND_TAKEN, SINK_OK, false},
    };
    struct fixture *f = *state;

    f->policy.count = 5;
    f->sink.steps = steps;
    f->sink.step_count = 5;
    begin(f);
    assert_int_equal(produce_first_open(&f->p), 0);
    turn(f);
    turn(f);
    assert_int_equal(produce_first_open(&f->p), 1);
    fake_sink_report(&f->sink, 0, SINK_OK);
    turn(f);
    assert_int_equal(produce_first_open(&f->p), 2);
    fake_sink_report(&f->sink, 1, SINK_OK);
    run_to_end(f, 2);
    assert_int_equal(produce_first_open(&f->p), 3);
    assert_false(produce_was_cut_short(&f->p));
}

static void what_was_taken_from_the_input_and_not_sent_is_open_too(void **state)
{
    struct fixture *f = *state;

    f->sink.otherwise.result = SEND_FULL;
    begin(f);
    turn(f);
    assert_int_equal(produce_first_open(&f->p), 0);
    produce_stop(&f->p);
    assert_int_equal(produce_first_open(&f->p), 1);
    assert_true(produce_was_cut_short(&f->p));
}

static void an_input_that_was_read_out_was_not_cut_short(void **state)
{
    struct fixture *f = *state;

    f->input.end = 3;
    begin(f);
    run_to_end(f, 10);
    produce_stop(&f->p); /* a signal that comes late */
    assert_false(produce_was_cut_short(&f->p));
    assert_int_equal(produce_first_open(&f->p), 0);
}

static void it_is_done_when_everything_is_reported(void **state)
{
    struct fixture *f = *state;

    f->policy.count = 2;
    f->sink.otherwise.report_later = true;
    begin(f);
    for (int i = 0; i < 5; i++)
        turn(f);
    assert_false(produce_is_done(&f->p));
    fake_sink_report(&f->sink, 0, SINK_OK);
    turn(f);
    assert_false(produce_is_done(&f->p));
    fake_sink_report(&f->sink, 1, SINK_OK);
    run_to_end(f, 2);
}

static void the_headers_are_those_of_a_cloud_event_and_a_trace(void **state)
{
    static const char *const expected[][2] = {
        {"content-type", "application/json"},
        {"ce_specversion", "1.0"},
        {"ce_id", "o-1"},
        {"ce_source", "producer-service"},
        {"ce_type", "order.created"},
        {"ce_time", "2026-11-22T17:04:31.402Z"},
        {"traceparent", "00-0af7651916cd43dd8448eb211c80319c-8448eb211c80319c-01"},
    };
    struct fixture *f = *state;

    f->policy.count = 1;
    begin(f);
    run_to_end(f, 5);
    assert_int_equal(f->sink.sent[0].record.header_count, 7);
    for (size_t i = 0; i < 7; i++) {
        const struct header *h = &f->sink.sent[0].record.headers[i];

        assert_string_equal(h->name, expected[i][0]);
        assert_string_equal(h->value, expected[i][1]);
        assert_int_equal(h->value_len, strlen(h->value));
    }
}

static void what_is_no_correlation_id_gives_no_trace(void **state)
{
    static const char *const ids[] = {NULL,
                                      "",
                                      "0af76519",
                                      "0AF76519-16CD-43DD-8448-EB211C80319C",
                                      "zzf76519-16cd-43dd-8448-eb211c80319c",
                                      "0af76519-16cd-43dd-0000-000000000000"};
    struct fixture *f = *state;

    for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
        f->policy.count = 1;
        f->input.item.correlation_id = ids[i];
        begin(f);
        run_to_end(f, 5);
        assert_null(fake_sink_header(&f->sink, i, "traceparent"));
        assert_non_null(fake_sink_header(&f->sink, i, "ce_id"));
    }
}

static void without_a_key_there_is_no_cloud_event(void **state)
{
    struct fixture *f = *state;

    f->policy.count = 1;
    f->input.item.key = NULL;
    f->input.item.key_len = 0;
    begin(f);
    run_to_end(f, 5);
    assert_null(f->sink.sent[0].record.key);
    assert_null(fake_sink_header(&f->sink, 0, "ce_id"));
    assert_string_equal(fake_sink_header(&f->sink, 0, "content-type"), "application/json");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(the_set_number_of_orders_is_sent_in_order),
        TEST(without_a_number_it_goes_on_until_it_is_stopped),
        TEST(the_input_ends_it),
        TEST(the_interval_is_kept),
        TEST(a_short_interval_is_not_overslept),
        TEST(a_full_sink_is_waited_for_and_nothing_is_dropped),
        TEST(an_input_that_has_nothing_yet_is_asked_again),
        TEST(an_input_that_breaks_ends_it_with_its_reason),
        TEST(failed_reports_and_refusals_are_counted_and_the_last_reason_kept),
        TEST(an_order_that_was_taken_and_failed_counts_once),
        TEST(the_first_position_that_is_not_acknowledged_is_known),
        TEST(what_was_taken_from_the_input_and_not_sent_is_open_too),
        TEST(an_input_that_was_read_out_was_not_cut_short),
        TEST(it_is_done_when_everything_is_reported),
        TEST(the_headers_are_those_of_a_cloud_event_and_a_trace),
        TEST(what_is_no_correlation_id_gives_no_trace),
        TEST(without_a_key_there_is_no_cloud_event),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
