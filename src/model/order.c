#include "model/order.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"

#define TOLERANCE_CENTS 1

#define CENTS_TEXT_SIZE 32

struct check {
    char *why;
    size_t why_size;
};

/* Always false, so that `return broken(...)` reads as what it is. */
__attribute__((format(printf, 2, 3))) static bool broken(const struct check *c, const char *fmt,
                                                         ...)
{
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(c->why, c->why_size, fmt, ap);
    va_end(ap);
    return false;
}

struct cents_text {
    char text[CENTS_TEXT_SIZE];
};

static struct cents_text cents(int64_t v)
{
    struct cents_text t;
    uint64_t u = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;

    snprintf(t.text, sizeof(t.text), "%s%" PRIu64 ".%02" PRIu64, v < 0 ? "-" : "", u / 100,
             u % 100);
    return t;
}

/* Unicode's White_Space property. */
static bool is_space(uint32_t c)
{
    return (c >= 0x09 && c <= 0x0d) || c == 0x20 || c == 0x85 || c == 0xa0 || c == 0x1680 ||
           (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 || c == 0x202f ||
           c == 0x205f || c == 0x3000;
}

/* How many bytes at the start of the text are white space, or with `space` false are not. */
static size_t span(const char *text, bool space)
{
    const char *p = text;

    while (*p) {
        uint32_t code = (unsigned char)*p;
        size_t n = code < 0x80 ? 1 : utf8_decode(p, strnlen(p, 4), &code);

        /* What is not UTF-8 is nothing we know as white space. */
        if ((n > 0 && is_space(code)) != space)
            break;
        p += n > 0 ? n : 1;
    }
    return (size_t)(p - text);
}

static bool is_blank(const char *text)
{
    return text[span(text, true)] == '\0';
}

static bool is_email(const char *text)
{
    const char *at = strchr(text, '@');
    const char *domain;
    size_t len;

    if (!at || at == text || strchr(at + 1, '@') || text[span(text, false)] != '\0')
        return false;
    domain = at + 1;
    len = strlen(domain);
    if (!strchr(domain, '.') || domain[0] == '.' || domain[len - 1] == '.')
        return false;
    return strstr(domain, "..") == NULL;
}

static bool check_text(const struct check *c, const char *name, const char *text)
{
    if (!text)
        return broken(c, "%s is missing", name);
    if (is_blank(text))
        return broken(c, "%s is empty", name);
    return true;
}

static bool agrees(int64_t a, int64_t b)
{
    int64_t difference;

    return !__builtin_sub_overflow(a, b, &difference) && difference <= TOLERANCE_CENTS &&
           difference >= -TOLERANCE_CENTS;
}

/* Sums that leave 64 bits stop there: far from every amount that an order may have. */
static int64_t add_clamped(int64_t a, int64_t b)
{
    int64_t sum;

    if (__builtin_add_overflow(a, b, &sum))
        return b < 0 ? INT64_MIN : INT64_MAX;
    return sum;
}

/* `b` is not negative. */
static int64_t multiply_clamped(int64_t a, int64_t b)
{
    int64_t product;

    if (__builtin_mul_overflow(a, b, &product))
        return a < 0 ? INT64_MIN : INT64_MAX;
    return product;
}

static bool check_item(const struct check *c, const struct order_item *it, size_t i)
{
    if (!it->item_id || is_blank(it->item_id))
        return broken(c, "items[%zu].item_id is %s", i, it->item_id ? "empty" : "missing");
    if (!it->item_name || is_blank(it->item_name))
        return broken(c, "items[%zu].item_name is %s", i, it->item_name ? "empty" : "missing");
    if (!it->has_quantity)
        return broken(c, "items[%zu].quantity is missing", i);
    if (it->quantity < 1)
        return broken(c, "items[%zu].quantity %" PRId64 " is less than 1", i, it->quantity);
    if (!it->has_unit_price)
        return broken(c, "items[%zu].unit_price is missing", i);
    if (it->unit_price <= 0)
        return broken(c, "items[%zu].unit_price %s is not above 0", i, cents(it->unit_price).text);
    if (!it->has_total_price)
        return broken(c, "items[%zu].total_price is missing", i);
    if (!agrees(it->total_price, multiply_clamped(it->quantity, it->unit_price)))
        return broken(
            c, "items[%zu].total_price %s does not equal quantity %" PRId64 " x unit_price %s", i,
            cents(it->total_price).text, it->quantity, cents(it->unit_price).text);
    return true;
}

static bool check_items(const struct check *c, const struct order *o, int64_t *sum)
{
    if (o->item_count == 0)
        return broken(c, "items: there are none");
    for (size_t i = 0; i < o->item_count; i++) {
        if (!check_item(c, &o->items[i], i))
            return false;
        *sum = add_clamped(*sum, o->items[i].total_price);
    }
    return true;
}

static bool check_sums(const struct check *c, const struct order *o, int64_t items)
{
    if (!o->has_subtotal)
        return broken(c, "subtotal is missing");
    if (o->tax < 0)
        return broken(c, "tax %s is less than 0", cents(o->tax).text);
    if (o->shipping_fee < 0)
        return broken(c, "shipping_fee %s is less than 0", cents(o->shipping_fee).text);
    if (!o->has_total)
        return broken(c, "total is missing");
    if (!agrees(o->subtotal, items))
        return broken(c, "subtotal %s does not equal the sum of the items %s",
                      cents(o->subtotal).text, cents(items).text);
    if (!agrees(o->total, add_clamped(add_clamped(o->subtotal, o->tax), o->shipping_fee)))
        return broken(c, "total %s does not equal subtotal %s + tax %s + shipping_fee %s",
                      cents(o->total).text, cents(o->subtotal).text, cents(o->tax).text,
                      cents(o->shipping_fee).text);
    return true;
}

bool order_check(const struct order *o, char *why, size_t why_size)
{
    const struct check c = {why, why_size};
    const char *email = o->customer.email;
    int64_t items = 0;

    if (!check_text(&c, "order_id", o->order_id))
        return false;
    if (!o->has_sequence)
        return broken(&c, "sequence is missing");
    if (o->sequence < 1)
        return broken(&c, "sequence %" PRId64 " is less than 1", o->sequence);
    if (!check_text(&c, "status", o->status) ||
        !check_text(&c, "customer_info.customer_id", o->customer.customer_id) ||
        !check_text(&c, "customer_info.name", o->customer.name))
        return false;
    if (email && !is_blank(email) && !is_email(email))
        return broken(&c, "customer_info.email is not local@domain.tld");
    return check_items(&c, o, &items) && check_sums(&c, o, items);
}
