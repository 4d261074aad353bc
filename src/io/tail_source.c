#include "io/tail_source.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"

#define BLOCK ((size_t)256 << 10)

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
    strbuf_release(&s->carry);
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

    while (from < s->carry.len && s->carry.data[from] == '\0')
        from++;
    rest = s->carry.len - from;
    if (rest > TAIL_LINE_MAX || s->is_skipping) {
        s->is_skipping = true;
        rest = 0;
    }
    remember_mark(s, s->carry.data + s->carry.len - rest, s->carry.len - rest);
    if (rest && from)
        memmove(s->carry.data, s->carry.data + from, rest);
    strbuf_cut(&s->carry, rest);
    s->searched = rest;
}

static void consume(struct tail_source *s, const struct tail_turn *turn)
{
    size_t from = 0;
    size_t at = s->searched;
    const char *newline;

    while ((newline = memchr(s->carry.data + at, '\n', s->carry.len - at)) != NULL) {
        at = (size_t)(newline - s->carry.data);
        finish_line(s, turn, from, at);
        from = ++at;
    }
    keep_rest(s, from);
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
    return s->pos - (int64_t)s->carry.len;
}

/* As stands_before, of what was read last. */
static int has_mark_of(const struct tail_source *s, const struct tail_source *of)
{
    size_t len = of->carry.len < TAIL_MARK ? of->carry.len : TAIL_MARK;
    int has = stands_before(s, line_start(of), of->mark, of->mark_len);

    if (has <= 0 || len == 0)
        return has;
    return stands_before(s, of->pos, of->carry.data + of->carry.len - len, len);
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
    if (s->carry.len == 0 || s->mark_len == 0 ||
        stands_before(s, line_start(s), s->mark, s->mark_len) <= 0)
        return false;
    s->pos = line_start(s);
    s->searched = 0;
    strbuf_reset(&s->carry);
    return true;
}

void tail_source_start_over(struct tail_source *s)
{
    s->pos = 0;
    s->mark_len = 0;
    s->searched = 0;
    s->is_skipping = false;
    strbuf_reset(&s->carry);
}

int tail_source_read(struct tail_source *s, struct tail_turn *turn)
{
    ssize_t n;

    s->is_at_end = false;
    while (turn->budget > 0 && clock_mono_ms(turn->clock) <= turn->until_ms) {
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
        turn->budget -= n;
        consume(s, turn);
    }
    return 0;
}

void tail_source_finish(struct tail_source *s, const struct tail_turn *turn)
{
    if (s->carry.len)
        hand_on(s, turn, 0, s->carry.len, true);
}
