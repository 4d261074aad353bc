#ifndef PROCESSOR_EXCHANGE_H
#define PROCESSOR_EXCHANGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/strbuf.h"
#include "flow/port.h"
#include "model/scan.h"

/* The lines that the tracker and a command exchange, one JSON object each: a request for each
 * attempt, an answer for each request. Pure. */

/* Appends the request with its newline. */
void exchange_write(const struct attempt *a, const struct header *headers, size_t header_count,
                    int64_t timeout_ms, struct strbuf *out);

struct exchange_answer {
    int32_t partition;
    int64_t offset;
    bool has_verdict; /* else `result` is none of ok, retry and reject */
    enum attempt_verdict verdict;
    int64_t retry_after_ms; /* 0 if not said */
    struct scan_value error;
    struct scan_value receipt;
};

/* Reads an answer without its newline, whose texts are borrowed from it. Returns 0, or -1 when it
 * is no JSON object or has no id of a record of this topic. */
int exchange_read(struct exchange_answer *answer, const char *topic, const char *text, size_t len);

#endif
