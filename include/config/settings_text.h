#ifndef CONFIG_SETTINGS_TEXT_H
#define CONFIG_SETTINGS_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/strbuf.h"

/* The bytes of a settings file, and where in it something stands. Lines count from 1. */
struct settings_text {
    struct strbuf path; /* as it is shown: one line of valid UTF-8, not too long */
    struct strbuf text; /* valid UTF-8 without control characters but tab and line ends */
};

/* Reads the whole file. Returns 0, or -1 with ERR_USAGE: it cannot be read, is larger than a
 * mebibyte, or has a byte in it that is no text. Release `s` in any case. */
int settings_text_read(struct settings_text *s, const char *path, struct err *e);

void settings_text_release(struct settings_text *s);

/* The line of the byte at `offset`. */
size_t settings_text_line_at(const struct settings_text *s, size_t offset);

/* Prefixes `e` with file and line. Returns -1. */
int settings_text_wrap(const struct settings_text *s, size_t line, struct err *e);

/* Appends "FILE:LINE". */
void settings_text_add_place(const struct settings_text *s, size_t line, struct strbuf *out);

/* True when the white space that begins the line has a tab in it. */
bool settings_text_is_indented_by_tab(const struct settings_text *s, size_t line);

#endif
