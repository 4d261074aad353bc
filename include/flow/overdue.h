#ifndef FLOW_OVERDUE_H
#define FLOW_OVERDUE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/log.h"
#include "flow/lanes.h"

/* Dead letters that wait for their acknowledgement for longer than any of them should, whatever the
 * cause: what brokers refuse as something that will pass, as too few replicas in sync, librdkafka
 * sends again and again without a word. Begins zeroed. */
struct overdue {
    bool is_told;
};

/* Says so at WARN once, and once when none waits so long any more. */
void overdue_look(struct overdue *o, const struct lanes *lanes, int64_t now_ms,
                  const struct log *log);

#endif
