#include "model/order_json.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/json_writer.h"
#include "base/rfc3339.h"
#include "model/decimal.h"
#include "model/json_reader.h"

/* The format as tables: reading and writing both go by these rows, writing in their order. */

enum kind { TEXT, OPTIONAL_TEXT, INTEGER, AMOUNT, BOOLEAN, OBJECT, ITEMS };

struct field {
    const char *name;
    size_t name_len;
    enum kind kind;
    size_t offset;             /* of the value in its struct */
    size_t has;                /* of the bool that tells it is there; 0 = always */
    const struct object *form; /* of an OBJECT, and of each of the ITEMS */
};

struct object {
    const struct field *fields;
    size_t count;
};

#define COUNT(rows)   (sizeof(rows) / sizeof((rows)[0]))
#define NAME(text)    text, sizeof(text) - 1
#define AT(type, ...) offsetof(struct type, __VA_ARGS__)

static const struct field customer_fields[] = {
    {NAME("customer_id"), TEXT, AT(order_customer, customer_id), 0, NULL},
    {NAME("name"), TEXT, AT(order_customer, name), 0, NULL},
    {NAME("email"), OPTIONAL_TEXT, AT(order_customer, email), 0, NULL},
    {NAME("phone"), OPTIONAL_TEXT, AT(order_customer, phone), 0, NULL},
    {NAME("address"), OPTIONAL_TEXT, AT(order_customer, address), 0, NULL},
    {NAME("loyalty_level"), OPTIONAL_TEXT, AT(order_customer, loyalty_level), 0, NULL},
};
static const struct object customer_form = {customer_fields, COUNT(customer_fields)};

static const struct field item_fields[] = {
    {NAME("item_id"), TEXT, AT(order_item, item_id), 0, NULL},
    {NAME("item_name"), TEXT, AT(order_item, item_name), 0, NULL},
    {NAME("quantity"), INTEGER, AT(order_item, quantity), AT(order_item, has_quantity), NULL},
    {NAME("unit_price"), AMOUNT, AT(order_item, unit_price), AT(order_item, has_unit_price), NULL},
    {NAME("total_price"), AMOUNT, AT(order_item, total_price), AT(order_item, has_total_price),
     NULL},
};
static const struct object item_form = {item_fields, COUNT(item_fields)};

static const struct field inventory_fields[] = {
    {NAME("item_id"), OPTIONAL_TEXT, AT(order_inventory, item_id), 0, NULL},
    {NAME("item_name"), OPTIONAL_TEXT, AT(order_inventory, item_name), 0, NULL},
    {NAME("available_qty"), INTEGER, AT(order_inventory, available_qty), 0, NULL},
    {NAME("reserved_qty"), INTEGER, AT(order_inventory, reserved_qty), 0, NULL},
    {NAME("unit_price"), AMOUNT, AT(order_inventory, unit_price), 0, NULL},
    {NAME("in_stock"), BOOLEAN, AT(order_inventory, in_stock), 0, NULL},
    {NAME("warehouse"), OPTIONAL_TEXT, AT(order_inventory, warehouse), 0, NULL},
};
static const struct object inventory_form = {inventory_fields, COUNT(inventory_fields)};

static const struct field metadata_fields[] = {
    {NAME("timestamp"), OPTIONAL_TEXT, AT(order_metadata, timestamp), 0, NULL},
    {NAME("version"), OPTIONAL_TEXT, AT(order_metadata, version), 0, NULL},
    {NAME("event_type"), OPTIONAL_TEXT, AT(order_metadata, event_type), 0, NULL},
    {NAME("source"), OPTIONAL_TEXT, AT(order_metadata, source), 0, NULL},
    {NAME("correlation_id"), OPTIONAL_TEXT, AT(order_metadata, correlation_id), 0, NULL},
};
static const struct object metadata_form = {metadata_fields, COUNT(metadata_fields)};

static const struct field order_fields[] = {
    {NAME("order_id"), TEXT, AT(order, order_id), 0, NULL},
    {NAME("sequence"), INTEGER, AT(order, sequence), AT(order, has_sequence), NULL},
    {NAME("status"), TEXT, AT(order, status), 0, NULL},
    {NAME("customer_info"), OBJECT, AT(order, customer), 0, &customer_form},
    {NAME("items"), ITEMS, AT(order, items), 0, &item_form},
    {NAME("inventory"), OBJECT, AT(order, inventory), AT(order, has_inventory), &inventory_form},
    {NAME("subtotal"), AMOUNT, AT(order, subtotal), AT(order, has_subtotal), NULL},
    {NAME("tax"), AMOUNT, AT(order, tax), AT(order, has_tax), NULL},
    {NAME("shipping_fee"), AMOUNT, AT(order, shipping_fee), AT(order, has_shipping_fee), NULL},
    {NAME("total"), AMOUNT, AT(order, total), AT(order, has_total), NULL},
    {NAME("currency"), OPTIONAL_TEXT, AT(order, currency), 0, NULL},
    {NAME("payment_method"), OPTIONAL_TEXT, AT(order, payment_method), 0, NULL},
    {NAME("delivery_notes"), OPTIONAL_TEXT, AT(order, delivery_notes), 0, NULL},
    {NAME("metadata"), OBJECT, AT(order, metadata), 0, &metadata_form},
};
static const struct object order_form = {order_fields, COUNT(order_fields)};

/* Where we are in the order, for the reasons: "customer_info.", or "items[2].". */
struct place {
    const char *name; /* NULL at the top */
    int64_t index;    /* -1 outside of a list */
};

struct reader {
    struct arena *arena;
    char *why;
    size_t why_size;
};

static const char *kind_name(const struct json_node *v)
{
    static const char *const names[] = {
        [JSON_NULL] = "null",        [JSON_FALSE] = "a boolean", [JSON_TRUE] = "a boolean",
        [JSON_NUMBER] = "a number",  [JSON_STRING] = "a string", [JSON_ARRAY] = "an array",
        [JSON_OBJECT] = "an object",
    };

    return names[v->kind];
}

/* Always false, so that `return refuse(...)` reads as what it is. */
__attribute__((format(printf, 4, 5))) static bool refuse(const struct reader *r, struct place at,
                                                         const char *name, const char *fmt, ...)
{
    char where[64] = "";
    char what[128];
    va_list ap;

    if (at.name && at.index >= 0)
        snprintf(where, sizeof(where), "%s[%" PRId64 "]%s", at.name, at.index, *name ? "." : "");
    else if (at.name)
        snprintf(where, sizeof(where), "%s.", at.name);
    va_start(ap, fmt);
    vsnprintf(what, sizeof(what), fmt, ap);
    va_end(ap);
    snprintf(r->why, r->why_size, "field %s%s: %s", where, name, what);
    return false;
}

static bool refuse_type(const struct reader *r, struct place at, const char *name,
                        const char *wanted, const struct json_node *v)
{
    return refuse(r, at, name, "expected %s, got %s", wanted, kind_name(v));
}

static bool read_object(const struct reader *r, struct place at, const struct object *form,
                        const struct json_node *v, void *base);

static bool read_text(const struct reader *r, struct place at, const struct field *f,
                      const struct json_node *v, const char **out)
{
    if (f->kind == OPTIONAL_TEXT && v->kind == JSON_NULL)
        return true;
    if (v->kind != JSON_STRING)
        return refuse_type(r, at, f->name, "a string", v);
    *out = arena_strndup(r->arena, v->text, v->text_len);
    return true;
}

static bool read_integer(const struct reader *r, struct place at, const struct field *f,
                         const struct json_node *v, int64_t *out)
{
    bool exact;

    if (v->kind != JSON_NUMBER)
        return refuse_type(r, at, f->name, "an integer", v);
    if (!decimal_read(v->text, 0, out, &exact))
        return refuse(r, at, f->name, "the integer does not fit into 64 bits");
    if (!exact)
        return refuse(r, at, f->name, "expected an integer, got a fraction");
    return true;
}

static bool read_amount(const struct reader *r, struct place at, const struct field *f,
                        const struct json_node *v, int64_t *out)
{
    bool exact;

    if (v->kind != JSON_NUMBER)
        return refuse_type(r, at, f->name, "a number", v);
    if (!decimal_read(v->text, 2, out, &exact) || *out > ORDER_MAX_CENTS || *out < -ORDER_MAX_CENTS)
        return refuse(r, at, f->name, "the amount is beyond 10^12");
    return true;
}

static bool read_boolean(const struct reader *r, struct place at, const struct field *f,
                         const struct json_node *v, bool *out)
{
    if (v->kind != JSON_TRUE && v->kind != JSON_FALSE)
        return refuse_type(r, at, f->name, "a boolean", v);
    *out = v->kind == JSON_TRUE;
    return true;
}

static bool read_items(const struct reader *r, const struct field *f, const struct json_node *v,
                       struct order *o)
{
    size_t count = 0;
    const struct json_node *child;

    if (v->kind != JSON_ARRAY)
        return refuse_type(r, (struct place){NULL, -1}, f->name, "an array", v);
    for (child = v->child; child; child = child->next)
        count++;
    o->items = arena_alloc(r->arena, count * sizeof(*o->items));
    memset(o->items, 0, count * sizeof(*o->items));
    for (child = v->child; child; child = child->next) {
        struct place at = {f->name, (int64_t)o->item_count};

        if (child->kind != JSON_OBJECT)
            return refuse_type(r, at, "", "an object", child);
        if (!read_object(r, at, f->form, child, &o->items[o->item_count]))
            return false;
        o->item_count++;
    }
    return true;
}

static bool read_field(const struct reader *r, struct place at, const struct field *f,
                       const struct json_node *v, void *base)
{
    void *out = (char *)base + f->offset;

    if (f->has)
        *(bool *)((char *)base + f->has) = true;
    switch (f->kind) {
    case TEXT:
    case OPTIONAL_TEXT:
        return read_text(r, at, f, v, out);
    case INTEGER:
        return read_integer(r, at, f, v, out);
    case AMOUNT:
        return read_amount(r, at, f, v, out);
    case BOOLEAN:
        return read_boolean(r, at, f, v, out);
    case OBJECT:
        if (v->kind != JSON_OBJECT)
            return refuse_type(r, at, f->name, "an object", v);
        return read_object(r, (struct place){f->name, -1}, f->form, v, out);
    case ITEMS:
        return read_items(r, f, v, base);
    }
    return false;
}

/* Members mostly come in the order of the table: the search begins behind the last one found.
 * Returns the row, or -1 when the name is unknown. */
static int find_field(const struct object *form, const struct json_node *member, size_t begin)
{
    for (size_t k = 0; k < form->count; k++) {
        size_t i = begin + k < form->count ? begin + k : begin + k - form->count;
        const struct field *f = &form->fields[i];

        if (f->name_len == member->name_len && memcmp(f->name, member->name, f->name_len) == 0)
            return (int)i;
    }
    return -1;
}

static bool read_object(const struct reader *r, struct place at, const struct object *form,
                        const struct json_node *v, void *base)
{
    unsigned seen = 0;
    size_t next = 0;

    for (const struct json_node *child = v->child; child; child = child->next) {
        int i = find_field(form, child, next);

        if (i < 0)
            continue;
        if (seen & 1u << i)
            return refuse(r, at, form->fields[i].name, "it is there twice");
        seen |= 1u << i;
        if (!read_field(r, at, &form->fields[i], child, base))
            return false;
        next = (size_t)i + 1;
    }
    return true;
}

bool order_decode(const char *bytes, size_t len, struct arena *arena, struct order *o, char *why,
                  size_t why_size)
{
    const struct reader r = {arena, why, why_size};
    struct json_tree tree;
    const char *time;

    *o = (struct order){.metadata.timestamp_ms = -1};
    if (!json_tree_read(&tree, bytes, len, ORDER_MAX_DEPTH, arena, why, why_size))
        return false;
    if (tree.root->kind != JSON_OBJECT) {
        snprintf(why, why_size, "expected an object, got %s", kind_name(tree.root));
        return false;
    }
    if (!read_object(&r, (struct place){NULL, -1}, &order_form, tree.root, o))
        return false;
    o->is_compact = tree.is_compact;
    time = o->metadata.timestamp;
    if (time && rfc3339_parse(time, strlen(time), &o->metadata.timestamp_ms) < 0)
        o->metadata.timestamp_ms = -1;
    return true;
}

static void write_object(struct json_writer *w, const struct object *form, const void *base);

static void write_amount(struct json_writer *w, const char *name, int64_t v)
{
    char digits[24];
    char *end = digits + sizeof(digits);
    char *p = end;
    uint64_t u = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;

    for (int i = 0; u || i < 3; i++, u /= 10) {
        if (i == 2)
            *--p = '.';
        *--p = (char)('0' + u % 10);
    }
    if (v < 0)
        *--p = '-';
    json_raw(w, name, p, (size_t)(end - p));
}

static void write_items(struct json_writer *w, const struct field *f, const struct order *o)
{
    json_begin_array(w, f->name);
    for (size_t i = 0; i < o->item_count; i++) {
        json_begin_object(w, NULL);
        write_object(w, f->form, &o->items[i]);
        json_end_object(w);
    }
    json_end_array(w);
}

static void write_field(struct json_writer *w, const struct field *f, const void *base)
{
    const void *value = (const char *)base + f->offset;

    switch (f->kind) {
    case TEXT:
    case OPTIONAL_TEXT:
        if (*(const char *const *)value)
            json_string(w, f->name, *(const char *const *)value);
        break;
    case INTEGER:
        json_int(w, f->name, *(const int64_t *)value);
        break;
    case AMOUNT:
        write_amount(w, f->name, *(const int64_t *)value);
        break;
    case BOOLEAN:
        json_bool(w, f->name, *(const bool *)value);
        break;
    case OBJECT:
        json_begin_object(w, f->name);
        write_object(w, f->form, value);
        json_end_object(w);
        break;
    case ITEMS:
        write_items(w, f, base);
        break;
    }
}

static void write_object(struct json_writer *w, const struct object *form, const void *base)
{
    for (size_t i = 0; i < form->count; i++) {
        const struct field *f = &form->fields[i];

        if (!f->has || *(const bool *)((const char *)base + f->has))
            write_field(w, f, base);
    }
}

void order_encode(const struct order *o, struct strbuf *out)
{
    struct json_writer w = json_writer_on(out);

    json_begin_object(&w, NULL);
    write_object(&w, &order_form, o);
    json_end_object(&w);
}
