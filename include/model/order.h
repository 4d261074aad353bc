#ifndef MODEL_ORDER_H
#define MODEL_ORDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One order as it travels on the topic `orders`. Texts are borrowed: from the arena it was decoded
 * into or from the generator. NULL means absent. Amounts are integer cents. */

/* No amount is larger, on either side of zero: 10^12 in whole units. */
#define ORDER_MAX_CENTS INT64_C(100000000000000)

struct order_item {
    const char *item_id;
    const char *item_name;
    int64_t quantity;
    int64_t unit_price;
    int64_t total_price;
    bool has_quantity, has_unit_price, has_total_price;
};

struct order_inventory {
    const char *item_id;
    const char *item_name;
    int64_t available_qty;
    int64_t reserved_qty;
    int64_t unit_price;
    bool in_stock;
    const char *warehouse;
};

struct order_customer {
    const char *customer_id;
    const char *name;
    const char *email;
    const char *phone;
    const char *address;
    const char *loyalty_level;
};

struct order_metadata {
    const char *timestamp; /* RFC 3339 as received */
    int64_t timestamp_ms;  /* the same, or -1 when absent or no such time */
    const char *version;
    const char *event_type;
    const char *source;
    const char *correlation_id;
};

struct order {
    const char *order_id;
    int64_t sequence;
    const char *status;
    struct order_customer customer;
    struct order_item *items;
    size_t item_count;
    struct order_inventory inventory;
    bool has_inventory;
    int64_t subtotal, tax, shipping_fee, total;
    bool has_sequence, has_subtotal, has_tax, has_shipping_fee, has_total;
    const char *currency;
    const char *payment_method;
    const char *delivery_notes;
    struct order_metadata metadata;
    bool is_compact; /* the text it was decoded from has no white space outside of strings */
};

/* Checks the business rules. Returns true, or false with the first broken rule in words in `why`
 * (cut to `why_size`; only names of fields and numbers, nothing the message chose). Pure.
 *
 * - There and not empty after trimming (Unicode white space): order_id, status, customer_id, name;
 *   at least one item; of each item item_id and item_name.
 * - There: sequence >= 1; of each item quantity >= 1, unit_price > 0 and total_price; subtotal and
 *   total. An absent tax or shipping_fee counts as 0; they are >= 0.
 * - An e-mail, if there is one that is not empty after trimming, is local@domain.tld: one @, no
 *   white space, a local part, a domain of at least two labels, none of them empty.
 * - total_price is quantity x unit_price, subtotal the sum of the items' total_price, total is
 *   subtotal + tax + shipping_fee; each may be off by one cent. */
bool order_check(const struct order *o, char *why, size_t why_size);

#endif
