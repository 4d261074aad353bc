#ifndef FLOW_BREAKER_H
#define FLOW_BREAKER_H

#include <stdbool.h>
#include <stdint.h>

/* Keeps a lane from draining its topic into the dead letters because something behind the processor
 * is broken. It counts records whose processing was given up: too many in a row, or too large a
 * share of a window, opens it; the next record that is processed closes it. What cannot be decoded
 * or is not valid is the record's own fault and does not count. Pure. */

struct breaker_policy {
    int64_t consecutive; /* given up in a row */
    double share;        /* given up of a window, 0..1 */
    int64_t window;      /* records */
    int64_t pause_ms;    /* how long an open breaker waits before the next attempt */
};

struct breaker {
    int64_t consecutive;
    int64_t seen; /* in this window */
    int64_t given_up;
    bool is_open;
};

/* A record was processed. Returns true when this closed the breaker. */
bool breaker_success(struct breaker *b, const struct breaker_policy *p);

/* A record's processing is to be given up. Returns true when the breaker is open: then it should
 * wait. */
bool breaker_failure(struct breaker *b, const struct breaker_policy *p);

#endif
