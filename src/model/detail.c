#include "model/detail.h"

#include "model/scan.h"

#define TEXT_MAX 2000
#define INDENT   2
#define DEEPEST  32

static void add_members(const char *json, size_t len, int depth, struct strbuf *out);

static void add_text(const struct scan_value *v, struct strbuf *out)
{
    char text[TEXT_MAX + 1];
    size_t len = scan_text(v, text, sizeof(text));

    for (size_t i = 0; i < len; i++) {
        if (text[i] == '\n' || text[i] == '\r')
            strbuf_addc(out, ' ');
        else
            strbuf_addc(out, text[i]);
    }
    if (v->len > len && v->len > TEXT_MAX)
        strbuf_adds(out, "…");
}

static void add_name(const char *name, size_t len, int depth, struct strbuf *out)
{
    for (int i = 0; i < depth * INDENT; i++)
        strbuf_addc(out, ' ');
    strbuf_add(out, name, len);
    strbuf_adds(out, ":");
}

static void add_value(const struct scan_value *v, int depth, struct strbuf *out)
{
    bool nested = (v->kind == JSON_OBJECT || v->kind == JSON_ARRAY) && depth < DEEPEST;

    if (!nested)
        strbuf_addc(out, ' ');
    if (v->kind == JSON_NULL)
        strbuf_adds(out, "null");
    else if (!nested)
        add_text(v, out);
    strbuf_addc(out, '\n');
    if (nested)
        add_members(v->text, v->len, depth + 1, out);
}

static void add_members(const char *json, size_t len, int depth, struct strbuf *out)
{
    struct scan s;
    struct scan_value key;
    struct scan_value value;

    if (scan_begin(&s, json, len) < 0)
        return;
    if (s.close == ']') {
        while (scan_element(&s, &value) == 1) {
            add_name("-", 1, depth, out);
            strbuf_cut(out, out->len - 1);
            add_value(&value, depth, out);
        }
        return;
    }
    while (scan_member(&s, &key, &value) == 1) {
        add_name(key.text, key.len, depth, out);
        add_value(&value, depth, out);
    }
}

void detail_lines(const char *json, size_t len, struct strbuf *out)
{
    size_t before = out->len;

    add_members(json, len, 0, out);
    if (out->len == before)
        strbuf_add(out, json, len);
}
