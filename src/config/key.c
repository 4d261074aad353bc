#include "config/key.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "config/suggest.h"
#include "config/value.h"

enum {
    SECOND_MS = 1000,
    MINUTE_MS = 60 * SECOND_MS,
    HOUR_MS = 60 * MINUTE_MS,
    DAY_MS = 24 * HOUR_MS,
    DAY_SECONDS = DAY_MS / SECOND_MS,
    PATH_LONGEST = 4095,
    SECTION_SIZE = 32,
    MESSAGE_LARGEST = 1000000000, /* the upper bound of librdkafka's message.max.bytes */
};

#define BUFFERED_LARGEST (INT64_C(1) << 40)

/* clang-format off */
#define FIELD(member) .offset = offsetof(struct config, member)
#define RANGE(lo, hi) .min = (lo), .max = (hi)
#define CHOICES(...)  .choices = {__VA_ARGS__}
/* clang-format on */

static const struct key keys[] = {
    {.name = "app.env",
     .env = "APP_ENV",
     .type = KEY_TEXT,
     .value = "development",
     RANGE(1, 64),
     FIELD(app.env),
     .help = "free label put into log lines"},
    {.name = "app.log_level",
     .env = "APP_LOG_LEVEL",
     .other_env = "LOG_LEVEL",
     .type = KEY_CHOICE,
     .value = "info",
     CHOICES("debug", "info", "warn", "error"),
     FIELD(app.log_level),
     .help = "the least important level that is still logged"},

    {.name = "kafka.broker",
     .env = "KAFKA_BROKER",
     .type = KEY_BROKERS,
     .value = "localhost:9092",
     FIELD(kafka.broker),
     .help = "bootstrap servers, comma-separated"},
    {.name = "kafka.topic",
     .env = "KAFKA_TOPIC",
     .type = KEY_TOPIC,
     .value = "orders",
     FIELD(kafka.topic),
     .help = "topic that orders are sent to and read from"},
    {.name = "kafka.consumer_group",
     .env = "KAFKA_CONSUMER_GROUP",
     .type = KEY_TEXT,
     .value = "order-tracker-group",
     RANGE(1, 249),
     FIELD(kafka.consumer_group),
     .help = "group that the tracker joins; its offsets are kept under this name"},
    {.name = "kafka.create_topics",
     .env = "KAFKA_CREATE_TOPICS",
     .type = KEY_BOOL,
     .value = "true",
     FIELD(kafka.create_topics),
     .help = "create missing topics at start"},
    {.name = "kafka.partitions",
     .env = "KAFKA_PARTITIONS",
     .type = KEY_INT,
     .value = "1",
     RANGE(1, 10000),
     FIELD(kafka.partitions),
     .help = "partitions of a topic that we create"},
    {.name = "kafka.replication_factor",
     .env = "KAFKA_REPLICATION_FACTOR",
     .type = KEY_INT,
     .value = "1",
     RANGE(1, 100),
     FIELD(kafka.replication_factor),
     .help = "replicas of each partition of a topic that we create"},
    {.name = "kafka.properties",
     .type = KEY_MAP,
     .value = "{}",
     .help = "pairs of name: value, handed to every librdkafka client as they are (TLS, SASL, "
             "sockets)"},

    {.name = "producer.interval_ms",
     .env = "PRODUCER_INTERVAL_MS",
     .type = KEY_INT,
     .value = "2000",
     RANGE(0, DAY_MS),
     FIELD(producer.interval_ms),
     .help = "milliseconds between two orders; 0 = no pause"},
    {.name = "producer.flush_timeout_ms",
     .env = "PRODUCER_FLUSH_TIMEOUT_MS",
     .type = KEY_INT,
     .value = "5000",
     RANGE(0, HOUR_MS),
     FIELD(producer.flush_timeout_ms),
     .help = "at stop, how long to wait for acknowledgements"},
    {.name = "producer.invalid_rate",
     .env = "PRODUCER_INVALID_RATE",
     .type = KEY_NUMBER,
     .value = "0",
     RANGE(0, 1),
     FIELD(producer.invalid_rate),
     .help = "share of orders that is deliberately broken"},

    {.name = "tracker.log_file",
     .env = "TRACKER_LOG_FILE",
     .type = KEY_TEXT,
     .value = "tracker.log",
     RANGE(1, PATH_LONGEST),
     FIELD(tracker.log_file),
     .help = "technical log, JSON Lines"},
    {.name = "tracker.events_file",
     .env = "TRACKER_EVENTS_FILE",
     .type = KEY_TEXT,
     .value = "tracker.events",
     RANGE(1, PATH_LONGEST),
     FIELD(tracker.events_file),
     .help = "audit journal, JSON Lines"},
    {.name = "tracker.metrics_interval_seconds",
     .env = "TRACKER_METRICS_INTERVAL_SECONDS",
     .type = KEY_INT,
     .value = "10",
     RANGE(1, DAY_SECONDS),
     FIELD(tracker.metrics_interval_seconds),
     .help = "seconds between two lines of periodic metrics in the log"},
    {.name = "tracker.fsync",
     .env = "TRACKER_FSYNC",
     .type = KEY_CHOICE,
     .value = "group",
     CHOICES("group", "always", "never"),
     FIELD(tracker.fsync),
     .help = "when journal lines are forced to the disk: many at once, each, or never"},
    {.name = "tracker.fsync_interval_ms",
     .env = "TRACKER_FSYNC_INTERVAL_MS",
     .type = KEY_INT,
     .value = "200",
     RANGE(1, MINUTE_MS),
     FIELD(tracker.fsync_interval_ms),
     .help = "longest time a journal line waits for its fsync under group"},
    {.name = "tracker.drain_timeout_ms",
     .env = "TRACKER_DRAIN_TIMEOUT_MS",
     .type = KEY_INT,
     .value = "10000",
     RANGE(0, HOUR_MS),
     FIELD(tracker.drain_timeout_ms),
     .help = "at stop, how long to go on with what was already read"},
    {.name = "tracker.max_message_bytes",
     .env = "TRACKER_MAX_MESSAGE_BYTES",
     .type = KEY_INT,
     .value = "1048576",
     RANGE(1, MESSAGE_LARGEST),
     FIELD(tracker.max_message_bytes),
     .help = "larger messages are dead-lettered unread"},
    {.name = "tracker.max_buffered_bytes",
     .env = "TRACKER_MAX_BUFFERED_BYTES",
     .type = KEY_INT,
     .value = "67108864",
     RANGE(1, BUFFERED_LARGEST),
     FIELD(tracker.max_buffered_bytes),
     .help = "messages and journal lines in memory, all together; then reading waits"},
    {.name = "tracker.events_payload",
     .env = "TRACKER_EVENTS_PAYLOAD",
     .type = KEY_CHOICE,
     .value = "both",
     CHOICES("both", "raw", "failures"),
     FIELD(tracker.events_payload),
     .help = "journal: raw_message and order_full, no order_full, or payloads of failures only"},

    {.name = "retry.max_attempts",
     .env = "RETRY_MAX_ATTEMPTS",
     .type = KEY_INT,
     .value = "3",
     RANGE(1, 100),
     FIELD(retry.max_attempts),
     .help = "attempts for one order, the first included"},
    {.name = "retry.initial_delay_ms",
     .env = "RETRY_INITIAL_DELAY_MS",
     .type = KEY_INT,
     .value = "100",
     RANGE(0, HOUR_MS),
     FIELD(retry.initial_delay_ms),
     .help = "delay before the second attempt"},
    {.name = "retry.max_delay_ms",
     .env = "RETRY_MAX_DELAY_MS",
     .type = KEY_INT,
     .value = "5000",
     RANGE(0, HOUR_MS),
     FIELD(retry.max_delay_ms),
     .help = "longest delay, applied after the jitter"},
    {.name = "retry.multiplier",
     .env = "RETRY_MULTIPLIER",
     .type = KEY_NUMBER,
     .value = "2.0",
     RANGE(1, 100),
     FIELD(retry.multiplier),
     .help = "each delay is this many times the one before"},
    {.name = "retry.jitter",
     .env = "RETRY_JITTER",
     .type = KEY_CHOICE,
     .value = "equal",
     CHOICES("equal", "full", "proportional", "decorrelated", "none"),
     FIELD(retry.jitter),
     .help = "how delays are spread at random; proportional is +-25 %"},
    {.name = "retry.max_elapsed_ms",
     .env = "RETRY_MAX_ELAPSED_MS",
     .type = KEY_INT,
     .value = "0",
     RANGE(0, DAY_MS),
     FIELD(retry.max_elapsed_ms),
     .help = "longest time for all attempts together; 0 = no limit beside the attempts"},

    {.name = "dlq.enabled",
     .env = "DLQ_ENABLED",
     .type = KEY_BOOL,
     .value = "true",
     FIELD(dlq.enabled),
     .help = "send what cannot be processed to the dead letter topic"},
    {.name = "dlq.topic",
     .env = "DLQ_TOPIC",
     .type = KEY_TOPIC,
     .value = "orders-dlq",
     FIELD(dlq.topic),
     .help = "the dead letter topic"},
    {.name = "dlq.on_disabled",
     .env = "DLQ_ON_DISABLED",
     .type = KEY_CHOICE,
     .value = "skip",
     CHOICES("skip", "halt"),
     FIELD(dlq.on_disabled),
     .help = "without dead letters: skip (the journal keeps the bytes) or halt"},

    {.name = "simulate.transient_rate",
     .env = "SIMULATE_TRANSIENT_RATE",
     .type = KEY_NUMBER,
     .value = "0",
     RANGE(0, 1),
     FIELD(simulate.transient_rate),
     .help = "share of attempts that fail for a while: shows retries at work"},
    {.name = "simulate.permanent_rate",
     .env = "SIMULATE_PERMANENT_RATE",
     .type = KEY_NUMBER,
     .value = "0",
     RANGE(0, 1),
     FIELD(simulate.permanent_rate),
     .help = "share of orders whose processing fails for good"},
    {.name = "simulate.latency_ms",
     .env = "SIMULATE_LATENCY_MS",
     .type = KEY_INT,
     .value = "0",
     RANGE(0, HOUR_MS),
     FIELD(simulate.latency_ms),
     .help = "time that one processing attempt takes"},

    {.name = "monitor.events_file",
     .env = "MONITOR_EVENTS_FILE",
     .type = KEY_TEXT,
     .value = "",
     RANGE(0, PATH_LONGEST),
     FIELD(monitor.events_file),
     .follows = "tracker.events_file",
     .help = "journal to show; empty = tracker.events_file"},
    {.name = "monitor.log_file",
     .env = "MONITOR_LOG_FILE",
     .type = KEY_TEXT,
     .value = "",
     RANGE(0, PATH_LONGEST),
     FIELD(monitor.log_file),
     .follows = "tracker.log_file",
     .help = "log to show; empty = tracker.log_file"},
    {.name = "monitor.ui_update_ms",
     .env = "MONITOR_UI_UPDATE_MS",
     .type = KEY_INT,
     .value = "250",
     RANGE(20, MINUTE_MS),
     FIELD(monitor.ui_update_ms),
     .help = "milliseconds between two drawings of the screen"},
    {.name = "monitor.max_recent_events",
     .env = "MONITOR_MAX_RECENT_EVENTS",
     .type = KEY_INT,
     .value = "10000",
     RANGE(1, 1000000),
     FIELD(monitor.max_recent_events),
     .help = "events that can be scrolled back to"},
    {.name = "monitor.max_recent_logs",
     .env = "MONITOR_MAX_RECENT_LOGS",
     .type = KEY_INT,
     .value = "1000",
     RANGE(1, 1000000),
     FIELD(monitor.max_recent_logs),
     .help = "log lines that can be scrolled back to"},
    {.name = "monitor.success_warn",
     .env = "MONITOR_SUCCESS_WARN",
     .type = KEY_NUMBER,
     .value = "95",
     RANGE(0, 100),
     FIELD(monitor.success_warn),
     .help = "percent of success below which the verdict is WARN"},
    {.name = "monitor.success_crit",
     .env = "MONITOR_SUCCESS_CRIT",
     .type = KEY_NUMBER,
     .value = "80",
     RANGE(0, 100),
     FIELD(monitor.success_crit),
     .help = "percent of success below which the verdict is CRIT"},
    {.name = "monitor.latency_warn_ms",
     .env = "MONITOR_LATENCY_WARN_MS",
     .type = KEY_INT,
     .value = "1000",
     RANGE(0, DAY_MS),
     FIELD(monitor.latency_warn_ms),
     .help = "p99 latency above which the verdict is WARN"},
    {.name = "monitor.latency_crit_ms",
     .env = "MONITOR_LATENCY_CRIT_MS",
     .type = KEY_INT,
     .value = "10000",
     RANGE(0, DAY_MS),
     FIELD(monitor.latency_crit_ms),
     .help = "p99 latency above which the verdict is CRIT"},
    {.name = "monitor.stale_seconds",
     .env = "MONITOR_STALE_SECONDS",
     .type = KEY_INT,
     .value = "90",
     RANGE(1, DAY_SECONDS),
     FIELD(monitor.stale_seconds),
     .help = "seconds without a sign of life after which the tracker counts as gone"},
};

enum { KEYS = sizeof(keys) / sizeof(keys[0]) };

_Static_assert(sizeof(enum config_jitter) == sizeof(unsigned), "choices are kept as unsigned");

/* ---- Finding ---- */

const struct key *key_at(size_t i)
{
    return i < KEYS ? &keys[i] : NULL;
}

size_t key_count(void)
{
    return KEYS;
}

size_t key_index(const struct key *key)
{
    return (size_t)(key - keys);
}

const struct key *key_find(const char *name)
{
    for (size_t i = 0; i < KEYS; i++) {
        if (strcmp(keys[i].name, name) == 0)
            return &keys[i];
    }
    return NULL;
}

size_t key_section_len(const struct key *key)
{
    return strcspn(key->name, ".");
}

const char *key_leaf(const struct key *key)
{
    return key->name + key_section_len(key) + 1;
}

/* A key that has the right name and a wrong section or none. */
static const struct key *find_leaf(const char *name)
{
    const char *dot = strrchr(name, '.');
    const char *leaf = dot ? dot + 1 : name;

    for (size_t i = 0; i < KEYS; i++) {
        if (strcmp(key_leaf(&keys[i]), leaf) == 0)
            return &keys[i];
    }
    return NULL;
}

int key_unknown(const char *name, struct err *e)
{
    const char *names[KEYS];
    const struct key *elsewhere = find_leaf(name);
    struct suggestion s;

    for (size_t i = 0; i < KEYS; i++)
        names[i] = keys[i].name;
    s = suggest_nearest(name, names, KEYS);
    if (!s.is_near && elsewhere)
        s = (struct suggestion){.word = elsewhere->name, .is_near = true};
    suggest_refuse(s, "unknown key", "", e);
    return err_wrap(e, "%s", value_name(name).text);
}

bool key_opens_section(const struct key *key)
{
    size_t len = key_section_len(key);

    return key == keys || strncmp(key[-1].name, key->name, len + 1) != 0;
}

bool key_is_section(const char *name)
{
    size_t len = strlen(name);

    for (size_t i = 0; i < KEYS; i++) {
        if (key_section_len(&keys[i]) == len && strncmp(keys[i].name, name, len) == 0)
            return true;
    }
    return false;
}

int key_unknown_section(const char *name, struct err *e)
{
    char names[KEYS][SECTION_SIZE];
    const char *sections[KEYS];
    size_t count = 0;
    struct suggestion s;

    for (size_t i = 0; i < KEYS; i++) {
        if (!key_opens_section(&keys[i]))
            continue;
        snprintf(names[count], SECTION_SIZE, "%.*s", (int)key_section_len(&keys[i]), keys[i].name);
        sections[count] = names[count];
        count++;
    }
    s = suggest_nearest(name, sections, count);
    suggest_refuse(s, "unknown section", "", e);
    return err_wrap(e, "%s", value_name(name).text);
}

/* ---- Values ---- */

static void *field(const struct key *key, struct config *cfg)
{
    return (char *)cfg + key->offset;
}

bool key_keeps_text(const struct key *key)
{
    return key->type == KEY_TEXT || key->type == KEY_TOPIC || key->type == KEY_BROKERS;
}

const char *key_text(const struct key *key, const struct config *cfg)
{
    assert(key_keeps_text(key));
    return *(char *const *)((const char *)cfg + key->offset);
}

void key_release(const struct key *key, struct config *cfg)
{
    char **place = field(key, cfg);

    if (!key_keeps_text(key))
        return;
    free(*place);
    *place = NULL;
}

static int store_text(const struct key *key, struct config *cfg, const char *text)
{
    char **place = field(key, cfg);
    char *copy = mem_strdup(text);

    free(*place);
    *place = copy;
    return 0;
}

int key_store(const struct key *key, struct config *cfg, const char *text, struct err *e)
{
    switch (key->type) {
    case KEY_INT:
        return value_read_int(text, key->min, key->max, field(key, cfg), e);
    case KEY_NUMBER:
        return value_read_number(text, key->min, key->max, field(key, cfg), e);
    case KEY_BOOL:
        return value_read_bool(text, field(key, cfg), e);
    case KEY_CHOICE:
        return value_read_choice(text, key->choices, field(key, cfg), e);
    case KEY_TEXT:
        return value_check_text(text, key->min, key->max, e) < 0 ? -1 : store_text(key, cfg, text);
    case KEY_TOPIC:
        return value_check_topic(text, e) < 0 ? -1 : store_text(key, cfg, text);
    case KEY_BROKERS:
        return value_check_brokers(text, e) < 0 ? -1 : store_text(key, cfg, text);
    case KEY_MAP:
        break;
    }
    assert(!"a map has no single value");
    return -1;
}

void key_format(const struct key *key, const struct config *cfg, struct strbuf *out)
{
    const void *place = (const char *)cfg + key->offset;

    switch (key->type) {
    case KEY_INT:
        strbuf_addf(out, "%lld", (long long)*(const int64_t *)place);
        break;
    case KEY_NUMBER:
        value_add_number(out, *(const double *)place);
        break;
    case KEY_BOOL:
        strbuf_adds(out, *(const bool *)place ? "true" : "false");
        break;
    case KEY_CHOICE:
        strbuf_adds(out, key->choices[*(const unsigned *)place]);
        break;
    case KEY_TEXT:
    case KEY_TOPIC:
    case KEY_BROKERS:
        strbuf_adds(out, key_text(key, cfg));
        break;
    case KEY_MAP:
        break;
    }
}

void key_allowed(const struct key *key, struct strbuf *out)
{
    switch (key->type) {
    case KEY_INT:
    case KEY_NUMBER:
        value_add_range(out, key->min, key->max);
        break;
    case KEY_BOOL:
        strbuf_adds(out, "true, false");
        break;
    case KEY_CHOICE:
        for (size_t i = 0; key->choices[i]; i++)
            strbuf_addf(out, "%s%s", i ? ", " : "", key->choices[i]);
        break;
    case KEY_TEXT:
    case KEY_TOPIC:
    case KEY_BROKERS:
    case KEY_MAP:
        break;
    }
}
