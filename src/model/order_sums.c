#include "model/order_sums.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#define MINUTE       60
#define LARGEST_SUM  1e12 /* what an order may cost */
#define LARGEST_MANY 1000000

static struct order_currency *currency_of(struct order_sums *s, const char *name)
{
    for (int i = 0; i < s->currency_count; i++) {
        if (strcmp(s->currencies[i].name, name) == 0)
            return &s->currencies[i];
    }
    if (!name[0] || strlen(name) >= sizeof(s->currencies[0].name) ||
        s->currency_count == ORDER_CURRENCIES)
        return NULL;
    memcpy(s->currencies[s->currency_count].name, name, strlen(name) + 1);
    return &s->currencies[s->currency_count++];
}

static struct order_item *item_of(struct order_sums *s, const struct scan_value *value)
{
    char name[sizeof(s->items[0].name)];

    scan_text(value, name, sizeof(name));
    for (int i = 0; i < s->item_count; i++) {
        if (strcmp(s->items[i].name, name) == 0)
            return &s->items[i];
    }
    if (!name[0] || s->item_count == ORDER_ITEMS)
        return NULL;
    memcpy(s->items[s->item_count].name, name, sizeof(name));
    return &s->items[s->item_count++];
}

static void count_item(struct order_sums *s, int64_t second, const struct scan_value *object)
{
    struct scan_value name = {0};
    struct scan_value key;
    struct scan_value value;
    struct scan scan;
    struct order_item *item;
    int64_t quantity = 0;
    size_t slot = (uint64_t)second % ORDER_SUMS_SECONDS;

    if (object->kind != JSON_OBJECT || scan_begin(&scan, object->text, object->len) < 0)
        return;
    while (scan_member(&scan, &key, &value) == 1) {
        if (scan_is(&key, "item_name"))
            name = value;
        else if (scan_is(&key, "quantity") && scan_int(&value, &quantity) < 0)
            return;
    }
    item = name.kind == JSON_STRING ? item_of(s, &name) : NULL;
    if (!item || quantity < 1 || quantity > LARGEST_MANY)
        return;
    if (item->seconds[slot].second < second) {
        item->seconds[slot].second = second;
        item->seconds[slot].quantity = 0;
    }
    if (item->seconds[slot].second == second)
        item->seconds[slot].quantity += (uint64_t)quantity;
}

static void count_items(struct order_sums *s, int64_t second, const struct scan_value *array)
{
    struct scan scan;
    struct scan_value object;

    if (array->kind != JSON_ARRAY || scan_begin(&scan, array->text, array->len) < 0)
        return;
    while (scan_element(&scan, &object) == 1)
        count_item(s, second, &object);
}

static void count_value(struct order_currency *c, int64_t second, double total)
{
    size_t slot = (uint64_t)second % ORDER_SUMS_SECONDS;

    if (c->seconds[slot].second < second) {
        c->seconds[slot].second = second;
        c->seconds[slot].orders = 0;
        c->seconds[slot].cents = 0;
    }
    if (c->seconds[slot].second != second)
        return;
    c->seconds[slot].orders++;
    c->seconds[slot].cents += llround(total * 100);
}

void order_sums_value(struct order_sums *s, int64_t at_ms, const char *currency, double total)
{
    struct order_currency *c = fabs(total) <= LARGEST_SUM ? currency_of(s, currency) : NULL;

    if (c)
        count_value(c, at_ms / 1000, total);
}

void order_sums_items(struct order_sums *s, int64_t at_ms, const struct scan_value *order)
{
    struct order_sample *sample = &s->samples[(uint64_t)(at_ms / 1000) % ORDER_SUMS_SECONDS];
    struct scan_value items;

    if (sample->second < at_ms / 1000)
        *sample = (struct order_sample){.second = at_ms / 1000};
    if (sample->second != at_ms / 1000 || sample->orders >= ORDER_SAMPLE)
        return;
    sample->orders++;
    items = scan_find(order, "items");
    count_items(s, at_ms / 1000, &items);
}

static bool is_recent(int64_t second, int64_t now_ms)
{
    return second < now_ms / 1000 && second >= now_ms / 1000 - MINUTE;
}

static void add_currency(const struct order_currency *c, int64_t now_ms, struct order_report *out)
{
    int64_t orders = 0;
    int64_t cents = 0;
    int at = out->currency_count;

    for (int i = 0; i < ORDER_SUMS_SECONDS; i++) {
        if (!is_recent(c->seconds[i].second, now_ms))
            continue;
        orders += c->seconds[i].orders;
        cents += c->seconds[i].cents;
    }
    if (!orders)
        return;
    for (; at > 0 && out->currencies[at - 1].orders < orders; at--)
        out->currencies[at] = out->currencies[at - 1];
    out->currencies[at].name = c->name;
    out->currencies[at].orders = orders;
    out->currencies[at].cents = cents;
    out->currency_count++;
    out->orders += orders;
}

static void add_item(const struct order_item *item, int64_t now_ms, struct order_report *out)
{
    uint64_t quantity = 0;

    for (int i = 0; i < ORDER_SUMS_SECONDS; i++) {
        if (is_recent(item->seconds[i].second, now_ms))
            quantity += item->seconds[i].quantity;
    }
    out->quantity += quantity;
    if (quantity <= out->top_quantity)
        return;
    out->top_quantity = quantity;
    out->top_item = item->name;
}

void order_sums_report(const struct order_sums *s, int64_t now_ms, struct order_report *out)
{
    *out = (struct order_report){0};
    for (int i = 0; i < ORDER_SUMS_SECONDS; i++) {
        if (is_recent(s->samples[i].second, now_ms))
            out->sampled += s->samples[i].orders;
    }
    for (int i = 0; i < s->currency_count; i++)
        add_currency(&s->currencies[i], now_ms, out);
    for (int i = 0; i < s->item_count; i++)
        add_item(&s->items[i], now_ms, out);
}
