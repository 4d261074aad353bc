#include "base/json_writer.h"

#include <math.h>
#include <string.h>

#include "base/base64.h"
#include "base/json_chars.h"
#include "base/utf8.h"

struct json_writer json_writer_on(struct strbuf *out)
{
    return (struct json_writer){.out = out};
}

/* Room for `n` more bytes and the NUL. Mostly it is there already: no call then. */
static char *room(struct strbuf *out, size_t n)
{
    if (out->cap - out->len <= n)
        strbuf_reserve(out, n);
    return out->data + out->len;
}

/* Takes what was written from room() up to `end`. */
static void take(struct strbuf *out, char *end)
{
    *end = '\0';
    out->len = (size_t)(end - out->data);
}

static void put(struct strbuf *out, const char *bytes, size_t len)
{
    take(out, mempcpy(room(out, len), bytes, len));
}

static void put_one(struct strbuf *out, char c)
{
    char *p = room(out, 1);

    *p = c;
    take(out, p + 1);
}

static void begin_value(struct json_writer *w, const char *key)
{
    size_t n = key ? strlen(key) : 0;
    char *p = room(w->out, n + 4);

    if (w->needs_comma)
        *p++ = ',';
    w->needs_comma = true;
    if (key) {
        *p++ = '"';
        p = mempcpy(p, key, n);
        *p++ = '"';
        *p++ = ':';
    }
    take(w->out, p);
}

static void open_bracket(struct json_writer *w, const char *key, char bracket)
{
    begin_value(w, key);
    put_one(w->out, bracket);
    w->needs_comma = false;
}

static void close_bracket(struct json_writer *w, char bracket)
{
    put_one(w->out, bracket);
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

/* What stands behind the backslash, 'u' for \\u00xx, 0 where no escape is needed. DEL is escaped
 * too, though JSON allows it raw: a journal is read in terminals. */
static const char escapes[256] = {
    [0x00 ... 0x08] = 'u', ['\t'] = 't', ['\n'] = 'n',  [0x0b ... 0x0c] = 'u', ['\r'] = 'r',
    [0x0e ... 0x1f] = 'u', ['"'] = '"',  ['\\'] = '\\', [0x7f] = 'u',
};

#define ESCAPE_MAX   6
#define ESCAPE_PIECE 256

static char *put_char(char *p, unsigned char c)
{
    static const char digits[] = "0123456789abcdef";

    if (!escapes[c]) {
        *p++ = (char)c;
        return p;
    }
    *p++ = '\\';
    *p++ = escapes[c];
    if (escapes[c] == 'u') {
        *p++ = '0';
        *p++ = '0';
        *p++ = digits[c >> 4];
        *p++ = digits[c & 15];
    }
    return p;
}

/* Writes whole words, of which the next one overwrites what is too much: up to eight bytes of room
 * behind the last character are needed. */
static char *put_eight(char *p, const char *text)
{
    uint64_t rest = json_chars_load(text);
    uint64_t marks = json_chars_mark(rest);
    size_t left = sizeof(rest);

    while (marks) {
        size_t plain = json_chars_first(marks);

        json_chars_store(p, rest);
        rest >>= 8 * plain;
        p = put_char(p + plain, (unsigned char)rest);
        rest >>= 8;
        marks = marks >> 8 * plain >> 8;
        left -= plain + 1;
    }
    json_chars_store(p, rest);
    return p + left;
}

/* Piece by piece, so that the room for the worst case stays small. */
static void add_escaped(struct strbuf *out, const char *text, size_t len)
{
    for (size_t begin = 0; begin < len; begin += ESCAPE_PIECE) {
        size_t end = len - begin < ESCAPE_PIECE ? len : begin + ESCAPE_PIECE;
        size_t i = begin;
        char *p = room(out, (end - begin) * ESCAPE_MAX + sizeof(uint64_t));

        for (; end - i >= sizeof(uint64_t); i += sizeof(uint64_t))
            p = put_eight(p, text + i);
        for (; i < end; i++)
            p = put_char(p, (unsigned char)text[i]);
        take(out, p);
    }
}

static void add_quoted(struct strbuf *out, const char *text, size_t len)
{
    put_one(out, '"');
    add_escaped(out, text, len);
    put_one(out, '"');
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
    char digits[20];
    char *end = digits + sizeof(digits);
    char *p = end;
    uint64_t rest = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;

    do {
        *--p = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest);
    if (value < 0)
        *--p = '-';
    json_raw(w, key, p, (size_t)(end - p));
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
    if (len)
        put(w->out, json, len);
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
