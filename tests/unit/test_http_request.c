#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "processor/http_request.h"

#define ID   "orders/3/17"
#define HEAD "content-type: application/json|expect:|ce-specversion: 1.0|ce-id: " ID "|"
#define TAIL "idempotency-key: " ID "|order-attempt: 2|"

static void assert_lines(const struct order *order, int64_t timestamp_ms,
                         const struct header *headers, size_t count, const char *expected)
{
    const struct message m = {
        .topic = "orders", .partition = 3, .offset = 17, .timestamp_ms = timestamp_ms};
    const struct attempt a = {.message = &m, .order = order, .number = 2};
    struct strbuf lines = {0};

    http_request_headers(&a, headers, count, &lines);
    for (size_t i = 0; i < lines.len; i++)
        if (lines.data[i] == '\0')
            lines.data[i] = '|';
    assert_string_equal(lines.data, expected);
    strbuf_release(&lines);
}

static void a_record_without_headers_gets_its_own(void **state)
{
    const struct order order = {0};

    (void)state;
    assert_lines(&order, -1, NULL, 0, HEAD "ce-source: kafka:orders|ce-type: order|" TAIL);
}

static void what_the_order_says_of_itself_is_taken(void **state)
{
    const struct order order = {
        .metadata = {.event_type = "order.paid",
                     .correlation_id = "726dd55e-feb8-4bef-910f-5186e7aa3faf"}};

    (void)state;
    assert_lines(&order, 1795367071402, NULL, 0,
                 HEAD "ce-source: kafka:orders|ce-type: order.paid|ce-time: "
                      "2026-11-22T17:04:31.402Z|" TAIL
                      "traceparent: 00-726dd55efeb84bef910f5186e7aa3faf-910f5186e7aa3faf-01|");
}

static void the_headers_of_the_record_come_first(void **state)
{
    const struct order order = {
        .metadata = {.event_type = "order.paid",
                     .correlation_id = "726dd55e-feb8-4bef-910f-5186e7aa3faf"}};
    const struct header headers[] = {
        {"ce_type", "old", 3}, {"ce_type", "a b\r\nc%\"\xc3\xa9", 10}, {"ce_source", "/shop", 5},
        {"ce_id", "x", 1},     {"traceparent", "00-1-2-3", 8},
    };

    (void)state;
    assert_lines(&order, -1, headers, 5,
                 HEAD "ce-source: /shop|ce-type: a%20b%0D%0Ac%25%22%C3%A9|" TAIL
                      "traceparent: 00-1-2-3|");
}

static void a_traceparent_that_is_none_is_not_passed_on(void **state)
{
    const struct order order = {0};
    const struct header headers[] = {{"traceparent", "00-1\r\nx: y", 10}, {"ce_type", NULL, 0}};

    (void)state;
    assert_lines(&order, -1, headers, 2, HEAD "ce-source: kafka:orders|ce-type: order|" TAIL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_record_without_headers_gets_its_own),
        cmocka_unit_test(what_the_order_says_of_itself_is_taken),
        cmocka_unit_test(the_headers_of_the_record_come_first),
        cmocka_unit_test(a_traceparent_that_is_none_is_not_passed_on),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
