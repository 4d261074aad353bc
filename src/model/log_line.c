#include "model/log_line.h"

#include <stdio.h>
#include <string.h>

#include "base/ascii.h"
#include "base/rfc3339.h"

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
    FIELD("uptime_seconds", uptime_seconds), FIELD("messages_received", received),
    FIELD("messages_processed", processed),  FIELD("messages_failed", failed),
    FIELD("messages_retried", retried),      FIELD("messages_dead_lettered", dead_lettered),
    FIELD("messages_dropped", dropped),      FIELD("lag", lag),
    FIELD("lanes_waiting", lanes_waiting),   FIELD("lanes_blocked", lanes_blocked),
    FIELD("dlq_pending", dlq_pending),
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

static void read_level(struct log_line *line, const struct scan_value *value)
{
    line->level = LOG_INFO;
    for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++) {
        if (value->kind != SCAN_STRING || value->len != strlen(levels[i].name) ||
            !ascii_equal(value->text, levels[i].name, value->len))
            continue;
        line->level = levels[i].level;
        line->is_fatal = levels[i].is_fatal;
    }
}

static void read_member(struct log_line *line, const struct scan_value *key,
                        const struct scan_value *value, bool *has_time)
{
    if (scan_is(key, "timestamp"))
        *has_time = value->kind == SCAN_STRING &&
                    rfc3339_parse(value->text, value->len, &line->timestamp_ms) == 0;
    else if (scan_is(key, "level"))
        read_level(line, value);
    else if (scan_is(key, "event") && value->kind == SCAN_STRING)
        line->event = log_event_find(value->text, value->len);
    else if (scan_is(key, "message"))
        line->message = *value;
    else if (scan_is(key, "error"))
        line->error = *value;
    else if (scan_is(key, "metadata") && value->kind == SCAN_OBJECT)
        line->metadata = *value;
}

int log_line_parse(struct log_line *line, const char *text, size_t len)
{
    struct scan s;
    struct scan_value key;
    struct scan_value value;
    bool has_time = false;
    int rc;

    *line = (struct log_line){.level = LOG_INFO};
    if (scan_begin(&s, text, len) < 0)
        return -1;
    while ((rc = scan_member(&s, &key, &value)) == 1)
        read_member(line, &key, &value, &has_time);
    if (rc < 0 || !has_time || line->message.kind != SCAN_STRING)
        return -1;
    return 0;
}

static int64_t rounded_or_unknown(const struct scan_value *v)
{
    double n;

    if (scan_number(v, &n) < 0 || n < 0 || n > 9e15)
        return -1;
    return (int64_t)(n + 0.5);
}

static void read_partition(struct log_metrics *m, const struct scan_value *object)
{
    struct scan_value partition = scan_find(object, "partition");
    struct scan_value offset = scan_find(object, "offset");
    struct scan_value high = scan_find(object, "high_watermark");
    struct scan_value lag = scan_find(object, "lag");
    int64_t number = rounded_or_unknown(&partition);
    int i = m->partition_count;

    if (number < 0 || number > INT32_MAX || i == LOG_METRICS_PARTITIONS)
        return;
    m->partitions[i].partition = (int32_t)number;
    m->partitions[i].offset = rounded_or_unknown(&offset);
    m->partitions[i].high_watermark = rounded_or_unknown(&high);
    m->partitions[i].lag = rounded_or_unknown(&lag);
    m->partition_count++;
}

static void read_partitions(struct log_metrics *m, const struct scan_value *array)
{
    struct scan s;
    struct scan_value object;

    if (array->kind != SCAN_ARRAY || scan_begin(&s, array->text, array->len) < 0)
        return;
    while (scan_element(&s, &object) == 1)
        read_partition(m, &object);
}

void log_line_metrics(const struct log_line *line, struct log_metrics *m)
{
    struct scan_value partitions = scan_find(&line->metadata, "partitions");

    m->partition_count = 0;
    for (size_t i = 0; i < sizeof(metric_fields) / sizeof(metric_fields[0]); i++) {
        struct scan_value v = scan_find(&line->metadata, metric_fields[i].name);
        int64_t n = rounded_or_unknown(&v);

        memcpy((char *)m + metric_fields[i].at, &n, sizeof(n));
    }
    read_partitions(m, &partitions);
}

/* Appends "<glue><label><value>" as far as there is room. */
static size_t add_part(char *out, size_t len, size_t cap, const char *glue, const char *label,
                       const struct scan_value *v)
{
    int n = snprintf(out + len, cap - len, "%s%s", glue, label);

    if (n < 0 || (size_t)n >= cap - len) {
        out[len] = '\0';
        return len;
    }
    len += (size_t)n;
    return len + scan_text(v, out + len, cap - len);
}

static size_t add_metrics(const struct log_line *line, char *out, size_t len, size_t cap)
{
    for (size_t i = 0; i < sizeof(metric_summary) / sizeof(metric_summary[0]); i++) {
        struct scan_value v = scan_find(&line->metadata, metric_summary[i].key);
        char label[16];

        if (v.kind == SCAN_NONE)
            continue;
        if (v.kind == SCAN_NULL)
            v = (struct scan_value){.kind = SCAN_STRING, .text = "?", .len = 1};
        snprintf(label, sizeof(label), "%s=", metric_summary[i].label);
        len = add_part(out, len, cap, " ", label, &v);
    }
    return len;
}

static size_t add_metadata(const struct log_line *line, char *out, size_t len, size_t cap)
{
    struct scan s;
    struct scan_value key;
    struct scan_value value;
    const struct scan_value equals = {.kind = SCAN_STRING, .text = "=", .len = 1};

    if (line->metadata.kind == SCAN_NONE ||
        scan_begin(&s, line->metadata.text, line->metadata.len) < 0)
        return len;
    while (len + 1 < cap && scan_member(&s, &key, &value) == 1) {
        if (value.kind == SCAN_OBJECT || value.kind == SCAN_ARRAY || value.kind == SCAN_NULL ||
            scan_is(&key, "env")) /* the same in every line */
            continue;
        len = add_part(out, len, cap, " ", "", &key);
        len = add_part(out, len, cap, "", "", &equals);
        len = add_part(out, len, cap, "", "", &value);
    }
    return len;
}

void log_line_summary(const struct log_line *line, char *out, size_t cap)
{
    size_t len = scan_text(&line->message, out, cap);

    if (line->error.kind == SCAN_STRING && line->error.len)
        len = add_part(out, len, cap, ": ", "", &line->error);
    if (line->event == EVENT_TRACKER_METRICS)
        add_metrics(line, out, len, cap);
    else
        add_metadata(line, out, len, cap);
}
