#ifndef TRACKER_CONSOLE_H
#define TRACKER_CONSOLE_H

#include <stdbool.h>
#include <stdint.h>

#include "model/order.h"
#include "model/record.h"

/* What the tracker shows to people on standard output: a block per order while they are few, a line
 * with counters once a second while they are many. Never waits for the terminal: what it cannot
 * take now is not shown. */
struct console {
    int fd;
    int64_t second; /* of the wall clock */
    int64_t in_second;
    bool was_busy; /* the second before had too many for a block each */
    int64_t processed;
    int64_t dead_lettered;
    int64_t dropped;
};

/* On file descriptor `fd`; -1 shows nothing. */
void console_init(struct console *c, int fd);

/* Shows or counts one settled record; `o` is NULL when it was not decodable. */
void console_settled(struct console *c, const struct record *r, const struct order *o);

/* Writes the counter line of a second that is over. `wall_ms` is the time now. */
void console_tick(struct console *c, int64_t wall_ms);

/* A line of its own, for what the program does. */
void console_say(struct console *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
