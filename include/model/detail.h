#ifndef MODEL_DETAIL_H
#define MODEL_DETAIL_H

#include <stddef.h>

#include "base/strbuf.h"

/* Appends a JSON line for reading: one member per row as "name: value", nested ones indented. Texts
 * are shown without their escapes, line breaks in them as spaces, and numbers with their digits.
 * What is no JSON object or array, is longer than 4 MiB or has an escaped NUL in it is appended as
 * it stands. Pure. */
void detail_lines(const char *json, size_t len, struct strbuf *out);

#endif
