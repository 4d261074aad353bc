#ifndef BASE_STRBUF_H
#define BASE_STRBUF_H

#include <stddef.h>

/* A growing byte string. A zeroed struct is an empty one. `data` is NULL or ends in a NUL that
 * `len` does not count. Callers that append what a payload brings bound its size beforehand. */
struct strbuf {
    char *data;
    size_t len;
    size_t cap;
};

/* Makes room for `extra` more bytes, so that appending them does not move `data`. */
void strbuf_reserve(struct strbuf *sb, size_t extra);

void strbuf_add(struct strbuf *sb, const char *bytes, size_t len);
void strbuf_adds(struct strbuf *sb, const char *text);
void strbuf_addc(struct strbuf *sb, char c);
void strbuf_addf(struct strbuf *sb, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Cuts the string to `len` bytes, which must not be more than it has. */
void strbuf_cut(struct strbuf *sb, size_t len);

/* The text, "" when nothing was ever added; borrowed until the next change. */
const char *strbuf_text(const struct strbuf *sb);

/* Hands the bytes to the caller, who frees them; `sb` is empty afterwards. Never NULL. */
char *strbuf_take(struct strbuf *sb);

/* Empties the string and keeps its memory. */
void strbuf_reset(struct strbuf *sb);

/* Frees the memory; `sb` is empty and usable again. */
void strbuf_release(struct strbuf *sb);

#endif
