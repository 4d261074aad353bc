#ifndef CONFIG_PRINT_H
#define CONFIG_PRINT_H

#include "base/strbuf.h"
#include "config/config.h"

/* Settings as text, all from the one table. */

/* Appends the effective settings as YAML that can be read back, each with where it came from as a
 * comment; secrets among the properties are masked. */
void config_print(const struct config *cfg, struct strbuf *out);

/* Appends the table of settings for --help. */
void config_help(struct strbuf *out);

/* Appends config.yaml.example: every key, its default, one line of explanation. */
void config_print_example(struct strbuf *out);

#endif
