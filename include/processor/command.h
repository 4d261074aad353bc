#ifndef PROCESSOR_COMMAND_H
#define PROCESSOR_COMMAND_H

#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/log.h"
#include "flow/port.h"

/* A processor that hands each order to the user's own program: copies of a command, each with
 * requests on its standard input and answers on its standard output, one JSON object a line
 * (processor/exchange.h). A record goes to the copy that its key says.
 *
 * An attempt's time begins when it is the oldest one of its copy without an answer: one that works
 * through its orders one after the other is not blamed for those that wait. */

struct command_options {
    const char *command; /* for /bin/sh -c; borrowed, like the other texts */
    const char *topic;
    size_t workers; /* copies */
    int64_t timeout_ms;
    size_t max_answer_bytes;
    const struct source *source; /* for the headers */
    const struct clock *clock;
    const struct log *log;
};

struct command;

/* Starts the copies; one that cannot be started is tried again. Returns NULL with `e` when there is
 * no descriptor to watch them with. */
struct command *command_open(const struct command_options *options, struct err *e);

/* The port; it lives as long as the command. */
struct processor command_processor(struct command *c);

/* Becomes readable when next_result should be asked. */
int command_wake_fd(const struct command *c);

/* No attempt follows: the copies see the end of their input. */
void command_close_input(struct command *c);

/* Waits for the copies to end until `deadline_ms` (monotonic) at most, or until a second stop is
 * asked for, then ends them. Accepts NULL. */
void command_close(struct command *c, int64_t deadline_ms);

#endif
