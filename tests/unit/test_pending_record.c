#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "io/pending_record.h"

static void assert_copied(const struct pending_record *sent, const struct outgoing *o, uint64_t tag)
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

/* Values of all sizes. */
static void all_bytes_are_copied(void **state)
{
    static const struct header headers[] = {
        {.name = "a", .value = "1", .value_len = 1},
        {.name = "none"},
        {.name = "", .value = "", .value_len = 0},
        {.name = "with a NUL", .value = "x\0y", .value_len = 3},
    };
    static char value[6000];

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
        struct pending_record *sent = pending_record_new(&o, len);

        assert_copied(sent, &o, len);
        free(sent);
    }
}

static void a_ring_keeps_the_order_and_gives_up_any(void **state)
{
    struct pending_record ring;
    struct pending_record sent[3];

    (void)state;
    pending_ring_init(&ring);
    assert_ptr_equal(ring.next, &ring);
    for (int i = 0; i < 3; i++)
        pending_ring_add(&ring, &sent[i]);
    pending_ring_remove(&sent[1]);
    assert_ptr_equal(ring.next, &sent[0]);
    assert_ptr_equal(ring.next->next, &sent[2]);
    assert_ptr_equal(ring.prev, &sent[2]);
    assert_ptr_equal(ring.prev->prev, &sent[0]);
    pending_ring_remove(&sent[0]);
    pending_ring_remove(&sent[2]);
    assert_ptr_equal(ring.next, &ring);
    assert_ptr_equal(ring.prev, &ring);
}

static void a_ring_is_put_before_another_in_its_order(void **state)
{
    struct pending_record ring, other;
    struct pending_record sent[5];

    (void)state;
    for (int into = 0; into <= 2; into++) {
        pending_ring_init(&ring);
        pending_ring_init(&other);
        for (int i = 0; i < 3; i++)
            pending_ring_add(&other, &sent[i]);
        for (int i = 3; i < 3 + into; i++)
            pending_ring_add(&ring, &sent[i]);
        pending_ring_put_first(&ring, &other);
        pending_ring_put_first(&ring, &other);
        assert_true(pending_ring_is_empty(&other));
        for (int i = 0; i < 3 + into; i++) {
            assert_ptr_equal(ring.next, &sent[i]);
            pending_ring_remove(&sent[i]);
        }
        assert_true(pending_ring_is_empty(&ring));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_bytes_are_copied),
        cmocka_unit_test(a_ring_keeps_the_order_and_gives_up_any),
        cmocka_unit_test(a_ring_is_put_before_another_in_its_order),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
