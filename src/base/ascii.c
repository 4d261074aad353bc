#include "base/ascii.h"

#include <string.h>

char ascii_lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

bool ascii_equal(const char *a, const char *b, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (ascii_lower(a[i]) != ascii_lower(b[i]))
            return false;
    }
    return true;
}

bool ascii_contains(const char *text, const char *part)
{
    size_t len = strlen(part);
    size_t last = strlen(text);

    for (size_t i = 0; i + len <= last; i++) {
        if (ascii_equal(text + i, part, len))
            return true;
    }
    return false;
}
