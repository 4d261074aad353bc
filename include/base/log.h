#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stddef.h>
#include <stdint.h>

/* The technical log as a port: whoever has something to say makes an entry of an event and named
 * fields; who implements the port decides where it goes and what is too little to be said. The
 * events are rows of model/log_event.h, and so is how to log one. */

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };

enum log_field_kind { LOG_FIELD_TEXT, LOG_FIELD_INT, LOG_FIELD_JSON };

struct log_field {
    const char *name; /* NULL: `text` is the JSON object that holds all fields */
    enum log_field_kind kind;
    const char *text; /* a text, or a JSON value */
    int64_t integer;
};

/* Lives as long as the program. */
struct log_event {
    const char *name; /* stable, for programs */
    enum log_level level;
    const char *message; /* for people, may change */
};

struct log_entry {
    enum log_level level; /* mostly the event's */
    const struct log_event *event;
    const char *error; /* NULL if none */
    const struct log_field *fields;
    size_t field_count;
};

/* `write` borrows the entry for the time of the call. Not for two threads at once. */
struct log {
    void (*write)(void *self, const struct log_entry *entry);
    void *self;
};

const char *log_level_name(enum log_level level);

void log_emit(const struct log *log, enum log_level level, const struct log_event *event,
              const char *error, const struct log_field *fields, size_t field_count);

#define LOG_TEXT(field, value) \
    ((struct log_field){.name = (field), .kind = LOG_FIELD_TEXT, .text = (value)})
#define LOG_INT(field, value) \
    ((struct log_field){.name = (field), .kind = LOG_FIELD_INT, .integer = (value)})
#define LOG_JSON(field, value) \
    ((struct log_field){.name = (field), .kind = LOG_FIELD_JSON, .text = (value)})

#endif
