#include "config/settings_text.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"

enum {
    FILE_LARGEST = 1024 * 1024,
    PATH_SHOWN = 300, /* the end of a longer path is shown */
};

static void add_shown_path(struct strbuf *out, const char *path)
{
    size_t len = strlen(path);

    if (len > PATH_SHOWN) {
        strbuf_adds(out, "...");
        path += len - PATH_SHOWN;
        len = PATH_SHOWN;
    }
    for (size_t at = 0; at < len;) {
        uint32_t code = 0;
        size_t n = utf8_decode(path + at, len - at, &code);

        if (n == 0 || code < 0x20 || (code >= 0x7f && code < 0xa0))
            strbuf_addc(out, '?');
        else
            strbuf_add(out, path + at, n);
        at += n ? n : 1;
    }
}

static int read_all(struct settings_text *s, const char *path, struct err *e)
{
    FILE *f = fopen(path, "re");
    char block[16384];
    size_t n;
    int rc = -1;

    if (!f)
        return err_set(e, ERR_USAGE, "%s: %s", strbuf_text(&s->path), strerror(errno));
    while ((n = fread(block, 1, sizeof(block), f)) > 0) {
        strbuf_add(&s->text, block, n);
        if (s->text.len > FILE_LARGEST) {
            err_set(e, ERR_USAGE, "%s: larger than %d bytes, too large for settings",
                    strbuf_text(&s->path), FILE_LARGEST);
            goto out;
        }
    }
    if (ferror(f)) {
        err_set(e, ERR_USAGE, "%s: %s", strbuf_text(&s->path), strerror(errno));
        goto out;
    }
    rc = 0;
out:
    fclose(f);
    return rc;
}

/* The parser would find these too, but without a line. */
static int check_bytes(const struct settings_text *s, struct err *e)
{
    size_t bad_at = 0;

    if (!utf8_valid(strbuf_text(&s->text), s->text.len, &bad_at)) {
        err_set(e, ERR_USAGE, "not valid UTF-8");
        return settings_text_wrap(s, settings_text_line_at(s, bad_at), e);
    }
    for (size_t i = 0; i < s->text.len; i++) {
        unsigned char c = (unsigned char)s->text.data[i];

        if ((c < 0x20 && c != '\t' && c != '\n' && c != '\r') || c == 0x7f) {
            err_set(e, ERR_USAGE, "a control character (byte 0x%02x) is not allowed here", c);
            return settings_text_wrap(s, settings_text_line_at(s, i), e);
        }
    }
    return 0;
}

int settings_text_read(struct settings_text *s, const char *path, struct err *e)
{
    *s = (struct settings_text){0};
    add_shown_path(&s->path, path);
    if (read_all(s, path, e) < 0)
        return -1;
    return check_bytes(s, e);
}

void settings_text_release(struct settings_text *s)
{
    strbuf_release(&s->path);
    strbuf_release(&s->text);
}

size_t settings_text_line_at(const struct settings_text *s, size_t offset)
{
    const char *text = strbuf_text(&s->text);
    size_t line = 1;

    for (size_t i = 0; i < offset && i < s->text.len; i++)
        line += text[i] == '\n';
    return line;
}

int settings_text_wrap(const struct settings_text *s, size_t line, struct err *e)
{
    return err_wrap(e, "%s:%zu", strbuf_text(&s->path), line);
}

void settings_text_add_place(const struct settings_text *s, size_t line, struct strbuf *out)
{
    strbuf_addf(out, "%s:%zu", strbuf_text(&s->path), line);
}

bool settings_text_is_indented_by_tab(const struct settings_text *s, size_t line)
{
    const char *text = strbuf_text(&s->text);

    for (; line > 1; line--) {
        text = strchr(text, '\n');
        if (!text)
            return false;
        text++;
    }
    return text[strspn(text, " ")] == '\t';
}
