#include "view/ring.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

void ring_init(struct ring *r, size_t kept, size_t row_size)
{
    *r = (struct ring){.kept = kept ? kept : 1, .row_size = row_size};
    r->rows = mem_alloc_array(r->kept, row_size);
}

void ring_release(struct ring *r)
{
    free(r->rows);
    free(r->fresh);
    *r = (struct ring){0};
}

static struct ring_row *place_of(const struct ring *r, void *rows, uint64_t number)
{
    return (struct ring_row *)((char *)rows + number % r->kept * r->row_size);
}

static struct ring_row *row_at(const struct ring *r, uint64_t number)
{
    return place_of(r, r->anchor && number > r->newest ? r->fresh : r->rows, number);
}

const void *ring_at(const struct ring *r, uint64_t number)
{
    const struct ring_row *row = number ? row_at(r, number) : NULL;

    return row && row->number == number ? row : NULL;
}

void *ring_add(struct ring *r, struct ring *whole)
{
    uint64_t number = ++r->total;
    struct ring_row *row = row_at(r, number);

    row->number = number;
    row->sequence = whole ? ++whole->total : number;
    return row;
}

/* The first of the numbers that came while the ring was held and are still there. */
static uint64_t first_fresh(const struct ring *r)
{
    return r->total - r->newest > r->kept ? r->total - r->kept + 1 : r->newest + 1;
}

void ring_hold(struct ring *r, uint64_t anchor)
{
    if (anchor == r->anchor)
        return;
    for (uint64_t n = first_fresh(r); r->fresh && n <= r->total; n++)
        memcpy(place_of(r, r->rows, n), place_of(r, r->fresh, n), r->row_size);
    free(r->fresh);
    r->fresh = anchor ? mem_alloc_array(r->kept, r->row_size) : NULL;
    r->anchor = anchor;
    r->newest = r->total;
}

uint64_t ring_first(const struct ring *r, uint64_t anchor)
{
    uint64_t number = anchor && r->anchor ? r->newest : r->total;
    const struct ring_row *row;

    while (anchor && (row = ring_at(r, number)) && row->sequence > anchor)
        number--;
    return number;
}
