#ifndef IO_SIDECAR_H
#define IO_SIDECAR_H

#include <sys/stat.h>

#include "base/err.h"
#include "model/checkpoint.h"

/* The file <events_file>.state. It is replaced as a whole: a crash leaves the old one or the new
 * one. */

/* Returns 1 and fills a zeroed `s`, 0 when there is none, or -1 with `e` when it cannot be read or
 * is broken; the caller releases `s` in any case. */
int sidecar_read(const char *path, struct checkpoint *s, struct err *e);

/* Writes to a temporary file, fsync, rename, fsync of the folder. Fills `written` unless it is
 * NULL. Returns 0, or -1 with `e` and errno. */
int sidecar_write(const char *path, const struct checkpoint *s, struct stat *written,
                  struct err *e);

/* fsync of the folder that holds `path`, so that a name in it survives power loss. Returns 0, or -1
 * with errno. */
int sidecar_sync_folder(const char *path);

#endif
