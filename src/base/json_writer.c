#include "base/json_writer.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/base64.h"
#include "base/utf8.h"

struct json_writer json_writer_on(struct strbuf *out)
{
    return (struct json_writer){.out = out};
}

static void begin_value(struct json_writer *w, const char *key)
{
    if (w->needs_comma)
        strbuf_addc(w->out, ',');
    w->needs_comma = true;
    if (!key)
        return;
    strbuf_addc(w->out, '"');
    strbuf_adds(w->out, key);
    strbuf_add(w->out, "\":", 2);
}

static void open_bracket(struct json_writer *w, const char *key, char bracket)
{
    begin_value(w, key);
    strbuf_addc(w->out, bracket);
    w->needs_comma = false;
}

static void close_bracket(struct json_writer *w, char bracket)
{
    strbuf_addc(w->out, bracket);
    w->needs_comma = true;
}

void json_begin_object(struct json_writer *w, const char *key)
{
    open_bracket(w, key, '{');
}

void json_end_object(struct json_writer *w)
{
    close_bracket(w, '}');
}

void json_begin_array(struct json_writer *w, const char *key)
{
    open_bracket(w, key, '[');
}

void json_end_array(struct json_writer *w)
{
    close_bracket(w, ']');
}

static void add_escape(struct strbuf *out, unsigned char c)
{
    switch (c) {
    case '"':
        strbuf_add(out, "\\\"", 2);
        break;
    case '\\':
        strbuf_add(out, "\\\\", 2);
        break;
    case '\n':
        strbuf_add(out, "\\n", 2);
        break;
    case '\r':
        strbuf_add(out, "\\r", 2);
        break;
    case '\t':
        strbuf_add(out, "\\t", 2);
        break;
    default:
        strbuf_addf(out, "\\u%04x", c);
        break;
    }
}

/* DEL is escaped too, though JSON allows it raw: a journal is read in terminals. */
static bool needs_escape(unsigned char c)
{
    return c < 0x20 || c == '"' || c == '\\' || c == 0x7f;
}

static void add_quoted(struct strbuf *out, const char *text, size_t len)
{
    size_t start = 0;

    strbuf_reserve(out, len + 2);
    strbuf_addc(out, '"');
    for (size_t i = 0; i < len; i++) {
        if (!needs_escape((unsigned char)text[i]))
            continue;
        strbuf_add(out, text + start, i - start);
        add_escape(out, (unsigned char)text[i]);
        start = i + 1;
    }
    strbuf_add(out, text + start, len - start);
    strbuf_addc(out, '"');
}

void json_string_n(struct json_writer *w, const char *key, const char *text, size_t len)
{
    begin_value(w, key);
    add_quoted(w->out, text, len);
}

void json_string(struct json_writer *w, const char *key, const char *text)
{
    json_string_n(w, key, text, strlen(text));
}

void json_int(struct json_writer *w, const char *key, int64_t value)
{
    begin_value(w, key);
    strbuf_addf(w->out, "%" PRId64, value);
}

void json_bool(struct json_writer *w, const char *key, bool value)
{
    begin_value(w, key);
    strbuf_adds(w->out, value ? "true" : "false");
}

void json_null(struct json_writer *w, const char *key)
{
    begin_value(w, key);
    strbuf_adds(w->out, "null");
}

void json_number(struct json_writer *w, const char *key, double value, int decimals)
{
    if (!isfinite(value)) {
        json_null(w, key);
        return;
    }
    begin_value(w, key);
    strbuf_addf(w->out, "%.*f", decimals, value);
}

void json_raw(struct json_writer *w, const char *key, const char *json, size_t len)
{
    begin_value(w, key);
    strbuf_add(w->out, json, len);
}

void json_bytes(struct json_writer *w, const char *key, const char *encoding_key, const char *bytes,
                size_t len)
{
    if (utf8_valid(bytes, len, NULL)) {
        json_string_n(w, key, bytes, len);
        return;
    }
    begin_value(w, key);
    strbuf_addc(w->out, '"');
    base64_encode(w->out, bytes, len);
    strbuf_addc(w->out, '"');
    json_string(w, encoding_key, "base64");
}
