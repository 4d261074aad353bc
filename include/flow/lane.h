#ifndef FLOW_LANE_H
#define FLOW_LANE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/log.h"
#include "base/rng.h"
#include "flow/breaker.h"
#include "flow/dead_letter.h"
#include "flow/doubt.h"
#include "flow/port.h"
#include "flow/retry.h"
#include "flow/told.h"

/* One partition's way through the tracker: one record at a time, strictly in order. A lane that
 * waits, for a backoff, an answer or a report, holds its record and is not read; the others run on.
 */

enum lane_payload { LANE_PAYLOAD_BOTH, LANE_PAYLOAD_RAW, LANE_PAYLOAD_FAILURES };

/* What the user chose. Texts are borrowed. */
struct lane_policy {
    struct retry_policy retry;
    struct breaker_policy breaker;
    size_t max_message_bytes;
    enum lane_payload payload;
    const char *group;
    const char *dlq_topic; /* NULL: dead letters are switched off */
    bool halt_without_dlq; /* then stop at a record that fails, instead of dropping it */
    int64_t dlq_retry_ms;  /* first delay before a dead letter that was refused is sent again */
    int64_t dlq_retry_max_ms;
};

enum lane_state {
    LANE_IDLE,       /* holds nothing; may be read */
    LANE_ATTEMPTING, /* the processor answers later */
    LANE_WAITING,    /* backoff; next attempt at deadline_ms */
    LANE_PROBING,    /* the breaker is open; one more attempt at deadline_ms */
    LANE_SENDING,    /* the dead letter's report is on its way */
    LANE_BLOCKED,    /* a fault of the system; the dead letter is sent again at deadline_ms */
    LANE_HALTED,     /* a record failed and the user chose to stop */
    LANE_CHECKING,   /* offsets were skipped: is there really no record? */
};

/* Offsets without a record are normal: markers, aborted and compacted records. But they are also
 * what a reader sees whose position moved, so a jump is checked before the lane goes on behind it:
 * at most one a second; another one meanwhile passes unchecked if one as large was found to be
 * normal, and waits otherwise. */
struct jump {
    int64_t to;               /* the end of the one that is checked */
    int64_t checked_ms;       /* when the last check began, 0 for never */
    int64_t largest_verified; /* in offsets */
    bool is_begun;            /* the check of this one */
};

struct lane {
    int32_t partition;
    uint32_t
        epoch; /* tells answers to this lane from those to an earlier one of the same partition */
    enum lane_state state;
    int64_t deadline_ms;
    bool fenced; /* to be given back: begins nothing new */

    int64_t position;     /* next offset to be read, -1 until known */
    int64_t expected;     /* offset after the last line, or the start; -1 until known: a record
                           beyond it skipped what is between, which holds no record */
    int64_t known_end;    /* up to where it could be read when it started */
    bool is_caught_up;    /* nothing came since the end was reached that can be read now */
    int64_t caught_up_ms; /* since when, monotonic */
    int64_t end;          /* drain: handle what is before it; -1 otherwise */
    bool is_at_end;       /* drain: reached */
    int64_t rewind_end;   /* what is before it is reprocessed; -1 without a rewind */
    struct told told;
    struct doubt doubt; /* of what Kafka holds, while there is no position */
    struct jump jump;

    struct message message;
    struct arena arena;
    struct order order;
    bool is_decoded;
    int attempts;
    enum record_reason reason;
    char error[512];
    int64_t first_failure_ms; /* wall clock */
    int64_t last_failure_ms;  /* wall clock */
    int64_t failing_since_ms; /* monotonic */
    int64_t previous_delay_ms;
    int sends;                /* of the dead letter, this record */
    int64_t sending_since_ms; /* monotonic, of the first of them */
    bool had_last_chance;     /* at a stop: it was attempted once more without waiting */
    bool was_probed;          /* the breaker had it attempted once more */
    struct breaker breaker;
    enum dead_letter_form form; /* of the dead letter: the largest that was not refused yet */
};

/* What all lanes share. `now_ms` and `wall_ms` are set anew by the loop. */
struct lane_env {
    const struct lane_policy *policy;
    const struct source *source;
    const struct sink *sink;
    const struct processor *processor;
    const struct log *log;
    struct rng rng;
    int64_t now_ms;
    int64_t wall_ms;
    /* A record's fate is settled; all texts are borrowed for the time of the call. */
    void (*settled)(void *ctx, struct lane *lane, const struct record *r);
    void (*retried)(void *ctx, struct lane *lane);
    void *ctx;
};

/* Storage is the caller's. `epoch` must differ from that of every earlier lane. */
void lane_init(struct lane *lane, int32_t partition, uint32_t epoch);

/* Frees what the lane owns; it must hold no record. */
void lane_release(struct lane *lane);

/* Where the rewind in progress ends, or -1 when what was journaled reached its end. */
int64_t lane_rewind_end(const struct lane *lane);

/* The tag of what this lane has under way. */
uint64_t lane_tag(const struct lane *lane);

/* Begins with a fetched record, which the lane releases to the source when it is settled or
 * dropped. The lane must be idle. */
void lane_take(struct lane *lane, struct lane_env *env, const struct message *m);

/* True when the lane has a deadline. */
bool lane_sleeps(const struct lane *lane);

/* The deadline has come. */
void lane_wake(struct lane *lane, struct lane_env *env);

/* The processor answered. */
void lane_answered(struct lane *lane, struct lane_env *env, const struct attempt_result *r);

/* The sink reported on the dead letter. */
void lane_reported(struct lane *lane, struct lane_env *env, const struct sink_report *r);

/* Lets go of the record without a line and without a commit: it comes again. */
void lane_abandon(struct lane *lane, struct lane_env *env);

#endif
