#include "model/log_line.h"

#include <inttypes.h>
#include <string.h>
#include <strings.h>
#include <cjson/cJSON.h>

#include "base/rfc3339.h"
#include "base/strbuf.h"
#include "base/utf8.h"
#include "model/json_doc.h"

static const struct {
    const char *name;
    enum log_level level;
    bool is_fatal;
} levels[] = {
    {"DEBUG", LOG_DEBUG, false},  {"INFO", LOG_INFO, false},   {"WARN", LOG_WARN, false},
    {"WARNING", LOG_WARN, false}, {"ERROR", LOG_ERROR, false}, {"FATAL", LOG_ERROR, true},
};

static const struct {
    const char *name;
    size_t at;
} metric_fields[] = {
#define FIELD(key, member)                        \
    {                                             \
        key, offsetof(struct log_metrics, member) \
    }
    FIELD("uptime_seconds", uptime_seconds),
    FIELD("messages_received", received),
    FIELD("messages_processed", processed),
    FIELD("messages_failed", failed),
    FIELD("messages_retried", retried),
    FIELD("messages_dead_lettered", dead_lettered),
    FIELD("messages_dropped", dropped),
    FIELD("lag", lag),
    FIELD("fsync_ms_max", fsync_ms_max),
    FIELD("lanes_waiting", lanes_waiting),
    FIELD("lanes_blocked", lanes_blocked),
    FIELD("dlq_pending", dlq_pending),
    FIELD("processor_in_flight", processor_in_flight),
    FIELD("head_of_line_ms", head_of_line_ms),
    FIELD("head_of_line_partition", head_of_line_partition),
    FIELD("head_of_line_offset", head_of_line_offset),
#undef FIELD
};

/* What the list shows of a metrics line. */
static const struct {
    const char *key;
    const char *label;
} metric_summary[] = {
    {"messages_received", "rx"},
    {"messages_processed", "ok"},
    {"messages_failed", "fail"},
    {"lag", "lag"},
};

static const cJSON *find(const cJSON *object, const char *name)
{
    return cJSON_GetObjectItemCaseSensitive(object, name);
}

/* The text of a string, "" of anything else. */
static const char *text_of(const cJSON *item)
{
    const char *text = cJSON_GetStringValue(item);

    return text ? text : "";
}

static void read_level(struct log_line *line, const char *name)
{
    line->level = LOG_INFO;
    for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++) {
        if (strcasecmp(name, levels[i].name) != 0)
            continue;
        line->level = levels[i].level;
        line->is_fatal = levels[i].is_fatal;
    }
}

static int read_members(struct log_line *line)
{
    const char *timestamp = text_of(find(line->doc, "timestamp"));
    const char *event = text_of(find(line->doc, "event"));
    const cJSON *metadata = find(line->doc, "metadata");

    line->message = cJSON_GetStringValue(find(line->doc, "message"));
    if (!line->message || rfc3339_parse(timestamp, strlen(timestamp), &line->timestamp_ms) < 0)
        return -1;
    read_level(line, text_of(find(line->doc, "level")));
    line->event = log_event_find(event, strlen(event));
    line->error = text_of(find(line->doc, "error"));
    line->metadata = cJSON_IsObject(metadata) ? metadata : NULL;
    line->remedy = text_of(find(line->metadata, "remedy"));
    return 0;
}

int log_line_parse(struct log_line *line, const char *text, size_t len)
{
    *line = (struct log_line){.doc = len > LOG_LINE_MAX ? NULL : json_doc_read(text, len)};
    return cJSON_IsObject(line->doc) ? read_members(line) : -1;
}

void log_line_release(struct log_line *line)
{
    json_doc_free(line->doc);
    *line = (struct log_line){0};
}

static int64_t rounded_or_unknown(const cJSON *object, const char *name)
{
    const cJSON *item = find(object, name);
    double n = cJSON_IsNumber(item) ? item->valuedouble : -1;

    return n >= 0 && n <= 9e15 ? (int64_t)(n + 0.5) : -1;
}

static void read_partition(struct log_metrics *m, const cJSON *object)
{
    int64_t number = rounded_or_unknown(object, "partition");
    int i = m->partition_count;

    if (number < 0 || number > INT32_MAX || i == LOG_METRICS_PARTITIONS)
        return;
    m->partitions[i].partition = (int32_t)number;
    m->partitions[i].offset = rounded_or_unknown(object, "offset");
    m->partitions[i].high_watermark = rounded_or_unknown(object, "high_watermark");
    m->partitions[i].lag = rounded_or_unknown(object, "lag");
    m->partition_count++;
}

bool log_line_is_count(const struct log_line *line)
{
    return find(line->metadata, "repeated") != NULL;
}

void log_line_metrics(const struct log_line *line, struct log_metrics *m)
{
    const cJSON *partitions = find(line->metadata, "partitions");
    const cJSON *times = find(line->metadata, "processor_ms");
    const cJSON *partition;

    m->partition_count = 0;
    for (size_t i = 0; i < sizeof(metric_fields) / sizeof(metric_fields[0]); i++) {
        int64_t n = rounded_or_unknown(line->metadata, metric_fields[i].name);

        memcpy((char *)m + metric_fields[i].at, &n, sizeof(n));
    }
    m->processor_p50 = rounded_or_unknown(times, "p50");
    m->processor_p99 = rounded_or_unknown(times, "p99");
    m->is_processor_unavailable = cJSON_IsTrue(find(line->metadata, "processor_unavailable"));
    if (!cJSON_IsArray(partitions))
        return;
    cJSON_ArrayForEach(partition, partitions)
    {
        read_partition(m, partition);
    }
}

static void add_value(struct strbuf *out, const cJSON *item)
{
    if (cJSON_IsString(item))
        strbuf_adds(out, item->valuestring);
    else if (cJSON_IsNumber(item) && json_doc_integer(item, INT64_MIN) != INT64_MIN)
        strbuf_addf(out, "%" PRId64, json_doc_integer(item, 0));
    else if (cJSON_IsNumber(item))
        strbuf_addf(out, "%.15g", item->valuedouble);
    else
        strbuf_adds(out, cJSON_IsBool(item) ? cJSON_IsTrue(item) ? "true" : "false" : "?");
}

static void add_metrics(const struct log_line *line, struct strbuf *out)
{
    for (size_t i = 0; i < sizeof(metric_summary) / sizeof(metric_summary[0]); i++) {
        const cJSON *item = find(line->metadata, metric_summary[i].key);

        if (!item)
            continue;
        strbuf_addf(out, " %s=", metric_summary[i].label);
        add_value(out, item);
    }
}

static void add_metadata(const struct log_line *line, struct strbuf *out)
{
    const cJSON *item;

    cJSON_ArrayForEach(item, line->metadata)
    {
        if (cJSON_IsObject(item) || cJSON_IsArray(item) || cJSON_IsNull(item) ||
            strcmp(item->string, "env") == 0) /* the same in every line */
            continue;
        strbuf_addf(out, " %s=", item->string);
        add_value(out, item);
    }
}

void log_line_summary(const struct log_line *line, char *out, size_t cap)
{
    struct strbuf text = {0};

    strbuf_adds(&text, line->message);
    if (*line->error)
        strbuf_addf(&text, ": %s", line->error);
    if (line->event == EVENT_TRACKER_METRICS)
        add_metrics(line, &text);
    else
        add_metadata(line, &text);
    utf8_copy(out, cap, strbuf_text(&text));
    strbuf_release(&text);
}
