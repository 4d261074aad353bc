#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/mem.h"
#include "base/stop.h"
#include "io/kafka_admin.h"
#include "support/fake_log.h"
#include "support/mock_kafka.h"

struct fixture {
    struct mock_kafka kafka;
    struct fake_log log;
    struct log log_port;
    struct kafka_cluster cluster;
    struct err e;
};

static int set_up(void **state)
{
    struct fixture *f = mem_alloc(sizeof(*f));

    mock_kafka_open(&f->kafka);
    f->log_port = fake_log_port(&f->log);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    mock_kafka_close(&f->kafka);
    fake_log_release(&f->log);
    free(f);
    return 0;
}

static enum kafka_admin_result prepare(struct fixture *f, int timeout_ms)
{
    struct kafka_admin *admin = kafka_admin_open(&f->kafka.cfg, &f->log_port, &f->e);
    enum kafka_admin_result result;

    assert_non_null(admin);
    result = kafka_admin_turn(admin, timeout_ms, &f->cluster, &f->e);
    kafka_admin_close(admin);
    return result;
}

static void what_is_there_is_found(void **state)
{
    struct fixture *f = *state;

    mock_kafka_create(&f->kafka, "orders", 5);
    mock_kafka_create(&f->kafka, "orders-dlq", 2);
    assert_int_equal(prepare(f, MOCK_PATIENCE_MS), KAFKA_ADMIN_GOOD);
    assert_int_equal(f->cluster.topic_count, 2);
    assert_string_equal(f->cluster.topics[0].name, "orders");
    assert_int_equal(f->cluster.topics[0].partitions, 5);
    assert_false(f->cluster.topics[0].was_created);
    assert_int_equal(f->cluster.topics[1].partitions, 2);
    assert_true(strlen(f->cluster.id) > 0);
}

static void without_dead_letters_their_topic_is_not_asked_for(void **state)
{
    struct fixture *f = *state;

    mock_kafka_create(&f->kafka, "orders", 1);
    mock_kafka_set(&f->kafka, "dlq.enabled", "false");
    assert_int_equal(prepare(f, MOCK_PATIENCE_MS), KAFKA_ADMIN_GOOD);
    assert_int_equal(f->cluster.topic_count, 1);
}

static void what_is_missing_stays_missing_when_it_is_not_to_be_created(void **state)
{
    struct fixture *f = *state;

    mock_kafka_create(&f->kafka, "orders-dlq", 1);
    mock_kafka_set(&f->kafka, "kafka.create_topics", "false");
    assert_int_equal(prepare(f, MOCK_PATIENCE_MS), KAFKA_ADMIN_GOOD);
    assert_int_equal(f->cluster.topics[0].partitions, 0);
    assert_int_equal(f->cluster.topics[1].partitions, 1);
}

/* The mock cannot create topics at all. */
static void a_broker_that_does_not_create_is_a_refusal_with_the_topic_and_the_reason(void **state)
{
    struct fixture *f = *state;

    mock_kafka_create(&f->kafka, "orders", 3);
    assert_int_equal(prepare(f, MOCK_PATIENCE_MS), KAFKA_ADMIN_GOOD);
    assert_int_equal(f->cluster.topics[0].refusal.kind, ERR_NONE);
    assert_non_null(strstr(f->cluster.topics[1].refusal.text, "orders-dlq"));
    assert_int_equal(f->cluster.topics[0].partitions, 3);
    assert_int_equal(f->cluster.topics[1].partitions, 0);
    assert_false(f->cluster.topics[1].was_created);
}

/* The broker says that it can, and never answers. */
static void a_stop_ends_the_wait_for_a_topic(void **state)
{
    struct fixture *f = *state;
    int64_t began;

    rd_kafka_mock_topic_set_error(f->kafka.cluster, "orders",
                                  RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
    assert_int_equal(rd_kafka_mock_set_apiversion(f->kafka.cluster, MOCK_CREATE_TOPICS, 0, 4), 0);
    stop_begin();
    stop_install();
    assert_int_equal(kill(getpid(), SIGTERM), 0);
    began = clock_mono_ms(clock_system());
    assert_int_equal(prepare(f, MOCK_PATIENCE_MS), KAFKA_ADMIN_WAITING);
    assert_in_range(clock_mono_ms(clock_system()) - began, 0, 5000);
    assert_true(stop_count() > 0);
}

static void nobody_there_is_told_in_time(void **state)
{
    struct fixture *f = *state;
    int64_t began = clock_mono_ms(clock_system());

    rd_kafka_mock_broker_set_down(f->kafka.cluster, 1);
    assert_int_equal(prepare(f, 3000), KAFKA_ADMIN_AWAY);
    assert_true(clock_mono_ms(clock_system()) - began < MOCK_PATIENCE_MS / 4);
    assert_non_null(strstr(f->e.text, "the connection is refused"));
    assert_int_equal(f->cluster.topics[0].partitions, 0);
}

static void a_bad_property_is_a_failure_of_usage(void **state)
{
    struct fixture *f = *state;

    config_set_property(&f->kafka.cfg, "no.such.property", "1", "flag -X");
    assert_null(kafka_admin_open(&f->kafka.cfg, &f->log_port, &f->e));
    assert_int_equal(err_exit_status(&f->e), 2);
    assert_non_null(strstr(f->e.text, "no.such.property"));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(what_is_there_is_found),
        TEST(without_dead_letters_their_topic_is_not_asked_for),
        TEST(what_is_missing_stays_missing_when_it_is_not_to_be_created),
        TEST(a_broker_that_does_not_create_is_a_refusal_with_the_topic_and_the_reason),
        TEST(nobody_there_is_told_in_time),
        TEST(a_bad_property_is_a_failure_of_usage),
        TEST(a_stop_ends_the_wait_for_a_topic), /* the last: nothing takes a stop back */
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
