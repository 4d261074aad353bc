#ifndef IO_HISTORY_H
#define IO_HISTORY_H

#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "io/tail.h"

/* The older part of a big file of lines in order of time: where to enter it so that the present is
 * there at once, and a reader for what lies before, in slices. */

struct history;

/* The time that a line says, or -1; it gets at least the line's first 512 bytes. */
typedef int64_t (*history_time)(const char *text, size_t len);

/* Takes the descriptor over (and closes it at the end). Finds the start of a line such that all
 * lines since `since_ms` and at least `rows` lines follow it; small files are entered at 0. NULL
 * when that cannot be found out. */
struct history *history_open(int fd, int64_t since_ms, int rows, history_time time_of);
void history_free(struct history *h);

/* The place found: what lies before it is the history. */
int64_t history_end(const struct history *h);

/* How much of it has been read, in bytes. */
int64_t history_position(const struct history *h);

/* Reads on for at most 20 ms. Returns 1 when more is left, 0 at the end. */
int history_poll(struct history *h, const struct clock *clock, const struct tail_sink *sink);

#endif
