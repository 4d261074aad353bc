#ifndef CONFIG_PRINT_H
#define CONFIG_PRINT_H

#include "base/strbuf.h"
#include "config/config.h"

/* Settings as text, all from the one table. */

/* Appends the effective settings as YAML that can be read back, each with where it came from as a
 * comment; secrets among the properties are masked. */
void config_print(const struct config *cfg, struct strbuf *out);

/* Appends the table of settings for --help: of each key three lines with its default, what it is,
 * what is allowed. */
void config_help(struct strbuf *out);

#endif
