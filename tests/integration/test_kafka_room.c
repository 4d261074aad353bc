#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/mem.h"
#include "io/kafka_room.h"
#include "support/fake_log.h"
#include "support/mock_kafka.h"

/* What is fetched ahead of all partitions together. Each partition holds batches of BATCH records,
 * of which librdkafka queues one at a time. */

#define TOPIC      "orders"
#define PARTITIONS 4
#define BATCH      100
#define BATCHES    3
#define RECORDS    300 /* of each partition, in BATCHES */
#define VALUE      1000
#define ROOM       ((size_t)2 * BATCH * VALUE) /* of two batches */
#define STILL_MS   500

struct fixture {
    struct mock_kafka kafka;
    struct kafka_consumer consumer;
    struct source port;
    struct fake_log log;
    struct log log_port;
    int64_t next[PARTITIONS];
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

static void set(rd_kafka_conf_t *conf, const char *name, const char *value)
{
    assert_int_equal(rd_kafka_conf_set(conf, name, value, NULL, 0), RD_KAFKA_CONF_OK);
}

/* Records that are sent before the leaders are known are handed to them one by one, and may go in
 * several batches. */
static rd_kafka_topic_t *know_leaders(rd_kafka_t *rk)
{
    rd_kafka_topic_t *topic = rd_kafka_topic_new(rk, TOPIC, NULL);
    const struct rd_kafka_metadata *metadata;

    assert_int_equal(rd_kafka_metadata(rk, 0, topic, &metadata, MOCK_PATIENCE_MS),
                     RD_KAFKA_RESP_ERR_NO_ERROR);
    rd_kafka_metadata_destroy(metadata);
    return topic;
}

/* One batch for each call. */
static void write_batch(struct fixture *f, int32_t partition)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    char value[VALUE] = {0};
    rd_kafka_topic_t *topic;
    rd_kafka_t *rk;

    set(conf, "bootstrap.servers", f->kafka.cfg.kafka.broker);
    set(conf, "linger.ms", "100000");
    rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, NULL, 0);
    topic = know_leaders(rk);
    for (int i = 0; i < BATCH; i++)
        assert_int_equal(
            rd_kafka_producev(rk, RD_KAFKA_V_TOPIC(TOPIC), RD_KAFKA_V_PARTITION(partition),
                              RD_KAFKA_V_VALUE(value, sizeof(value)),
                              RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_END),
            RD_KAFKA_RESP_ERR_NO_ERROR);
    assert_int_equal(rd_kafka_flush(rk, MOCK_PATIENCE_MS), RD_KAFKA_RESP_ERR_NO_ERROR);
    rd_kafka_topic_destroy(topic);
    rd_kafka_destroy(rk);
}

static void open_consumer(struct fixture *f)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    struct err e = {0};

    set(conf, "bootstrap.servers", f->kafka.cfg.kafka.broker);
    set(conf, "group.id", "group");
    set(conf, "enable.auto.offset.store", "false");
    set(conf, "auto.offset.reset", "error");
    set(conf, "fetch.wait.max.ms", "10");
    set(conf, "queued.max.messages.kbytes", "10");
    rd_kafka_conf_set_rebalance_cb(conf, on_rebalance);
    f->log_port = fake_log_port(&f->log);
    f->consumer = (struct kafka_consumer){.client = {.log = &f->log_port, .wake_fd = -1},
                                          .cfg = &f->kafka.cfg,
                                          .topic = TOPIC,
                                          .is_final = is_final,
                                          .begins_anew = true,
                                          .room_bytes = ROOM,
                                          .refill_bytes = 10 << 10,
                                          .refill_records = 100000};
    assert_int_equal(kafka_consumer_open(&f->consumer, conf, &e), 0);
    f->port = kafka_consumer_port(&f->consumer);
}

static int set_up(void **state)
{
    struct fixture *f = mem_alloc(sizeof(*f));

    mock_kafka_open(&f->kafka);
    mock_kafka_create(&f->kafka, TOPIC, PARTITIONS);
    for (int i = 0; i < BATCHES; i++)
        for (int32_t p = 0; p < PARTITIONS; p++)
            write_batch(f, p);
    open_consumer(f);
    for (int32_t p = 0; p < PARTITIONS; p++) {
        kafka_consumer_add(&f->consumer, p);
        kafka_consumer_begin(&f->consumer, p, 0);
    }
    kafka_consumer_assign(&f->consumer, false);
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

static void serve(struct fixture *f)
{
    struct err e = {0};

    if (kafka_consumer_serve(&f->consumer, &e) < 0)
        fail_msg("%s", e.text);
}

/* Reads up to `count` records: each is the next one. Returns how many there were. */
static int take(struct fixture *f, int32_t partition, int count)
{
    struct message m;
    enum fetch_result result = FETCH_END;
    int n = 0;

    serve(f);
    while (n < count && result != FETCH_NOTHING) {
        result = f->port.fetch(f->port.self, partition, &m);
        if (result != FETCH_MESSAGE)
            continue;
        assert_int_equal(m.offset, f->next[partition]++);
        f->port.release(f->port.self, &m);
        n++;
    }
    return n;
}

static size_t queued(const struct fixture *f, int32_t partition)
{
    return rd_kafka_queue_length(kafka_consumer_find(&f->consumer, partition)->queue);
}

/* Nothing is served until all are there: the first full room pauses those that nobody reads. */
static void await_full_queues(struct fixture *f)
{
    for (int32_t p = 0; p < PARTITIONS; p++)
        MOCK_WAIT(queued(f, p) >= BATCH, (void)0);
    MOCK_WAIT(f->consumer.room_is_full, serve(f));
}

static void take_all(struct fixture *f)
{
    for (int32_t p = 0; p < PARTITIONS; p++)
        MOCK_WAIT(f->next[p] == RECORDS, {
            for (int32_t q = 0; q < PARTITIONS; q++)
                take(f, q, 7);
        });
}

static void a_partition_is_not_fetched_while_too_much_of_all_is_queued(void **state)
{
    struct fixture *f = *state;
    int64_t until_ms;

    await_full_queues(f);
    take(f, 0, RECORDS);
    assert_in_range(f->next[0], 1, BATCH);
    until_ms = kafka_now_ms() + STILL_MS;
    while (kafka_now_ms() < until_ms)
        assert_int_equal(take(f, 0, 1), 0);
    for (int32_t p = 1; p < PARTITIONS; p++)
        take(f, p, BATCH);
    MOCK_WAIT(f->next[0] > BATCH, take(f, 0, 1));
    take_all(f);
}

/* As behind records that wait for their next attempt. */
static void partitions_that_nobody_reads_do_not_keep_the_others_from_being_fetched(void **state)
{
    struct fixture *f = *state;

    await_full_queues(f);
    MOCK_WAIT(f->next[0] == RECORDS, take(f, 0, 7));
    assert_int_equal(f->next[1], 0);
    take_all(f);
}

static void a_paused_partition_is_fetched_after_it_was_assigned_again(void **state)
{
    struct fixture *f = *state;

    await_full_queues(f);
    take(f, 0, RECORDS);
    assert_true(kafka_consumer_find(&f->consumer, 0)->is_paused);
    kafka_consumer_assign(&f->consumer, false);
    assert_false(kafka_consumer_find(&f->consumer, 0)->is_paused);
    take_all(f);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_partition_is_not_fetched_while_too_much_of_all_is_queued),
        TEST(partitions_that_nobody_reads_do_not_keep_the_others_from_being_fetched),
        TEST(a_paused_partition_is_fetched_after_it_was_assigned_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
