#ifndef IO_JOURNAL_PROGRESS_H
#define IO_JOURNAL_PROGRESS_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "base/err.h"
#include "flow/port.h"
#include "io/journal_file.h"
#include "model/checkpoint.h"

/* How far the journal told each partition of one topic, and the sidecar that says so. The functions
 * are for either thread but where they say otherwise. */
struct journal_progress {
    char *sidecar_path;
    char *topic;
    int64_t saved_ms;       /* the journal's thread's own */
    struct stat saved_file; /* likewise: the sidecar as it was saved */

    pthread_mutex_t lock;
    struct checkpoint told; /* by all that was handed over */
    struct checkpoint
        written; /* by what is in the file; goes into the sidecar once that is durable */
    bool is_old; /* the sidecar does not say what `written` says */
};

/* For the journal at `path`, nothing told yet. */
void journal_progress_init(struct journal_progress *p, const char *path, const char *topic);

void journal_progress_release(struct journal_progress *p);

/* Takes over what a recovery put into `written`, before there are two threads. */
void journal_progress_begin(struct journal_progress *p);

void journal_progress_tell(struct journal_progress *p, const struct journal_mark *marks,
                           size_t count);

void journal_progress_write(struct journal_progress *p, const struct journal_mark *marks,
                            size_t count);

/* The same for whole lines of a batch whose rest is not written yet. */
void journal_progress_write_lines(struct journal_progress *p, const char *lines, size_t len);

void journal_progress_commit(struct journal_progress *p, int32_t partition, int64_t committed);

/* See the port. */
void journal_progress_position(struct journal_progress *p, int32_t partition,
                               struct journal_position *position);

/* Whose partitions are told from now on. Returns true when it is another cluster than before: then
 * nothing was told of these. "" is not known and never another. */
bool journal_progress_tell_cluster(struct journal_progress *p, const char *cluster_id);

/* The same for what is written. */
bool journal_progress_write_cluster(struct journal_progress *p, const char *cluster_id);

/* For the journal's thread: the monotonic time when the sidecar is to be saved, or -1. */
int64_t journal_progress_due_ms(struct journal_progress *p);

/* For the journal's thread: writes the sidecar. The whole file must be what was written, and
 * durable. Returns 0, or -1 with `e`: it is due again then. */
int journal_progress_save(struct journal_progress *p, const struct journal_file *file,
                          bool is_clean, struct err *e);

/* For the journal's thread: a sidecar that somebody deleted or replaced is due. */
void journal_progress_check(struct journal_progress *p);

#endif
