#ifndef IO_KAFKA_VERSION_H
#define IO_KAFKA_VERSION_H

/* The version of librdkafka that is in use, as text. */
const char *kafka_library_version(void);

#endif
