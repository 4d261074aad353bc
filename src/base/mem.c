#include "base/mem.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void mem_die(void)
{
    fputs("out of memory\n", stderr);
    abort();
}

void *mem_alloc(size_t size)
{
    return mem_alloc_array(1, size);
}

void *mem_alloc_array(size_t count, size_t size)
{
    void *p = calloc(count ? count : 1, size ? size : 1);

    if (!p)
        mem_die();
    return p;
}

void *mem_realloc_array(void *ptr, size_t count, size_t size)
{
    void *p;

    if (size && count > SIZE_MAX / size)
        mem_die();
    p = realloc(ptr, count && size ? count * size : 1);
    if (!p)
        mem_die();
    return p;
}

char *mem_strdup(const char *text)
{
    return mem_strndup(text, strlen(text));
}

char *mem_strndup(const char *bytes, size_t len)
{
    char *p = mem_alloc(len + 1);

    if (len)
        memcpy(p, bytes, len);
    return p;
}
