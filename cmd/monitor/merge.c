#include "merge.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/line_reader.h"
#include "base/mem.h"
#include "base/strbuf.h"
#include "model/journal_line.h"
#include "model/tracker_paths.h"
#include "signals.h"

#define BLOCK_BYTES    ((size_t)256 << 10)
#define LINE_MAX_BYTES ((size_t)64 << 20)

struct source {
    char *path;
    int fd;
    dev_t device;
    ino_t inode;
    int64_t no_lines; /* lines that are none of a journal */
};

struct part {
    char *topic;
    int32_t number;
};

/* A line, by what it says of the offsets [from, to). */
struct entry {
    uint32_t part;
    uint32_t source;
    uint32_t len;
    uint32_t generation; /* of the topic: how often it had been recreated */
    int64_t from, to;
    int64_t skipped; /* offsets before `from` that hold no record */
    int64_t at;      /* its first byte */
    int64_t timestamp_ms;
    bool is_message;
};

struct recreation {
    uint32_t part;
    int64_t timestamp_ms;
};

struct merge {
    struct source *sources;
    size_t source_count;
    struct part *parts;
    size_t part_count, last_part;
    struct entry *entries;
    size_t entry_count, entry_cap;
    struct recreation *recreations;
    size_t recreation_count;
    bool is_partial;
};

/* ---- the files ---- */

static int add_source(struct merge *m, const char *path, struct err *e)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat st;

    if (fd < 0 || fstat(fd, &st) < 0) {
        err_set(e, ERR_RUNTIME, "%s: %s", path, strerror(errno));
        if (fd >= 0)
            close(fd);
        return -1;
    }
    for (size_t i = 0; i < m->source_count; i++) {
        if (m->sources[i].device == st.st_dev && m->sources[i].inode == st.st_ino)
            return close(fd), 0;
    }
    m->sources = mem_realloc_array(m->sources, m->source_count + 1, sizeof(*m->sources));
    m->sources[m->source_count++] = (struct source){
        .path = mem_strdup(path), .fd = fd, .device = st.st_dev, .inode = st.st_ino};
    return 0;
}

/* Is it an older file of the journal but for the ending of a compressed one? */
static bool is_compressed(const char *path, const char *journal)
{
    const char *dot = strrchr(path, '.');
    char *plain = mem_strndup(path, dot ? (size_t)(dot - path) : 0);
    bool is = tracker_path_is_no_journal(path) && tracker_path_is_older(plain, journal);

    free(plain);
    return is;
}

static int add_older(struct merge *m, const char *path, const char *journal, struct err *e)
{
    if (is_compressed(path, journal)) {
        fprintf(stderr, "monitor: %s: is compressed and left out; unpack it first\n", path);
        m->is_partial = true;
        return 0;
    }
    if (tracker_path_is_no_journal(path) || !tracker_path_is_older(path, journal))
        return 0;
    return add_source(m, path, e);
}

/* The journal and what it was rotated to, in the same folder. */
static int add_journal(struct merge *m, const char *journal, struct err *e)
{
    const char *slash = strrchr(journal, '/');
    char *folder = slash ? mem_strndup(journal, (size_t)(slash - journal) + 1) : mem_strdup("./");
    DIR *dir = opendir(folder);
    const struct dirent *entry;
    int rc = dir ? add_source(m, journal, e)
                 : err_set(e, ERR_RUNTIME, "%s: %s", folder, strerror(errno));

    while (dir && rc == 0 && (entry = readdir(dir))) {
        struct strbuf path = {0};

        strbuf_addf(&path, "%s%s", slash ? folder : "", entry->d_name);
        rc = add_older(m, strbuf_text(&path), journal, e);
        strbuf_release(&path);
    }
    if (dir)
        closedir(dir);
    free(folder);
    return rc;
}

/* ---- reading ---- */

static uint32_t find_part(struct merge *m, const struct journal_line *line)
{
    size_t len = line->topic.kind == JSON_STRING ? line->topic.len : 0;

    for (size_t i = 0; i < m->part_count; i++) {
        size_t at = (m->last_part + i) % m->part_count; /* neighbours are mostly of one partition */
        const struct part *p = &m->parts[at];

        if (p->number == line->partition && strlen(p->topic) == len &&
            memcmp(p->topic, line->topic.text, len) == 0) {
            m->last_part = at;
            return (uint32_t)at;
        }
    }
    m->parts = mem_realloc_array(m->parts, m->part_count + 1, sizeof(*m->parts));
    m->last_part = m->part_count;
    m->parts[m->part_count++] =
        (struct part){.topic = len ? mem_strndup(line->topic.text, len) : mem_strdup(""),
                      .number = line->partition};
    return (uint32_t)m->last_part;
}

static void add_entry(struct merge *m, const struct entry *entry)
{
    if (m->entry_count == m->entry_cap) {
        m->entry_cap = m->entry_cap ? 2 * m->entry_cap : 4096;
        m->entries = mem_realloc_array(m->entries, m->entry_cap, sizeof(*m->entries));
    }
    m->entries[m->entry_count++] = *entry;
}

static void add_line(struct merge *m, uint32_t source, const char *text, size_t len, int64_t at)
{
    struct journal_line line;
    struct entry entry = {.source = source, .len = (uint32_t)len, .at = at};

    if (journal_line_parse(&line, text, len) < 0) {
        m->sources[source].no_lines++;
        return;
    }
    entry.part = find_part(m, &line);
    entry.timestamp_ms = line.timestamp_ms;
    entry.is_message = line.kind == JOURNAL_MESSAGE;
    entry.from = entry.is_message ? line.offset : line.gap_from;
    entry.to = entry.is_message ? line.offset + 1 : line.gap_to;
    entry.skipped = line.skipped;
    if (line.kind != JOURNAL_REPLAY) {
        add_entry(m, &entry);
    } else if (line.is_recreated) {
        m->recreations =
            mem_realloc_array(m->recreations, m->recreation_count + 1, sizeof(*m->recreations));
        m->recreations[m->recreation_count++] =
            (struct recreation){.part = entry.part, .timestamp_ms = line.timestamp_ms};
    }
}

/* What has no newline yet is still being written. */
static int read_source(struct merge *m, uint32_t source, struct err *e)
{
    const struct source *s = &m->sources[source];
    struct line_reader r = {0};
    int64_t at = 0;
    ssize_t n = 0;

    while (!signals_stop() && r.text.len < LINE_MAX_BYTES) {
        const char *line;
        size_t len;

        strbuf_reserve(&r.text, BLOCK_BYTES);
        n = read(s->fd, r.text.data + r.text.len, BLOCK_BYTES);
        if (n <= 0)
            break;
        r.text.len += (size_t)n;
        r.text.data[r.text.len] = '\0';
        while (line_reader_next(&r, &line, &len)) {
            add_line(m, source, line, len, at);
            at += (int64_t)len + 1;
        }
        line_reader_drop(&r);
    }
    if (n < 0)
        err_set(e, ERR_RUNTIME, "%s: %s", s->path, strerror(errno));
    else if (r.text.len >= LINE_MAX_BYTES)
        err_set(e, ERR_RUNTIME, "%s: a line has more than 64 MiB", s->path);
    if (m->sources[source].no_lines)
        fprintf(stderr, "monitor: %s: %" PRId64 " lines are not of a journal and are left out\n",
                s->path, m->sources[source].no_lines);
    line_reader_release(&r);
    return e->kind == ERR_NONE ? 0 : -1;
}

/* ---- the order ---- */

/* The journals of several trackers may each record it, at slightly different times. */
static void take_generations(struct merge *m)
{
    for (size_t i = 0; m->recreation_count && i < m->entry_count; i++) {
        struct entry *entry = &m->entries[i];

        for (size_t r = 0; r < m->recreation_count; r++)
            entry->generation += m->recreations[r].part == entry->part &&
                                 m->recreations[r].timestamp_ms <= entry->timestamp_ms;
    }
}

static int order(int64_t a, int64_t b)
{
    return (a > b) - (a < b);
}

/* Lines of the same offsets stand together, the newest first. */
static int compare(const void *left, const void *right, void *merge)
{
    const struct merge *m = merge;
    const struct entry *a = left;
    const struct entry *b = right;
    const int orders[] = {
        a->part == b->part ? 0 : strcmp(m->parts[a->part].topic, m->parts[b->part].topic),
        order(m->parts[a->part].number, m->parts[b->part].number),
        order(a->generation, b->generation),
        order(a->from, b->from),
        order(a->is_message, b->is_message),
        order(a->to, b->to),
        order(b->timestamp_ms, a->timestamp_ms),
        order(b->source, a->source),
        order(b->at, a->at),
    };

    for (size_t i = 0; i < sizeof(orders) / sizeof(orders[0]); i++) {
        if (orders[i])
            return orders[i];
    }
    return 0;
}

static bool says_the_same(const struct entry *a, const struct entry *b)
{
    return a->part == b->part && a->generation == b->generation && a->from == b->from &&
           a->to == b->to && a->is_message == b->is_message;
}

/* ---- writing ---- */

/* What is reported of the partition that is being written. */
struct reported {
    const struct entry *last; /* NULL before the first */
    int64_t next;             /* offset that is expected */
    int64_t twice_from, twice_to;
};

static void report_duplicates(const struct merge *m, struct reported *r)
{
    const struct part *p = r->last ? &m->parts[r->last->part] : NULL;

    if (p && r->twice_to > r->twice_from)
        fprintf(stderr,
                "duplicates: topic %s partition %" PRId32 " offsets %" PRId64 " to %" PRId64 "\n",
                p->topic, p->number, r->twice_from, r->twice_to - 1);
    r->twice_from = r->twice_to = -1;
}

static void report_gap(const struct merge *m, const struct entry *entry, int64_t from, int64_t to)
{
    const struct part *p = &m->parts[entry->part];

    fprintf(stderr, "gap: topic %s partition %" PRId32 " offsets %" PRId64 " to %" PRId64 "\n",
            p->topic, p->number, from, to - 1);
}

/* `count` lines say the same; `skipped` is the most that one of them jumps over. */
static void report(const struct merge *m, struct reported *r, const struct entry *entry,
                   size_t count, int64_t skipped)
{
    bool is_new =
        !r->last || r->last->part != entry->part || r->last->generation != entry->generation;

    if (is_new || count == 1 || r->twice_to != entry->from)
        report_duplicates(m, r);
    if (!is_new && entry->from - skipped > r->next)
        report_gap(m, entry, r->next, entry->from - skipped);
    if (is_new || entry->to > r->next)
        r->next = entry->to;
    if (count > 1 && entry->is_message) {
        r->twice_from = r->twice_from < 0 ? entry->from : r->twice_from;
        r->twice_to = entry->to;
    }
    r->last = entry;
}

static int write_line(const struct merge *m, const struct entry *entry, struct strbuf *line,
                      struct err *e)
{
    const struct source *s = &m->sources[entry->source];

    strbuf_reset(line);
    strbuf_reserve(line, (size_t)entry->len + 1);
    if (pread(s->fd, line->data, (size_t)entry->len + 1, entry->at) != (ssize_t)entry->len + 1 ||
        line->data[entry->len] != '\n')
        return err_set(e, ERR_RUNTIME, "%s: was changed while it was read", s->path);
    if (fwrite(line->data, 1, (size_t)entry->len + 1, stdout) != (size_t)entry->len + 1)
        return err_set(e, ERR_RUNTIME, "standard output: %s", strerror(errno));
    return 0;
}

static int write_all(const struct merge *m, struct err *e)
{
    struct reported reported = {.twice_from = -1, .twice_to = -1};
    struct strbuf line = {0};
    int rc = 0;

    for (size_t i = 0, next; rc == 0 && i < m->entry_count && !signals_stop(); i = next) {
        int64_t skipped = m->entries[i].skipped;

        for (next = i + 1;
             next < m->entry_count && says_the_same(&m->entries[i], &m->entries[next]); next++)
            skipped = m->entries[next].skipped > skipped ? m->entries[next].skipped : skipped;
        report(m, &reported, &m->entries[i], next - i, skipped);
        rc = write_line(m, &m->entries[i], &line, e);
    }
    report_duplicates(m, &reported);
    strbuf_release(&line);
    if (rc == 0 && fflush(stdout) != 0)
        rc = err_set(e, ERR_RUNTIME, "standard output: %s", strerror(errno));
    return rc;
}

static void release(struct merge *m)
{
    for (size_t i = 0; i < m->source_count; i++) {
        close(m->sources[i].fd);
        free(m->sources[i].path);
    }
    for (size_t i = 0; i < m->part_count; i++)
        free(m->parts[i].topic);
    free(m->sources);
    free(m->parts);
    free(m->entries);
    free(m->recreations);
}

int merge_run(const char *const *journals, size_t count, struct err *e)
{
    struct merge m = {0};
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < count; i++)
        rc = add_journal(&m, journals[i], e);
    for (size_t i = 0; rc == 0 && i < m.source_count; i++)
        rc = read_source(&m, (uint32_t)i, e);
    if (rc == 0 && !signals_stop()) {
        take_generations(&m);
        if (m.entry_count)
            qsort_r(m.entries, m.entry_count, sizeof(*m.entries), compare, &m);
        rc = write_all(&m, e);
    }
    release(&m);
    if (rc < 0)
        return err_exit_status(e);
    return signals_stop() ? signals_exit_status() : m.is_partial;
}
