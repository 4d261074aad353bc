#ifndef MONITOR_MATCHES_H
#define MONITOR_MATCHES_H

#include <stddef.h>

/* The files that a pattern of journals matches (model/tracker_paths.h), sorted by name. What is
 * called as no journal is, and what is no regular file, is left out; what may not be looked at is
 * not, since it may be one. */
struct matches {
    char **paths;
    size_t count;
};

/* Fills a zeroed `m`. Returns the errno of a folder that could not be searched, or 0. */
int matches_find(struct matches *m, const char *pattern);
void matches_release(struct matches *m);

#endif
