#ifndef CONFIG_SUGGEST_H
#define CONFIG_SUGGEST_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

/* "Did you mean": the nearest of the known words. */
struct suggestion {
    const char *word; /* one of `known`, NULL when there is none */
    bool is_near;     /* so near that a slip of the finger explains it */
};

/* Compares by edit distance (insert, delete, replace, swap two neighbours), letters without their
 * case; the first of equals wins. */
struct suggestion suggest_nearest(const char *word, const char *const *known, size_t count);

/* Fills `e` with "<what> (did you mean <prefix><word>?)", or for a far word "(the nearest known is
 * <prefix><word>)". Returns -1. */
int suggest_refuse(struct suggestion s, const char *what, const char *prefix, struct err *e);

#endif
