#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "support/source_group.h"

/* Members that come and go, a broker that is away or refuses, and the end of a source. */

/* The partitions are shared when a second member comes, and all ours again when it has gone. What
 * was stored before a partition was given back is where its next owner begins. */
static void two_members_share_the_partitions(void **state)
{
    struct group *f = *state;

    for (int32_t p = 0; p < GROUP_PARTITIONS; p++)
        group_write(f, p, 0, 5);
    member_open(f, &f->a);
    member_join(&f->a);
    for (int32_t p = 0; p < GROUP_PARTITIONS; p++) {
        MOCK_WAIT(f->a.end[p] >= 0, member_take(&f->a, p));
        f->a.port.store(f->a.port.self, p, 3);
    }
    for (int32_t p = 0; p < GROUP_PARTITIONS; p++)
        MOCK_WAIT(f->a.acknowledged[p] == 3, member_serve(&f->a));
    member_open(f, &f->b);
    MOCK_WAIT(member_count(&f->a) == 2 && member_count(&f->b) == 2, {
        member_serve(&f->a);
        member_serve(&f->b);
    });
    assert_true(f->a.revocations > 0);
    for (int32_t p = 0; p < GROUP_PARTITIONS; p++) {
        assert_true(f->a.is_ours[p] != f->b.is_ours[p]);
        if (f->b.is_ours[p])
            assert_int_equal(f->b.assigned[p].committed, 3);
        else /* not ours any more: nothing happens */
            f->b.port.store(f->b.port.self, p, 1);
    }
    member_close(&f->b);
    member_join(&f->a);
    for (int32_t p = 0; p < GROUP_PARTITIONS; p++)
        assert_int_equal(f->a.assigned[p].committed, 3);
}

/* `a` has all partitions and keeps them, `b` waits for its share. */
static void begin_revoking(struct group *f)
{
    group_write(f, 0, 0, 5);
    member_open(f, &f->a);
    member_join(&f->a);
    f->a.keeps_revoked = true;
    member_open(f, &f->b);
    MOCK_WAIT(f->a.is_waiting, {
        member_serve(&f->a);
        member_serve(&f->b);
    });
}

static void a_revocation_waits_until_the_partitions_are_released(void **state)
{
    struct group *f = *state;

    begin_revoking(f);
    /* Still allowed until the release. */
    f->a.port.store(f->a.port.self, 0, 2);
    for (int i = 0; i < 100; i++) {
        member_serve(&f->a);
        member_serve(&f->b);
        assert_int_equal(member_count(&f->b), 0);
        usleep(1000);
    }
    f->a.keeps_revoked = false;
    MOCK_WAIT(member_count(&f->a) == 2 && member_count(&f->b) == 2, {
        member_serve(&f->a);
        member_serve(&f->b);
    });
}

static void a_close_in_the_middle_of_a_revocation_ends_it(void **state)
{
    struct group *f = *state;

    begin_revoking(f);
    f->a.port.store(f->a.port.self, 0, 2);
    assert_int_equal(kafka_source_close(f->a.source, 15000), 0);
    f->a.source = NULL;
}

static void a_missing_broker_is_told_once_and_it_goes_on_by_itself(void **state)
{
    struct group *f = *state;
    struct member *m = &f->a;

    group_write(f, 0, 0, 5);
    member_open(f, m);
    member_join(m);
    MOCK_WAIT(m->end[0] == 5, member_take(m, 0));
    rd_kafka_mock_broker_set_down(f->kafka.cluster, 1);
    MOCK_WAIT(fake_log_count(&m->log, EVENT_KAFKA_UNAVAILABLE) == 1, member_take(m, 0));
    for (int i = 0; i < 500; i++) {
        member_take(m, 0);
        usleep(2000);
    }
    rd_kafka_mock_broker_set_up(f->kafka.cluster, 1);
    group_write(f, 0, 5, 8);
    MOCK_WAIT(m->position[0] == 8, {
        member_serve(m);
        if (m->is_ours[0])
            member_take(m, 0);
    });
    MOCK_WAIT(fake_log_count(&m->log, EVENT_KAFKA_AVAILABLE) == 1, member_serve(m));
    assert_int_equal(fake_log_count(&m->log, EVENT_KAFKA_UNAVAILABLE), 1);
}

static void kafka_is_back_for_the_client_that_replaces_one_that_died_while_it_was_away(void **state)
{
    struct group *f = *state;
    struct member *m = &f->a;

    config_set_property(&f->kafka.cfg, "group.instance.id", "named", "test");
    member_open(f, m);
    member_join(m);
    rd_kafka_mock_broker_set_down(f->kafka.cluster, 1);
    MOCK_WAIT(fake_log_count(&m->log, EVENT_KAFKA_UNAVAILABLE) == 1, member_serve(m));
    mock_kafka_delay(&f->kafka, MOCK_HEARTBEAT, 0, RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID);
    rd_kafka_mock_broker_set_up(f->kafka.cluster, 1);
    MOCK_WAIT(fake_log_count(&m->log, EVENT_KAFKA_CONSUMER_REPLACED) == 1, member_serve(m));
    MOCK_WAIT(fake_log_count(&m->log, EVENT_KAFKA_AVAILABLE) == 1, member_serve(m));
    assert_int_equal(fake_log_count(&m->log, EVENT_KAFKA_UNAVAILABLE), 1);
}

static void a_member_that_is_fenced_is_one_warning(void **state)
{
    struct group *f = *state;
    struct member *m = &f->a;

    config_set_property(&f->kafka.cfg, "group.instance.id", "named", "test");
    group_write(f, 0, 0, 5);
    member_open(f, m);
    member_join(m);
    MOCK_WAIT(m->position[0] == 5, member_take(m, 0));
    mock_kafka_delay(&f->kafka, MOCK_OFFSET_COMMIT, 0, RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID);
    m->port.store(m->port.self, 0, 5);
    MOCK_WAIT(fake_log_count(&m->log, EVENT_KAFKA_CONSUMER_REPLACED) == 1, member_serve(m));
    member_join(m);
    for (size_t i = 0; i < m->log.count; i++)
        if (m->log.entries[i].level >= LOG_WARN)
            assert_int_equal(m->log.entries[i].event, EVENT_KAFKA_CONSUMER_REPLACED);
}

/* librdkafka repeats a request after the coordinator was away for it. */
static void a_commit_that_is_repeated_does_not_set_the_group_back(void **state)
{
    struct group *f = *state;
    struct member *m = &f->a;

    group_write(f, 0, 0, 20);
    member_open(f, m);
    member_join(m);
    for (int32_t i = 0; i < GROUP_PARTITIONS; i++)
        MOCK_WAIT(m->end[i] >= 0, member_take(m, i));
    mock_kafka_delay(&f->kafka, MOCK_OFFSET_COMMIT, 500,
                     RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS);
    for (int64_t next = 1; next <= 20; next++) {
        m->port.store(m->port.self, 0, next);
        for (int i = 0; i < 25; i++) {
            member_serve(m);
            usleep(2000);
        }
    }
    MOCK_WAIT(m->acknowledged[0] == 20, member_serve(m));
    assert_false(m->went_back);
}

static void what_only_other_settings_help_is_for_good(void **state)
{
    struct group *f = *state;
    struct member *m = &f->a;
    struct err e = {0};

    rd_kafka_mock_push_request_errors(f->kafka.cluster, MOCK_JOIN_GROUP, 1,
                                      RD_KAFKA_RESP_ERR_INVALID_SESSION_TIMEOUT);
    member_open(f, m);
    MOCK_WAIT(member_serve_once(m, &e) < 0, (void)0);
    assert_non_null(strstr(e.text, "Invalid session timeout"));
    member_close(m);
    member_release(m);
    config_set_property(&f->kafka.cfg, "auto.offset.reset", "error", "test");
    group_write(f, 1, 0, 1);
    member_open(f, m);
    MOCK_WAIT(member_serve_once(m, &e) < 0, (void)0);
    assert_string_equal(e.text, GROUP_TOPIC "/0: nothing is committed by the group, and "
                                            "auto.offset.reset is error");
}

static void what_may_pass_is_told_once_and_tried_again(void **state)
{
    struct group *f = *state;
    struct member *m = &f->a;
    struct err trouble;

    rd_kafka_mock_push_request_errors(
        f->kafka.cluster, MOCK_JOIN_GROUP, 3, RD_KAFKA_RESP_ERR_GROUP_MAX_SIZE_REACHED,
        RD_KAFKA_RESP_ERR_GROUP_MAX_SIZE_REACHED, RD_KAFKA_RESP_ERR_GROUP_MAX_SIZE_REACHED);
    member_open(f, m);
    MOCK_WAIT(kafka_source_take_trouble(m->source, &trouble), member_serve(m));
    assert_non_null(strstr(trouble.text, "maximum size"));
    member_join(m);
    assert_int_equal(fake_log_count(&m->log, EVENT_KAFKA_CONSUMER_ERROR), 3);
    assert_false(kafka_source_take_trouble(m->source, &trouble));
}

static void a_missing_permission_is_named_with_a_remedy_and_tried_again(void **state)
{
    struct group *f = *state;
    struct member *m = &f->a;

    rd_kafka_mock_push_request_errors(f->kafka.cluster, MOCK_JOIN_GROUP, 1,
                                      RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED);
    member_open(f, m);
    MOCK_WAIT(fake_log_last(&m->log, EVENT_KAFKA_READ_DENIED), member_serve(m));
    assert_non_null(strstr(fake_log_last(&m->log, EVENT_KAFKA_READ_DENIED)->fields, "remedy="));
    member_join(m);
}

/* It accepts and never answers; a plain close would hang for ever. */
static void a_broker_that_does_not_answer_does_not_hold_the_close_up(void **state)
{
    struct group *f = *state;
    struct member *m = &f->a;
    int64_t began;

    group_write(f, 0, 0, 5);
    member_open(f, m);
    member_join(m);
    MOCK_WAIT(m->end[0] == 5, member_take(m, 0));
    mock_kafka_answer(&f->kafka, false);
    m->port.store(m->port.self, 0, 5);
    began = clock_mono_ms(clock_system());
    assert_int_equal(kafka_source_close(m->source, 1000), -1);
    m->source = NULL;
    assert_true(clock_mono_ms(clock_system()) - began < MOCK_PATIENCE_MS / 4);
    mock_kafka_answer(&f->kafka, true);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, group_set_up, group_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(two_members_share_the_partitions),
        TEST(a_revocation_waits_until_the_partitions_are_released),
        TEST(a_close_in_the_middle_of_a_revocation_ends_it),
        TEST(a_missing_broker_is_told_once_and_it_goes_on_by_itself),
        TEST(kafka_is_back_for_the_client_that_replaces_one_that_died_while_it_was_away),
        TEST(a_member_that_is_fenced_is_one_warning),
        TEST(a_commit_that_is_repeated_does_not_set_the_group_back),
        TEST(what_only_other_settings_help_is_for_good),
        TEST(what_may_pass_is_told_once_and_tried_again),
        TEST(a_missing_permission_is_named_with_a_remedy_and_tried_again),
        TEST(a_broker_that_does_not_answer_does_not_hold_the_close_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
