#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/mem.h"
#include "io/offset_query.h"
#include "support/fake_log.h"
#include "support/mock_kafka.h"

#define TOPIC      "orders"
#define PARTITIONS 3

struct fixture {
    struct mock_kafka kafka;
    rd_kafka_t *rk;
    struct fake_log log;
    struct log log_port;
    struct offset_probe *probe;
    struct offset_query *query;
};

static int set_up(void **state)
{
    struct fixture *f = mem_alloc(sizeof(*f));
    char *topic = mem_strdup(TOPIC);
    rd_kafka_conf_t *conf = rd_kafka_conf_new();

    mock_kafka_open(&f->kafka);
    mock_kafka_create(&f->kafka, TOPIC, PARTITIONS);
    rd_kafka_conf_set(conf, "bootstrap.servers", f->kafka.cfg.kafka.broker, NULL, 0);
    rd_kafka_conf_set(conf, "group.id", "group", NULL, 0);
    f->rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, NULL, 0);
    assert_non_null(f->rk);
    f->log_port = fake_log_port(&f->log);
    f->probe = offset_probe_new(&f->kafka.cfg, &f->log_port);
    f->query = offset_query_new(f->rk, f->probe, topic, -1);
    /* Whoever asks may be gone before the thread that asks has begun. */
    memset(topic, 'x', strlen(topic));
    free(topic);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    assert_true(offset_query_free(f->query));
    offset_probe_drop(f->probe);
    fake_log_release(&f->log);
    rd_kafka_destroy(f->rk);
    mock_kafka_close(&f->kafka);
    free(f);
    return 0;
}

static struct offset_answer *ask(struct fixture *f)
{
    struct offset_answer *answer = NULL;

    MOCK_WAIT(answer, answer = offset_query_turn(f->query, NULL));
    return answer;
}

static void it_tells_where_all_partitions_stand(void **state)
{
    struct fixture *f = *state;
    struct offset_answer *answer;

    mock_kafka_write(&f->kafka, TOPIC, 1, "key", "value", 5, NULL, 0);
    answer = ask(f);
    assert_int_equal(answer->err, 0);
    assert_int_equal(answer->count, PARTITIONS);
    assert_int_equal(answer->unknown_count, 0);
    for (int32_t p = 0; p < PARTITIONS; p++) {
        assert_int_equal(answer->partitions[p].partition, p);
        assert_int_equal(answer->partitions[p].committed, -1);
        assert_int_equal(answer->partitions[p].low, 0);
        assert_int_equal(answer->partitions[p].high, p == 1);
        assert_int_equal(answer->partitions[p].start, -1);
    }
}

static void a_partition_without_a_leader_is_unknown_and_the_others_are_told(void **state)
{
    struct fixture *f = *state;
    struct offset_answer *answer;

    mock_kafka_write(&f->kafka, TOPIC, 2, "key", "value", 5, NULL, 0);
    rd_kafka_mock_partition_set_leader(f->kafka.cluster, TOPIC, 1, -1);
    answer = ask(f);
    assert_int_equal(answer->err, RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE);
    assert_int_equal(answer->count, PARTITIONS);
    assert_int_equal(answer->unknown_count, 1);
    assert_int_equal(answer->partitions[0].high, 0);
    assert_int_equal(answer->partitions[1].low, -1);
    assert_int_equal(answer->partitions[1].high, -1);
    assert_int_equal(answer->partitions[2].high, 1);
    rd_kafka_mock_partition_set_leader(f->kafka.cluster, TOPIC, 1, 1);
    MOCK_WAIT(ask(f)->err == 0, (void)0);
}

/* Asks about partition 1 with a check at `check_at`. */
static const struct assignment *check(struct fixture *f, int64_t check_at)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    struct offset_answer *answer = NULL;

    rd_kafka_topic_partition_list_add(list, TOPIC, 1)->offset = check_at;
    MOCK_WAIT(answer && !answer->err && answer->partitions[0].is_checked,
              answer = offset_query_turn(f->query, list));
    rd_kafka_topic_partition_list_destroy(list);
    return &answer->partitions[0];
}

static void a_check_tells_which_records_are_there(void **state)
{
    struct fixture *f = *state;
    const struct assignment *a;

    for (int i = 0; i < 3; i++)
        mock_kafka_write(&f->kafka, TOPIC, 1, "key", "value", 5, NULL, 0);
    a = check(f, 1);
    assert_int_equal(a->first.offset, 0);
    assert_true(a->first.timestamp_ms > INT64_C(1600000000000));
    assert_int_equal(a->at.offset, 1);
    assert_true(a->at.timestamp_ms >= a->first.timestamp_ms);
    assert_int_equal(a->high, 3);
    a = check(f, 700);
    assert_int_equal(a->first.offset, 0);
    assert_int_equal(a->at.offset, -1);
    assert_int_equal(a->high, 3);
}

static void an_empty_partition_is_checked_too(void **state)
{
    const struct assignment *a = check(*state, 5);

    assert_int_equal(a->first.offset, -1);
    assert_int_equal(a->at.offset, -1);
    assert_int_equal(a->high, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(it_tells_where_all_partitions_stand),
        TEST(a_partition_without_a_leader_is_unknown_and_the_others_are_told),
        TEST(a_check_tells_which_records_are_there),
        TEST(an_empty_partition_is_checked_too),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
