#ifndef FLOW_LANE_H
#define FLOW_LANE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/choices.h"
#include "base/log.h"
#include "base/rng.h"
#include "flow/breaker.h"
#include "flow/doubt.h"
#include "flow/outage.h"
#include "flow/port.h"
#include "flow/retry.h"
#include "flow/slots.h"
#include "flow/watermark.h"

/* One partition's way through the tracker: a window of records in offset order. Only processing
 * overlaps; lines are written, and offsets stored, strictly in order. A lane whose window is full
 * is not read until its oldest record has its line; the other lanes run on. */

/* Which records of a partition may be processed at the same time. */
enum lane_ordering {
    LANE_ORDER_PARTITION, /* none: one record at a time */
    LANE_ORDER_KEY,       /* those with different keys, and those without a key */
    LANE_ORDER_NONE,      /* any */
};

/* What the user chose. Texts are borrowed. */
struct lane_policy {
    enum lane_ordering ordering;
    size_t window;        /* records between the oldest without a line and the newest; 0: one */
    size_t max_in_flight; /* attempts under way over all lanes; 0: no limit */
    struct retry_policy retry;
    struct breaker_policy breaker;
    size_t max_message_bytes;
    enum lane_payload payload;
    const char *processor; /* its kind, for the lines; NULL: nothing of it */
    const char *group;
    const char *dlq_topic; /* NULL: dead letters are switched off */
    bool halt_without_dlq; /* then stop at a record that fails, instead of dropping it */
    int64_t dlq_retry_ms;  /* first delay before a dead letter that was refused is sent again */
    int64_t dlq_retry_max_ms;
};

/* Offsets without a record are normal: markers, aborted and compacted records. But they are also
 * what a reader sees whose position moved, so a jump is checked before the lane goes on behind it:
 * at most one a second; another one meanwhile passes unchecked if one as large was found to be
 * normal, and waits otherwise. */
struct jump {
    bool is_open;             /* one is checked, or to be checked: nothing is read */
    struct message message;   /* the record behind it; zeroed if it leads to the end */
    int64_t to;               /* the end of the one that is checked */
    int64_t checked_ms;       /* when the last check began, 0 for never */
    int64_t largest_verified; /* in offsets */
    bool is_begun;            /* the check of this one */
};

struct lane {
    int32_t partition;
    uint32_t
        epoch;   /* tells answers to this lane from those to an earlier one of the same partition */
    bool fenced; /* to be given back: begins nothing new */

    int64_t position;     /* next offset to be read, -1 until known */
    int64_t expected;     /* offset after the last line, or the start; -1 until known: a record
                           beyond it skipped what is between, which holds no record */
    int64_t known_end;    /* up to where it could be read when it started */
    bool is_caught_up;    /* nothing came since the end was reached that can be read now */
    int64_t caught_up_ms; /* since when, monotonic */
    int64_t end;          /* drain: handle what is before it; -1 otherwise */
    bool is_at_end;       /* drain: reached, nothing more is read */
    bool had_last_probe;  /* drain: the processor was asked once more whether it is available */
    int64_t rewind_end;   /* what is before it is reprocessed; -1 without a rewind */
    struct watermark watermark;
    struct doubt doubt; /* of what Kafka holds, while there is no position */
    struct jump jump;
    struct slots slots;
    struct breaker breaker;
    int64_t probe_ms; /* the last deadline of a record that the breaker holds */
    struct outage outage;
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
    struct slot_pool pool;
    size_t window_bytes; /* for the records of one lane, but for its oldest; 0: no limit */
    size_t in_flight;    /* attempts under way */
    /* A record's line is to be written; all texts are borrowed for the time of the call. */
    void (*settled)(void *ctx, const struct slot *slot, const struct record *r);
    void (*retried)(void *ctx);
    /* An attempt that was answered later took this long. */
    void (*attempted)(void *ctx, int64_t ms);
    void *ctx;
};

/* Storage is the caller's. `epoch` must differ from that of every earlier lane. */
void lane_init(struct lane *lane, int32_t partition, uint32_t epoch);

/* Frees what the lane owns; it must hold no record. */
void lane_release(struct lane *lane);

/* Where the rewind in progress ends, or -1 when what was journaled reached its end. */
int64_t lane_rewind_end(const struct lane *lane);

/* The tag of what a slot of this lane has under way. */
uint64_t lane_tag(const struct lane *lane, const struct slot *slot);

/* The slot of a tag, NULL if there is none or it is of another lane. */
struct slot *lane_find(const struct lane *lane, uint64_t tag);

/* Whether the window has room for one more record, and no jump is checked. */
bool lane_has_room(const struct lane *lane, const struct lane_env *env);

/* No record is on its way, and no jump is checked. */
bool lane_is_idle(const struct lane *lane);

/* Whether a record failed for which the user chose to stop. It is the one given, if so. */
const struct slot *lane_halted(const struct lane *lane);

/* Begins with a fetched record, which the lane releases to the source when it has its line or is
 * dropped. The lane must have room. */
void lane_take(struct lane *lane, struct lane_env *env, const struct message *m);

/* When the next of its deadlines comes, or INT64_MAX. */
int64_t lane_due_ms(const struct lane *lane);

/* Does what is due, and begins the attempts for which there is room now. */
void lane_run(struct lane *lane, struct lane_env *env);

/* The processor answered. */
void lane_answered(struct lane *lane, struct lane_env *env, const struct attempt_result *r);

/* The sink reported on a dead letter. */
void lane_reported(struct lane *lane, struct lane_env *env, const struct sink_report *r);

/* At a stop nobody waits for a backoff: each record has one more attempt at once. From the first
 * one on that fails again, or that an unavailable processor holds, all are dropped and come again.
 */
void lane_hasten(struct lane *lane, struct lane_env *env);

/* Drops records from the first one on that is neither settled nor under way, since those behind it
 * can have no line, and the jump. */
void lane_cut_waiting(struct lane *lane, struct lane_env *env);

/* The jump is not checked any more, and the record behind it comes again. */
void lane_drop_jump(struct lane *lane, const struct lane_env *env);

/* Drops all records without a line and without a commit: they come again. */
void lane_abandon(struct lane *lane, struct lane_env *env);

#endif
