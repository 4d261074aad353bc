#include "model/json_text.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"

struct scan {
    const char *start;
    const char *p;
    const char *end;
    int depth;
    int max_depth;
    struct arena *arena;
    struct json_numbers *numbers;
    char *why;
    size_t why_size;
};

/* What a byte means inside a string. */
enum in_string { PLAIN = 0, QUOTE, ESCAPE, CONTROL, HIGH };

static const unsigned char string_class[256] = {
    [0x00 ... 0x1f] = CONTROL, ['"'] = QUOTE, ['\\'] = ESCAPE, [0x80 ... 0xff] = HIGH};

static bool check_value(struct scan *s);

/* Always false, so that `return refuse(...)` reads as what it is. */
__attribute__((format(printf, 3, 4))) static bool refuse(struct scan *s, const char *at,
                                                         const char *fmt, ...)
{
    va_list ap;
    int n;

    va_start(ap, fmt);
    n = vsnprintf(s->why, s->why_size, fmt, ap);
    va_end(ap);
    if (n >= 0 && (size_t)n < s->why_size)
        snprintf(s->why + n, s->why_size - (size_t)n, " at byte %zu", (size_t)(at - s->start));
    return false;
}

static bool refuse_end(struct scan *s)
{
    snprintf(s->why, s->why_size, s->start == s->end ? "empty value" : "unexpected end of JSON");
    return false;
}

/* `p` is at a byte that cannot stand where `wanted` was expected. */
static bool refuse_byte(struct scan *s, const char *wanted)
{
    unsigned char c;
    uint32_t code;

    if (s->p == s->end)
        return refuse_end(s);
    c = (unsigned char)*s->p;
    if (utf8_decode(s->p, (size_t)(s->end - s->p), &code) == 0)
        return refuse(s, s->p, "invalid UTF-8");
    if (c == 0)
        return refuse(s, s->p, "NUL byte");
    if (c > 0x20 && c < 0x7f)
        return refuse(s, s->p, "expected %s, got '%c'", wanted, c);
    return refuse(s, s->p, "expected %s, got U+%04X", wanted, (unsigned)code);
}

static bool is_space(char c)
{
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

static void skip_space(struct scan *s)
{
    while (s->p < s->end && is_space(*s->p))
        s->p++;
}

static bool is_digit_at(const struct scan *s)
{
    return s->p < s->end && *s->p >= '0' && *s->p <= '9';
}

static bool check_digits(struct scan *s)
{
    if (!is_digit_at(s))
        return refuse_byte(s, "a digit");
    while (is_digit_at(s))
        s->p++;
    return true;
}

static void note_number(struct scan *s, const char *at)
{
    struct json_numbers *n = s->numbers;

    if (n->count == n->room) {
        size_t room = n->room ? n->room * 2 : 32;
        const char **grown = arena_alloc(s->arena, room * sizeof(*grown));

        if (n->count)
            memcpy(grown, n->at, n->count * sizeof(*grown));
        n->at = grown;
        n->room = room;
    }
    n->at[n->count++] = at;
}

static bool check_number(struct scan *s)
{
    const char *begin = s->p;

    if (*s->p == '-')
        s->p++;
    if (s->p < s->end && *s->p == '0') {
        s->p++;
        if (is_digit_at(s))
            return refuse(s, begin, "number with a leading zero");
    } else if (!check_digits(s)) {
        return false;
    }
    if (s->p < s->end && *s->p == '.') {
        s->p++;
        if (!check_digits(s))
            return false;
    }
    if (s->p < s->end && (*s->p == 'e' || *s->p == 'E')) {
        s->p++;
        if (s->p < s->end && (*s->p == '+' || *s->p == '-'))
            s->p++;
        if (!check_digits(s))
            return false;
    }
    note_number(s, begin);
    return true;
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* Takes the four digits behind a \u. */
static bool take_hex4(struct scan *s, unsigned *unit)
{
    *unit = 0;
    for (int i = 0; i < 4; i++, s->p++) {
        int v = s->p < s->end ? hex_value(*s->p) : -1;

        if (v < 0)
            return refuse_byte(s, "four hexadecimal digits");
        *unit = *unit << 4 | (unsigned)v;
    }
    return true;
}

static bool check_unicode_escape(struct scan *s, const char *at)
{
    unsigned unit;
    unsigned low;

    if (!take_hex4(s, &unit))
        return false;
    if (unit == 0)
        return refuse(s, at, "\\u0000 in a string");
    if (unit < 0xd800 || unit > 0xdfff)
        return true;
    if (unit > 0xdbff || s->end - s->p < 2 || s->p[0] != '\\' || s->p[1] != 'u')
        return refuse(s, at, "lone surrogate escape");
    s->p += 2;
    if (!take_hex4(s, &low))
        return false;
    if (low < 0xdc00 || low > 0xdfff)
        return refuse(s, at, "lone surrogate escape");
    return true;
}

static bool check_escape(struct scan *s)
{
    const char *at = s->p++;

    if (s->p == s->end)
        return refuse_end(s);
    switch (*s->p++) {
    case '"':
    case '\\':
    case '/':
    case 'b':
    case 'f':
    case 'n':
    case 'r':
    case 't':
        return true;
    case 'u':
        return check_unicode_escape(s, at);
    default:
        return refuse(s, at, "unknown escape");
    }
}

static bool check_string(struct scan *s)
{
    uint32_t code;
    size_t n;

    for (s->p++;;) {
        const char *p = s->p;

        while (p < s->end && string_class[(unsigned char)*p] == PLAIN)
            p++;
        s->p = p;
        if (p == s->end)
            return refuse_end(s);
        switch ((enum in_string)string_class[(unsigned char)*p]) {
        case PLAIN:
            break;
        case QUOTE:
            s->p++;
            return true;
        case ESCAPE:
            if (!check_escape(s))
                return false;
            break;
        case CONTROL:
            return refuse(s, p, *p ? "control character in a string" : "NUL byte");
        case HIGH:
            n = utf8_decode(p, (size_t)(s->end - p), &code);
            if (n == 0)
                return refuse(s, p, "invalid UTF-8");
            s->p += n;
            break;
        }
    }
}

static bool check_literal(struct scan *s, const char *word)
{
    size_t n = strlen(word);
    size_t left = (size_t)(s->end - s->p);

    if (memcmp(s->p, word, left < n ? left : n) != 0)
        return refuse_byte(s, "a value");
    if (left < n)
        return refuse_end(s);
    s->p += n;
    return true;
}

/* After a member or an element: 1 = there is another one, 0 = `close` ended them, -1 = refused. */
static int take_separator(struct scan *s, char close)
{
    skip_space(s);
    if (s->p < s->end && *s->p == ',') {
        s->p++;
        return 1;
    }
    if (s->p < s->end && *s->p == close) {
        s->p++;
        return 0;
    }
    refuse_byte(s, close == '}' ? "',' or '}'" : "',' or ']'");
    return -1;
}

static bool check_member(struct scan *s)
{
    skip_space(s);
    if (s->p == s->end || *s->p != '"')
        return refuse_byte(s, "a member's name");
    if (!check_string(s))
        return false;
    skip_space(s);
    if (s->p == s->end || *s->p != ':')
        return refuse_byte(s, "':'");
    s->p++;
    return check_value(s);
}

static bool check_container(struct scan *s, char close)
{
    int more = 1;

    if (++s->depth > s->max_depth)
        return refuse(s, s->p, "nested deeper than %d", s->max_depth);
    s->p++;
    skip_space(s);
    if (s->p < s->end && *s->p == close) {
        s->p++;
        more = 0;
    }
    while (more > 0) {
        if (!(close == '}' ? check_member(s) : check_value(s)))
            return false;
        more = take_separator(s, close);
    }
    s->depth--;
    return more == 0;
}

/* Goes down by itself for nested values, max_depth deep at most. */
static bool check_value(struct scan *s)
{
    skip_space(s);
    if (s->p == s->end)
        return refuse_end(s);
    switch (*s->p) {
    case '{':
        return check_container(s, '}');
    case '[':
        return check_container(s, ']');
    case '"':
        return check_string(s);
    case 't':
        return check_literal(s, "true");
    case 'f':
        return check_literal(s, "false");
    case 'n':
        return check_literal(s, "null");
    default:
        if (*s->p == '-' || is_digit_at(s))
            return check_number(s);
        return refuse_byte(s, "a value");
    }
}

bool json_text_check(const char *bytes, size_t len, int max_depth, struct arena *arena,
                     struct json_numbers *numbers, char *why, size_t why_size)
{
    struct scan s = {.start = bytes,
                     .p = bytes,
                     .end = bytes + len,
                     .max_depth = max_depth,
                     .arena = arena,
                     .numbers = numbers,
                     .why = why,
                     .why_size = why_size};

    *numbers = (struct json_numbers){0};
    if (len >= 3 && memcmp(bytes, "\xef\xbb\xbf", 3) == 0)
        return refuse(&s, s.p, "byte order mark");
    if (!check_value(&s))
        return false;
    skip_space(&s);
    if (s.p < s.end)
        return refuse(&s, s.p, "more after the JSON value");
    return true;
}

/* The end of the string that begins at `p`: a quote behind an even number of backslashes. */
static const char *skip_string(const char *p, const char *end)
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

void json_text_minify(const char *bytes, size_t len, struct strbuf *out)
{
    const char *end = bytes + len;
    const char *run = bytes; /* what is before it has been copied or left out */
    const char *p = bytes;

    strbuf_reserve(out, len);
    while (p < end) {
        if (*p == '"') {
            p = skip_string(p, end);
        } else if (is_space(*p)) {
            strbuf_add(out, run, (size_t)(p - run));
            run = ++p;
        } else {
            p++;
        }
    }
    strbuf_add(out, run, (size_t)(end - run));
}
