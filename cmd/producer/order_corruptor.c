#include "order_corruptor.h"

#include <assert.h>
#include <string.h>

#define COUNT(list) (sizeof(list) / sizeof((list)[0]))

static const char *pick(struct rng *rng, const char *const *list, size_t count)
{
    return list[rng_range(rng, 0, (int64_t)count - 1)];
}

/* Puts `text` in the place of `count` bytes at `at`. */
static void splice(struct strbuf *v, size_t at, size_t count, const char *text, size_t len)
{
    assert(at + count <= v->len);
    strbuf_reserve(v, len);
    memmove(v->data + at + len, v->data + at + count, v->len - at - count);
    memcpy(v->data + at, text, len);
    v->len = v->len - count + len;
    v->data[v->len] = '\0';
}

/* Where the first value of the member begins. The generator wrote it, so it is there. */
static size_t value_of(const struct strbuf *v, const char *member)
{
    size_t n = strlen(member);
    const char *p = v->data;

    while ((p = strstr(p, member)) && (p[-1] != '"' || p[n] != '"' || p[n + 1] != ':'))
        p++;
    assert(p);
    return (size_t)(p - v->data) + n + 2;
}

/* How long the string or number at `at` is. */
static size_t value_length(const struct strbuf *v, size_t at)
{
    const char *begin = v->data + at;
    const char *p = begin + 1;

    if (*begin != '"')
        return strcspn(begin, ",}]");
    while (*p != '"')
        p += *p == '\\' ? 2 : 1;
    return (size_t)(p - begin) + 1;
}

static void set_value(struct strbuf *v, const char *member, const char *text)
{
    size_t at = value_of(v, member);

    splice(v, at, value_length(v, at), text, strlen(text));
}

static void put_into_string(struct strbuf *v, const char *member, const char *bytes, size_t len)
{
    splice(v, value_of(v, member) + 1, 0, bytes, len);
}

/* Not one JSON text. */

static void not_json(struct strbuf *v, struct rng *rng)
{
    static const char *const texts[] = {
        "this is not an order",   "<order><id>1</id></order>",
        "order_id=1&total=12.50", "order_id,sequence,total\r\n1,2,12.50",
        "null and void",          "{order_id: 1}",
        "{'order_id': '1'}",      "-",
    };

    strbuf_reset(v);
    strbuf_adds(v, pick(rng, texts, COUNT(texts)));
}

static void cut_off(struct strbuf *v, struct rng *rng)
{
    strbuf_cut(v, (size_t)rng_range(rng, 1, (int64_t)v->len - 1));
}

static void empty_value(struct strbuf *v, struct rng *rng)
{
    (void)rng;
    strbuf_reset(v);
}

static void only_white_space(struct strbuf *v, struct rng *rng)
{
    static const char *const texts[] = {" ", "\n", "\r\n", "\t\t  \n"};

    strbuf_reset(v);
    strbuf_adds(v, pick(rng, texts, COUNT(texts)));
}

/* The first byte is no JSON, the others are of any kind. */
static void binary_bytes(struct strbuf *v, struct rng *rng)
{
    int64_t len = rng_range(rng, 1, 400);

    strbuf_reset(v);
    strbuf_addc(v, (char)rng_range(rng, 0x80, 0xff));
    for (int64_t i = 1; i < len; i++)
        strbuf_addc(v, (char)rng_range(rng, 0, 0xff));
}

static void not_an_object(struct strbuf *v, struct rng *rng)
{
    static const char *const texts[] = {"[]", "[{}]", "\"order\"", "42", "true", "null"};

    strbuf_reset(v);
    strbuf_adds(v, pick(rng, texts, COUNT(texts)));
}

static void wrapped_in_a_list(struct strbuf *v, struct rng *rng)
{
    (void)rng;
    splice(v, 0, 0, "[", 1);
    strbuf_addc(v, ']');
}

static void more_behind(struct strbuf *v, struct rng *rng)
{
    static const char *const texts[] = {"}", "]", ",", "x", "{}", "\n{\"order_id\":\"2\"}", "\f"};

    strbuf_adds(v, pick(rng, texts, COUNT(texts)));
}

static void nul_behind(struct strbuf *v, struct rng *rng)
{
    (void)rng;
    strbuf_addc(v, '\0');
}

static void byte_order_mark(struct strbuf *v, struct rng *rng)
{
    (void)rng;
    splice(v, 0, 0, "\xef\xbb\xbf", 3);
}

static void utf16(struct strbuf *v, struct rng *rng)
{
    struct strbuf wide = {0};

    (void)rng;
    for (size_t i = 0; i < v->len; i++) {
        strbuf_addc(&wide, v->data[i]);
        strbuf_addc(&wide, '\0');
    }
    strbuf_reset(v);
    strbuf_add(v, wide.data, wide.len);
    strbuf_release(&wide);
}

static void comma_too_many(struct strbuf *v, struct rng *rng)
{
    (void)rng;
    splice(v, v->len - 1, 0, ",", 1);
}

static void comment(struct strbuf *v, struct rng *rng)
{
    static const char *const texts[] = {"/* urgent */", "// urgent\n", "# urgent\n"};
    const char *text = pick(rng, texts, COUNT(texts));

    splice(v, 1, 0, text, strlen(text));
}

static void nested_too_deep(struct strbuf *v, struct rng *rng)
{
    struct strbuf deep = {0};
    int64_t depth = rng_range(rng, 32, 200);

    strbuf_adds(&deep, ",\"extra\":");
    for (int64_t i = 0; i < depth; i++)
        strbuf_addc(&deep, '[');
    for (int64_t i = 0; i < depth; i++)
        strbuf_addc(&deep, ']');
    splice(v, v->len - 1, 0, deep.data, deep.len);
    strbuf_release(&deep);
}

/* Strings that are none. */

static void invalid_utf8(struct strbuf *v, struct rng *rng)
{
    static const char *const bytes[] = {"\xff",     "\xc3",         "\xc0\xaf", "\xed\xa0\x80",
                                        "\xf8\x88", "caf\xe9 noir", "\x80"};
    const char *b = pick(rng, bytes, COUNT(bytes));

    put_into_string(v, rng_range(rng, 0, 1) ? "name" : "address", b, strlen(b));
}

static void nul_byte(struct strbuf *v, struct rng *rng)
{
    (void)rng;
    put_into_string(v, "name", "\0", 1);
}

static void control_character(struct strbuf *v, struct rng *rng)
{
    const char c = (char)rng_range(rng, 1, 0x1f);

    put_into_string(v, "address", &c, 1);
}

static void bad_escape(struct strbuf *v, struct rng *rng)
{
    static const char *const texts[] = {
        "\\x41",      "\\u12-",         "\\ ",     "\\ud800", "\\udc00ab",
        "\\ud83d\\n", "\\ud83d\\u0041", "\\u0000", "\\'",     "\\u{1F600}"};
    const char *text = pick(rng, texts, COUNT(texts));

    put_into_string(v, "name", text, strlen(text));
}

/* Members of the wrong kind. */

static void repeated_member(struct strbuf *v, struct rng *rng)
{
    static const char *const members[] = {"\"order_id\":\"other\",",   "\"sequence\":7,",
                                          "\"total\":0.01,",           "\"items\":[],",
                                          "\"\\u0074otal\":\"0.01\",", "\"customer_info\":{},"};
    const char *text = pick(rng, members, COUNT(members));

    splice(v, 1, 0, text, strlen(text));
}

static const char *const text_members[] = {"order_id",  "status",   "customer_id",
                                           "name",      "item_id",  "email",
                                           "item_name", "currency", "correlation_id"};
static const char *const number_members[] = {"sequence",    "quantity",     "unit_price",
                                             "total_price", "subtotal",     "tax",
                                             "total",       "shipping_fee", "available_qty"};
static const char *const integer_members[] = {"sequence", "quantity", "available_qty",
                                              "reserved_qty"};
static const char *const amount_members[] = {"unit_price", "total_price", "subtotal", "tax",
                                             "total"};

static void text_of_wrong_type(struct strbuf *v, struct rng *rng)
{
    static const char *const values[] = {"17", "true", "[]", "{\"text\":\"x\"}", "0.5"};
    const char *member = pick(rng, text_members, COUNT(text_members));

    set_value(v, member, pick(rng, values, COUNT(values)));
}

static void number_of_wrong_type(struct strbuf *v, struct rng *rng)
{
    static const char *const values[] = {"\"17\"", "true", "null",     "[1]",
                                         "{}",     "\"\"", "\"12,50\""};
    const char *member = pick(rng, number_members, COUNT(number_members));

    set_value(v, member, pick(rng, values, COUNT(values)));
}

static void integer_out_of_range(struct strbuf *v, struct rng *rng)
{
    static const char *const values[] = {"1.5",  "0.999999999999999999", "9223372036854775808",
                                         "1e19", "-9223372036854775809", "1e-1"};
    const char *member = pick(rng, integer_members, COUNT(integer_members));

    set_value(v, member, pick(rng, values, COUNT(values)));
}

static void amount_out_of_range(struct strbuf *v, struct rng *rng)
{
    static const char *const values[] = {"1000000000000.01", "1e13", "-1e100", "1e400", "-1e999"};
    const char *member = pick(rng, amount_members, COUNT(amount_members));

    set_value(v, member, pick(rng, values, COUNT(values)));
}

static void no_number_of_json(struct strbuf *v, struct rng *rng)
{
    static const char *const values[] = {"NaN", "Infinity", "-Infinity", "+1",     "007",   "1.",
                                         ".5",  "0x1F",     "1e",        "12,50x", "1_000", "--1"};
    const char *member = pick(rng, number_members, COUNT(number_members));

    set_value(v, member, pick(rng, values, COUNT(values)));
}

static void null_for_an_object(struct strbuf *v, struct rng *rng)
{
    static const char *const members[] = {"customer_info", "items", "inventory", "metadata"};
    static const char *const values[] = {"null,\"was\":", "\"\",\"was\":", "0,\"was\":"};
    const char *text = pick(rng, values, COUNT(values));

    splice(v, value_of(v, pick(rng, members, COUNT(members))), 0, text, strlen(text));
}

static void boolean_as_number(struct strbuf *v, struct rng *rng)
{
    set_value(v, "in_stock", rng_range(rng, 0, 1) ? "1" : "\"true\"");
}

/* Orders that can be read and make no sense. */

static void required_text_missing(struct order *o, struct rng *rng)
{
    const char **texts[] = {&o->order_id,      &o->status,           &o->customer.customer_id,
                            &o->customer.name, &o->items[0].item_id, &o->items[0].item_name};

    *texts[rng_range(rng, 0, COUNT(texts) - 1)] = NULL;
}

static void required_text_blank(struct order *o, struct rng *rng)
{
    static const char *const blanks[] = {"", " ", "\t\n", "\xe3\x80\x80", "\xc2\xa0 "};
    const char **texts[] = {&o->order_id,      &o->status,           &o->customer.customer_id,
                            &o->customer.name, &o->items[0].item_id, &o->items[0].item_name};

    *texts[rng_range(rng, 0, COUNT(texts) - 1)] = pick(rng, blanks, COUNT(blanks));
}

static void required_number_missing(struct order *o, struct rng *rng)
{
    bool *numbers[] = {&o->has_sequence,
                       &o->has_subtotal,
                       &o->has_total,
                       &o->items[0].has_quantity,
                       &o->items[0].has_unit_price,
                       &o->items[0].has_total_price};

    *numbers[rng_range(rng, 0, COUNT(numbers) - 1)] = false;
}

static void no_items(struct order *o, struct rng *rng)
{
    (void)rng;
    o->item_count = 0;
}

static void sequence_below_one(struct order *o, struct rng *rng)
{
    o->sequence = rng_range(rng, 0, 1) ? 0 : -o->sequence;
}

static void quantity_below_one(struct order *o, struct rng *rng)
{
    o->items[0].quantity = rng_range(rng, -3, 0);
}

/* Consistent but for the sign, so that the price's own rule is what it breaks. */
static void price_not_above_zero(struct order *o, struct rng *rng)
{
    struct order_item *it = &o->items[o->item_count - 1];

    it->unit_price = rng_range(rng, 0, 1) ? 0 : -it->unit_price;
    it->total_price = it->quantity * it->unit_price;
}

static void negative_charge(struct order *o, struct rng *rng)
{
    int64_t *charge = rng_range(rng, 0, 1) ? &o->tax : &o->shipping_fee;

    o->total -= *charge;
    *charge = -rng_range(rng, 1, 5000);
    o->total += *charge;
}

static void bad_email(struct order *o, struct rng *rng)
{
    static const char *const emails[] = {
        "nobody",          "@example.com",        "nobody@",       "nobody@localhost",
        "no body@mail.de", "nobody@@example.com", "nobody@.com",   "nobody@example.",
        "a@b@example.com", "nobody@exa mple.com", "nobody@a..com", "nobody@example.com ",
    };

    o->customer.email = pick(rng, emails, COUNT(emails));
}

static int64_t at_least_two_cents(struct rng *rng)
{
    int64_t off = rng_range(rng, 2, 10000);

    return rng_range(rng, 0, 1) ? off : -off;
}

static void wrong_item_total(struct order *o, struct rng *rng)
{
    o->items[rng_range(rng, 0, (int64_t)o->item_count - 1)].total_price += at_least_two_cents(rng);
}

static void wrong_subtotal(struct order *o, struct rng *rng)
{
    o->subtotal += at_least_two_cents(rng);
}

static void wrong_total(struct order *o, struct rng *rng)
{
    o->total += at_least_two_cents(rng);
}

const struct order_corruptor order_corruptors[] = {
    {"null value", RECORD_NULL_VALUE, NULL, NULL},
    {"not JSON", RECORD_DESERIALIZE, NULL, not_json},
    {"cut off", RECORD_DESERIALIZE, NULL, cut_off},
    {"empty value", RECORD_DESERIALIZE, NULL, empty_value},
    {"only white space", RECORD_DESERIALIZE, NULL, only_white_space},
    {"binary bytes", RECORD_DESERIALIZE, NULL, binary_bytes},
    {"not an object", RECORD_DESERIALIZE, NULL, not_an_object},
    {"wrapped in a list", RECORD_DESERIALIZE, NULL, wrapped_in_a_list},
    {"more behind the object", RECORD_DESERIALIZE, NULL, more_behind},
    {"NUL behind the object", RECORD_DESERIALIZE, NULL, nul_behind},
    {"byte order mark", RECORD_DESERIALIZE, NULL, byte_order_mark},
    {"UTF-16", RECORD_DESERIALIZE, NULL, utf16},
    {"comma too many", RECORD_DESERIALIZE, NULL, comma_too_many},
    {"comment", RECORD_DESERIALIZE, NULL, comment},
    {"nested too deep", RECORD_DESERIALIZE, NULL, nested_too_deep},
    {"invalid UTF-8", RECORD_DESERIALIZE, NULL, invalid_utf8},
    {"NUL byte in a text", RECORD_DESERIALIZE, NULL, nul_byte},
    {"control character in a text", RECORD_DESERIALIZE, NULL, control_character},
    {"bad escape", RECORD_DESERIALIZE, NULL, bad_escape},
    {"repeated member", RECORD_DESERIALIZE, NULL, repeated_member},
    {"text of the wrong type", RECORD_DESERIALIZE, NULL, text_of_wrong_type},
    {"number of the wrong type", RECORD_DESERIALIZE, NULL, number_of_wrong_type},
    {"integer out of range", RECORD_DESERIALIZE, NULL, integer_out_of_range},
    {"amount out of range", RECORD_DESERIALIZE, NULL, amount_out_of_range},
    {"no number of JSON", RECORD_DESERIALIZE, NULL, no_number_of_json},
    {"null for an object", RECORD_DESERIALIZE, NULL, null_for_an_object},
    {"boolean of the wrong type", RECORD_DESERIALIZE, NULL, boolean_as_number},
    {"required text missing", RECORD_VALIDATE, required_text_missing, NULL},
    {"required text blank", RECORD_VALIDATE, required_text_blank, NULL},
    {"required number missing", RECORD_VALIDATE, required_number_missing, NULL},
    {"no items", RECORD_VALIDATE, no_items, NULL},
    {"sequence below one", RECORD_VALIDATE, sequence_below_one, NULL},
    {"quantity below one", RECORD_VALIDATE, quantity_below_one, NULL},
    {"price not above zero", RECORD_VALIDATE, price_not_above_zero, NULL},
    {"negative charge", RECORD_VALIDATE, negative_charge, NULL},
    {"bad e-mail", RECORD_VALIDATE, bad_email, NULL},
    {"wrong item total", RECORD_VALIDATE, wrong_item_total, NULL},
    {"wrong subtotal", RECORD_VALIDATE, wrong_subtotal, NULL},
    {"wrong total", RECORD_VALIDATE, wrong_total, NULL},
};
const size_t order_corruptor_count = COUNT(order_corruptors);
