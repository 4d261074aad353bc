#include "base/arena.h"

#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define ARENA_BLOCK_BYTES (size_t)16384

struct arena_block {
    struct arena_block *next;
    size_t used;
    size_t size;
    alignas(max_align_t) unsigned char bytes[];
};

static struct arena_block *block_new(size_t at_least)
{
    size_t size = at_least > ARENA_BLOCK_BYTES ? at_least : ARENA_BLOCK_BYTES;
    struct arena_block *b = mem_alloc(sizeof(*b) + size);

    b->size = size;
    return b;
}

void *arena_alloc(struct arena *a, size_t size)
{
    const size_t align = alignof(max_align_t);
    size_t need = (size + align - 1) / align * align;
    struct arena_block *b = a->current;
    void *p;

    if (!b || b->size - b->used < need) {
        b = block_new(need);
        if (a->current)
            a->current->next = b;
        else
            a->first = b;
        a->current = b;
    }
    p = b->bytes + b->used;
    b->used += need;
    return p;
}

char *arena_strndup(struct arena *a, const char *bytes, size_t len)
{
    char *p = arena_alloc(a, len + 1);

    if (len)
        memcpy(p, bytes, len);
    p[len] = '\0';
    return p;
}

static void free_blocks(struct arena_block *b)
{
    while (b) {
        struct arena_block *next = b->next;

        free(b);
        b = next;
    }
}

void arena_reset(struct arena *a)
{
    if (!a->first)
        return;
    free_blocks(a->first->next);
    a->first->next = NULL;
    a->first->used = 0;
    a->current = a->first;
}

void arena_release(struct arena *a)
{
    free_blocks(a->first);
    *a = (struct arena){0};
}
