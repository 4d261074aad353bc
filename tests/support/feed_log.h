#ifndef SUPPORT_FEED_LOG_H
#define SUPPORT_FEED_LOG_H

#include "view/dash.h"

/* Gives the dash one line of its tracker's log; its event is the one with this message,
 * or none; `metadata` is JSON. */
void feed_log(struct dash *d, int64_t at_ms, const char *level, const char *message,
              const char *metadata);

/* The same with an error. */
void feed_log_error(struct dash *d, int64_t at_ms, const char *level, const char *message,
                    const char *error, const char *metadata);

#endif
