#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/mem.h"
#include "io/kafka_reader.h"
#include "io/wake.h"
#include "support/fake_log.h"
#include "support/mock_kafka.h"

#define TOPIC      "orders-dlq"
#define PARTITIONS 3

struct fixture {
    struct mock_kafka kafka;
    struct fake_log log;
    struct log log_port;
    int wake_fd;
    struct kafka_reader *reader;
    struct source port;
    struct assignment assigned[PARTITIONS];
    size_t assigned_count;
    int64_t acknowledged[PARTITIONS];
    bool is_at_end[PARTITIONS];
    int64_t longest_ms; /* that serve took */
};

static int set_up(void **state)
{
    struct fixture *f = mem_alloc(sizeof(*f));

    mock_kafka_open(&f->kafka);
    mock_kafka_create(&f->kafka, TOPIC, PARTITIONS);
    config_set_property(&f->kafka.cfg, "fetch.wait.max.ms", "10", "test");
    f->log_port = fake_log_port(&f->log);
    f->wake_fd = wake_open();
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    assert_null(f->reader);
    mock_kafka_close(&f->kafka);
    fake_log_release(&f->log);
    close(f->wake_fd);
    free(f);
    return 0;
}

static void on_assigned(void *ctx, struct assignment *list, size_t count)
{
    struct fixture *f = ctx;

    assert_true(count <= PARTITIONS);
    f->assigned_count = count;
    for (size_t i = 0; i < count; i++) {
        f->assigned[list[i].partition] = list[i];
        list[i].start = list[i].committed;
    }
}

static void on_committed(void *ctx, int32_t partition, int64_t offset)
{
    ((struct fixture *)ctx)->acknowledged[partition] = offset;
}

static int serve(struct fixture *f, struct err *e)
{
    const struct source_events events = {
        .assigned = on_assigned, .committed = on_committed, .ctx = f};
    int64_t began_ms = clock_mono_ms(clock_system());
    int rc = f->port.serve(f->port.self, &events, e);
    int64_t took_ms = clock_mono_ms(clock_system()) - began_ms;

    f->longest_ms = took_ms > f->longest_ms ? took_ms : f->longest_ms;
    return rc;
}

static void open_reader(struct fixture *f, const char *topic, int timeout_ms)
{
    struct err e = {0};

    f->reader = kafka_reader_open(&f->kafka.cfg, topic, "redrive", timeout_ms, f->wake_fd,
                                  &f->log_port, &e);
    if (!f->reader)
        fail_msg("%s", e.text);
    f->port = kafka_reader_port(f->reader);
    f->assigned_count = 0;
    memset(f->is_at_end, 0, sizeof(f->is_at_end));
}

static void close_reader(struct fixture *f)
{
    struct err e = {0};

    if (kafka_reader_close(f->reader, MOCK_PATIENCE_MS, &e) < 0)
        fail_msg("%s", e.text);
    f->reader = NULL;
}

static void write_records(struct fixture *f, int32_t partition, int count)
{
    for (int i = 0; i < count; i++)
        mock_kafka_write(&f->kafka, TOPIC, partition, "key", "value", 5, NULL, 0);
}

/* Up to the end of each partition. Returns how many records came; they are all stored. */
static int read_all(struct fixture *f)
{
    struct message m;
    struct err e = {0};
    int n = 0;

    MOCK_WAIT(f->is_at_end[0] && f->is_at_end[1] && f->is_at_end[2], {
        if (serve(f, &e) < 0)
            fail_msg("%s", e.text);
        for (int32_t p = 0; p < PARTITIONS; p++)
            switch (f->port.fetch(f->port.self, p, &m)) {
            case FETCH_NOTHING:
                break;
            case FETCH_END:
                f->is_at_end[p] = true;
                break;
            case FETCH_MESSAGE:
                f->port.store(f->port.self, p, m.offset + 1);
                f->port.release(f->port.self, &m);
                n++;
                break;
            }
    });
    return n;
}

static void all_partitions_are_read_and_the_next_reader_goes_on(void **state)
{
    struct fixture *f = *state;
    struct err e = {0};

    write_records(f, 0, 4);
    write_records(f, 2, 3);
    open_reader(f, TOPIC, MOCK_PATIENCE_MS);
    assert_int_equal(read_all(f), 7);
    assert_int_equal(f->assigned_count, PARTITIONS);
    assert_int_equal(f->assigned[0].committed, -1);
    assert_int_equal(f->assigned[0].high, 4);
    assert_int_equal(f->assigned[1].high, 0);
    MOCK_WAIT(f->acknowledged[0] == 4 && f->acknowledged[2] == 3, serve(f, &e));
    close_reader(f);
    write_records(f, 2, 2);
    open_reader(f, TOPIC, MOCK_PATIENCE_MS);
    assert_int_equal(read_all(f), 2);
    assert_int_equal(f->assigned[2].committed, 3);
    close_reader(f);
}

/* Also when the broker refuses one in between. */
static void what_is_stored_while_a_commit_is_on_its_way_is_committed_too(void **state)
{
    struct fixture *f = *state;
    struct err e = {0};

    write_records(f, 0, 2);
    open_reader(f, TOPIC, MOCK_PATIENCE_MS);
    MOCK_WAIT(f->assigned_count, serve(f, &e));
    mock_kafka_delay(&f->kafka, MOCK_OFFSET_COMMIT, 300, RD_KAFKA_RESP_ERR_NO_ERROR);
    mock_kafka_delay(&f->kafka, MOCK_OFFSET_COMMIT, 0, RD_KAFKA_RESP_ERR_INVALID_GROUP_ID);
    f->port.store(f->port.self, 0, 1);
    serve(f, &e);
    f->port.store(f->port.self, 0, 2);
    MOCK_WAIT(f->acknowledged[0] == 1, serve(f, &e));
    MOCK_WAIT(f->acknowledged[0] == 2, serve(f, &e));
    assert_int_equal(fake_log_count(&f->log, "offsets not committed"), 1);
    close_reader(f);
}

static void a_missing_topic_is_an_error(void **state)
{
    struct fixture *f = *state;
    struct err e = {0};

    rd_kafka_mock_topic_set_error(f->kafka.cluster, "elsewhere",
                                  RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
    open_reader(f, "elsewhere", MOCK_PATIENCE_MS);
    MOCK_WAIT(serve(f, &e) < 0, (void)0);
    assert_non_null(strstr(e.text, "elsewhere"));
    close_reader(f);
}

static void give_up(struct fixture *f)
{
    struct err e = {0};
    int64_t began_ms;

    open_reader(f, TOPIC, 1500);
    MOCK_WAIT(serve(f, &e) < 0, assert_int_equal(f->assigned_count, 0));
    assert_non_null(strstr(e.text, "no answer from Kafka within 1500 ms"));
    began_ms = clock_mono_ms(clock_system());
    close_reader(f);
    assert_in_range(clock_mono_ms(clock_system()) - began_ms, 0, 10 * MOCK_TURN_MS);
    assert_in_range(f->longest_ms, 0, MOCK_TURN_MS);
}

static void a_broker_that_does_not_answer_holds_neither_a_turn_nor_the_close_up(void **state)
{
    struct fixture *f = *state;

    mock_kafka_ignore(&f->kafka, MOCK_OFFSET_FETCH, 10);
    give_up(f);
    mock_kafka_ignore(&f->kafka, MOCK_LIST_OFFSETS, 10);
    give_up(f);
    mock_kafka_answer(&f->kafka, false);
    give_up(f);
}

/* A run that left its records out would say that it had come to the end. */
static void nothing_is_read_while_a_partition_has_no_leader(void **state)
{
    struct fixture *f = *state;
    struct err e = {0};

    write_records(f, 0, 2);
    write_records(f, 1, 2);
    rd_kafka_mock_partition_set_leader(f->kafka.cluster, TOPIC, 1, -1);
    open_reader(f, TOPIC, 1500);
    MOCK_WAIT(serve(f, &e) < 0, assert_int_equal(f->assigned_count, 0));
    assert_non_null(strstr(e.text, "Leader not available"));
    close_reader(f);
    rd_kafka_mock_partition_set_leader(f->kafka.cluster, TOPIC, 1, 1);
    open_reader(f, TOPIC, MOCK_PATIENCE_MS);
    assert_int_equal(read_all(f), 4);
    close_reader(f);
}

static void what_is_not_committed_at_the_close_is_told_in_time(void **state)
{
    struct fixture *f = *state;
    struct err e = {0};
    int64_t began_ms;

    write_records(f, 0, 2);
    open_reader(f, TOPIC, MOCK_PATIENCE_MS);
    MOCK_WAIT(f->assigned_count, serve(f, &e));
    mock_kafka_answer(&f->kafka, false);
    f->port.store(f->port.self, 0, 2);
    began_ms = clock_mono_ms(clock_system());
    assert_int_equal(kafka_reader_close(f->reader, 1000, &e), -1);
    assert_in_range(clock_mono_ms(clock_system()) - began_ms, 0, 10 * MOCK_TURN_MS);
    assert_non_null(strstr(e.text, "not committed"));
    f->reader = NULL;
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(all_partitions_are_read_and_the_next_reader_goes_on),
        TEST(what_is_stored_while_a_commit_is_on_its_way_is_committed_too),
        TEST(a_missing_topic_is_an_error),
        TEST(a_broker_that_does_not_answer_holds_neither_a_turn_nor_the_close_up),
        TEST(nothing_is_read_while_a_partition_has_no_leader),
        TEST(what_is_not_committed_at_the_close_is_told_in_time),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
