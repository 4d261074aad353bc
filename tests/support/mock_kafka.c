#include "support/mock_kafka.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/mem.h"

static rd_kafka_t *client(rd_kafka_type_t type, const char *const *properties)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    char why[512];
    rd_kafka_t *rk;

    rd_kafka_conf_set(conf, "log_level", "3", why, sizeof(why));
    for (; properties && *properties; properties += 2)
        assert_int_equal(rd_kafka_conf_set(conf, properties[0], properties[1], why, sizeof(why)),
                         0);
    rk = rd_kafka_new(type, conf, why, sizeof(why));
    if (!rk)
        fail_msg("%s", why);
    return rk;
}

void mock_kafka_set(struct mock_kafka *m, const char *key, const char *value)
{
    struct err e = {0};

    if (config_set(&m->cfg, key, value, "test", &e) < 0)
        fail_msg("%s", e.text);
}

void mock_kafka_open(struct mock_kafka *m)
{
    m->rk = client(RD_KAFKA_PRODUCER, NULL);
    m->cluster = rd_kafka_mock_cluster_new(m->rk, 1);
    assert_non_null(m->cluster);
    config_init(&m->cfg);
    mock_kafka_set(m, "kafka.broker", rd_kafka_mock_cluster_bootstraps(m->cluster));
    mock_kafka_set(m, "kafka.consumer_group", "group");
}

static void close_writer(struct mock_kafka *m)
{
    if (m->writer)
        rd_kafka_destroy(m->writer);
    m->writer = NULL;
}

void mock_kafka_close(struct mock_kafka *m)
{
    close_writer(m);
    rd_kafka_mock_cluster_destroy(m->cluster);
    rd_kafka_destroy(m->rk);
    config_release(&m->cfg);
}

void mock_kafka_create(struct mock_kafka *m, const char *topic, int partitions)
{
    assert_int_equal(rd_kafka_mock_topic_create(m->cluster, topic, partitions, 1), 0);
}

#define NEVER_MS 3600000

void mock_kafka_delay(struct mock_kafka *m, int16_t api_key, int delay_ms, rd_kafka_resp_err_t err)
{
    assert_int_equal(
        rd_kafka_mock_broker_push_request_error_rtts(m->cluster, 1, api_key, 1, err, delay_ms), 0);
}

void mock_kafka_ignore(struct mock_kafka *m, int16_t api_key, int count)
{
    for (int i = 0; i < count; i++)
        mock_kafka_delay(m, api_key, NEVER_MS, RD_KAFKA_RESP_ERR_NO_ERROR);
}

void mock_kafka_answer(struct mock_kafka *m, bool does)
{
    close_writer(m);
    rd_kafka_mock_broker_set_rtt(m->cluster, 1, does ? 0 : NEVER_MS);
}

void mock_kafka_write(struct mock_kafka *m, const char *topic, int32_t partition, const char *key,
                      const char *value, size_t value_len, const struct header *headers,
                      size_t header_count)
{
    const char *const properties[] = {"bootstrap.servers", m->cfg.kafka.broker, "log_level", "0",
                                      NULL};
    rd_kafka_headers_t *list = rd_kafka_headers_new(header_count);

    if (!m->writer)
        m->writer = client(RD_KAFKA_PRODUCER, properties);
    for (size_t i = 0; i < header_count; i++)
        rd_kafka_header_add(list, headers[i].name, -1, headers[i].value,
                            (ssize_t)headers[i].value_len);
    assert_int_equal(rd_kafka_producev(m->writer, RD_KAFKA_V_TOPIC(topic),
                                       RD_KAFKA_V_PARTITION(partition),
                                       RD_KAFKA_V_KEY(key, key ? strlen(key) : 0),
                                       RD_KAFKA_V_VALUE((void *)(uintptr_t)value, value_len),
                                       RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
                                       RD_KAFKA_V_HEADERS(list), RD_KAFKA_V_END),
                     0);
    assert_int_equal(rd_kafka_flush(m->writer, MOCK_PATIENCE_MS), 0);
}

struct mock_records mock_kafka_read(struct mock_kafka *m, const char *topic, int partitions)
{
    const char *const properties[] = {"bootstrap.servers",
                                      m->cfg.kafka.broker,
                                      "group.id",
                                      "reader",
                                      "enable.partition.eof",
                                      "true",
                                      "auto.offset.reset",
                                      "earliest",
                                      "fetch.wait.max.ms",
                                      "10",
                                      NULL};
    rd_kafka_t *rk = client(RD_KAFKA_CONSUMER, properties);
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(partitions);
    struct mock_records records = {0};

    for (int32_t p = 0; p < partitions; p++)
        rd_kafka_topic_partition_list_add(list, topic, p)->offset = 0;
    rd_kafka_assign(rk, list);
    rd_kafka_topic_partition_list_destroy(list);
    for (int ends = 0; ends < partitions;) {
        rd_kafka_message_t *r = rd_kafka_consumer_poll(rk, MOCK_PATIENCE_MS);

        assert_non_null(r);
        if (r->err) {
            assert_int_equal(r->err, RD_KAFKA_RESP_ERR__PARTITION_EOF);
            rd_kafka_message_destroy(r);
            ends++;
            continue;
        }
        records.list =
            mem_realloc_array(records.list, records.count + 1, sizeof(rd_kafka_message_t *));
        records.list[records.count++] = r;
    }
    /* The client must outlive its messages: kept behind the list, see mock_kafka_release. */
    records.list = mem_realloc_array(records.list, records.count + 1, sizeof(rd_kafka_message_t *));
    records.list[records.count] = (rd_kafka_message_t *)(void *)rk;
    return records;
}

void mock_kafka_release(struct mock_records *records)
{
    rd_kafka_t *rk = (rd_kafka_t *)(void *)records->list[records->count];

    for (size_t i = 0; i < records->count; i++)
        rd_kafka_message_destroy(records->list[i]);
    rd_kafka_consumer_close(rk);
    rd_kafka_destroy(rk);
    free(records->list);
}

int64_t mock_kafka_committed(struct mock_kafka *m, const char *topic, int32_t partition)
{
    const char *const properties[] = {"bootstrap.servers", m->cfg.kafka.broker, "group.id",
                                      m->cfg.kafka.consumer_group, NULL};
    rd_kafka_t *rk = client(RD_KAFKA_CONSUMER, properties);
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    int64_t offset;

    rd_kafka_topic_partition_list_add(list, topic, partition);
    assert_int_equal(rd_kafka_committed(rk, list, MOCK_PATIENCE_MS), 0);
    offset = list->elems[0].offset;
    rd_kafka_topic_partition_list_destroy(list);
    rd_kafka_destroy(rk);
    return offset < 0 ? -1 : offset;
}
