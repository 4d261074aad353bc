#ifndef SUPPORT_FAKE_LOG_H
#define SUPPORT_FAKE_LOG_H

#include <stddef.h>

#include "base/log.h"

/* A log that remembers. Fields are kept as "name=value" pairs, each followed by a space. */
struct fake_log_entry {
    enum log_level level;
    char *message;
    char *error; /* "" if none */
    char *fields;
};

struct fake_log {
    struct fake_log_entry *entries;
    size_t count;
};

struct log fake_log_port(struct fake_log *l);

/* How many entries have this message. */
size_t fake_log_count(const struct fake_log *l, const char *message);

/* The last entry with this message, or NULL. */
const struct fake_log_entry *fake_log_last(const struct fake_log *l, const char *message);

void fake_log_release(struct fake_log *l);

#endif
