#ifndef VIEW_RING_H
#define VIEW_RING_H

#include <stddef.h>
#include <stdint.h>

/* The last rows of a list, of any type that begins with a struct ring_row. While a ring is held its
 * rows stay, and what comes goes to a second array of the same size. */

struct ring_row {
    uint64_t number;   /* counts from 1; never given twice */
    uint64_t sequence; /* the same over all parts of a whole */
    int64_t at_ms;
};

struct ring {
    void *rows;
    void *fresh; /* rows that came while it was held; NULL while it is not */
    size_t row_size;
    size_t kept;
    uint64_t total;  /* also the newest row's number */
    uint64_t anchor; /* of the list that holds it; 0: nothing is held */
    uint64_t newest; /* number of the newest row that is held; later ones go to `fresh` */
};

/* At least one row is kept. */
void ring_init(struct ring *r, size_t kept, size_t row_size);
void ring_release(struct ring *r);

/* The row with this number, or NULL when it was forgotten or is not there yet. */
const void *ring_at(const struct ring *r, uint64_t number);

/* The place for the next row: its number is given, and also its sequence, by `whole` if that is not
 * NULL; all else is from an earlier row. */
void *ring_add(struct ring *r, struct ring *whole);

/* Holds the rows that there are, for a list at `anchor`; 0 lets them go. */
void ring_hold(struct ring *r, uint64_t anchor);

/* The number of the newest row with a sequence of at most `anchor`; 0: of the newest there is. */
uint64_t ring_first(const struct ring *r, uint64_t anchor);

#endif
