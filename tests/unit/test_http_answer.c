#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "processor/http_answer.h"

#define NOW_MS INT64_C(1795351777000) /* Sun, 22 Nov 2026 12:49:37 GMT */

static void add_head(struct http_answer *a, const char *line)
{
    if (line)
        http_answer_head(a, line, strlen(line));
}

static void each_answer_has_its_verdict(void **state)
{
    static const struct {
        int status;
        const char *head;
        enum attempt_verdict verdict;
    } cases[] = {
        {200, NULL, ATTEMPT_OK},
        {201, NULL, ATTEMPT_OK},
        {204, NULL, ATTEMPT_OK},
        {299, NULL, ATTEMPT_OK},
        {401, NULL, ATTEMPT_UNAVAILABLE},
        {403, NULL, ATTEMPT_UNAVAILABLE},
        {407, NULL, ATTEMPT_UNAVAILABLE},
        {404, NULL, ATTEMPT_RETRY},
        {408, NULL, ATTEMPT_RETRY},
        {409, NULL, ATTEMPT_RETRY},
        {423, NULL, ATTEMPT_RETRY},
        {425, NULL, ATTEMPT_RETRY},
        {429, NULL, ATTEMPT_RETRY},
        {500, NULL, ATTEMPT_RETRY},
        {502, NULL, ATTEMPT_RETRY},
        {503, NULL, ATTEMPT_RETRY},
        {504, NULL, ATTEMPT_RETRY},
        {599, NULL, ATTEMPT_RETRY},
        {501, NULL, ATTEMPT_REJECT},
        {505, NULL, ATTEMPT_REJECT},
        {300, NULL, ATTEMPT_REJECT},
        {301, NULL, ATTEMPT_REJECT},
        {304, NULL, ATTEMPT_REJECT},
        {400, NULL, ATTEMPT_REJECT},
        {402, NULL, ATTEMPT_REJECT},
        {405, NULL, ATTEMPT_REJECT},
        {413, NULL, ATTEMPT_REJECT},
        {422, NULL, ATTEMPT_REJECT},
        {499, NULL, ATTEMPT_REJECT},
        {101, NULL, ATTEMPT_RETRY}, /* what is none of these says nothing of the order */
        {999, NULL, ATTEMPT_RETRY},
        {500, "order-result: ok", ATTEMPT_OK},
        {401, "Order-Result: reject\r\n", ATTEMPT_REJECT},
        {200, "ORDER-RESULT:retry", ATTEMPT_RETRY},
        {200, "order-result: reject", ATTEMPT_REJECT},
        {200, "order-result: fine", ATTEMPT_RETRY}, /* no success for whom we do not understand */
        {200, "order-result:", ATTEMPT_OK},
        {200, "order-results: reject", ATTEMPT_OK},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct http_answer a = {.status = cases[i].status};
        struct attempt_result r = {.tag = 7};

        add_head(&a, cases[i].head);
        http_answer_judge(&a, NOW_MS, &r);
        if (r.verdict != cases[i].verdict)
            fail_msg("%d %s: verdict %d", cases[i].status, cases[i].head ? cases[i].head : "",
                     (int)r.verdict);
        assert_int_equal(r.tag, 7);
        assert_int_equal(r.status, cases[i].status);
        assert_int_equal(r.reason, r.verdict == ATTEMPT_RETRY || r.verdict == ATTEMPT_REJECT
                                       ? RECORD_PROCESS
                                       : RECORD_REASON_NONE);
        assert_int_equal(*r.text == '\0', r.verdict == ATTEMPT_OK);
        http_answer_release(&a);
    }
}

static void no_answer_has_its_verdict_too(void **state)
{
    static const struct {
        enum http_end end;
        enum attempt_verdict verdict;
        enum record_reason reason;
    } cases[] = {
        {HTTP_TIMED_OUT, ATTEMPT_RETRY, RECORD_TIMEOUT},
        {HTTP_LOST, ATTEMPT_RETRY, RECORD_PROCESS},
        {HTTP_UNREACHABLE, ATTEMPT_UNAVAILABLE, RECORD_REASON_NONE},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        /* The head of an answer that never became whole says nothing. */
        struct http_answer a = {.end = cases[i].end, .status = 200, .why = "why"};
        struct attempt_result r = {0};

        add_head(&a, "order-result: ok");
        add_head(&a, "order-receipt: 7");
        http_answer_judge(&a, NOW_MS, &r);
        assert_int_equal(r.verdict, cases[i].verdict);
        assert_int_equal(r.reason, cases[i].reason);
        assert_int_equal(r.status, 0);
        assert_null(r.receipt);
        assert_string_equal(r.text, "why");
        http_answer_release(&a);
    }
}

static void retry_after_is_in_seconds_or_a_date(void **state)
{
    static const struct {
        const char *head;
        int64_t ms;
    } cases[] = {
        {"retry-after: 0", 0},
        {"retry-after: 120\r\n", 120000},
        {"Retry-After:  7 ", 7000},
        {"retry-after: 99999999999999999999", INT64_C(9999999999000)},
        {"retry-after: Sun, 22 Nov 2026 12:49:42 GMT", 5000},
        {"retry-after: Sunday, 22-Nov-26 12:49:42 GMT", 5000},
        {"retry-after: Sun Nov 22 12:49:42 2026", 5000},
        {"retry-after: Sun, 22 Nov 2026 12:49:30 GMT", 0},
        {"retry-after: Sunday, 22-Nov-98 12:49:42 GMT", 0},
        {"retry-after: Sun, 22 Foo 2026 12:49:42 GMT", 0},
        {"retry-after: Sun, 22 ovD 2026 12:49:42 GMT", 0},
        {"retry-after: -5", 0},
        {"retry-after: 1.5", 0},
        {"retry-after: soon", 0},
        {"retry-after:", 0},
        {"x-retry-after: 7", 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct http_answer a = {.status = 503};
        struct attempt_result r = {0};

        add_head(&a, cases[i].head);
        http_answer_judge(&a, NOW_MS, &r);
        if (r.retry_after_ms != cases[i].ms)
            fail_msg("%s: %lld ms", cases[i].head, (long long)r.retry_after_ms);
        http_answer_release(&a);
    }
}

static void the_error_is_the_status_and_the_beginning_of_the_body(void **state)
{
    struct http_answer a = {0};
    struct attempt_result r = {0};
    char body[3000];

    (void)state;
    a.status = 422;
    http_answer_judge(&a, NOW_MS, &r);
    assert_string_equal(r.text, "answered 422");

    http_answer_body(&a, "{\r\n  \"error\": \"no", 17);
    http_answer_body(&a, " such item \x1b[31m\"\n}\n", 20);
    http_answer_judge(&a, NOW_MS, &r);
    assert_string_equal(r.text, "answered 422: { \"error\": \"no such item ?[31m\" }");

    http_answer_reset(&a);
    a.status = 422;
    add_head(&a, "order-result: fi\tne");
    memset(body, 'x', sizeof(body));
    memcpy(body + 254, "\xc3\xa9\xc3\xa9", 4);
    http_answer_body(&a, body, sizeof(body));
    http_answer_body(&a, body, sizeof(body));
    http_answer_judge(&a, NOW_MS, &r);
    assert_memory_equal(r.text, "answered 422, order-result fi?ne: xxx", 37);
    assert_int_equal(strlen(r.text), 34 + 256);
    assert_string_equal(r.text + 34 + 254, "\xc3\xa9");
    http_answer_release(&a);
}

static void the_receipt_is_that_of_the_last_head(void **state)
{
    struct http_answer a = {0};
    struct attempt_result r = {0};

    (void)state;
    add_head(&a, "HTTP/1.1 100 Continue\r\n");
    add_head(&a, "order-receipt: early\r\n");
    add_head(&a, "order-result: reject\r\n");
    add_head(&a, "\r\n");
    add_head(&a, "HTTP/2 201\r\n");
    add_head(&a, "Order-Receipt:  inv 77\t\r\n");
    add_head(&a, "\r\n");
    a.status = 201;
    http_answer_judge(&a, NOW_MS, &r);
    assert_int_equal(r.verdict, ATTEMPT_OK);
    assert_int_equal(r.receipt_len, 6);
    assert_memory_equal(r.receipt, "inv 77", 6);
    http_answer_release(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_answer_has_its_verdict),
        cmocka_unit_test(no_answer_has_its_verdict_too),
        cmocka_unit_test(retry_after_is_in_seconds_or_a_date),
        cmocka_unit_test(the_error_is_the_status_and_the_beginning_of_the_body),
        cmocka_unit_test(the_receipt_is_that_of_the_last_head),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
