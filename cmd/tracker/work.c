#include "work.h"

#include "base/clock.h"

static struct command_options command_options_of(const struct config *cfg,
                                                 const struct source *source, const struct log *log)
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

static struct http_options http_options_of(const struct config *cfg, const struct source *source,
                                           int wake_fd)
{
    return (struct http_options){
        .url = cfg->processor.url,
        .token_file = cfg->processor.token_file,
        .ca_file = cfg->processor.ca_file,
        .cert_file = cfg->processor.cert_file,
        .key_file = cfg->processor.key_file,
        .connect_timeout_ms = cfg->processor.connect_timeout_ms,
        .timeout_ms = cfg->processor.timeout_ms,
        .max_in_flight = (size_t)cfg->processor.max_in_flight,
        .max_answer_bytes = (size_t)cfg->processor.max_answer_bytes,
        .wake_fd = wake_fd,
        .source = source,
        .clock = clock_system(),
    };
}

const char *work_features(void)
{
    return http_library_version() ? "http" : NULL;
}

int work_check(const struct config *cfg, struct err *e)
{
    const struct http_options options = http_options_of(cfg, NULL, -1);

    return cfg->processor.kind == CONFIG_PROCESSOR_HTTP ? http_check(&options, e) : 0;
}

int work_open(struct work *w, const struct config *cfg, const struct source *source, int wake_fd,
              const struct log *log, struct processor *port, struct err *e)
{
    const struct command_options command_options = command_options_of(cfg, source, log);
    const struct http_options http_options = http_options_of(cfg, source, wake_fd);

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
        w->command = command_open(&command_options, e);
        if (!w->command)
            return -1;
        *port = command_processor(w->command);
        return 0;
    case CONFIG_PROCESSOR_HTTP:
        w->http = http_open(&http_options, e);
        if (!w->http)
            return -1;
        *port = http_processor(w->http);
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
    http_close(w->http);
    w->http = NULL;
    simulate_release(&w->simulate);
}
