#ifndef FLOW_DOUBT_H
#define FLOW_DOUBT_H

#include <stdbool.h>
#include <stdint.h>

#include "flow/port.h"
#include "flow/start.h"

/* Kafka seems not to hold what was journaled: its log ends before, the broker refuses the offset,
 * or the group lost a commit that was acknowledged to us. One answer proves nothing: a broker that
 * is cut off from its controller goes on to answer for partitions that have another leader by now,
 * with a lower end. So Kafka is asked again for longer than a broker keeps its session without the
 * controller, and what it holds is compared with the last record that was journaled. Pure. */

#define DOUBT_CONFIRM_MS 20000 /* sessions: 9 s by default with KRaft, 18 s with ZooKeeper */

/* A zeroed one is of no partition yet. */
struct doubt {
    bool is_open;
    int64_t since_ms;
    int64_t lowest_high;    /* the lowest end seen since */
    int64_t grown_since_ms; /* since when it has grown beyond that, -1: it has not */
    int64_t reported_ms;
};

struct doubt_facts {
    const struct assignment *assignment;
    const struct start_facts *start;
    int64_t timestamp_ms; /* of the last record that was journaled, -1 unknown */
    bool is_drain;        /* whoever waits wants an end */
};

enum doubt_verdict {
    DOUBT_WAIT,      /* not decided: ask again, with a check at the last journaled record */
    DOUBT_SAME,      /* it is the log that was journaled: no doubt is left */
    DOUBT_CUT,       /* the same log, cut off at `lowest_high`: what follows there is new */
    DOUBT_RECREATED, /* another log */
};

/* True when what is known gives reason for doubt. */
bool doubt_is_due(const struct doubt *d, const struct start_facts *f);

/* Judges by one more answer. */
enum doubt_verdict doubt_judge(struct doubt *d, const struct doubt_facts *f, int64_t now_ms);

#endif
