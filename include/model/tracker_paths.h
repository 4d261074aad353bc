#ifndef MODEL_TRACKER_PATHS_H
#define MODEL_TRACKER_PATHS_H

#include <stdbool.h>
#include <stddef.h>

/* Journals, the logs that belong to them, and what the trackers are called: by the paths' text
 * alone. In a pattern * stands for any text and ? for one character, never for a slash. Pure. */

bool tracker_path_is_pattern(const char *path);

/* True when both patterns have the same wildcards, so that one can be filled from the other. */
bool tracker_path_patterns_agree(const char *events, const char *log);

/* The log of the journal `path`, which matches the pattern `events`: the pattern `log` with each
 * wildcard replaced by what it stands for in `path`. With `log` NULL the log beside it: the same
 * path ending in .log. The caller frees it. */
char *tracker_path_log(const char *events, const char *path, const char *log);

/* What the tracker of this journal is called: tracker-1 for run/tracker-1.events, eu for
 * eu/tracker.events. The caller frees it. */
char *tracker_path_name(const char *path);

/* True when no journal is called so: the state beside a journal, a torn end moved aside, a
 * compressed file. */
bool tracker_path_is_no_journal(const char *path);

/* True when `path` is called like an older file of the journal `journal`, renamed by rotation:
 * tracker.events.1, tracker.events-20261127, tracker.events.old. */
bool tracker_path_is_older(const char *path, const char *journal);

#endif
