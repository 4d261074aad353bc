#include "follow.h"

#include "model/journal_line.h"
#include "model/log_line.h"

static struct place place_of(const struct tail_line *line)
{
    return (struct place){.file = line->file, .offset = line->offset, .len = line->len};
}

static void on_event(void *self, const struct tail_line *line)
{
    struct follow *f = self;
    struct place place = place_of(line);
    struct journal_line parsed;

    if (journal_line_parse(&parsed, line->text, line->len) == 0)
        dash_event(f->dash, &parsed, &place, f->now_ms);
    else
        dash_bad_event(f->dash, line->text, line->len, &place, line->is_torn, f->now_ms);
}

static void on_log_line(void *self, const struct tail_line *line)
{
    struct follow *f = self;
    struct place place = place_of(line);
    struct log_line parsed;

    if (log_line_parse(&parsed, line->text, line->len) == 0)
        dash_log_line(f->dash, &parsed, &place);
    else
        dash_bad_log_line(f->dash, &place, line->is_torn);
}

static int64_t since(int64_t now_ms, int64_t then_ms)
{
    return then_ms < 0 ? -1 : now_ms - then_ms;
}

static void take_status(struct reader *r, const struct tail *t, int64_t mono_ms, bool at_end)
{
    static const enum reader_state states[] = {
        [TAIL_WAITING] = READER_WAITING,
        [TAIL_OPEN] = READER_OPEN,
        [TAIL_FAILED] = READER_FAILED,
    };
    const struct tail_status *s = tail_status(t);

    r->path = tail_path(t);
    r->state = states[s->state];
    r->error = s->error;
    r->was_at_end |= at_end && s->state == TAIL_OPEN;
    r->size = s->size;
    r->behind = s->behind;
    r->behind_ms = since(mono_ms, s->behind_since_ms);
    r->unfinished = s->unfinished;
    r->unfinished_ms = since(mono_ms, s->unfinished_since_ms);
    r->rotated_ms = since(mono_ms, s->rotated_ms);
    r->rotations = s->rotations;
    r->truncations = s->truncations;
    r->oversized = s->oversized;
}

void follow_init(struct follow *f, const char *events_path, const char *log_path, struct dash *dash,
                 const struct clock *clock)
{
    *f = (struct follow){.dash = dash, .clock = clock};
    f->events = tail_new(events_path);
    f->log = tail_new(log_path);
    dash->events_reader.path = tail_path(f->events);
    dash->log_reader.path = tail_path(f->log);
}

void follow_release(struct follow *f)
{
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
    more_log = tail_poll(f->log, f->clock, &log);
    more_events = tail_poll(f->events, f->clock, &events);
    mono = clock_mono_ms(f->clock);
    take_status(&f->dash->events_reader, f->events, mono, !more_events);
    take_status(&f->dash->log_reader, f->log, mono, !more_log);
    return more_events || more_log;
}

void follow_all(struct follow *f)
{
    while (follow_poll(f))
        ;
}
