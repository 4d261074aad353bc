#include "io/journal_rescue.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "model/journal_line.h"

/* Appends the bytes [from, to). */
static int read_range(int fd, int64_t from, int64_t to, struct strbuf *out)
{
    while (from < to) {
        size_t want = (size_t)(to - from);
        ssize_t n;

        strbuf_reserve(out, want);
        n = pread(fd, out->data + out->len, want, (off_t)from);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return (int)n;
        out->len += (size_t)n;
        from += n;
    }
    return 0;
}

/* Appends the end of a file of whole lines, from a line's beginning on; what is before `from`,
 * which is one, is not asked for. */
static int read_end(int fd, int64_t from, int64_t size, struct strbuf *out)
{
    bool is_cut = size - from > JOURNAL_RESCUE_MAX_BYTES;
    const char *newline;
    size_t drop;

    if (read_range(fd, is_cut ? size - JOURNAL_RESCUE_MAX_BYTES : from, size, out) < 0)
        return -1;
    newline = is_cut && out->len > 0 ? memchr(out->data, '\n', out->len) : NULL;
    if (newline) {
        drop = (size_t)(newline - out->data) + 1;
        memmove(out->data, out->data + drop, out->len - drop);
        strbuf_cut(out, out->len - drop);
    }
    return 0;
}

/* Takes the last line off the first `*len` bytes. Returns false when there is none. */
static bool take_last_line(const char *text, size_t *len, struct scan_value *line)
{
    const char *before;

    if (*len == 0)
        return false;
    before = *len > 1 ? memrchr(text, '\n', *len - 1) : NULL;
    line->text = before ? before + 1 : text;
    line->len = (size_t)(text + *len - 1 - line->text);
    *len = (size_t)(line->text - text);
    return true;
}

/* An editor may have changed the rest of it. */
static bool is_same(const struct journal_line *a, const struct journal_line *b)
{
    return a->kind == b->kind && a->partition == b->partition && a->offset == b->offset &&
           a->gap_from == b->gap_from && a->gap_to == b->gap_to && a->topic.len == b->topic.len &&
           (a->topic.len == 0 || memcmp(a->topic.text, b->topic.text, a->topic.len) == 0);
}

/* Where in `text` the lines after that one begin, or -1. */
static ssize_t find_after(const struct strbuf *text, const struct journal_line *wanted)
{
    struct scan_value span = {0};
    struct journal_line line;
    size_t len = text->len;
    size_t after;

    for (after = len; take_last_line(text->data, &len, &span); after = len)
        if (journal_line_parse(&line, span.text, span.len) == 0 && is_same(&line, wanted))
            return (ssize_t)after;
    return -1;
}

/* The last line that can be read. Returns false when there is none. */
static bool find_last(const struct strbuf *text, struct journal_line *line)
{
    struct scan_value span = {0};
    size_t len = text->len;

    while (take_last_line(text->data, &len, &span))
        if (journal_line_parse(line, span.text, span.len) == 0)
            return true;
    return false;
}

/* Appends what follows the last line of `fresh`, which is not empty, in `old`. Returns 1; 0 when
 * that line is not there, -1 with errno. */
static int add_after(int old, int64_t size, int fresh, int64_t fresh_size, struct strbuf *lines)
{
    struct strbuf text = {0};
    struct strbuf fresh_text = {0};
    struct journal_line last;
    ssize_t after = -1;
    int rc = -1;

    if (read_end(old, 0, size, &text) == 0 && read_end(fresh, 0, fresh_size, &fresh_text) == 0) {
        if (find_last(&fresh_text, &last))
            after = find_after(&text, &last);
        if (after >= 0)
            strbuf_add(lines, text.data + after, text.len - (size_t)after);
        rc = after >= 0;
    }
    strbuf_release(&text);
    strbuf_release(&fresh_text);
    return rc;
}

int journal_rescue(int old, int64_t named_size, int fresh, struct strbuf *lines, struct err *e)
{
    struct stat st;
    struct stat fresh_st;
    int rc = -1;

    if (fstat(old, &st) == 0 && fstat(fresh, &fresh_st) == 0) {
        rc = fresh_st.st_size ? add_after(old, st.st_size, fresh, fresh_st.st_size, lines) : 0;
        if (rc == 0) /* one that was cut since holds nothing but what came later */
            rc = read_end(old, named_size <= st.st_size ? named_size : 0, st.st_size, lines);
    }
    if (rc < 0)
        return err_set(e, ERR_RUNTIME, "reading the deleted file: %s", strerror(errno));
    return 0;
}
