#include "base/printable.h"

#include <stdbool.h>
#include <stdint.h>

#include "base/utf8.h"

/* Line and paragraph separators and the controls of writing direction (Unicode TR 36) change how a
 * terminal shows what follows. */
static bool is_shown(uint32_t code)
{
    if (code < 0x20 || (code >= 0x7f && code <= 0x9f))
        return false;
    return code != 0x061c && !(code >= 0x200b && code <= 0x200f) &&
           !(code >= 0x2028 && code <= 0x202e) && !(code >= 0x2066 && code <= 0x2069) &&
           code != 0xfeff;
}

void printable_add(struct strbuf *out, const char *text, size_t len, size_t max)
{
    size_t begin = out->len;
    size_t i = 0;

    while (i < len) {
        uint32_t code;
        size_t n = utf8_decode(text + i, len - i, &code);
        bool shown = n > 0 && is_shown(code);

        if (out->len - begin + (shown ? n : 1) > max)
            return;
        if (shown)
            strbuf_add(out, text + i, n);
        else
            strbuf_addc(out, '?');
        i += n ? n : 1;
    }
}
