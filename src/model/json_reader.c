#include "model/json_reader.h"

#include <ctype.h>
#include <math.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_chars.h"
#include "base/utf8.h"

/* As in the header, each read_... and pass_... takes a place and returns the one behind what it
 * read. */

static const char *read_value(struct json_reader *r, const char *p, struct json_node *n);

/* Always NULL, so that `return refuse(...)` reads as what it is. */
__attribute__((format(printf, 3, 4))) static const char *refuse(struct json_reader *r,
                                                                const char *at, const char *fmt,
                                                                ...)
{
    va_list ap;
    int n;

    va_start(ap, fmt);
    n = vsnprintf(r->why, r->why_size, fmt, ap);
    va_end(ap);
    if (n >= 0 && (size_t)n < r->why_size)
        snprintf(r->why + n, r->why_size - (size_t)n, " at byte %zu", (size_t)(at - r->start));
    return NULL;
}

static const char *refuse_end(struct json_reader *r)
{
    snprintf(r->why, r->why_size, r->start == r->end ? "empty value" : "unexpected end of JSON");
    return NULL;
}

/* The byte at `p` cannot stand where `wanted` was expected. */
static const char *refuse_byte(struct json_reader *r, const char *p, const char *wanted)
{
    unsigned char c;
    uint32_t code;

    if (p == r->end)
        return refuse_end(r);
    c = (unsigned char)*p;
    if (utf8_decode(p, (size_t)(r->end - p), &code) == 0)
        return refuse(r, p, "invalid UTF-8");
    if (c == 0)
        return refuse(r, p, "NUL byte");
    if (c > 0x20 && c < 0x7f)
        return refuse(r, p, "expected %s, got '%c'", wanted, c);
    return refuse(r, p, "expected %s, got U+%04X", wanted, (unsigned)code);
}

/* At a backslash that begins no escape. */
static const char *refuse_escape(struct json_reader *r, const char *p)
{
    if (r->end - p < 2)
        return refuse_end(r);
    if (p[1] != 'u')
        return refuse(r, p, "unknown escape");
    p += 2;
    while (p < r->end && isxdigit((unsigned char)*p))
        p++;
    return refuse_byte(r, p, "four hexadecimal digits");
}

static bool is_at(const struct json_reader *r, const char *p, char c)
{
    return p < r->end && *p == c;
}

static bool is_digit_at(const struct json_reader *r, const char *p)
{
    return p < r->end && *p >= '0' && *p <= '9';
}

static const char *pass_space(struct json_reader *r, const char *p)
{
    for (; p < r->end && (*p == ' ' || *p == '\n' || *p == '\r' || *p == '\t'); p++)
        r->has_space = true;
    return p;
}

static const char *pass_digits(struct json_reader *r, const char *p)
{
    if (!is_digit_at(r, p))
        return refuse_byte(r, p, "a digit");
    while (is_digit_at(r, p))
        p++;
    return p;
}

static const char *pass_integer(struct json_reader *r, const char *p)
{
    const char *begin = p;

    if (is_at(r, p, '-'))
        p++;
    if (!is_at(r, p, '0'))
        return pass_digits(r, p);
    if (is_digit_at(r, p + 1))
        return refuse(r, begin, "number with a leading zero");
    return p + 1;
}

static const char *pass_exponent(struct json_reader *r, const char *p)
{
    p++;
    if (is_at(r, p, '+') || is_at(r, p, '-'))
        p++;
    return pass_digits(r, p);
}

/* No number of fewer digits is too large, unless it has an exponent. */
#define ALWAYS_FINITE_LEN 300

static bool is_finite(struct json_reader *r, const struct json_node *n, bool has_exponent)
{
    return (!has_exponent && n->text_len < ALWAYS_FINITE_LEN) ||
           isfinite(strtod(arena_strndup(r->arena, n->text, n->text_len), NULL));
}

static const char *read_number(struct json_reader *r, const char *p, struct json_node *n)
{
    bool has_exponent = false;

    n->kind = JSON_NUMBER;
    n->text = p;
    p = pass_integer(r, p);
    if (p && is_at(r, p, '.'))
        p = pass_digits(r, p + 1);
    if (p && (is_at(r, p, 'e') || is_at(r, p, 'E'))) {
        has_exponent = true;
        p = pass_exponent(r, p);
    }
    if (!p)
        return NULL;
    n->text_len = (size_t)(p - n->text);
    if (!r->is_lenient && !is_finite(r, n, has_exponent))
        r->has_infinite = true;
    return p;
}

static const char *pass_escape(struct json_reader *r, const char *p)
{
    uint32_t code;
    size_t n = json_chars_escape(p, r->end, &code);

    if (n == 0)
        return refuse_escape(r, p);
    if (r->is_lenient)
        return p + n;
    if (code == 0)
        return refuse(r, p, "\\u0000 in a string");
    if (code >= 0xd800 && code <= 0xdfff)
        return refuse(r, p, "lone surrogate escape");
    return p + n;
}

static const char *pass_character(struct json_reader *r, const char *p)
{
    uint32_t code;
    size_t n = r->is_lenient ? 1 : utf8_decode(p, (size_t)(r->end - p), &code);

    return n ? p + n : refuse(r, p, "invalid UTF-8");
}

/* The text between two quotes that has passed, without its escapes. */
static void unescape(struct json_reader *r, const char **text, size_t *len)
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

static const char *read_string(struct json_reader *r, const char *p, const char **text, size_t *len)
{
    bool has_escapes = false;

    *text = ++p;
    for (;;) {
        p = json_chars_plain(p, r->end);
        if (p == r->end)
            return refuse_end(r);
        if (*p == '"')
            break;
        if ((unsigned char)*p < 0x20)
            return refuse(r, p, *p ? "control character in a string" : "NUL byte");
        has_escapes = has_escapes || *p == '\\';
        p = *p == '\\' ? pass_escape(r, p) : pass_character(r, p);
        if (!p)
            return NULL;
    }
    *len = (size_t)(p - *text);
    if (has_escapes && r->arena)
        unescape(r, text, len);
    return p + 1;
}

static const char *read_literal(struct json_reader *r, const char *p, struct json_node *n,
                                const char *word, enum json_kind kind)
{
    size_t len = strlen(word);
    size_t left = (size_t)(r->end - p);

    if (memcmp(p, word, left < len ? left : len) != 0)
        return refuse_byte(r, p, "a value");
    if (left < len)
        return refuse_end(r);
    n->kind = kind;
    n->text = p;
    n->text_len = len;
    return p + len;
}

static const char *read_name(struct json_reader *r, const char *p, struct json_node *n)
{
    p = pass_space(r, p);
    if (!is_at(r, p, '"'))
        return refuse_byte(r, p, "a member's name");
    p = read_string(r, p, &n->name, &n->name_len);
    if (!p)
        return NULL;
    p = pass_space(r, p);
    return is_at(r, p, ':') ? p + 1 : refuse_byte(r, p, "':'");
}

static const char *read_child(struct json_reader *r, const char *p, struct json_node *n,
                              bool has_name)
{
    *n = (struct json_node){0};
    if (has_name)
        p = read_name(r, p, n);
    return p ? read_value(r, p, n) : NULL;
}

static const char *read_container(struct json_reader *r, const char *p, struct json_node *n,
                                  char close)
{
    struct json_node **link = &n->child;
    struct json_node scratch = {0};

    if (++r->depth > r->max_depth)
        return refuse(r, p, "nested deeper than %d", r->max_depth);
    n->kind = close == '}' ? JSON_OBJECT : JSON_ARRAY;
    n->text = p;
    p = pass_space(r, p + 1);
    if (!is_at(r, p, close)) {
        for (;; p++) {
            struct json_node *child = r->arena ? arena_alloc(r->arena, sizeof(*child)) : &scratch;

            p = read_child(r, p, child, close == '}');
            if (!p)
                return NULL;
            if (r->arena) {
                *link = child;
                link = &child->next;
            }
            p = pass_space(r, p);
            if (!is_at(r, p, ','))
                break;
        }
        if (!is_at(r, p, close))
            return refuse_byte(r, p, close == '}' ? "',' or '}'" : "',' or ']'");
    }
    r->depth--;
    n->text_len = (size_t)(p + 1 - n->text);
    return p + 1;
}

/* Goes down by itself for nested values, max_depth deep at most. */
static const char *read_value(struct json_reader *r, const char *p, struct json_node *n)
{
    p = pass_space(r, p);
    if (p == r->end)
        return refuse_end(r);
    switch (*p) {
    case '{':
        return read_container(r, p, n, '}');
    case '[':
        return read_container(r, p, n, ']');
    case '"':
        n->kind = JSON_STRING;
        return read_string(r, p, &n->text, &n->text_len);
    case 't':
        return read_literal(r, p, n, "true", JSON_TRUE);
    case 'f':
        return read_literal(r, p, n, "false", JSON_FALSE);
    case 'n':
        return read_literal(r, p, n, "null", JSON_NULL);
    default:
        if (*p == '-' || is_digit_at(r, p))
            return read_number(r, p, n);
        return refuse_byte(r, p, "a value");
    }
}

const char *json_read_space(struct json_reader *r, const char *p)
{
    return pass_space(r, p);
}

const char *json_read_value(struct json_reader *r, const char *p, struct json_node *n)
{
    return read_child(r, p, n, false);
}

const char *json_read_member(struct json_reader *r, const char *p, struct json_node *n)
{
    return read_child(r, p, n, true);
}

static bool read_text(struct json_reader *r, struct json_node *root)
{
    const char *p = r->start;

    if (r->end - p >= 3 && memcmp(p, "\xef\xbb\xbf", 3) == 0)
        return refuse(r, p, "byte order mark");
    p = read_child(r, p, root, false);
    if (!p)
        return false;
    p = pass_space(r, p);
    if (p < r->end)
        return refuse(r, p, "more after the JSON value");
    if (r->has_infinite)
        snprintf(r->why, r->why_size, "a number is too large to be finite");
    return !r->has_infinite;
}

bool json_tree_read(struct json_tree *tree, const char *bytes, size_t len, int max_depth,
                    struct arena *arena, char *why, size_t why_size)
{
    struct json_reader r = {.start = bytes,
                            .end = bytes + len,
                            .max_depth = max_depth,
                            .arena = arena,
                            .why = why,
                            .why_size = why_size};
    struct json_node *root = arena_alloc(arena, sizeof(*root));

    if (!read_text(&r, root))
        return false;
    *tree = (struct json_tree){.root = root, .is_compact = !r.has_space};
    return true;
}

static bool is_space(char c)
{
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

/* The end of the string that begins at `p`: a quote behind an even number of backslashes. */
static const char *end_of_string(const char *p, const char *end)
{
    for (;;) {
        const char *quote = memchr(p + 1, '"', (size_t)(end - p - 1));
        const char *b = quote;

        if (!quote)
            return end;
        while (b[-1] == '\\')
            b--;
        if ((quote - b) % 2 == 0)
            return quote + 1;
        p = quote;
    }
}

void json_minify(const char *bytes, size_t len, struct strbuf *out)
{
    const char *end = bytes + len;
    const char *run = bytes; /* what is before it has been copied or left out */
    const char *p = bytes;

    strbuf_reserve(out, len);
    while (p < end) {
        if (*p == '"') {
            p = end_of_string(p, end);
        } else if (is_space(*p)) {
            strbuf_add(out, run, (size_t)(p - run));
            run = ++p;
        } else {
            p++;
        }
    }
    strbuf_add(out, run, (size_t)(end - run));
}
