#include "io/history.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/line_reader.h"
#include "base/mem.h"

#define SMALL    ((int64_t)4 << 20) /* read at once anyway */
#define BLOCK    ((size_t)256 << 10)
#define PROBE    ((size_t)64 << 10)
#define SLICE_MS 20

struct history {
    int fd;
    int64_t end;
    int64_t pos; /* bytes read, the carry included */
    struct line_reader carry;
    int is_skipping; /* within a line longer than TAIL_LINE_MAX */
};

/* The first line that starts at or after `from`: its offset and its time. Returns 0, or -1 when
 * none starts within a probe. */
static int probe(int fd, int64_t from, char *block, history_time time_of, int64_t *start,
                 int64_t *time)
{
    ssize_t n = pread(fd, block, PROBE, from);
    const char *newline = n > 0 && from > 0 ? memchr(block, '\n', (size_t)n) : NULL;
    size_t at = 0;

    if (n <= 0 || (from > 0 && !newline))
        return -1;
    if (newline)
        at = (size_t)(newline - block) + 1;
    *start = from + (int64_t)at;
    *time = time_of(block + at, (size_t)n - at);
    return *time < 0 ? -1 : 0;
}

/* Halves the file until only a few lines before `since_ms` are left in front. Where a probe tells
 * nothing, the earlier half is kept: to read too much is harmless. */
static int64_t bisect(int fd, int64_t size, int64_t since_ms, history_time time_of)
{
    char *block = mem_alloc(PROBE);
    int64_t low = 0; /* the start of a line before `since_ms` */
    int64_t high = size;

    while (high - low > (int64_t)PROBE) {
        int64_t middle = low + (high - low) / 2;
        int64_t start;
        int64_t time;

        if (probe(fd, middle, block, time_of, &start, &time) < 0 || time >= since_ms ||
            start >= high)
            high = middle;
        else
            low = start;
    }
    free(block);
    return low;
}

/* The start of the `rows`-th line from the end; 0 when there are fewer. */
static int64_t back_by_rows(int fd, int64_t size, int rows)
{
    char *block = mem_alloc(BLOCK);
    int64_t from = size;
    int64_t found = 0;

    while (from > 0 && rows >= 0) {
        size_t len = from < (int64_t)BLOCK ? (size_t)from : BLOCK;

        from -= (int64_t)len;
        if (pread(fd, block, len, from) != (ssize_t)len)
            break;
        for (size_t i = len; i > 0 && rows >= 0; i--) {
            if (block[i - 1] == '\n' && --rows < 0)
                found = from + (int64_t)i;
        }
    }
    free(block);
    return found;
}

struct history *history_open(int fd, int64_t since_ms, int rows, history_time time_of)
{
    struct history *h;
    struct stat st;
    int64_t by_time;
    int64_t by_rows;

    if (fstat(fd, &st) < 0) {
        close(fd);
        return NULL;
    }
    h = mem_alloc(sizeof(*h));
    h->fd = fd;
    if (st.st_size <= SMALL)
        return h;
    by_time = bisect(fd, st.st_size, since_ms, time_of);
    by_rows = back_by_rows(fd, st.st_size, rows);
    h->end = by_time < by_rows ? by_time : by_rows;
    return h;
}

void history_free(struct history *h)
{
    if (!h)
        return;
    close(h->fd);
    line_reader_release(&h->carry);
    free(h);
}

int64_t history_end(const struct history *h)
{
    return h->end;
}

int64_t history_position(const struct history *h)
{
    return h->pos - (int64_t)h->carry.text.len;
}

static void consume(struct history *h, const struct tail_sink *sink)
{
    int64_t begin = history_position(h);
    struct tail_line line = {0};

    while (line_reader_next(&h->carry, &line.text, &line.len)) {
        line.offset = begin + (line.text - h->carry.text.data);
        if (line.len && !h->is_skipping)
            sink->line(sink->self, &line);
        h->is_skipping = 0;
    }
    if (h->carry.text.len - h->carry.taken > TAIL_LINE_MAX) {
        h->is_skipping = 1;
        h->carry.taken = h->carry.text.len;
    }
    line_reader_drop(&h->carry);
}

int history_poll(struct history *h, const struct clock *clock, const struct tail_sink *sink)
{
    int64_t until = clock_mono_ms(clock) + SLICE_MS;

    while (h->pos < h->end && clock_mono_ms(clock) <= until) {
        int64_t left = h->end - h->pos;
        size_t len = left < (int64_t)BLOCK ? (size_t)left : BLOCK;
        ssize_t n;

        strbuf_reserve(&h->carry.text, len);
        n = pread(h->fd, h->carry.text.data + h->carry.text.len, len, h->pos);
        if (n <= 0) { /* cut off meanwhile: there is no more history */
            h->end = h->pos;
            break;
        }
        h->carry.text.len += (size_t)n;
        h->pos += n;
        consume(h, sink);
    }
    return h->pos < h->end;
}
