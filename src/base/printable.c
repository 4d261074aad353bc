#include "base/printable.h"

#include "base/utf8.h"

struct range {
    uint32_t first;
    uint32_t last;
};

/* Characters that a terminal acts upon, reorders by, or shows as nothing: C0, DEL, C1, soft hyphen,
 * bidi controls, zero-width and joining characters, separators, variation selectors, fillers,
 * interlinear annotations, tags and the rest of Unicode's Default_Ignorable_Code_Point. In
 * order. */
static const struct range unsafe[] = {
    {0x0000, 0x001f},   {0x007f, 0x009f},    {0x00ad, 0x00ad},   {0x034f, 0x034f},
    {0x061c, 0x061c},   {0x115f, 0x1160},    {0x17b4, 0x17b5},   {0x180b, 0x180f},
    {0x200b, 0x200f},   {0x2028, 0x202e},    {0x2060, 0x206f},   {0x3164, 0x3164},
    {0xd800, 0xdfff},   {0xe000, 0xf8ff},    {0xfe00, 0xfe0f},   {0xfeff, 0xfeff},
    {0xffa0, 0xffa0},   {0xfff0, 0xfffb},    {0x1bca0, 0x1bca3}, {0x1d173, 0x1d17a},
    {0xe0000, 0xe0fff}, {0xf0000, 0x10ffff},
};

bool printable_is(uint32_t code)
{
    if (code >= 0x20 && code < 0x7f)
        return true;
    for (size_t i = 0; i < sizeof(unsafe) / sizeof(unsafe[0]) && code >= unsafe[i].first; i++) {
        if (code <= unsafe[i].last)
            return false;
    }
    return true;
}

void printable_add(struct strbuf *out, const char *text, size_t len, size_t max)
{
    size_t begin = out->len;
    size_t i = 0;

    while (i < len) {
        uint32_t code;
        size_t n = utf8_decode(text + i, len - i, &code);
        bool shown = n > 0 && printable_is(code);

        if (out->len - begin + (shown ? n : 1) > max)
            return;
        if (shown)
            strbuf_add(out, text + i, n);
        else
            strbuf_addc(out, '?');
        i += n ? n : 1;
    }
}
