#include "model/scan.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_chars.h"
#include "base/utf8.h"

int scan_begin(struct scan *s, const char *text, size_t len)
{
    *s = (struct scan){.reader = {.start = text,
                                  .end = text + len,
                                  .max_depth = SCAN_MAX_DEPTH - 1,
                                  .is_lenient = true},
                       .is_first = true};
    s->p = json_read_space(&s->reader, text);
    if (s->p == s->reader.end || (*s->p != '{' && *s->p != '['))
        return -1;
    s->close = *s->p++ == '{' ? '}' : ']';
    return 0;
}

static bool take(struct scan *s, char c)
{
    if (s->p == s->reader.end || *s->p != c)
        return false;
    s->p++;
    return true;
}

/* Moves to the next item. Returns 1 when there is one, 0 at a proper end, -1 otherwise. */
static int next_item(struct scan *s)
{
    s->p = json_read_space(&s->reader, s->p);
    if (take(s, s->close))
        return json_read_space(&s->reader, s->p) == s->reader.end ? 0 : -1;
    if (!s->is_first && !take(s, ','))
        return -1;
    s->is_first = false;
    return 1;
}

static struct scan_value value_of(const struct json_node *n)
{
    return (struct scan_value){.kind = n->kind, .text = n->text, .len = n->text_len};
}

int scan_member(struct scan *s, struct scan_value *key, struct scan_value *value)
{
    int rc = s->close == '}' ? next_item(s) : -1;
    struct json_node n;

    if (rc != 1)
        return rc;
    s->p = json_read_member(&s->reader, s->p, &n);
    if (!s->p)
        return -1;
    *key = (struct scan_value){.kind = JSON_STRING, .text = n.name, .len = n.name_len};
    *value = value_of(&n);
    return 1;
}

int scan_element(struct scan *s, struct scan_value *value)
{
    int rc = s->close == ']' ? next_item(s) : -1;
    struct json_node n;

    if (rc != 1)
        return rc;
    s->p = json_read_value(&s->reader, s->p, &n);
    if (!s->p)
        return -1;
    *value = value_of(&n);
    return 1;
}

bool scan_is(const struct scan_value *v, const char *name)
{
    size_t n = strlen(name);

    return v->kind == JSON_STRING && v->len == n && memcmp(v->text, name, n) == 0;
}

struct scan_value scan_find(const struct scan_value *object, const char *name)
{
    struct scan s;
    struct scan_value key;
    struct scan_value value;

    if (object->kind == JSON_OBJECT && scan_begin(&s, object->text, object->len) == 0) {
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

    if (v->kind != JSON_NUMBER)
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

    if (v->kind != JSON_NUMBER || v->len >= sizeof(text))
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
    size_t len = v->kind == JSON_STRING ? v->len : 0;

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
    if (v->kind == JSON_NONE || v->kind == JSON_NULL)
        return 0;
    while (p < end) {
        bool is_escape = v->kind == JSON_STRING && *p == '\\';
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
