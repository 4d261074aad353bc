#include "base/strbuf.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

void strbuf_reserve(struct strbuf *sb, size_t extra)
{
    size_t need = sb->len + extra + 1;
    size_t cap = sb->cap ? sb->cap : 64;

    if (need <= sb->cap)
        return;
    while (cap < need)
        cap += cap / 2;
    sb->data = mem_realloc_array(sb->data, cap, 1);
    sb->cap = cap;
    sb->data[sb->len] = '\0';
}

void strbuf_add(struct strbuf *sb, const char *bytes, size_t len)
{
    strbuf_reserve(sb, len);
    if (len)
        memcpy(sb->data + sb->len, bytes, len);
    sb->len += len;
    sb->data[sb->len] = '\0';
}

void strbuf_adds(struct strbuf *sb, const char *text)
{
    strbuf_add(sb, text, strlen(text));
}

void strbuf_addc(struct strbuf *sb, char c)
{
    strbuf_add(sb, &c, 1);
}

void strbuf_addf(struct strbuf *sb, const char *fmt, ...)
{
    va_list ap;
    int n;

    va_start(ap, fmt);
    n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    assert(n >= 0);
    strbuf_reserve(sb, (size_t)n);
    va_start(ap, fmt);
    vsnprintf(sb->data + sb->len, (size_t)n + 1, fmt, ap);
    va_end(ap);
    sb->len += (size_t)n;
}

void strbuf_cut(struct strbuf *sb, size_t len)
{
    assert(len <= sb->len);
    sb->len = len;
    if (sb->data)
        sb->data[len] = '\0';
}

const char *strbuf_text(const struct strbuf *sb)
{
    return sb->data ? sb->data : "";
}

char *strbuf_take(struct strbuf *sb)
{
    char *data;

    strbuf_reserve(sb, 0);
    data = sb->data;
    *sb = (struct strbuf){0};
    return data;
}

void strbuf_reset(struct strbuf *sb)
{
    strbuf_cut(sb, 0);
}

void strbuf_release(struct strbuf *sb)
{
    free(sb->data);
    *sb = (struct strbuf){0};
}
