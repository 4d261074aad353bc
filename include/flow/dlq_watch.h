#ifndef FLOW_DLQ_WATCH_H
#define FLOW_DLQ_WATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/log.h"
#include "flow/lanes.h"

/* Dead letters that wait for their acknowledgement for longer than any of them should, whatever the
 * cause: what brokers refuse as something that will pass, as too few replicas in sync, librdkafka
 * sends again and again without a word. Begins zeroed. */
struct dlq_watch {
    bool is_logged;
};

/* Says so at WARN once, and once when none waits so long any more. */
void dlq_watch_check(struct dlq_watch *w, const struct lanes *lanes, int64_t now_ms,
                     const struct log *log);

#endif
