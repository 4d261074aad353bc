#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/mem.h"
#include "io/kafka_source.h"
#include "io/wake.h"
#include "support/fake_log.h"
#include "support/mock_kafka.h"

#define TOPIC      "orders"
#define PARTITIONS 4
#define UNKNOWN    (-2)

/* A member of the group that notes what it is told. */
struct member {
    struct kafka_source *source;
    struct source port;
    struct fake_log log;
    struct log log_port;
    int wake_fd;
    bool is_ours[PARTITIONS];
    struct assignment assigned[PARTITIONS]; /* as told last */
    int64_t start[PARTITIONS];              /* to ask for, UNKNOWN: nothing */
    int64_t position[PARTITIONS];           /* next to be fetched */
    int64_t end[PARTITIONS];                /* told by FETCH_END, -1: not yet */
    int64_t acknowledged[PARTITIONS];
    size_t revocations;
    bool sets_back;     /* `start` replaces the group's offset */
    bool keeps_revoked; /* does not release them */
    bool is_waiting;    /* for the release */
    int64_t longest_ms; /* that serve took */
};

struct fixture {
    struct mock_kafka kafka;
    struct member a;
    struct member b;
};

static void on_assigned(void *ctx, struct assignment *list, size_t count)
{
    struct member *m = ctx;

    for (size_t i = 0; i < count; i++) {
        int32_t p = list[i].partition;

        assert_false(m->is_ours[p]);
        if (list[i].high < 0)
            continue;
        m->is_ours[p] = true;
        list[i].is_reset = m->sets_back && m->start[p] != UNKNOWN;
        if (m->start[p] != UNKNOWN)
            list[i].start = m->start[p];
        else if (list[i].committed >= 0)
            list[i].start = list[i].committed;
        m->assigned[p] = list[i];
    }
}

static void on_revoked(void *ctx, const int32_t *partitions, size_t count, bool lost)
{
    struct member *m = ctx;

    (void)lost;
    m->revocations++;
    m->is_waiting = true;
    for (size_t i = 0; i < count; i++)
        m->is_ours[partitions[i]] = false;
}

static void on_committed(void *ctx, int32_t partition, int64_t offset)
{
    ((struct member *)ctx)->acknowledged[partition] = offset;
}

static int serve_once(struct member *m, struct err *e)
{
    const struct source_events events = {
        .assigned = on_assigned, .revoked = on_revoked, .committed = on_committed, .ctx = m};
    int64_t began_ms = clock_mono_ms(clock_system());
    int rc = m->port.serve(m->port.self, &events, e);
    int64_t took_ms = clock_mono_ms(clock_system()) - began_ms;

    m->longest_ms = took_ms > m->longest_ms ? took_ms : m->longest_ms;
    return rc;
}

static void serve(struct member *m)
{
    struct err e = {0};

    if (!m->source)
        return;
    if (serve_once(m, &e) < 0)
        fail_msg("%s", e.text);
    if (m->is_waiting && !m->keeps_revoked) {
        m->port.release_partitions(m->port.self);
        m->is_waiting = false;
    }
}

static void open_member(struct fixture *f, struct member *m)
{
    struct err e = {0};

    m->log_port = fake_log_port(&m->log);
    m->wake_fd = wake_open();
    for (int p = 0; p < PARTITIONS; p++) {
        m->start[p] = UNKNOWN;
        m->acknowledged[p] = m->end[p] = -1;
    }
    m->source = kafka_source_open(&f->kafka.cfg, 1 << 20, m->wake_fd, &m->log_port, &e);
    if (!m->source)
        fail_msg("%s", e.text);
    m->port = kafka_source_port(m->source);
}

static void close_member(struct member *m)
{
    if (m->source)
        assert_int_equal(kafka_source_close(m->source, MOCK_PATIENCE_MS), 0);
    m->source = NULL;
}

static void tear_down_member(struct member *m)
{
    fake_log_release(&m->log);
    if (m->wake_fd > 0)
        close(m->wake_fd);
    *m = (struct member){0};
}

static int set_up(void **state)
{
    struct fixture *f = mem_alloc(sizeof(*f));

    mock_kafka_open(&f->kafka);
    mock_kafka_create(&f->kafka, TOPIC, PARTITIONS);
    config_set_property(&f->kafka.cfg, "session.timeout.ms", "4000", "test");
    config_set_property(&f->kafka.cfg, "heartbeat.interval.ms", "300", "test");
    config_set_property(&f->kafka.cfg, "fetch.wait.max.ms", "10", "test");
    config_set_property(&f->kafka.cfg, "auto.commit.interval.ms", "100", "test");
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    close_member(&f->a);
    close_member(&f->b);
    mock_kafka_close(&f->kafka);
    tear_down_member(&f->a);
    tear_down_member(&f->b);
    free(f);
    return 0;
}

static int count_ours(const struct member *m)
{
    int n = 0;

    for (int p = 0; p < PARTITIONS; p++)
        n += m->is_ours[p];
    return n;
}

static void join(struct member *m)
{
    MOCK_WAIT(count_ours(m) == PARTITIONS, serve(m));
}

static void write_numbers(struct fixture *f, int32_t partition, int from, int to)
{
    for (int i = from; i < to; i++) {
        char text[16];

        snprintf(text, sizeof(text), "%d", i);
        mock_kafka_write(&f->kafka, TOPIC, partition, "key", text, strlen(text), NULL, 0);
    }
}

/* Takes what waits in one partition; each value must be its offset. Returns how many came. */
static int take_numbers(struct member *m, int32_t partition)
{
    struct message message;
    char text[16];
    int n = 0;

    serve(m);
    for (;;) {
        switch (m->port.fetch(m->port.self, partition, &message)) {
        case FETCH_NOTHING:
            return n;
        case FETCH_END:
            m->end[partition] = message.offset;
            break;
        case FETCH_MESSAGE:
            snprintf(text, sizeof(text), "%lld", (long long)message.offset);
            assert_int_equal(message.partition, partition);
            assert_string_equal(message.topic, TOPIC);
            assert_int_equal(message.value_len, strlen(text));
            assert_memory_equal(message.value, text, strlen(text));
            assert_true(message.offset == m->position[partition] || n == 0);
            m->position[partition] = message.offset + 1;
            m->port.release(m->port.self, &message);
            assert_null(message.handle);
            n++;
            break;
        }
    }
}

static void records_come_in_order_up_to_the_end_and_stored_offsets_are_committed(void **state)
{
    struct fixture *f = *state;
    struct member *m = &f->a;

    write_numbers(f, 1, 0, 20);
    write_numbers(f, 2, 0, 3);
    open_member(f, m);
    join(m);
    assert_int_equal(m->assigned[1].committed, -1);
    assert_int_equal(m->assigned[1].low, 0);
    assert_int_equal(m->assigned[1].high, 20);
    assert_int_equal(m->assigned[0].high, 0);
    for (int32_t p = 0; p < PARTITIONS; p++)
        MOCK_WAIT(m->end[p] >= 0, take_numbers(m, p));
    assert_int_equal(m->position[1], 20);
    assert_int_equal(m->end[1], 20);
    assert_int_equal(m->end[2], 3);
    assert_int_equal(m->end[0], 0);
    assert_int_equal(m->port.high_watermark(m->port.self, 1), 20);
    m->port.store(m->port.self, 1, 12);
    MOCK_WAIT(m->acknowledged[1] == 12, serve(m));
    m->port.store(m->port.self, 1, 15);
    m->port.store(m->port.self, 2, 3);
    close_member(m);
    assert_int_equal(mock_kafka_committed(&f->kafka, TOPIC, 1), 15);
    assert_int_equal(mock_kafka_committed(&f->kafka, TOPIC, 2), 3);
    assert_int_equal(mock_kafka_committed(&f->kafka, TOPIC, 0), -1);
}

/* librdkafka reports each commit for all partitions of the assignment. */
static void only_what_was_committed_is_told_as_committed(void **state)
{
    struct fixture *f = *state;
    struct member *m = &f->a;

    write_numbers(f, 1, 0, 20);
    write_numbers(f, 2, 0, 3);
    open_member(f, m);
    join(m);
    m->port.store(m->port.self, 1, 12);
    MOCK_WAIT(m->acknowledged[1] == 12, serve(m));
    m->port.store(m->port.self, 2, 3);
    MOCK_WAIT(m->acknowledged[2] == 3, serve(m));
    assert_int_equal(m->acknowledged[0], -1);
    assert_int_equal(m->acknowledged[1], 12);
    close_member(m);
}

static void what_a_record_holds_arrives_as_it_was(void **state)
{
    const struct header headers[] = {{"a", "1", 1}, {"a", "2\0x", 3}, {"e", "", 0}, {"n", NULL, 0}};
    struct fixture *f = *state;
    struct member *m = &f->a;
    struct message message;
    const struct header *list;

    mock_kafka_write(&f->kafka, TOPIC, 0, "key", "\xff\0{", 3, headers, 4);
    mock_kafka_write(&f->kafka, TOPIC, 0, NULL, NULL, 0, NULL, 0);
    mock_kafka_write(&f->kafka, TOPIC, 0, "", "", 0, NULL, 0);
    open_member(f, m);
    join(m);
    MOCK_WAIT(m->port.fetch(m->port.self, 0, &message) == FETCH_MESSAGE, serve(m));
    assert_int_equal(message.key_len, 3);
    assert_memory_equal(message.key, "key", 3);
    assert_int_equal(message.value_len, 3);
    assert_memory_equal(message.value, "\xff\0{", 3);
    assert_true(message.timestamp_ms > INT64_C(1600000000000));
    assert_int_equal(m->port.headers(m->port.self, &message, &list), 4);
    for (size_t i = 0; i < 4; i++) {
        assert_string_equal(list[i].name, headers[i].name);
        assert_int_equal(list[i].value_len, headers[i].value_len);
        assert_int_equal(list[i].value != NULL, headers[i].value != NULL);
        if (list[i].value_len)
            assert_memory_equal(list[i].value, headers[i].value, headers[i].value_len);
    }
    m->port.release(m->port.self, &message);
    MOCK_WAIT(m->port.fetch(m->port.self, 0, &message) == FETCH_MESSAGE, serve(m));
    assert_null(message.key);
    assert_null(message.value);
    assert_int_equal(m->port.headers(m->port.self, &message, &list), 0);
    m->port.release(m->port.self, &message);
    MOCK_WAIT(m->port.fetch(m->port.self, 0, &message) == FETCH_MESSAGE, serve(m));
    assert_non_null(message.value);
    assert_int_equal(message.value_len, 0);
    m->port.release(m->port.self, &message);
}

static void it_begins_where_it_is_told_and_goes_on_from_what_was_committed(void **state)
{
    struct fixture *f = *state;
    struct member *m = &f->a;

    write_numbers(f, 0, 0, 10);
    write_numbers(f, 1, 0, 10);
    open_member(f, m);
    m->start[0] = 7;
    join(m);
    MOCK_WAIT(m->end[0] >= 0, assert_true(take_numbers(m, 0) <= 3));
    MOCK_WAIT(m->end[1] >= 0, take_numbers(m, 1));
    assert_int_equal(m->position[0], 10);
    assert_int_equal(m->position[1], 10);
    m->port.store(m->port.self, 0, 9);
    m->port.store(m->port.self, 1, 4);
    close_member(m);
    open_member(f, &f->b);
    join(&f->b);
    assert_int_equal(f->b.assigned[0].committed, 9);
    assert_int_equal(f->b.assigned[1].committed, 4);
    MOCK_WAIT(f->b.end[1] >= 0, assert_true(take_numbers(&f->b, 1) <= 6));
    assert_int_equal(f->b.position[1], 10);
}

/* librdkafka would not commit what is lower; and the broker refuses it twice. */
static void an_offset_that_goes_back_is_committed_until_it_is_acknowledged(void **state)
{
    struct fixture *f = *state;

    write_numbers(f, 0, 0, 10);
    open_member(f, &f->a);
    join(&f->a);
    f->a.port.store(f->a.port.self, 0, 9);
    close_member(&f->a);
    open_member(f, &f->b);
    f->b.start[0] = 2;
    f->b.sets_back = true;
    for (int i = 0; i < 2; i++)
        mock_kafka_delay(&f->kafka, MOCK_OFFSET_COMMIT, 0, RD_KAFKA_RESP_ERR_INVALID_GROUP_ID);
    join(&f->b);
    assert_int_equal(f->b.assigned[0].committed, 9);
    MOCK_WAIT(f->b.acknowledged[0] == 2, serve(&f->b));
    assert_int_equal(mock_kafka_committed(&f->kafka, TOPIC, 0), 2);
    f->b.port.store(f->b.port.self, 0, 4);
    MOCK_WAIT(f->b.acknowledged[0] == 4, serve(&f->b));
}

/* The partitions are shared when a second member comes, and all ours again when it has gone. What
 * was stored before a partition was given back is where its next owner begins. */
static void two_members_share_the_partitions(void **state)
{
    struct fixture *f = *state;

    for (int32_t p = 0; p < PARTITIONS; p++)
        write_numbers(f, p, 0, 5);
    open_member(f, &f->a);
    join(&f->a);
    for (int32_t p = 0; p < PARTITIONS; p++) {
        MOCK_WAIT(f->a.end[p] >= 0, take_numbers(&f->a, p));
        f->a.port.store(f->a.port.self, p, 3);
    }
    for (int32_t p = 0; p < PARTITIONS; p++)
        MOCK_WAIT(f->a.acknowledged[p] == 3, serve(&f->a));
    open_member(f, &f->b);
    MOCK_WAIT(count_ours(&f->a) == 2 && count_ours(&f->b) == 2, {
        serve(&f->a);
        serve(&f->b);
    });
    assert_true(f->a.revocations > 0);
    for (int32_t p = 0; p < PARTITIONS; p++) {
        assert_true(f->a.is_ours[p] != f->b.is_ours[p]);
        if (f->b.is_ours[p])
            assert_int_equal(f->b.assigned[p].committed, 3);
        else /* not ours any more: nothing happens */
            f->b.port.store(f->b.port.self, p, 1);
    }
    close_member(&f->b);
    join(&f->a);
    for (int32_t p = 0; p < PARTITIONS; p++)
        assert_int_equal(f->a.assigned[p].committed, 3);
}

/* `a` has all partitions and keeps them, `b` waits for its share. */
static void begin_revoking(struct fixture *f)
{
    write_numbers(f, 0, 0, 5);
    open_member(f, &f->a);
    join(&f->a);
    f->a.keeps_revoked = true;
    open_member(f, &f->b);
    MOCK_WAIT(f->a.is_waiting, {
        serve(&f->a);
        serve(&f->b);
    });
}

static void a_revocation_waits_until_the_partitions_are_released(void **state)
{
    struct fixture *f = *state;

    begin_revoking(f);
    /* Still allowed until the release. */
    f->a.port.store(f->a.port.self, 0, 2);
    for (int i = 0; i < 100; i++) {
        serve(&f->a);
        serve(&f->b);
        assert_int_equal(count_ours(&f->b), 0);
        usleep(1000);
    }
    f->a.keeps_revoked = false;
    MOCK_WAIT(count_ours(&f->a) == 2 && count_ours(&f->b) == 2, {
        serve(&f->a);
        serve(&f->b);
    });
}

static void a_close_in_the_middle_of_a_revocation_ends_it(void **state)
{
    struct fixture *f = *state;

    begin_revoking(f);
    f->a.port.store(f->a.port.self, 0, 2);
    assert_int_equal(kafka_source_close(f->a.source, 15000), 0);
    f->a.source = NULL;
}

static void a_missing_broker_is_told_once_and_it_goes_on_by_itself(void **state)
{
    struct fixture *f = *state;
    struct member *m = &f->a;

    write_numbers(f, 0, 0, 5);
    open_member(f, m);
    join(m);
    MOCK_WAIT(m->end[0] == 5, take_numbers(m, 0));
    rd_kafka_mock_broker_set_down(f->kafka.cluster, 1);
    MOCK_WAIT(fake_log_count(&m->log, "Kafka is away, trying until it is back") == 1,
              take_numbers(m, 0));
    for (int i = 0; i < 500; i++) {
        take_numbers(m, 0);
        usleep(2000);
    }
    rd_kafka_mock_broker_set_up(f->kafka.cluster, 1);
    write_numbers(f, 0, 5, 8);
    MOCK_WAIT(m->position[0] == 8, {
        serve(m);
        if (m->is_ours[0])
            take_numbers(m, 0);
    });
    MOCK_WAIT(fake_log_count(&m->log, "Kafka is back") == 1, serve(m));
    assert_int_equal(fake_log_count(&m->log, "Kafka is away, trying until it is back"), 1);
}

static void errors_of_fetching_lose_nothing(void **state)
{
    struct fixture *f = *state;
    struct member *m = &f->a;

    open_member(f, m);
    join(m);
    rd_kafka_mock_push_request_errors(
        f->kafka.cluster, MOCK_FETCH, 4, RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION,
        RD_KAFKA_RESP_ERR__TRANSPORT, RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART,
        RD_KAFKA_RESP_ERR_UNKNOWN);
    write_numbers(f, 0, 0, 10);
    MOCK_WAIT(m->position[0] == 10, take_numbers(m, 0));
}

/* Takes what waits in all partitions that are ours, and counts it. */
static void take_all(struct member *m, int taken[PARTITIONS])
{
    struct message message;

    serve(m);
    for (int32_t p = 0; p < PARTITIONS; p++)
        if (m->is_ours[p])
            taken[p] += take_numbers(m, p);
        else
            assert_int_equal(m->port.fetch(m->port.self, p, &message), FETCH_NOTHING);
}

static void read_with_a_partition_without_a_leader(struct fixture *f)
{
    struct member *m = &f->a;
    int taken[PARTITIONS] = {0};

    for (int32_t p = 0; p < PARTITIONS; p++)
        write_numbers(f, p, 0, 5);
    rd_kafka_mock_partition_set_leader(f->kafka.cluster, TOPIC, 2, -1);
    open_member(f, m);
    MOCK_WAIT(taken[0] == 5 && taken[1] == 5 && taken[3] == 5, take_all(m, taken));
    assert_int_equal(count_ours(m), PARTITIONS - 1);
    write_numbers(f, 0, 5, 8);
    MOCK_WAIT(taken[0] == 8, take_all(m, taken));
    MOCK_WAIT(fake_log_count(&m->log, "the broker does not tell where the partitions stand, "
                                      "asking again") > 2,
              take_all(m, taken));
    m->port.store(m->port.self, 1, 4);
    rd_kafka_mock_partition_set_leader(f->kafka.cluster, TOPIC, 2, 1);
    write_numbers(f, 2, 5, 7);
    MOCK_WAIT(taken[2] == 7, take_all(m, taken));
    for (int32_t p = 0; p < PARTITIONS; p++)
        write_numbers(f, p, (int)m->position[p], 10);
    MOCK_WAIT(taken[0] == 10 && taken[1] == 10 && taken[2] == 10 && taken[3] == 10,
              take_all(m, taken));
    for (int32_t p = 0; p < PARTITIONS; p++) {
        assert_int_equal(m->position[p], 10);
        m->port.store(m->port.self, p, 10);
    }
    close_member(m);
    for (int32_t p = 0; p < PARTITIONS; p++)
        assert_int_equal(mock_kafka_committed(&f->kafka, TOPIC, p), 10);
}

static void a_partition_without_a_leader_holds_no_other_up_and_begins_when_it_has_one(void **state)
{
    read_with_a_partition_without_a_leader(*state);
}

static void so_it_does_when_partitions_come_and_go_one_by_one(void **state)
{
    struct fixture *f = *state;

    config_set_property(&f->kafka.cfg, "partition.assignment.strategy", "cooperative-sticky",
                        "test");
    read_with_a_partition_without_a_leader(f);
}

static void a_partition_without_a_leader_can_be_given_back(void **state)
{
    struct fixture *f = *state;

    config_set_property(&f->kafka.cfg, "partition.assignment.strategy", "cooperative-sticky",
                        "test");
    rd_kafka_mock_partition_set_leader(f->kafka.cluster, TOPIC, 2, -1);
    open_member(f, &f->a);
    MOCK_WAIT(count_ours(&f->a) == PARTITIONS - 1, serve(&f->a));
    close_member(&f->a);
    assert_int_equal(fake_log_count(&f->a.log, "unassignment refused"), 0);
}

static void a_slow_connection_does_not_hold_a_turn_up(void **state)
{
    struct fixture *f = *state;

    for (int32_t p = 0; p < PARTITIONS; p++)
        write_numbers(f, p, 0, p + 1);
    rd_kafka_mock_broker_set_rtt(f->kafka.cluster, 1, 600);
    open_member(f, &f->a);
    join(&f->a);
    assert_in_range(f->a.longest_ms, 0, MOCK_TURN_MS);
    for (int32_t p = 0; p < PARTITIONS; p++)
        assert_int_equal(f->a.assigned[p].high, p + 1);
    rd_kafka_mock_broker_set_rtt(f->kafka.cluster, 1, 0);
}

/* Leaves the member with a question that the broker never answers. */
static void ask_in_vain(struct fixture *f, struct member *m)
{
    int64_t until_ms;

    config_set_property(&f->kafka.cfg, "socket.timeout.ms", "8000", "test");
    mock_kafka_ignore(&f->kafka, MOCK_LIST_OFFSETS, 2);
    open_member(f, m);
    MOCK_WAIT(fake_log_count(&m->log,
                             "the broker does not tell where the partitions stand, asking again"),
              serve(m));
    until_ms = clock_mono_ms(clock_system()) + 1000;
    MOCK_WAIT(clock_mono_ms(clock_system()) > until_ms, serve(m));
    assert_int_equal(count_ours(m), 0);
}

static void a_question_without_an_answer_holds_no_turn_up_and_is_asked_again(void **state)
{
    struct fixture *f = *state;
    struct member *m = &f->a;

    write_numbers(f, 0, 0, 7);
    ask_in_vain(f, m);
    join(m);
    assert_int_equal(m->assigned[0].high, 7);
    MOCK_WAIT(m->end[0] == 7, take_numbers(m, 0));
    assert_in_range(m->longest_ms, 0, MOCK_TURN_MS);
}

static void a_stop_while_a_question_is_open_ends_in_time(void **state)
{
    static const char *const assignors[] = {"range", "cooperative-sticky"};
    struct fixture *f = *state;
    struct member *m = &f->a;

    for (size_t i = 0; i < sizeof(assignors) / sizeof(assignors[0]); i++) {
        int64_t began_ms;

        config_set_property(&f->kafka.cfg, "partition.assignment.strategy", assignors[i], "test");
        ask_in_vain(f, m);
        began_ms = clock_mono_ms(clock_system());
        assert_int_equal(kafka_source_close(m->source, 2000), 0);
        m->source = NULL;
        assert_in_range(clock_mono_ms(clock_system()) - began_ms, 0, 20000);
        assert_in_range(m->longest_ms, 0, MOCK_TURN_MS);
        tear_down_member(m);
    }
}

static void a_member_that_comes_while_a_question_is_open_gets_its_share(void **state)
{
    struct fixture *f = *state;

    ask_in_vain(f, &f->a);
    open_member(f, &f->b);
    MOCK_WAIT(count_ours(&f->a) == 2 && count_ours(&f->b) == 2, {
        serve(&f->a);
        serve(&f->b);
    });
    assert_in_range(f->a.longest_ms, 0, MOCK_TURN_MS);
    assert_in_range(f->b.longest_ms, 0, MOCK_TURN_MS);
}

static void what_only_other_settings_help_is_for_good(void **state)
{
    struct fixture *f = *state;
    struct member *m = &f->a;
    struct message message;
    struct err e = {0};

    rd_kafka_mock_push_request_errors(f->kafka.cluster, MOCK_JOIN_GROUP, 1,
                                      RD_KAFKA_RESP_ERR_INVALID_SESSION_TIMEOUT);
    open_member(f, m);
    MOCK_WAIT(serve_once(m, &e) < 0, (void)0);
    assert_non_null(strstr(e.text, "Invalid session timeout"));
    close_member(m);
    tear_down_member(m);
    config_set_property(&f->kafka.cfg, "auto.offset.reset", "error", "test");
    write_numbers(f, 1, 0, 1);
    open_member(f, m);
    MOCK_WAIT(serve_once(m, &e) < 0,
              assert_int_equal(m->port.fetch(m->port.self, 1, &message), FETCH_NOTHING));
    assert_non_null(strstr(e.text, TOPIC "/1: "));
}

static void what_may_pass_is_told_once_and_tried_again(void **state)
{
    struct fixture *f = *state;
    struct member *m = &f->a;
    struct err trouble;

    rd_kafka_mock_push_request_errors(
        f->kafka.cluster, MOCK_JOIN_GROUP, 3, RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED,
        RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED, RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED);
    open_member(f, m);
    MOCK_WAIT(kafka_source_take_trouble(m->source, &trouble), serve(m));
    assert_non_null(strstr(trouble.text, "Group authorization failed"));
    join(m);
    assert_int_equal(fake_log_count(&m->log, "Kafka consumer reports"), 3);
    assert_false(kafka_source_take_trouble(m->source, &trouble));
}

static void however_much_memory_is_allowed_it_opens(void **state)
{
    struct fixture *f = *state;
    struct err e = {0};

    f->a.log_port = fake_log_port(&f->a.log);
    f->a.source = kafka_source_open(&f->kafka.cfg, (size_t)1 << 40, -1, &f->a.log_port, &e);
    if (!f->a.source)
        fail_msg("%s", e.text);
}

static void the_loop_is_woken_when_records_come(void **state)
{
    struct fixture *f = *state;
    struct member *m = &f->a;
    struct pollfd p;

    open_member(f, m);
    p = (struct pollfd){.fd = m->wake_fd, .events = POLLIN};
    while (count_ours(m) < PARTITIONS) {
        assert_int_equal(poll(&p, 1, MOCK_PATIENCE_MS), 1);
        wake_wait(m->wake_fd, 0);
        serve(m);
    }
    for (int32_t i = 0; i < PARTITIONS; i++)
        MOCK_WAIT(m->end[i] == 0, take_numbers(m, i));
    wake_wait(m->wake_fd, 0);
    write_numbers(f, 2, 0, 1);
    while (take_numbers(m, 2) == 0) {
        assert_int_equal(poll(&p, 1, MOCK_PATIENCE_MS), 1);
        wake_wait(m->wake_fd, 0);
    }
}

/* It accepts and never answers; a plain close would hang for ever. */
static void a_broker_that_does_not_answer_does_not_hold_the_close_up(void **state)
{
    struct fixture *f = *state;
    struct member *m = &f->a;
    int64_t began;

    write_numbers(f, 0, 0, 5);
    open_member(f, m);
    join(m);
    MOCK_WAIT(m->end[0] == 5, take_numbers(m, 0));
    mock_kafka_answer(&f->kafka, false);
    m->port.store(m->port.self, 0, 5);
    began = clock_mono_ms(clock_system());
    assert_int_equal(kafka_source_close(m->source, 1000), -1);
    m->source = NULL;
    assert_true(clock_mono_ms(clock_system()) - began < MOCK_PATIENCE_MS / 4);
    mock_kafka_answer(&f->kafka, true);
}

static void what_the_promise_rests_on_cannot_be_set_otherwise(void **state)
{
    static const char *const names[][2] = {{"enable.auto.offset.store", "true"},
                                           {"enable.auto.commit", "false"},
                                           {"enable.partition.eof", "false"},
                                           {"no.such.property", "1"}};
    struct fixture *f = *state;

    f->a.log_port = fake_log_port(&f->a.log);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct config cfg = {0};
        struct err e = {0};

        config_init(&cfg);
        config_set_property(&cfg, names[i][0], names[i][1], "flag -X");
        assert_null(kafka_source_open(&cfg, 1 << 20, -1, &f->a.log_port, &e));
        assert_int_equal(err_exit_status(&e), 2);
        assert_non_null(strstr(e.text, names[i][0]));
        config_release(&cfg);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(records_come_in_order_up_to_the_end_and_stored_offsets_are_committed),
        TEST(only_what_was_committed_is_told_as_committed),
        TEST(what_a_record_holds_arrives_as_it_was),
        TEST(it_begins_where_it_is_told_and_goes_on_from_what_was_committed),
        TEST(an_offset_that_goes_back_is_committed_until_it_is_acknowledged),
        TEST(two_members_share_the_partitions),
        TEST(a_revocation_waits_until_the_partitions_are_released),
        TEST(a_close_in_the_middle_of_a_revocation_ends_it),
        TEST(a_missing_broker_is_told_once_and_it_goes_on_by_itself),
        TEST(errors_of_fetching_lose_nothing),
        TEST(a_partition_without_a_leader_holds_no_other_up_and_begins_when_it_has_one),
        TEST(so_it_does_when_partitions_come_and_go_one_by_one),
        TEST(a_partition_without_a_leader_can_be_given_back),
        TEST(a_slow_connection_does_not_hold_a_turn_up),
        TEST(a_question_without_an_answer_holds_no_turn_up_and_is_asked_again),
        TEST(a_stop_while_a_question_is_open_ends_in_time),
        TEST(a_member_that_comes_while_a_question_is_open_gets_its_share),
        TEST(what_only_other_settings_help_is_for_good),
        TEST(what_may_pass_is_told_once_and_tried_again),
        TEST(however_much_memory_is_allowed_it_opens),
        TEST(the_loop_is_woken_when_records_come),
        TEST(a_broker_that_does_not_answer_does_not_hold_the_close_up),
        TEST(what_the_promise_rests_on_cannot_be_set_otherwise),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
