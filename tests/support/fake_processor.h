#ifndef SUPPORT_FAKE_PROCESSOR_H
#define SUPPORT_FAKE_PROCESSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "flow/port.h"

/* A processor that does as it is told. What it was lent it reads again just before it answers. */

/* What becomes of one attempt. Zeroed: it succeeds at once. */
struct fake_answer {
    enum attempt_verdict verdict;
    bool later;       /* answered by next_result after `after_ms`, */
    int64_t after_ms; /* or never by itself if < 0, see fake_processor_answer */
    bool is_full;     /* not taken */
    int64_t retry_after_ms;
};

struct fake_attempt {
    struct attempt attempt;
    struct fake_answer answer;
    int64_t due_ms;
};

struct fake_processor {
    /* What the n-th attempt meets, counted from 0; after `step_count` of them, `otherwise`. */
    const struct fake_answer *steps;
    size_t step_count;
    struct fake_answer otherwise;
    /* If set, asked instead. */
    struct fake_answer (*decide)(void *ctx, const struct attempt *a);
    void *decide_ctx;

    size_t starts;
    size_t cancels;
    struct fake_attempt *pending; /* in the order they were started */
    size_t pending_count;
};

struct processor fake_processor_port(struct fake_processor *p);

/* Answers the oldest pending attempt at the next asking, or that for the record at an offset. */
void fake_processor_answer(struct fake_processor *p, enum attempt_verdict verdict);
void fake_processor_answer_at(struct fake_processor *p, int64_t offset,
                              enum attempt_verdict verdict);

void fake_processor_release(struct fake_processor *p);

#endif
