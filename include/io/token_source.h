#ifndef IO_TOKEN_SOURCE_H
#define IO_TOKEN_SOURCE_H

#include "base/err.h"
#include "base/strbuf.h"

/* Appends what `command` (for /bin/sh -c) writes to its standard output. Waits for its end, at most
 * 20 s; then it is killed with all that it started. Returns 0, or -1 with `e`: it does not end, it
 * ends with another status than 0, or it writes more than 64 KiB. */
int token_source_run(const char *command, struct strbuf *out, struct err *e);

#endif
