#include "trackers.h"

#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/mem.h"
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

static bool is_followed(const struct trackers *t, const char *path)
{
    for (int i = 0; i < t->count; i++) {
        if (strcmp(t->items[i]->path, path) == 0)
            return true;
    }
    return false;
}

static void add(struct trackers *t, const struct tracker_source *source, const char *path)
{
    struct tracker *tracker;

    if (is_followed(t, path))
        return;
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

/* Backslashes and brackets are plain characters here. */
static char *glob_text(const char *pattern)
{
    struct strbuf out = {0};

    for (; *pattern; pattern++) {
        if (*pattern == '[' || *pattern == '\\')
            strbuf_addc(&out, '\\');
        strbuf_addc(&out, *pattern);
    }
    return strbuf_take(&out);
}

static bool is_file(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

static void add_matches(struct trackers *t, const struct tracker_source *source)
{
    char *text = glob_text(source->events);
    glob_t found = {0};

    if (glob(text, 0, NULL, &found) == 0) {
        for (size_t i = 0; i < found.gl_pathc; i++) {
            if (is_file(found.gl_pathv[i]))
                add(t, source, found.gl_pathv[i]);
        }
    }
    globfree(&found);
    free(text);
}

static void look(struct trackers *t)
{
    t->next_look_ms = clock_mono_ms(t->clock) + LOOK_EVERY_MS;
    t->left_out = 0;
    for (int i = 0; i < t->source_count; i++) {
        if (tracker_path_is_pattern(t->sources[i].events))
            add_matches(t, &t->sources[i]);
        else
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

bool trackers_poll(struct trackers *t)
{
    bool more = false;

    if (clock_mono_ms(t->clock) >= t->next_look_ms)
        look(t);
    if (t->awaited)
        follow_poll(&t->awaited->follow);
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
        tail_retry_now(t->items[i]->follow.log);
    }
    if (t->awaited)
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
