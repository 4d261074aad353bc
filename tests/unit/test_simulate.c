#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "processor/simulate.h"

#define RECORDS 40000

struct fixture {
    struct simulate simulate;
    struct processor port;
};

static void set_up(struct fixture *f, double transient, double permanent, int64_t latency_ms)
{
    *f = (struct fixture){.simulate = {.transient_rate = transient,
                                       .permanent_rate = permanent,
                                       .only_partition = -1,
                                       .latency_ms = latency_ms}};
    f->port = simulate_processor(&f->simulate);
}

static enum start_result start(struct fixture *f, int32_t partition, int64_t offset, int number,
                               int64_t now_ms, struct attempt_result *r)
{
    const struct message m = {.topic = "orders", .partition = partition, .offset = offset};
    const struct order o = {0};
    const struct attempt a = {
        .tag = (uint64_t)offset + 1, .message = &m, .order = &o, .number = number};

    return f->port.start(f->port.self, &a, now_ms, r);
}

static enum attempt_verdict verdict_of(struct fixture *f, int32_t partition, int64_t offset,
                                       int number)
{
    struct attempt_result r;

    assert_int_equal(start(f, partition, offset, number, 0, &r), START_ANSWERED);
    assert_int_equal(r.tag, offset + 1);
    if (r.verdict != ATTEMPT_OK) {
        assert_int_equal(r.reason, RECORD_PROCESS);
        assert_true(strlen(r.text) > 0);
    }
    return r.verdict;
}

static void assert_share(int count, double share)
{
    double expected = share * RECORDS;

    assert_true(count > expected * 0.95 - 1 && count < expected * 1.05 + 1);
}

static void failures_can_be_kept_to_one_partition(void **state)
{
    struct fixture f;

    (void)state;
    set_up(&f, 1, 0, 0);
    f.simulate.only_partition = 2;
    assert_int_equal(verdict_of(&f, 2, 7, 1), ATTEMPT_RETRY);
    assert_int_equal(verdict_of(&f, 0, 7, 1), ATTEMPT_OK);
    assert_int_equal(verdict_of(&f, 3, 7, 1), ATTEMPT_OK);
}

static void the_rates_are_kept_over_many_records(void **state)
{
    static const struct {
        double transient, permanent;
    } cases[] = {{0, 0}, {1, 0}, {0, 1}, {0.3, 0}, {0, 0.1}, {0.3, 0.1}};
    struct fixture f;

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        for (int number = 1; number <= 2; number++) {
            int counts[3] = {0};

            set_up(&f, cases[i].transient, cases[i].permanent, 0);
            for (int n = 0; n < RECORDS; n++)
                counts[verdict_of(&f, n % 4, n / 4, number)]++;
            assert_share(counts[ATTEMPT_REJECT], cases[i].permanent);
            assert_share(counts[ATTEMPT_RETRY], cases[i].transient * (1 - cases[i].permanent));
            simulate_release(&f.simulate);
        }
}

static void the_same_record_fares_the_same_each_time(void **state)
{
    struct fixture f, g;

    (void)state;
    set_up(&f, 0.4, 0.1, 0);
    set_up(&g, 0.4, 0.1, 0);
    for (int n = 0; n < 1000; n++)
        verdict_of(&g, 9, n, 1); /* what came before does not matter */
    for (int32_t partition = 0; partition < 3; partition++)
        for (int64_t offset = 0; offset < 300; offset++)
            for (int number = 1; number < 4; number++)
                assert_int_equal(verdict_of(&f, partition, offset, number),
                                 verdict_of(&g, partition, offset, number));
}

static void partition_offset_and_attempt_all_matter(void **state)
{
    int by_partition = 0, by_offset = 0, by_attempt = 0;
    struct fixture f;

    (void)state;
    set_up(&f, 0.5, 0, 0);
    for (int64_t n = 0; n < 1000; n++) {
        enum attempt_verdict v = verdict_of(&f, 1, n, 1);

        by_partition += v != verdict_of(&f, 2, n, 1);
        by_offset += v != verdict_of(&f, 1, n + 1, 1);
        by_attempt += v != verdict_of(&f, 1, n, 2);
    }
    assert_in_range(by_partition, 400, 600);
    assert_in_range(by_offset, 400, 600);
    assert_in_range(by_attempt, 400, 600);
}

static void what_fails_for_good_fails_at_every_attempt(void **state)
{
    struct fixture f;

    (void)state;
    set_up(&f, 0.5, 0.3, 0);
    for (int64_t n = 0; n < 1000; n++)
        for (int number = 2; number < 5; number++)
            assert_int_equal(verdict_of(&f, 0, n, 1) == ATTEMPT_REJECT,
                             verdict_of(&f, 0, n, number) == ATTEMPT_REJECT);
}

static void with_a_latency_the_answers_come_later_and_in_order(void **state)
{
    struct attempt_result r;
    struct fixture f;

    (void)state;
    set_up(&f, 0, 0, 50);
    assert_true(f.port.deadline_ms(f.port.self) == INT64_MAX);
    for (int64_t n = 0; n < 40; n++)
        assert_int_equal(start(&f, 0, n, 1, 1000 + n, &r), START_TAKEN);
    assert_int_equal(f.port.deadline_ms(f.port.self), 1050);
    assert_int_equal(f.port.next_result(f.port.self, 1049, &r), 0);
    for (int64_t n = 0; n < 40; n++) {
        assert_int_equal(f.port.deadline_ms(f.port.self), 1050 + n);
        assert_int_equal(f.port.next_result(f.port.self, 1050 + n, &r), 1);
        assert_int_equal(r.tag, n + 1);
        assert_int_equal(r.verdict, ATTEMPT_OK);
        assert_int_equal(f.port.next_result(f.port.self, 1050 + n, &r), 0);
    }
    assert_true(f.port.deadline_ms(f.port.self) == INT64_MAX);
    simulate_release(&f.simulate);
}

static void a_latency_does_not_change_the_verdict(void **state)
{
    struct fixture f, g;
    struct attempt_result r;

    (void)state;
    set_up(&f, 0.4, 0.2, 0);
    set_up(&g, 0.4, 0.2, 5);
    for (int64_t n = 0; n < 300; n++) {
        start(&g, 3, n, 2, n * 10, &r);
        assert_int_equal(g.port.next_result(g.port.self, n * 10 + 5, &r), 1);
        assert_int_equal(r.verdict, verdict_of(&f, 3, n, 2));
    }
    simulate_release(&g.simulate);
}

static void a_cancelled_attempt_is_never_answered(void **state)
{
    struct attempt_result r;
    struct fixture f;

    (void)state;
    set_up(&f, 0, 0, 50);
    for (int64_t n = 0; n < 3; n++)
        start(&f, 0, n, 1, 1000, &r);
    f.port.cancel(f.port.self, 2);
    f.port.cancel(f.port.self, 99);
    assert_int_equal(f.port.next_result(f.port.self, 2000, &r), 1);
    assert_int_equal(r.tag, 1);
    assert_int_equal(f.port.next_result(f.port.self, 2000, &r), 1);
    assert_int_equal(r.tag, 3);
    assert_int_equal(f.port.next_result(f.port.self, 2000, &r), 0);
    simulate_release(&f.simulate);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(failures_can_be_kept_to_one_partition),
        cmocka_unit_test(the_rates_are_kept_over_many_records),
        cmocka_unit_test(the_same_record_fares_the_same_each_time),
        cmocka_unit_test(partition_offset_and_attempt_all_matter),
        cmocka_unit_test(what_fails_for_good_fails_at_every_attempt),
        cmocka_unit_test(with_a_latency_the_answers_come_later_and_in_order),
        cmocka_unit_test(a_latency_does_not_change_the_verdict),
        cmocka_unit_test(a_cancelled_attempt_is_never_answered),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
