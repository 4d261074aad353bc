/* Bytes from the wire, for libFuzzer: tests/fuzz/corpus/order_decode, order_decode.dict.
 *
 * Whatever comes is decoded or refused with a reason fit for a terminal. What is decoded stays the
 * same order when it is minified, and when it is encoded and decoded again; its
 * journal line is JSON. Whatever our parser takes, as an order or not, cJSON takes too and sees the
 * same values in it. */

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cjson/cJSON.h>

#include "base/arena.h"
#include "base/strbuf.h"
#include "base/utf8.h"
#include "model/json_reader.h"
#include "model/order.h"
#include "model/order_json.h"
#include "model/record.h"
#include "support/cjson_agrees.h"

#include "expect.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct bench {
    struct arena arena;
    struct strbuf first;
    struct strbuf again;
    struct strbuf minified;
    struct strbuf line;
};

static void expect_printable(const char *why)
{
    EXPECT(*why);
    for (; *why; why++)
        EXPECT(*why >= 0x20 && *why < 0x7f);
}

/* Decodes and encodes; the order must be there. */
static void expect_encoding(struct arena *arena, const char *bytes, size_t len, struct strbuf *out)
{
    struct order o;
    char why[256];

    EXPECT(order_decode(bytes, len, arena, &o, why, sizeof(why)));
    strbuf_reset(out);
    order_encode(&o, out);
}

static void expect_json(const char *bytes, size_t len)
{
    cJSON *tree = cJSON_ParseWithLength(bytes, len);

    EXPECT(cJSON_IsObject(tree));
    EXPECT(utf8_valid(bytes, len, NULL));
    cJSON_Delete(tree);
}

static void expect_agreement(struct arena *arena, const char *bytes, size_t len)
{
    char why[256];
    struct json_tree tree;

    if (json_tree_read(&tree, bytes, len, ORDER_MAX_DEPTH, arena, why, sizeof(why)))
        EXPECT(cjson_agrees(tree.root, bytes, len));
    else
        expect_printable(why);
}

static void expect_line(const char *bytes, size_t len, const struct order *o, struct strbuf *line)
{
    struct record r = {.topic = "orders",
                       .value = bytes,
                       .value_len = len,
                       .deserialized = o != NULL,
                       .key = bytes,
                       .key_len = len < 40 ? len : 40,
                       .attempts = 1,
                       .order_id = o ? o->order_id : NULL,
                       .with_raw = true,
                       .with_order = true,
                       .is_compact = o && o->is_compact};

    strbuf_reset(line);
    record_write(&r, line);
    expect_json(line->data, line->len);
    EXPECT(memchr(line->data, '\n', line->len) == line->data + line->len - 1);
}

static void expect_same_order(struct bench *b, const char *bytes, size_t len, bool is_compact)
{
    expect_encoding(&b->arena, bytes, len, &b->first);
    strbuf_reset(&b->minified);
    json_minify(bytes, len, &b->minified);
    EXPECT(is_compact ? b->minified.len == len : b->minified.len < len);
    expect_encoding(&b->arena, b->minified.data, b->minified.len, &b->again);
    EXPECT(strcmp(b->first.data, b->again.data) == 0);
    expect_encoding(&b->arena, b->first.data, b->first.len, &b->again);
    EXPECT(strcmp(b->first.data, b->again.data) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *bytes = (const char *)data;
    struct bench b = {0};
    struct order o;
    char why[256] = "";
    char broken[256] = "";
    bool decoded = order_decode(bytes, size, &b.arena, &o, why, sizeof(why));

    if (decoded && !order_check(&o, broken, sizeof(broken)))
        expect_printable(broken);
    expect_line(bytes, size, decoded ? &o : NULL, &b.line);
    expect_agreement(&b.arena, bytes, size);
    if (decoded) {
        expect_same_order(&b, bytes, size, o.is_compact);
    } else {
        expect_printable(why);
    }
    arena_release(&b.arena);
    strbuf_release(&b.first);
    strbuf_release(&b.again);
    strbuf_release(&b.minified);
    strbuf_release(&b.line);
    return 0;
}
