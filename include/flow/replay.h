#ifndef FLOW_REPLAY_H
#define FLOW_REPLAY_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "flow/port.h"
#include "model/redrive_table.h"

/* One dead letter on its way back: what its headers say, and the record it was. Pure. */

struct replay_policy {
    const char *dlq_topic;
    int64_t max_replays; /* a record that was moved back so often stays */
};

struct replay {
    enum record_reason reason; /* RECORD_REASON_NONE: it names none that is known */
    enum redrive_fate fate;
    const char *topic; /* the original one, in the arena; NULL for REDRIVE_FOREIGN */
    int32_t partition; /* where it was in the original topic, -1 if not known */
    int64_t replays;   /* how often it was moved back before */
};

/* Judges a record of the dead letter topic by its headers. A dead letter of ours names its original
 * topic, which is not the dead letter topic itself, and has an id. */
void replay_judge(const struct replay_policy *policy, const struct header *headers, size_t count,
                  struct arena *arena, struct replay *out);

/* Fills `out` for a record that goes: key, value and original headers byte for byte, the partition
 * it came from. Of the dead letter's headers only `dlq.id`, `dlq.first-failure-ms` and
 * `dlq.replay-count`, one higher, go with it. Headers live in `arena`, all else is borrowed. */
void replay_build(const struct replay *r, const struct message *m, const struct header *headers,
                  size_t count, struct arena *arena, struct outgoing *out);

#endif
