#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <cjson/cJSON.h>

#include "base/strbuf.h"
#include "model/log_event.h"
#include "model/log_line.h"

/* Tests run in the root of the repository. */
#define MANUAL "docs/formats.md"
#define SCHEMA "docs/log.schema.json"

static struct strbuf read_file(const char *path)
{
    struct strbuf text = {0};
    FILE *f = fopen(path, "re");
    char block[4096];
    size_t n;

    assert_non_null(f);
    while ((n = fread(block, 1, sizeof(block), f)) > 0)
        strbuf_add(&text, block, n);
    fclose(f);
    return text;
}

static void every_event_has_a_name_of_its_own_and_a_text(void **state)
{
    (void)state;
    for (int i = EVENT_NONE + 1; i < EVENT_COUNT; i++) {
        const char *name = log_events[i].name;

        if (!name)
            fail_msg("event %d has no row", i);
        assert_int_equal(strspn(name, "abcdefghijklmnopqrstuvwxyz._"), strlen(name));
        assert_non_null(strchr(name, '.'));
        assert_true(*log_events[i].message);
        for (int k = EVENT_NONE + 1; k < i; k++)
            assert_string_not_equal(log_events[k].name, name);
    }
}

static void an_event_is_found_by_its_name_and_by_nothing_else(void **state)
{
    (void)state;
    for (int i = EVENT_NONE + 1; i < EVENT_COUNT; i++)
        assert_int_equal(log_event_find(log_events[i].name, strlen(log_events[i].name)), i);
    assert_int_equal(log_event_find("kafka.availabl", 14), EVENT_NONE);
    assert_int_equal(log_event_find("kafka.available.", 16), EVENT_NONE);
    assert_int_equal(log_event_find("periodic metrics", 16), EVENT_NONE);
    assert_int_equal(log_event_find("", 0), EVENT_NONE);
}

static void the_manual_has_a_row_for_each_event_and_no_other(void **state)
{
    struct strbuf manual = read_file(MANUAL);
    const char *rows = strstr(strbuf_text(&manual), "\n### Events\n");
    const char *end;
    int count = 0;

    (void)state;
    assert_non_null(rows);
    for (int i = EVENT_NONE + 1; i < EVENT_COUNT; i++) {
        char row[128];

        snprintf(row, sizeof(row), "\n| `%s` | %s | ", log_events[i].name,
                 log_level_name(log_events[i].level));
        if (!strstr(rows, row))
            fail_msg("%s has no row like%s", MANUAL, row);
    }
    end = strstr(rows, "\n## ");
    while ((rows = strstr(rows, "\n| `")) && rows++ < end)
        count++;
    assert_int_equal(count, EVENT_COUNT - 1);
    strbuf_release(&manual);
}

static void the_schema_has_the_names_and_no_other(void **state)
{
    struct strbuf text = read_file(SCHEMA);
    cJSON *schema = cJSON_ParseWithLength(text.data, text.len);
    const cJSON *properties = cJSON_GetObjectItem(schema, "properties");
    const cJSON *names = cJSON_GetObjectItem(cJSON_GetObjectItem(properties, "event"), "enum");
    int i = EVENT_NONE + 1;

    (void)state;
    assert_int_equal(cJSON_GetArraySize(names), EVENT_COUNT - 1);
    for (const cJSON *name = names->child; name; name = name->next)
        assert_string_equal(name->valuestring, log_events[i++].name);
    cJSON_Delete(schema);
    strbuf_release(&text);
}

static void a_line_is_known_by_its_event_and_not_by_its_text(void **state)
{
    static const struct {
        const char *members;
        enum log_event_id event;
    } cases[] = {
        {"\"event\":\"kafka.unavailable\",\"message\":\"anything\"", EVENT_KAFKA_UNAVAILABLE},
        {"\"message\":\"anything\",\"event\":\"tracker.stopped\"", EVENT_TRACKER_STOPPED},
        {"\"event\":\"tracker.stopped\",\"message\":\"periodic metrics\"", EVENT_TRACKER_STOPPED},
        {"\"message\":\"periodic metrics\"", EVENT_NONE}, /* as earlier versions wrote it */
        {"\"event\":\"not.known\",\"message\":\"tracker stopped\"", EVENT_NONE},
        {"\"event\":17,\"message\":\"tracker stopped\"", EVENT_NONE},
        {"\"event\":null,\"message\":\"tracker stopped\"", EVENT_NONE},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char text[256];
        struct log_line line;

        snprintf(text, sizeof(text), "{\"timestamp\":\"2026-11-22T10:52:09.807Z\",%s}",
                 cases[i].members);
        assert_int_equal(log_line_parse(&line, text, strlen(text)), 0);
        assert_int_equal(line.event, cases[i].event);
        log_line_release(&line);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_event_has_a_name_of_its_own_and_a_text),
        cmocka_unit_test(an_event_is_found_by_its_name_and_by_nothing_else),
        cmocka_unit_test(the_manual_has_a_row_for_each_event_and_no_other),
        cmocka_unit_test(the_schema_has_the_names_and_no_other),
        cmocka_unit_test(a_line_is_known_by_its_event_and_not_by_its_text),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
