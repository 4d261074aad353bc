#ifndef CONFIG_REFERENCE_H
#define CONFIG_REFERENCE_H

#include <stdbool.h>

#include "base/err.h"
#include "base/strbuf.h"

/* Values that stand elsewhere:
 *
 *     ${file:/run/secrets/password}   what the file holds, less one line end at its end
 *     ${env:NAME}                     the environment variable
 *     ${credential:password}          the file of that name in $CREDENTIALS_DIRECTORY (systemd)
 *
 * They may be a part of a value. $${ is a plain ${. */

/* Appends `text` with its references replaced. Returns 0, or -1 with ERR_USAGE, which never repeats
 * the text: what a reference names is not there, or ${ begins something else. */
int reference_expand(const char *text, struct strbuf *out, struct err *e);

/* Appends what the file holds, less one line end at its end. Returns 0, or -1 with ERR_USAGE naming
 * the file. */
int reference_read_file(const char *path, struct strbuf *out, struct err *e);

/* True when the whole text is one reference: it says where a secret is and is none itself. */
bool reference_is_whole(const char *text);

#endif
