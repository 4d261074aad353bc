#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>

int err_set(struct err *e, enum err_kind kind, const char *fmt, ...)
{
    va_list ap;

    if (!e)
        return -1;
    e->kind = kind;
    va_start(ap, fmt);
    vsnprintf(e->text, sizeof(e->text), fmt, ap);
    va_end(ap);
    return -1;
}

int err_wrap(struct err *e, const char *fmt, ...)
{
    char prefix[512];
    char text[sizeof(e->text)];
    va_list ap;

    if (!e)
        return -1;
    va_start(ap, fmt);
    vsnprintf(prefix, sizeof(prefix), fmt, ap);
    va_end(ap);
    snprintf(text, sizeof(text), "%.500s: %.500s", prefix, e->text);
    snprintf(e->text, sizeof(e->text), "%s", text);
    return -1;
}

int err_exit_status(const struct err *e)
{
    return e->kind == ERR_USAGE ? 2 : 1;
}
