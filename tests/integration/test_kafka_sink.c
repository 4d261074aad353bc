#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/mem.h"
#include "io/kafka_sink.h"
#include "base/wake.h"
#include "support/fake_log.h"
#include "support/mock_kafka.h"

#define TOPIC "orders-dlq"

struct fixture {
    struct mock_kafka kafka;
    struct fake_log log;
    struct log log_port;
    int wake_fd;
    struct kafka_sink *sink;
    struct sink port;
    int64_t longest_ms; /* that next_report took */
};

static void open_sink_with(struct fixture *f, const struct kafka_sink_options *options)
{
    struct err e = {0};

    f->sink = kafka_sink_open(&f->kafka.cfg, options, f->wake_fd, &f->log_port, &e);
    if (!f->sink)
        fail_msg("%s", e.text);
    f->port = kafka_sink_port(f->sink);
}

static void open_sink(struct fixture *f)
{
    open_sink_with(f, &(struct kafka_sink_options){.linger_ms = "0", .topic_wait_ms = "5000"});
}

static int set_up(void **state)
{
    struct fixture *f = mem_alloc(sizeof(*f));

    mock_kafka_open(&f->kafka);
    mock_kafka_create(&f->kafka, TOPIC, 3);
    f->log_port = fake_log_port(&f->log);
    f->wake_fd = wake_open();
    open_sink(f);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    kafka_sink_close(f->sink);
    mock_kafka_close(&f->kafka);
    fake_log_release(&f->log);
    close(f->wake_fd);
    free(f);
    return 0;
}

static struct outgoing record(const char *value)
{
    return (struct outgoing){.topic = TOPIC,
                             .partition_hint = 0,
                             .key = "key",
                             .key_len = 3,
                             .value = value,
                             .value_len = value ? strlen(value) : 0};
}

static void send_tagged(struct fixture *f, const struct outgoing *o, uint64_t tag)
{
    struct sink_report r;

    assert_int_equal(f->port.send(f->port.self, o, tag, &r), SEND_TAKEN);
}

static int next_report(struct fixture *f, struct sink_report *r)
{
    int64_t began_ms = clock_mono_ms(clock_system());
    int came = f->port.next_report(f->port.self, r);
    int64_t took_ms = clock_mono_ms(clock_system()) - began_ms;

    f->longest_ms = took_ms > f->longest_ms ? took_ms : f->longest_ms;
    return came;
}

static struct sink_report wait_for_report(struct fixture *f)
{
    struct sink_report r;

    MOCK_WAIT(next_report(f, &r), (void)0);
    return r;
}

static void a_record_is_acknowledged_with_its_place(void **state)
{
    struct fixture *f = *state;

    for (uint64_t tag = 1; tag <= 3; tag++) {
        struct outgoing o = record("value");
        struct sink_report r;

        send_tagged(f, &o, tag);
        assert_int_equal(f->port.in_flight(f->port.self), 1);
        r = wait_for_report(f);
        assert_int_equal(r.status, SINK_OK);
        assert_int_equal(r.tag, tag);
        assert_int_equal(r.partition, 0);
        assert_int_equal(r.offset, tag - 1);
        assert_int_equal(f->port.in_flight(f->port.self), 0);
    }
}

static void the_partition_is_the_hint_modulo_the_count(void **state)
{
    struct fixture *f = *state;

    for (int32_t hint = 0; hint < 8; hint++) {
        struct outgoing o = record("value");

        o.partition_hint = hint;
        send_tagged(f, &o, 1);
        assert_int_equal(wait_for_report(f).partition, hint % 3);
    }
}

static void without_a_hint_a_key_has_its_partition(void **state)
{
    struct fixture *f = *state;
    int32_t partition = -1;

    for (int i = 0; i < 5; i++) {
        struct outgoing o = record("value");
        struct sink_report r;

        o.partition_hint = -1;
        send_tagged(f, &o, 1);
        r = wait_for_report(f);
        assert_true(partition < 0 || r.partition == partition);
        partition = r.partition;
    }
}

static void bytes_nulls_and_headers_arrive_as_they_were(void **state)
{
    static const struct {
        const char *key, *value;
        size_t key_len, value_len;
    } cases[] = {{"k\0y", "\xff\0{", 3, 3}, {NULL, NULL, 0, 0}, {"", "", 0, 0}};
    const struct header headers[] = {
        {"a", "1", 1}, {"a", "2\0x", 3}, {"empty", "", 0}, {"null", NULL, 0}};
    struct fixture *f = *state;
    struct mock_records records;

    for (size_t i = 0; i < 3; i++) {
        struct outgoing o = {.topic = TOPIC,
                             .key = cases[i].key,
                             .key_len = cases[i].key_len,
                             .value = cases[i].value,
                             .value_len = cases[i].value_len,
                             .headers = headers,
                             .header_count = 4,
                             .timestamp_ms = 1795367071402};

        send_tagged(f, &o, i);
        assert_int_equal(wait_for_report(f).status, SINK_OK);
    }
    records = mock_kafka_read(&f->kafka, TOPIC, 3);
    assert_int_equal(records.count, 3);
    for (size_t i = 0; i < 3; i++) {
        const rd_kafka_message_t *m = records.list[i];
        rd_kafka_headers_t *list;

        assert_int_equal(m->key != NULL, cases[i].key != NULL);
        assert_int_equal(m->payload != NULL, cases[i].value != NULL);
        assert_int_equal(m->key_len, cases[i].key_len);
        assert_int_equal(m->len, cases[i].value_len);
        if (m->len)
            assert_memory_equal(m->payload, cases[i].value, m->len);
        assert_int_equal(rd_kafka_message_timestamp(m, NULL), 1795367071402);
        assert_int_equal(rd_kafka_message_headers(m, &list), 0);
        assert_int_equal(rd_kafka_header_cnt(list), 4);
        for (size_t h = 0; h < 4; h++) {
            const char *name;
            const void *value;
            size_t len;

            rd_kafka_header_get_all(list, h, &name, &value, &len);
            assert_string_equal(name, headers[h].name);
            assert_int_equal(len, headers[h].value_len);
            assert_int_equal(value != NULL, headers[h].value != NULL);
            if (len)
                assert_memory_equal(value, headers[h].value, len);
        }
    }
    mock_kafka_release(&records);
}

static void passing_trouble_of_the_broker_is_overcome(void **state)
{
    struct fixture *f = *state;
    struct outgoing o = record("value");

    rd_kafka_mock_push_request_errors(
        f->kafka.cluster, MOCK_PRODUCE, 3, RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS,
        RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION, RD_KAFKA_RESP_ERR__TRANSPORT);
    send_tagged(f, &o, 1);
    assert_int_equal(wait_for_report(f).status, SINK_OK);
}

static void refuse(struct fixture *f, int16_t api_key, rd_kafka_resp_err_t error, int times)
{
    for (int i = 0; i < times; i++)
        rd_kafka_mock_push_request_errors(f->kafka.cluster, api_key, 1, error);
}

/* So often that a record was alone in its batch whatever its size. */
#define ALONE_AT_LAST 7

static void what_the_broker_refuses_is_reported_by_its_kind(void **state)
{
    static const struct {
        rd_kafka_resp_err_t error;
        int times;
        enum sink_status status;
    } cases[] = {
        {RD_KAFKA_RESP_ERR_POLICY_VIOLATION, 1, SINK_TROUBLE},
        {RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, ALONE_AT_LAST, SINK_TOO_LARGE},
        /* Batches stay small. */
        {RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, 1, SINK_TOO_LARGE},
        {RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE, 1, SINK_TOO_LARGE},
        {RD_KAFKA_RESP_ERR_INVALID_RECORD, 1, SINK_INVALID},
        {RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, 1, SINK_TROUBLE},
    };
    struct fixture *f = *state;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct outgoing o = record("value");
        struct sink_report r;

        refuse(f, MOCK_PRODUCE, cases[i].error, cases[i].times);
        send_tagged(f, &o, 7);
        r = wait_for_report(f);
        assert_int_equal(r.status, cases[i].status);
        assert_int_equal(r.tag, 7);
        assert_int_equal(r.offset, -1);
        assert_true(strlen(r.text) > 0);
    }
}

/* Takes a first record, so that all that follows waits for its batch. */
static void open_lingering(struct fixture *f)
{
    struct outgoing o = record("first");

    kafka_sink_close(f->sink);
    config_set_property(&f->kafka.cfg, "linger.ms", "200", "test");
    open_sink(f);
    send_tagged(f, &o, 0);
    assert_int_equal(wait_for_report(f).status, SINK_OK);
}

static void assert_all_are_acknowledged_once(struct fixture *f, size_t count)
{
    bool was_reported[64] = {false};
    struct mock_records records;
    struct sink_report r;

    for (size_t i = 0, first = 1; i < count; i++) {
        assert_int_equal(f->port.first_tag(f->port.self), first);
        r = wait_for_report(f);
        assert_int_equal(r.status, SINK_OK);
        assert_in_range(r.tag, 1, count);
        assert_false(was_reported[r.tag]);
        was_reported[r.tag] = true;
        while (was_reported[first])
            first++;
    }
    assert_int_equal(f->port.in_flight(f->port.self), 0);
    assert_int_equal(f->port.next_report(f->port.self, &r), 0);
    records = mock_kafka_read(&f->kafka, TOPIC, 3);
    assert_int_equal(records.count, 1 + count);
    mock_kafka_release(&records);
}

/* The broker names no record: the batch was too large, or one record of it is not valid. */
static void the_records_of_a_refused_batch_go_in_smaller_ones(void **state)
{
    static const struct {
        rd_kafka_resp_err_t error;
        int times;
    } cases[] = {{RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, 1},
                 {RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, 3},
                 {RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE, 1},
                 {RD_KAFKA_RESP_ERR_INVALID_RECORD, 1},
                 {RD_KAFKA_RESP_ERR_INVALID_TIMESTAMP, 1}};
    struct fixture *f = *state;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct outgoing o = record("value");

        kafka_sink_close(f->sink);
        mock_kafka_close(&f->kafka);
        mock_kafka_open(&f->kafka);
        mock_kafka_create(&f->kafka, TOPIC, 3);
        f->sink = NULL;
        open_lingering(f);
        refuse(f, MOCK_PRODUCE, cases[i].error, cases[i].times);
        for (uint64_t tag = 1; tag <= 20; tag++)
            send_tagged(f, &o, tag);
        assert_all_are_acknowledged_once(f, 20);
        assert_in_range(f->longest_ms, 0, MOCK_TURN_MS);
    }
}

/* Which of them is at fault is known when it was alone. */
static void only_the_record_at_fault_is_reported_as_too_large(void **state)
{
    struct fixture *f = *state;
    struct outgoing small = record("value");
    struct outgoing large = record(NULL);
    struct sink_report r;
    size_t too_large = 0;

    large.value_len = 1 << 20;
    large.value = mem_alloc(large.value_len);
    open_lingering(f);
    rd_kafka_mock_push_request_errors(f->kafka.cluster, MOCK_PRODUCE, 2,
                                      RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE,
                                      RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE);
    for (uint64_t tag = 1; tag <= 5; tag++)
        send_tagged(f, &small, tag);
    send_tagged(f, &large, 6);
    for (int i = 0; i < 6; i++) {
        r = wait_for_report(f);
        assert_int_equal(r.status, r.tag == 6 ? SINK_TOO_LARGE : SINK_OK);
        too_large += r.status == SINK_TOO_LARGE;
    }
    assert_int_equal(too_large, 1);
    free((void *)(uintptr_t)large.value);
}

static void assert_is_denied(const struct sink_report *r)
{
    assert_int_equal(r->status, SINK_TROUBLE);
    assert_non_null(strstr(r->text, "Cluster authorization failed"));
}

static void try_in_vain(struct fixture *f)
{
    struct outgoing o = record("value");
    struct sink_report r;

    if (f->port.send(f->port.self, &o, 1, &r) == SEND_FAILED)
        assert_is_denied(&r);
    if (next_report(f, &r))
        assert_is_denied(&r);
}

/* A principal that may write to no topic gets no idempotent producer. */
static void a_producer_that_ends_at_once_is_made_again_only_for_a_record_and_not_at_once(
    void **state)
{
    const enum log_event_id made_again = EVENT_KAFKA_PRODUCER_REPLACED;
    struct fixture *f = *state;
    struct outgoing o = record("value");
    int64_t began_ms, took_ms;
    struct sink_report r;
    struct err denial;

    kafka_sink_close(f->sink);
    refuse(f, MOCK_INIT_PRODUCER, RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED, 1000);
    open_sink(f);
    MOCK_WAIT(kafka_sink_take_denial(f->sink, &denial), assert_int_equal(next_report(f, &r), 0));
    assert_non_null(strstr(denial.text, "Cluster authorization failed"));
    for (int i = 0; i < 500; i++) {
        assert_int_equal(next_report(f, &r), 0);
        usleep(2000);
    }
    assert_int_equal(fake_log_count(&f->log, made_again), 1);
    /* Now there is something to be sent: it is refused, and tried after 200, 400, 800 ms. */
    began_ms = clock_mono_ms(clock_system());
    MOCK_WAIT(fake_log_count(&f->log, made_again) >= 5, try_in_vain(f));
    took_ms = clock_mono_ms(clock_system()) - began_ms;
    assert_true(took_ms >= 200 + 400 + 800);
    assert_false(kafka_sink_take_denial(f->sink, &denial));
    MOCK_WAIT(f->port.in_flight(f->port.self) == 0, next_report(f, &r));
    /* The right is given. */
    rd_kafka_mock_clear_request_errors(f->kafka.cluster, MOCK_INIT_PRODUCER);
    MOCK_WAIT(f->port.send(f->port.self, &o, 2, &r) == SEND_TAKEN, next_report(f, &r));
    MOCK_WAIT(next_report(f, &r) && r.status == SINK_OK, (void)0);
}

/* What was taken before the refusal came is reported, and is not read any more by then. */
static void what_a_denied_producer_took_is_reported(void **state)
{
    struct fixture *f = *state;
    struct outgoing o = record("value");
    struct sink_report r;
    uint64_t taken = 0;

    kafka_sink_close(f->sink);
    refuse(f, MOCK_INIT_PRODUCER, RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED, 1);
    open_sink(f);
    /* The broker may have answered before all are sent: then the sink takes no more for now. */
    while (taken < 10 && f->port.send(f->port.self, &o, taken, &r) == SEND_TAKEN)
        taken++;
    assert_true(taken > 0);
    for (uint64_t tag = 0; tag < taken; tag++) {
        r = wait_for_report(f);
        assert_int_equal(r.tag, tag);
        assert_int_equal(r.status, SINK_TROUBLE);
    }
    assert_int_equal(f->port.in_flight(f->port.self), 0);
}

/* Orders may be as large as tracker.max_message_bytes; whether a topic takes them is the broker's
 * to say. */
static void a_record_of_a_mebibyte_and_more_is_taken(void **state)
{
    struct fixture *f = *state;
    char *large = mem_alloc(1200001);
    struct outgoing o;

    memset(large, 'x', 1200000);
    o = record(large);
    send_tagged(f, &o, 1);
    assert_int_equal(wait_for_report(f).status, SINK_OK);
    free(large);
}

/* Memory is bounded, yet what is larger than the bound has its turn. */
static void what_waits_is_bounded_and_a_larger_record_goes_alone(void **state)
{
    struct fixture *f = *state;
    char large[4001];
    struct outgoing o;
    struct sink_report r;

    memset(large, 'x', 4000);
    large[4000] = '\0';
    o = record(large);
    kafka_sink_close(f->sink);
    config_set_property(&f->kafka.cfg, "queue.buffering.max.kbytes", "1", "test");
    open_sink(f);
    for (uint64_t tag = 1; tag < 4; tag++) {
        assert_int_equal(f->port.send(f->port.self, &o, tag, &r), SEND_TAKEN);
        assert_int_equal(f->port.send(f->port.self, &o, 9, &r), SEND_FULL);
        r = wait_for_report(f);
        assert_int_equal(r.status, SINK_OK);
        assert_int_equal(r.tag, tag);
    }
    assert_int_equal(f->port.in_flight(f->port.self), 0);
}

/* The user's property comes before the bound that the program chose. */
static void the_program_bounds_what_waits_unless_the_user_does(void **state)
{
    const struct kafka_sink_options options = {
        .linger_ms = "0", .topic_wait_ms = "5000", .queue_kbytes = "1"};
    struct fixture *f = *state;
    char large[2001] = {0};
    struct outgoing o;
    struct sink_report r;

    memset(large, 'x', 2000);
    o = record(large);
    kafka_sink_close(f->sink);
    open_sink_with(f, &options);
    assert_int_equal(f->port.send(f->port.self, &o, 1, &r), SEND_TAKEN);
    assert_int_equal(f->port.send(f->port.self, &o, 2, &r), SEND_FULL);
    assert_int_equal(wait_for_report(f).status, SINK_OK);
    kafka_sink_close(f->sink);
    config_set_property(&f->kafka.cfg, "queue.buffering.max.kbytes", "4", "test");
    open_sink_with(f, &options);
    assert_int_equal(f->port.send(f->port.self, &o, 1, &r), SEND_TAKEN);
    assert_int_equal(f->port.send(f->port.self, &o, 2, &r), SEND_TAKEN);
    assert_int_equal(f->port.send(f->port.self, &o, 3, &r), SEND_FULL);
    for (int i = 0; i < 2; i++)
        assert_int_equal(wait_for_report(f).status, SINK_OK);
}

static void a_missing_broker_is_told_once_and_nothing_is_lost(void **state)
{
    struct fixture *f = *state;
    struct outgoing o = record("value");
    struct sink_report r;

    send_tagged(f, &o, 1);
    assert_int_equal(wait_for_report(f).status, SINK_OK);
    rd_kafka_mock_broker_set_down(f->kafka.cluster, 1);
    for (uint64_t tag = 2; tag < 7; tag++)
        send_tagged(f, &o, tag);
    MOCK_WAIT(fake_log_count(&f->log, EVENT_KAFKA_UNAVAILABLE),
              assert_int_equal(next_report(f, &r), 0));
    for (int i = 0; i < 500; i++) {
        assert_int_equal(f->port.next_report(f->port.self, &r), 0);
        usleep(2000);
    }
    assert_int_equal(f->port.in_flight(f->port.self), 5);
    assert_int_equal(fake_log_count(&f->log, EVENT_KAFKA_UNAVAILABLE), 1);
    rd_kafka_mock_broker_set_up(f->kafka.cluster, 1);
    for (uint64_t tag = 2; tag < 7; tag++) {
        r = wait_for_report(f);
        assert_int_equal(r.tag, tag);
        assert_int_equal(r.status, SINK_OK);
    }
    assert_int_equal(fake_log_count(&f->log, EVENT_KAFKA_UNAVAILABLE), 1);
    assert_int_equal(fake_log_count(&f->log, EVENT_KAFKA_AVAILABLE), 1);
}

/* A broker that has forgotten the producer ends an idempotent one for good. */
static void after_a_fatal_error_the_producer_is_made_anew_and_nothing_is_lost(void **state)
{
    struct fixture *f = *state;
    struct outgoing o = record("value");
    struct sink_report r;
    int reported = 0;

    send_tagged(f, &o, 1);
    assert_int_equal(wait_for_report(f).status, SINK_OK);
    rd_kafka_mock_push_request_errors(f->kafka.cluster, MOCK_PRODUCE, 1,
                                      RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER);
    for (uint64_t tag = 2; tag < 12; tag++) {
        enum send_result result;

        MOCK_WAIT((result = f->port.send(f->port.self, &o, tag, &r)) != SEND_FULL,
                  reported += f->port.next_report(f->port.self, &r));
        if (result != SEND_TAKEN)
            fail_msg("%s", r.text);
    }
    for (; reported < 10; reported++)
        assert_int_equal(wait_for_report(f).status, SINK_OK);
    assert_int_equal(f->port.in_flight(f->port.self), 0);
    assert_int_equal(fake_log_count(&f->log, EVENT_KAFKA_PRODUCER_REPLACED), 1);
}

/* The second cluster plays a broker that does not know yet that the topic has grown. */
static void what_waits_for_a_partition_that_vanishes_goes_to_another(void **state)
{
    struct fixture *f = *state;
    struct outgoing o = record("value");
    struct mock_kafka behind = {0};
    struct mock_records records;
    struct sink_report r;
    char both[256];

    kafka_sink_close(f->sink);
    mock_kafka_open(&behind);
    mock_kafka_create(&behind, TOPIC, 1);
    rd_kafka_mock_broker_set_down(behind.cluster, 1);
    snprintf(both, sizeof(both), "%s,%s", f->kafka.cfg.kafka.broker, behind.cfg.kafka.broker);
    mock_kafka_set(&f->kafka, "kafka.broker", both);
    open_sink(f);
    o.partition_hint = 2;
    send_tagged(f, &o, 1);
    assert_int_equal(wait_for_report(f).partition, 2);
    rd_kafka_mock_broker_set_down(f->kafka.cluster, 1);
    MOCK_WAIT(fake_log_count(&f->log, EVENT_KAFKA_UNAVAILABLE), {
        send_tagged(f, &o, 2);
        assert_int_equal(next_report(f, &r), 0);
    });
    rd_kafka_mock_broker_set_up(behind.cluster, 1);
    while (f->port.in_flight(f->port.self) > 0) {
        r = wait_for_report(f);
        assert_int_equal(r.status, SINK_OK);
        assert_int_equal(r.partition, 0);
    }
    records = mock_kafka_read(&behind, TOPIC, 1);
    assert_true(records.count > 0);
    mock_kafka_release(&records);
    mock_kafka_close(&behind);
}

static void the_loop_is_woken_when_a_report_came(void **state)
{
    struct fixture *f = *state;
    struct pollfd p = {.fd = f->wake_fd, .events = POLLIN};
    struct outgoing o = record("value");
    struct sink_report r;

    send_tagged(f, &o, 1);
    MOCK_WAIT(f->port.next_report(f->port.self, &r),
              assert_int_equal(poll(&p, 1, MOCK_PATIENCE_MS), 1));
}

/* The broker takes what the next producer says and does not answer, not even its first word. */
static void a_producer_is_made_anew_without_holding_a_turn_up(void **state)
{
    struct fixture *f = *state;
    struct outgoing o = record("value");
    bool was_reported[10] = {false};
    struct mock_records records;
    struct sink_report r;

    kafka_sink_close(f->sink);
    config_set_property(&f->kafka.cfg, "socket.timeout.ms", "3000", "test");
    config_set_property(&f->kafka.cfg, "api.version.request.timeout.ms", "3000", "test");
    /* All ten are taken before the first of them meets its error. */
    config_set_property(&f->kafka.cfg, "linger.ms", "1000", "test");
    open_sink(f);
    send_tagged(f, &o, 0);
    assert_int_equal(wait_for_report(f).status, SINK_OK);
    rd_kafka_mock_push_request_errors(f->kafka.cluster, MOCK_PRODUCE, 1,
                                      RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER);
    for (uint64_t tag = 0; tag < 10; tag++)
        send_tagged(f, &o, tag);
    MOCK_WAIT(fake_log_count(&f->log, EVENT_KAFKA_PRODUCER_REPLACED),
              assert_int_equal(next_report(f, &r), 0));
    mock_kafka_answer(&f->kafka, false);
    MOCK_WAIT(fake_log_count(&f->log, EVENT_KAFKA_UNAVAILABLE),
              assert_int_equal(next_report(f, &r), 0));
    assert_int_equal(f->port.in_flight(f->port.self), 10);
    mock_kafka_answer(&f->kafka, true);
    for (int i = 0; i < 10; i++) {
        r = wait_for_report(f);
        assert_int_equal(r.status, SINK_OK);
        assert_false(was_reported[r.tag]);
        was_reported[r.tag] = true;
    }
    assert_int_equal(next_report(f, &r), 0);
    assert_int_equal(f->port.in_flight(f->port.self), 0);
    assert_in_range(f->longest_ms, 0, MOCK_TURN_MS);
    records = mock_kafka_read(&f->kafka, TOPIC, 3);
    assert_true(records.count >= 11);
    mock_kafka_release(&records);
}

static void a_broker_that_does_not_answer_does_not_hold_the_close_up(void **state)
{
    struct fixture *f = *state;
    struct outgoing o = record("value");
    int64_t began_ms;

    send_tagged(f, &o, 1);
    assert_int_equal(wait_for_report(f).status, SINK_OK);
    mock_kafka_answer(&f->kafka, false);
    send_tagged(f, &o, 2);
    began_ms = clock_mono_ms(clock_system());
    kafka_sink_close(f->sink);
    f->sink = NULL;
    assert_in_range(clock_mono_ms(clock_system()) - began_ms, 0, 10000);
    mock_kafka_answer(&f->kafka, true);
}

/* All clients get all properties: that one has no use for some of them is nothing to tell. */
static void a_property_for_consumers_only_is_no_news(void **state)
{
    struct fixture *f = *state;
    struct outgoing o = record("value");
    const struct fake_log_entry *told;

    kafka_sink_close(f->sink);
    config_set_property(&f->kafka.cfg, "session.timeout.ms", "20000", "test");
    open_sink(f);
    send_tagged(f, &o, 1);
    assert_int_equal(wait_for_report(f).status, SINK_OK);
    told = fake_log_last(&f->log, EVENT_KAFKA_LIBRARY);
    assert_non_null(told);
    assert_non_null(strstr(told->fields, "session.timeout.ms"));
    assert_int_equal(told->level, LOG_DEBUG);
}

static void what_the_promise_rests_on_cannot_be_set_otherwise(void **state)
{
    static const struct {
        const char *name, *value;
        bool is_allowed;
    } cases[] = {
        {"enable.idempotence", "false", false},
        {"acks", "1", false},
        {"request.required.acks", "1", false},
        {"message.timeout.ms", "5000", false},
        {"delivery.timeout.ms", "5000", false},
        {"acks", "all", true},
        {"compression.type", "lz4", true},
        {"linger.ms", "20", true},
        {"topic.acks", "1", false},
        {"topic.message.timeout.ms", "5000", false},
        {"transactional.id", "t", false},
        {"delivery.report.only.error", "true", false},
        {"enabled_events", "255", false},
        {"bootstrap.servers", "b:1", false},
        {"metadata.broker.list", "b:1", false},
        {"group.id", "other", false},
        {"no.such.property", "1", false},
        {"linger.ms", "a while", false},
        {"linger.ms", "-1", false},
    };
    struct fixture *f = *state;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct err e = {0};
        struct config cfg = {0};
        struct kafka_sink *sink;

        config_init(&cfg);
        config_set_property(&cfg, cases[i].name, cases[i].value, "flag -X");
        sink = kafka_sink_open(
            &cfg, &(struct kafka_sink_options){.linger_ms = "0", .topic_wait_ms = "5000"}, -1,
            &f->log_port, &e);
        assert_int_equal(sink != NULL, cases[i].is_allowed);
        if (!sink) {
            assert_int_equal(err_exit_status(&e), 2);
            assert_non_null(strstr(e.text, "flag -X"));
            assert_non_null(strstr(e.text, cases[i].name));
            assert_null(strchr(e.text, '\n'));
        }
        kafka_sink_close(sink);
        config_release(&cfg);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_record_is_acknowledged_with_its_place),
        TEST(the_partition_is_the_hint_modulo_the_count),
        TEST(without_a_hint_a_key_has_its_partition),
        TEST(bytes_nulls_and_headers_arrive_as_they_were),
        TEST(passing_trouble_of_the_broker_is_overcome),
        TEST(what_the_broker_refuses_is_reported_by_its_kind),
        TEST(the_records_of_a_refused_batch_go_in_smaller_ones),
        TEST(only_the_record_at_fault_is_reported_as_too_large),
        TEST(a_producer_that_ends_at_once_is_made_again_only_for_a_record_and_not_at_once),
        TEST(what_a_denied_producer_took_is_reported),
        TEST(a_record_of_a_mebibyte_and_more_is_taken),
        TEST(what_waits_is_bounded_and_a_larger_record_goes_alone),
        TEST(the_program_bounds_what_waits_unless_the_user_does),
        TEST(a_missing_broker_is_told_once_and_nothing_is_lost),
        TEST(after_a_fatal_error_the_producer_is_made_anew_and_nothing_is_lost),
        TEST(what_waits_for_a_partition_that_vanishes_goes_to_another),
        TEST(the_loop_is_woken_when_a_report_came),
        TEST(a_producer_is_made_anew_without_holding_a_turn_up),
        TEST(a_broker_that_does_not_answer_does_not_hold_the_close_up),
        TEST(a_property_for_consumers_only_is_no_news),
        TEST(what_the_promise_rests_on_cannot_be_set_otherwise),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
