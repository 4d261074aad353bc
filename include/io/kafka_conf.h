#ifndef IO_KAFKA_CONF_H
#define IO_KAFKA_CONF_H

/* The version of librdkafka that is in use, as text. */
const char *kafka_library_version(void);

#endif
