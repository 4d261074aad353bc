#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "flow/start.h"

#define NOTHING START_UNKNOWN

static void a_start_follows_from_journal_group_and_broker(void **state)
{
    static const struct {
        struct start_facts facts; /* journal_next, acked_commit, committed, low, high, was_beyond */
        struct start start;       /* kind, offset, from, to */
    } cases[] = {
        /* nobody knows anything: auto.offset.reset decides */
        {{NOTHING, NOTHING, NOTHING, 0, 100, false}, {START_NORMAL, NOTHING, 0, 0}},
        /* the journal is ahead: a crash came before the commit */
        {{50, 30, 40, 0, 100, false}, {START_NORMAL, 50, 0, 0}},
        /* the group is ahead: others did that part */
        {{50, 50, 80, 0, 100, false}, {START_NORMAL, 80, 0, 0}},
        /* the group's offsets expired */
        {{50, 50, NOTHING, 0, 100, false}, {START_NORMAL, 50, 0, 0}},
        /* a new journal for an old group */
        {{NOTHING, NOTHING, 70, 0, 100, false}, {START_NORMAL, 70, 0, 0}},
        /* all is told */
        {{100, 100, 100, 0, 100, false}, {START_NORMAL, 100, 0, 0}},
        /* retention was faster than we */
        {{50, 50, 50, 60, 100, false}, {START_GAP, 60, 50, 60}},
        {{NOTHING, NOTHING, 10, 60, 100, false}, {START_GAP, 60, 10, 60}},
        /* someone set the group back */
        {{50, 50, 20, 0, 100, false}, {START_REPLAY, 20, 20, 50}},
        {{50, 50, 0, 10, 100, false}, {START_REPLAY, 10, 10, 50}},
        /* set back to what retention has taken: the gap is told, there is nothing to tell again */
        {{50, 50, 20, 60, 100, false}, {START_GAP, 60, 50, 60}},
        {{60, 50, 20, 60, 100, false}, {START_NORMAL, 60, 0, 0}},
        /* a commit that was never acknowledged to us is no setting back */
        {{50, 20, 20, 0, 100, false}, {START_NORMAL, 50, 0, 0}},
        {{50, NOTHING, 20, 0, 100, false}, {START_NORMAL, 50, 0, 0}},
        /* set back to where this journal never told: nothing is told a second time */
        {{40, 60, 50, 0, 100, false}, {START_NORMAL, 50, 0, 0}},
        /* an empty topic that once held more: its end is where it begins */
        {{100, 100, 100, 100, 100, false}, {START_NORMAL, 100, 0, 0}},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct start got = start_decide(&cases[i].facts);

        assert_int_equal(got.kind, cases[i].start.kind);
        assert_int_equal(got.offset, cases[i].start.offset);
        assert_int_equal(got.from, cases[i].start.from);
        assert_int_equal(got.to, cases[i].start.to);
    }
}

static void a_recreated_topic_begins_at_its_beginning_or_where_somebody_wishes(void **state)
{
    static const struct {
        struct start_facts facts;
        int64_t offset;
    } cases[] = {
        {{500, 500, 500, 0, 100, false}, 0},  {{500, 500, NOTHING, 30, 100, false}, 30},
        {{500, 500, 500, 0, 900, true}, 0},  /* our own commit of the old one */
        {{500, 300, 310, 0, 900, true}, 0},  /* likewise, not acknowledged */
        {{500, 500, 40, 0, 100, false}, 40}, /* a wish */
        {{500, 500, 40, 60, 100, false}, 60},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct start got = start_recreated(&cases[i].facts);

        assert_int_equal(got.kind, START_RESET);
        assert_int_equal(got.offset, cases[i].offset);
        assert_int_equal(got.from, cases[i].offset);
        assert_int_equal(got.to, 500);
    }
}

static void a_truncated_log_continues_at_its_end(void **state)
{
    const struct start_facts facts = {500, 500, 480, 0, 320, false};
    struct start got = start_cut(&facts, 300);

    (void)state;
    assert_int_equal(got.kind, START_CUT);
    assert_int_equal(got.offset, 300);
    assert_int_equal(got.from, 300);
    assert_int_equal(got.to, 500);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_start_follows_from_journal_group_and_broker),
        cmocka_unit_test(a_recreated_topic_begins_at_its_beginning_or_where_somebody_wishes),
        cmocka_unit_test(a_truncated_log_continues_at_its_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
