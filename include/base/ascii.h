#ifndef BASE_ASCII_H
#define BASE_ASCII_H

#include <stdbool.h>
#include <stddef.h>

/* Letters of ASCII without regard to case, in every locale: in a Turkish one tolower('I') is not
 * 'i'. All other bytes stay as they are. */

char ascii_lower(char c);

bool ascii_equal(const char *a, const char *b, size_t len);

/* True when `text` contains `part`. */
bool ascii_contains(const char *text, const char *part);

#endif
