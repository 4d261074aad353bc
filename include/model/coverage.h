#ifndef MODEL_COVERAGE_H
#define MODEL_COVERAGE_H

#include <stdbool.h>
#include <stdint.h>

/* Which offsets of one partition were told, by several journals all together and in whatever order
 * they are read: a range that one journal jumps over is no gap when another tells it, or says that
 * it holds no record. A zeroed
 * struct has seen nothing. Offsets are not negative. */

#define COVERAGE_HOLES 256

/* Offsets [from, to) that no journal told so far. */
struct coverage_hole {
    int64_t from, to;
    int64_t at_ms; /* time of the line that jumped over them */
};

struct coverage {
    bool has_any;
    int64_t first, highest;
    uint64_t forgotten; /* offsets in holes too many to be kept: they can no longer be filled */
    int count;
    struct coverage_hole holes[COVERAGE_HOLES]; /* ascending */
};

/* A line tells this offset, and that the `skipped` offsets right before it hold no record. */
void coverage_add(struct coverage *c, int64_t offset, int64_t skipped, int64_t at_ms);

/* A journal says that [from, to) can no longer be read. */
void coverage_skip(struct coverage *c, int64_t from, int64_t to, int64_t at_ms);

/* True when no journal told this offset, which lies between others that were told. */
bool coverage_is_missing(const struct coverage *c, int64_t offset);

/* How many offsets are missing in all, and how many in holes noticed since `since_ms`; `largest`
 * (may be NULL) gets the size of the largest of those. */
uint64_t coverage_missing(const struct coverage *c);
uint64_t coverage_missing_since(const struct coverage *c, int64_t since_ms, uint64_t *largest);

#endif
