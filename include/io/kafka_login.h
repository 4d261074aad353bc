#ifndef IO_KAFKA_LOGIN_H
#define IO_KAFKA_LOGIN_H

#include "base/err.h"
#include "config/config.h"
#include "io/kafka_internal.h"

/* How a client of ours proves who it is. */

/* Prepares `conf` for the token of kafka.oauth_token_file or kafka.oauth_token_command, if one of
 * them is set. Returns 0, or -1 with ERR_USAGE. */
int kafka_login_prepare(rd_kafka_conf_t *conf, const struct config *cfg, struct err *e);

/* For a client that was just made: a thread of librdkafka gets its tokens, when the first is needed
 * and before one expires. */
void kafka_login_begin(rd_kafka_t *rk);

/* Gives a client that exists the user and password as they were last read (config/resolve.h). It
 * uses them for connections from now on; those that it has stay. Returns 0, or -1 with `e`. */
int kafka_login_renew(rd_kafka_t *rk, const struct config *cfg, struct err *e);

#endif
