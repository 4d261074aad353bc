#ifndef IO_JOURNAL_LOCK_H
#define IO_JOURNAL_LOCK_H

#include "base/err.h"

/* The lock by which a tracker has its journal alone. It ends with the open file, so with the
 * process at the latest, however that ends. Readers can ask for it without ever taking it, which
 * flock does not offer. */

/* Takes it for this open file, which is open for writing. Returns 0, or -1 with errno; EWOULDBLOCK:
 * another holds it. */
int journal_lock_take(int fd);

/* Returns 1 when another open file holds it, 0 when none does that this machine knows of, -1 with
 * errno when it cannot be asked for. Changes nothing, and needs no permission but to read. */
int journal_lock_is_held(int fd);

/* Sets `e` to why the lock was not taken, by errno, and names the pid of who holds it where that
 * can be seen, which takes the same user or root. Returns -1. */
int journal_lock_refuse(int fd, struct err *e);

#endif
