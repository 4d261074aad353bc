#ifndef MODEL_REDRIVE_PROGRESS_H
#define MODEL_REDRIVE_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/strbuf.h"
#include "model/record.h"

/* Which dead letters of one partition were moved back. Everything from `next` on is open: nobody
 * looked at it. Before `next` everything is done, except for
 * - all of a reason, of an original topic or of a number of replays from an offset on (a rule), and
 * - single offsets (`left`).
 * So it stays short whatever a run leaves out: a reason that was not asked for, a topic that does
 * not exist and what was moved back often enough are one rule each. As text it is the metadata of
 * the offset that is committed. Pure. A zeroed struct is the start of a partition. */

/* What rules ask of a dead letter. */
struct redrive_traits {
    enum record_reason reason;
    const char *topic; /* the original one; NULL when it is not known */
    int64_t replays;   /* how often it was moved back */
};

enum redrive_rule_kind { REDRIVE_BY_REASON, REDRIVE_BY_TOPIC, REDRIVE_BY_REPLAYS };

/* All dead letters that are like `traits` in what `kind` says are open from `from` on. */
struct redrive_rule {
    enum redrive_rule_kind kind;
    int64_t number; /* reason or replays */
    char *topic;    /* NULL unless REDRIVE_BY_TOPIC */
    int64_t from;
};

struct redrive_range {
    int64_t first;
    int64_t last;
};

struct redrive_progress {
    int64_t next;
    struct redrive_rule *rules;
    size_t rule_count;
    struct redrive_range *left; /* in order, none touches the next one */
    size_t left_count;
};

/* The longest text that is committed: Kafka's default of offset.metadata.max.bytes. */
#define REDRIVE_PROGRESS_MAX_BYTES 4096

bool redrive_progress_is_open(const struct redrive_progress *p, int64_t offset,
                              const struct redrive_traits *traits);

/* The first offset that may be open: what is committed. */
int64_t redrive_progress_first(const struct redrive_progress *p);

/* From here on every dead letter that is like `traits` in what `kind` says is open: where a rule of
 * this kind may begin without making something open that is done. */
int64_t redrive_progress_all_open_from(const struct redrive_progress *p,
                                       enum redrive_rule_kind kind,
                                       const struct redrive_traits *traits);

/* Leaves a single offset open, or all that is like `traits` from there on. Returns false when it
 * was left already. */
bool redrive_progress_leave(struct redrive_progress *p, int64_t offset);
bool redrive_progress_leave_all(struct redrive_progress *p, enum redrive_rule_kind kind,
                                const struct redrive_traits *traits, int64_t from);

/* Fills `out`, which is empty, with what is known after a run that looked at everything up to
 * `upto`: before it `now` counts, which left open what is open there, from it on `before`. */
void redrive_progress_join(struct redrive_progress *out, const struct redrive_progress *now,
                           const struct redrive_progress *before, int64_t upto);

/* Appends it as text without control characters, offsets relative to the first open one. */
void redrive_progress_write(const struct redrive_progress *p, struct strbuf *out);

/* Reads what was committed: the offset `first` with this text. No text means that all before
 * `first` is done and nothing else. Returns 0, or -1 when the text is not ours; then `p` is empty.
 */
int redrive_progress_read(struct redrive_progress *p, int64_t first, const char *text, size_t len);

void redrive_progress_release(struct redrive_progress *p);

#endif
