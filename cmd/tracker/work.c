#include "work.h"

#include "base/clock.h"

static struct command_options options_of(const struct config *cfg, const struct source *source,
                                         const struct log *log)
{
    return (struct command_options){
        .command = cfg->processor.command,
        .topic = cfg->kafka.topic,
        .workers = (size_t)cfg->processor.workers,
        .timeout_ms = cfg->processor.timeout_ms,
        .max_answer_bytes = (size_t)cfg->processor.max_answer_bytes,
        .source = source,
        .clock = clock_system(),
        .log = log,
    };
}

int work_open(struct work *w, const struct config *cfg, const struct source *source,
              const struct log *log, struct processor *port, struct err *e)
{
    const struct command_options options = options_of(cfg, source, log);

    w->drain_timeout_ms = cfg->tracker.drain_timeout_ms;
    switch (cfg->processor.kind) {
    case CONFIG_PROCESSOR_SIMULATE:
        w->simulate = (struct simulate){
            .transient_rate = cfg->simulate.transient_rate,
            .permanent_rate = cfg->simulate.permanent_rate,
            .only_partition = cfg->simulate.only_partition,
            .latency_ms = cfg->simulate.latency_ms,
        };
        *port = simulate_processor(&w->simulate);
        return 0;
    case CONFIG_PROCESSOR_COMMAND:
        w->command = command_open(&options, e);
        if (!w->command)
            return -1;
        *port = command_processor(w->command);
        return 0;
    }
    return 0;
}

int work_wake_fd(const struct work *w)
{
    return w->command ? command_wake_fd(w->command) : -1;
}

void work_note_stop(struct work *w)
{
    if (w->stop_ms == 0)
        w->stop_ms = clock_mono_ms(clock_system());
}

void work_end(struct work *w)
{
    if (w->command)
        command_close_input(w->command);
}

void work_close(struct work *w)
{
    int64_t from_ms = w->stop_ms > 0 ? w->stop_ms : clock_mono_ms(clock_system());

    command_close(w->command, from_ms + w->drain_timeout_ms);
    w->command = NULL;
    simulate_release(&w->simulate);
}
