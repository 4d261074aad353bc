#include "io/log_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/json_writer.h"
#include "base/mem.h"
#include "base/printable.h"
#include "base/rfc3339.h"
#include "io/disk.h"
#include "io/file_watch.h"
#include "model/log_event.h"

#define REPEAT_SLOTS     32
#define REPEAT_WINDOW_MS 10000
#define TEXT_MAX_BYTES   4096

/* An entry that was told and is counted since. */
struct repeat {
    enum log_level level;
    const struct log_event *event; /* NULL: the slot is free */
    char *error;                   /* NULL if none */
    int64_t since_ms;
    int64_t count;
};

struct log_file {
    struct log_file_options options;
    int fd;
    struct file_watch watch;
    struct strbuf line;
    struct repeat repeats[REPEAT_SLOTS];
    int64_t lost_lines; /* that found no room on the disk */
};

/* ---- lines ---- */

/* Texts come from brokers and payloads: only what is valid UTF-8 can be JSON. */
static void write_text(struct json_writer *w, const char *key, const char *text)
{
    struct strbuf safe = {0};

    printable_add(&safe, text, strlen(text), TEXT_MAX_BYTES);
    json_string_n(w, key, strbuf_text(&safe), safe.len);
    strbuf_release(&safe);
}

static void write_field(struct json_writer *w, const struct log_field *f)
{
    switch (f->kind) {
    case LOG_FIELD_TEXT:
        write_text(w, f->name, f->text);
        break;
    case LOG_FIELD_INT:
        json_int(w, f->name, f->integer);
        break;
    case LOG_FIELD_JSON:
        /* A field without a name is an object whose members become the metadata's. */
        if (f->name)
            json_raw(w, f->name, f->text, strlen(f->text));
        else if (strlen(f->text) > 2)
            json_raw(w, NULL, f->text + 1, strlen(f->text) - 2);
        break;
    }
}

static void format_json(struct log_file *l, const struct log_entry *entry)
{
    struct json_writer w = json_writer_on(&l->line);
    char now[RFC3339_SIZE];

    rfc3339_format(clock_wall_ms(l->options.clock), now);
    json_begin_object(&w, NULL);
    json_string(&w, "timestamp", now);
    json_string(&w, "level", log_level_name(entry->level));
    json_string(&w, "event", entry->event->name);
    write_text(&w, "message", entry->event->message);
    json_string(&w, "service", l->options.service);
    if (entry->error)
        write_text(&w, "error", entry->error);
    json_begin_object(&w, "metadata");
    write_text(&w, "env", l->options.env);
    for (size_t i = 0; i < entry->field_count; i++)
        write_field(&w, &entry->fields[i]);
    json_end_object(&w);
    json_end_object(&w);
    strbuf_addc(&l->line, '\n');
}

static void format_plain(struct log_file *l, const char *name, const struct log_entry *entry)
{
    bool is_first = true;

    strbuf_addf(&l->line, "%s: ", name);
    printable_add(&l->line, entry->event->message, strlen(entry->event->message), TEXT_MAX_BYTES);
    if (entry->error) {
        strbuf_adds(&l->line, ": ");
        printable_add(&l->line, entry->error, strlen(entry->error), TEXT_MAX_BYTES);
    }
    for (size_t i = 0; i < entry->field_count; i++) {
        const struct log_field *f = &entry->fields[i];

        if (!f->name)
            continue;
        strbuf_addf(&l->line, "%s%s=", is_first ? " (" : ", ", f->name);
        is_first = false;
        if (f->kind == LOG_FIELD_INT)
            strbuf_addf(&l->line, "%lld", (long long)f->integer);
        else
            printable_add(&l->line, f->text, strlen(f->text), TEXT_MAX_BYTES);
    }
    strbuf_adds(&l->line, is_first ? "\n" : ")\n");
}

/* What cannot be cut stays: the line is lost either way, and readers pass over it. */
static void cut_torn_line(int fd, size_t len)
{
    struct stat st;

    if (len > 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
        (void)!ftruncate(fd, st.st_size - (off_t)len);
}

/* Whole lines or nothing: what was written of a line that found no room is cut off again. */
static bool write_line(struct log_file *l, int fd)
{
    size_t done = 0;

    while (done < l->line.len) {
        ssize_t n = write(fd, l->line.data + done, l->line.len - done);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break;
        done += (size_t)n;
    }
    if (done == l->line.len)
        return true;
    cut_torn_line(fd, done);
    return false;
}

static void write_entry(struct log_file *l, const struct log_entry *entry)
{
    strbuf_reset(&l->line);
    if (l->options.is_plain)
        format_plain(l, l->options.service, entry);
    else
        format_json(l, entry);
    if (!write_line(l, l->fd))
        l->lost_lines++;
}

static bool has_remedy(const struct log_entry *entry)
{
    for (size_t i = 0; i < entry->field_count; i++)
        if (entry->fields[i].name && strcmp(entry->fields[i].name, "remedy") == 0)
            return true;
    return false;
}

static void echo_entry(struct log_file *l, const struct log_entry *entry)
{
    if (!l->options.path || !l->options.echo_name || !has_remedy(entry))
        return;
    strbuf_reset(&l->line);
    format_plain(l, l->options.echo_name, entry);
    write_line(l, STDERR_FILENO);
}

static void tell_lost_lines(struct log_file *l)
{
    int64_t lost = l->lost_lines;
    const struct log_field field = LOG_INT("lost", lost);
    const struct log_event *event = &log_events[EVENT_LOG_LINES_LOST];
    const struct log_entry entry = {
        .level = event->level, .event = event, .fields = &field, .field_count = 1};

    if (lost == 0)
        return;
    write_entry(l, &entry);
    if (l->lost_lines == lost)
        l->lost_lines = 0;
}

/* ---- repetition ---- */

static bool same_text(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

static struct repeat *find_repeat(struct log_file *l, const struct log_entry *entry)
{
    for (int i = 0; i < REPEAT_SLOTS; i++) {
        struct repeat *r = &l->repeats[i];

        if (r->event == entry->event && r->level == entry->level &&
            same_text(r->error, entry->error))
            return r;
    }
    return NULL;
}

static void tell_repeat(struct log_file *l, const struct repeat *r)
{
    const struct log_field field = LOG_INT("repeated", r->count);
    const struct log_entry entry = {.level = r->level,
                                    .event = r->event,
                                    .error = r->error,
                                    .fields = &field,
                                    .field_count = 1};

    if (r->count > 0)
        write_entry(l, &entry);
}

static void end_repeat(struct log_file *l, struct repeat *r)
{
    tell_repeat(l, r);
    free(r->error);
    *r = (struct repeat){0};
}

static struct repeat *free_slot(struct log_file *l)
{
    struct repeat *oldest = &l->repeats[0];

    for (int i = 0; i < REPEAT_SLOTS; i++) {
        if (!l->repeats[i].event)
            return &l->repeats[i];
        if (l->repeats[i].since_ms < oldest->since_ms)
            oldest = &l->repeats[i];
    }
    end_repeat(l, oldest);
    return oldest;
}

/* Returns true when the entry was told lately and is only counted. */
static bool is_repeated(struct log_file *l, const struct log_entry *entry)
{
    struct repeat *r;

    if (entry->level < LOG_WARN)
        return false;
    r = find_repeat(l, entry);
    if (r) {
        r->count++;
        return true;
    }
    r = free_slot(l);
    *r = (struct repeat){
        .level = entry->level,
        .event = entry->event,
        .error = entry->error ? mem_strdup(entry->error) : NULL,
        .since_ms = clock_mono_ms(l->options.clock),
    };
    return false;
}

/* ---- life ---- */

static void write_port(void *self, const struct log_entry *entry)
{
    struct log_file *l = self;

    if (entry->level < l->options.level || is_repeated(l, entry))
        return;
    write_entry(l, entry);
    echo_entry(l, entry);
}

struct log log_file_port(struct log_file *l)
{
    return (struct log){.write = write_port, .self = l};
}

/* A pipe that nobody reads is refused (ENXIO) instead of waited for, where no signal would end it.
 */
static int open_file(const char *path)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NONBLOCK, FILE_MODE);

    if (fd >= 0)
        fcntl(fd, F_SETFL, O_APPEND);
    return fd;
}

static void set_fd(struct log_file *l, int fd)
{
    l->fd = fd;
    file_watch_begin(&l->watch, fd, clock_mono_ms(l->options.clock));
}

struct log_file *log_file_open(const struct log_file_options *options, struct err *e)
{
    int fd = options->path ? open_file(options->path) : STDERR_FILENO;
    struct log_file *l;

    if (fd < 0) {
        err_set(e, ERR_RUNTIME, "%s: %s", options->path, strerror(errno));
        return NULL;
    }
    l = mem_alloc(sizeof(*l));
    l->options = *options;
    set_fd(l, fd);
    return l;
}

int log_file_reopen(struct log_file *l)
{
    struct log port = log_file_port(l);
    int fd;

    if (!l->options.path)
        return 0;
    fd = open_file(l->options.path);
    if (fd < 0) {
        log_plain(&port, EVENT_LOG_REOPEN_FAILED, strerror(errno));
        return -1;
    }
    close(l->fd);
    set_fd(l, fd);
    return 0;
}

static void tell_repeats(struct log_file *l, int64_t now)
{
    for (int i = 0; i < REPEAT_SLOTS; i++) {
        struct repeat *r = &l->repeats[i];

        if (!r->event || now - r->since_ms < REPEAT_WINDOW_MS)
            continue;
        if (r->count == 0) {
            end_repeat(l, r);
            continue;
        }
        tell_repeat(l, r);
        r->count = 0;
        r->since_ms = now;
    }
}

/* A rotation has its time to send SIGHUP first. */
static void check_file(struct log_file *l, int64_t now)
{
    struct log port = log_file_port(l);

    switch (file_watch_look(&l->watch, l->options.path, l->fd, now)) {
    case FILE_IN_PLACE:
        return;
    case FILE_DELETED:
        if (log_file_reopen(l) == 0)
            log_plain(&port, EVENT_LOG_REPLACED, NULL);
        return;
    case FILE_RENAMED:
        if (log_file_reopen(l) == 0)
            log_plain(&port, EVENT_LOG_RENAMED, NULL);
        return;
    }
}

void log_file_tick(struct log_file *l)
{
    int64_t now = clock_mono_ms(l->options.clock);

    if (l->options.path)
        check_file(l, now);
    tell_lost_lines(l);
    tell_repeats(l, now);
}

void log_file_settle(struct log_file *l)
{
    tell_lost_lines(l);
    for (int i = 0; i < REPEAT_SLOTS; i++)
        if (l->repeats[i].event)
            end_repeat(l, &l->repeats[i]);
}

void log_file_close(struct log_file *l)
{
    if (!l)
        return;
    log_file_settle(l);
    if (l->options.path)
        close(l->fd);
    strbuf_release(&l->line);
    free(l);
}
