#ifndef CONFIG_RESOLVE_H
#define CONFIG_RESOLVE_H

#include "base/err.h"
#include "base/strbuf.h"
#include "config/config.h"

/* The values of librdkafka properties, with their references replaced (reference.h). Safe for any
 * thread. */

/* Reads what the references of all properties name, and keeps it. Returns 1 when a value is another
 * one than before, 0 when none is, or -1 with ERR_USAGE: which property, from where, and why; all
 * values stay as they were then. */
int resolve_properties(struct config *cfg, struct err *e);

/* Appends the value of `p` as it was last read, or reads it if that never happened. Returns 0, or
 * -1 with ERR_USAGE, which never repeats a value. */
int resolve_value(const struct config_property *p, struct strbuf *out, struct err *e);

/* Likewise the value of the property called `name`; nothing when it is not set. */
int resolve_named(const struct config *cfg, const char *name, struct strbuf *out, struct err *e);

#endif
