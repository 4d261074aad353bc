#ifndef TRACKER_WORK_H
#define TRACKER_WORK_H

#include <stdint.h>

#include "base/log.h"
#include "config/config.h"
#include "flow/port.h"
#include "processor/command.h"
#include "processor/http.h"
#include "processor/simulate.h"

/* The processor that the settings name. Begins zeroed. */
struct work {
    struct simulate simulate;
    struct command *command;
    struct http *http;
    int64_t drain_timeout_ms;
    int64_t stop_ms; /* monotonic, when the stop was asked for; 0: it was not */
};

/* What only some builds can do, NULL: nothing. */
const char *work_features(void);

/* Whether this build has the processor, and what it needs is there. Returns 0, or -1 with `e`. */
int work_check(const struct config *cfg, struct err *e);

/* Fills the port, which lives as long as `w`; `source` must outlive it. The loop wakes by `wake_fd`
 * or by work_wake_fd. Returns 0, or -1 with `e`. */
int work_open(struct work *w, const struct config *cfg, const struct source *source, int wake_fd,
              const struct log *log, struct processor *port, struct err *e);

/* A descriptor that becomes readable when there are answers, or -1. */
int work_wake_fd(const struct work *w);

/* The stop was asked for now. */
void work_note_stop(struct work *w);

/* No attempt follows. */
void work_end(struct work *w);

/* Waits for what is left of the time to drain, then ends what runs. */
void work_close(struct work *w);

#endif
