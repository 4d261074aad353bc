#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/wake.h"
#include "support/source_group.h"

/* What one source reads and commits, and the settings that it refuses. */

static void records_come_in_order_up_to_the_end_and_stored_offsets_are_committed(void **state)
{
    struct group *f = *state;
    struct member *m = &f->a;

    group_write(f, 1, 0, 20);
    group_write(f, 2, 0, 3);
    member_open(f, m);
    member_join(m);
    assert_int_equal(m->assigned[1].committed, -1);
    assert_int_equal(m->assigned[1].low, 0);
    assert_int_equal(m->assigned[1].high, 20);
    assert_int_equal(m->assigned[0].high, 0);
    for (int32_t p = 0; p < GROUP_PARTITIONS; p++)
        MOCK_WAIT(m->end[p] >= 0, member_take(m, p));
    assert_int_equal(m->position[1], 20);
    assert_int_equal(m->end[1], 20);
    assert_int_equal(m->end[2], 3);
    assert_int_equal(m->end[0], 0);
    assert_int_equal(m->port.high_watermark(m->port.self, 1), 20);
    m->port.store(m->port.self, 1, 12);
    MOCK_WAIT(m->acknowledged[1] == 12, member_serve(m));
    m->port.store(m->port.self, 1, 15);
    m->port.store(m->port.self, 2, 3);
    member_close(m);
    assert_int_equal(mock_kafka_committed(&f->kafka, GROUP_TOPIC, 1), 15);
    assert_int_equal(mock_kafka_committed(&f->kafka, GROUP_TOPIC, 2), 3);
    assert_int_equal(mock_kafka_committed(&f->kafka, GROUP_TOPIC, 0), -1);
}

/* librdkafka reports each commit for all partitions of the assignment. */
static void only_what_was_committed_is_told_as_committed(void **state)
{
    struct group *f = *state;
    struct member *m = &f->a;

    group_write(f, 1, 0, 20);
    group_write(f, 2, 0, 3);
    member_open(f, m);
    member_join(m);
    m->port.store(m->port.self, 1, 12);
    MOCK_WAIT(m->acknowledged[1] == 12, member_serve(m));
    m->port.store(m->port.self, 2, 3);
    MOCK_WAIT(m->acknowledged[2] == 3, member_serve(m));
    assert_int_equal(m->acknowledged[0], -1);
    assert_int_equal(m->acknowledged[1], 12);
    member_close(m);
}

static void what_a_record_holds_arrives_as_it_was(void **state)
{
    const struct header headers[] = {{"a", "1", 1}, {"a", "2\0x", 3}, {"e", "", 0}, {"n", NULL, 0}};
    struct group *f = *state;
    struct member *m = &f->a;
    struct message message;
    const struct header *list;

    mock_kafka_write(&f->kafka, GROUP_TOPIC, 0, "key", "\xff\0{", 3, headers, 4);
    mock_kafka_write(&f->kafka, GROUP_TOPIC, 0, NULL, NULL, 0, NULL, 0);
    mock_kafka_write(&f->kafka, GROUP_TOPIC, 0, "", "", 0, NULL, 0);
    member_open(f, m);
    member_join(m);
    MOCK_WAIT(m->port.fetch(m->port.self, 0, &message) == FETCH_MESSAGE, member_serve(m));
    assert_int_equal(message.key_len, 3);
    assert_memory_equal(message.key, "key", 3);
    assert_int_equal(message.value_len, 3);
    assert_memory_equal(message.value, "\xff\0{", 3);
    assert_true(message.timestamp_ms > INT64_C(1600000000000));
    assert_int_equal(m->port.headers(m->port.self, &message, &list), 4);
    for (size_t i = 0; i < 4; i++) {
        assert_string_equal(list[i].name, headers[i].name);
        assert_int_equal(list[i].value_len, headers[i].value_len);
        assert_int_equal(list[i].value != NULL, headers[i].value != NULL);
        if (list[i].value_len)
            assert_memory_equal(list[i].value, headers[i].value, headers[i].value_len);
    }
    m->port.release(m->port.self, &message);
    MOCK_WAIT(m->port.fetch(m->port.self, 0, &message) == FETCH_MESSAGE, member_serve(m));
    assert_null(message.key);
    assert_null(message.value);
    assert_int_equal(m->port.headers(m->port.self, &message, &list), 0);
    m->port.release(m->port.self, &message);
    MOCK_WAIT(m->port.fetch(m->port.self, 0, &message) == FETCH_MESSAGE, member_serve(m));
    assert_non_null(message.value);
    assert_int_equal(message.value_len, 0);
    m->port.release(m->port.self, &message);
}

static void it_begins_where_it_is_told_and_goes_on_from_what_was_committed(void **state)
{
    struct group *f = *state;
    struct member *m = &f->a;

    group_write(f, 0, 0, 10);
    group_write(f, 1, 0, 10);
    member_open(f, m);
    m->start[0] = 7;
    member_join(m);
    MOCK_WAIT(m->end[0] >= 0, assert_true(member_take(m, 0) <= 3));
    MOCK_WAIT(m->end[1] >= 0, member_take(m, 1));
    assert_int_equal(m->position[0], 10);
    assert_int_equal(m->position[1], 10);
    m->port.store(m->port.self, 0, 9);
    m->port.store(m->port.self, 1, 4);
    member_close(m);
    member_open(f, &f->b);
    member_join(&f->b);
    assert_int_equal(f->b.assigned[0].committed, 9);
    assert_int_equal(f->b.assigned[1].committed, 4);
    MOCK_WAIT(f->b.end[1] >= 0, assert_true(member_take(&f->b, 1) <= 6));
    assert_int_equal(f->b.position[1], 10);
}

/* librdkafka would not commit what is lower; and the broker refuses it twice. */
static void an_offset_that_goes_back_is_committed_until_it_is_acknowledged(void **state)
{
    struct group *f = *state;

    group_write(f, 0, 0, 10);
    member_open(f, &f->a);
    member_join(&f->a);
    f->a.port.store(f->a.port.self, 0, 9);
    member_close(&f->a);
    member_open(f, &f->b);
    f->b.start[0] = 2;
    f->b.sets_back = true;
    for (int i = 0; i < 2; i++)
        mock_kafka_delay(&f->kafka, MOCK_OFFSET_COMMIT, 0, RD_KAFKA_RESP_ERR_INVALID_GROUP_ID);
    member_join(&f->b);
    assert_int_equal(f->b.assigned[0].committed, 9);
    MOCK_WAIT(f->b.acknowledged[0] == 2, member_serve(&f->b));
    assert_int_equal(mock_kafka_committed(&f->kafka, GROUP_TOPIC, 0), 2);
    f->b.port.store(f->b.port.self, 0, 4);
    MOCK_WAIT(f->b.acknowledged[0] == 4, member_serve(&f->b));
}

static void errors_of_fetching_lose_nothing(void **state)
{
    struct group *f = *state;
    struct member *m = &f->a;

    member_open(f, m);
    member_join(m);
    rd_kafka_mock_push_request_errors(
        f->kafka.cluster, MOCK_FETCH, 4, RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION,
        RD_KAFKA_RESP_ERR__TRANSPORT, RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART,
        RD_KAFKA_RESP_ERR_UNKNOWN);
    group_write(f, 0, 0, 10);
    MOCK_WAIT(m->position[0] == 10, member_take(m, 0));
}

static void await_range(struct member *m, int64_t from, int64_t to, enum range_state state)
{
    enum range_state got = RANGE_UNKNOWN;

    MOCK_WAIT(got != RANGE_UNKNOWN, {
        member_serve(m);
        got = m->port.check_range(m->port.self, 1, from, to);
    });
    assert_int_equal(got, state);
}

static void a_range_of_offsets_is_checked_for_records(void **state)
{
    struct group *f = *state;
    struct member *m = &f->a;

    group_write(f, 1, 0, 10);
    member_open(f, m);
    member_join(m);
    await_range(m, 3, 5, RANGE_READABLE);
    await_range(m, 0, 10, RANGE_READABLE);
    await_range(m, 50, 60, RANGE_READABLE); /* the broker does not hold them: they were skipped */
}

static void a_partition_is_read_again_from_where_it_is_restarted(void **state)
{
    struct group *f = *state;
    struct member *m = &f->a;

    group_write(f, 1, 0, 10);
    member_open(f, m);
    member_join(m);
    MOCK_WAIT(m->end[1] >= 0, member_take(m, 1));
    m->port.restart(m->port.self, 1, 4);
    m->end[1] = -1;
    MOCK_WAIT(m->end[1] >= 0, assert_true(member_take(m, 1) <= 6));
    assert_int_equal(m->position[1], 10);
}

static void however_much_memory_is_allowed_it_opens(void **state)
{
    struct group *f = *state;
    struct err e = {0};

    f->a.log_port = fake_log_port(&f->a.log);
    f->a.source = kafka_source_open(&(struct kafka_source_options){.cfg = &f->kafka.cfg,
                                                                   .fetch_bytes = (size_t)1 << 40,
                                                                   .wake_fd = -1,
                                                                   .log = &f->a.log_port},
                                    &e);
    if (!f->a.source)
        fail_msg("%s", e.text);
}

static void the_loop_is_woken_when_records_come(void **state)
{
    struct group *f = *state;
    struct member *m = &f->a;
    struct pollfd p;

    member_open(f, m);
    p = (struct pollfd){.fd = m->wake_fd, .events = POLLIN};
    while (member_count(m) < GROUP_PARTITIONS) {
        assert_int_equal(poll(&p, 1, MOCK_PATIENCE_MS), 1);
        wake_wait(m->wake_fd, 0);
        member_serve(m);
    }
    for (int32_t i = 0; i < GROUP_PARTITIONS; i++)
        MOCK_WAIT(m->end[i] == 0, member_take(m, i));
    wake_wait(m->wake_fd, 0);
    group_write(f, 2, 0, 1);
    while (member_take(m, 2) == 0) {
        assert_int_equal(poll(&p, 1, MOCK_PATIENCE_MS), 1);
        wake_wait(m->wake_fd, 0);
    }
}

static void what_the_promise_rests_on_cannot_be_set_otherwise(void **state)
{
    static const char *const names[][2] = {{"enable.auto.offset.store", "true"},
                                           {"enable.auto.commit", "true"},
                                           {"enable.partition.eof", "false"},
                                           {"no.such.property", "1"}};
    struct group *f = *state;

    f->a.log_port = fake_log_port(&f->a.log);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct config cfg = {0};
        struct err e = {0};

        config_init(&cfg);
        config_set_property(&cfg, names[i][0], names[i][1], "flag -X");
        assert_null(kafka_source_open(
            &(struct kafka_source_options){
                .cfg = &cfg, .fetch_bytes = 1 << 20, .wake_fd = -1, .log = &f->a.log_port},
            &e));
        assert_int_equal(err_exit_status(&e), 2);
        assert_non_null(strstr(e.text, names[i][0]));
        config_release(&cfg);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, group_set_up, group_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(records_come_in_order_up_to_the_end_and_stored_offsets_are_committed),
        TEST(only_what_was_committed_is_told_as_committed),
        TEST(what_a_record_holds_arrives_as_it_was),
        TEST(it_begins_where_it_is_told_and_goes_on_from_what_was_committed),
        TEST(an_offset_that_goes_back_is_committed_until_it_is_acknowledged),
        TEST(errors_of_fetching_lose_nothing),
        TEST(a_range_of_offsets_is_checked_for_records),
        TEST(a_partition_is_read_again_from_where_it_is_restarted),
        TEST(however_much_memory_is_allowed_it_opens),
        TEST(the_loop_is_woken_when_records_come),
        TEST(what_the_promise_rests_on_cannot_be_set_otherwise),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
