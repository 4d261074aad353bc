#include "view/screen.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/utf8.h"

static const struct cell blank = {.code = ' ', .width = 1};

void screen_init(struct screen *s, int width, int height, bool ascii)
{
    s->width = width < 1 ? 1 : width;
    s->height = height < 1 ? 1 : height;
    s->ascii = ascii;
    s->cells = mem_alloc_array((size_t)s->width * (size_t)s->height, sizeof(*s->cells));
    screen_clear(s);
}

void screen_release(struct screen *s)
{
    free(s->cells);
    *s = (struct screen){0};
}

void screen_clear(struct screen *s)
{
    for (int i = 0; i < s->width * s->height; i++)
        s->cells[i] = blank;
}

static struct cell *cell_at(const struct screen *s, int x, int y)
{
    return &s->cells[(size_t)y * (size_t)s->width + (size_t)x];
}

const struct cell *screen_at(const struct screen *s, int x, int y)
{
    return cell_at(s, x, y);
}

static bool is_within(const struct screen *s, int x, int y)
{
    return x >= 0 && x < s->width && y >= 0 && y < s->height;
}

/* A wide character that loses one of its halves becomes blank. */
static void clear_cell(struct screen *s, int x, int y)
{
    struct cell *c = cell_at(s, x, y);

    if (c->code == 0 && x > 0)
        *cell_at(s, x - 1, y) = blank;
    if (c->width == 2 && x + 1 < s->width)
        *cell_at(s, x + 1, y) = blank;
    *c = blank;
}

static void put_glyph(struct screen *s, int x, int y, enum style style, const struct glyph *g)
{
    struct cell *c = cell_at(s, x, y);

    clear_cell(s, x, y);
    if (g->width == 2)
        clear_cell(s, x + 1, y);
    *c = (struct cell){.code = g->code,
                       .mark_count = (uint8_t)g->mark_count,
                       .width = (uint8_t)g->width,
                       .style = (uint8_t)style};
    memcpy(c->marks, g->marks, sizeof(c->marks));
    if (g->width == 2)
        c[1] = (struct cell){.style = (uint8_t)style};
}

int screen_put_bytes(struct screen *s, int x, int y, int room, enum style style, const char *text,
                     size_t len)
{
    int used = 0;
    struct glyph g;

    for (size_t at = 0; at < len && used < room;) {
        at += text_next(text + at, len - at, s->ascii, &g);
        if (used + g.width > room)
            break;
        if (y >= 0 && y < s->height && x + used >= 0 && x + used + g.width <= s->width)
            put_glyph(s, x + used, y, style, &g);
        used += g.width;
    }
    return used;
}

int screen_put(struct screen *s, int x, int y, int room, enum style style, const char *text)
{
    return screen_put_bytes(s, x, y, room, style, text, strlen(text));
}

int screen_putf(struct screen *s, int x, int y, int room, enum style style, const char *fmt, ...)
{
    char text[1024];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    return screen_put(s, x, y, room, style, text);
}

void screen_put_right(struct screen *s, int right, int y, int room, enum style style,
                      const char *text)
{
    int width = text_width(text, strlen(text), s->ascii);

    if (width <= room)
        screen_put(s, right - width, y, width, style, text);
}

static void put_line(struct screen *s, struct rect r, int y, const char *left, const char *middle,
                     const char *right)
{
    struct glyph g;

    text_next(middle, strlen(middle), s->ascii, &g);
    screen_put(s, r.x, y, 1, STYLE_FRAME, left);
    for (int x = r.x + 1; x < r.x + r.width - 1; x++) {
        if (is_within(s, x, y))
            put_glyph(s, x, y, STYLE_FRAME, &g);
    }
    screen_put(s, r.x + r.width - 1, y, 1, STYLE_FRAME, right);
}

void screen_box(struct screen *s, struct rect r, const char *title, const char *note)
{
    int room = r.width - 5;
    int used = 0;
    char text[256];

    if (r.width < 2 || r.height < 2)
        return;
    put_line(s, r, r.y, "┌", "─", "┐");
    put_line(s, r, r.y + r.height - 1, "└", "─", "┘");
    for (int y = r.y + 1; y < r.y + r.height - 1; y++) {
        screen_put(s, r.x, y, 1, STYLE_FRAME, "│");
        screen_put(s, r.x + r.width - 1, y, 1, STYLE_FRAME, "│");
    }
    if (title[0]) {
        snprintf(text, sizeof(text), " %s ", title);
        used = screen_put(s, r.x + 2, r.y, room, STYLE_TITLE, text);
    }
    if (note[0]) {
        snprintf(text, sizeof(text), " %s ", note);
        screen_put_right(s, r.x + r.width - 2, r.y, room - used, STYLE_TEXT, text);
    }
}

void screen_mark_frame(struct screen *s, struct rect r, enum style style)
{
    for (int y = r.y; y < r.y + r.height; y++) {
        bool is_edge = y == r.y || y == r.y + r.height - 1;

        for (int x = r.x; x < r.x + r.width; x += is_edge || r.width < 2 ? 1 : r.width - 1) {
            if (is_within(s, x, y) && cell_at(s, x, y)->style == STYLE_FRAME)
                cell_at(s, x, y)->style = (uint8_t)style;
        }
    }
}

void screen_mark_row(struct screen *s, struct rect r, int y, enum style style)
{
    for (int x = r.x; x < r.x + r.width; x++) {
        if (is_within(s, x, y))
            cell_at(s, x, y)->style = (uint8_t)style;
    }
}

static void add_utf8(struct strbuf *out, uint32_t code)
{
    char bytes[4];

    strbuf_add(out, bytes, utf8_encode(code, bytes));
}

void screen_text(const struct screen *s, struct strbuf *out)
{
    for (int y = 0; y < s->height; y++) {
        size_t start = out->len;

        for (int x = 0; x < s->width; x++) {
            const struct cell *c = screen_at(s, x, y);

            if (c->code)
                add_utf8(out, c->code);
            for (int i = 0; i < c->mark_count; i++)
                add_utf8(out, c->marks[i]);
        }
        while (out->len > start && out->data[out->len - 1] == ' ')
            strbuf_cut(out, out->len - 1);
        strbuf_addc(out, '\n');
    }
}
