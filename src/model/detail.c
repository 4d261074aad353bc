#include "model/detail.h"

#include <string.h>
#include <cjson/cJSON.h>

#include "base/utf8.h"
#include "model/json_doc.h"

#define TEXT_MAX     2000
#define INDENT       2
#define MAX_INDENT   64
#define MAX_DOCUMENT ((size_t)4 << 20) /* cJSON may take forty times as much memory */

/* cJSON keeps numbers as doubles: their digits are taken from the text, where they stand in the
 * same order as in the tree. */
struct walk {
    const char *p;
    const char *end;
    struct strbuf *out;
};

static const char *end_of_string(const char *p, const char *end)
{
    for (p++; p < end && *p != '"'; p++)
        p += *p == '\\';
    return p;
}

static void add_next_number(struct walk *w)
{
    const char *begin;

    for (; w->p < w->end && !strchr("-0123456789", *w->p); w->p++) {
        if (*w->p == '"')
            w->p = end_of_string(w->p, w->end);
    }
    begin = w->p;
    while (w->p < w->end && strchr("+-.0123456789eE", *w->p))
        w->p++;
    strbuf_add(w->out, begin, (size_t)(w->p - begin));
}

static void add_text(struct strbuf *out, const char *text)
{
    char shown[TEXT_MAX + 1];
    size_t len = utf8_copy(shown, sizeof(shown), text);

    for (size_t i = 0; i < len; i++)
        strbuf_addc(out, shown[i] == '\n' || shown[i] == '\r' ? ' ' : shown[i]);
    if (text[len])
        strbuf_adds(out, "…");
}

static void add_indent(struct strbuf *out, int depth)
{
    for (int i = 0; i < depth * INDENT && i < MAX_INDENT; i++)
        strbuf_addc(out, ' ');
}

/* Goes down by itself, as deep as json_doc_read does. */
static void add_members(struct walk *w, const cJSON *parent, int depth)
{
    const cJSON *item;

    cJSON_ArrayForEach(item, parent)
    {
        bool is_nested = cJSON_IsObject(item) || cJSON_IsArray(item);

        add_indent(w->out, depth);
        add_text(w->out, item->string ? item->string : "-");
        strbuf_adds(w->out, item->string ? ":" : "");
        strbuf_adds(w->out, is_nested ? "" : " ");
        if (cJSON_IsString(item))
            add_text(w->out, item->valuestring);
        else if (cJSON_IsNumber(item))
            add_next_number(w);
        else if (!is_nested)
            strbuf_adds(w->out, cJSON_IsNull(item)   ? "null"
                                : cJSON_IsTrue(item) ? "true"
                                                     : "false");
        strbuf_addc(w->out, '\n');
        if (is_nested)
            add_members(w, item, depth + 1);
    }
}

/* For cJSON a text ends at a NUL: what stands behind it must not be hidden. */
static bool is_shown_whole(const char *json, size_t len)
{
    return len <= MAX_DOCUMENT && !memmem(json, len, "\\u0000", 6) && !memchr(json, '\0', len);
}

void detail_lines(const char *json, size_t len, struct strbuf *out)
{
    struct walk w = {.p = json, .end = json + len, .out = out};
    cJSON *doc = is_shown_whole(json, len) ? json_doc_read(json, len) : NULL;
    size_t before = out->len;

    if (cJSON_IsObject(doc) || cJSON_IsArray(doc))
        add_members(&w, doc, 0);
    if (out->len == before)
        strbuf_add(out, json, len);
    json_doc_free(doc);
}
