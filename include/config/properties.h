#ifndef CONFIG_PROPERTIES_H
#define CONFIG_PROPERTIES_H

#include "base/err.h"
#include "config/config.h"

/* librdkafka properties from where other Kafka programs have them. */

/* Reads a file of name=value lines, as kcat's -F does: white space around a line does not count, an
 * empty line and one that begins with # say nothing. White space around the first = does not count
 * either. bootstrap.servers is kafka.broker. Origins become "FILE:LINE". Returns 0, or -1 with
 * ERR_USAGE naming file and line, never a value. */
int properties_load(struct config *cfg, const char *path, struct err *e);

/* Takes KAFKA_PROPERTIES_SASL_PASSWORD for sasl.password, and so on. An empty variable counts as
 * not set. Returns 0, or -1 with ERR_USAGE naming the variable. */
int properties_load_environment(struct config *cfg, struct err *e);

#endif
