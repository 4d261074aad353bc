/* Hostile text on its way to the screen, for libFuzzer: tests/fuzz/corpus/text, text.dict.
 *
 * The first bytes choose the screen's width, the place and the room. Every row is as wide as the
 * screen, nothing stands outside of the room, and nothing that a terminal acts upon, hides or
 * reorders by is left, neither in cells nor in what printable_add lets through. */

#include <locale.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <wchar.h>

#include "base/mem.h"
#include "base/printable.h"
#include "base/strbuf.h"
#include "base/utf8.h"
#include "view/screen.h"
#include "view/text.h"

#include "expect.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define ROWS 3

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    EXPECT(setlocale(LC_ALL, "C.UTF-8"));
    return 0;
}

static bool is_harmless(uint32_t c)
{
    return c >= 0x20 && !(c >= 0x7f && c <= 0x9f) && c != 0x061c && !(c >= 0x200b && c <= 0x200f) &&
           !(c >= 0x2028 && c <= 0x202e) && !(c >= 0x2066 && c <= 0x2069) && c != 0xfeff &&
           !(c >= 0xd800 && c <= 0xdfff) && c <= 0x10ffff;
}

static void expect_harmless(const char *text, size_t len, bool ascii)
{
    uint32_t code;
    size_t n;

    for (size_t i = 0; i < len; i += n) {
        n = utf8_decode(text + i, len - i, &code);
        EXPECT(n > 0);
        EXPECT(code == '\n' || is_harmless(code));
        EXPECT(!ascii || code < 0x80);
    }
}

static int glyph_width(const struct cell *c)
{
    EXPECT(c->width == 1 || c->width == 2);
    EXPECT(wcwidth((wchar_t)c->code) == c->width || c->code == TEXT_REPLACEMENT);
    for (int i = 0; i < c->mark_count; i++)
        EXPECT(wcwidth((wchar_t)c->marks[i]) == 0 && is_harmless(c->marks[i]));
    return c->width;
}

static void expect_rows(const struct screen *s)
{
    for (int y = 0; y < s->height; y++) {
        int width = 0;

        for (int x = 0; x < s->width; x++) {
            const struct cell *c = screen_at(s, x, y);

            EXPECT((c->code == 0) == (width > x)); /* the right half of a wide one */
            if (c->code)
                width += glyph_width(c);
        }
        EXPECT(width == s->width);
    }
}

static void expect_blank_outside(const struct screen *s, int x, int room)
{
    for (int i = 0; i < s->width; i++) {
        EXPECT((i >= x && i < x + room) || screen_at(s, i, 1)->code == ' ');
        EXPECT(screen_at(s, i, 0)->code == ' ' && screen_at(s, i, 2)->code == ' ');
    }
}

static void expect_screen(const uint8_t shape[4], const char *text, size_t len)
{
    struct screen s = {0};
    struct strbuf out = {0};
    int x = (int8_t)shape[1];
    int room = shape[2];
    int used;

    screen_init(&s, shape[0], ROWS, shape[3] & 1);
    used = screen_put(&s, x, 1, room, STYLE_TEXT, text);
    EXPECT(used >= 0 && used <= room);
    EXPECT(used == room || used == room - 1 || used == text_width(text, len, s.ascii));
    expect_rows(&s);
    expect_blank_outside(&s, x, room);
    screen_put(&s, room, 1, x, STYLE_TEXT, text); /* over what is there */
    screen_put_right(&s, s.width, 0, room, STYLE_TEXT, text);
    expect_rows(&s);
    screen_text(&s, &out);
    expect_harmless(out.data, out.len, s.ascii);
    strbuf_release(&out);
    screen_release(&s);
}

static void expect_printable(const char *text, size_t len, size_t max)
{
    struct strbuf out = {0};

    printable_add(&out, text, len, max);
    EXPECT(out.len <= max);
    EXPECT(!memchr(strbuf_text(&out), '\n', out.len));
    expect_harmless(strbuf_text(&out), out.len, false);
    strbuf_release(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text;

    if (size < 4)
        return 0;
    text = mem_strndup((const char *)data + 4, size - 4);
    expect_screen(data, text, strlen(text));
    expect_printable((const char *)data + 4, size - 4, data[2]);
    free(text);
    return 0;
}
