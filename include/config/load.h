#ifndef CONFIG_LOAD_H
#define CONFIG_LOAD_H

#include "base/err.h"
#include "config/config.h"

/* Reads a YAML file into `cfg`; origins become "FILE:LINE". Returns 0, or -1 with ERR_USAGE naming
 * file and line. */
int load_file(struct config *cfg, const char *path, struct err *e);

/* Takes SECTION_KEY variables (and LOG_LEVEL, and KAFKA_PROPERTIES_*, see properties.h) from the
 * environment. Returns 0, or -1 with ERR_USAGE
 * naming the variable. */
int load_environment(struct config *cfg, struct err *e);

#endif
