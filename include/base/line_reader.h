#ifndef BASE_LINE_READER_H
#define BASE_LINE_READER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/strbuf.h"

/* Whole lines out of blocks: the caller appends bytes to `text`, takes the lines that are whole,
 * and drops them before the next block. Begin with `= {0}`. */
struct line_reader {
    struct strbuf text;
    size_t taken;    /* so many bytes were handed out as lines */
    size_t searched; /* behind those no newline is found before here: a line over many blocks is
                        searched once */
};

/* Takes the next whole line, without its newline: borrowed until `text` changes. Returns false when
 * there is none. */
bool line_reader_next(struct line_reader *r, const char **line, size_t *len);

/* Drops what was taken; the start of a line that is not whole yet remains. */
void line_reader_drop(struct line_reader *r);

/* Forgets all, keeps the memory. */
void line_reader_reset(struct line_reader *r);

void line_reader_release(struct line_reader *r);

#endif
