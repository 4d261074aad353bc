#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include <stddef.h>

/* Memory that is taken piece by piece and given back all at once. A zeroed struct is an empty
 * arena. */
struct arena {
    struct arena_block *first;
    struct arena_block *current;
};

/* `size` bytes aligned for any type, not zeroed; never NULL. Valid until reset or release. */
void *arena_alloc(struct arena *a, size_t size);

/* A copy of `len` bytes with a NUL after them, in the arena. */
char *arena_strndup(struct arena *a, const char *bytes, size_t len);

/* Empties the arena and keeps its first block for the next use. */
void arena_reset(struct arena *a);

/* Frees all memory; the arena is empty and usable again. */
void arena_release(struct arena *a);

#endif
