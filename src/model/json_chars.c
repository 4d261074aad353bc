#include "model/json_chars.h"

#include <endian.h>
#include <string.h>

#define EACH_BYTE(b) (UINT64_C(0x0101010101010101) * (b))

/* Sets the highest bit of the bytes of `w` that are not plain. A byte above the first one, which is
 * the lowest, may be marked wrongly: subtractions borrow from there. */
static uint64_t mark_not_plain(uint64_t w)
{
    uint64_t control = w - EACH_BYTE(0x20);
    uint64_t quote = (w ^ EACH_BYTE('"')) - EACH_BYTE(1);
    uint64_t backslash = (w ^ EACH_BYTE('\\')) - EACH_BYTE(1);

    return (w | control | quote | backslash) & EACH_BYTE(0x80);
}

const char *json_chars_plain(const char *p, const char *end)
{
    while (end - p >= 8) {
        uint64_t eight;
        uint64_t marks;

        memcpy(&eight, p, sizeof(eight));
        marks = mark_not_plain(le64toh(eight));
        if (marks)
            return p + __builtin_ctzll(marks) / 8;
        p += 8;
    }
    while (p < end && !(mark_not_plain((unsigned char)*p) & 0x80))
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
