#include "io/tail.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "io/journal_file.h"
#include "io/rotation.h"
#include "io/tail_source.h"

#define BLOCK ((size_t)256 << 10)

#define TURN_MS       20
#define TURN_BYTES    ((int64_t)16 << 20)
#define LOOK_EVERY_MS 500
#define DRAIN_MS      5000 /* a renamed file may still be written to for so long */

struct tail {
    char *path;
    struct tail_set files;
    uint32_t next_number;
    int64_t next_look_ms;
    int look_error; /* of the latest look at the path */
    int read_error; /* of the latest turn */
    struct tail_status status;
};

/* ---- one file ---- */

/* O_NONBLOCK: opening a FIFO must not wait for a writer. */
struct tail_source *tail_source_open(const char *path)
{
    struct tail_source *s;
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

void tail_source_free(struct tail_source *s)
{
    if (!s)
        return;
    close(s->fd);
    line_reader_release(&s->carry);
    free(s);
}

void tail_source_begin_at(struct tail_source *s, int64_t offset)
{
    size_t len = offset < TAIL_MARK ? (size_t)offset : TAIL_MARK;

    if (pread(s->fd, s->mark, len, offset - (int64_t)len) != (ssize_t)len)
        return;
    s->mark_len = len;
    s->pos = offset;
}

static void hand_on(struct tail_source *s, const struct tail_turn *turn, size_t from, size_t to,
                    bool is_torn)
{
    const char *base = s->carry.text.data;
    struct tail_line line = {.file = s->number, .is_torn = is_torn};

    while (from < to && base[from] == '\0') /* the hole that a truncation leaves behind */
        from++;
    if (from == to)
        return;
    line.text = base + from;
    line.len = to - from;
    line.offset = s->pos - (int64_t)(s->carry.text.len - from);
    if (!is_torn)
        turn->status->lines++;
    turn->sink->line(turn->sink->self, &line);
}

static void finish_line(struct tail_source *s, const struct tail_turn *turn, size_t from, size_t to)
{
    if (s->is_skipping || to - from > TAIL_LINE_MAX)
        turn->status->oversized++;
    else
        hand_on(s, turn, from, to, false);
    s->is_skipping = false;
}

/* `end` is where the carry begins now, `got` bytes after where it began before. */
static void remember_mark(struct tail_source *s, const char *end, size_t got)
{
    size_t keep = got < TAIL_MARK ? TAIL_MARK - got : 0;
    size_t fresh = got < TAIL_MARK ? got : TAIL_MARK;

    if (keep > s->mark_len)
        keep = s->mark_len;
    memmove(s->mark, s->mark + s->mark_len - keep, keep);
    memcpy(s->mark + keep, end - fresh, fresh);
    s->mark_len = keep + fresh;
}

/* Keeps what follows the last newline, unless it is already too long to ever be handed on. */
static void keep_rest(struct tail_source *s, size_t from)
{
    size_t rest;

    while (from < s->carry.text.len && s->carry.text.data[from] == '\0')
        from++;
    rest = s->carry.text.len - from;
    if (rest > TAIL_LINE_MAX || s->is_skipping) {
        s->is_skipping = true;
        rest = 0;
    }
    remember_mark(s, s->carry.text.data + s->carry.text.len - rest, s->carry.text.len - rest);
    if (rest && from)
        memmove(s->carry.text.data, s->carry.text.data + from, rest);
    strbuf_cut(&s->carry.text, rest);
    s->carry.taken = 0;
    s->carry.searched = rest;
}

static void consume(struct tail_source *s, const struct tail_turn *turn)
{
    const char *line;
    size_t len;

    while (line_reader_next(&s->carry, &line, &len)) {
        size_t from = (size_t)(line - s->carry.text.data);

        finish_line(s, turn, from, from + len);
    }
    keep_rest(s, s->carry.taken);
}

/* Do these bytes stand before `end`? Returns 1 or 0, or -1 when it cannot be read now. */
static int stands_before(const struct tail_source *s, int64_t end, const char *bytes, size_t len)
{
    char now[TAIL_MARK];
    ssize_t n = pread(s->fd, now, len, end - (int64_t)len);

    if (n < 0)
        return -1;
    return n == (ssize_t)len && memcmp(now, bytes, len) == 0;
}

static int64_t line_start(const struct tail_source *s)
{
    return s->pos - (int64_t)s->carry.text.len;
}

/* As stands_before, of what was read last. */
static int has_mark_of(const struct tail_source *s, const struct tail_source *of)
{
    size_t len = of->carry.text.len < TAIL_MARK ? of->carry.text.len : TAIL_MARK;
    int has = stands_before(s, line_start(of), of->mark, of->mark_len);

    if (has <= 0 || len == 0)
        return has;
    return stands_before(s, of->pos, of->carry.text.data + of->carry.text.len - len, len);
}

bool tail_source_has_mark_of(const struct tail_source *s, const struct tail_source *of)
{
    return has_mark_of(s, of) > 0;
}

bool tail_source_is_truncated(const struct tail_source *s, int64_t *size)
{
    struct stat st;

    *size = -1;
    if (fstat(s->fd, &st) < 0)
        return false;
    *size = st.st_size;
    return st.st_size < s->pos || (st.st_size > s->pos && has_mark_of(s, s) == 0);
}

bool tail_source_mend(struct tail_source *s)
{
    if (s->carry.text.len == 0 || s->mark_len == 0 ||
        stands_before(s, line_start(s), s->mark, s->mark_len) <= 0)
        return false;
    s->pos = line_start(s);
    line_reader_reset(&s->carry);
    return true;
}

void tail_source_start_over(struct tail_source *s)
{
    s->pos = 0;
    s->mark_len = 0;
    s->is_skipping = false;
    line_reader_reset(&s->carry);
}

int tail_source_read(struct tail_source *s, struct tail_turn *turn)
{
    ssize_t n;

    s->is_at_end = false;
    while (turn->budget > 0 && clock_mono_ms(turn->clock) <= turn->until_ms) {
        strbuf_reserve(&s->carry.text, BLOCK);
        n = pread(s->fd, s->carry.text.data + s->carry.text.len, BLOCK, s->pos);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            s->is_at_end = n == 0;
            return (int)n;
        }
        s->carry.text.len += (size_t)n;
        s->pos += n;
        turn->budget -= n;
        consume(s, turn);
    }
    return 0;
}

void tail_source_finish(struct tail_source *s, const struct tail_turn *turn)
{
    if (s->carry.text.len)
        hand_on(s, turn, 0, s->carry.text.len, true);
}

bool tail_set_has(const struct tail_set *set, const struct stat *st)
{
    for (int i = 0; i < set->count; i++)
        if (set->items[i]->dev == st->st_dev && set->items[i]->ino == st->st_ino)
            return true;
    return false;
}

/* ---- the files that are followed ---- */

struct tail *tail_new(const char *path)
{
    struct tail *t = mem_alloc(sizeof(*t));

    t->path = mem_strdup(path);
    t->next_look_ms = INT64_MIN;
    t->status.behind_since_ms = t->status.unfinished_since_ms = t->status.rotated_ms = -1;
    t->status.missed_since_ms = -1;
    return t;
}

void tail_free(struct tail *t)
{
    if (!t)
        return;
    for (int i = 0; i < t->files.count; i++)
        tail_source_free(t->files.items[i]);
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

/* ---- which files ---- */

static struct tail_source *newest(const struct tail *t)
{
    return t->files.count ? t->files.items[t->files.count - 1] : NULL;
}

/* One place stays free for the copy of a truncated file. */
static bool is_full(const struct tail *t)
{
    return t->files.count >= TAIL_SET_MAX - 1;
}

static void insert(struct tail *t, int at, struct tail_source *s)
{
    for (int i = t->files.count++; i > at; i--)
        t->files.items[i] = t->files.items[i - 1];
    t->files.items[at] = s;
    s->number = t->next_number++;
}

static void drop(struct tail *t, int at)
{
    tail_source_free(t->files.items[at]);
    t->files.count--;
    for (int i = at; i < t->files.count; i++)
        t->files.items[i] = t->files.items[i + 1];
}

static void push(struct tail *t, struct tail_source *s, int64_t now)
{
    if (newest(t))
        newest(t)->retire_ms = now + DRAIN_MS;
    insert(t, t->files.count, s);
}

/* Those that came before `fresh`, which may have been renamed too since it was opened. */
static void push_missed(struct tail *t, const struct tail_source *fresh, int64_t now)
{
    struct tail_source *missed;

    while (!is_full(t) && (missed = rotation_missed(t->path, &t->files)) != NULL) {
        if (missed->dev == fresh->dev && missed->ino == fresh->ino) {
            tail_source_free(missed);
            return;
        }
        push(t, missed, now);
        t->status.rotations++;
    }
}

static void note_trouble(struct tail *t, int error)
{
    t->look_error = error == ENOENT || error == ENOTDIR ? 0 : error;
    if (t->files.count == 0)
        t->status.state = t->look_error ? READER_FAILED : READER_WAITING;
}

/* Is the path still the file that we read? Returns true when there is a new one. */
static bool look_at_path(struct tail *t, int64_t now)
{
    struct stat st;
    struct tail_source *fresh;

    t->next_look_ms = now + LOOK_EVERY_MS;
    if (stat(t->path, &st) < 0) {
        note_trouble(t, errno);
        return false;
    }
    if (tail_set_has(&t->files, &st) || is_full(t)) {
        t->look_error = 0;
        return false;
    }
    fresh = tail_source_open(t->path);
    if (!fresh) {
        note_trouble(t, errno);
        return false;
    }
    if (newest(t)) {
        push_missed(t, fresh, now);
        if (is_full(t)) { /* more may be missed: first things first */
            tail_source_free(fresh);
            return true;
        }
        t->status.rotations++;
        t->status.rotated_ms = now;
    }
    push(t, fresh, now);
    t->status.state = READER_OPEN;
    t->look_error = 0;
    return true;
}

/* A writer that holds no file is gone, unless it has just opened one that is not known yet: then
 * the next look finds it. */
static void look_at_writer(struct tail *t, int64_t now)
{
    struct tail_status *st = &t->status;
    bool is_held = false;
    bool was_held = false;

    for (int i = 0; i < t->files.count; i++) {
        struct tail_source *s = t->files.items[i];

        was_held |= s->was_held;
        if (journal_lock_is_held(s->fd) == 1)
            is_held = s->was_held = true;
    }
    if (is_held || (!was_held && st->writer == WRITER_THERE)) { /* or given up while held */
        st->writer = is_held ? WRITER_THERE : WRITER_UNKNOWN;
        st->missed_since_ms = -1;
    } else if (was_held && st->missed_since_ms < 0) {
        st->missed_since_ms = now;
    } else if (was_held) {
        st->writer = WRITER_GONE;
    }
}

/* The old files are read to their ends and nobody wrote to them for a while: close them. */
static void retire(struct tail *t, int64_t now, const struct tail_turn *turn)
{
    while (t->files.count > 1 && t->files.items[0]->is_at_end &&
           t->files.items[0]->retire_ms <= now) {
        tail_source_finish(t->files.items[0], turn);
        drop(t, 0);
    }
}

static void update_status(struct tail *t, int64_t now)
{
    struct tail_status *st = &t->status;
    struct stat file;

    st->error = t->read_error ? t->read_error : t->look_error;
    st->behind = 0;
    st->unfinished = 0;
    for (int i = 0; i < t->files.count; i++) {
        struct tail_source *s = t->files.items[i];

        if (fstat(s->fd, &file) == 0) {
            st->size = file.st_size;
            if (file.st_size > s->pos)
                st->behind += file.st_size - s->pos;
        }
        st->unfinished += (int64_t)s->carry.text.len;
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
static void reopen(const struct tail *t, struct tail_source *s)
{
    struct tail_source *again = tail_source_open(t->path);

    if (again && again->dev == s->dev && again->ino == s->ino) {
        int fd = s->fd;

        s->fd = again->fd;
        again->fd = fd;
    }
    tail_source_free(again);
}

/* A truncated file begins anew. What was not yet read of it stands in the copy that was taken
 * before, if there is one: that is read first. */
static void begin_anew(struct tail *t, int i, int64_t now)
{
    struct tail_source *s = t->files.items[i];
    struct tail_source *copy =
        t->files.count < TAIL_SET_MAX ? rotation_copy(t->path, &t->files, s) : NULL;

    t->status.truncations++;
    tail_source_start_over(s);
    if (!copy)
        return;
    insert(t, i, copy);
    copy->retire_ms = now; /* nobody writes to a copy */
}

/* Returns 0, or -1 with errno. */
static int read_one(struct tail *t, int i, int64_t now, struct tail_turn *turn)
{
    struct tail_source *s = t->files.items[i];
    int64_t size;

    if (tail_source_is_truncated(s, &size) && !tail_source_mend(s)) {
        begin_anew(t, i, now);
        s = t->files.items[i];
    } else if (size == s->pos) {
        s->is_at_end = true;
        return 0;
    }
    return tail_source_read(s, turn);
}

/* What cannot be read is tried again, so that no line is read twice or left out, until another file
 * has had its name for a while. */
static void suffer(struct tail *t, int i, int error, int64_t now, const struct tail_turn *turn)
{
    struct tail_source *s = t->files.items[i];

    t->read_error = error;
    reopen(t, s);
    if (s->retire_ms == 0 || now < s->retire_ms)
        return;
    tail_source_finish(s, turn);
    drop(t, i);
}

/* Returns true when all files were read to their ends, or as far as they can be. */
static bool read_all(struct tail *t, int64_t now, struct tail_turn *turn)
{
    t->read_error = 0;
    for (int i = 0; i < t->files.count; i++) {
        if (read_one(t, i, now, turn) < 0) {
            suffer(t, i, errno, now, turn);
            return true;
        }
        if (!t->files.items[i]->is_at_end)
            return false;
    }
    return true;
}

int tail_open_first(struct tail *t, const struct clock *clock)
{
    if (t->files.count == 0)
        look_at_path(t, clock_mono_ms(clock));
    t->next_look_ms = 0; /* a single poll has to see the writer's lock */
    return t->files.count ? fcntl(newest(t)->fd, F_DUPFD_CLOEXEC, 0) : -1;
}

void tail_skip_to(struct tail *t, int64_t offset)
{
    tail_source_begin_at(newest(t), offset);
}

int tail_poll(struct tail *t, const struct clock *clock, const struct tail_sink *sink)
{
    int64_t now = clock_mono_ms(clock);
    uint64_t lines = t->status.lines;
    struct tail_turn turn = {.clock = clock,
                             .until_ms = now + TURN_MS,
                             .budget = TURN_BYTES,
                             .sink = sink,
                             .status = &t->status};
    bool done = read_all(t, now, &turn);

    if (t->status.lines != lines)
        t->status.unfinished_since_ms = -1;
    if (done && now >= t->next_look_ms) {
        done = !look_at_path(t, now);
        look_at_writer(t, now);
    }
    if (done)
        retire(t, now, &turn);
    update_status(t, now);
    return !done;
}

int tail_read_at(const struct tail *t, uint32_t number, int64_t offset, size_t len,
                 struct strbuf *out)
{
    for (int i = 0; i < t->files.count; i++) {
        ssize_t n;

        if (t->files.items[i]->number != number || len > TAIL_LINE_MAX)
            continue;
        strbuf_reserve(out, len);
        n = pread(t->files.items[i]->fd, out->data + out->len, len, offset);
        if (n != (ssize_t)len)
            return -1;
        out->len += len;
        out->data[out->len] = '\0';
        return 0;
    }
    return -1;
}
