#include "io/order_file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/mem.h"
#include "model/order_json.h"

#define READ_BYTES ((size_t)1 << 16)

struct order_file {
    const char *path;
    int fd;
    size_t max_line_bytes;
    struct strbuf buffer;
    size_t consumed; /* bytes of `buffer` that were handed out */
    int64_t line;
    bool is_at_end;
    struct arena arena;
};

/* Reads more behind what waits. Returns 1, 0 when nothing can be read now, -1 on errors. */
static int read_more(struct order_file *f, struct err *e)
{
    struct pollfd p = {.fd = f->fd, .events = POLLIN};
    ssize_t n;

    if (poll(&p, 1, 0) == 0)
        return 0;
    memmove(f->buffer.data, f->buffer.data + f->consumed, f->buffer.len - f->consumed);
    strbuf_cut(&f->buffer, f->buffer.len - f->consumed);
    f->consumed = 0;
    strbuf_reserve(&f->buffer, READ_BYTES);
    n = read(f->fd, f->buffer.data + f->buffer.len, READ_BYTES);
    if (n < 0)
        return errno == EINTR || errno == EAGAIN
                   ? 0
                   : err_set(e, ERR_RUNTIME, "%s: %s", f->path, strerror(errno));
    f->is_at_end = n == 0;
    f->buffer.len += (size_t)n;
    return 1;
}

/* Finds the next line. Returns 1 and its bytes without the newline, 0 when it is not whole yet, -1.
 */
static int next_line(struct order_file *f, const char **line, size_t *len, struct err *e)
{
    const char *begin = f->buffer.data + f->consumed;
    size_t waiting = f->buffer.len - f->consumed;
    const char *newline = waiting ? memchr(begin, '\n', waiting) : NULL;

    *line = begin;
    *len = newline ? (size_t)(newline - begin) : waiting;
    if (*len > f->max_line_bytes)
        return err_set(e, ERR_RUNTIME, "%s: line %" PRId64 " is longer than %zu bytes", f->path,
                       f->line + 1, f->max_line_bytes);
    if (!newline && !(f->is_at_end && waiting > 0))
        return 0;
    f->consumed += *len + (newline != NULL);
    f->line++;
    return 1;
}

/* The key is the order's id, as for generated orders; a line that is no order goes without. */
static void fill_item(struct order_file *f, const char *line, size_t len, int64_t wall_ms,
                      struct produce_item *item)
{
    struct order o;
    char why[128];

    *item = (struct produce_item){.value = line, .value_len = len, .timestamp_ms = wall_ms};
    arena_reset(&f->arena);
    if (!order_decode(line, len, &f->arena, &o, why, sizeof(why)))
        return;
    item->key = o.order_id;
    item->key_len = o.order_id ? strlen(o.order_id) : 0;
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
        int rc = next_line(f, &line, &len, e);

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
    strbuf_reserve(&f->buffer, READ_BYTES);
    return f;
}

struct produce_input order_file_input(struct order_file *f)
{
    return (struct produce_input){.self = f, .next = next};
}

void order_file_close(struct order_file *f)
{
    if (!f)
        return;
    close(f->fd);
    strbuf_release(&f->buffer);
    arena_release(&f->arena);
    free(f);
}
