#ifndef IO_KAFKA_TOPICS_H
#define IO_KAFKA_TOPICS_H

#include <stdbool.h>

#include "base/err.h"
#include "io/kafka_internal.h"

/* Whether topics exist. librdkafka 2.0.2 has no such question that does not block: so a thread of
 * its own asks, about one topic at a time. It never has a topic created. */
struct kafka_topics;

/* `rk` is a consumer and borrowed. The eventfd `wake_fd` is written to when an answer came. */
struct kafka_topics *kafka_topics_new(rd_kafka_t *rk, int wake_fd);

/* Asks until there is an answer about `name`. Returns 1 when the topic is there, -1 with why in `e`
 * when it is not or may not be used, 0 while that is not known. Never waits. */
int kafka_topics_find(struct kafka_topics *t, const char *name, struct err *e);

/* Frees. Returns false when a question is still open: it ends by itself after some seconds, so that
 * `rk` and all of this stay in use. NULL is accepted. */
bool kafka_topics_free(struct kafka_topics *t);

#endif
