#ifndef MODEL_JSON_TEXT_H
#define MODEL_JSON_TEXT_H

#include <stddef.h>

#include "base/strbuf.h"

/* Appends a text that json_tree_read took, without the white space outside of strings. */
void json_text_minify(const char *bytes, size_t len, struct strbuf *out);

#endif
