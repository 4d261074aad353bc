#include "support/source_group.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/mem.h"
#include "base/wake.h"

static void on_assigned(void *ctx, struct assignment *list, size_t count)
{
    struct member *m = ctx;

    for (size_t i = 0; i < count; i++) {
        int32_t p = list[i].partition;

        assert_false(m->is_ours[p]);
        if (list[i].high < 0)
            continue;
        m->is_ours[p] = true;
        list[i].is_reset = m->sets_back && m->start[p] != START_UNKNOWN;
        if (m->start[p] != START_UNKNOWN)
            list[i].start = m->start[p];
        else
            list[i].start = list[i].committed >= 0 ? list[i].committed : list[i].initial;
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
    struct member *m = ctx;

    m->went_back |= offset < m->acknowledged[partition];
    m->acknowledged[partition] = offset;
}

int member_serve_once(struct member *m, struct err *e)
{
    const struct source_events events = {
        .assigned = on_assigned, .revoked = on_revoked, .committed = on_committed, .ctx = m};
    int64_t began_ms = clock_mono_ms(clock_system());
    int rc = m->port.serve(m->port.self, &events, e);
    int64_t took_ms = clock_mono_ms(clock_system()) - began_ms;

    m->longest_ms = took_ms > m->longest_ms ? took_ms : m->longest_ms;
    return rc;
}

void member_serve(struct member *m)
{
    struct err e = {0};

    if (!m->source)
        return;
    if (member_serve_once(m, &e) < 0)
        fail_msg("%s", e.text);
    if (m->is_waiting && !m->keeps_revoked) {
        m->port.release_partitions(m->port.self);
        m->is_waiting = false;
    }
}

void member_open(struct group *f, struct member *m)
{
    struct err e = {0};

    m->log_port = fake_log_port(&m->log);
    m->wake_fd = wake_open();
    for (int p = 0; p < GROUP_PARTITIONS; p++) {
        m->start[p] = START_UNKNOWN;
        m->acknowledged[p] = m->end[p] = -1;
    }
    m->source = kafka_source_open(&(struct kafka_source_options){.cfg = &f->kafka.cfg,
                                                                 .fetch_bytes = 1 << 22,
                                                                 .partitions = GROUP_PARTITIONS,
                                                                 .wake_fd = m->wake_fd,
                                                                 .log = &m->log_port},
                                  &e);
    if (!m->source)
        fail_msg("%s", e.text);
    m->port = kafka_source_port(m->source);
}

void member_close(struct member *m)
{
    if (m->source)
        assert_int_equal(kafka_source_close(m->source, MOCK_PATIENCE_MS), 0);
    m->source = NULL;
}

void member_release(struct member *m)
{
    fake_log_release(&m->log);
    if (m->wake_fd > 0)
        close(m->wake_fd);
    *m = (struct member){0};
}

int group_set_up(void **state)
{
    struct group *f = mem_alloc(sizeof(*f));

    mock_kafka_open(&f->kafka);
    mock_kafka_create(&f->kafka, GROUP_TOPIC, GROUP_PARTITIONS);
    config_set_property(&f->kafka.cfg, "session.timeout.ms", "4000", "test");
    config_set_property(&f->kafka.cfg, "heartbeat.interval.ms", "300", "test");
    config_set_property(&f->kafka.cfg, "fetch.wait.max.ms", "10", "test");
    config_set_property(&f->kafka.cfg, "auto.commit.interval.ms", "100", "test");
    *state = f;
    return 0;
}

int group_tear_down(void **state)
{
    struct group *f = *state;

    member_close(&f->a);
    member_close(&f->b);
    mock_kafka_close(&f->kafka);
    member_release(&f->a);
    member_release(&f->b);
    free(f);
    return 0;
}

int member_count(const struct member *m)
{
    int n = 0;

    for (int p = 0; p < GROUP_PARTITIONS; p++)
        n += m->is_ours[p];
    return n;
}

void member_join(struct member *m)
{
    MOCK_WAIT(member_count(m) == GROUP_PARTITIONS, member_serve(m));
}

void group_write(struct group *f, int32_t partition, int from, int to)
{
    for (int i = from; i < to; i++) {
        char text[16];

        snprintf(text, sizeof(text), "%d", i);
        mock_kafka_write(&f->kafka, GROUP_TOPIC, partition, "key", text, strlen(text), NULL, 0);
    }
}

int member_take(struct member *m, int32_t partition)
{
    struct message message;
    char text[16];
    int n = 0;

    member_serve(m);
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
            assert_string_equal(message.topic, GROUP_TOPIC);
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
