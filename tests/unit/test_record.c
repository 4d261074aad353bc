#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include <cjson/cJSON.h>

#include "base/rng.h"
#include "base/strbuf.h"
#include "base/utf8.h"
#include "model/record.h"

static const char value[] = "{ \"order_id\": \"o-1\", \"note\": \"a \\\"b\\\" c\" }";

static struct record processed(void)
{
    return (struct record){.timestamp_ms = INT64_C(1795367071402),
                           .event = RECORD_RECEIVED,
                           .topic = "orders",
                           .partition = 3,
                           .offset = 42,
                           .value = value,
                           .value_len = sizeof(value) - 1,
                           .deserialized = true,
                           .kafka_timestamp_ms = INT64_C(1795367071390),
                           .key = "o-1",
                           .key_len = 3,
                           .outcome = RECORD_PROCESSED,
                           .attempts = 1,
                           .latency_ms = 12,
                           .order_id = "o-1",
                           .with_raw = true,
                           .with_order = true};
}

static void assert_line(const struct record *r, const char *expected)
{
    struct strbuf sb = {0};

    record_write(r, &sb);
    assert_string_equal(strbuf_text(&sb), expected);
    strbuf_release(&sb);
}

static void a_processed_order_fills_its_line(void **state)
{
    struct record r = processed();

    (void)state;
    assert_line(&r,
                "{\"timestamp\":\"2026-11-22T17:04:31.402Z\",\"event_type\":\"message.received\","
                "\"kafka_topic\":\"orders\",\"kafka_partition\":3,\"kafka_offset\":42,"
                "\"message_size\":42,\"deserialized\":true,\"kafka_timestamp_ms\":1795367071390,"
                "\"kafka_key\":\"o-1\",\"outcome\":\"processed\",\"attempts\":1,"
                "\"latency_ms\":12,\"order_id\":\"o-1\","
                "\"raw_message\":\"{ \\\"order_id\\\": \\\"o-1\\\", \\\"note\\\": \\\"a "
                "\\\\\\\"b\\\\\\\" c\\\" }\","
                "\"order_full\":{\"order_id\":\"o-1\",\"note\":\"a \\\"b\\\" c\"}}\n");
}

static void a_compact_value_is_its_own_order_full(void **state)
{
    static const char compact[] = "{\"order_id\":\"o 1\"}";
    struct record r = processed();
    struct strbuf known = {0};
    struct strbuf unknown = {0};

    (void)state;
    r.value = compact;
    r.value_len = sizeof(compact) - 1;
    record_write(&r, &unknown);
    r.is_compact = true;
    record_write(&r, &known);
    assert_non_null(strstr(known.data, "\"order_full\":{\"order_id\":\"o 1\"}}"));
    assert_string_equal(known.data, unknown.data);
    strbuf_release(&known);
    strbuf_release(&unknown);
}

static void a_dead_letter_says_why_and_where_it_is(void **state)
{
    struct record r = processed();

    (void)state;
    r.event = RECORD_PROCESSING_ERROR;
    r.outcome = RECORD_DEAD_LETTERED;
    r.reason = RECORD_TIMEOUT;
    r.error = "no answer";
    r.attempts = 3;
    r.dlq_topic = "orders-dlq";
    r.dlq_partition = 1;
    r.dlq_offset = 7;
    r.replay = true;
    r.skipped = 3;
    r.with_raw = r.with_order = false;
    assert_line(&r, "{\"timestamp\":\"2026-11-22T17:04:31.402Z\","
                    "\"event_type\":\"message.received.processing_error\","
                    "\"kafka_topic\":\"orders\",\"kafka_partition\":3,\"kafka_offset\":42,"
                    "\"message_size\":42,\"deserialized\":true,\"error\":\"no answer\","
                    "\"kafka_timestamp_ms\":1795367071390,\"kafka_key\":\"o-1\","
                    "\"outcome\":\"dead_lettered\",\"reason\":\"TIMEOUT\",\"attempts\":3,"
                    "\"latency_ms\":12,\"order_id\":\"o-1\","
                    "\"dlq\":{\"topic\":\"orders-dlq\",\"partition\":1,\"offset\":7},"
                    "\"replay\":true,\"offsets_skipped\":3}\n");
}

static void a_null_value_has_no_payload(void **state)
{
    struct record r = {.timestamp_ms = 0,
                       .event = RECORD_DESERIALIZATION_ERROR,
                       .topic = "orders",
                       .kafka_timestamp_ms = -1,
                       .outcome = RECORD_DROPPED,
                       .reason = RECORD_NULL_VALUE,
                       .error = "null value",
                       .attempts = 1,
                       .latency_ms = -5,
                       .with_raw = true,
                       .with_order = true};

    (void)state;
    assert_line(&r, "{\"timestamp\":\"1970-01-01T00:00:00.000Z\","
                    "\"event_type\":\"message.received.deserialization_error\","
                    "\"kafka_topic\":\"orders\",\"kafka_partition\":0,\"kafka_offset\":0,"
                    "\"message_size\":null,\"deserialized\":false,\"error\":\"null value\","
                    "\"kafka_timestamp_ms\":null,\"kafka_key\":null,\"outcome\":\"dropped\","
                    "\"reason\":\"NULL_VALUE\",\"attempts\":1,\"latency_ms\":-5}\n");
}

static void an_empty_value_and_an_empty_key_are_not_null(void **state)
{
    struct record r = processed();
    struct strbuf sb = {0};

    (void)state;
    r.value = "";
    r.value_len = 0;
    r.deserialized = false;
    r.key = "";
    r.key_len = 0;
    record_write(&r, &sb);
    assert_non_null(strstr(sb.data, "\"message_size\":0,"));
    assert_non_null(strstr(sb.data, "\"kafka_key\":\"\","));
    assert_non_null(strstr(sb.data, "\"raw_message\":\"\"}"));
    strbuf_release(&sb);
}

static void bytes_that_are_no_text_are_written_as_base64(void **state)
{
    struct record r = processed();
    struct strbuf sb = {0};

    (void)state;
    r.value = "\x00\xff\xfe";
    r.value_len = 3;
    r.deserialized = false;
    r.key = "\xff";
    r.key_len = 1;
    record_write(&r, &sb);
    assert_non_null(strstr(sb.data, "\"kafka_key\":\"/w==\",\"kafka_key_encoding\":\"base64\","));
    assert_non_null(strstr(sb.data, "\"raw_message\":\"AP/+\",\"raw_encoding\":\"base64\"}"));
    assert_null(strstr(sb.data, "order_full"));
    strbuf_release(&sb);
}

static void texts_that_are_not_utf8_are_cleaned(void **state)
{
    struct record r = processed();
    struct strbuf sb = {0};

    (void)state;
    r.error = "bad \xc3 byte \x1b[31m";
    r.topic = "o\xff";
    r.order_id = "\xed\xa0\x80";
    r.dlq_topic = "\x80";
    record_write(&r, &sb);
    assert_true(utf8_valid(sb.data, sb.len, NULL));
    assert_non_null(strstr(sb.data, "\"error\":\"bad \xef\xbf\xbd byte \\u001b[31m\""));
    assert_non_null(strstr(sb.data, "\"kafka_topic\":\"o\xef\xbf\xbd\""));
    strbuf_release(&sb);
}

static void each_event_has_its_type(void **state)
{
    static const struct {
        enum record_event event;
        const char *type;
    } cases[] = {
        {RECORD_RECEIVED, "\"event_type\":\"message.received\","},
        {RECORD_DESERIALIZATION_ERROR,
         "\"event_type\":\"message.received.deserialization_error\","},
        {RECORD_VALIDATION_ERROR, "\"event_type\":\"message.received.validation_error\","},
        {RECORD_PROCESSING_ERROR, "\"event_type\":\"message.received.processing_error\","},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct record r = processed();
        struct strbuf sb = {0};

        r.event = cases[i].event;
        record_write(&r, &sb);
        assert_non_null(strstr(strbuf_text(&sb), cases[i].type));
        strbuf_release(&sb);
    }
}

static void each_name_is_that_of_the_format(void **state)
{
    (void)state;
    assert_string_equal(record_outcome_name(RECORD_PROCESSED), "processed");
    assert_string_equal(record_outcome_name(RECORD_DEAD_LETTERED), "dead_lettered");
    assert_string_equal(record_outcome_name(RECORD_DROPPED), "dropped");
    assert_string_equal(record_reason_name(RECORD_DESERIALIZE), "DESERIALIZE");
    assert_string_equal(record_reason_name(RECORD_VALIDATE), "VALIDATE");
    assert_string_equal(record_reason_name(RECORD_NULL_VALUE), "NULL_VALUE");
    assert_string_equal(record_reason_name(RECORD_TOO_LARGE), "TOO_LARGE");
    assert_string_equal(record_reason_name(RECORD_PROCESS), "PROCESS");
    assert_string_equal(record_reason_name(RECORD_TIMEOUT), "TIMEOUT");
}

static void reasons_are_found_by_their_whole_name(void **state)
{
    (void)state;
    for (int i = RECORD_REASON_NONE + 1; i < RECORD_REASON_COUNT; i++) {
        const char *name = record_reason_name((enum record_reason)i);

        assert_int_equal(record_reason_find(name, strlen(name)), i);
        assert_int_equal(record_reason_find(name, strlen(name) - 1), RECORD_REASON_NONE);
    }
    assert_int_equal(record_reason_find("PROCESSED", 9), RECORD_REASON_NONE);
    assert_int_equal(record_reason_find("process", 7), RECORD_REASON_NONE);
    assert_int_equal(record_reason_find("NONE", 4), RECORD_REASON_NONE);
    assert_int_equal(record_reason_find("", 0), RECORD_REASON_NONE);
}

static void gaps_and_replays_have_lines_of_their_own(void **state)
{
    struct strbuf sb = {0};

    (void)state;
    record_write_gap(INT64_C(1795367071402), "orders", 2, 100, 250, &sb);
    record_write_skip(INT64_C(1795367071402), "orders", 2, 250, 252, &sb);
    record_write_replay(INT64_C(1795367071402), "orders", 0, INT64_MAX - 1, INT64_MAX, &sb);
    record_write_recreated(INT64_C(1795367071402), "orders", 1, 0, 7, &sb);
    assert_string_equal(
        sb.data,
        "{\"timestamp\":\"2026-11-22T17:04:31.402Z\",\"event_type\":\"journal.gap\","
        "\"kafka_topic\":\"orders\",\"kafka_partition\":2,\"kafka_offset\":100,"
        "\"from\":100,\"to\":250}\n"
        "{\"timestamp\":\"2026-11-22T17:04:31.402Z\",\"event_type\":\"journal.skip\","
        "\"kafka_topic\":\"orders\",\"kafka_partition\":2,\"kafka_offset\":250,"
        "\"from\":250,\"to\":252}\n"
        "{\"timestamp\":\"2026-11-22T17:04:31.402Z\",\"event_type\":\"journal.replay\","
        "\"kafka_topic\":\"orders\",\"kafka_partition\":0,\"kafka_offset\":9223372036854775806,"
        "\"from\":9223372036854775806,\"to\":9223372036854775807}\n"
        "{\"timestamp\":\"2026-11-22T17:04:31.402Z\",\"event_type\":\"journal.replay\","
        "\"kafka_topic\":\"orders\",\"kafka_partition\":1,\"kafka_offset\":0,"
        "\"from\":0,\"to\":7,\"recreated\":true}\n");
    strbuf_release(&sb);
}

static const char *text_at(const cJSON *line, const char *key)
{
    const cJSON *v = cJSON_GetObjectItemCaseSensitive(line, key);

    return cJSON_IsString(v) ? v->valuestring : NULL;
}

/* `bytes` in base64 or not, as the line holds them: cJSON decodes the text, the encoding is told.
 */
static void assert_bytes(const cJSON *line, const char *key, const char *encoding_key,
                         const char *bytes, size_t len)
{
    bool is_text = utf8_valid(bytes, len, NULL);

    assert_non_null(text_at(line, key));
    assert_int_equal(is_text, text_at(line, encoding_key) == NULL);
    if (is_text && !memchr(bytes, 0, len))
        assert_memory_equal(text_at(line, key), bytes, len);
    if (!is_text)
        assert_int_equal(strlen(text_at(line, key)), (len + 2) / 3 * 4);
}

static size_t fill(struct rng *rng, char *bytes, size_t room)
{
    size_t len = (size_t)rng_range(rng, 0, (int64_t)room - 1);
    int64_t highest = rng_range(rng, 0, 1) ? 0x7f : 0xff;

    for (size_t i = 0; i < len; i++)
        bytes[i] = (char)rng_range(rng, 0, highest);
    bytes[len] = '\0';
    return len;
}

static void every_line_is_json_whatever_the_message_held(void **state)
{
    struct strbuf sb = {0};
    struct rng rng;

    (void)state;
    rng_seed(&rng, 1);
    for (int i = 0; i < 20000; i++) {
        char bytes[1200];
        char key[40];
        char error[40];
        struct record r = processed();
        cJSON *line;

        fill(&rng, error, sizeof(error));
        r.error = error;
        r.order_id = error;
        r.key = key;
        r.key_len = fill(&rng, key, sizeof(key));
        r.value = bytes;
        r.value_len = fill(&rng, bytes, sizeof(bytes));
        r.deserialized = false;
        strbuf_reset(&sb);
        record_write(&r, &sb);
        assert_true(utf8_valid(sb.data, sb.len, NULL));
        assert_ptr_equal(strchr(sb.data, '\n'), sb.data + sb.len - 1);
        for (size_t k = 0; k < sb.len - 1; k++)
            assert_in_range((unsigned char)sb.data[k], 0x20, 0xff);
        line = cJSON_ParseWithLength(sb.data, sb.len);
        assert_non_null(line);
        assert_bytes(line, "raw_message", "raw_encoding", bytes, r.value_len);
        assert_bytes(line, "kafka_key", "kafka_key_encoding", key, r.key_len);
        cJSON_Delete(line);
    }
    strbuf_release(&sb);
}

static void a_value_may_grow_sixfold_by_escapes(void **state)
{
    static char controls[10000];
    struct record r = processed();
    struct strbuf sb = {0};

    (void)state;
    memset(controls, 1, sizeof(controls));
    r.value = controls;
    r.deserialized = false;
    for (size_t len = 0; len <= sizeof(controls); len += 125) {
        r.value_len = len;
        strbuf_release(&sb);
        record_write(&r, &sb);
        assert_true(sb.len > 6 * len);
        assert_int_equal(strlen(sb.data), sb.len);
    }
    strbuf_release(&sb);
}

static void lines_are_appended(void **state)
{
    struct record r = processed();
    struct strbuf sb = {0};
    size_t one;

    (void)state;
    record_write(&r, &sb);
    one = sb.len;
    record_write(&r, &sb);
    assert_int_equal(sb.len, 2 * one);
    assert_memory_equal(sb.data, sb.data + one, one);
    strbuf_release(&sb);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_processed_order_fills_its_line),
        cmocka_unit_test(a_compact_value_is_its_own_order_full),
        cmocka_unit_test(a_dead_letter_says_why_and_where_it_is),
        cmocka_unit_test(a_null_value_has_no_payload),
        cmocka_unit_test(an_empty_value_and_an_empty_key_are_not_null),
        cmocka_unit_test(bytes_that_are_no_text_are_written_as_base64),
        cmocka_unit_test(texts_that_are_not_utf8_are_cleaned),
        cmocka_unit_test(each_event_has_its_type),
        cmocka_unit_test(each_name_is_that_of_the_format),
        cmocka_unit_test(reasons_are_found_by_their_whole_name),
        cmocka_unit_test(gaps_and_replays_have_lines_of_their_own),
        cmocka_unit_test(every_line_is_json_whatever_the_message_held),
        cmocka_unit_test(a_value_may_grow_sixfold_by_escapes),
        cmocka_unit_test(lines_are_appended),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
