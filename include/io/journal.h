#ifndef IO_JOURNAL_H
#define IO_JOURNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/choices.h"
#include "base/err.h"
#include "flow/port.h"
#include "io/recovery.h"

/* The audit journal: an append-only file of lines, written and fsynced by a thread of its own, so
 * that the flow never waits for a disk. Beside it lies `<path>.state`, which tells how far each
 * partition is told. */
struct journal;

struct journal_options {
    const char *path;
    const char *topic; /* that the marks of the port speak of */
    enum journal_fsync fsync;
    int64_t fsync_interval_ms;
    struct recovery_patience patience; /* while it is opened */
    int wake_fd; /* an eventfd, written to when something became durable or the state changed; -1:
                    none */
};

/* Opens the file, creates it if need be, takes an exclusive lock, recovers what an earlier run
 * left, and starts the thread. Where there is no room for that, `patience` is asked. `report`
 * (zeroed; the caller releases it) tells what was found. Returns NULL with `e` when the file
 * cannot be opened, is no regular file, or another tracker holds it. */
struct journal *journal_open(const struct journal_options *options, struct recovery_report *report,
                             struct err *e);

/* Tells which cluster the partitions belong to, before anything is handed over. Returns true when
 * the journal was written for another one: then it knows nothing of these partitions. "" is not
 * known and never another. */
bool journal_set_cluster(struct journal *j, const char *cluster_id);

/* A name that the journal keeps as long as its state file: whoever writes to it is the same
 * member of a group. It lives as long as the journal. */
const char *journal_instance_id(const struct journal *j);

struct journal_port journal_port(struct journal *j);

/* Takes a warning that is worth a line in the log; `e` gets the text. Returns false when there is
 * none. For any thread. */
bool journal_take_warning(struct journal *j, struct err *e);

/* Tells that the file was deleted or replaced while it was written to, and how many lines were put
 * into the new one: those that were written later, so that all that is durable is in a file with a
 * name. Returns false when that did not happen. For any thread. */
bool journal_take_loss(struct journal *j, struct err *e);

/* True once after the port's `reopen` was done: what the path names is written to now. When that
 * could not be, there is a warning instead. For any thread. */
bool journal_take_reopened(struct journal *j);

/* The slowest fsync since the last call, in milliseconds. For any thread. */
int64_t journal_take_fsync_ms_max(struct journal *j);

/* Writes and fsyncs what was handed over and stops the thread; only warnings can be taken then.
 * When the disk is full the lines that found no room are given up: nothing was stored for them. */
void journal_finish(struct journal *j);

/* The same, closes and frees. NULL is accepted. */
void journal_close(struct journal *j);

#endif
