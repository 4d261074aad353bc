#ifndef PROCESSOR_TOKEN_H
#define PROCESSOR_TOKEN_H

#include <stdbool.h>
#include <time.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/strbuf.h"

/* A token in a file that somebody else replaces from time to time. Begins with its path and zeroes.
 */
struct token {
    const char *path; /* borrowed */
    struct strbuf text;
    /* The file that it was read from; all 0 to read it in any case. */
    dev_t device;
    ino_t inode;
    off_t size;
    struct timespec changed;
};

/* Reads the file if it is another one than before, or has changed. Returns 0 with the token in
 * `text`, or -1 with `e`: it cannot be read, or holds no token. */
int token_refresh(struct token *t, struct err *e);

/* It was refused: it is read again, though the file may look as before. */
void token_doubt(struct token *t);

void token_release(struct token *t);

#endif
