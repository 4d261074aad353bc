#include "model/redrive_progress.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "base/rng.h"

static const struct redrive_traits process = {RECORD_PROCESS, "orders", 0};
static const struct redrive_traits validate = {RECORD_VALIDATE, "orders", 0};
static const struct redrive_traits other_topic = {RECORD_PROCESS, "orders-old", 0};
static const struct redrive_traits worn = {RECORD_PROCESS, "orders", 3};

static void assert_text(const struct redrive_progress *p, const char *expected)
{
    struct strbuf text = {0};
    struct redrive_progress again = {0};
    int64_t first = redrive_progress_first(p);

    redrive_progress_write(p, &text);
    assert_string_equal(strbuf_text(&text), expected);
    assert_int_equal(redrive_progress_read(&again, first, text.data, text.len), 0);
    strbuf_release(&text);
    redrive_progress_write(&again, &text);
    assert_string_equal(strbuf_text(&text), expected);
    assert_int_equal(redrive_progress_first(&again), first);
    strbuf_release(&text);
    redrive_progress_release(&again);
}

static void all_before_next_is_done_and_nothing_else(void **state)
{
    const struct redrive_progress p = {.next = 10};

    (void)state;
    assert_false(redrive_progress_is_open(&p, 9, &process));
    assert_true(redrive_progress_is_open(&p, 10, &process));
    assert_int_equal(redrive_progress_first(&p), 10);
    assert_text(&p, "v1 next=0");
}

static void a_rule_opens_what_is_like_it_from_its_offset_on(void **state)
{
    struct redrive_progress p = {.next = 100};

    (void)state;
    redrive_progress_leave_all(&p, REDRIVE_BY_REASON, &validate, 20);
    redrive_progress_leave_all(&p, REDRIVE_BY_TOPIC, &other_topic, 30);
    redrive_progress_leave_all(&p, REDRIVE_BY_REPLAYS, &worn, 40);
    assert_false(redrive_progress_leave_all(&p, REDRIVE_BY_REASON, &validate, 25));
    assert_false(redrive_progress_is_open(&p, 19, &validate));
    assert_true(redrive_progress_is_open(&p, 20, &validate));
    assert_false(redrive_progress_is_open(&p, 99, &process));
    assert_false(redrive_progress_is_open(&p, 29, &other_topic));
    assert_true(redrive_progress_is_open(&p, 30, &other_topic));
    assert_true(redrive_progress_is_open(&p, 40, &worn));
    assert_false(redrive_progress_is_open(
        &p, 50, &(struct redrive_traits){.reason = RECORD_PROCESS, .topic = NULL, .replays = 1}));
    assert_int_equal(redrive_progress_first(&p), 20);
    assert_text(&p, "v1 next=80 reason:VALIDATE=0 topic:orders-old=10 replays:3=20");
    redrive_progress_release(&p);
}

static void what_names_no_reason_has_a_rule_too(void **state)
{
    struct redrive_progress p = {.next = 9};

    (void)state;
    redrive_progress_leave_all(&p, REDRIVE_BY_REASON, &(struct redrive_traits){0}, 4);
    assert_true(redrive_progress_is_open(&p, 4, &(struct redrive_traits){0}));
    assert_false(redrive_progress_is_open(&p, 4, &process));
    assert_text(&p, "v1 next=5 reason:OTHER=0");
    redrive_progress_release(&p);
}

static void single_offsets_become_ranges_in_whatever_order_they_come(void **state)
{
    static const int64_t offsets[] = {20, 12, 10, 14, 11, 13, 30, 22, 21, 12};
    struct redrive_progress p = {.next = 31};

    (void)state;
    for (size_t i = 0; i < sizeof(offsets) / sizeof(offsets[0]); i++)
        redrive_progress_leave(&p, offsets[i]);
    assert_int_equal(p.left_count, 3);
    assert_false(redrive_progress_is_open(&p, 9, &process));
    assert_true(redrive_progress_is_open(&p, 13, &process));
    assert_false(redrive_progress_is_open(&p, 15, &process));
    assert_true(redrive_progress_is_open(&p, 30, &process));
    assert_text(&p, "v1 next=21 left=0+4,6+2,8");
    redrive_progress_release(&p);
}

static void a_run_counts_up_to_where_it_came_and_what_was_before_behind_that(void **state)
{
    struct redrive_progress before = {.next = 100};
    struct redrive_progress now = {0};
    struct redrive_progress out = {0};

    (void)state;
    redrive_progress_leave(&before, 10); /* done by this run */
    redrive_progress_leave(&before, 60);
    redrive_progress_leave_all(&before, REDRIVE_BY_REASON, &validate, 5); /* likewise, up to 50 */
    redrive_progress_leave_all(&before, REDRIVE_BY_TOPIC, &other_topic, 70);
    redrive_progress_leave(&now, 20);
    redrive_progress_leave(&now, 59);
    redrive_progress_leave_all(&now, REDRIVE_BY_REPLAYS, &worn, 30);
    redrive_progress_leave_all(&now, REDRIVE_BY_REASON, &process, 55);
    redrive_progress_join(&out, &now, &before, 50);
    assert_int_equal(redrive_progress_first(&out), 20);
    assert_text(&out, "v1 next=80 replays:3=10 reason:VALIDATE=30 topic:orders-old=50 left=0,40");
    redrive_progress_release(&out);

    redrive_progress_join(&out, &now, &before, 120);
    assert_text(&out, "v1 next=100 replays:3=10 reason:PROCESS=35 left=0,39");
    redrive_progress_release(&out);
    redrive_progress_release(&now);
    redrive_progress_release(&before);
}

static void ranges_that_touch_where_the_run_ended_are_one(void **state)
{
    struct redrive_progress before = {.next = 20};
    struct redrive_progress now = {0};
    struct redrive_progress out = {0};

    (void)state;
    for (int64_t i = 5; i < 15; i++)
        redrive_progress_leave(&before, i);
    redrive_progress_leave(&now, 9);
    redrive_progress_join(&out, &now, &before, 10);
    assert_text(&out, "v1 next=11 left=0+5");
    redrive_progress_release(&out);
    redrive_progress_release(&now);
    redrive_progress_release(&before);
}

static void a_rule_may_begin_where_everything_like_it_is_open(void **state)
{
    struct redrive_progress p = {.next = 100};

    (void)state;
    assert_int_equal(redrive_progress_all_open_from(&p, REDRIVE_BY_REASON, &validate), 100);
    redrive_progress_leave_all(&p, REDRIVE_BY_REASON, &validate, 7);
    assert_int_equal(redrive_progress_all_open_from(&p, REDRIVE_BY_REASON, &validate), 7);
    assert_int_equal(redrive_progress_all_open_from(&p, REDRIVE_BY_REASON, &process), 100);
    assert_int_equal(redrive_progress_all_open_from(&p, REDRIVE_BY_TOPIC, &validate), 100);
    redrive_progress_release(&p);
}

static void an_offset_without_text_is_all_that_is_known(void **state)
{
    struct redrive_progress p = {0};

    (void)state;
    assert_int_equal(redrive_progress_read(&p, 42, "", 0), 0);
    assert_int_equal(p.next, 42);
    assert_int_equal(redrive_progress_first(&p), 42);
}

static void a_text_that_is_not_ours_is_refused(void **state)
{
    static const char *const texts[] = {
        "x",
        "v1",
        "v1 next=",
        "v1 next=x",
        "v2 next=0",
        "v1 next=5", /* nothing begins where it was committed */
        "v1 next=0 ",
        "v1 next=0 left=",
        "v1 next=9 left=0,",
        "v1 next=9 left=0,1",
        "v1 next=9 left=0+",
        "v1 next=9 left=0 left=2",
        "v1 next=9 reason:NONE=0",
        "v1 next=9 reason:PROCESS",
        "v1 next=9 reason=0",
        "v1 next=9 topic:=0",
        "v1 next=9 topic:a b=0",
        "v1 next=9 replays:x=0",
        "v1 next=9 replays:3x=0",
        "v1 next=-1",
        "v1 next=1234567890123456 left=0",
        "v1 next=0\n",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct redrive_progress p = {0};

        if (redrive_progress_read(&p, 10, texts[i], strlen(texts[i])) == 0)
            fail_msg("\"%s\" was taken", texts[i]);
        assert_int_equal(p.next, 0);
        assert_null(p.rules);
        assert_null(p.left);
    }
    assert_int_equal(redrive_progress_read(&(struct redrive_progress){0}, 10, "v1 next=0\0x", 11),
                     -1);
}

/* Whatever is cut off or changed in a text: it is refused or read, and nothing breaks. */
static void broken_texts_do_no_harm(void **state)
{
    static const char good[] =
        "v1 next=80 reason:VALIDATE=0 topic:orders-old=10 replays:3=20 left=3,6+2,9";
    struct rng rng;

    (void)state;
    rng_seed(&rng, 1);
    for (int i = 0; i < 20000; i++) {
        char text[sizeof(good)];
        struct redrive_progress p = {0};
        size_t len = 1 + (size_t)rng_range(&rng, 0, sizeof(good) - 2);

        memcpy(text, good, sizeof(good));
        text[(size_t)rng_range(&rng, 0, sizeof(good) - 2)] = (char)rng_range(&rng, 0, 255);
        redrive_progress_read(&p, 1000, text, len);
        redrive_progress_release(&p);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_before_next_is_done_and_nothing_else),
        cmocka_unit_test(a_rule_opens_what_is_like_it_from_its_offset_on),
        cmocka_unit_test(what_names_no_reason_has_a_rule_too),
        cmocka_unit_test(single_offsets_become_ranges_in_whatever_order_they_come),
        cmocka_unit_test(a_run_counts_up_to_where_it_came_and_what_was_before_behind_that),
        cmocka_unit_test(ranges_that_touch_where_the_run_ended_are_one),
        cmocka_unit_test(a_rule_may_begin_where_everything_like_it_is_open),
        cmocka_unit_test(an_offset_without_text_is_all_that_is_known),
        cmocka_unit_test(a_text_that_is_not_ours_is_refused),
        cmocka_unit_test(broken_texts_do_no_harm),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
