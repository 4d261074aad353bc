#include "io/tail.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"

#define BLOCK         ((size_t)256 << 10)
#define TURN_MS       20
#define TURN_BYTES    ((int64_t)16 << 20)
#define LOOK_EVERY_MS 500
#define DRAIN_MS      5000 /* a renamed file may still be written to for so long */
#define MARK          64
#define FILES_MAX     16

/* One file under the path's name, now or formerly. */
struct source {
    int fd;
    dev_t dev;
    ino_t ino;
    uint32_t number;
    int64_t pos;         /* bytes read, the carry included */
    struct strbuf carry; /* from the start of a line on */
    size_t searched;     /* so much of the carry holds no newline */
    bool is_skipping;    /* within an oversized line */
    bool is_at_end;
    char mark[MARK]; /* the bytes before `pos`: do they still stand there? */
    size_t mark_len;
    int64_t retire_ms; /* 0 while it is the current one */
};

struct tail {
    char *path;
    struct source *files[FILES_MAX]; /* oldest first */
    int count;
    uint32_t next_number;
    int64_t next_look_ms;
    struct tail_status status;
};

struct tail *tail_new(const char *path)
{
    struct tail *t = mem_alloc(sizeof(*t));

    t->path = mem_strdup(path);
    t->next_look_ms = INT64_MIN;
    t->status.behind_since_ms = t->status.unfinished_since_ms = t->status.rotated_ms = -1;
    return t;
}

static void source_free(struct source *s)
{
    if (!s)
        return;
    close(s->fd);
    strbuf_release(&s->carry);
    free(s);
}

void tail_free(struct tail *t)
{
    if (!t)
        return;
    for (int i = 0; i < t->count; i++)
        source_free(t->files[i]);
    free(t->path);
    free(t);
}

const struct tail_status *tail_status(const struct tail *t)
{
    return &t->status;
}

const char *tail_path(const struct tail *t)
{
    return t->path;
}

void tail_retry_now(struct tail *t)
{
    t->next_look_ms = INT64_MIN;
}

static struct source *newest(const struct tail *t)
{
    return t->count ? t->files[t->count - 1] : NULL;
}

static void drop_source(struct tail *t, int i)
{
    source_free(t->files[i]);
    t->count--;
    memmove(&t->files[i], &t->files[i + 1], (size_t)(t->count - i) * sizeof(t->files[0]));
}

/* O_NONBLOCK: opening a FIFO must not wait for a writer. */
static struct source *source_open(const char *path)
{
    struct source *s;
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

    if (fd < 0)
        return NULL;
    if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
        close(fd);
        errno = S_ISDIR(st.st_mode) ? EISDIR : EINVAL;
        return NULL;
    }
    s = mem_alloc(sizeof(*s));
    s->fd = fd;
    s->dev = st.st_dev;
    s->ino = st.st_ino;
    return s;
}

static bool is_known(const struct tail *t, dev_t dev, ino_t ino)
{
    for (int i = 0; i < t->count; i++) {
        if (t->files[i]->dev == dev && t->files[i]->ino == ino)
            return true;
    }
    return false;
}

static void push(struct tail *t, struct source *s, int64_t now)
{
    if (newest(t))
        newest(t)->retire_ms = now + DRAIN_MS;
    s->number = t->next_number++;
    t->files[t->count++] = s;
}

/* ---- one file's bytes ---- */

static void hand_on(struct tail *t, struct source *s, const struct tail_sink *sink, size_t from,
                    size_t to, bool is_torn)
{
    const char *base = s->carry.data;
    struct tail_line line = {.file = s->number, .is_torn = is_torn};

    while (from < to && base[from] == '\0') /* the hole that a truncation leaves behind */
        from++;
    if (from == to)
        return;
    line.text = base + from;
    line.len = to - from;
    line.offset = s->pos - (int64_t)(s->carry.len - from);
    if (!is_torn)
        t->status.lines++;
    sink->line(sink->self, &line);
}

static void finish_line(struct tail *t, struct source *s, const struct tail_sink *sink, size_t from,
                        size_t to)
{
    if (s->is_skipping || to - from > TAIL_LINE_MAX)
        t->status.oversized++;
    else
        hand_on(t, s, sink, from, to, false);
    s->is_skipping = false;
}

/* Keeps what follows the last newline, unless it is already too long to ever be handed on. */
static void keep_rest(struct source *s, size_t from)
{
    size_t rest;

    while (from < s->carry.len && s->carry.data[from] == '\0')
        from++;
    rest = s->carry.len - from;
    if (rest > TAIL_LINE_MAX || s->is_skipping) {
        s->is_skipping = true;
        rest = 0;
    }
    if (rest && from)
        memmove(s->carry.data, s->carry.data + from, rest);
    strbuf_cut(&s->carry, rest);
    s->searched = rest;
}

static void consume(struct tail *t, struct source *s, const struct tail_sink *sink)
{
    size_t from = 0;
    size_t at = s->searched;
    const char *newline;

    while ((newline = memchr(s->carry.data + at, '\n', s->carry.len - at)) != NULL) {
        at = (size_t)(newline - s->carry.data);
        finish_line(t, s, sink, from, at);
        from = ++at;
    }
    keep_rest(s, from);
}

static void remember_mark(struct source *s, const char *end, size_t got)
{
    size_t keep = got < MARK ? MARK - got : 0;
    size_t fresh = got < MARK ? got : MARK;

    if (keep > s->mark_len)
        keep = s->mark_len;
    memmove(s->mark, s->mark + s->mark_len - keep, keep);
    memcpy(s->mark + keep, end - fresh, fresh);
    s->mark_len = keep + fresh;
}

static bool mark_stands(const struct source *s)
{
    char now[MARK];
    ssize_t n = pread(s->fd, now, s->mark_len, s->pos - (int64_t)s->mark_len);

    return n == (ssize_t)s->mark_len && memcmp(now, s->mark, s->mark_len) == 0;
}

static void start_over(struct tail *t, struct source *s)
{
    s->pos = 0;
    s->mark_len = 0;
    s->searched = 0;
    s->is_skipping = false;
    strbuf_reset(&s->carry);
    t->status.truncations++;
}

/* Returns 0, or -1 with errno. */
static int notice_truncation(struct tail *t, struct source *s, int64_t *size)
{
    struct stat st;

    if (fstat(s->fd, &st) < 0)
        return -1;
    *size = st.st_size;
    if (st.st_size < s->pos || (st.st_size > s->pos && !mark_stands(s)))
        start_over(t, s);
    return 0;
}

/* Reads blocks until the end or the turn's limits. Returns 0, or -1 with errno. */
static int read_source(struct tail *t, struct source *s, const struct clock *clock,
                       int64_t turn_ends_ms, int64_t *budget, const struct tail_sink *sink)
{
    int64_t size;
    ssize_t n;

    s->is_at_end = false;
    if (notice_truncation(t, s, &size) < 0)
        return -1;
    if (size == s->pos) {
        s->is_at_end = true;
        return 0;
    }
    while (*budget > 0 && clock_mono_ms(clock) <= turn_ends_ms) {
        strbuf_reserve(&s->carry, BLOCK);
        n = pread(s->fd, s->carry.data + s->carry.len, BLOCK, s->pos);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            s->is_at_end = n == 0;
            return (int)n;
        }
        s->carry.len += (size_t)n;
        s->pos += n;
        *budget -= n;
        remember_mark(s, s->carry.data + s->carry.len, (size_t)n);
        consume(t, s, sink);
    }
    return 0;
}

/* ---- which files ---- */

static bool is_later(const struct timespec *a, const struct timespec *b)
{
    return a->tv_sec != b->tv_sec ? a->tv_sec > b->tv_sec : a->tv_nsec > b->tv_nsec;
}

/* Holds it lines of its own? Sidecars begin otherwise, copies begin like the file that we read, and
 * torn ends were put aside because they are no lines. */
static bool is_formerly_ours(const struct source *s, const char *name, const struct source *ours)
{
    static const char first_key[] = "{\"timestamp\"";
    char a[256];
    char b[256];
    ssize_t n = pread(s->fd, a, sizeof(a), 0);
    ssize_t m = pread(ours->fd, b, sizeof(b), 0);

    if (n < (ssize_t)strlen(first_key) || memcmp(a, first_key, strlen(first_key)) != 0 ||
        strstr(name, ".torn-"))
        return false;
    return n != m || memcmp(a, b, (size_t)n) != 0;
}

static struct source *open_beside(int folder, const char *name)
{
    char path[sizeof("/proc/self/fd/2147483647/") + NAME_MAX];

    snprintf(path, sizeof(path), "/proc/self/fd/%d/%.*s", folder, NAME_MAX, name);
    return source_open(path);
}

/* A file may be made and renamed away again between two looks: then it lies beside the path under a
 * longer name, not older than the last one we knew. Opens the earliest of them that is not known
 * yet; NULL when there is none (left). */
static struct source *open_missed(const struct tail *t, DIR *folder, const char *name,
                                  const struct timespec *after)
{
    struct source *best = NULL;
    struct timespec best_time = {0};
    struct dirent *entry;

    rewinddir(folder);
    while ((entry = readdir(folder)) != NULL) {
        struct source *s;
        struct stat st;

        if (strncmp(entry->d_name, name, strlen(name)) != 0 || strcmp(entry->d_name, name) == 0 ||
            fstatat(dirfd(folder), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
            !S_ISREG(st.st_mode) || is_known(t, st.st_dev, st.st_ino) ||
            is_later(after, &st.st_mtim) || (best && !is_later(&best_time, &st.st_mtim)))
            continue;
        s = open_beside(dirfd(folder), entry->d_name);
        if (s && is_formerly_ours(s, entry->d_name, newest(t))) {
            struct source *worse = best;

            best = s;
            best_time = st.st_mtim;
            s = worse;
        }
        source_free(s);
    }
    return best;
}

static void push_missed(struct tail *t, int64_t now)
{
    char *path = mem_strdup(t->path);
    char *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;
    char *folder_path = slash ? mem_strndup(path, (size_t)(slash - path) + 1) : mem_strdup(".");
    DIR *folder = opendir(folder_path);
    struct source *missed;
    struct stat st;

    if (folder && fstat(newest(t)->fd, &st) == 0) {
        while (t->count < FILES_MAX - 1 &&
               (missed = open_missed(t, folder, name, &st.st_mtim)) != NULL) {
            push(t, missed, now);
            t->status.rotations++;
        }
    }
    if (folder)
        closedir(folder);
    free(folder_path);
    free(path);
}

static void note_trouble(struct tail *t, int error)
{
    t->status.error = error == ENOENT || error == ENOTDIR ? 0 : error;
    if (t->count == 0)
        t->status.state = t->status.error ? TAIL_FAILED : TAIL_WAITING;
}

/* Is the path still the file that we read? Returns true when there is a new one. */
static bool look_at_path(struct tail *t, int64_t now)
{
    struct stat st;
    struct source *fresh;

    t->next_look_ms = now + LOOK_EVERY_MS;
    if (stat(t->path, &st) < 0) {
        note_trouble(t, errno);
        return false;
    }
    if (is_known(t, st.st_dev, st.st_ino) || t->count >= FILES_MAX - 1) {
        t->status.error = 0;
        return false;
    }
    fresh = source_open(t->path);
    if (!fresh) {
        note_trouble(t, errno);
        return false;
    }
    if (newest(t)) {
        push_missed(t, now);
        if (t->count >= FILES_MAX - 1) { /* more may be missed: first things first */
            source_free(fresh);
            return true;
        }
        t->status.rotations++;
        t->status.rotated_ms = now;
    }
    push(t, fresh, now);
    t->status.state = TAIL_OPEN;
    t->status.error = 0;
    return true;
}

/* The old files are read to their ends and nobody wrote to them for a while: close them. */
static void retire(struct tail *t, int64_t now, const struct tail_sink *sink)
{
    while (t->count > 1 && t->files[0]->is_at_end && t->files[0]->retire_ms <= now) {
        struct source *s = t->files[0];

        if (s->carry.len)
            hand_on(t, s, sink, 0, s->carry.len, true);
        drop_source(t, 0);
    }
}

static void update_status(struct tail *t, int64_t now)
{
    struct tail_status *st = &t->status;
    struct stat file;

    st->behind = 0;
    st->unfinished = 0;
    for (int i = 0; i < t->count; i++) {
        struct source *s = t->files[i];

        if (fstat(s->fd, &file) == 0) {
            st->size = file.st_size;
            if (file.st_size > s->pos)
                st->behind += file.st_size - s->pos;
        }
        st->unfinished += (int64_t)s->carry.len;
    }
    if (st->behind == 0)
        st->behind_since_ms = -1;
    else if (st->behind_since_ms < 0)
        st->behind_since_ms = now;
    if (st->unfinished == 0)
        st->unfinished_since_ms = -1;
    else if (st->unfinished_since_ms < 0)
        st->unfinished_since_ms = now;
}

/* After a read error: a new descriptor for the same file, so that the position stays. */
static bool reopen(const struct tail *t, struct source *s)
{
    struct source *again = source_open(t->path);
    bool is_same = again && again->dev == s->dev && again->ino == s->ino;
    int fd = s->fd;

    if (is_same) {
        s->fd = again->fd;
        again->fd = fd;
    }
    source_free(again);
    return is_same;
}

/* Returns true when all files were read to their ends. */
static bool read_all(struct tail *t, const struct clock *clock, int64_t now,
                     const struct tail_sink *sink)
{
    int64_t budget = TURN_BYTES;

    for (int i = 0; i < t->count; i++) {
        if (read_source(t, t->files[i], clock, now + TURN_MS, &budget, sink) < 0) {
            int error = errno;

            if (!reopen(t, t->files[i]))
                drop_source(t, i);
            note_trouble(t, error);
            return true;
        }
        if (!t->files[i]->is_at_end)
            return false;
    }
    return true;
}

int tail_open_first(struct tail *t, const struct clock *clock)
{
    if (t->count == 0)
        look_at_path(t, clock_mono_ms(clock));
    return t->count ? fcntl(newest(t)->fd, F_DUPFD_CLOEXEC, 0) : -1;
}

void tail_skip_to(struct tail *t, int64_t offset)
{
    struct source *s = newest(t);
    size_t len = offset < MARK ? (size_t)offset : MARK;

    if (pread(s->fd, s->mark, len, offset - (int64_t)len) != (ssize_t)len)
        return;
    s->mark_len = len;
    s->pos = offset;
}

int tail_poll(struct tail *t, const struct clock *clock, const struct tail_sink *sink)
{
    int64_t now = clock_mono_ms(clock);
    uint64_t lines = t->status.lines;
    bool done = read_all(t, clock, now, sink);

    if (t->status.lines != lines)
        t->status.unfinished_since_ms = -1;
    if (done && now >= t->next_look_ms && look_at_path(t, now))
        done = false;
    if (done)
        retire(t, now, sink);
    update_status(t, now);
    return !done;
}

int tail_read_at(const struct tail *t, uint32_t number, int64_t offset, size_t len,
                 struct strbuf *out)
{
    for (int i = 0; i < t->count; i++) {
        ssize_t n;

        if (t->files[i]->number != number || len > TAIL_LINE_MAX)
            continue;
        strbuf_reserve(out, len);
        n = pread(t->files[i]->fd, out->data + out->len, len, offset);
        if (n != (ssize_t)len)
            return -1;
        out->len += len;
        out->data[out->len] = '\0';
        return 0;
    }
    return -1;
}
