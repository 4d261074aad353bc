#include "model/scan.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_chars.h"
#include "base/utf8.h"

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

static int skip_string(struct scan *s, struct scan_value *v)
{
    const char *p = s->p;
    uint32_t code;
    size_t n;

    v->kind = SCAN_STRING;
    v->text = p;
    for (;;) {
        p = json_chars_plain(p, s->end);
        if (p == s->end || (unsigned char)*p < 0x20)
            return -1;
        if (*p == '"')
            break;
        n = *p == '\\' ? json_chars_escape(p, s->end, &code) : 1;
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

/* Writes the character that the escape at `p` stands for, U+FFFD if it is none for people; `used`
 * gets the bytes the escape takes. It was checked when it was scanned. */
static size_t unescape(const char *p, const char *end, size_t *used, char out[4])
{
    uint32_t code = 0;

    *used = json_chars_escape(p, end, &code);
    return utf8_encode(code == 0 || (code >= 0xd800 && code < 0xe000) ? 0xfffd : code, out);
}

/* How many bytes the unescaped character at `p` has; a broken one counts as a single byte. */
static size_t character_length(const char *p, const char *end)
{
    uint32_t code;
    size_t n = utf8_decode(p, (size_t)(end - p), &code);

    return n ? n : 1;
}

static size_t utf8_len(uint32_t code)
{
    return code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
}

size_t scan_text_len(const struct scan_value *v)
{
    const char *p = v->text;
    const char *end = v->text + v->len;
    size_t len = v->kind == SCAN_STRING ? v->len : 0;

    while (len > 0 && (p = memchr(p, '\\', (size_t)(end - p)))) {
        uint32_t code;
        size_t n = json_chars_escape(p, end, &code);

        len -= n - utf8_len(code);
        p += n;
    }
    return len;
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
        size_t n = is_escape ? unescape(p, end, &used, bytes) : used;

        if (len + n >= cap)
            break;
        memcpy(out + len, is_escape ? bytes : p, n);
        len += n;
        p += used;
    }
    out[len] = '\0';
    return len;
}
