#ifndef IO_JOURNAL_FILE_H
#define IO_JOURNAL_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/strbuf.h"
#include "io/file_watch.h"

/* The journal as a file: opened for this tracker alone, grown by whole lines only. Not for two
 * threads at once. */
struct journal_file {
    char *path;
    char *real_path; /* of the file when it was opened: the path may lead to it by links */
    int fd;
    struct file_watch watch;
};

/* Opens the path, creates it if need be, and takes an exclusive lock. Returns 0, or -1 with `e`
 * and errno when it cannot be opened, is no regular file, or another tracker holds it; `f` is
 * released by journal_file_close in any case. */
int journal_file_open(struct journal_file *f, const char *path, struct err *e);

/* Appends the bytes behind the first `*done`, which are whole lines; moves `*done` on. Returns 1
 * when all are written; 0 with `e` when the disk is full: then a line that was begun is cut off
 * again, so that readers and a restart only ever see whole ones, and the rest is to be tried later;
 * -1 with `e` when the file can no longer be trusted. */
int journal_file_append(struct journal_file *f, const char *bytes, size_t len, size_t *done,
                        struct err *e);

/* Returns 0 when all that was appended is on the disk, or -1 with `e`: then nobody knows what
 * is. */
int journal_file_sync(const struct journal_file *f, struct err *e);

/* Goes over to the file that the path names now; a torn line at its end is moved aside and its new
 * name appended to `moved_to`. Returns 1; 0 when it is the same one; -1 with `e` when it cannot be
 * opened as above: then the old one goes on. */
int journal_file_reopen(struct journal_file *f, struct strbuf *moved_to, struct err *e);

/* The same for a file that was deleted or replaced. Appends to `lines` what was written to it since
 * and is to be written first of all. Returns 0, or -1 with `e`. */
int journal_file_replace(struct journal_file *f, struct strbuf *lines, struct strbuf *moved_to,
                         struct err *e);

/* True when the file at `other` is the journal at `path`, by whatever name or link, or belongs to
 * it: its state or a torn line put aside. Files that do not exist are not compared. */
bool journal_file_owns(const char *path, const char *other);

/* Closes. Accepts a zeroed struct. */
void journal_file_close(struct journal_file *f);

/* ---- the lock ---- */

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
