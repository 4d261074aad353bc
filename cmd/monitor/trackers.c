#include "trackers.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "matches.h"
#include "model/tracker_paths.h"

#define LOOK_EVERY_MS 1000

static struct tracker *tracker_new(const struct trackers *t, const struct tracker_source *source,
                                   const char *path)
{
    struct tracker *tracker = mem_alloc(sizeof(*tracker));
    char *log = tracker_path_log(source->events, path, source->log);

    tracker->path = mem_strdup(path);
    tracker->name = tracker_path_name(path);
    tracker->dash = dash_new(t->events_kept, t->logs_kept);
    tracker->dash->name = tracker->name;
    tracker->dash->since_ms = t->since_ms;
    follow_init(&tracker->follow, path, log, tracker->dash, t->clock);
    free(log);
    return tracker;
}

static void tracker_free(struct tracker *tracker)
{
    if (!tracker)
        return;
    follow_release(&tracker->follow);
    dash_free(tracker->dash);
    free(tracker->name);
    free(tracker->path);
    free(tracker);
}

static void call(struct tracker *tracker, char *name)
{
    free(tracker->name);
    tracker->name = name;
    tracker->dash->name = name;
}

/* Two of the same name are both called by their paths. */
static void tell_apart(struct trackers *t, struct tracker *fresh)
{
    bool is_taken = false;

    for (int i = 0; i < t->count; i++) {
        char *name = tracker_path_name(t->items[i]->path);
        char *other = tracker_path_name(fresh->path);

        if (strcmp(name, other) == 0) {
            call(t->items[i], mem_strdup(t->items[i]->path));
            is_taken = true;
        }
        free(name);
        free(other);
    }
    if (is_taken)
        call(fresh, mem_strdup(fresh->path));
}

/* The same file by whatever name. */
static bool is_same_file(const char *path, const char *other)
{
    struct stat a;
    struct stat b;

    return stat(path, &a) == 0 && stat(other, &b) == 0 && a.st_dev == b.st_dev &&
           a.st_ino == b.st_ino;
}

static bool is_followed(const struct trackers *t, const char *path)
{
    for (int i = 0; i < t->count; i++) {
        if (strcmp(t->items[i]->path, path) == 0)
            return true;
    }
    for (int i = 0; i < t->count; i++) {
        if (is_same_file(t->items[i]->path, path))
            return true;
    }
    return false;
}

static void add(struct trackers *t, const struct tracker_source *source, const char *path)
{
    struct tracker *tracker;

    if (t->count == DASH_PARTS) {
        t->left_out++;
        return;
    }
    tracker = tracker_new(t, source, path);
    tell_apart(t, tracker);
    tracker->follow.tracker = t->count;
    t->items[t->count++] = tracker;
    if (t->whole)
        dash_join(t->whole, tracker->dash);
    if (t->since_ms)
        follow_enter_since(&tracker->follow);
    else if (t->enters_late)
        follow_enter_late(&tracker->follow, t->skips_history);
    tracker_free(t->awaited);
    t->awaited = NULL;
}

static bool has_state(const char *path)
{
    struct strbuf state = {0};
    bool has;

    strbuf_addf(&state, "%s.state", path);
    has = access(state.data, F_OK) == 0;
    strbuf_release(&state);
    return has;
}

/* Is it an older file of another journal, or its log? One with a state of its own is neither. */
static bool belongs_to(const char *path, const struct tracker_source *source, const char *journal)
{
    char *log;
    bool is_log;

    if (tracker_path_is_older(path, journal))
        return !has_state(path);
    log = tracker_path_log(source->events, journal, source->log);
    is_log = strcmp(path, log) == 0 && strcmp(path, journal) != 0;
    free(log);
    return is_log && !has_state(path);
}

/* Between rename and creation a journal's name is free, but its state is there. */
static bool is_just_renamed(const char *path)
{
    for (size_t len = strlen(path); len > 0 && path[len] != '/'; len--) {
        char *journal = mem_strndup(path, len);
        bool is_renamed = tracker_path_is_older(path, journal) && has_state(journal);

        free(journal);
        if (is_renamed)
            return !has_state(path);
    }
    return false;
}

static bool is_companion(const struct trackers *t, const struct tracker_source *source,
                         const struct matches *m, const char *path)
{
    for (int i = 0; i < t->count; i++) {
        if (belongs_to(path, source, t->items[i]->path))
            return true;
    }
    for (size_t i = 0; i < m->count; i++) {
        if (belongs_to(path, source, m->paths[i]))
            return true;
    }
    return is_just_renamed(path);
}

static void add_matches(struct trackers *t, const struct tracker_source *source)
{
    struct matches m = {0};
    int error = matches_find(&m, source->events);

    t->look_error = error ? error : t->look_error;
    for (size_t i = 0; i < m.count; i++) {
        if (!is_followed(t, m.paths[i]) && !is_companion(t, source, &m, m.paths[i]))
            add(t, source, m.paths[i]);
    }
    matches_release(&m);
}

static void look(struct trackers *t)
{
    t->next_look_ms = clock_mono_ms(t->clock) + LOOK_EVERY_MS;
    t->left_out = 0;
    t->look_error = 0;
    for (int i = 0; i < t->source_count; i++) {
        if (tracker_path_is_pattern(t->sources[i].events))
            add_matches(t, &t->sources[i]);
        else if (!is_followed(t, t->sources[i].events))
            add(t, &t->sources[i], t->sources[i].events);
    }
}

static bool has_pattern(const struct trackers *t)
{
    for (int i = 0; i < t->source_count; i++) {
        if (tracker_path_is_pattern(t->sources[i].events))
            return true;
    }
    return false;
}

void trackers_open(struct trackers *t)
{
    t->next_look_ms = INT64_MAX;
    if (t->source_count > 1 || has_pattern(t))
        t->whole = dash_new(1, 1);
    if (t->whole)
        t->whole->since_ms = t->since_ms;
    look(t);
    if (t->count == 0)
        t->awaited = tracker_new(t, &t->sources[0], t->sources[0].events);
    if (!has_pattern(t))
        t->next_look_ms = INT64_MAX;
}

void trackers_release(struct trackers *t)
{
    for (int i = 0; i < t->count; i++)
        tracker_free(t->items[i]);
    tracker_free(t->awaited);
    dash_free(t->whole);
}

struct dash *trackers_dash(const struct trackers *t)
{
    if (t->awaited)
        return t->awaited->dash;
    return t->count == 1 ? t->items[0]->dash : t->whole;
}

/* A folder that may not be searched is another matter than one without a journal. */
static void poll_awaited(struct trackers *t)
{
    struct reader *r = &t->awaited->dash->events_reader;

    follow_poll(&t->awaited->follow);
    if (!t->look_error)
        return;
    r->state = READER_FAILED;
    r->error = t->look_error;
}

bool trackers_poll(struct trackers *t)
{
    bool more = false;

    if (clock_mono_ms(t->clock) >= t->next_look_ms)
        look(t);
    if (t->awaited)
        poll_awaited(t);
    for (int i = 0; i < t->count; i++)
        more |= follow_poll(&t->items[i]->follow);
    if (t->whole)
        dash_sum_readers(t->whole);
    return more;
}

bool trackers_history(struct trackers *t)
{
    bool more = false;

    for (int i = 0; i < t->count; i++)
        more |= follow_history(&t->items[i]->follow);
    if (t->whole)
        dash_sum_readers(t->whole);
    return more;
}

bool trackers_has_history(const struct trackers *t)
{
    for (int i = 0; i < t->count; i++) {
        if (t->items[i]->follow.history)
            return true;
    }
    return false;
}

void trackers_skip_history(struct trackers *t)
{
    for (int i = 0; i < t->count; i++)
        follow_skip_history(&t->items[i]->follow);
}

void trackers_read_all(struct trackers *t)
{
    bool more;

    do {
        more = trackers_poll(t);
        more |= trackers_history(t);
    } while (more);
}

void trackers_retry(struct trackers *t)
{
    for (int i = 0; i < t->count; i++) {
        tail_retry_now(t->items[i]->follow.events);
        if (t->items[i]->follow.log)
            tail_retry_now(t->items[i]->follow.log);
    }
    if (t->awaited && t->awaited->follow.log)
        tail_retry_now(t->awaited->follow.log);
    if (t->next_look_ms != INT64_MAX)
        t->next_look_ms = INT64_MIN;
}

int trackers_read(const struct trackers *t, const struct place *place, bool is_log,
                  struct strbuf *out)
{
    const struct follow *f;

    if (place->tracker >= t->count)
        return -1;
    f = &t->items[place->tracker]->follow;
    return tail_read_at(is_log ? f->log : f->events, place->file, place->offset, place->len, out);
}
