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
