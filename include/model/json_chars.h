#ifndef MODEL_JSON_CHARS_H
#define MODEL_JSON_CHARS_H

#include <stddef.h>
#include <stdint.h>

/* What stands between the quotes of a JSON string. Pure. */

/* The first byte in [p, end) that is more than a character of its own: a quote, a backslash, a
 * control character, or part of a character beyond ASCII. `end` if there is none. */
const char *json_chars_plain(const char *p, const char *end);

/* Reads the escape that begins with the backslash at `p`, a surrogate pair as one. Returns how many
 * bytes it takes and its character in `code`, which may be 0 or a lone surrogate; or 0 when it is
 * none by RFC 8259. */
size_t json_chars_escape(const char *p, const char *end, uint32_t *code);

#endif
