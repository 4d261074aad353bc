#ifndef VIEW_SCREEN_H
#define VIEW_SCREEN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/strbuf.h"
#include "view/text.h"

/* The picture as a grid of our own cells, which a terminal copies or a test prints. Whatever is put
 * on it is clipped to the grid and made harmless (view/text.h). */

enum style {
    STYLE_TEXT,
    STYLE_TITLE,
    STYLE_OK,
    STYLE_WARN,
    STYLE_CRIT,
    STYLE_UNKNOWN,
    STYLE_NOTE, /* duplicates, gaps, notices */
    STYLE_CHART,
    STYLE_FRAME,
    STYLE_KEY,    /* a key in the key bar */
    STYLE_CHOSEN, /* the row under the cursor */
    STYLE_COUNT,
};

struct cell {
    uint32_t code; /* 0: the right half of a wide character */
    uint32_t marks[TEXT_MARKS];
    uint8_t mark_count;
    uint8_t width;
    uint8_t style;
    uint8_t unused; /* no padding: cells are compared as bytes */
};

struct screen {
    int width;
    int height;
    bool ascii;
    struct cell *cells; /* row by row */
};

struct rect {
    int x, y, width, height;
};

/* Sizes below 1 are taken as 1. Release with screen_release. */
void screen_init(struct screen *s, int width, int height, bool ascii);
void screen_release(struct screen *s);
void screen_clear(struct screen *s);

/* The cell at a place within the grid. */
const struct cell *screen_at(const struct screen *s, int x, int y);

/* Puts text at x, y, in at most `room` columns; a character that does not fit whole is left out and
 * its place blank. Returns the columns used. Anything outside of the grid is clipped. */
int screen_put(struct screen *s, int x, int y, int room, enum style style, const char *text);
int screen_put_bytes(struct screen *s, int x, int y, int room, enum style style, const char *text,
                     size_t len);
int screen_putf(struct screen *s, int x, int y, int room, enum style style, const char *fmt, ...)
    __attribute__((format(printf, 6, 7)));

/* Puts the text so that it ends at column `right` (exclusive). */
void screen_put_right(struct screen *s, int right, int y, int room, enum style style,
                      const char *text);

/* A frame with a title on its upper left and a note on its upper right; either may be "". */
void screen_box(struct screen *s, struct rect r, const char *title, const char *note);

/* Gives the lines of such a frame another style. */
void screen_mark_frame(struct screen *s, struct rect r, enum style style);

/* Gives a whole row of the rectangle another style, as a cursor does. */
void screen_mark_row(struct screen *s, struct rect r, int y, enum style style);

/* Appends the grid as text, one line per row, without blanks at the ends of rows. */
void screen_text(const struct screen *s, struct strbuf *out);

#endif
