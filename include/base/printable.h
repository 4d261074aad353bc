#ifndef BASE_PRINTABLE_H
#define BASE_PRINTABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/strbuf.h"

/* False for a character that a terminal acts upon, reorders by, or shows as nothing. */
bool printable_is(uint32_t code);

/* Appends at most `max` bytes of a text that may be hostile, for terminals, logs and headers: whole
 * UTF-8 characters only; what is none, or not printable, becomes '?'. */
void printable_add(struct strbuf *out, const char *text, size_t len, size_t max);

#endif
