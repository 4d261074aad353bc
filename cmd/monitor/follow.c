#include "follow.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/rfc3339.h"
#include "model/journal_line.h"
#include "model/log_line.h"

static struct place place_of(const struct follow *f, const struct tail_line *line)
{
    return (struct place){
        .file = line->file, .tracker = f->tracker, .offset = line->offset, .len = line->len};
}

static void on_event(void *self, const struct tail_line *line)
{
    struct follow *f = self;
    struct place place = place_of(f, line);
    struct journal_line parsed;

    if (journal_line_parse(&parsed, line->text, line->len) < 0)
        dash_bad_event(f->dash, line->text, line->len, &place, line->is_torn, f->now_ms);
    else if (parsed.timestamp_ms >= f->dash->since_ms)
        dash_event(f->dash, &parsed, &place, f->now_ms);
}

static void on_log_line(void *self, const struct tail_line *line)
{
    struct follow *f = self;
    struct place place = place_of(f, line);
    struct log_line parsed;

    if (log_line_parse(&parsed, line->text, line->len) == 0)
        dash_log_line(f->dash, &parsed, &place);
    else
        dash_bad_log_line(f->dash, &place, line->is_torn);
    log_line_release(&parsed);
}

static int64_t since(int64_t now_ms, int64_t then_ms)
{
    return then_ms < 0 ? -1 : now_ms - then_ms;
}

static bool has_directory(const char *path)
{
    const char *slash = strrchr(path, '/');
    char directory[4096];

    if (!slash || slash == path)
        return true;
    snprintf(directory, sizeof(directory), "%.*s", (int)(slash - path), path);
    return access(directory, X_OK) == 0;
}

static void take_status(struct reader *r, const struct tail *t, int64_t mono_ms, bool at_end)
{
    const struct tail_status *s = tail_status(t);

    r->path = tail_path(t);
    r->state = s->state;
    r->error = s->error;
    r->was_at_end |= at_end && s->state == READER_OPEN;
    r->size = s->size;
    r->has_no_directory = s->state == READER_WAITING && !has_directory(r->path);
    r->behind = s->behind;
    r->behind_ms = since(mono_ms, s->behind_since_ms);
    r->unfinished = s->unfinished;
    r->unfinished_ms = since(mono_ms, s->unfinished_since_ms);
    r->rotated_ms = since(mono_ms, s->rotated_ms);
    r->writer = s->writer;
    r->writer_gone_ms = s->writer == WRITER_GONE ? since(mono_ms, s->missed_since_ms) : -1;
    r->rotations = s->rotations;
    r->truncations = s->truncations;
    r->oversized = s->oversized;
}

void follow_init(struct follow *f, const char *events_path, const char *log_path, struct dash *dash,
                 const struct clock *clock)
{
    *f = (struct follow){.dash = dash, .clock = clock};
    f->events = tail_new(events_path);
    dash->events_reader.path = tail_path(f->events);
    if (strcmp(log_path, "-") != 0) {
        f->log = tail_new(log_path);
        dash->log_reader.path = tail_path(f->log);
    } else {
        dash->log_reader.path = "-";
        dash->log_reader.state = READER_NONE;
    }
}

/* ---- history ---- */

#define RECENT_MS   ((WINDOW_LONGEST + 5) * INT64_C(1000))
#define RECENT_ROWS 2000

/* "timestamp" is a line's first key. */
static int64_t time_of(const char *text, size_t len)
{
    static const char key[] = "\"timestamp\"";
    const char *at = memmem(text, len < 64 ? len : 64, key, sizeof(key) - 1);
    const char *open = at ? memchr(at + sizeof(key) - 1, '"', 8) : NULL;
    const char *close;
    int64_t ms;

    if (!open || open + 40 > text + len)
        return -1;
    close = memchr(open + 1, '"', 36);
    return close && rfc3339_parse(open + 1, (size_t)(close - open - 1), &ms) == 0 ? ms : -1;
}

static void on_old_event(void *self, const struct tail_line *line)
{
    struct follow *f = self;
    struct journal_line parsed;

    if (journal_line_parse(&parsed, line->text, line->len) == 0)
        dash_old_event(f->dash, &parsed);
    else
        f->dash->events_reader.malformed++;
}

static void end_history(struct follow *f)
{
    dash_end_history(f->dash);
    history_free(f->history);
    f->history = NULL;
}

void follow_enter_late(struct follow *f, bool skip)
{
    int fd = tail_open_first(f->events, f->clock);
    struct dash_history *h = &f->dash->history;

    if (fd < 0)
        return;
    f->history = history_open(fd, clock_wall_ms(f->clock) - RECENT_MS, RECENT_ROWS, time_of);
    if (!f->history)
        return;
    h->size = history_end(f->history);
    h->is_reading = h->size > 0;
    tail_skip_to(f->events, h->size);
    if (!h->is_reading)
        end_history(f);
    else if (skip)
        follow_skip_history(f);
}

void follow_enter_since(struct follow *f)
{
    int fd = tail_open_first(f->events, f->clock);
    struct history *h = fd < 0 ? NULL : history_open(fd, f->dash->since_ms, 0, time_of);

    if (h)
        tail_skip_to(f->events, history_end(h));
    history_free(h);
}

bool follow_history(struct follow *f)
{
    const struct tail_sink sink = {.line = on_old_event, .self = f};

    if (!f->history)
        return false;
    if (history_poll(f->history, f->clock, &sink) == 0) {
        end_history(f);
        return false;
    }
    f->dash->history.position = history_position(f->history);
    return true;
}

void follow_skip_history(struct follow *f)
{
    if (!f->history)
        return;
    f->dash->history.is_skipped = true;
    end_history(f);
}

void follow_release(struct follow *f)
{
    history_free(f->history);
    tail_free(f->events);
    tail_free(f->log);
}

bool follow_poll(struct follow *f)
{
    const struct tail_sink events = {.line = on_event, .self = f};
    const struct tail_sink log = {.line = on_log_line, .self = f};
    int64_t mono;
    bool more_events;
    bool more_log;

    f->now_ms = clock_wall_ms(f->clock);
    more_log = f->log && tail_poll(f->log, f->clock, &log);
    more_events = tail_poll(f->events, f->clock, &events);
    mono = clock_mono_ms(f->clock);
    take_status(&f->dash->events_reader, f->events, mono, !more_events);
    if (f->log)
        take_status(&f->dash->log_reader, f->log, mono, !more_log);
    return more_events || more_log;
}
