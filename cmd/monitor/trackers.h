#ifndef MONITOR_TRACKERS_H
#define MONITOR_TRACKERS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "follow.h"

/* The trackers that are followed: one for each journal named, and for each that matches a pattern,
 * now or later. What a pattern matches besides, a journal's state, torn ends, older files and log,
 * is no tracker of its own. */

/* Journals and their logs as the user gave them: paths or patterns (model/tracker_paths.h). With
 * `log` NULL it is the log beside the journal. */
struct tracker_source {
    const char *events;
    const char *log;
};

struct tracker {
    char *path;
    char *name;
    struct dash *dash;
    struct follow follow;
    uint64_t rotations_told; /* of the journal, by the screen */
    uint64_t truncations_told;
};

struct trackers {
    const struct tracker_source *sources; /* borrowed */
    int source_count;
    size_t events_kept, logs_kept;
    bool enters_late;   /* begin near the journals' ends ... */
    bool skips_history; /* ... and leave out what lies before */
    int64_t since_ms;   /* count nothing earlier (wall clock); 0: all */
    const struct clock *clock;

    struct tracker *items[DASH_PARTS];
    int count;
    struct tracker *awaited; /* while no journal matches: one with the pattern as its path */
    struct dash *whole;
    int64_t next_look_ms; /* monotonic */
    int left_out;         /* journals that match and are too many */
    int look_error;       /* errno of a folder that cannot be searched; 0: none */
};

/* Looks for the journals once. All fields above the gap are to be set before. */
void trackers_open(struct trackers *t);
void trackers_release(struct trackers *t);

/* What is to be shown: the only tracker's dash, or the whole of several. */
struct dash *trackers_dash(const struct trackers *t);

/* One turn over all files. Returns true when more is waiting. */
bool trackers_poll(struct trackers *t);

/* A slice of each journal's history. Returns true when more is left. */
bool trackers_history(struct trackers *t);
bool trackers_has_history(const struct trackers *t);
void trackers_skip_history(struct trackers *t);

/* Reads until the ends of all files, and the history. */
void trackers_read_all(struct trackers *t);

/* Looks for all files at the next poll. */
void trackers_retry(struct trackers *t);

/* The line at the place, which is in the log or in the journal. Returns 0, or -1 when it is
 * gone. */
int trackers_read(const struct trackers *t, const struct place *place, bool is_log,
                  struct strbuf *out);

#endif
