#ifndef MODEL_JSON_TEXT_H
#define MODEL_JSON_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/strbuf.h"

/* The strict look at a JSON text before anybody builds values from it. */

/* The places of all numbers of a text, in its order. */
struct json_numbers {
    const char **at;
    size_t count;
    size_t room;
};

/* Checks that the bytes are one JSON value by RFC 8259 in valid UTF-8 and nothing else but white
 * space (space, tab, CR, LF) around it. Beyond the grammar it refuses: a byte order mark, a lone
 * surrogate escape, \u0000, and arrays and objects nested deeper than `max_depth` (the outermost
 * one counts as 1).
 *
 * Returns true with the places of the numbers, which point into `bytes`, in a list in `arena`; or
 * false with the reason and its byte offset in words in `why`, which is plain ASCII. */
bool json_text_check(const char *bytes, size_t len, int max_depth, struct arena *arena,
                     struct json_numbers *numbers, char *why, size_t why_size);

/* Appends a text that passed the check without the white space outside of strings. */
void json_text_minify(const char *bytes, size_t len, struct strbuf *out);

#endif
