#ifndef BASE_BASE64_H
#define BASE_BASE64_H

#include <stddef.h>

#include "base/strbuf.h"

/* Appends the base64 form of the bytes (RFC 4648 section 4, with padding). */
void base64_encode(struct strbuf *out, const char *bytes, size_t len);

#endif
