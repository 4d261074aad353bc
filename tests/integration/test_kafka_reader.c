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
#include "base/wake.h"
#include "support/fake_log.h"
#include "support/mock_kafka.h"

#define TOPIC      "orders-dlq"
#define GROUP      "redrive"
#define PARTITIONS 3

struct fixture {
    struct mock_kafka kafka;
    struct fake_log log;
    struct log log_port;
    int wake_fd;
    struct kafka_reader *reader;
    struct dead_letters port;
    struct dead_letter_partition *partitions; /* as the reader knows them */
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

static int serve(struct fixture *f, struct err *e)
{
    int64_t began_ms = clock_mono_ms(clock_system());
    int rc = f->port.serve(f->port.self, e);
    int64_t took_ms = clock_mono_ms(clock_system()) - began_ms;

    f->longest_ms = took_ms > f->longest_ms ? took_ms : f->longest_ms;
    return rc;
}

static void serve_well(struct fixture *f)
{
    struct err e = {0};

    if (serve(f, &e) < 0)
        fail_msg("%s", e.text);
}

static void open_reader(struct fixture *f, const char *topic, int timeout_ms)
{
    struct err e = {0};

    f->reader =
        kafka_reader_open(&f->kafka.cfg, topic, GROUP, timeout_ms, f->wake_fd, &f->log_port, &e);
    if (!f->reader)
        fail_msg("%s", e.text);
    f->port = kafka_reader_port(f->reader);
    memset(f->is_at_end, 0, sizeof(f->is_at_end));
}

static bool is_known(struct fixture *f)
{
    size_t count = f->port.partitions(f->port.self, &f->partitions);

    assert_true(count == 0 || count == PARTITIONS);
    return count > 0;
}

/* Opens and begins where the group is. */
static void begin_reader(struct fixture *f)
{
    open_reader(f, TOPIC, MOCK_PATIENCE_MS);
    MOCK_WAIT(is_known(f), serve_well(f));
    for (int i = 0; i < PARTITIONS; i++) {
        assert_int_equal(f->partitions[i].partition, i);
        f->partitions[i].start = f->partitions[i].committed < 0 ? 0 : f->partitions[i].committed;
    }
    f->port.begin(f->port.self);
}

static void assert_committed(const struct fixture *f, int partition, int64_t offset,
                             const char *text)
{
    const struct dead_letter_partition *p = &f->partitions[partition];

    assert_int_equal(p->committed, offset);
    assert_int_equal(p->description_len, strlen(text));
    assert_memory_equal(p->description, text, strlen(text));
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
    int n = 0;

    MOCK_WAIT(f->is_at_end[0] && f->is_at_end[1] && f->is_at_end[2], {
        serve_well(f);
        for (int32_t p = 0; p < PARTITIONS; p++)
            switch (f->port.fetch(f->port.self, p, &m)) {
            case FETCH_NOTHING:
                break;
            case FETCH_END:
                f->is_at_end[p] = true;
                break;
            case FETCH_MESSAGE:
                f->port.store(f->port.self, p, m.offset + 1, "so far");
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

    write_records(f, 0, 4);
    write_records(f, 2, 3);
    begin_reader(f);
    assert_committed(f, 0, -1, "");
    assert_int_equal(f->partitions[0].high, 4);
    assert_int_equal(f->partitions[1].high, 0);
    assert_int_equal(read_all(f), 7);
    close_reader(f);
    write_records(f, 2, 2);
    begin_reader(f);
    assert_committed(f, 0, 4, "so far");
    assert_committed(f, 1, -1, "");
    assert_committed(f, 2, 3, "so far");
    assert_int_equal(read_all(f), 2);
    close_reader(f);
}

static void wait_for_failures(struct fixture *f, size_t count)
{
    MOCK_WAIT(fake_log_count(&f->log, EVENT_OFFSETS_COMMIT_FAILED) >= count, serve_well(f));
}

/* The texts alone may differ. Also when the broker refuses a commit in between. */
static void what_is_stored_while_a_commit_is_on_its_way_is_committed_too(void **state)
{
    struct fixture *f = *state;

    begin_reader(f);
    mock_kafka_delay(&f->kafka, MOCK_OFFSET_COMMIT, 300, RD_KAFKA_RESP_ERR_NO_ERROR);
    mock_kafka_delay(&f->kafka, MOCK_OFFSET_COMMIT, 0, RD_KAFKA_RESP_ERR_INVALID_GROUP_ID);
    f->port.store(f->port.self, 0, 1, "one");
    for (int64_t until = clock_mono_ms(clock_system()) + 200; clock_mono_ms(clock_system()) < until;
         usleep(2000))
        serve_well(f);
    f->port.store(f->port.self, 0, 1, "two");
    wait_for_failures(f, 1);
    close_reader(f);
    begin_reader(f);
    assert_committed(f, 0, 1, "two");
    close_reader(f);
}

static void another_reader_of_the_group_is_noticed_and_not_overwritten(void **state)
{
    struct fixture *f = *state;
    struct kafka_reader *first;
    struct dead_letters first_port;
    struct err e = {0};

    begin_reader(f);
    first = f->reader;
    first_port = f->port;
    begin_reader(f);
    f->port.store(f->port.self, 0, 5, "the second one's");
    close_reader(f);
    first_port.store(first_port.self, 0, 3, "the first one's");
    MOCK_WAIT(first_port.serve(first_port.self, &e) < 0, (void)0);
    assert_string_equal(e.text, "another program changes the offsets of the group " GROUP);
    e = (struct err){0};
    assert_int_equal(kafka_reader_close(first, MOCK_PATIENCE_MS, &e), -1);
    assert_non_null(strstr(e.text, "another program"));
    begin_reader(f);
    assert_committed(f, 0, 5, "the second one's");
    close_reader(f);
}

static void commit_for(struct fixture *f, const char *group, int32_t partition, int64_t offset,
                       const char *text)
{
    const char *const properties[] = {
        "bootstrap.servers", f->kafka.cfg.kafka.broker, "log_level", "0", "group.id", group, NULL};
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_t *t = rd_kafka_topic_partition_list_add(list, TOPIC, partition);
    rd_kafka_t *rk;

    for (size_t i = 0; properties[i]; i += 2)
        rd_kafka_conf_set(conf, properties[i], properties[i + 1], NULL, 0);
    rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, NULL, 0);
    t->offset = offset;
    t->metadata = mem_strdup(text);
    t->metadata_size = strlen(text);
    assert_int_equal(rd_kafka_commit(rk, list, 0), 0);
    rd_kafka_topic_partition_list_destroy(list);
    rd_kafka_destroy(rk);
}

/* It may have come to the broker all the same: what the group has then is ours. */
static void a_commit_that_failed_may_be_there(void **state)
{
    struct fixture *f = *state;

    begin_reader(f);
    mock_kafka_delay(&f->kafka, MOCK_OFFSET_COMMIT, 0,
                     RD_KAFKA_RESP_ERR_INVALID_COMMIT_OFFSET_SIZE);
    f->port.store(f->port.self, 0, 1, "one");
    wait_for_failures(f, 1);
    commit_for(f, GROUP, 0, 1, "one");
    f->port.store(f->port.self, 0, 2, "two");
    close_reader(f);
    begin_reader(f);
    assert_committed(f, 0, 2, "two");
    close_reader(f);
}

/* By a socket that timed out: librdkafka sends it again. */
static void a_commit_without_an_answer_holds_up_no_turn(void **state)
{
    struct fixture *f = *state;

    config_set_property(&f->kafka.cfg, "socket.timeout.ms", "1000", "test");
    begin_reader(f);
    mock_kafka_ignore(&f->kafka, MOCK_OFFSET_COMMIT, 1);
    f->port.store(f->port.self, 0, 1, "one");
    for (int64_t until = clock_mono_ms(clock_system()) + 700; clock_mono_ms(clock_system()) < until;
         usleep(2000))
        serve_well(f);
    f->port.store(f->port.self, 0, 2, "two");
    close_reader(f);
    assert_in_range(f->longest_ms, 0, MOCK_TURN_MS);
    begin_reader(f);
    assert_committed(f, 0, 2, "two");
    close_reader(f);
}

static void a_text_that_the_broker_finds_too_long_ends_the_close_at_once(void **state)
{
    struct fixture *f = *state;
    struct err e = {0};

    begin_reader(f);
    for (int i = 0; i < 5; i++)
        mock_kafka_delay(&f->kafka, MOCK_OFFSET_COMMIT, 0,
                         RD_KAFKA_RESP_ERR_OFFSET_METADATA_TOO_LARGE);
    f->port.store(f->port.self, 0, 1, "long");
    assert_int_equal(kafka_reader_close(f->reader, MOCK_PATIENCE_MS, &e), -1);
    assert_non_null(strstr(e.text, "not committed"));
    assert_non_null(strstr(e.text, "Offset metadata"));
    f->reader = NULL;
}

static void what_earlier_versions_committed_is_found_while_the_group_has_nothing(void **state)
{
    struct fixture *f = *state;

    commit_for(f, GROUP "-PROCESS", 1, 7, "");
    commit_for(f, GROUP "-OTHER", 1, 3, "");
    begin_reader(f);
    assert_int_equal(f->partitions[1].by_reason[RECORD_PROCESS], 7);
    assert_int_equal(f->partitions[1].by_reason[RECORD_REASON_NONE], 3);
    assert_int_equal(f->partitions[1].by_reason[RECORD_TIMEOUT], -1);
    assert_int_equal(f->partitions[0].by_reason[RECORD_PROCESS], -1);
    for (int32_t i = 0; i < PARTITIONS; i++)
        f->port.store(f->port.self, i, 8, "");
    close_reader(f);
    begin_reader(f);
    assert_committed(f, 1, 8, "");
    assert_int_equal(f->partitions[1].by_reason[RECORD_PROCESS], -1);
    close_reader(f);
}

static int find(struct fixture *f, const char *topic, struct err *e)
{
    int found = 0;

    MOCK_WAIT((found = f->port.find_topic(f->port.self, topic, e)) != 0, serve_well(f));
    return found;
}

static void a_topic_is_found_or_not_and_why(void **state)
{
    struct fixture *f = *state;
    struct err e = {0};

    rd_kafka_mock_topic_set_error(f->kafka.cluster, "elsewhere",
                                  RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
    rd_kafka_mock_topic_set_error(f->kafka.cluster, "closed",
                                  RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED);
    begin_reader(f);
    assert_int_equal(f->port.find_topic(f->port.self, TOPIC, &e), 0); /* asked, but */
    assert_int_equal(find(f, "elsewhere", &e), -1);
    assert_string_equal(e.text, "Broker: Unknown topic or partition");
    assert_int_equal(find(f, "closed", &e), -1);
    assert_string_equal(e.text, "Broker: Topic authorization failed");
    assert_int_equal(find(f, TOPIC, &e), 1);
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
    MOCK_WAIT(serve(f, &e) < 0, assert_false(is_known(f)));
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
    MOCK_WAIT(serve(f, &e) < 0, assert_false(is_known(f)));
    assert_non_null(strstr(e.text, "Leader not available"));
    close_reader(f);
    rd_kafka_mock_partition_set_leader(f->kafka.cluster, TOPIC, 1, 1);
    begin_reader(f);
    assert_int_equal(read_all(f), 4);
    close_reader(f);
}

static void what_is_not_committed_at_the_close_is_told_in_time(void **state)
{
    struct fixture *f = *state;
    struct err e = {0};
    int64_t began_ms;

    write_records(f, 0, 2);
    begin_reader(f);
    mock_kafka_answer(&f->kafka, false);
    f->port.store(f->port.self, 0, 2, "");
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
        TEST(a_commit_that_failed_may_be_there),
        TEST(a_commit_without_an_answer_holds_up_no_turn),
        TEST(a_text_that_the_broker_finds_too_long_ends_the_close_at_once),
        TEST(another_reader_of_the_group_is_noticed_and_not_overwritten),
        TEST(what_earlier_versions_committed_is_found_while_the_group_has_nothing),
        TEST(a_topic_is_found_or_not_and_why),
        TEST(a_missing_topic_is_an_error),
        TEST(a_broker_that_does_not_answer_holds_neither_a_turn_nor_the_close_up),
        TEST(nothing_is_read_while_a_partition_has_no_leader),
        TEST(what_is_not_committed_at_the_close_is_told_in_time),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
