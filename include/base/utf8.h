#ifndef BASE_UTF8_H
#define BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Strict UTF-8 by RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF. */

/* Decodes the character at the start of `len` > 0 bytes. Returns its length (1 to 4) and fills
 * `code`, or 0 when the bytes do not begin with a whole valid character. */
size_t utf8_decode(const char *bytes, size_t len, uint32_t *code);

/* Writes the character, which must be one by the rules above. Returns its length. */
size_t utf8_encode(uint32_t code, char out[4]);

/* Copies a text that ends in a NUL, at most `cap` - 1 > 0 bytes of it and a NUL, cut between two
 * characters. Returns how many bytes. */
size_t utf8_copy(char *out, size_t cap, const char *text);

/* True when all `len` bytes are valid UTF-8; `bad_at`, if given, gets the offset of the first byte
 * that is not. */
bool utf8_valid(const char *bytes, size_t len, size_t *bad_at);

#endif
