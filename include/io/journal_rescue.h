#ifndef IO_JOURNAL_RESCUE_H
#define IO_JOURNAL_RESCUE_H

#include <stdint.h>

#include "base/err.h"
#include "base/strbuf.h"

/* The lines that went to a journal after it was deleted, for the file that takes its place. */

#define JOURNAL_RESCUE_MAX_BYTES ((int64_t)64 << 20)

/* Appends to `lines` what the deleted file `old` holds and `fresh`, the file that the path names
 * now, lacks. Is that empty, it is all behind the first `named_size` bytes: what the file held when
 * it still had a name was deleted on purpose. A file that replaced the old one, as an editor does,
 * lacks all that follows its own last line. Not more than the last JOURNAL_RESCUE_MAX_BYTES.
 * Returns 0, or -1 with `e`. */
int journal_rescue(int old, int64_t named_size, int fresh, struct strbuf *lines, struct err *e);

#endif
