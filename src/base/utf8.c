#include "base/utf8.h"

#include <string.h>

static bool is_continuation(unsigned char c)
{
    return (c & 0xc0) == 0x80;
}

static size_t sequence_length(unsigned char first)
{
    if (first < 0x80)
        return 1;
    if (first >= 0xc2 && first <= 0xdf)
        return 2;
    if (first >= 0xe0 && first <= 0xef)
        return 3;
    if (first >= 0xf0 && first <= 0xf4)
        return 4;
    return 0;
}

size_t utf8_decode(const char *bytes, size_t len, uint32_t *code)
{
    static const uint32_t first_mask[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
    static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
    const unsigned char *b = (const unsigned char *)bytes;
    size_t n = sequence_length(b[0]);
    uint32_t c;

    if (n == 0 || n > len)
        return 0;
    c = b[0] & first_mask[n];
    for (size_t i = 1; i < n; i++) {
        if (!is_continuation(b[i]))
            return 0;
        c = c << 6 | (b[i] & 0x3fu);
    }
    if (c < smallest[n] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
        return 0;
    *code = c;
    return n;
}

size_t utf8_encode(uint32_t code, char out[4])
{
    if (code < 0x80) {
        out[0] = (char)code;
        return 1;
    }
    if (code < 0x800) {
        out[0] = (char)(0xc0 | code >> 6);
        out[1] = (char)(0x80 | (code & 0x3f));
        return 2;
    }
    if (code < 0x10000) {
        out[0] = (char)(0xe0 | code >> 12);
        out[1] = (char)(0x80 | (code >> 6 & 0x3f));
        out[2] = (char)(0x80 | (code & 0x3f));
        return 3;
    }
    out[0] = (char)(0xf0 | code >> 18);
    out[1] = (char)(0x80 | (code >> 12 & 0x3f));
    out[2] = (char)(0x80 | (code >> 6 & 0x3f));
    out[3] = (char)(0x80 | (code & 0x3f));
    return 4;
}

size_t utf8_copy(char *out, size_t cap, const char *text)
{
    size_t len = strnlen(text, cap);

    if (len == cap)
        for (len--; len > 0 && is_continuation((unsigned char)text[len]);)
            len--;
    memcpy(out, text, len);
    out[len] = '\0';
    return len;
}

/* Most payloads are ASCII: eight bytes at a time while no byte has its high bit set. */
static size_t skip_ascii(const char *bytes, size_t i, size_t len)
{
    uint64_t word;

    while (len - i >= sizeof(word)) {
        memcpy(&word, bytes + i, sizeof(word));
        if (word & UINT64_C(0x8080808080808080))
            break;
        i += sizeof(word);
    }
    while (i < len && (unsigned char)bytes[i] < 0x80)
        i++;
    return i;
}

bool utf8_valid(const char *bytes, size_t len, size_t *bad_at)
{
    size_t i = 0;
    uint32_t code;

    while ((i = skip_ascii(bytes, i, len)) < len) {
        size_t n = utf8_decode(bytes + i, len - i, &code);

        if (n == 0) {
            if (bad_at)
                *bad_at = i;
            return false;
        }
        i += n;
    }
    return true;
}
