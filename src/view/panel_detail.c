#include <stdio.h>
#include <string.h>

#include "view/format.h"
#include "view/panel.h"

/* A line that is longer than the window goes on in the next rows, a little further in. */
#define CONTINUED 4

/* What of the line's rest goes into one row: its end, at least one character after `at`. */
static size_t end_of_row(const char *line, size_t len, size_t at, int room, bool ascii)
{
    int used = 0;
    struct glyph g;

    for (size_t next; at < len; at = next) {
        next = at + text_next(line + at, len - at, ascii, &g);
        if (used + g.width > room && used > 0)
            return at;
        used += g.width;
    }
    return len;
}

/* Puts the rows from `skip` on, or with no screen only counts them. Returns how many there are. */
static int put_rows(struct screen *s, struct rect r, const char *lines, int skip, bool ascii)
{
    int row = 0;

    for (const char *line = lines; *line; line += line[0] == '\n') {
        size_t len = strcspn(line, "\n");
        size_t at = 0;

        do {
            int indent = at ? CONTINUED : 0;
            int room = r.width > indent ? r.width - indent : 1;
            size_t end = end_of_row(line, len, at, room, ascii);
            int y = row++ - skip;

            if (s && y >= 0 && y < r.height)
                screen_put_bytes(s, r.x + indent, r.y + y, room, STYLE_TEXT, line + at, end - at);
            at = end;
        } while (at < len);
        line += len;
    }
    return row;
}

static struct rect text_area(struct rect r)
{
    return (struct rect){r.x + 2, r.y + 1, r.width - 4, r.height - 2};
}

int panel_detail_end(const struct ui *ui, struct rect r, bool ascii)
{
    int rows = put_rows(NULL, text_area(r), strbuf_text(&ui->detail), 0, ascii);

    return rows > r.height - 2 ? rows - (r.height - 2) : 0;
}

void panel_detail(struct screen *s, const struct view *v, struct rect r)
{
    struct rect area = text_area(r);
    const char *lines = strbuf_text(&v->ui->detail);
    int rows = put_rows(NULL, area, lines, 0, s->ascii);
    int end = rows > area.height ? rows - area.height : 0;
    int first = v->ui->detail_scroll < end ? v->ui->detail_scroll : end;
    int last = first + area.height < rows ? first + area.height : rows;
    char note[96] = "";

    if (rows > area.height)
        snprintf(note, sizeof(note), "%d-%d of %d", first + 1, last, rows);
    screen_box(s, r, "Detail", note);
    put_rows(s, area, lines, first, s->ascii);
}
