#include "model/journal_line.h"

#include <string.h>

#include "base/rfc3339.h"

/* The keys in the order in which our tracker writes them, so that each search hits at once. */
enum key {
    KEY_TIMESTAMP,
    KEY_EVENT_TYPE,
    KEY_TOPIC,
    KEY_PARTITION,
    KEY_OFFSET,
    KEY_SIZE,
    KEY_DESERIALIZED,
    KEY_ERROR,
    KEY_KAFKA_TIMESTAMP,
    KEY_OUTCOME,
    KEY_REASON,
    KEY_ATTEMPTS,
    KEY_LATENCY,
    KEY_ORDER_ID,
    KEY_REPLAY,
    KEY_SKIPPED,
    KEY_RAW,
    KEY_RAW_ENCODING,
    KEY_ORDER,
    KEY_FROM,
    KEY_TO,
    KEY_RECREATED,
    KEY_COUNT,
};

static const struct {
    const char *name;
    size_t len;
} keys[KEY_COUNT] = {
#define KEY(name)              \
    {                          \
        name, sizeof(name) - 1 \
    }
    [KEY_TIMESTAMP] = KEY("timestamp"),
    [KEY_EVENT_TYPE] = KEY("event_type"),
    [KEY_TOPIC] = KEY("kafka_topic"),
    [KEY_PARTITION] = KEY("kafka_partition"),
    [KEY_OFFSET] = KEY("kafka_offset"),
    [KEY_SIZE] = KEY("message_size"),
    [KEY_DESERIALIZED] = KEY("deserialized"),
    [KEY_ERROR] = KEY("error"),
    [KEY_KAFKA_TIMESTAMP] = KEY("kafka_timestamp_ms"),
    [KEY_OUTCOME] = KEY("outcome"),
    [KEY_REASON] = KEY("reason"),
    [KEY_ATTEMPTS] = KEY("attempts"),
    [KEY_LATENCY] = KEY("latency_ms"),
    [KEY_ORDER_ID] = KEY("order_id"),
    [KEY_REPLAY] = KEY("replay"),
    [KEY_SKIPPED] = KEY("offsets_skipped"),
    [KEY_RAW] = KEY("raw_message"),
    [KEY_RAW_ENCODING] = KEY("raw_encoding"),
    [KEY_ORDER] = KEY("order_full"),
    [KEY_FROM] = KEY("from"),
    [KEY_TO] = KEY("to"),
    [KEY_RECREATED] = KEY("recreated"),
#undef KEY
};

static const struct {
    const char *name;
    enum journal_fate fate;
} fates[] = {
    {"processed", JOURNAL_PROCESSED},
    {"dead_lettered", JOURNAL_DEAD_LETTERED},
    {"dropped", JOURNAL_DROPPED},
};

/* The index of the key, or -1; `hint` is where it should be if the usual order holds. */
static int find_key(const struct scan_value *key, int hint)
{
    for (int i = 0; i < KEY_COUNT; i++) {
        int k = (hint + i) % KEY_COUNT;

        if (keys[k].len == key->len && memcmp(keys[k].name, key->text, key->len) == 0)
            return k;
    }
    return -1;
}

static int collect(struct scan_value found[KEY_COUNT], const char *text, size_t len)
{
    struct scan s;
    struct scan_value key;
    struct scan_value value;
    int hint = 0;
    int rc;

    if (scan_begin(&s, text, len) < 0)
        return -1;
    while ((rc = scan_member(&s, &key, &value)) == 1) {
        int k = find_key(&key, hint);

        if (k < 0)
            continue;
        found[k] = value;
        hint = k + 1;
    }
    return rc;
}

/* From the year 1 to the year 9999 and back; what is beyond is no time that passed, and sums with
 * it might leave int64. */
#define LATENCY_MAX_MS (INT64_C(10000) * 366 * 86400 * 1000)

static int64_t int_or(const struct scan_value *v, int64_t otherwise)
{
    int64_t n;

    return scan_int(v, &n) == 0 ? n : otherwise;
}

static bool says_something(const struct scan_value *v)
{
    return v->kind != JSON_NONE && v->kind != JSON_NULL && v->len > 0;
}

static void read_fate(struct journal_line *line, const struct scan_value *outcome)
{
    for (size_t i = 0; i < sizeof(fates) / sizeof(fates[0]); i++) {
        if (!scan_is(outcome, fates[i].name))
            continue;
        line->has_outcome = true;
        line->fate = fates[i].fate;
    }
    line->is_failed = line->has_outcome ? line->fate != JOURNAL_PROCESSED
                                        : !line->is_deserialized || says_something(&line->error);
}

/* Nothing can come behind INT64_MAX. */
static int scan_offset(const struct scan_value *v, int64_t *offset)
{
    return scan_int(v, offset) < 0 || *offset < 0 || *offset == INT64_MAX ? -1 : 0;
}

/* There are no more offsets before it than its own number. */
static int64_t read_skipped(const struct scan_value *v, int64_t offset)
{
    int64_t n = int_or(v, 0);

    return n > 0 && n <= offset ? n : 0;
}

static int read_place(struct journal_line *line, const struct scan_value found[KEY_COUNT])
{
    int64_t partition;

    if (scan_int(&found[KEY_PARTITION], &partition) < 0 || partition < 0 || partition > INT32_MAX)
        return -1;
    line->partition = (int32_t)partition;
    if (line->kind == JOURNAL_MESSAGE) {
        if (scan_offset(&found[KEY_OFFSET], &line->offset) < 0)
            return -1;
        line->skipped = read_skipped(&found[KEY_SKIPPED], line->offset);
        return 0;
    }
    if (scan_offset(&found[KEY_FROM], &line->gap_from) < 0)
        return -1;
    return scan_offset(&found[KEY_TO], &line->gap_to);
}

int journal_line_parse(struct journal_line *line, const char *text, size_t len)
{
    struct scan_value found[KEY_COUNT] = {0};
    const struct scan_value *type = &found[KEY_EVENT_TYPE];
    const struct scan_value *time = &found[KEY_TIMESTAMP];

    *line = (struct journal_line){0};
    if (collect(found, text, len) < 0 || type->kind != JSON_STRING || time->kind != JSON_STRING ||
        rfc3339_parse(time->text, time->len, &line->timestamp_ms) < 0)
        return -1;
    line->kind = scan_is(type, "journal.gap")      ? JOURNAL_GAP
                 : scan_is(type, "journal.skip")   ? JOURNAL_SKIP
                 : scan_is(type, "journal.replay") ? JOURNAL_REPLAY
                                                   : JOURNAL_MESSAGE;
    line->topic = found[KEY_TOPIC];
    line->kafka_timestamp_ms = int_or(&found[KEY_KAFKA_TIMESTAMP], -1);
    line->message_size = int_or(&found[KEY_SIZE], -1);
    line->is_deserialized = found[KEY_DESERIALIZED].kind == JSON_TRUE;
    line->is_replay = found[KEY_REPLAY].kind == JSON_TRUE;
    line->is_recreated = found[KEY_RECREATED].kind == JSON_TRUE;
    line->attempts = int_or(&found[KEY_ATTEMPTS], 0);
    line->latency_ms = int_or(&found[KEY_LATENCY], INT64_MIN);
    line->has_latency = line->latency_ms >= -LATENCY_MAX_MS && line->latency_ms <= LATENCY_MAX_MS;
    if (!line->has_latency)
        line->latency_ms = 0;
    line->error = found[KEY_ERROR];
    line->reason = found[KEY_REASON];
    line->order_id = found[KEY_ORDER_ID];
    line->raw = found[KEY_RAW];
    line->is_raw_encoded = found[KEY_RAW_ENCODING].kind != JSON_NONE;
    line->order = found[KEY_ORDER];
    read_fate(line, &found[KEY_OUTCOME]);
    return read_place(line, found);
}

static size_t base64_len(const struct scan_value *v)
{
    size_t padding = 0;

    while (padding < 2 && padding < v->len && v->text[v->len - padding - 1] == '=')
        padding++;
    return v->len / 4 * 3 - padding;
}

bool journal_line_is_mixed(const struct journal_line *line)
{
    size_t len;

    if (line->kind != JOURNAL_MESSAGE || line->raw.kind != JSON_STRING)
        return false;
    len = line->is_raw_encoded ? base64_len(&line->raw) : scan_text_len(&line->raw);
    return line->message_size < 0 || (uint64_t)line->message_size != len;
}

void journal_line_order(const struct journal_line *line, struct journal_order *order)
{
    struct scan_value customer = scan_find(&line->order, "customer_info");
    struct scan_value name = scan_find(&customer, "customer_id");
    struct scan_value status = scan_find(&line->order, "status");
    struct scan_value currency = scan_find(&line->order, "currency");
    struct scan_value total = scan_find(&line->order, "total");

    scan_text(&name, order->customer, sizeof(order->customer));
    scan_text(&status, order->status, sizeof(order->status));
    scan_text(&currency, order->currency, sizeof(order->currency));
    order->has_total = scan_number(&total, &order->total) == 0;
    if (!order->has_total)
        order->total = 0;
}
