#ifndef FLOW_DEAD_LETTER_H
#define FLOW_DEAD_LETTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "flow/port.h"

/* A record for the dead letter topic: the original's key, value and headers byte for byte, and
 * headers that say what happened. */

/* What is left out when the topic takes nothing larger. Each form leaves out what those before it
 * do, and says in headers what that was; the last one is smaller than 4 KiB with ordinary names of
 * topic and group. */
enum dead_letter_form {
    DEAD_LETTER_WHOLE,
    DEAD_LETTER_WITHOUT_VALUE,
    DEAD_LETTER_WITHOUT_HEADERS, /* those of the original; the error text is shorter too */
    DEAD_LETTER_WITHOUT_KEY,
};

struct dead_letter_facts {
    const char *group;
    const char *error; /* cut to 1 KiB, made printable */
    enum record_reason reason;
    int attempts;
    int64_t first_failure_ms; /* wall clock */
    int64_t last_failure_ms;
    enum dead_letter_form form;
};

/* Fills `out` for `topic`; headers and texts live in `arena`, key and value stay borrowed from `m`.
 * `original` are the headers the record came with; those of the names we write are replaced.
 * `__dlq.errors.*` are the names of KIP-1191. */
void dead_letter_build(const struct message *m, const struct header *original,
                       size_t original_count, const struct dead_letter_facts *facts,
                       const char *topic, struct arena *arena, struct outgoing *out);

/* True for the names of the headers that dead_letter_build writes. */
bool dead_letter_writes(const char *name);

/* True when these headers of a dead letter say that something of the record was left out: it cannot
 * be had back from it. */
bool dead_letter_is_partial(const struct header *headers, size_t count);

#endif
