#ifndef IO_TAIL_H
#define IO_TAIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/strbuf.h"
#include "model/file_state.h"

/* Follows a file of lines that another program appends to, through everything that happens to log
 * files: not there yet, renamed and made anew, copied and truncated, removed. Only lines that end
 * in a newline are handed on; a reader that looks while a line is being written sees it later, once
 * and whole. */

#define TAIL_LINE_MAX ((size_t)16 << 20) /* longer lines are skipped and counted */

struct tail_line {
    const char *text; /* without newline; borrowed for the call */
    size_t len;       /* > 0 */
    uint32_t file;    /* number of the file that it came from, for tail_read_at */
    int64_t offset;   /* of its first byte */
    bool is_torn;     /* the unfinished end of a file that nobody will write to any more */
};

struct tail_sink {
    void (*line)(void *self, const struct tail_line *line);
    void *self;
};

struct tail_status {
    enum reader_state state;
    int error;               /* errno of the latest trouble, 0 when all is well */
    int64_t size;            /* of the newest file, as last seen */
    int64_t behind;          /* bytes not read yet */
    int64_t behind_since_ms; /* monotonic time since when there is something unread; -1 if not */
    int64_t unfinished;      /* bytes of a line whose newline has not come */
    int64_t unfinished_since_ms; /* monotonic; -1 if none */
    int64_t rotated_ms;          /* monotonic time of the last rotation; -1 if none */
    enum writer_state writer;    /* looked at every 500 ms, once all is read */
    int64_t
        missed_since_ms; /* monotonic; since when no look has found it; -1 if it is not missed */
    uint64_t lines;
    uint64_t rotations;
    uint64_t truncations;
    uint64_t oversized;
};

struct tail;

/* Follows `path` (copied), which need not exist. Nothing is opened before the first tail_poll. */
struct tail *tail_new(const char *path);
void tail_free(struct tail *t);

/* Reads what is there, for at most 20 ms or 16 MiB. Returns 1 when more is waiting (call again
 * soon), 0 at the end. Trouble is not an error here: see the status; a path is looked at
 * again every 500 ms. A file that cannot be read keeps its place, and gives way to a successor only
 * when that has had the name for 5 s. */
int tail_poll(struct tail *t, const struct clock *clock, const struct tail_sink *sink);

/* Opens the file now, without reading, so that a place in it can be chosen first. Returns another
 * descriptor of it, the caller's to close, or -1 when there is nothing to open yet. */
int tail_open_first(struct tail *t, const struct clock *clock);

/* Begins at `offset`, the start of a line, instead of at 0. Only after tail_open_first. */
void tail_skip_to(struct tail *t, int64_t offset);

/* Looks for the file at the next poll instead of up to 500 ms later. */
void tail_retry_now(struct tail *t);

const struct tail_status *tail_status(const struct tail *t);
const char *tail_path(const struct tail *t);

/* Puts `len` bytes at `offset` of the file `number` into `out`. Returns 0, or -1 when that file is
 * no longer open or the bytes are gone. */
int tail_read_at(const struct tail *t, uint32_t number, int64_t offset, size_t len,
                 struct strbuf *out);

#endif
