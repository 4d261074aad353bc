#ifndef MODEL_ORDER_JSON_H
#define MODEL_ORDER_JSON_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/strbuf.h"
#include "model/order.h"

/* The message's own object counts as 1, customer_info as 2. */
#define ORDER_MAX_DEPTH 32

/* Decodes one message value: exactly one JSON object by RFC 8259 in valid UTF-8, as strictly as
 * json_tree_read. All texts and lists of `o` live in `arena`. Returns true, or false with the
 * reason in words in `why` (cut to `why_size`; plain ASCII). Pure; not for two threads at once on
 * one arena. An order of 1 KB takes about 4 KB of the arena, the worst text (items that are empty
 * objects) 40 times its size.
 *
 * - Unknown members are skipped, whatever they hold and however often they come. A known member may
 *   come only once in its object; names are told apart by case.
 * - A known member must have its type. `null` is a type of its own and wrong, except for texts that
 *   an order may lack (email, phone, address, loyalty_level, currency, payment_method,
 *   delivery_notes, all of metadata and inventory's texts): there it counts as absent, since other
 *   writers put it for a text they do not have.
 * - An integer is told by its value: 3, 3.0 and 30e-1 are integers, 3.5 is not. All of int64 is
 *   kept exactly.
 * - Amounts are rounded to cents by their digits, half away from zero, and refused beyond 10^12. */
bool order_decode(const char *bytes, size_t len, struct arena *arena, struct order *o, char *why,
                  size_t why_size);

/* Appends the order as one line of JSON without a newline, members in the order of the format
 * description; what is absent is left out. Texts must be valid UTF-8. */
void order_encode(const struct order *o, struct strbuf *out);

#endif
