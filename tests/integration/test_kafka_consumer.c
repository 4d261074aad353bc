#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/mem.h"
#include "io/kafka_consumer.h"
#include "support/fake_log.h"
#include "support/mock_kafka.h"

/* What librdkafka fetches for a consumer, and from where. */

#define TOPIC    "orders"
#define STILL_MS 500

struct fixture {
    struct mock_kafka kafka;
    struct kafka_consumer consumer;
    struct source port;
    struct fake_log log;
    struct log log_port;
    int64_t next; /* to be read from partition 0 */
};

static bool is_final(rd_kafka_resp_err_t err)
{
    (void)err;
    return false;
}

static void on_rebalance(rd_kafka_t *rk, rd_kafka_resp_err_t err,
                         rd_kafka_topic_partition_list_t *list, void *opaque)
{
    (void)rk, (void)err, (void)list, (void)opaque;
}

static int set_up(void **state)
{
    struct fixture *f = mem_alloc(sizeof(*f));
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    struct err e = {0};

    mock_kafka_open(&f->kafka);
    mock_kafka_create(&f->kafka, TOPIC, 2);
    rd_kafka_conf_set(conf, "bootstrap.servers", f->kafka.cfg.kafka.broker, NULL, 0);
    rd_kafka_conf_set(conf, "group.id", "group", NULL, 0);
    rd_kafka_conf_set(conf, "enable.auto.offset.store", "false", NULL, 0);
    rd_kafka_conf_set(conf, "auto.offset.reset", "error", NULL, 0);
    rd_kafka_conf_set(conf, "fetch.wait.max.ms", "10", NULL, 0);
    rd_kafka_conf_set(conf, "topic.metadata.refresh.interval.ms", "100", NULL, 0);
    rd_kafka_conf_set(conf, "topic.metadata.propagation.max.ms", "100", NULL, 0);
    rd_kafka_conf_set_rebalance_cb(conf, on_rebalance);
    f->log_port = fake_log_port(&f->log);
    f->consumer = (struct kafka_consumer){.client = {.log = &f->log_port, .wake_fd = -1},
                                          .cfg = &f->kafka.cfg,
                                          .topic = TOPIC,
                                          .is_final = is_final,
                                          .begins_anew = true};
    assert_int_equal(kafka_consumer_open(&f->consumer, conf, &e), 0);
    f->port = kafka_consumer_port(&f->consumer);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    assert_true(kafka_consumer_close(&f->consumer));
    mock_kafka_close(&f->kafka);
    fake_log_release(&f->log);
    free(f);
    return 0;
}

static void write_records(struct fixture *f, int from, int to)
{
    char text[16];

    for (int i = from; i < to; i++) {
        snprintf(text, sizeof(text), "%d", i);
        mock_kafka_write(&f->kafka, TOPIC, 0, NULL, text, strlen(text), NULL, 0);
    }
}

/* Each record is the one that is due. */
static void read_records(struct fixture *f)
{
    struct message m;
    struct err e = {0};

    assert_int_equal(kafka_consumer_serve(&f->consumer, &e), 0);
    if (kafka_consumer_must_assign(&f->consumer))
        kafka_consumer_assign(&f->consumer, false);
    while (f->port.fetch(f->port.self, 0, &m) == FETCH_MESSAGE) {
        assert_int_equal(m.offset, f->next);
        f->next++;
        f->port.release(f->port.self, &m);
    }
}

static void begin_at(struct fixture *f, int64_t offset)
{
    kafka_consumer_add(&f->consumer, 0);
    kafka_consumer_begin(&f->consumer, 0, offset);
    assert_true(kafka_consumer_must_assign(&f->consumer));
    kafka_consumer_assign(&f->consumer, false);
    assert_false(kafka_consumer_must_assign(&f->consumer));
    f->next = offset;
}

static void a_partition_that_has_not_begun_is_not_assigned(void **state)
{
    struct fixture *f = *state;
    rd_kafka_topic_partition_list_t *list;

    kafka_consumer_add(&f->consumer, 1);
    begin_at(f, 0);
    assert_int_equal(rd_kafka_assignment(f->consumer.client.rk, &list), 0);
    assert_int_equal(list->cnt, 1);
    assert_int_equal(list->elems[0].partition, 0);
    rd_kafka_topic_partition_list_destroy(list);
}

/* As after a topic was recreated: librdkafka makes the partition again, with a queue that leads to
 * the consumer's own. */
static void records_outside_of_their_queue_are_an_error_and_read_again(void **state)
{
    struct fixture *f = *state;
    rd_kafka_queue_t *own = rd_kafka_queue_get_consumer(f->consumer.client.rk);

    write_records(f, 0, 5);
    begin_at(f, 0);
    MOCK_WAIT(f->next == 5, read_records(f));
    rd_kafka_queue_forward(kafka_consumer_find(&f->consumer, 0)->queue, own);
    write_records(f, 5, 9);
    MOCK_WAIT(f->next == 9, read_records(f));
    assert_true(fake_log_count(&f->log, EVENT_PARTITION_MISROUTED) >= 1);
    rd_kafka_queue_destroy(own);
}

/* As after a topic was recreated with fewer partitions, then with more. */
static void an_error_outside_of_its_queue_is_of_its_partition(void **state)
{
    struct fixture *f = *state;
    rd_kafka_queue_t *own = rd_kafka_queue_get_consumer(f->consumer.client.rk);
    rd_kafka_topic_partition_list_t *waiting;

    write_records(f, 0, 5);
    begin_at(f, 0);
    MOCK_WAIT(f->next == 5, read_records(f));
    rd_kafka_queue_forward(kafka_consumer_find(&f->consumer, 0)->queue, own);
    rd_kafka_mock_push_request_errors(f->kafka.cluster, MOCK_FETCH, 1,
                                      RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE);
    MOCK_WAIT(kafka_consumer_find(&f->consumer, 0)->refused >= 0, read_records(f));
    assert_true(kafka_consumer_is_beyond(&f->consumer, 0));
    waiting = kafka_consumer_waiting(&f->consumer);
    assert_int_equal(waiting->cnt, 1);
    rd_kafka_topic_partition_list_destroy(waiting);
    rd_kafka_queue_destroy(own);
}

/* What is there afterwards may be another topic, that has grown beyond where the old one was read.
 */
static void a_topic_that_was_missing_is_not_read_until_its_partitions_begin_again(void **state)
{
    struct fixture *f = *state;
    struct offset_probe *probe = offset_probe_new(&f->kafka.cfg, &f->log_port);
    int64_t until_ms;

    f->consumer.probe = probe;
    write_records(f, 0, 5);
    begin_at(f, 0);
    MOCK_WAIT(f->next == 5, read_records(f));
    assert_false(kafka_consumer_is_beyond(&f->consumer, 0));
    rd_kafka_mock_topic_set_error(f->kafka.cluster, TOPIC, RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
    MOCK_WAIT(f->consumer.was_missing, read_records(f));
    rd_kafka_mock_topic_set_error(f->kafka.cluster, TOPIC, RD_KAFKA_RESP_ERR_NO_ERROR);
    write_records(f, 5, 9);
    until_ms = kafka_now_ms() + STILL_MS;
    while (kafka_now_ms() < until_ms)
        read_records(f);
    assert_int_equal(f->next, 5);
    assert_true(kafka_consumer_is_beyond(&f->consumer, 0));
    kafka_consumer_add(&f->consumer, 1);
    assert_true(kafka_consumer_is_beyond(&f->consumer, 1));
    MOCK_WAIT(f->next == 9, {
        if (kafka_consumer_is_beyond(&f->consumer, 0))
            kafka_consumer_begin(&f->consumer, 0, f->next);
        read_records(f);
    });
    f->consumer.probe = NULL;
    offset_probe_drop(probe);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_partition_that_has_not_begun_is_not_assigned),
        TEST(records_outside_of_their_queue_are_an_error_and_read_again),
        TEST(an_error_outside_of_its_queue_is_of_its_partition),
        TEST(a_topic_that_was_missing_is_not_read_until_its_partitions_begin_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
