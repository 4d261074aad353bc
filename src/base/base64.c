#include "base/base64.h"

#include <stdint.h>

void base64_encode(struct strbuf *out, const char *bytes, size_t len)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const unsigned char *b = (const unsigned char *)bytes;

    strbuf_reserve(out, (len + 2) / 3 * 4);
    for (size_t i = 0; i < len; i += 3) {
        uint32_t v = (uint32_t)b[i] << 16;

        if (i + 1 < len)
            v |= (uint32_t)b[i + 1] << 8;
        if (i + 2 < len)
            v |= b[i + 2];
        strbuf_addc(out, digits[v >> 18]);
        strbuf_addc(out, digits[v >> 12 & 63]);
        strbuf_addc(out, i + 1 < len ? digits[v >> 6 & 63] : '=');
        strbuf_addc(out, i + 2 < len ? digits[v & 63] : '=');
    }
}

static int digit_of(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '-' ? 62 : c == '_' ? 63 : -1;
}

int base64_decode_url(struct strbuf *out, const char *text, size_t len)
{
    uint32_t bits = 0;
    int count = 0;

    if (len % 4 == 1)
        return -1;
    for (size_t i = 0; i < len; i++) {
        int digit = digit_of(text[i]);

        if (digit < 0)
            return -1;
        bits = bits << 6 | (uint32_t)digit;
        count += 6;
        if (count >= 8) {
            count -= 8;
            strbuf_addc(out, (char)(bits >> count & 0xff));
        }
    }
    return 0;
}
