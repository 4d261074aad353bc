#ifndef FLOW_REDRIVE_PARTITION_H
#define FLOW_REDRIVE_PARTITION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/log.h"
#include "base/strbuf.h"
#include "flow/port.h"
#include "model/redrive_progress.h"

/* One partition of the dead letter topic in a redrive: how far it was read, and what is left open
 * in it. */
struct redrive_partition {
    int32_t partition;
    int64_t next;   /* all before it was read, and is settled or on its way */
    int64_t end;    /* of this run */
    int64_t stored; /* all before it was stored, -1 for nothing yet */
    bool is_read;   /* nothing more is read from it */
    size_t in_flight;
    struct redrive_progress before; /* as the run found it */
    struct redrive_progress now;    /* what this run leaves open before `next` */
    size_t bytes;                   /* of the description when nothing is in flight */
    size_t bytes_each;              /* that one more single offset takes at most */
};

/* Begins where `d` says that something may be open, which may be at once its end, and sets
 * d->start. Says to `log` what can no longer be read. Returns 0, or -1 with `e` when what was
 * committed is not ours; released in any case by redrive_partition_release. */
int redrive_partition_begin(struct redrive_partition *p, struct dead_letter_partition *d,
                            const struct log *log, struct err *e);

/* Everything before `next` was read. */
void redrive_partition_advance(struct redrive_partition *p, int64_t next);

/* Leaves one record open, or all that is like `traits` in what `kind` says from `offset` on; only
 * this one when others behind it are done. */
void redrive_partition_leave(struct redrive_partition *p, int64_t offset);
void redrive_partition_leave_all(struct redrive_partition *p, int64_t offset,
                                 enum redrive_rule_kind kind, const struct redrive_traits *traits);

/* Whether the description stays short enough if all that is in flight is refused, and one record
 * more is left. */
bool redrive_partition_has_room(const struct redrive_partition *p);

/* Appends what is open when everything before `upto` was read and settled, and the first offset of
 * it. */
void redrive_partition_describe(const struct redrive_partition *p, int64_t upto, struct strbuf *out,
                                int64_t *first);

void redrive_partition_release(struct redrive_partition *p);

#endif
