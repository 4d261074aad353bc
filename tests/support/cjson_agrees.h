#ifndef SUPPORT_CJSON_AGREES_H
#define SUPPORT_CJSON_AGREES_H

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <cjson/cJSON.h>

#include "model/json_reader.h"

/* cJSON gives up at numbers of more characters. */
#define CJSON_NUMBER_MAX 63

static bool cjson_same_text(const char *text, size_t len, const char *cjson_text)
{
    return strlen(cjson_text) == len && memcmp(text, cjson_text, len) == 0;
}

static bool cjson_same_number(const struct json_node *n, const cJSON *c)
{
    char digits[CJSON_NUMBER_MAX + 1] = "";

    memcpy(digits, n->text, n->text_len);
    return cJSON_IsNumber(c) && strtod(digits, NULL) == c->valuedouble;
}

/* Goes down by itself, as deep as the trees. */
static bool cjson_same_value(const struct json_node *n, const cJSON *c)
{
    const cJSON *other = c->child;

    if ((c->string != NULL) != (n->name != NULL) ||
        (n->name && !cjson_same_text(n->name, n->name_len, c->string)))
        return false;
    for (const struct json_node *child = n->child; child; child = child->next) {
        if (!other || !cjson_same_value(child, other))
            return false;
        other = other->next;
    }
    if (other)
        return false;
    switch (n->kind) {
    case JSON_NONE:
        return false;
    case JSON_NULL:
        return cJSON_IsNull(c);
    case JSON_FALSE:
        return cJSON_IsFalse(c);
    case JSON_TRUE:
        return cJSON_IsTrue(c);
    case JSON_NUMBER:
        return cjson_same_number(n, c);
    case JSON_STRING:
        return cJSON_IsString(c) && cjson_same_text(n->text, n->text_len, c->valuestring);
    case JSON_ARRAY:
        return cJSON_IsArray(c);
    case JSON_OBJECT:
        return cJSON_IsObject(c);
    }
    return false;
}

static bool cjson_has_long_number(const struct json_node *n)
{
    if (n->kind == JSON_NUMBER && n->text_len > CJSON_NUMBER_MAX)
        return true;
    for (const struct json_node *child = n->child; child; child = child->next)
        if (cjson_has_long_number(child))
            return true;
    return false;
}

/* Whether cJSON takes the text that `tree` was read from and sees the same values in it. True for
 * texts with numbers that are too long for cJSON. */
static bool cjson_agrees(const struct json_node *tree, const char *bytes, size_t len)
{
    cJSON *other;
    bool same;

    if (cjson_has_long_number(tree))
        return true;
    other = cJSON_ParseWithLength(bytes, len);
    same = other && cjson_same_value(tree, other);
    cJSON_Delete(other);
    return same;
}

#endif
