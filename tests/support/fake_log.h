#ifndef SUPPORT_FAKE_LOG_H
#define SUPPORT_FAKE_LOG_H

#include <stddef.h>

#include "base/log.h"
#include "model/log_event.h"

/* A log that remembers. Fields are kept as "name=value" pairs, each followed by a space. */
struct fake_log_entry {
    enum log_level level;
    enum log_event_id event;
    char *error; /* "" if none */
    char *fields;
};

struct fake_log {
    struct fake_log_entry *entries;
    size_t count;
};

struct log fake_log_port(struct fake_log *l);

/* How many entries are of this event. */
size_t fake_log_count(const struct fake_log *l, enum log_event_id event);

/* The last entry of this event, or NULL. */
const struct fake_log_entry *fake_log_last(const struct fake_log *l, enum log_event_id event);

void fake_log_release(struct fake_log *l);

#endif
