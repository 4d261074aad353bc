#include "view/report.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/ascii.h"
#include "base/rfc3339.h"
#include "base/utf8.h"
#include "model/json_doc.h"
#include "view/figure.h"
#include "view/health.h"
#include "view/text.h"

/* A text of unknown origin: bytes that are no UTF-8 become U+FFFD, which is all that JSON can say.
 */
static void add_text(struct cJSON *doc, const char *key, const char *text)
{
    struct strbuf valid = {0};
    size_t len = text ? strlen(text) : 0;

    for (size_t at = 0; at < len;) {
        uint32_t code;
        size_t used = utf8_decode(text + at, len - at, &code);

        if (used == 0)
            strbuf_adds(&valid, "\xef\xbf\xbd");
        else
            strbuf_add(&valid, text + at, used);
        at += used ? used : 1;
    }
    json_doc_text(doc, key, text ? strbuf_text(&valid) : NULL);
    strbuf_release(&valid);
}

/* A character that is valid in JSON as it stands, but that a terminal would act upon. */
static bool needs_escape(const char *bytes, size_t len, uint32_t code)
{
    struct glyph g;

    text_next(bytes, len, false, &g);
    return code >= 0x7f && code < 0x10000 && g.code == TEXT_REPLACEMENT && code != TEXT_REPLACEMENT;
}

/* Beyond ASCII there are only strings in a JSON text. */
static void add_harmless(struct strbuf *out, const struct strbuf *json)
{
    for (size_t at = 0; at < json->len;) {
        uint32_t code = 0;
        size_t used = utf8_decode(json->data + at, json->len - at, &code);

        if (needs_escape(json->data + at, used, code))
            strbuf_addf(out, "\\u%04x", code);
        else
            strbuf_add(out, json->data + at, used);
        at += used;
    }
}

static void add_time(struct cJSON *doc, const char *key, int64_t ms)
{
    char text[RFC3339_SIZE];

    rfc3339_format(ms, text);
    json_doc_text(doc, key, ms ? text : NULL);
}

static void add_figure(struct cJSON *doc, const struct figure *figure, const void *of)
{
    struct figure_value v = figure->get(of);

    switch (figure->kind) {
    case FIGURE_COUNT:
        if (v.integer < 0)
            json_doc_text(doc, figure->name, NULL);
        else
            json_doc_int(doc, figure->name, v.integer);
        break;
    case FIGURE_INT:
        json_doc_int(doc, figure->name, v.integer);
        break;
    case FIGURE_NUMBER:
        json_doc_number(doc, figure->name, v.number, figure->decimals);
        break;
    case FIGURE_FLAG:
        json_doc_bool(doc, figure->name, v.integer);
        break;
    case FIGURE_TEXT:
        add_text(doc, figure->name, v.text);
        break;
    case FIGURE_TIME:
        add_time(doc, figure->name, v.integer);
        break;
    }
}

static void add_figures(struct cJSON *doc, enum figure_table table, const void *of)
{
    size_t count;
    const struct figure *figures = figure_all(table, &count);

    for (size_t i = 0; i < count; i++)
        add_figure(doc, &figures[i], of);
}

static void add_reasons(struct cJSON *doc, const struct figures *f)
{
    struct cJSON *list = json_doc_array(doc, "reasons");
    int order[HEALTH_RULES];

    health_ranking(&f->health, order);
    for (int i = 0; i < HEALTH_RULES; i++) {
        const struct health_finding *found = &f->health.findings[order[i]];
        struct cJSON *object;
        char level[24];

        if (found->level == LEVEL_OK)
            continue;
        snprintf(level, sizeof(level), "%s", level_name(found->level));
        for (char *p = level; *p; p++)
            *p = ascii_lower(*p);
        object = json_doc_object(list, NULL);
        json_doc_text(object, "rule", health_rule_name(order[i]));
        json_doc_text(object, "level", level);
        add_text(object, "tracker", found->tracker);
        add_text(object, "text", found->text);
    }
}

static void add_windows(struct cJSON *doc, const struct figures *f)
{
    static const char *const keys[WINDOWS] = {"10s", "60s", "15m", "all"};
    struct cJSON *windows = json_doc_object(doc, "windows");

    for (int i = 0; i < WINDOWS; i++)
        add_figures(json_doc_object(windows, keys[i]), FIGURE_OF_WINDOW, &f->windows[i]);
}

static void add_orders(struct cJSON *doc, const struct figures *f)
{
    struct cJSON *orders = json_doc_object(doc, "orders_60s");
    struct cJSON *list;

    add_figures(orders, FIGURE_OF_ORDERS, f);
    list = json_doc_array(orders, "currencies");
    for (int i = 0; i < f->orders.currency_count; i++) {
        struct cJSON *object = json_doc_object(list, NULL);

        add_text(object, "currency", f->orders.currencies[i].name);
        json_doc_int(object, "n", f->orders.currencies[i].orders);
        json_doc_number(object, "value", (double)f->orders.currencies[i].cents / 100, 2);
    }
}

static void add_trackers(struct cJSON *doc, const struct figures *f)
{
    struct cJSON *list = json_doc_array(doc, "trackers");

    for (int i = 0; i < figures_tracker_rows(f); i++)
        add_figures(json_doc_object(list, NULL), FIGURE_OF_TRACKER, figures_tracker(f, i));
}

static void add_partitions(struct cJSON *doc, const struct figures *f)
{
    struct cJSON *list = json_doc_array(doc, "partitions");

    for (int i = 0; i < f->partition_count; i++)
        add_figures(json_doc_object(list, NULL), FIGURE_OF_PARTITION, &f->partitions[i]);
}

static void add_errors(struct cJSON *doc, const struct figures *f)
{
    struct cJSON *list = json_doc_array(doc, "errors_60s");
    int order[CAUSE_MAX];
    int count = cause_ranking(f->causes, f->now_ms, order);

    for (int i = 0; i < count; i++) {
        const struct cause *c = &f->causes->items[order[i]];
        const struct figure_error error = {.cause = c, .now_ms = f->now_ms};
        struct cJSON *object = json_doc_object(list, NULL);
        char example[40];

        snprintf(example, sizeof(example), "%d@%" PRId64, c->partition, c->offset);
        add_figures(object, FIGURE_OF_ERROR, &error);
        json_doc_text(object, "example", example);
    }
}

void report_json(const struct figures *f, struct strbuf *out)
{
    struct cJSON *doc = json_doc_object(NULL, NULL);
    struct strbuf text = {0};

    json_doc_int(doc, "schema", 1);
    add_time(doc, "at", f->now_ms);
    add_figures(doc, FIGURE_OF_STATE, f);
    add_reasons(doc, f);
    add_figures(doc, FIGURE_OF_FLOW, f);
    add_windows(doc, f);
    add_figures(json_doc_object(doc, "latency_ms"), FIGURE_OF_LATENCY, f);
    add_figures(json_doc_object(doc, "lag"), FIGURE_OF_LAG, f);
    add_figures(json_doc_object(doc, "processor"), FIGURE_OF_PROCESSOR, f);
    add_orders(doc, f);
    add_trackers(doc, f);
    add_partitions(doc, f);
    add_errors(doc, f);
    add_figures(json_doc_object(doc, "reader"), FIGURE_OF_READER, f);
    json_doc_print(doc, &text);
    add_harmless(out, &text);
    strbuf_addc(out, '\n');
    strbuf_release(&text);
    json_doc_free(doc);
}
