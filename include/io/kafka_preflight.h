#ifndef IO_KAFKA_PREFLIGHT_H
#define IO_KAFKA_PREFLIGHT_H

#include "base/err.h"
#include "base/log.h"
#include "config/config.h"

/* Checks what a tracker needs of a Kafka that answers: its topics and permissions. Writes nothing
 * there. */

enum preflight_state {
    PREFLIGHT_OK,
    PREFLIGHT_WRONG,
    PREFLIGHT_UNKNOWN, /* it cannot be checked without writing */
};

struct preflight_finding {
    enum preflight_state state;
    const char *what; /* "topic orders" */
    const char *text; /* how it is, or what is wrong and what to do */
};

/* Gets each finding at once; its texts live as long as the call. */
struct preflight_report {
    void (*take)(void *ctx, const struct preflight_finding *f);
    void *ctx;
};

/* Takes up to kafka.connect_timeout_ms for each question, or until a stop is asked for
 * (base/stop.h). Returns 0, or -1 with ERR_USAGE for settings that librdkafka does not take. */
int kafka_preflight_run(const struct config *cfg, const struct log *log,
                        const struct preflight_report *report, struct err *e);

#endif
