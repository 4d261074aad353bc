#ifndef IO_KAFKA_LOGIN_H
#define IO_KAFKA_LOGIN_H

#include "base/err.h"
#include "config/config.h"
#include "io/kafka_internal.h"

/* How a client of ours proves who it is. */

/* Gives a client that exists the user and password as they were last read (config/resolve.h). It
 * uses them for connections from now on; those that it has stay. Returns 0, or -1 with `e`. */
int kafka_login_renew(rd_kafka_t *rk, const struct config *cfg, struct err *e);

#endif
