#include "order_file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/line_reader.h"
#include "base/mem.h"
#include "model/order_json.h"

#define READ_BYTES ((size_t)1 << 16)

struct order_file {
    const char *path;
    int fd;
    size_t max_line_bytes;
    struct line_reader lines;
    struct order_file_counts counts;
    bool is_at_end;
    struct arena arena;
};

/* Reads more behind what waits. Returns 1, 0 when nothing can be read now, -1 on errors. */
static int read_more(struct order_file *f, struct err *e)
{
    struct pollfd p = {.fd = f->fd, .events = POLLIN};
    struct strbuf *text = &f->lines.text;
    ssize_t n;

    if (poll(&p, 1, 0) == 0)
        return 0;
    line_reader_drop(&f->lines);
    strbuf_reserve(text, READ_BYTES);
    n = read(f->fd, text->data + text->len, READ_BYTES);
    if (n < 0)
        return errno == EINTR || errno == EAGAIN
                   ? 0
                   : err_set(e, ERR_RUNTIME, "%s: %s", f->path, strerror(errno));
    f->is_at_end = n == 0;
    text->len += (size_t)n;
    return 1;
}

/* Finds the next line. Returns 1 and its bytes without the newline, 0 when it is not whole yet, -1.
 */
static int next_line(struct order_file *f, const char **line, size_t *len, struct err *e)
{
    bool is_whole = line_reader_next(&f->lines, line, len);

    if (!is_whole) {
        *len = f->lines.text.len - f->lines.taken;
        *line = strbuf_text(&f->lines.text) + f->lines.taken;
    }
    if (*len > f->max_line_bytes)
        return err_set(e, ERR_RUNTIME, "%s: line %" PRId64 " is longer than %zu bytes", f->path,
                       f->counts.lines + 1, f->max_line_bytes);
    if (!is_whole && !(f->is_at_end && *len > 0))
        return 0;
    if (!is_whole)
        f->lines.taken = f->lines.text.len;
    f->counts.lines++;
    return 1;
}

/* Windows tools write one at the start of a file; it is no part of the first order. */
static void drop_mark(const char **line, size_t *len)
{
    static const char mark[] = "\xef\xbb\xbf";
    size_t mark_len = sizeof(mark) - 1;

    if (*len < mark_len || memcmp(*line, mark, mark_len) != 0)
        return;
    *line += mark_len;
    *len -= mark_len;
}

/* By its byte order mark, or by the zero byte beside the first letter. */
static bool is_wide(const char *text, size_t len)
{
    return len >= 2 && (memcmp(text, "\xff\xfe", 2) == 0 || memcmp(text, "\xfe\xff", 2) == 0 ||
                        (text[0] == '\0') != (text[1] == '\0'));
}

static bool is_blank(const char *line, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (line[i] != ' ' && line[i] != '\t' && line[i] != '\r')
            return false;
    return true;
}

/* The next line that is not blank, as next_line. */
static int next_item(struct order_file *f, const char **line, size_t *len, struct err *e)
{
    int rc;

    do {
        rc = next_line(f, line, len, e);
        if (rc <= 0)
            return rc;
        if (f->counts.lines == 1 && is_wide(*line, *len))
            return err_set(e, ERR_RUNTIME,
                           "%s: UTF-16 or UTF-32, orders are UTF-8: convert it, as with iconv -f "
                           "UTF-16 -t UTF-8",
                           f->path);
        if (f->counts.lines == 1)
            drop_mark(line, len);
    } while (is_blank(*line, *len));
    return rc;
}

static void note_no_order(struct order_file *f, const char *why)
{
    f->counts.not_orders++;
    if (f->counts.first_not_order)
        return;
    f->counts.first_not_order = f->counts.lines;
    snprintf(f->counts.why, sizeof(f->counts.why), "%s", why);
}

/* The key is the order's id, as for generated orders; a line that is no order goes without. */
static void fill_item(struct order_file *f, const char *line, size_t len, int64_t wall_ms,
                      struct produce_item *item)
{
    struct order o;
    char why[128];

    *item = (struct produce_item){.value = line,
                                  .value_len = len,
                                  .timestamp_ms = wall_ms,
                                  .position = (uint64_t)f->counts.lines};
    f->counts.items++;
    arena_reset(&f->arena);
    if (!order_decode(line, len, &f->arena, &o, why, sizeof(why))) {
        note_no_order(f, why);
        return;
    }
    if (o.order_id) {
        item->key = o.order_id;
        item->key_len = strlen(o.order_id);
    } else {
        note_no_order(f, "order_id is missing");
    }
    item->correlation_id = o.metadata.correlation_id;
    if (o.metadata.timestamp_ms >= 0)
        item->timestamp_ms = o.metadata.timestamp_ms;
}

static enum produce_next next(void *self, int64_t wall_ms, struct produce_item *item, struct err *e)
{
    struct order_file *f = self;
    const char *line;
    size_t len;

    for (;;) {
        int rc = next_item(f, &line, &len, e);

        if (rc < 0)
            return PRODUCE_FAILED;
        if (rc > 0) {
            fill_item(f, line, len, wall_ms, item);
            return PRODUCE_ITEM;
        }
        if (f->is_at_end)
            return PRODUCE_END;
        rc = read_more(f, e);
        if (rc <= 0)
            return rc < 0 ? PRODUCE_FAILED : PRODUCE_NOTHING_YET;
    }
}

/* A named pipe is not waited for here, where no signal would end it: read_more asks before it
 * reads. */
static int open_input(const char *path)
{
    return open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
}

struct order_file *order_file_open(const char *path, size_t max_line_bytes, struct err *e)
{
    int fd = strcmp(path, "-") == 0 ? dup(STDIN_FILENO) : open_input(path);
    struct order_file *f;

    if (fd < 0) {
        err_set(e, ERR_USAGE, "%s: %s", path, strerror(errno));
        return NULL;
    }
    f = mem_alloc(sizeof(*f));
    *f = (struct order_file){.path = path, .fd = fd, .max_line_bytes = max_line_bytes};
    strbuf_reserve(&f->lines.text, READ_BYTES);
    return f;
}

struct produce_input order_file_input(struct order_file *f)
{
    return (struct produce_input){.self = f, .next = next};
}

const struct order_file_counts *order_file_counts(const struct order_file *f)
{
    return &f->counts;
}

void order_file_close(struct order_file *f)
{
    if (!f)
        return;
    close(f->fd);
    line_reader_release(&f->lines);
    arena_release(&f->arena);
    free(f);
}
