#ifndef VIEW_TEXT_H
#define VIEW_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Text of unknown origin, made harmless for a terminal: characters one by one, each with the
 * columns that it takes. What a terminal would act upon or hide (control characters, bidi
 * overrides, joiners and other invisible ones, broken UTF-8) comes out as one visible replacement.
 */

#define TEXT_REPLACEMENT 0xfffdu
#define TEXT_MARKS       2 /* combining marks kept per character; more are dropped */

struct glyph {
    uint32_t code;
    uint32_t marks[TEXT_MARKS];
    int mark_count;
    int width; /* 1 or 2 columns */
};

/* Takes the next character with its combining marks from `len` > 0 bytes. Returns how many bytes it
 * used, at least 1. In ASCII mode everything outside of ASCII becomes '?', but a few characters
 * that we use ourselves have a plain twin. Widths are wcwidth's, as curses uses them. */
size_t text_next(const char *bytes, size_t len, bool ascii, struct glyph *g);

/* The columns that the text takes when put on a screen. */
int text_width(const char *bytes, size_t len, bool ascii);

#endif
