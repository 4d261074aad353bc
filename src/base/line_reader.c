#include "base/line_reader.h"

#include <string.h>

bool line_reader_next(struct line_reader *r, const char **line, size_t *len)
{
    size_t left = r->text.len - r->searched;
    const char *newline = left ? memchr(r->text.data + r->searched, '\n', left) : NULL;

    if (!newline) {
        r->searched = r->text.len;
        return false;
    }
    *line = r->text.data + r->taken;
    *len = (size_t)(newline - *line);
    r->taken = r->searched = (size_t)(newline - r->text.data) + 1;
    return true;
}

void line_reader_drop(struct line_reader *r)
{
    if (r->taken == 0)
        return;
    memmove(r->text.data, r->text.data + r->taken, r->text.len - r->taken);
    strbuf_cut(&r->text, r->text.len - r->taken);
    r->searched -= r->taken;
    r->taken = 0;
}

void line_reader_reset(struct line_reader *r)
{
    strbuf_reset(&r->text);
    r->taken = r->searched = 0;
}

void line_reader_release(struct line_reader *r)
{
    strbuf_release(&r->text);
    *r = (struct line_reader){0};
}
