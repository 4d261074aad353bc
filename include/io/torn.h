#ifndef IO_TORN_H
#define IO_TORN_H

#include <stdint.h>

#include "base/err.h"
#include "base/strbuf.h"

/* What a crash left of a journal that is no whole line: it is moved to a file of its own,
 * <events_file>.torn-<time>, and so kept, but out of the way of readers. */

/* Moves the bytes [from, to), which end the file `fd` of the journal at `path`. First the copy,
 * then the cut. Returns 1 and appends the name of the copy to `moved_to`; 0 with `e` when there
 * is no room: then nothing has changed; -1 with `e` on any other error. */
int torn_move(const char *path, int fd, int64_t from, int64_t to, struct strbuf *moved_to,
              struct err *e);

/* Moves what follows the last newline of the file, if anything does. Returns as torn_move does, 1
 * also when there was nothing to be moved. */
int torn_move_tail(const char *path, int fd, struct strbuf *moved_to, struct err *e);

#endif
