#include "model/json_text.h"

#include <stdbool.h>
#include <string.h>

static bool is_space(char c)
{
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

/* The end of the string that begins at `p`: a quote behind an even number of backslashes. */
static const char *skip_string(const char *p, const char *end)
{
    for (;;) {
        const char *quote = memchr(p + 1, '"', (size_t)(end - p - 1));
        const char *b = quote;

        if (!quote)
            return end;
        while (b[-1] == '\\')
            b--;
        if ((quote - b) % 2 == 0)
            return quote + 1;
        p = quote;
    }
}

void json_text_minify(const char *bytes, size_t len, struct strbuf *out)
{
    const char *end = bytes + len;
    const char *run = bytes; /* what is before it has been copied or left out */
    const char *p = bytes;

    strbuf_reserve(out, len);
    while (p < end) {
        if (*p == '"') {
            p = skip_string(p, end);
        } else if (is_space(*p)) {
            strbuf_add(out, run, (size_t)(p - run));
            run = ++p;
        } else {
            p++;
        }
    }
    strbuf_add(out, run, (size_t)(end - run));
}
