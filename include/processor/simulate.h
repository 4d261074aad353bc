#ifndef PROCESSOR_SIMULATE_H
#define PROCESSOR_SIMULATE_H

#include <stdint.h>

#include "flow/port.h"

/* A processor that stands for the work an order would cause: it takes a set time and fails for set
 * shares. What becomes of an attempt depends only on the record's place and the attempt's number,
 * so that the same record fares the same when it is read again. */
struct simulate {
    double transient_rate;  /* share of attempts that fail for a while */
    double permanent_rate;  /* share of orders that fail for good */
    int64_t only_partition; /* where they fail; -1: everywhere */
    int64_t latency_ms;     /* time one attempt takes */
    struct simulate_pending *pending;
    size_t pending_count;
    size_t pending_cap;
};

/* The port over `s`, which the caller keeps and releases with simulate_release. */
struct processor simulate_processor(struct simulate *s);

void simulate_release(struct simulate *s);

#endif
