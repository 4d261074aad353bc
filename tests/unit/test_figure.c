#include <math.h>
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
#include "support/usual_limits.h"
#include "view/figure.h"
#include "view/health.h"
#include "view/report.h"

#define SCHEMA "docs/monitor.schema.json" /* tests run in the root of the repository */
#define NOW    INT64_C(1795367071402)

static cJSON *read_schema(void)
{
    struct strbuf text = {0};
    FILE *f = fopen(SCHEMA, "re");
    char block[4096];
    size_t n;
    cJSON *schema;

    assert_non_null(f);
    while ((n = fread(block, 1, sizeof(block), f)) > 0)
        strbuf_add(&text, block, n);
    fclose(f);
    schema = cJSON_ParseWithLength(text.data, text.len);
    assert_non_null(schema);
    strbuf_release(&text);
    return schema;
}

static const cJSON *member(const cJSON *object, const char *name)
{
    return cJSON_GetObjectItemCaseSensitive(object, name);
}

/* Does the type of a property, a text or a list of them, hold this one? */
static bool has_type(const cJSON *property, const char *type)
{
    const cJSON *types = member(property, "type");
    const cJSON *one;

    if (cJSON_IsString(types))
        return strcmp(types->valuestring, type) == 0;
    cJSON_ArrayForEach(one, types)
    {
        if (strcmp(one->valuestring, type) == 0)
            return true;
    }
    return false;
}

static bool fits(const cJSON *property, enum figure_kind kind)
{
    bool is_enum = member(property, "enum") != NULL;

    switch (kind) {
    case FIGURE_COUNT:
        return has_type(property, "integer") && has_type(property, "null");
    case FIGURE_INT:
        return has_type(property, "integer") || is_enum;
    case FIGURE_NUMBER:
        return has_type(property, "number");
    case FIGURE_FLAG:
        return has_type(property, "boolean");
    case FIGURE_TEXT:
    case FIGURE_TIME:
        return has_type(property, "string") || is_enum;
    }
    return false;
}

/* Where the figures of a table are in the schema: names of members, one after the other. */
static const struct {
    enum figure_table table;
    const char *path[4];
} places[] = {
    {FIGURE_OF_STATE, {NULL}},
    {FIGURE_OF_FLOW, {NULL}},
    {FIGURE_OF_WINDOW, {"windows", "60s", NULL}},
    {FIGURE_OF_LATENCY, {"latency_ms", NULL}},
    {FIGURE_OF_LAG, {"lag", NULL}},
    {FIGURE_OF_PROCESSOR, {"processor", NULL}},
    {FIGURE_OF_ORDERS, {"orders_60s", NULL}},
    {FIGURE_OF_TRACKER, {"trackers", NULL}},
    {FIGURE_OF_PARTITION, {"partitions", NULL}},
    {FIGURE_OF_ERROR, {"errors_60s", NULL}},
    {FIGURE_OF_READER, {"reader", NULL}},
};

static const cJSON *resolve(const cJSON *schema, const cJSON *node)
{
    const cJSON *ref = member(node, "$ref");

    if (!ref)
        return node;
    assert_memory_equal(ref->valuestring, "#/$defs/", 8);
    return member(member(schema, "$defs"), ref->valuestring + 8);
}

static const cJSON *place_of(const cJSON *schema, const char *const *path)
{
    const cJSON *at = schema;

    for (; *path; path++) {
        at = resolve(schema, member(member(at, "properties"), *path));
        if (member(at, "items"))
            at = resolve(schema, member(at, "items"));
    }
    return at;
}

static void the_schema_has_each_figure_with_its_type(void **state)
{
    cJSON *schema = read_schema();

    (void)state;
    assert_int_equal(sizeof(places) / sizeof(places[0]), FIGURE_TABLES);
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        const cJSON *properties = member(place_of(schema, places[i].path), "properties");
        size_t count;
        const struct figure *all = figure_all(places[i].table, &count);

        for (size_t k = 0; k < count; k++) {
            const cJSON *property = resolve(schema, member(properties, all[k].name));

            if (!property || !fits(property, all[k].kind))
                fail_msg("%s: %s of table %zu", SCHEMA, all[k].name, i);
        }
    }
    cJSON_Delete(schema);
}

static void assert_same_names(const cJSON *report, const cJSON *object, const char *where)
{
    const cJSON *properties = member(object, "properties");
    const cJSON *one = report->child;
    const cJSON *property;

    cJSON_ArrayForEach(property, properties)
    {
        if (!one || strcmp(one->string, property->string) != 0)
            fail_msg("%s: %s where the report has %s", where, property->string,
                     one ? one->string : "nothing");
        one = one->next;
    }
    assert_null(one);
}

static void the_report_has_the_properties_of_the_schema_in_their_order(void **state)
{
    cJSON *schema = read_schema();
    struct dash *d = dash_new(10, 10);
    struct figures f = {0};
    struct strbuf out = {0};
    cJSON *report;

    (void)state;
    d->events_reader.path = d->log_reader.path = "file";
    figures_take(&f, d, &usual_limits, NOW);
    health_take(&f, &usual_limits);
    report_json(&f, &out);
    report = cJSON_ParseWithLength(out.data, out.len);
    assert_non_null(report);
    assert_same_names(report, schema, "the whole");
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        const char *const *path = places[i].path;
        const cJSON *at = report;

        for (; *path && at; path++)
            at = cJSON_IsArray(member(at, *path)) ? member(at, *path)->child : member(at, *path);
        if (at)
            assert_same_names(at, place_of(schema, places[i].path), places[i].path[0]);
    }
    cJSON_Delete(report);
    cJSON_Delete(schema);
    strbuf_release(&out);
    figures_release(&f);
    dash_free(d);
}

static void what_is_not_known_is_said_to_be_so(void **state)
{
    const struct figures f = {
        .retried = -1, .failed = 1204, .rate_10s.per_second = NAN, .vs_hour_ago = 0.04};
    static const struct {
        const char *name;
        const char *text;
    } cases[] = {
        {"retried_total", "n/a"},
        {"failed_total", "1 204"},
        {"rate_10s", "- msg/s"},
        {"rate_vs_hour_ago", "+4 % (5 min)"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_string_equal(figure_text(figure_named(FIGURE_OF_FLOW, cases[i].name), &f).text,
                            cases[i].text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_schema_has_each_figure_with_its_type),
        cmocka_unit_test(the_report_has_the_properties_of_the_schema_in_their_order),
        cmocka_unit_test(what_is_not_known_is_said_to_be_so),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
