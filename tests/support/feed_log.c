#include "support/feed_log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

#include "base/rfc3339.h"
#include "base/strbuf.h"

static const char *event_with(const char *message)
{
    for (int i = EVENT_NONE + 1; i < EVENT_COUNT; i++)
        if (strcmp(log_events[i].message, message) == 0)
            return log_events[i].name;
    return NULL;
}

void feed_log(struct dash *d, int64_t at_ms, const char *level, const char *message,
              const char *metadata)
{
    feed_log_error(d, at_ms, level, message, "", metadata);
}

void feed_log_error(struct dash *d, int64_t at_ms, const char *level, const char *message,
                    const char *error, const char *metadata)
{
    char time[RFC3339_SIZE];
    struct strbuf text = {0};
    struct log_line line;
    struct place place = {.tracker = d->number};
    const char *event = event_with(message);

    rfc3339_format(at_ms, time);
    strbuf_addf(&text, "{\"timestamp\":\"%s\",\"level\":\"%s\",", time, level);
    if (event)
        strbuf_addf(&text, "\"event\":\"%s\",", event);
    strbuf_addf(&text, "\"message\":\"%s\",", message);
    if (*error)
        strbuf_addf(&text, "\"error\":\"%s\",", error);
    strbuf_addf(&text, "\"metadata\":%s}", metadata);
    assert_int_equal(log_line_parse(&line, text.data, text.len), 0);
    dash_log_line(d, &line, &place);
    log_line_release(&line);
    strbuf_release(&text);
}
