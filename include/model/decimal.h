#ifndef MODEL_DECIMAL_H
#define MODEL_DECIMAL_H

#include <stdbool.h>
#include <stdint.h>

/* Reads a number by its digits, not by way of a double: `text` times 10^scale, rounded half away
 * from zero. The text is a number by the grammar of RFC 8259 and ends at the first byte that cannot
 * belong to one. Returns false when the result does not fit into 64 bits. `exact` tells that
 * nothing was rounded off. Pure. */
bool decimal_read(const char *text, int scale, int64_t *value, bool *exact);

#endif
