#ifndef MODEL_WINDOW_H
#define MODEL_WINDOW_H

#include <stdbool.h>
#include <stdint.h>

/* What happened in each of the last 15 minutes' seconds, by the time that the journal gives. A
 * zeroed struct is an empty window. Only complete seconds are told: the running one would make
 * every rate too small. */

#define WINDOW_LONGEST 900 /* seconds */
#define WINDOW_SLOTS   1024

struct window_second {
    int64_t second; /* since 1970; 0 while the slot is unused */
    uint32_t received;
    uint32_t failed;
    uint32_t retries;
    uint32_t dead_lettered;
    uint32_t skewed; /* creation later than receipt */
    uint64_t bytes;
    uint64_t gaps; /* offsets jumped over */
};

struct window {
    struct window_second slots[WINDOW_SLOTS];
    bool has_first;
    int64_t first_second; /* the earliest second ever seen */
    int64_t last_second;  /* the latest */
};

/* The slot to count into for an event at `at_ms`, or NULL when it is too old, or so far ahead of
 * `now_ms` that it would push out what is still asked for. */
struct window_second *window_slot(struct window *w, int64_t at_ms, int64_t now_ms);

struct window_sum {
    int seconds; /* complete seconds that were observed, at most what was asked; 0 = unknown */
    int busy;    /* of them: with at least one message */
    uint64_t received;
    uint64_t failed;
    uint64_t retries;
    uint64_t dead_lettered;
    uint64_t skewed;
    uint64_t bytes;
    uint64_t gaps;
    uint32_t peak; /* most received in one second */
};

/* The sum over the last `seconds` (at most WINDOW_LONGEST) complete seconds before `now_ms`. */
struct window_sum window_sum(const struct window *w, int64_t now_ms, int seconds);

/* One second of the window, or NULL when nothing was counted in it. */
const struct window_second *window_at(const struct window *w, int64_t second);

#endif
