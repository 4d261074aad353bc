#ifndef IO_JOURNAL_INTERNAL_H
#define IO_JOURNAL_INTERNAL_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "base/err.h"
#include "base/strbuf.h"
#include "flow/port.h"
#include "io/journal.h"
#include "io/journal_file.h"
#include "model/checkpoint.h"

/* What journal.c, for the flow thread, and journal_writer.c, the journal's own thread, share. */

enum journal_work {
    JOURNAL_LINES,
    JOURNAL_REOPEN,  /* the path is to be opened again */
    JOURNAL_CLUSTER, /* what follows is of the cluster that `lines` names */
};

struct journal_batch {
    struct journal_batch *next;
    enum journal_work work;
    uint64_t number; /* of JOURNAL_LINES */
    int64_t pushed_ms;
    struct strbuf lines;
    struct journal_mark *marks; /* true once the lines are durable */
    size_t mark_count;
};

struct journal {
    /* Set before there are two threads. */
    enum journal_fsync fsync;
    int64_t fsync_interval_ms;
    struct recovery_patience patience;
    int wake_fd; /* written to after each change of the status but warnings; -1: none */
    char *topic;
    char *sidecar_path;

    /* The flow thread's own. */
    pthread_t thread;
    bool is_finished; /* the thread has ended */
    uint64_t last_batch;

    /* The lock guards all up to the journal's thread's own. */
    pthread_mutex_t lock;
    pthread_cond_t changed; /* the queue, or what is asked for */

    /* The queue, and what is asked for. */
    struct journal_batch *first;
    struct journal_batch *last;
    struct strbuf spare; /* an empty buffer with memory, for the next batch */
    bool is_flush_asked; /* do not wait for more lines */
    bool is_poked;       /* the thread is to look around */
    bool is_closing;     /* nothing is pushed any more */

    /* How far each partition of the topic is recorded. */
    struct checkpoint submitted; /* by all that was handed over */
    struct checkpoint written;   /* by what is in the file; in the sidecar once that is durable */
    bool is_unsaved;             /* the sidecar does not say what `written` says */

    /* The status. */
    uint64_t durable; /* the last batch that is */
    size_t buffered_bytes;
    enum journal_state state;
    struct err why; /* unless it is running */
    struct err warning;
    struct err loss;
    bool was_reopened;
    int64_t fsync_ms_max;

    /* The journal's thread's own. */
    struct journal_file file;
    bool is_unsynced;      /* the file holds lines that are not durable */
    size_t unsynced_bytes; /* of those, what was handed over and counts as buffered */
    int64_t unsynced_since_ms;
    int64_t sync_ms; /* how long the last fsync took */
    uint64_t last_written;
    bool is_blocked;
    struct strbuf rescued;  /* of a deleted file: to be written before all else */
    size_t rescued_done;    /* so much of it is */
    int64_t saved_ms;       /* when the sidecar was saved last */
    struct stat saved_file; /* the sidecar as it was then */
};

/* Moves positions to what the marks of a batch say. */
void journal_apply_marks(const struct journal *j, struct checkpoint *positions,
                         const struct journal_mark *marks, size_t count);

void journal_batch_free(struct journal_batch *b);

/* The journal's thread: writes, syncs and saves until the journal is closing or has failed. */
void *journal_writer_run(void *journal);

#endif
