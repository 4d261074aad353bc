#ifndef IO_KAFKA_RANGES_H
#define IO_KAFKA_RANGES_H

#include <stdbool.h>
#include <stddef.h>

#include "flow/port.h"
#include "io/kafka_probe.h"

/* Ranges of offsets that a consumer jumped over: do they hold no record? A thread of its own reads
 * the first record of each, so that nobody waits. A zeroed struct knows of none. */
struct kafka_ranges {
    struct kafka_probe *probe;
    const struct log *log;
    int wake_fd; /* an eventfd that is written to when an answer came */
    struct kafka_range *list;
    size_t count;
    struct errand *errand; /* NULL when nothing is asked */
    struct kafka_question *question;
};

/* See source.check_range. The members down to `wake_fd` are set by the caller and borrowed. */
enum range_state kafka_ranges_check(struct kafka_ranges *r, int32_t partition, int64_t from,
                                    int64_t to);

/* Takes answers. Never waits. */
void kafka_ranges_serve(struct kafka_ranges *r);

/* Frees. Returns false when a question is open: the probe stays in use then. */
bool kafka_ranges_release(struct kafka_ranges *r);

#endif
