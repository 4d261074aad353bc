#include "io/kafka_sink_conf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/kafka_sent.h"

#define ROOMY_KBYTES      2097151 /* the most that all versions of librdkafka take */
#define ROOMY_KBYTES_TEXT "2097151"
#define ZSTD_LEVEL        "1" /* not 3, its default: orders take 4 % more and less CPU */

static int32_t choose_partition(const rd_kafka_topic_t *topic, const void *key, size_t key_len,
                                int32_t count, void *topic_opaque, void *opaque)
{
    const struct sent *sent = opaque;

    if (sent->record.partition_hint >= 0)
        return sent->record.partition_hint % count;
    return rd_kafka_msg_partitioner_murmur2_random(topic, key, key_len, count, topic_opaque,
                                                   opaque);
}

static int64_t number_of(const rd_kafka_conf_t *conf, const char *name)
{
    char value[32];

    kafka_conf_get(conf, name, value, sizeof(value));
    return strtoll(value, NULL, 10);
}

/* librdkafka would never take a record that is larger than its queue. So the bound is ours to keep:
 * nothing more is taken once it is reached. */
static int take_queue_bytes(rd_kafka_conf_t *conf, size_t *bytes, struct err *e)
{
    const char *name = "queue.buffering.max.kbytes";
    int64_t kbytes = number_of(conf, name);

    *bytes = (size_t)kbytes * 1024;
    return kbytes < ROOMY_KBYTES ? kafka_conf_set(conf, name, ROOMY_KBYTES_TEXT, ERR_RUNTIME, e)
                                 : 0;
}

/* The level means something else to each codec. */
static int choose_level(rd_kafka_conf_t *conf, struct err *e)
{
    char codec[16];

    kafka_conf_get(conf, "compression.type", codec, sizeof(codec));
    if (strcmp(codec, "zstd") != 0 || number_of(conf, "compression.level") != -1)
        return 0;
    return kafka_conf_set(conf, "compression.level", ZSTD_LEVEL, ERR_RUNTIME, e);
}

static int bound_batches(rd_kafka_conf_t *conf, size_t *bytes, struct err *e)
{
    char text[32];
    int64_t configured = number_of(conf, "batch.size");
    int64_t largest = number_of(conf, "message.max.bytes");

    if (*bytes == 0) {
        *bytes = (size_t)(configured < largest ? configured : largest);
        return 0;
    }
    snprintf(text, sizeof(text), "%zu", *bytes);
    return kafka_conf_set(conf, "batch.size", text, ERR_RUNTIME, e);
}

rd_kafka_conf_t *kafka_sink_conf_new(const struct config *cfg,
                                     const struct kafka_sink_options *options,
                                     struct kafka_sink_bounds *bounds, struct err *e)
{
    const struct kafka_property role[] = {
        {.name = "enable.idempotence", .value = "true", .is_fixed = true},
        {.name = "acks", .value = "all", .is_fixed = true},
        {.name = "compression.type", .value = "zstd"},
        {.name = "linger.ms", .value = options->linger_ms},
        {.name = "topic.metadata.propagation.max.ms", .value = options->topic_wait_ms},
        {.name = "allow.auto.create.topics", .value = options->leaves_topics ? "false" : "true"},
        /* The broker being away is no reason to give a record up. */
        {.name = "message.timeout.ms", .value = "0", .is_fixed = true},
        /* Without all reports nobody knows what was acknowledged. */
        {.name = "delivery.report.only.error", .value = "false", .is_fixed = true},
        /* What is too large is the topic's to say: the default would refuse what it takes. */
        {.name = "message.max.bytes", .value = "1000000000"},
        {.name = "queue.buffering.max.messages", .value = "100000"},
        /* What lies in the CPU's cache is sent faster than ten times as much. */
        {.name = "queue.buffering.max.kbytes",
         .value = options->queue_kbytes ? options->queue_kbytes : "16384"},
    };
    rd_kafka_conf_t *conf = kafka_conf_new(cfg, role, sizeof(role) / sizeof(role[0]), e);

    if (!conf)
        return NULL;
    if (take_queue_bytes(conf, &bounds->queue_bytes, e) < 0 ||
        bound_batches(conf, &bounds->batch_bytes, e) < 0 || choose_level(conf, e) < 0) {
        rd_kafka_conf_destroy(conf);
        return NULL;
    }
    rd_kafka_topic_conf_set_partitioner_cb(rd_kafka_conf_get_default_topic_conf(conf),
                                           choose_partition);
    return conf;
}
