#ifndef IO_RECOVERY_H
#define IO_RECOVERY_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "base/err.h"
#include "base/strbuf.h"
#include "model/checkpoint.h"

/* Brings a journal that ended somehow back to whole lines and finds out how far it told each
 * partition.
 *
 * Power loss may keep a later block of a file and lose an earlier one. So the first broken line of
 * those that were perhaps not synced ends what is trusted: it and all that follows is moved aside,
 * and the records come again. Lines before the length that the sidecar states were synced, and so
 * was all but the last RECOVERY_UNSYNCED_BYTES of a file of which it says nothing: a broken line
 * there is someone else's work; it stays where it is and is counted. */

/* Far more than a journal ever writes before it syncs. */
#define RECOVERY_UNSYNCED_BYTES ((int64_t)64 << 20)

struct recovery_report {
    bool had_state; /* a sidecar was there and could be used */
    bool was_clean; /* the journal was closed in good order */
    int64_t scanned_bytes;
    int64_t scanned_lines;
    int64_t torn_bytes;      /* behind the last line that is trusted; moved to `torn_path` */
    int64_t torn_lines;      /* how many whole lines are among them */
    struct strbuf torn_path; /* several are separated by commas */
    int64_t broken_lines;    /* in the middle; they stay where they are */
    int64_t first_broken_at; /* byte offset */
    struct strbuf trouble;   /* why the sidecar was not used, if it was there; "" otherwise */
};

/* Zeroed: none. Asked when there is no room for what is to be moved aside; `why` says so. Waits
 * a little and returns true to try again, false to give up. */
struct recovery_patience {
    bool (*wait)(void *ctx, const struct err *why);
    void *ctx;
};

/* `fd` is the journal at `path`, open for reading and writing and locked. Fills a zeroed `state`
 * (positions, identity and length of the file as it is afterwards), which the caller releases.
 * Returns 0, or -1 with `e` when a file could not be read or cut, or the patience ended. */
int recovery_run(const char *path, const char *sidecar_path, int fd,
                 const struct recovery_patience *patience, struct checkpoint *state,
                 struct recovery_report *report, struct err *e);

/* Fills device, inode, length and tail_hash of `state` from the file. Returns 0, or -1 with errno.
 */
int recovery_identify(int fd, struct checkpoint *state);

void recovery_report_release(struct recovery_report *report);

/* ---- the sidecar ---- */

/* The file <events_file>.state. It is replaced as a whole: a crash leaves the old one or the new
 * one. */

/* Returns 1 and fills a zeroed `s`, 0 when there is none, or -1 with `e` when it cannot be read or
 * is broken; the caller releases `s` in any case. */
int sidecar_read(const char *path, struct checkpoint *s, struct err *e);

/* Writes to a temporary file, fsync, rename, fsync of the folder. Fills `written` unless it is
 * NULL. Returns 0, or -1 with `e` and errno. */
int sidecar_write(const char *path, const struct checkpoint *s, struct stat *written,
                  struct err *e);

/* fsync of the folder that holds `path`, so that a name in it survives power loss. Returns 0, or -1
 * with errno. */
int sidecar_sync_folder(const char *path);

/* ---- torn ends ---- */

/* What a crash left of a journal that is no whole line: it is moved to a file of its own,
 * <events_file>.torn-<time>, and so kept, but out of the way of readers. */

/* Moves the bytes [from, to), which end the file `fd` of the journal at `path`. First the copy,
 * then the cut. Returns 1 and appends the name of the copy to `moved_to`; 0 with `e` when there
 * is no room: then nothing has changed; -1 with `e` on any other error. */
int torn_move(const char *path, int fd, int64_t from, int64_t to, struct strbuf *moved_to,
              struct err *e);

/* Moves what follows the last newline of the file, if anything does. Returns as torn_move does, 1
 * also when there was nothing to be moved. */
int torn_move_tail(const char *path, int fd, struct strbuf *moved_to, struct err *e);

#endif
