#ifndef IO_TAIL_BESIDE_H
#define IO_TAIL_BESIDE_H

#include "io/tail_source.h"

/* For tail only: files that lie beside the followed path under a longer name, which is where
 * rotations put them. Both return NULL when there is none, else a source that is the caller's. */

/* The earliest file that was made and renamed away between two looks: not known, not older than the
 * newest that is, and no copy of it. */
struct tail_source *tail_beside_missed(const char *path, const struct tail_set *known);

/* The copy that was taken of `of` before it was truncated, at the position where `of` stood and
 * with its unfinished line. */
struct tail_source *tail_beside_copy(const char *path, const struct tail_set *known,
                                     struct tail_source *of);

#endif
