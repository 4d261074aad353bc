#include <dlfcn.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <cjson/cJSON.h>

#include "base/mem.h"
#include "flow/consume.h"
#include "flow/produce.h"
#include "processor/simulate.h"
#include "io/journal.h"
#include "io/kafka_sink.h"
#include "io/kafka_source.h"
#include "base/wake.h"
#include "producer/order_gen.h"
#include "support/fake_log.h"
#include "support/mock_kafka.h"

#define ORDERS     400
#define PARTITIONS 3

#define JUMP 5

/* The last consumer that was opened while this is NULL: for what a test does to it behind the
 * source's back. */
static rd_kafka_t *caught;

rd_kafka_t *rd_kafka_new(rd_kafka_type_t type, rd_kafka_conf_t *conf, char *errstr,
                         size_t errstr_size)
{
    rd_kafka_t *(*real)(rd_kafka_type_t, rd_kafka_conf_t *, char *, size_t);
    rd_kafka_t *rk;

    *(void **)&real = dlsym(RTLD_NEXT, "rd_kafka_new");
    rk = real(type, conf, errstr, errstr_size);
    if (type == RD_KAFKA_CONSUMER && !caught)
        caught = rk;
    return rk;
}

/* Producer and tracker in one process, from the generator to the journal. */
struct fixture {
    struct mock_kafka kafka;
    struct fake_log log;
    struct log log_port;
    char folder[64];
    char path[80];
    int wake_fd;
    struct order_gen gen;
    struct order_message message;
    int64_t made_broken;
};

static int set_up(void **state)
{
    struct fixture *f = mem_alloc(sizeof(*f));

    mock_kafka_open(&f->kafka);
    mock_kafka_create(&f->kafka, "orders", PARTITIONS);
    mock_kafka_create(&f->kafka, "orders-dlq", PARTITIONS);
    caught = NULL;
    f->log_port = fake_log_port(&f->log);
    f->wake_fd = wake_open();
    strcpy(f->folder, "/tmp/test_flow.XXXXXX");
    assert_non_null(mkdtemp(f->folder));
    snprintf(f->path, sizeof(f->path), "%s/events", f->folder);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    char command[128];

    snprintf(command, sizeof(command), "rm -rf '%s'", f->folder);
    assert_int_equal(system(command), 0);
    mock_kafka_close(&f->kafka);
    fake_log_release(&f->log);
    order_message_release(&f->message);
    close(f->wake_fd);
    free(f);
    return 0;
}

/* ---- the producer ---- */

static enum produce_next generate(void *self, int64_t wall_ms, struct produce_item *item,
                                  struct err *e)
{
    struct fixture *f = self;
    struct order_message *m = &f->message;

    (void)e;
    order_gen_next(&f->gen, wall_ms, m);
    f->made_broken += m->reason != RECORD_REASON_NONE;
    *item = (struct produce_item){.key = m->key.data,
                                  .key_len = m->key.len,
                                  .value = m->has_value ? strbuf_text(&m->value) : NULL,
                                  .value_len = m->has_value ? m->value.len : 0,
                                  .correlation_id = strbuf_text(&m->correlation_id),
                                  .timestamp_ms = m->timestamp_ms};
    return PRODUCE_ITEM;
}

static void produce_orders(struct fixture *f, uint64_t seed, double invalid_rate)
{
    const struct produce_policy policy = {.topic = "orders", .count = ORDERS};
    struct produce_input input = {.self = f, .next = generate};
    const struct clock *clock = clock_system();
    struct err e = {0};
    struct kafka_sink *kafka = kafka_sink_open(
        &f->kafka.cfg, &(struct kafka_sink_options){.linger_ms = "5", .topic_wait_ms = "30000"}, -1,
        &f->log_port, &e);
    struct sink sink = kafka_sink_port(kafka);
    struct produce p;

    order_gen_init(&f->gen, seed, invalid_rate);
    produce_init(&p, &policy, &input, &sink, clock_mono_ms(clock));
    MOCK_WAIT(produce_is_done(&p),
              produce_turn(&p, clock_mono_ms(clock), clock_wall_ms(clock), &e));
    assert_int_equal(p.counts.acknowledged, ORDERS);
    assert_int_equal(p.counts.failed, 0);
    kafka_sink_close(kafka);
}

/* ---- the tracker ---- */

struct tracker {
    struct journal *journal;
    struct recovery_report report;
    struct kafka_sink *kafka_sink;
    struct kafka_source *kafka_source;
    struct simulate simulate;
    struct journal_port journal_port;
    struct sink sink;
    struct source source;
    struct processor processor;
    struct consume consume;
};

static void begin(struct fixture *f, struct tracker *t, double transient_rate)
{
    const struct consume_policy policy = {
        .lane = {.retry = {.max_attempts = 3,
                           .initial_delay_ms = 2,
                           .max_delay_ms = 10,
                           .multiplier = 2,
                           .jitter = RETRY_JITTER_EQUAL},
                 .breaker = {.consecutive = 1000000, .share = 2, .window = 100},
                 .max_message_bytes = 1 << 20,
                 .group = "group",
                 .dlq_topic = "orders-dlq",
                 .dlq_retry_ms = 10,
                 .dlq_retry_max_ms = 100},
        .topic = "orders",
        .max_buffered_bytes = 1 << 20,
        .metrics_interval_ms = 1000,
        .drain_timeout_ms = 10000,
        .drain = true,
    };
    struct err e = {0};
    struct consume_ports ports;

    *t = (struct tracker){.simulate = {.transient_rate = transient_rate, .only_partition = -1}};
    t->journal = journal_open(
        &(struct journal_options){
            .path = f->path, .topic = "orders", .fsync_interval_ms = 10, .wake_fd = f->wake_fd},
        &t->report, &e);
    t->kafka_sink = kafka_sink_open(
        &f->kafka.cfg, &(struct kafka_sink_options){.linger_ms = "0", .topic_wait_ms = "5000"},
        f->wake_fd, &f->log_port, &e);
    config_set_property(&f->kafka.cfg, "session.timeout.ms", "4000", "test");
    config_set_property(&f->kafka.cfg, "heartbeat.interval.ms", "300", "test");
    t->kafka_source = kafka_source_open(&(struct kafka_source_options){.cfg = &f->kafka.cfg,
                                                                       .fetch_bytes = 1 << 22,
                                                                       .partitions = 4,
                                                                       .wake_fd = f->wake_fd,
                                                                       .log = &f->log_port},
                                        &e);
    if (!t->journal || !t->kafka_sink || !t->kafka_source)
        fail_msg("%s", e.text);
    t->journal_port = journal_port(t->journal);
    t->sink = kafka_sink_port(t->kafka_sink);
    t->source = kafka_source_port(t->kafka_source);
    t->processor = simulate_processor(&t->simulate);
    ports = (struct consume_ports){.source = &t->source,
                                   .sink = &t->sink,
                                   .processor = &t->processor,
                                   .journal = &t->journal_port,
                                   .clock = clock_system(),
                                   .log = &f->log_port};
    consume_init(&t->consume, &policy, &ports, 1);
}

static void turn(struct fixture *f, struct tracker *t)
{
    struct err e = {0};
    int sleep_ms = consume_turn(&t->consume, &e);

    if (sleep_ms < 0)
        fail_msg("%s", e.text);
    if (sleep_ms > 0)
        wake_wait(f->wake_fd, sleep_ms);
}

static void end(struct tracker *t)
{
    consume_release(&t->consume);
    assert_int_equal(kafka_source_close(t->kafka_source, MOCK_PATIENCE_MS), 0);
    kafka_sink_close(t->kafka_sink);
    journal_close(t->journal);
    recovery_report_release(&t->report);
    simulate_release(&t->simulate);
}

static void drain(struct fixture *f, struct tracker *t)
{
    MOCK_WAIT(consume_is_done(&t->consume), turn(f, t));
    assert_true(consume_is_drained(&t->consume));
    end(t);
}

/* ---- what came out ---- */

struct line {
    int partition;
    int64_t offset;
    bool is_dead;
    int64_t dlq_offset;
    int dlq_partition;
    bool was_seen;
};

static int64_t number(const cJSON *json, const char *key)
{
    return (int64_t)cJSON_GetNumberValue(cJSON_GetObjectItemCaseSensitive(json, key));
}

/* Reads the journal: each offset once, in order per partition. Returns the number of lines. */
static size_t read_journal(struct fixture *f, struct line *lines, size_t max)
{
    FILE *file = fopen(f->path, "re");
    int64_t last[PARTITIONS] = {-1, -1, -1};
    char *text = NULL;
    size_t cap = 0, n = 0;

    assert_non_null(file);
    while (getline(&text, &cap, file) > 0) {
        cJSON *json = cJSON_Parse(text);
        const cJSON *dlq = cJSON_GetObjectItemCaseSensitive(json, "dlq");
        struct line *line = &lines[n++];

        assert_true(n <= max);
        assert_non_null(json);
        *line = (struct line){.partition = (int)number(json, "kafka_partition"),
                              .offset = number(json, "kafka_offset"),
                              .is_dead = dlq != NULL};
        if (dlq) {
            line->dlq_partition = (int)number(dlq, "partition");
            line->dlq_offset = number(dlq, "offset");
        }
        assert_int_equal(line->offset, last[line->partition] + 1);
        last[line->partition] = line->offset;
        cJSON_Delete(json);
    }
    free(text);
    fclose(file);
    for (int p = 0; p < PARTITIONS; p++)
        assert_int_equal(mock_kafka_committed(&f->kafka, "orders", p),
                         last[p] < 0 ? -1 : last[p] + 1);
    return n;
}

static const rd_kafka_message_t *find(const struct mock_records *records, int partition,
                                      int64_t offset)
{
    for (size_t i = 0; i < records->count; i++)
        if (records->list[i]->partition == partition && records->list[i]->offset == offset)
            return records->list[i];
    return NULL;
}

static void assert_same_bytes(const rd_kafka_message_t *a, const rd_kafka_message_t *b)
{
    assert_int_equal(a->payload != NULL, b->payload != NULL);
    assert_int_equal(a->len, b->len);
    assert_int_equal(a->key_len, b->key_len);
    if (a->len)
        assert_memory_equal(a->payload, b->payload, a->len);
    if (a->key_len)
        assert_memory_equal(a->key, b->key, a->key_len);
}

/* Each dead line has its dead letter, with the bytes of its record. Returns how many there are. */
static size_t match_dead_letters(struct fixture *f, const struct line *lines, size_t count)
{
    struct mock_records orders = mock_kafka_read(&f->kafka, "orders", PARTITIONS);
    struct mock_records letters = mock_kafka_read(&f->kafka, "orders-dlq", PARTITIONS);
    size_t dead = 0;

    assert_int_equal(orders.count, count);
    for (size_t i = 0; i < count; i++) {
        const rd_kafka_message_t *order = find(&orders, lines[i].partition, lines[i].offset);
        const rd_kafka_message_t *letter;

        assert_non_null(order);
        if (!lines[i].is_dead)
            continue;
        letter = find(&letters, lines[i].dlq_partition, lines[i].dlq_offset);
        assert_non_null(letter);
        assert_int_equal(letter->partition, order->partition);
        assert_same_bytes(letter, order);
        dead++;
    }
    assert_true(letters.count >= dead); /* one whose line was not written is sent again */
    mock_kafka_release(&orders);
    mock_kafka_release(&letters);
    return dead;
}

static void every_record_has_its_line_and_every_broken_one_its_dead_letter(void **state)
{
    struct line *lines = mem_alloc_array(2 * ORDERS, sizeof(*lines));
    struct fixture *f = *state;
    struct tracker t;

    produce_orders(f, 2, 0.2);
    assert_true(f->made_broken > ORDERS / 10);
    begin(f, &t, 0);
    drain(f, &t);
    assert_int_equal(read_journal(f, lines, 2 * ORDERS), ORDERS);
    assert_int_equal(match_dead_letters(f, lines, ORDERS), f->made_broken);
    assert_int_equal(t.consume.metrics.processed, ORDERS - f->made_broken);
    free(lines);
}

static void retries_and_a_restart_in_the_middle_tell_each_record_once(void **state)
{
    struct line *lines = mem_alloc_array(2 * ORDERS, sizeof(*lines));
    struct fixture *f = *state;
    struct tracker t;
    size_t dead;

    produce_orders(f, 3, 0.05);
    begin(f, &t, 0.4);
    MOCK_WAIT(t.consume.metrics.received > ORDERS / 4, turn(f, &t));
    end(&t); /* with whatever it holds, without an orderly stop */
    begin(f, &t, 0.4);
    drain(f, &t);
    assert_int_equal(read_journal(f, lines, 2 * ORDERS), ORDERS);
    dead = match_dead_letters(f, lines, ORDERS);
    /* 0.4 x 0.4 x 0.4 of the good ones as well. */
    assert_true((int64_t)dead > f->made_broken + ORDERS / 100);
    free(lines);
}

static void a_broker_that_goes_and_comes_back_costs_nothing(void **state)
{
    struct line *lines = mem_alloc_array(2 * ORDERS, sizeof(*lines));
    struct fixture *f = *state;
    struct tracker t;
    int64_t until;

    produce_orders(f, 4, 0.2);
    begin(f, &t, 0.3);
    MOCK_WAIT(t.consume.metrics.received > 20, turn(f, &t));
    rd_kafka_mock_broker_set_down(f->kafka.cluster, 1);
    until = clock_mono_ms(clock_system()) + 1500;
    MOCK_WAIT(clock_mono_ms(clock_system()) > until, turn(f, &t));
    rd_kafka_mock_broker_set_up(f->kafka.cluster, 1);
    drain(f, &t);
    assert_int_equal(read_journal(f, lines, 2 * ORDERS), ORDERS);
    free(lines);
}

/* Rights and policies are the system's trouble, whatever they say of the record: it is kept, tried
 * again without an end, and taken when they allow it. */
static void refused_dead_letters_wait_and_go_when_they_are_allowed(void **state)
{
    static const rd_kafka_resp_err_t refusals[] = {RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED,
                                                   RD_KAFKA_RESP_ERR_POLICY_VIOLATION,
                                                   RD_KAFKA_RESP_ERR_INVALID_RECORD};
    struct line *lines = mem_alloc_array(2 * ORDERS, sizeof(*lines));
    struct fixture *f = *state;
    struct tracker t;

    produce_orders(f, 5, 0.2);
    for (size_t i = 0; i < 12; i++)
        rd_kafka_mock_push_request_errors(f->kafka.cluster, MOCK_PRODUCE, 1, refusals[i % 3]);
    begin(f, &t, 0);
    drain(f, &t);
    /* More of them when rights are missing: the client refuses by itself until it has asked
     * anew. */
    assert_true(fake_log_count(&f->log, EVENT_DEAD_LETTER_REFUSED) >= 12);
    assert_int_equal(read_journal(f, lines, 2 * ORDERS), ORDERS);
    assert_int_equal(match_dead_letters(f, lines, ORDERS), f->made_broken);
    free(lines);
}

/* One that has journaled some of its records, and from which more than a jump is to come. */
static struct lane *find_busy(struct tracker *t)
{
    for (size_t i = 0; i < t->consume.lanes.count; i++) {
        struct lane *lane = t->consume.lanes.list[i];

        if (lane->position > 0 && lane->position + JUMP < lane->end)
            return lane;
    }
    return NULL;
}

/* As by a fault of librdkafka's: nothing but the offsets of the records says so. */
static void a_position_that_jumps_is_noticed_and_every_record_has_its_line(void **state)
{
    struct fixture *f = *state;
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    struct line lines[ORDERS] = {0};
    struct tracker t;
    struct lane *lane;

    produce_orders(f, 3, 0);
    begin(f, &t, 0);
    MOCK_WAIT((lane = find_busy(&t)) != NULL, turn(f, &t));
    rd_kafka_topic_partition_list_add(list, "orders", lane->partition)->offset =
        lane->position + JUMP;
    assert_null(rd_kafka_seek_partitions(caught, list, MOCK_PATIENCE_MS));
    assert_int_equal(list->elems[0].err, RD_KAFKA_RESP_ERR_NO_ERROR);
    rd_kafka_topic_partition_list_destroy(list);
    drain(f, &t);
    assert_int_equal(read_journal(f, lines, ORDERS), ORDERS);
    assert_int_equal(fake_log_count(&f->log, EVENT_OFFSETS_JUMPED), 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(every_record_has_its_line_and_every_broken_one_its_dead_letter),
        TEST(retries_and_a_restart_in_the_middle_tell_each_record_once),
        TEST(refused_dead_letters_wait_and_go_when_they_are_allowed),
        TEST(a_broker_that_goes_and_comes_back_costs_nothing),
        TEST(a_position_that_jumps_is_noticed_and_every_record_has_its_line),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
