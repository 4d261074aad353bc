#ifndef IO_TAIL_SOURCE_H
#define IO_TAIL_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/line_reader.h"
#include "io/tail.h"

/* For tail and rotation only: the bytes of one file that has, or had, the followed name. */

#define TAIL_MARK    64
#define TAIL_SET_MAX 16

struct tail_source {
    int fd;
    dev_t dev;
    ino_t ino;
    uint32_t number;
    int64_t pos;              /* bytes read, the carry included */
    struct line_reader carry; /* from the start of a line on */
    bool is_skipping;         /* within an oversized line */
    bool is_at_end;
    bool was_held;        /* by its writer's lock, when last looked at or before */
    char mark[TAIL_MARK]; /* the bytes before the carry: do they still stand there? */
    size_t mark_len;
    int64_t retire_ms; /* 0 while it is the current one */
};

/* The files that are open, oldest first. */
struct tail_set {
    struct tail_source *items[TAIL_SET_MAX];
    int count;
};

bool tail_set_has(const struct tail_set *set, const struct stat *st);

/* What one turn of reading may use, and where its lines and counts go. */
struct tail_turn {
    const struct clock *clock;
    int64_t until_ms;
    int64_t budget; /* bytes */
    const struct tail_sink *sink;
    struct tail_status *status;
};

/* Opens a regular file at 0. NULL with errno when it cannot, or is none. */
struct tail_source *tail_source_open(const char *path);
void tail_source_free(struct tail_source *s);

/* Goes to the start of a line in a file of which nothing was read. */
void tail_source_begin_at(struct tail_source *s, int64_t offset);

/* True when the file was cut off below the position, or what was read is no longer what stands
 * there. Also gives its size. Errors count as no: reading will find them. */
bool tail_source_is_truncated(const struct tail_source *s, int64_t *size);

/* True when the bytes before the position of `of`, and those before its unfinished line, stand at
 * the same places in `s`: a copy. */
bool tail_source_has_mark_of(const struct tail_source *s, const struct tail_source *of);

/* Forgets an unfinished line when that alone is gone, which is how writers mend a torn end: goes on
 * where the line began and returns true. */
bool tail_source_mend(struct tail_source *s);

/* Back to 0; an unfinished line is forgotten. */
void tail_source_start_over(struct tail_source *s);

/* Reads blocks until the end or the turn's limits, and hands whole lines on. Returns 0, or -1 with
 * errno. */
int tail_source_read(struct tail_source *s, struct tail_turn *turn);

/* Nobody will write to it any more: hands an unfinished line on as torn. */
void tail_source_finish(struct tail_source *s, const struct tail_turn *turn);

#endif
