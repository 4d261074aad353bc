#ifndef TRACKER_FILES_H
#define TRACKER_FILES_H

#include <stdbool.h>

#include "base/err.h"
#include "base/log.h"
#include "config/config.h"
#include "console.h"
#include "io/journal.h"
#include "io/log_file.h"

/* The tracker's files: its log and its journal, and what the one tells of the other. */
struct files {
    const struct config *cfg;
    struct log_file *jsonl;
    struct log log; /* writes to `jsonl` */
    struct journal *journal;
    bool is_log_old;         /* it could not be opened anew */
    struct console *console; /* says what holds the start up */
    int wake_fd;
    bool is_waiting; /* for room, so that the journal can be opened */
};

/* Is the log written to standard error? Then nothing else is, and nothing to standard output. */
bool files_log_is_stderr(const struct config *cfg);

/* Opens the log and refuses one that is the journal. Returns 0, or -1 with `e` and nothing open. */
int files_open_log(struct files *f, const struct config *cfg, struct err *e);

/* Opens the journal and logs how it was found. Waits while the disk has no room for that, and
 * says so. `wake_fd` as in journal_options. Returns 1, 0 when a signal ended the waiting, or -1
 * with `e`. */
int files_open_journal(struct files *f, int wake_fd, struct console *console, struct err *e);

/* To be called each turn: opens both anew after SIGHUP, and logs what the journal and the log have
 * to say. Returns true when there was one. */
bool files_look_after(struct files *f);

/* Ends the journal, if it was opened, and logs its last warning. */
void files_close_journal(struct files *f);

#endif
