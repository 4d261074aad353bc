#include "order_gen.h"

#include <string.h>

#include "base/rfc3339.h"
#include "base/rng.h"
#include "catalogue.h"
#include "model/order.h"
#include "model/order_json.h"
#include "order_corruptor.h"

#define MAX_ITEMS        5
#define UUID_SIZE        37
#define CUSTOMER_ID_SIZE 11

/* One order in the making and all its texts. */
struct draft {
    struct order order;
    struct order_item items[MAX_ITEMS];
    char order_id[UUID_SIZE];
    char correlation_id[UUID_SIZE];
    char customer_id[CUSTOMER_ID_SIZE];
};

static size_t pick(struct rng *rng, size_t count)
{
    return (size_t)rng_range(rng, 0, (int64_t)count - 1);
}

static const char *pick_name(struct rng *rng, const char *const *list)
{
    size_t count = 0;

    while (list[count])
        count++;
    return list[pick(rng, count)];
}

/* The lowest `count` hexadecimal digits. */
static char *put_hex(char *p, uint64_t bits, int count)
{
    static const char digits[] = "0123456789abcdef";

    for (int shift = 4 * (count - 1); shift >= 0; shift -= 4)
        *p++ = digits[bits >> shift & 15];
    return p;
}

/* A random UUID: version 4, variant 10 (RFC 9562, 5.4). */
static void make_uuid(struct rng *rng, char out[UUID_SIZE])
{
    uint64_t high = (rng_next(rng) & ~UINT64_C(0xf000)) | UINT64_C(0x4000);
    uint64_t low = (rng_next(rng) & ~(UINT64_C(3) << 62)) | UINT64_C(2) << 62;
    char *p = out;

    p = put_hex(p, high >> 32, 8);
    *p++ = '-';
    p = put_hex(p, high >> 16, 4);
    *p++ = '-';
    p = put_hex(p, high, 4);
    *p++ = '-';
    p = put_hex(p, low >> 48, 4);
    *p++ = '-';
    p = put_hex(p, low, 12);
    *p = '\0';
}

/* value / divisor in whole coins, the half rounded up. */
static int64_t in_coins(const struct catalogue_country *c, int64_t value, int64_t divisor)
{
    divisor *= c->coin;
    return (value + divisor / 2) / divisor * c->coin;
}

static int64_t in_money_of(const struct catalogue_country *c, int64_t euro_cents)
{
    return in_coins(c, euro_cents * c->rate, 100);
}

/* Small orders are more common than large ones. */
static size_t draw_item_count(struct rng *rng)
{
    static const unsigned char counts[] = {1, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 4, 4, 5};

    return counts[pick(rng, sizeof(counts))];
}

static int64_t draw_quantity(struct rng *rng)
{
    static const unsigned char quantities[] = {1, 1, 1, 1, 1, 1, 2, 2, 3, 4, 6, 12};

    return quantities[pick(rng, sizeof(quantities))];
}

/* Different products: the first by chance, the others by equal steps through the list. */
static void make_items(struct draft *d, const struct catalogue_country *c, struct rng *rng)
{
    size_t at = pick(rng, catalogue_product_count);
    size_t step = 1 + pick(rng, 7);

    d->order.items = d->items;
    d->order.item_count = draw_item_count(rng);
    for (size_t i = 0; i < d->order.item_count; i++) {
        const struct catalogue_product *p =
            &catalogue_products[(at + i * step) % catalogue_product_count];
        struct order_item *it = &d->items[i];

        *it = (struct order_item){.item_id = p->id,
                                  .item_name = p->name,
                                  .quantity = draw_quantity(rng),
                                  .unit_price = in_money_of(c, p->price),
                                  .has_quantity = true,
                                  .has_unit_price = true,
                                  .has_total_price = true};
        it->total_price = it->quantity * it->unit_price;
        d->order.subtotal += it->total_price;
    }
}

/* The stock of the order's first item. */
static void make_inventory(struct draft *d, const struct catalogue_country *c, struct rng *rng)
{
    const struct order_item *it = &d->items[0];
    int64_t available = rng_range(rng, 0, 9) ? it->quantity + rng_range(rng, 0, 400) : 0;

    d->order.has_inventory = true;
    d->order.inventory = (struct order_inventory){.item_id = it->item_id,
                                                  .item_name = it->item_name,
                                                  .available_qty = available,
                                                  .reserved_qty = it->quantity,
                                                  .unit_price = it->unit_price,
                                                  .in_stock = available > 0,
                                                  .warehouse = pick_name(rng, c->warehouses)};
}

/* CUST- and five digits. */
static void make_customer_id(size_t number, char out[CUSTOMER_ID_SIZE])
{
    memcpy(out, "CUST-00000", CUSTOMER_ID_SIZE);
    for (int i = CUSTOMER_ID_SIZE - 2; i >= 5; i--, number /= 10)
        out[i] = (char)('0' + number % 10);
}

/* Who a customer is stays the same from order to order, the loyalty level too. */
static void make_customer(struct draft *d, size_t i)
{
    const struct catalogue_customer *who = &catalogue_customers[i];
    size_t level = i * 7 / 3 % CATALOGUE_LOYALTY_LEVELS;

    make_customer_id(10007 + i * 131, d->customer_id);
    d->order.customer = (struct order_customer){.customer_id = d->customer_id,
                                                .name = who->name,
                                                .email = who->email,
                                                .phone = who->phone,
                                                .address = who->address,
                                                .loyalty_level = catalogue_loyalty_levels[level]};
}

/* Shipping is free for large orders. */
static void make_sums(struct order *o, const struct catalogue_country *c)
{
    o->has_subtotal = o->has_tax = o->has_shipping_fee = o->has_total = true;
    o->tax = in_coins(c, o->subtotal * c->tax, 10000);
    o->shipping_fee = o->subtotal >= in_money_of(c, 25000) ? 0 : in_money_of(c, c->shipping);
    o->total = o->subtotal + o->tax + o->shipping_fee;
}

static void make_metadata(struct draft *d, int64_t now_ms, const char *timestamp)
{
    d->order.metadata = (struct order_metadata){.timestamp = timestamp,
                                                .timestamp_ms = now_ms,
                                                .version = "1.0",
                                                .event_type = "order.created",
                                                .source = "producer-service",
                                                .correlation_id = d->correlation_id};
}

static void make_order(struct draft *d, struct order_gen *g, int64_t now_ms, struct rng *rng)
{
    size_t who = pick(rng, catalogue_customer_count);
    const struct catalogue_country *c = &catalogue_countries[catalogue_customers[who].country];
    struct order *o = &d->order;

    *o = (struct order){.order_id = d->order_id,
                        .sequence = g->sequence,
                        .has_sequence = true,
                        .status = "pending",
                        .currency = c->currency};
    make_uuid(rng, d->order_id);
    make_uuid(rng, d->correlation_id);
    make_customer(d, who);
    make_items(d, c, rng);
    make_inventory(d, c, rng);
    make_sums(o, c);
    o->payment_method = pick_name(rng, c->payments);
    if (rng_range(rng, 0, 9) < 3)
        o->delivery_notes = pick_name(rng, catalogue_notes);
    make_metadata(d, now_ms, rfc3339_text(&g->timestamp, now_ms));
}

static void set_uuid(struct strbuf *sb, const char uuid[UUID_SIZE])
{
    strbuf_reset(sb);
    strbuf_add(sb, uuid, UUID_SIZE - 1);
}

void order_gen_init(struct order_gen *g, uint64_t seed, double invalid_rate)
{
    *g = (struct order_gen){.seed = seed, .invalid_rate = invalid_rate};
}

static const struct order_corruptor *draw_corruptor(const struct order_gen *g, struct rng *rng)
{
    if (g->invalid_rate <= 0 || rng_unit(rng) >= g->invalid_rate)
        return NULL;
    return &order_corruptors[pick(rng, order_corruptor_count)];
}

void order_gen_next(struct order_gen *g, int64_t now_ms, struct order_message *m)
{
    const struct order_corruptor *corruptor;
    struct draft d;
    struct rng rng;

    g->sequence++;
    rng_seed(&rng, rng_mix(g->seed) ^ (uint64_t)g->sequence);
    make_order(&d, g, now_ms, &rng);
    corruptor = draw_corruptor(g, &rng);
    set_uuid(&m->key, d.order_id);
    set_uuid(&m->correlation_id, d.correlation_id);
    m->timestamp_ms = now_ms;
    m->broken = corruptor ? corruptor->name : NULL;
    m->reason = corruptor ? corruptor->reason : RECORD_REASON_NONE;
    m->has_value = !corruptor || corruptor->order || corruptor->bytes;
    strbuf_reset(&m->value);
    if (!m->has_value)
        return;
    if (corruptor && corruptor->order)
        corruptor->order(&d.order, &rng);
    order_encode(&d.order, &m->value);
    if (corruptor && corruptor->bytes)
        corruptor->bytes(&m->value, &rng);
}

void order_message_release(struct order_message *m)
{
    strbuf_release(&m->key);
    strbuf_release(&m->value);
    strbuf_release(&m->correlation_id);
    *m = (struct order_message){0};
}
