#ifndef IO_RECOVERY_H
#define IO_RECOVERY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/strbuf.h"
#include "model/checkpoint.h"

/* Brings a journal that ended somehow back to whole lines and finds out how far it told each
 * partition. */

struct recovery_report {
    bool had_state; /* a sidecar was there and could be used */
    bool was_clean; /* the journal was closed in good order */
    int64_t scanned_bytes;
    int64_t scanned_lines;
    int64_t torn_bytes; /* after the last newline; moved to `torn_path` */
    struct strbuf torn_path;
    int64_t broken_lines;    /* in the middle; they stay where they are */
    int64_t first_broken_at; /* byte offset */
    struct strbuf trouble;   /* why the sidecar was not used, if it was there; "" otherwise */
};

/* `fd` is the journal at `path`, open for reading and writing and locked. Fills a zeroed `state`
 * (positions, identity and length of the file as it is afterwards), which the caller releases.
 * Returns 0, or -1 with `e` when a file could not be read or cut. */
int recovery_run(const char *path, const char *sidecar_path, int fd, struct checkpoint *state,
                 struct recovery_report *report, struct err *e);

/* Fills device, inode, length and tail_hash of `state` from the file. Returns 0, or -1 with errno.
 */
int recovery_identify(int fd, struct checkpoint *state);

void recovery_report_release(struct recovery_report *report);

#endif
