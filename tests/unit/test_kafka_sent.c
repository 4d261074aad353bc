#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/mem.h"
#include "io/kafka_sent.h"

#define MIB ((size_t)1 << 20)

static void assert_copied(const struct sent *sent, const struct outgoing *o, uint64_t tag)
{
    const struct outgoing *copy = &sent->record;

    assert_int_equal(sent->tag, tag);
    assert_string_equal(copy->topic, o->topic);
    assert_int_equal(copy->key_len, o->key_len);
    assert_int_equal(copy->value_len, o->value_len);
    assert_int_equal(copy->header_count, o->header_count);
    if (o->key)
        assert_memory_equal(copy->key, o->key, o->key_len);
    else
        assert_null(copy->key);
    if (o->value)
        assert_memory_equal(copy->value, o->value, o->value_len);
    else
        assert_null(copy->value);
    for (size_t i = 0; i < o->header_count; i++) {
        assert_string_equal(copy->headers[i].name, o->headers[i].name);
        assert_int_equal(copy->headers[i].value_len, o->headers[i].value_len);
        if (o->headers[i].value)
            assert_memory_equal(copy->headers[i].value, o->headers[i].value,
                                o->headers[i].value_len);
        else
            assert_null(copy->headers[i].value);
    }
}

/* Values of all sizes, in blocks that were used by other sizes before. */
static void all_bytes_are_copied(void **state)
{
    static const struct header headers[] = {
        {.name = "a", .value = "1", .value_len = 1},
        {.name = "none"},
        {.name = "", .value = "", .value_len = 0},
        {.name = "with a NUL", .value = "x\0y", .value_len = 3},
    };
    static char value[6000];
    struct sent_pool pool = {0};

    (void)state;
    memset(value, 'v', sizeof(value));
    for (size_t len = 0; len < sizeof(value); len += 61) {
        const struct outgoing o = {.topic = "orders",
                                   .key = len % 2 ? "key" : NULL,
                                   .key_len = len % 2 ? 3 : 0,
                                   .value = len ? value : NULL,
                                   .value_len = len,
                                   .headers = headers,
                                   .header_count = len % 5};
        struct sent *first = sent_new(&pool, &o, len);
        struct sent *second = sent_new(&pool, &o, len + 1);

        assert_true(first != second);
        assert_copied(first, &o, len);
        assert_copied(second, &o, len + 1);
        sent_free(&pool, first);
        assert_copied(second, &o, len + 1);
        sent_free(&pool, second);
    }
    sent_pool_release(&pool);
}

static void a_block_is_used_again_for_its_size_only(void **state)
{
    static char value[4000];
    const struct outgoing small = {.topic = "orders", .value = value, .value_len = 700};
    const struct outgoing large = {.topic = "orders", .value = value, .value_len = 2000};
    struct sent_pool pool = {0};
    struct sent *sent = sent_new(&pool, &small, 1);
    struct sent *other;

    (void)state;
    sent_free(&pool, sent);
    assert_true(pool.bytes > 0);
    other = sent_new(&pool, &large, 2);
    assert_ptr_not_equal(other, sent);
    assert_ptr_equal(sent_new(&pool, &small, 3), sent);
    assert_int_equal(pool.bytes, 0);
    sent_free(&pool, sent);
    sent_free(&pool, other);
    sent_pool_release(&pool);
    assert_int_equal(pool.bytes, 0);
}

/* Also when large records and a long queue are over. */
static void what_is_kept_is_bounded(void **state)
{
    enum { COUNT = 8000 };
    const size_t len = 2 * MIB;
    char *value = mem_alloc(len);
    struct sent **sent = mem_alloc_array(COUNT, sizeof(struct sent *));
    struct outgoing o = {.topic = "orders", .value = value, .value_len = len};
    struct sent_pool pool = {0};

    (void)state;
    sent_free(&pool, sent_new(&pool, &o, 1));
    assert_int_equal(pool.bytes, 0);
    o.value_len = 1000;
    for (size_t i = 0; i < COUNT; i++)
        sent[i] = sent_new(&pool, &o, i);
    for (size_t i = 0; i < COUNT; i++)
        sent_free(&pool, sent[i]);
    assert_in_range(pool.bytes, MIB, 4 * MIB);
    sent_pool_release(&pool);
    free(sent);
    free(value);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_bytes_are_copied),
        cmocka_unit_test(a_block_is_used_again_for_its_size_only),
        cmocka_unit_test(what_is_kept_is_bounded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
