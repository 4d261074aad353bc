#include "base/json_chars.h"

const char *json_chars_plain(const char *p, const char *end)
{
    for (; end - p >= 8; p += 8) {
        uint64_t marks = json_chars_mark(json_chars_load(p));

        if (marks)
            return p + json_chars_first(marks);
    }
    while (p < end && !(json_chars_mark((unsigned char)*p) & 0x80))
        p++;
    return p;
}

/* What the letter behind a backslash stands for; 0: it is none. */
static const unsigned char letters[256] = {
    ['"'] = '"',  ['\\'] = '\\', ['/'] = '/',  ['b'] = '\b',
    ['f'] = '\f', ['n'] = '\n',  ['r'] = '\r', ['t'] = '\t',
};

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

/* Reads \uXXXX. Returns 6, or 0 when something else stands there. */
static size_t read_unit(const char *p, const char *end, uint32_t *unit)
{
    if (end - p < 6 || p[0] != '\\' || p[1] != 'u')
        return 0;
    *unit = 0;
    for (int i = 2; i < 6; i++) {
        int v = hex_value(p[i]);

        if (v < 0)
            return 0;
        *unit = *unit << 4 | (uint32_t)v;
    }
    return 6;
}

size_t json_chars_escape(const char *p, const char *end, uint32_t *code)
{
    uint32_t low;
    size_t n;

    if (end - p >= 2 && letters[(unsigned char)p[1]]) {
        *code = letters[(unsigned char)p[1]];
        return 2;
    }
    n = read_unit(p, end, code);
    if (n && *code >= 0xd800 && *code < 0xdc00 && read_unit(p + n, end, &low) && low >= 0xdc00 &&
        low < 0xe000) {
        *code = 0x10000 + ((*code - 0xd800) << 10) + (low - 0xdc00);
        n += 6;
    }
    return n;
}
