#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "processor/exchange.h"

static const char *request(struct strbuf *out, const struct message *m, bool is_compact,
                           const struct header *headers, size_t count)
{
    const struct order order = {.is_compact = is_compact};
    const struct attempt a = {.message = m, .order = &order, .number = 2};

    strbuf_reset(out);
    exchange_write(&a, headers, count, 5000, out);
    return strbuf_text(out);
}

static void a_request_is_one_line_with_the_order_in_it(void **state)
{
    const struct header headers[] = {{"traceparent", "00-1", 4},
                                     {"a\"b", "x", 1},
                                     {"twice", "1", 1},
                                     {"twice", "2", 1},
                                     {"none", NULL, 0}};
    const struct message m = {.topic = "orders",
                              .partition = 3,
                              .offset = 17,
                              .timestamp_ms = 1795367071402,
                              .key = "k\n",
                              .key_len = 2,
                              .value = "{\n \"order_id\" : \"o 1\"\n}",
                              .value_len = 23};
    struct strbuf out = {0};

    (void)state;
    assert_string_equal(
        request(&out, &m, false, headers, 5),
        "{\"id\":\"orders/3/17\",\"attempt\":2,\"timeout_ms\":5000,\"topic\":\"orders\","
        "\"partition\":3,\"offset\":17,\"timestamp_ms\":1795367071402,\"key\":\"k\\n\","
        "\"headers\":{\"traceparent\":\"00-1\",\"a\\\"b\":\"x\",\"twice\":\"2\",\"none\":null},"
        "\"order\":{\"order_id\":\"o 1\"}}\n");
    strbuf_release(&out);
}

static void what_is_not_utf_8_is_in_base64(void **state)
{
    const struct header headers[] = {{"text", "x", 1}, {"bytes", "\xff\xfe", 2}};
    const struct message m = {.topic = "orders",
                              .timestamp_ms = -1,
                              .key = "\xff",
                              .key_len = 1,
                              .value = "{}",
                              .value_len = 2};
    struct strbuf out = {0};

    (void)state;
    assert_non_null(strstr(request(&out, &m, true, headers, 2),
                           "\"timestamp_ms\":null,\"key_base64\":\"/w==\",\"headers\":{\"text\":"
                           "\"x\"},\"headers_base64\":{\"bytes\":\"//4=\"},\"order\":{}}\n"));
    strbuf_release(&out);
}

static void answers_are_read(void **state)
{
    static const struct {
        const char *text;
        int rc;
        bool has_verdict;
        enum attempt_verdict verdict;
        int64_t retry_after_ms;
    } cases[] = {
        {"{\"id\":\"orders/3/17\",\"result\":\"ok\"}", 0, true, ATTEMPT_OK, 0},
        {"{\"id\":\"orders\\/3\\/17\",\"result\":\"reject\",\"error\":\"no\"}", 0, true,
         ATTEMPT_REJECT, 0},
        {" {\"result\":\"retry\",\"retry_after_ms\":100,\"id\":\"orders/3/17\"} ", 0, true,
         ATTEMPT_RETRY, 100},
        {"{\"id\":\"orders/3/17\",\"result\":\"retry\",\"retry_after_ms\":-5}", 0, true,
         ATTEMPT_RETRY, 0},
        {"{\"id\":\"orders/3/17\",\"result\":\"fine\"}", 0, false, ATTEMPT_OK, 0},
        {"{\"id\":\"orders/3/17\"}", 0, false, ATTEMPT_OK, 0},
        {"{\"id\":\"other/3/17\",\"result\":\"ok\"}", -1, false, ATTEMPT_OK, 0},
        {"{\"id\":\"orders/3/\",\"result\":\"ok\"}", -1, false, ATTEMPT_OK, 0},
        {"{\"id\":\"orders/-3/17\",\"result\":\"ok\"}", -1, false, ATTEMPT_OK, 0},
        {"{\"id\":\"orders/3\",\"result\":\"ok\"}", -1, false, ATTEMPT_OK, 0},
        {"{\"id\":17,\"result\":\"ok\"}", -1, false, ATTEMPT_OK, 0},
        {"{\"result\":\"ok\"}", -1, false, ATTEMPT_OK, 0},
        {"{\"id\":\"orders/3/17\",\"result\":\"ok\"", -1, false, ATTEMPT_OK, 0},
        {"[\"id\",\"orders/3/17\"]", -1, false, ATTEMPT_OK, 0},
        {"[{\"id\":\"orders/3/17\",\"result\":\"ok\"}]", -1, false, ATTEMPT_OK, 0},
        {"Hello", -1, false, ATTEMPT_OK, 0},
        {"", -1, false, ATTEMPT_OK, 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct exchange_answer a;

        assert_int_equal(exchange_read(&a, "orders", cases[i].text, strlen(cases[i].text)),
                         cases[i].rc);
        if (cases[i].rc < 0)
            continue;
        assert_int_equal(a.partition, 3);
        assert_int_equal(a.offset, 17);
        assert_int_equal(a.has_verdict, cases[i].has_verdict);
        assert_int_equal(a.verdict, cases[i].verdict);
        assert_int_equal(a.retry_after_ms, cases[i].retry_after_ms);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_is_one_line_with_the_order_in_it),
        cmocka_unit_test(what_is_not_utf_8_is_in_base64),
        cmocka_unit_test(answers_are_read),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
