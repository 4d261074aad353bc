#ifndef MODEL_ORDER_SUMS_H
#define MODEL_ORDER_SUMS_H

#include <stdint.h>

#include "model/scan.h"

/* What the orders of the last minute were worth, per currency, and what was ordered most.
 * Currencies and items beyond the places here are left out. Into the items of at most ORDER_SAMPLE
 * orders a second is looked, since that costs as much as all the rest of a line. A zeroed struct is
 * empty. Pure. */

#define ORDER_CURRENCIES   16
#define ORDER_ITEMS        128
#define ORDER_SAMPLE       100
#define ORDER_SUMS_SECONDS 64

struct order_currency {
    char name[8];
    struct {
        int64_t second;
        uint32_t orders;
        int64_t cents;
    } seconds[ORDER_SUMS_SECONDS];
};

struct order_item {
    char name[48];
    struct {
        int64_t second;
        uint64_t quantity;
    } seconds[ORDER_SUMS_SECONDS];
};

struct order_sample {
    int64_t second;
    uint32_t orders;
};

struct order_sums {
    struct order_sample samples[ORDER_SUMS_SECONDS];
    int currency_count;
    int item_count;
    struct order_currency currencies[ORDER_CURRENCIES];
    struct order_item items[ORDER_ITEMS];
};

/* Counts an order received at `at_ms`: what it cost, and what was ordered (an object). */
void order_sums_value(struct order_sums *s, int64_t at_ms, const char *currency, double total);
void order_sums_items(struct order_sums *s, int64_t at_ms, const struct scan_value *order);

struct order_report {
    int64_t orders; /* of a known currency */
    struct {
        const char *name;
        int64_t orders;
        int64_t cents;
    } currencies[ORDER_CURRENCIES]; /* those that occurred, most orders first */
    int currency_count;
    int64_t sampled;      /* orders into whose items was looked */
    uint64_t quantity;    /* of their items */
    const char *top_item; /* NULL if there is none */
    uint64_t top_quantity;
};

/* The sums over the last 60 complete seconds before `now_ms`. Names belong to `s`. */
void order_sums_report(const struct order_sums *s, int64_t now_ms, struct order_report *out);

#endif
