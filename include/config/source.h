#ifndef CONFIG_SOURCE_H
#define CONFIG_SOURCE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/strbuf.h"

/* The bytes of a settings file, and where in it something stands. Lines count from 1. */
struct source {
    struct strbuf path; /* as it is shown: one line of valid UTF-8, not too long */
    struct strbuf text; /* valid UTF-8 without control characters but tab and line ends */
};

/* Reads the whole file. Returns 0, or -1 with ERR_USAGE: it cannot be read, is larger than a
 * mebibyte, or has a byte in it that is no text. Release `s` in any case. */
int source_read(struct source *s, const char *path, struct err *e);

void source_release(struct source *s);

/* The line of the byte at `offset`. */
size_t source_line_at(const struct source *s, size_t offset);

/* Prefixes `e` with file and line. Returns -1. */
int source_wrap(const struct source *s, size_t line, struct err *e);

/* Appends "FILE:LINE". */
void source_add_place(const struct source *s, size_t line, struct strbuf *out);

/* True when the white space that begins the line has a tab in it. */
bool source_is_indented_by_tab(const struct source *s, size_t line);

#endif
