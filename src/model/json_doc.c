#include "model/json_doc.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <cjson/cJSON.h>

#include "base/mem.h"

#define SPACE " \t\r\n"

struct cJSON *json_doc_read(const char *text, size_t len)
{
    const char *end = NULL;
    cJSON *doc = cJSON_ParseWithLengthOpts(text, len, &end, false);

    while (doc && end < text + len && *end && strchr(SPACE, *end))
        end++;
    if (doc && end == text + len)
        return doc;
    cJSON_Delete(doc);
    return NULL;
}

int64_t json_doc_integer(const struct cJSON *item, int64_t otherwise)
{
    double n = cJSON_IsNumber(item) ? item->valuedouble : NAN;

    return fabs(n) < 0x1p53 && trunc(n) == n ? (int64_t)n : otherwise;
}

/* ---- building ---- */

static struct cJSON *add(struct cJSON *parent, const char *name, cJSON *item)
{
    if (!item)
        mem_die();
    if (parent &&
        !(name ? cJSON_AddItemToObject(parent, name, item) : cJSON_AddItemToArray(parent, item)))
        mem_die();
    return item;
}

struct cJSON *json_doc_object(struct cJSON *parent, const char *name)
{
    return add(parent, name, cJSON_CreateObject());
}

struct cJSON *json_doc_array(struct cJSON *parent, const char *name)
{
    return add(parent, name, cJSON_CreateArray());
}

void json_doc_text(struct cJSON *parent, const char *name, const char *text)
{
    add(parent, name, text ? cJSON_CreateString(text) : cJSON_CreateNull());
}

/* cJSON's own numbers are doubles, which it prints with up to 17 digits. */
void json_doc_int(struct cJSON *parent, const char *name, int64_t value)
{
    char digits[24];

    snprintf(digits, sizeof(digits), "%" PRId64, value);
    add(parent, name, cJSON_CreateRaw(digits));
}

void json_doc_bool(struct cJSON *parent, const char *name, bool value)
{
    add(parent, name, cJSON_CreateBool(value));
}

void json_doc_number(struct cJSON *parent, const char *name, double value, int decimals)
{
    char digits[400]; /* of the largest double */

    snprintf(digits, sizeof(digits), "%.*f", decimals, value);
    add(parent, name, isfinite(value) ? cJSON_CreateRaw(digits) : cJSON_CreateNull());
}

void json_doc_print(const struct cJSON *doc, struct strbuf *out)
{
    char *text = cJSON_PrintUnformatted(doc);

    if (!text)
        mem_die();
    strbuf_adds(out, text);
    cJSON_free(text);
}

void json_doc_free(struct cJSON *doc)
{
    cJSON_Delete(doc);
}
