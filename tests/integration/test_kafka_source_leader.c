#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "support/source_group.h"

/* Partitions without a leader, and a slow connection, at the assignment. */

/* Takes what waits in all partitions that are ours, and counts it. */
static void take_all(struct member *m, int taken[GROUP_PARTITIONS])
{
    struct message message;

    member_serve(m);
    for (int32_t p = 0; p < GROUP_PARTITIONS; p++)
        if (m->is_ours[p])
            taken[p] += member_take(m, p);
        else
            assert_int_equal(m->port.fetch(m->port.self, p, &message), FETCH_NOTHING);
}

static void read_with_a_partition_without_a_leader(struct group *f)
{
    struct member *m = &f->a;
    int taken[GROUP_PARTITIONS] = {0};

    for (int32_t p = 0; p < GROUP_PARTITIONS; p++)
        group_write(f, p, 0, 5);
    rd_kafka_mock_partition_set_leader(f->kafka.cluster, GROUP_TOPIC, 2, -1);
    member_open(f, m);
    MOCK_WAIT(taken[0] == 5 && taken[1] == 5 && taken[3] == 5, take_all(m, taken));
    assert_int_equal(member_count(m), GROUP_PARTITIONS - 1);
    group_write(f, 0, 5, 8);
    MOCK_WAIT(taken[0] == 8, take_all(m, taken));
    MOCK_WAIT(fake_log_count(&m->log, EVENT_OFFSETS_QUERY_FAILED) > 2, take_all(m, taken));
    m->port.store(m->port.self, 1, 4);
    rd_kafka_mock_partition_set_leader(f->kafka.cluster, GROUP_TOPIC, 2, 1);
    group_write(f, 2, 5, 7);
    MOCK_WAIT(taken[2] == 7, take_all(m, taken));
    for (int32_t p = 0; p < GROUP_PARTITIONS; p++)
        group_write(f, p, (int)m->position[p], 10);
    MOCK_WAIT(taken[0] == 10 && taken[1] == 10 && taken[2] == 10 && taken[3] == 10,
              take_all(m, taken));
    for (int32_t p = 0; p < GROUP_PARTITIONS; p++) {
        assert_int_equal(m->position[p], 10);
        m->port.store(m->port.self, p, 10);
    }
    member_close(m);
    for (int32_t p = 0; p < GROUP_PARTITIONS; p++)
        assert_int_equal(mock_kafka_committed(&f->kafka, GROUP_TOPIC, p), 10);
}

static void a_partition_without_a_leader_holds_no_other_up_and_begins_when_it_has_one(void **state)
{
    read_with_a_partition_without_a_leader(*state);
}

static void so_it_does_when_partitions_come_and_go_one_by_one(void **state)
{
    struct group *f = *state;

    config_set_property(&f->kafka.cfg, "partition.assignment.strategy", "cooperative-sticky",
                        "test");
    read_with_a_partition_without_a_leader(f);
}

/* True when librdkafka said at debug level that it looks a logical offset up. */
static bool was_given_a_logical_offset(const struct member *m)
{
    for (size_t i = 0; i < m->log.count; i++)
        if (strstr(m->log.entries[i].fields, "logical offset") ||
            strstr(m->log.entries[i].fields, "at offset END") ||
            strstr(m->log.entries[i].fields, "at offset BEGINNING"))
            return true;
    return false;
}

/* It would be asked for every half second, and an answer that is late would move the position after
 * the real start was assigned. */
static void no_partition_is_ever_assigned_at_a_logical_offset(void **state)
{
    struct group *f = *state;
    struct member *m = &f->a;
    int taken[GROUP_PARTITIONS] = {0};

    config_set_property(&f->kafka.cfg, "debug", "topic", "test");
    group_write(f, 2, 0, 20);
    rd_kafka_mock_partition_set_leader(f->kafka.cluster, GROUP_TOPIC, 2, -1);
    member_open(f, m);
    MOCK_WAIT(member_count(m) == GROUP_PARTITIONS - 1, member_serve(m));
    MOCK_WAIT(fake_log_count(&m->log, EVENT_OFFSETS_QUERY_FAILED) > 2, take_all(m, taken));
    rd_kafka_mock_partition_set_leader(f->kafka.cluster, GROUP_TOPIC, 2, 1);
    MOCK_WAIT(taken[2] == 20, take_all(m, taken));
    assert_non_null(fake_log_last(&m->log, EVENT_KAFKA_LIBRARY));
    assert_false(was_given_a_logical_offset(m));
}

static void a_partition_without_a_leader_can_be_given_back(void **state)
{
    struct group *f = *state;
    struct err trouble;

    config_set_property(&f->kafka.cfg, "partition.assignment.strategy", "cooperative-sticky",
                        "test");
    rd_kafka_mock_partition_set_leader(f->kafka.cluster, GROUP_TOPIC, 2, -1);
    member_open(f, &f->a);
    MOCK_WAIT(member_count(&f->a) == GROUP_PARTITIONS - 1, member_serve(&f->a));
    MOCK_WAIT(kafka_source_take_trouble(f->a.source, &trouble), member_serve(&f->a));
    assert_non_null(strstr(trouble.text, "Leader not available"));
    member_close(&f->a);
    assert_int_equal(fake_log_count(&f->a.log, EVENT_PARTITION_UNASSIGN_FAILED), 0);
}

static void a_slow_connection_does_not_hold_a_turn_up(void **state)
{
    struct group *f = *state;

    for (int32_t p = 0; p < GROUP_PARTITIONS; p++)
        group_write(f, p, 0, p + 1);
    rd_kafka_mock_broker_set_rtt(f->kafka.cluster, 1, 600);
    member_open(f, &f->a);
    member_join(&f->a);
    assert_in_range(f->a.longest_ms, 0, MOCK_TURN_MS);
    for (int32_t p = 0; p < GROUP_PARTITIONS; p++)
        assert_int_equal(f->a.assigned[p].high, p + 1);
    rd_kafka_mock_broker_set_rtt(f->kafka.cluster, 1, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, group_set_up, group_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_partition_without_a_leader_holds_no_other_up_and_begins_when_it_has_one),
        TEST(so_it_does_when_partitions_come_and_go_one_by_one),
        TEST(no_partition_is_ever_assigned_at_a_logical_offset),
        TEST(a_partition_without_a_leader_can_be_given_back),
        TEST(a_slow_connection_does_not_hold_a_turn_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
