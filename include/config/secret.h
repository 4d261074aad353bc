#ifndef CONFIG_SECRET_H
#define CONFIG_SECRET_H

#include <stdbool.h>

#include "config/config.h"

/* Which librdkafka properties are secret. */

/* True when the property of that name holds no secret. A name that nobody knows may be that of a
 * password, misspelt: only names that are known to hold none are open. */
bool secret_name_is_open(const char *property);

/* True when the value itself may be a secret, not only a reference to one. */
bool secret_is_in(const struct config_property *p);

/* True for a regular file that every user of the machine may read. */
bool secret_file_is_shared(const char *path);

#endif
