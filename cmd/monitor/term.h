#ifndef MONITOR_TERM_H
#define MONITOR_TERM_H

#include <stdbool.h>
#include <stddef.h>

#include "view/screen.h"

/* The terminal: copies a screen onto it and reads keys. The only place that knows curses. */

/* Says whether a full screen can be shown at all; if not, `why` gets the reason. */
bool term_is_usable(char *why, size_t cap);

/* Takes the terminal. Returns 0, or -1 when it cannot be driven. */
int term_open(bool color);

/* Gives it back as it was; may be called at any time. */
void term_close(void);

void term_size(int *width, int *height);

/* Shows the screen, sending only what changed. With `sync`, within a synchronized update. */
void term_draw(const struct screen *s, bool sync);

/* Forgets what the terminal shows, so that the next draw repaints all. */
void term_redraw(void);

#define TERM_NO_KEY (-1)
#define TERM_RESIZE (-2) /* the window has a new size */

/* The next key that was pressed, as a character or enum ui_key. */
int term_key(void);

/* Mouse wheel as arrow keys, on or off. */
void term_mouse(bool on);

/* Puts the bytes on the clipboard by OSC 52, for terminals that have it; of many only the first.
 * Returns how many. */
size_t term_copy(const char *bytes, size_t len);

#endif
