#include "model/json_tree.h"

#include <ctype.h>
#include <math.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "model/json_chars.h"

struct reader {
    const char *start;
    const char *p;
    const char *end;
    int depth;
    int max_depth;
    bool has_infinite; /* said only when nothing worse is wrong with the text */
    struct arena *arena;
    char *why;
    size_t why_size;
};

static bool read_value(struct reader *r, struct json_node *n);

/* Always false, so that `return refuse(...)` reads as what it is. */
__attribute__((format(printf, 3, 4))) static bool refuse(struct reader *r, const char *at,
                                                         const char *fmt, ...)
{
    va_list ap;
    int n;

    va_start(ap, fmt);
    n = vsnprintf(r->why, r->why_size, fmt, ap);
    va_end(ap);
    if (n >= 0 && (size_t)n < r->why_size)
        snprintf(r->why + n, r->why_size - (size_t)n, " at byte %zu", (size_t)(at - r->start));
    return false;
}

static bool refuse_end(struct reader *r)
{
    snprintf(r->why, r->why_size, r->start == r->end ? "empty value" : "unexpected end of JSON");
    return false;
}

/* `p` is at a byte that cannot stand where `wanted` was expected. */
static bool refuse_byte(struct reader *r, const char *wanted)
{
    unsigned char c;
    uint32_t code;

    if (r->p == r->end)
        return refuse_end(r);
    c = (unsigned char)*r->p;
    if (utf8_decode(r->p, (size_t)(r->end - r->p), &code) == 0)
        return refuse(r, r->p, "invalid UTF-8");
    if (c == 0)
        return refuse(r, r->p, "NUL byte");
    if (c > 0x20 && c < 0x7f)
        return refuse(r, r->p, "expected %s, got '%c'", wanted, c);
    return refuse(r, r->p, "expected %s, got U+%04X", wanted, (unsigned)code);
}

/* At a backslash that begins no escape. */
static bool refuse_escape(struct reader *r)
{
    if (r->end - r->p < 2)
        return refuse_end(r);
    if (r->p[1] != 'u')
        return refuse(r, r->p, "unknown escape");
    r->p += 2;
    while (r->p < r->end && isxdigit((unsigned char)*r->p))
        r->p++;
    return refuse_byte(r, "four hexadecimal digits");
}

static bool is_at(const struct reader *r, char c)
{
    return r->p < r->end && *r->p == c;
}

static bool is_digit_at(const struct reader *r)
{
    return r->p < r->end && *r->p >= '0' && *r->p <= '9';
}

static bool is_space_at(const struct reader *r)
{
    return is_at(r, ' ') || is_at(r, '\n') || is_at(r, '\r') || is_at(r, '\t');
}

static void skip_space(struct reader *r)
{
    while (is_space_at(r))
        r->p++;
}

static bool pass_digits(struct reader *r)
{
    if (!is_digit_at(r))
        return refuse_byte(r, "a digit");
    while (is_digit_at(r))
        r->p++;
    return true;
}

/* No number of fewer digits is too large, unless it has an exponent. */
#define ALWAYS_FINITE_LEN 300

static bool is_finite(struct reader *r, const struct json_node *n, bool has_exponent)
{
    return (!has_exponent && n->text_len < ALWAYS_FINITE_LEN) ||
           isfinite(strtod(arena_strndup(r->arena, n->text, n->text_len), NULL));
}

static bool read_number(struct reader *r, struct json_node *n)
{
    bool has_exponent = false;

    n->kind = JSON_NUMBER;
    n->text = r->p;
    if (is_at(r, '-'))
        r->p++;
    if (is_at(r, '0')) {
        r->p++;
        if (is_digit_at(r))
            return refuse(r, n->text, "number with a leading zero");
    } else if (!pass_digits(r)) {
        return false;
    }
    if (is_at(r, '.')) {
        r->p++;
        if (!pass_digits(r))
            return false;
    }
    if (is_at(r, 'e') || is_at(r, 'E')) {
        has_exponent = true;
        r->p++;
        if (is_at(r, '+') || is_at(r, '-'))
            r->p++;
        if (!pass_digits(r))
            return false;
    }
    n->text_len = (size_t)(r->p - n->text);
    if (!is_finite(r, n, has_exponent))
        r->has_infinite = true;
    return true;
}

static bool pass_escape(struct reader *r)
{
    uint32_t code;
    size_t n = json_chars_escape(r->p, r->end, &code);

    if (n == 0)
        return refuse_escape(r);
    if (code == 0)
        return refuse(r, r->p, "\\u0000 in a string");
    if (code >= 0xd800 && code <= 0xdfff)
        return refuse(r, r->p, "lone surrogate escape");
    r->p += n;
    return true;
}

static bool pass_beyond_ascii(struct reader *r)
{
    uint32_t code;
    size_t n = utf8_decode(r->p, (size_t)(r->end - r->p), &code);

    if (n == 0)
        return refuse(r, r->p, "invalid UTF-8");
    r->p += n;
    return true;
}

/* The text between two quotes that has passed, without its escapes. */
static void unescape(struct reader *r, const char **text, size_t *len)
{
    const char *p = *text;
    const char *end = p + *len;
    char *out = arena_alloc(r->arena, *len);
    uint32_t code;

    *text = out;
    while (p < end) {
        if (*p == '\\') {
            p += json_chars_escape(p, end, &code);
            out += utf8_encode(code, out);
        } else {
            *out++ = *p++;
        }
    }
    *len = (size_t)(out - *text);
}

static bool read_string(struct reader *r, const char **text, size_t *len)
{
    bool has_escapes = false;

    *text = ++r->p;
    for (;;) {
        r->p = json_chars_plain(r->p, r->end);
        if (r->p == r->end)
            return refuse_end(r);
        if (*r->p == '"')
            break;
        if (*r->p == '\\') {
            has_escapes = true;
            if (!pass_escape(r))
                return false;
        } else if ((unsigned char)*r->p < 0x20) {
            return refuse(r, r->p, *r->p ? "control character in a string" : "NUL byte");
        } else if (!pass_beyond_ascii(r)) {
            return false;
        }
    }
    *len = (size_t)(r->p++ - *text);
    if (has_escapes)
        unescape(r, text, len);
    return true;
}

static bool read_literal(struct reader *r, struct json_node *n, const char *word,
                         enum json_kind kind)
{
    size_t len = strlen(word);
    size_t left = (size_t)(r->end - r->p);

    if (memcmp(r->p, word, left < len ? left : len) != 0)
        return refuse_byte(r, "a value");
    if (left < len)
        return refuse_end(r);
    r->p += len;
    n->kind = kind;
    return true;
}

/* After a member or an element: 1 = there is another one, 0 = `close` ended them, -1 = refused. */
static int take_separator(struct reader *r, char close)
{
    skip_space(r);
    if (is_at(r, ',')) {
        r->p++;
        return 1;
    }
    if (is_at(r, close)) {
        r->p++;
        return 0;
    }
    refuse_byte(r, close == '}' ? "',' or '}'" : "',' or ']'");
    return -1;
}

static bool read_name(struct reader *r, struct json_node *n)
{
    skip_space(r);
    if (!is_at(r, '"'))
        return refuse_byte(r, "a member's name");
    if (!read_string(r, &n->name, &n->name_len))
        return false;
    skip_space(r);
    if (!is_at(r, ':'))
        return refuse_byte(r, "':'");
    r->p++;
    return true;
}

static bool read_container(struct reader *r, struct json_node *n, char close)
{
    struct json_node **link = &n->child;
    int more = 1;

    if (++r->depth > r->max_depth)
        return refuse(r, r->p, "nested deeper than %d", r->max_depth);
    n->kind = close == '}' ? JSON_OBJECT : JSON_ARRAY;
    r->p++;
    skip_space(r);
    if (is_at(r, close)) {
        r->p++;
        more = 0;
    }
    while (more > 0) {
        struct json_node *child = arena_alloc(r->arena, sizeof(*child));

        *child = (struct json_node){0};
        *link = child;
        link = &child->next;
        if ((close == '}' && !read_name(r, child)) || !read_value(r, child))
            return false;
        more = take_separator(r, close);
    }
    r->depth--;
    return more == 0;
}

/* Goes down by itself for nested values, max_depth deep at most. */
static bool read_value(struct reader *r, struct json_node *n)
{
    skip_space(r);
    if (r->p == r->end)
        return refuse_end(r);
    switch (*r->p) {
    case '{':
        return read_container(r, n, '}');
    case '[':
        return read_container(r, n, ']');
    case '"':
        n->kind = JSON_STRING;
        return read_string(r, &n->text, &n->text_len);
    case 't':
        return read_literal(r, n, "true", JSON_TRUE);
    case 'f':
        return read_literal(r, n, "false", JSON_FALSE);
    case 'n':
        return read_literal(r, n, "null", JSON_NULL);
    default:
        if (*r->p == '-' || is_digit_at(r))
            return read_number(r, n);
        return refuse_byte(r, "a value");
    }
}

static bool read_text(struct reader *r, struct json_node *root)
{
    if (r->end - r->p >= 3 && memcmp(r->p, "\xef\xbb\xbf", 3) == 0)
        return refuse(r, r->p, "byte order mark");
    if (!read_value(r, root))
        return false;
    skip_space(r);
    if (r->p < r->end)
        return refuse(r, r->p, "more after the JSON value");
    if (r->has_infinite) {
        snprintf(r->why, r->why_size, "a number is too large to be finite");
        return false;
    }
    return true;
}

const struct json_node *json_tree_read(const char *bytes, size_t len, int max_depth,
                                       struct arena *arena, char *why, size_t why_size)
{
    struct reader r = {.start = bytes,
                       .p = bytes,
                       .end = bytes + len,
                       .max_depth = max_depth,
                       .arena = arena,
                       .why = why,
                       .why_size = why_size};
    struct json_node *root = arena_alloc(arena, sizeof(*root));

    *root = (struct json_node){0};
    return read_text(&r, root) ? root : NULL;
}

const struct json_node *json_tree_find(const struct json_node *object, const char *name)
{
    size_t len = strlen(name);

    if (object->kind != JSON_OBJECT)
        return NULL;
    for (const struct json_node *n = object->child; n; n = n->next)
        if (n->name_len == len && memcmp(n->name, name, len) == 0)
            return n;
    return NULL;
}
