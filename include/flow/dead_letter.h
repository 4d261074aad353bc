#ifndef FLOW_DEAD_LETTER_H
#define FLOW_DEAD_LETTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "flow/port.h"

/* A record for the dead letter topic: the original's key, value and headers byte for byte, and
 * headers that tell what happened. */

struct dead_letter_facts {
    const char *group;
    const char *error; /* cut to 1 KiB, made printable */
    enum record_reason reason;
    int attempts;
    int64_t first_failure_ms; /* wall clock */
    int64_t last_failure_ms;
    bool value_omitted; /* the value does not fit the topic: a pointer record with a null value */
};

/* Fills `out` for `topic`; headers and texts live in `arena`, key and value stay borrowed from `m`.
 * `original` are the headers the record came with; those of the names we write are replaced.
 * `__dlq.errors.*` are the names of KIP-1191. */
void dead_letter_build(const struct message *m, const struct header *original,
                       size_t original_count, const struct dead_letter_facts *facts,
                       const char *topic, struct arena *arena, struct outgoing *out);

/* True for the names of the headers that dead_letter_build writes. */
bool dead_letter_writes(const char *name);

#endif
