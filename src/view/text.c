#include "view/text.h"

#include <wchar.h>

#include "base/printable.h"
#include "base/utf8.h"

static const struct {
    uint32_t code;
    char twin;
} twins[] = {
    {0x2026, '.'}, {0x2500, '-'}, {0x2502, '|'}, {0x250c, '+'}, {0x2510, '+'}, {0x2514, '+'},
    {0x2518, '+'}, {0x2581, '.'}, {0x2582, '.'}, {0x2583, '.'}, {0x2584, '.'}, {0x2585, ':'},
    {0x2586, ':'}, {0x2587, ':'}, {0x2588, ':'}, {0x2589, ':'}, {0x258a, ':'}, {0x258b, ':'},
    {0x258c, '.'}, {0x258d, '.'}, {0x258e, '.'}, {0x258f, '.'}, {0x2591, '.'},
};

static uint32_t ascii_twin(uint32_t c)
{
    for (size_t i = 0; i < sizeof(twins) / sizeof(twins[0]); i++) {
        if (twins[i].code == c)
            return (unsigned char)twins[i].twin;
    }
    return '?';
}

/* The width, 0 for a combining mark; unsafe or unknown characters are replaced. */
static int settle(uint32_t *code, bool ascii)
{
    int width;

    if (*code >= 0x20 && *code < 0x7f)
        return 1;
    if (*code == '\t') {
        *code = ' ';
        return 1;
    }
    width = printable_is(*code) ? wcwidth((wchar_t)*code) : -1;
    if (ascii) {
        if (width == 0)
            return 0;
        *code = ascii_twin(*code);
        return 1;
    }
    if (width < 0 || width > 2) {
        *code = TEXT_REPLACEMENT;
        return 1;
    }
    return width;
}

static size_t take_marks(const char *bytes, size_t len, size_t used, bool ascii, struct glyph *g)
{
    while (used < len && (unsigned char)bytes[used] >= 0x80) {
        uint32_t code;
        size_t n = utf8_decode(bytes + used, len - used, &code);

        if (n == 0 || settle(&code, ascii) != 0)
            break;
        if (!ascii && g->mark_count < TEXT_MARKS)
            g->marks[g->mark_count++] = code;
        used += n;
    }
    return used;
}

size_t text_next(const char *bytes, size_t len, bool ascii, struct glyph *g)
{
    size_t used;

    *g = (struct glyph){0};
    used = utf8_decode(bytes, len, &g->code);
    if (used == 0) {
        used = 1;
        g->code = TEXT_REPLACEMENT;
    }
    g->width = settle(&g->code, ascii);
    if (g->width == 0) { /* a mark without a character to sit on */
        g->code = ascii ? '?' : TEXT_REPLACEMENT;
        g->width = 1;
    }
    return take_marks(bytes, len, used, ascii, g);
}

int text_width(const char *bytes, size_t len, bool ascii)
{
    struct glyph g;
    int width = 0;

    for (size_t at = 0; at < len;
         at += text_next(bytes + at, len - at, ascii, &g), width += g.width)
        ;
    return width;
}
