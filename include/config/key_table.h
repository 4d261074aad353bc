#ifndef CONFIG_KEY_TABLE_H
#define CONFIG_KEY_TABLE_H

#include <stddef.h>

#include "config/key.h"

/* The rows themselves, section by section; key.h has the ways to use them. A new setting is a new
 * row here and a new field in struct config; parsing, ranges, --help, --print-config and
 * config.yaml.example follow. */
extern const struct key key_table[];
extern const size_t key_table_size;

#endif
