#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "flow/doubt.h"

#define T 1000 /* of the record at 499, the last that was journaled */

/* One answer: what the broker holds, and when after the first. */
struct answer {
    int64_t after_ms;
    int64_t low, high;
    struct record_mark first; /* that can be read */
    struct record_mark at;    /* the first at or after 499 */
};

struct scene {
    const char *name;
    struct start_facts known; /* journal_next, acked_commit, committed, -, -, was_beyond */
    int64_t timestamp_ms;
    bool is_drain;
    struct answer answers[4];
    enum doubt_verdict verdict; /* after the last; before it: DOUBT_WAIT */
    int64_t cut_at;             /* of DOUBT_CUT */
};

#define NONE   \
    {          \
        -1, -1 \
    }
#define OLD   \
    {         \
        0, 10 \
    }
#define NEW        \
    {              \
        0, T + 500 \
    }
#define KNOWN                      \
    {                              \
        500, 500, 500, 0, 0, false \
    }
#define BEYOND                    \
    {                             \
        500, 500, 500, 0, 0, true \
    }
#define LATE  (DOUBT_CONFIRM_MS + 1)
#define LATER (2 * DOUBT_CONFIRM_MS + 2)

static const struct scene scenes[] = {
    {"a transaction is open: only the readable end is lower",
     KNOWN,
     T,
     false,
     {{0, 0, 500, OLD, NONE}},
     DOUBT_SAME,
     0},
    {"a stale leader is asked for a while, then the true one",
     KNOWN,
     T,
     false,
     {{0, 0, 300, OLD, NONE}, {5000, 0, 300, OLD, NONE}, {9000, 0, 900, OLD, {499, T}}},
     DOUBT_SAME,
     0},
    {"a stale leader for longer than its session: nothing new can be read there",
     KNOWN,
     T,
     false,
     {{0, 0, 300, OLD, NONE}, {LATE, 0, 300, OLD, NONE}, {LATER, 0, 300, OLD, NONE}},
     DOUBT_WAIT,
     0},
    {"one that catches up is no truncated log that grows",
     KNOWN,
     T,
     false,
     {{0, 0, 300, OLD, NONE}, {LATE, 0, 400, OLD, NONE}, {LATE + 9000, 0, 500, OLD, {499, T}}},
     DOUBT_SAME,
     0},
    {"a truncated log that grows again",
     KNOWN,
     T,
     false,
     {{0, 0, 300, OLD, NONE}, {100, 0, 310, OLD, NONE}, {LATE + 100, 0, 320, OLD, NONE}},
     DOUBT_CUT,
     300},
    {"a truncated log that has grown beyond the journal",
     KNOWN,
     T,
     false,
     {{0, 0, 300, OLD, NONE}, {100, 0, 700, OLD, {499, T + 90}}},
     DOUBT_CUT,
     300},
    {"whoever drains a truncated log has an end",
     KNOWN,
     T,
     true,
     {{0, 0, 300, OLD, NONE}, {LATE, 0, 300, OLD, NONE}},
     DOUBT_CUT,
     300},
    {"a recreated topic, confirmed",
     KNOWN,
     T,
     false,
     {{0, 0, 40, NEW, NONE}, {LATE - 100, 0, 40, NEW, NONE}, {LATE, 0, 45, NEW, NONE}},
     DOUBT_RECREATED,
     0},
    {"a recreated topic that is still empty has nothing to be read",
     KNOWN,
     T,
     false,
     {{0, 0, 0, NONE, NONE}, {LATE, 0, 0, NONE, NONE}},
     DOUBT_WAIT,
     0},
    {"a recreated topic that has outgrown the journal",
     BEYOND,
     T,
     false,
     {{0, 0, 900, NEW, {499, T + 700}}},
     DOUBT_RECREATED,
     0},
    {"out of range at a stale leader, then the true one",
     BEYOND,
     T,
     false,
     {{0, 0, 900, OLD, {499, T}}},
     DOUBT_SAME,
     0},
    {"out of range, and the last record was compacted",
     BEYOND,
     T,
     false,
     {{0, 0, 900, OLD, {505, T + 50}}, {LATE, 0, 900, OLD, {505, T + 50}}},
     DOUBT_SAME,
     0},
    {"nobody knows when the last record was made: the old rule",
     KNOWN,
     -1,
     false,
     {{0, 0, 40, NEW, NONE}, {LATE, 0, 40, NEW, NONE}},
     DOUBT_RECREATED,
     0},
    {"likewise when it was out of range",
     BEYOND,
     -1,
     false,
     {{0, 0, 900, OLD, {499, T}}, {LATE, 0, 900, OLD, {499, T}}},
     DOUBT_RECREATED,
     0},
    {"the group has lost its commits",
     {500, 500, -1, 0, 0, false},
     T,
     false,
     {{0, 0, 900, OLD, {499, T}}},
     DOUBT_SAME,
     0},
    {"so it has when the cluster was set up again under its id",
     {500, 500, -1, 0, 0, false},
     T,
     false,
     {{0, 0, 900, NEW, {499, T + 700}}},
     DOUBT_RECREATED,
     0},
};

static void a_doubt_ends_by_evidence_and_not_by_one_answer(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(scenes) / sizeof(scenes[0]); i++) {
        const struct scene *s = &scenes[i];
        struct start_facts start = s->known;
        struct doubt d = {0};
        enum doubt_verdict verdict = DOUBT_WAIT;

        for (size_t k = 0; k < 4 && (k == 0 || s->answers[k].after_ms); k++) {
            const struct answer *a = &s->answers[k];
            struct assignment assignment = {
                .is_checked = true, .first = a->first, .at = a->at, .low = a->low, .high = a->high};
            const struct doubt_facts facts = {.assignment = &assignment,
                                              .start = &start,
                                              .timestamp_ms = s->timestamp_ms,
                                              .is_drain = s->is_drain};

            if (verdict != DOUBT_WAIT)
                fail_msg("%s: decided too early", s->name);
            start.low = a->low;
            start.high = a->high;
            verdict = doubt_judge(&d, &facts, 7000 + a->after_ms);
        }
        if (verdict != s->verdict)
            fail_msg("%s: verdict %d", s->name, verdict);
        if (verdict == DOUBT_CUT)
            assert_int_equal(d.lowest_high, s->cut_at);
    }
}

static void nothing_is_decided_before_the_first_check(void **state)
{
    struct start_facts start = KNOWN;
    struct assignment unchecked = {.low = 0, .high = 40};
    const struct doubt_facts facts = {.assignment = &unchecked, .start = &start, .timestamp_ms = T};
    struct doubt d = {0};

    (void)state;
    start.high = 40;
    assert_true(doubt_is_due(&d, &start));
    assert_int_equal(doubt_judge(&d, &facts, 1), DOUBT_WAIT);
    assert_false(d.is_open);
}

static void what_is_ordinary_gives_no_reason_for_doubt(void **state)
{
    static const struct start_facts ordinary[] = {
        {-1, -1, -1, 0, 100, false},    {50, 30, 40, 0, 100, false},
        {100, 100, 100, 0, 100, false}, {50, 50, 50, 60, 100, true}, /* retention was faster */
        {50, -1, -1, 0, 100, false},    {-1, -1, 70, 0, 100, false},
        {60, 60, 60, 60, 100, true}, /* nothing that was journaled can be there */
    };
    struct doubt d = {0};

    (void)state;
    for (size_t i = 0; i < sizeof(ordinary) / sizeof(ordinary[0]); i++)
        assert_false(doubt_is_due(&d, &ordinary[i]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_doubt_ends_by_evidence_and_not_by_one_answer),
        cmocka_unit_test(nothing_is_decided_before_the_first_check),
        cmocka_unit_test(what_is_ordinary_gives_no_reason_for_doubt),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
