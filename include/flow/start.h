#ifndef FLOW_START_H
#define FLOW_START_H

#include <stdbool.h>
#include <stdint.h>

/* Where to begin with a partition that comes to us. Pure.
 *
 * The journal knows how far the partition is recorded, the group how far it committed, the broker
 * what it still has. Offsets are never compared for equality: compaction, transactions and
 * retention make gaps normal. */

#define START_UNKNOWN (-1)

struct start_facts {
    int64_t journal_next; /* the offset after the last one in the journal, or START_UNKNOWN */
    int64_t acked_commit; /* the last commit acknowledged to us, or START_UNKNOWN */
    int64_t committed;    /* what the group has, or START_UNKNOWN */
    int64_t low;          /* the partition holds [low, high) */
    int64_t high;
    bool was_beyond; /* the broker refused to read where we were: out of its range */
};

enum start_kind {
    START_NORMAL,
    START_GAP,    /* [from, to) can no longer be read */
    START_REPLAY, /* the group was reset on purpose: [from, to) is reprocessed */
    START_RESET,  /* the topic was recreated: what was journaled is of another one */
    START_CUT,    /* the log was cut off: [from, to) was journaled and will be other records */
};

struct start {
    enum start_kind kind;
    int64_t offset; /* START_UNKNOWN: nobody knows */
    int64_t from;   /* unless START_NORMAL */
    int64_t to;
};

/* When the log is the one that was journaled: it reaches as far. */
struct start start_decide(const struct start_facts *f);

/* When the topic was recreated. */
struct start start_recreated(const struct start_facts *f);

/* When the log was cut off at `end`, before what was journaled or committed. */
struct start start_cut(const struct start_facts *f, int64_t end);

#endif
