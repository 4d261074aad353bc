#ifndef MONITOR_FOLLOW_H
#define MONITOR_FOLLOW_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "io/history.h"
#include "io/tail.h"
#include "view/dash.h"

/* Joins the two files of a tracker to the state: reads what is new, takes it apart, counts it. */
struct follow {
    struct tail *events;
    struct tail *log; /* NULL: there is none */
    struct dash *dash;
    struct history *history; /* NULL when there is none left to read */
    const struct clock *clock;
    int64_t now_ms; /* wall clock of the current poll */
    int tracker;    /* its number, for places */
};

/* `log_path` is "-" where there is no log. */
void follow_init(struct follow *f, const char *events_path, const char *log_path, struct dash *dash,
                 const struct clock *clock);
void follow_release(struct follow *f);

/* Counts only lines of the journal since the dash's `since_ms`, and does not read what lies before.
 * To be called before the first poll, instead of follow_enter_late. */
void follow_enter_since(struct follow *f);

/* Enters a big journal near its end, so that the present is there at once; what lies before is read
 * by follow_history, unless `skip`. To be called before the first poll. */
void follow_enter_late(struct follow *f, bool skip);

/* Reads a slice of the history. Returns true when there is more. */
bool follow_history(struct follow *f);

/* Gives the history up. */
void follow_skip_history(struct follow *f);

/* One turn over both files. Returns true when more is waiting. */
bool follow_poll(struct follow *f);

#endif
