#ifndef CONFIG_SUGGEST_H
#define CONFIG_SUGGEST_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

/* "Did you mean": the nearest of the known words, found by showing them one by one.
 *
 *     struct suggestion s = {.asked = "--cuont"};
 *     suggest_consider(&s, "--count", 7);
 *
 * All texts are borrowed. */
struct suggestion {
    const char *asked;
    const char *word; /* the nearest so far, `word_len` bytes; NULL when there is none */
    size_t word_len;
    size_t distance;
};

/* Compares by edit distance (insert, delete, replace, swap two neighbours), letters without their
 * case; the first of equals stays. */
void suggest_consider(struct suggestion *s, const char *known, size_t len);

/* True when a slip of the finger explains the difference. */
bool suggest_is_near(const struct suggestion *s);

/* Fills `e` with "<what> (did you mean <prefix><word>?)", or for a far word "(the nearest known is
 * <prefix><word>)". Returns -1. */
int suggest_refuse(const struct suggestion *s, const char *what, const char *prefix, struct err *e);

#endif
