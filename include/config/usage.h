#ifndef CONFIG_USAGE_H
#define CONFIG_USAGE_H

#include "base/strbuf.h"
#include "config/args.h"

/* Appends the text of --help: the program's options, the common ones, all settings and the exit
 * statuses. */
void usage_add(const struct arg_program *program, const struct arg *common, int common_count,
               struct strbuf *out);

#endif
