#include "model/scan.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { PLAIN, QUOTE, ESCAPE, CONTROL };

/* What a byte means inside a string. */
static const unsigned char in_string[256] = {
    CONTROL, CONTROL, CONTROL, CONTROL, CONTROL, CONTROL,       CONTROL,         CONTROL, CONTROL,
    CONTROL, CONTROL, CONTROL, CONTROL, CONTROL, CONTROL,       CONTROL,         CONTROL, CONTROL,
    CONTROL, CONTROL, CONTROL, CONTROL, CONTROL, CONTROL,       CONTROL,         CONTROL, CONTROL,
    CONTROL, CONTROL, CONTROL, CONTROL, CONTROL, ['"'] = QUOTE, ['\\'] = ESCAPE,
};

static int skip_value(struct scan *s, struct scan_value *v, int depth);

static void skip_space(struct scan *s)
{
    while (s->p < s->end && (*s->p == ' ' || *s->p == '\t' || *s->p == '\n' || *s->p == '\r'))
        s->p++;
}

static bool take(struct scan *s, char c)
{
    if (s->p == s->end || *s->p != c)
        return false;
    s->p++;
    return true;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* Stands on a backslash. Returns the length of the escape, or 0 when it is none. */
static size_t escape_length(const char *p, const char *end)
{
    if (end - p < 2)
        return 0;
    if (p[1] != 'u')
        return p[1] && strchr("\"\\/bfnrt", p[1]) ? 2 : 0;
    if (end - p < 6)
        return 0;
    for (int i = 2; i < 6; i++) {
        if (hex_digit(p[i]) < 0)
            return 0;
    }
    return 6;
}

static int skip_string(struct scan *s, struct scan_value *v)
{
    const char *p = s->p;
    size_t n;

    v->kind = SCAN_STRING;
    v->text = p;
    for (;;) {
        while (p < s->end && in_string[(unsigned char)*p] == PLAIN)
            p++;
        if (p == s->end || in_string[(unsigned char)*p] == CONTROL)
            return -1;
        if (*p == '"')
            break;
        n = escape_length(p, s->end);
        if (n == 0)
            return -1;
        p += n;
    }
    v->len = (size_t)(p - v->text);
    s->p = p + 1;
    return 0;
}

static bool skip_digits(struct scan *s)
{
    const char *start = s->p;

    while (s->p < s->end && *s->p >= '0' && *s->p <= '9')
        s->p++;
    return s->p > start;
}

static int skip_number(struct scan *s, struct scan_value *v)
{
    v->kind = SCAN_NUMBER;
    v->text = s->p;
    take(s, '-');
    if (!take(s, '0') && !skip_digits(s))
        return -1;
    if (take(s, '.') && !skip_digits(s))
        return -1;
    if (take(s, 'e') || take(s, 'E')) {
        if (!take(s, '+'))
            take(s, '-');
        if (!skip_digits(s))
            return -1;
    }
    v->len = (size_t)(s->p - v->text);
    return 0;
}

static int skip_word(struct scan *s, struct scan_value *v, const char *word, enum scan_kind kind)
{
    size_t n = strlen(word);

    if ((size_t)(s->end - s->p) < n || memcmp(s->p, word, n) != 0)
        return -1;
    *v = (struct scan_value){.kind = kind, .text = s->p, .len = n};
    s->p += n;
    return 0;
}

/* Stands behind an opening quote's place: `key` : value. */
static int skip_pair(struct scan *s, struct scan_value *key, struct scan_value *value, int depth)
{
    if (!take(s, '"') || skip_string(s, key) < 0)
        return -1;
    skip_space(s);
    if (!take(s, ':'))
        return -1;
    skip_space(s);
    return skip_value(s, value, depth);
}

static int skip_container(struct scan *s, struct scan_value *v, char close, int depth)
{
    struct scan_value key;
    struct scan_value value;
    const char *start = s->p++;

    if (depth >= SCAN_MAX_DEPTH)
        return -1;
    skip_space(s);
    if (!take(s, close)) {
        do {
            skip_space(s);
            if ((close == '}' ? skip_pair(s, &key, &value, depth + 1)
                              : skip_value(s, &value, depth + 1)) < 0)
                return -1;
            skip_space(s);
        } while (take(s, ','));
        if (!take(s, close))
            return -1;
    }
    v->kind = close == '}' ? SCAN_OBJECT : SCAN_ARRAY;
    v->text = start;
    v->len = (size_t)(s->p - start);
    return 0;
}

static int skip_value(struct scan *s, struct scan_value *v, int depth)
{
    if (s->p == s->end)
        return -1;
    switch (*s->p) {
    case '"':
        s->p++;
        return skip_string(s, v);
    case '{':
        return skip_container(s, v, '}', depth);
    case '[':
        return skip_container(s, v, ']', depth);
    case 't':
        return skip_word(s, v, "true", SCAN_TRUE);
    case 'f':
        return skip_word(s, v, "false", SCAN_FALSE);
    case 'n':
        return skip_word(s, v, "null", SCAN_NULL);
    default:
        return skip_number(s, v);
    }
}

int scan_begin(struct scan *s, const char *text, size_t len)
{
    *s = (struct scan){.p = text, .end = text + len, .is_first = true};
    skip_space(s);
    if (s->p == s->end || (*s->p != '{' && *s->p != '['))
        return -1;
    s->close = *s->p++ == '{' ? '}' : ']';
    return 0;
}

/* Moves to the next item. Returns 1 when there is one, 0 at a proper end, -1 otherwise. */
static int next_item(struct scan *s)
{
    skip_space(s);
    if (take(s, s->close)) {
        skip_space(s);
        return s->p == s->end ? 0 : -1;
    }
    if (!s->is_first) {
        if (!take(s, ','))
            return -1;
        skip_space(s);
    }
    s->is_first = false;
    return 1;
}

int scan_member(struct scan *s, struct scan_value *key, struct scan_value *value)
{
    int rc = s->close == '}' ? next_item(s) : -1;

    if (rc == 1 && skip_pair(s, key, value, 1) < 0)
        return -1;
    return rc;
}

int scan_element(struct scan *s, struct scan_value *value)
{
    int rc = s->close == ']' ? next_item(s) : -1;

    if (rc == 1 && skip_value(s, value, 1) < 0)
        return -1;
    return rc;
}

bool scan_is(const struct scan_value *v, const char *name)
{
    size_t n = strlen(name);

    return v->kind == SCAN_STRING && v->len == n && memcmp(v->text, name, n) == 0;
}

struct scan_value scan_find(const struct scan_value *object, const char *name)
{
    struct scan s;
    struct scan_value key;
    struct scan_value value;

    if (object->kind == SCAN_OBJECT && scan_begin(&s, object->text, object->len) == 0) {
        while (scan_member(&s, &key, &value) == 1) {
            if (scan_is(&key, name))
                return value;
        }
    }
    return (struct scan_value){0};
}

int scan_int(const struct scan_value *v, int64_t *out)
{
    bool negative = v->len > 0 && v->text[0] == '-';
    uint64_t limit = negative ? UINT64_C(1) << 63 : INT64_MAX;
    uint64_t n = 0;

    if (v->kind != SCAN_NUMBER)
        return -1;
    for (size_t i = negative; i < v->len; i++) {
        uint64_t digit = (uint64_t)(v->text[i] - '0');

        if (v->text[i] < '0' || v->text[i] > '9' || n > (limit - digit) / 10)
            return -1;
        n = n * 10 + digit;
    }
    *out = negative ? (int64_t)(0 - n) : (int64_t)n;
    return 0;
}

int scan_number(const struct scan_value *v, double *out)
{
    char text[64];

    if (v->kind != SCAN_NUMBER || v->len >= sizeof(text))
        return -1;
    memcpy(text, v->text, v->len);
    text[v->len] = '\0';
    *out = strtod(text, NULL);
    return isfinite(*out) ? 0 : -1;
}

static size_t put_utf8(char *out, uint32_t c)
{
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    if (c < 0x800) {
        out[0] = (char)(0xc0 | c >> 6);
        out[1] = (char)(0x80 | (c & 0x3f));
        return 2;
    }
    if (c < 0x10000) {
        out[0] = (char)(0xe0 | c >> 12);
        out[1] = (char)(0x80 | (c >> 6 & 0x3f));
        out[2] = (char)(0x80 | (c & 0x3f));
        return 3;
    }
    out[0] = (char)(0xf0 | c >> 18);
    out[1] = (char)(0x80 | (c >> 12 & 0x3f));
    out[2] = (char)(0x80 | (c >> 6 & 0x3f));
    out[3] = (char)(0x80 | (c & 0x3f));
    return 4;
}

static uint32_t hex4(const char *p)
{
    uint32_t c = 0;

    for (int i = 0; i < 4; i++)
        c = c << 4 | (uint32_t)hex_digit(p[i]);
    return c;
}

/* The character that the escape at `p` stands for; `used` gets the bytes it takes, a surrogate pair
 * being two escapes. The escape was checked when it was scanned. */
static uint32_t unescape(const char *p, const char *end, size_t *used)
{
    static const char names[] = "\"\\/bfnrt";
    static const char values[] = "\"\\/\b\f\n\r\t";
    uint32_t c;
    uint32_t low;

    if (p[1] != 'u') {
        *used = 2;
        return (unsigned char)values[strchr(names, p[1]) - names];
    }
    *used = 6;
    c = hex4(p + 2);
    if (c >= 0xd800 && c < 0xdc00 && end - p >= 12 && p[6] == '\\' && p[7] == 'u') {
        low = hex4(p + 8);
        if (low >= 0xdc00 && low < 0xe000) {
            *used = 12;
            return 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
        }
    }
    return c == 0 || (c >= 0xd800 && c < 0xe000) ? 0xfffd : c;
}

/* How many bytes the unescaped character at `p` has; a broken one counts as a single byte. */
static size_t character_length(const char *p, const char *end)
{
    unsigned char c = (unsigned char)*p;
    size_t n = c < 0xc0 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;

    return (size_t)(end - p) < n ? 1 : n;
}

size_t scan_text(const struct scan_value *v, char *out, size_t cap)
{
    const char *p = v->text;
    const char *end = v->len ? p + v->len : p;
    size_t len = 0;
    char bytes[4];

    out[0] = '\0';
    if (v->kind == SCAN_NONE || v->kind == SCAN_NULL)
        return 0;
    while (p < end) {
        bool is_escape = v->kind == SCAN_STRING && *p == '\\';
        size_t used = is_escape ? 0 : character_length(p, end);
        size_t n = is_escape ? put_utf8(bytes, unescape(p, end, &used)) : used;

        if (len + n >= cap)
            break;
        memcpy(out + len, is_escape ? bytes : p, n);
        len += n;
        p += used;
    }
    out[len] = '\0';
    return len;
}
