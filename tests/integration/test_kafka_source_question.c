#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "support/source_group.h"

/* Where the partitions stand is asked at each assignment; here the broker does not answer. */

/* Leaves the member with a question that the broker never answers. */
static void ask_in_vain(struct group *f, struct member *m)
{
    int64_t until_ms;

    config_set_property(&f->kafka.cfg, "socket.timeout.ms", "8000", "test");
    mock_kafka_ignore(&f->kafka, MOCK_LIST_OFFSETS, 2);
    member_open(f, m);
    MOCK_WAIT(fake_log_count(&m->log, EVENT_OFFSETS_QUERY_FAILED), member_serve(m));
    until_ms = clock_mono_ms(clock_system()) + 1000;
    MOCK_WAIT(clock_mono_ms(clock_system()) > until_ms, member_serve(m));
    assert_int_equal(member_count(m), 0);
}

static void a_question_without_an_answer_holds_no_turn_up_and_is_asked_again(void **state)
{
    struct group *f = *state;
    struct member *m = &f->a;

    group_write(f, 0, 0, 7);
    ask_in_vain(f, m);
    member_join(m);
    assert_int_equal(m->assigned[0].high, 7);
    MOCK_WAIT(m->end[0] == 7, member_take(m, 0));
    assert_in_range(m->longest_ms, 0, MOCK_TURN_MS);
}

static void a_stop_while_a_question_is_open_ends_in_time(void **state)
{
    static const char *const assignors[] = {"range", "cooperative-sticky"};
    struct group *f = *state;
    struct member *m = &f->a;

    for (size_t i = 0; i < sizeof(assignors) / sizeof(assignors[0]); i++) {
        int64_t began_ms;

        config_set_property(&f->kafka.cfg, "partition.assignment.strategy", assignors[i], "test");
        ask_in_vain(f, m);
        began_ms = clock_mono_ms(clock_system());
        assert_int_equal(kafka_source_close(m->source, 2000), 0);
        m->source = NULL;
        assert_in_range(clock_mono_ms(clock_system()) - began_ms, 0, 20000);
        assert_in_range(m->longest_ms, 0, MOCK_TURN_MS);
        member_release(m);
    }
}

static void a_member_that_comes_while_a_question_is_open_gets_its_share(void **state)
{
    struct group *f = *state;

    ask_in_vain(f, &f->a);
    member_open(f, &f->b);
    MOCK_WAIT(member_count(&f->a) == 2 && member_count(&f->b) == 2, {
        member_serve(&f->a);
        member_serve(&f->b);
    });
    assert_in_range(f->a.longest_ms, 0, MOCK_TURN_MS);
    assert_in_range(f->b.longest_ms, 0, MOCK_TURN_MS);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, group_set_up, group_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_question_without_an_answer_holds_no_turn_up_and_is_asked_again),
        TEST(a_stop_while_a_question_is_open_ends_in_time),
        TEST(a_member_that_comes_while_a_question_is_open_gets_its_share),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
