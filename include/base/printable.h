#ifndef BASE_PRINTABLE_H
#define BASE_PRINTABLE_H

#include <stddef.h>

#include "base/strbuf.h"

/* Appends at most `max` bytes of a text that may be hostile, for terminals, logs and headers: whole
 * UTF-8 characters only; what is none, and every control character, becomes '?'. */
void printable_add(struct strbuf *out, const char *text, size_t len, size_t max);

#endif
