#ifndef BASE_BASE64_H
#define BASE_BASE64_H

#include <stddef.h>

#include "base/strbuf.h"

/* Appends the base64 form of the bytes (RFC 4648 section 4, with padding). */
void base64_encode(struct strbuf *out, const char *bytes, size_t len);

/* Appends the bytes of the form for URLs and file names (section 5), without padding. Returns 0, or
 * -1 when the text is no such form. */
int base64_decode_url(struct strbuf *out, const char *text, size_t len);

#endif
