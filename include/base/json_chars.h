#ifndef BASE_JSON_CHARS_H
#define BASE_JSON_CHARS_H

#include <endian.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* What stands between the quotes of a JSON string. Plain is a byte that is a printable character of
 * its own, in JSON as in a terminal: not a quote, a backslash, a control character (DEL is one), or
 * part of a character beyond ASCII. Pure. */

/* Eight bytes at once, the first one in the lowest bits on every machine. */
static inline uint64_t json_chars_load(const char *p)
{
    uint64_t eight;

    memcpy(&eight, p, sizeof(eight));
    return le64toh(eight);
}

static inline void json_chars_store(char *p, uint64_t eight)
{
    eight = htole64(eight);
    memcpy(p, &eight, sizeof(eight));
}

#define JSON_CHARS_EACH(byte) (UINT64_C(0x0101010101010101) * (byte))

/* Sets the highest bit of each of eight bytes that is not plain. Behind the first such byte plain
 * ones may be marked too: subtractions borrow from there. */
static inline uint64_t json_chars_mark(uint64_t eight)
{
    uint64_t control = eight - JSON_CHARS_EACH(0x20);
    uint64_t del = eight + JSON_CHARS_EACH(1);
    uint64_t quote = (eight ^ JSON_CHARS_EACH('"')) - JSON_CHARS_EACH(1);
    uint64_t backslash = (eight ^ JSON_CHARS_EACH('\\')) - JSON_CHARS_EACH(1);

    return (eight | control | del | quote | backslash) & JSON_CHARS_EACH(0x80);
}

/* The index of the first byte that is marked; `marks` is not 0. */
static inline size_t json_chars_first(uint64_t marks)
{
    return (size_t)__builtin_ctzll(marks) / 8;
}

/* The first byte in [p, end) that is not plain; `end` if there is none. */
const char *json_chars_plain(const char *p, const char *end);

/* Reads the escape that begins with the backslash at `p`, a surrogate pair as one. Returns how many
 * bytes it takes and its character in `code`, which may be 0 or a lone surrogate; or 0 when it is
 * none by RFC 8259. */
size_t json_chars_escape(const char *p, const char *end, uint32_t *code);

#endif
