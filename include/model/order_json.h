#ifndef MODEL_ORDER_JSON_H
#define MODEL_ORDER_JSON_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/strbuf.h"
#include "model/order.h"

#define ORDER_MAX_DEPTH 32

/* Decodes one message value: exactly one JSON object by RFC 8259 in valid UTF-8, strictly. All
 * texts and lists of `o` live in `arena`. Returns true, or false with the reason in words in `why`.
 * Pure; not for two threads at once on one arena. */
bool order_decode(const char *bytes, size_t len, struct arena *arena, struct order *o, char *why,
                  size_t why_size);

/* Appends the order as one line of JSON, members in the order of the format description. */
void order_encode(const struct order *o, struct strbuf *out);

/* Appends the JSON text without white space outside of strings; the bytes must have passed
 * order_decode. */
void order_minify(const char *bytes, size_t len, struct strbuf *out);

#endif
