#ifndef PRODUCER_CATALOGUE_H
#define PRODUCER_CATALOGUE_H

#include <stddef.h>
#include <stdint.h>

/* What the shop of the generated orders knows: plain tables, all invented. Prices are in cents of
 * euros; a country's rate turns them into its money. */

#define CATALOGUE_LOYALTY_LEVELS 4

struct catalogue_country {
    const char *currency;
    int64_t rate;                  /* hundredths of its money for one euro */
    int64_t coin;                  /* its smallest one, in hundredths */
    int64_t tax;                   /* hundredths of a percent */
    int64_t shipping;              /* cents of euros */
    const char *const *warehouses; /* NULL-terminated */
    const char *const *payments;   /* NULL-terminated */
};

struct catalogue_customer {
    const char *name;
    const char *email;
    const char *phone;
    const char *address;
    size_t country; /* index into catalogue_countries */
};

struct catalogue_product {
    const char *id;
    const char *name;
    int64_t price; /* cents of euros */
};

extern const struct catalogue_country catalogue_countries[];
extern const struct catalogue_customer catalogue_customers[];
extern const size_t catalogue_customer_count;
extern const struct catalogue_product catalogue_products[];
extern const size_t catalogue_product_count;
extern const char *const catalogue_loyalty_levels[CATALOGUE_LOYALTY_LEVELS];
extern const char *const catalogue_notes[]; /* for the delivery; NULL-terminated */

#endif
