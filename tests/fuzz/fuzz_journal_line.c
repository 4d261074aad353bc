/* A line of the journal as the monitor reads it, for libFuzzer: tests/fuzz/corpus/journal_line,
 * journal_line.dict.
 *
 * What the scanner takes is what cJSON takes, member by member with the same values; every span
 * lies within the line; text comes out of it whole however small the room. */

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <cjson/cJSON.h>

#include "base/utf8.h"
#include "model/journal_line.h"
#include "model/scan.h"

#include "expect.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
    const char *text;
    size_t len;
};

/* The scanner reads texts that cJSON does not: lone surrogates, and numbers of more than 63
 * characters. */
static bool is_beyond_cjson(const struct input *in)
{
    size_t digits = 0;

    for (size_t i = 0; i < in->len; i++) {
        bool is_digit = in->text[i] && strchr("0123456789+-.eE", in->text[i]);

        digits = is_digit ? digits + 1 : 0;
        if (digits >= 63 || (in->text[i] == '\\' && i + 1 < in->len && in->text[i + 1] == 'u'))
            return true;
    }
    return false;
}

static void expect_within(const struct input *in, const struct scan_value *v)
{
    EXPECT(v->kind != JSON_NONE);
    EXPECT(v->text >= in->text && v->text + v->len <= in->text + in->len);
}

static void expect_text(const struct input *in, const struct scan_value *v)
{
    static const size_t caps[] = {1, 2, 3, 5, 8, 64};
    char whole[512];
    char part[64];
    size_t len = scan_text(v, whole, sizeof(whole));

    EXPECT(len < sizeof(whole) && whole[len] == '\0');
    EXPECT(!utf8_valid(in->text, in->len, NULL) || utf8_valid(whole, len, NULL));
    for (size_t i = 0; i < sizeof(caps) / sizeof(caps[0]); i++) {
        size_t n = scan_text(v, part, caps[i]);

        EXPECT(n < caps[i] && n <= len && part[n] == '\0');
        EXPECT(memcmp(part, whole, n) == 0);
    }
}

static void expect_same_text(const struct scan_value *v, const char *expected)
{
    char text[512];
    size_t len = scan_text(v, text, sizeof(text));

    EXPECT(strncmp(text, expected, len) == 0);
    EXPECT(len + 4 >= sizeof(text) || expected[len] == '\0');
}

static void expect_same_number(const struct scan_value *v, double expected)
{
    double number;
    int64_t integer;

    if (scan_number(v, &number) == 0)
        EXPECT(number == expected);
    if (scan_int(v, &integer) == 0 && fabs(expected) < 9e15)
        EXPECT((double)integer == expected);
}

static void expect_same(const struct scan_value *v, const cJSON *node)
{
    switch (v->kind) {
    case JSON_NONE:
        EXPECT(!"a value");
        break;
    case JSON_NULL:
        EXPECT(cJSON_IsNull(node));
        break;
    case JSON_FALSE:
        EXPECT(cJSON_IsFalse(node));
        break;
    case JSON_TRUE:
        EXPECT(cJSON_IsTrue(node));
        break;
    case JSON_NUMBER:
        EXPECT(cJSON_IsNumber(node));
        expect_same_number(v, node->valuedouble);
        break;
    case JSON_STRING:
        EXPECT(cJSON_IsString(node));
        expect_same_text(v, node->valuestring);
        break;
    case JSON_OBJECT:
        EXPECT(cJSON_IsObject(node));
        break;
    case JSON_ARRAY:
        EXPECT(cJSON_IsArray(node));
        break;
    }
}

/* Walks the object; `node`, cJSON's first member, walks along unless NULL. Returns whether the
 * scanner took it all. */
static bool walk(const struct input *in, const cJSON *node)
{
    struct scan s;
    struct scan_value key;
    struct scan_value value;
    int rc = -1;

    if (scan_begin(&s, in->text, in->len) < 0)
        return false;
    while ((rc = scan_member(&s, &key, &value)) == 1) {
        expect_within(in, &key);
        expect_within(in, &value);
        expect_text(in, &key);
        expect_text(in, &value);
        if (!node)
            continue;
        expect_same_text(&key, node->string);
        expect_same(&value, node);
        node = node->next;
    }
    EXPECT(rc < 0 || !node);
    return rc == 0;
}

static void expect_line(const struct input *in)
{
    struct journal_line line;
    struct journal_order order;

    if (journal_line_parse(&line, in->text, in->len) < 0)
        return;
    EXPECT(line.partition >= 0);
    EXPECT(line.offset >= 0 && line.offset < INT64_MAX);
    EXPECT(line.kind == JOURNAL_MESSAGE || (line.gap_from >= 0 && line.gap_to < INT64_MAX));
    journal_line_order(&line, &order);
    EXPECT(strlen(order.customer) < sizeof(order.customer));
    EXPECT(isfinite(order.total));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct input in = {.text = (const char *)data, .len = size};
    cJSON *tree = is_beyond_cjson(&in) ? NULL : cJSON_ParseWithLength(in.text, in.len);
    bool taken = walk(&in, NULL);

    EXPECT(!taken || is_beyond_cjson(&in) || cJSON_IsObject(tree));
    if (taken && tree)
        walk(&in, tree->child);
    cJSON_Delete(tree);
    expect_line(&in);
    return 0;
}
