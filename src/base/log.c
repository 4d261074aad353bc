#include "base/log.h"

const char *log_level_name(enum log_level level)
{
    static const char *const names[] = {"DEBUG", "INFO", "WARN", "ERROR"};

    return names[level];
}

void log_emit(const struct log *log, enum log_level level, const struct log_event *event,
              const char *error, const struct log_field *fields, size_t field_count)
{
    const struct log_entry entry = {
        .level = level,
        .event = event,
        .error = error,
        .fields = fields,
        .field_count = field_count,
    };

    log->write(log->self, &entry);
}
