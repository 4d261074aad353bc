#include "model/redrive_table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

static void every_reason_and_other_can_be_named(void **state)
{
    struct strbuf names = {0};
    enum record_reason reason;

    (void)state;
    for (int i = 0; i < RECORD_REASON_COUNT; i++) {
        assert_int_equal(redrive_reason_parse(redrive_reason_name((enum record_reason)i), &reason),
                         0);
        assert_int_equal(reason, i);
    }
    assert_int_equal(redrive_reason_parse("NONE", &reason), -1);
    assert_int_equal(redrive_reason_parse("", &reason), -1);
    assert_int_equal(redrive_reason_parse("process", &reason), -1);
    redrive_reason_list(&names);
    assert_string_equal(strbuf_text(&names),
                        "DESERIALIZE, VALIDATE, NULL_VALUE, TOO_LARGE, PROCESS, TIMEOUT, OTHER");
    strbuf_release(&names);
}

static void rows_stand_by_reason_then_topic_with_their_sum(void **state)
{
    struct redrive_table t = {0};
    struct strbuf text = {0};

    (void)state;
    redrive_table_add(&t, RECORD_REASON_NONE, NULL, REDRIVE_FOREIGN);
    redrive_table_add(&t, RECORD_PROCESS, "orders-b", REDRIVE_GOES);
    redrive_table_add(&t, RECORD_PROCESS, "a", REDRIVE_STAYS);
    redrive_table_add(&t, RECORD_PROCESS, "orders-b", REDRIVE_NO_TOPIC);
    redrive_table_add(&t, RECORD_DESERIALIZE, "orders-b", REDRIVE_NO_VALUE);
    redrive_table_write(&t, &text);
    assert_string_equal(
        strbuf_text(&text),
        "reason       topic       records        to send  undeliverable   replay limit     "
        "incomplete       not ours\n"
        "DESERIALIZE  orders-b          1              0              0              0             "
        " "
        "1              0\n"
        "PROCESS      a                 1              0              0              1             "
        " "
        "0              0\n"
        "PROCESS      orders-b          2              1              1              0             "
        " "
        "0              0\n"
        "OTHER        -                 1              0              0              0             "
        " "
        "0              1\n"
        "all                            5              1              1              1             "
        " "
        "1              1\n");
    strbuf_release(&text);
    redrive_table_release(&t);
}

static void topics_beyond_the_limit_share_a_row(void **state)
{
    struct redrive_table t = {0};
    char topic[32];

    (void)state;
    for (int i = 0; i < 3 * REDRIVE_TABLE_ROWS; i++) {
        snprintf(topic, sizeof(topic), "t%d", i);
        redrive_table_add(&t, RECORD_VALIDATE, topic, REDRIVE_GOES);
    }
    redrive_table_add(&t, RECORD_TIMEOUT, "late", REDRIVE_GOES);
    assert_int_equal(t.count, REDRIVE_TABLE_ROWS + 2); /* one per reason */
    assert_int_equal(t.totals[REDRIVE_GOES], 3 * REDRIVE_TABLE_ROWS + 1);
    assert_string_equal(t.rows[0].topic, "(other topics)");
    assert_int_equal(t.rows[0].counts[REDRIVE_GOES], 2 * REDRIVE_TABLE_ROWS);
    redrive_table_release(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_reason_and_other_can_be_named),
        cmocka_unit_test(rows_stand_by_reason_then_topic_with_their_sum),
        cmocka_unit_test(topics_beyond_the_limit_share_a_row),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
