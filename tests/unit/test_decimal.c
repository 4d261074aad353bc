#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "model/decimal.h"

struct number_case {
    const char *text;
    int scale;
    bool fits;
    int64_t value;
    bool exact;
};

static void check_all(const struct number_case *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct number_case *c = &cases[i];
        int64_t value = 0;
        bool exact = false;

        if (decimal_read(c->text, c->scale, &value, &exact) != c->fits)
            fail_msg("%s: fits", c->text);
        if (c->fits && (value != c->value || exact != c->exact))
            fail_msg("%s: got %lld, exact %d", c->text, (long long)value, exact);
    }
}

#define CHECK_ALL(cases) check_all(cases, sizeof(cases) / sizeof((cases)[0]))

static void integers_are_read_by_their_value(void **state)
{
    static const struct number_case cases[] = {
        {"0", 0, true, 0, true},
        {"-0", 0, true, 0, true},
        {"42", 0, true, 42, true},
        {"-42,", 0, true, -42, true},
        {"1.0", 0, true, 1, true},
        {"1e2", 0, true, 100, true},
        {"1E+2}", 0, true, 100, true},
        {"1200e-2", 0, true, 12, true},
        {"0e99999999999999999999", 0, true, 0, true},
        {"0.000e-99999999999999999999", 0, true, 0, true},
        {"9007199254740993", 0, true, INT64_C(9007199254740993), true},
        {"9223372036854775807", 0, true, INT64_MAX, true},
        {"-9223372036854775808", 0, true, INT64_MIN, true},
        {"922337203685477580.7e1", 0, true, INT64_MAX, true},
        {"1.5", 0, true, 2, false},
        {"1e-1", 0, true, 0, false},
        {"1e-99999999999999999999", 0, true, 0, false},
        {"0.99999999999999999999999999", 0, true, 1, false},
        {"9007199254740992.00000000000000000000000001", 0, true, INT64_C(9007199254740992), false},
    };

    (void)state;
    CHECK_ALL(cases);
}

static void what_does_not_fit_into_64_bits_is_told(void **state)
{
    static const struct number_case cases[] = {
        {"9223372036854775808", 0, false, 0, false},
        {"-9223372036854775809", 0, false, 0, false},
        {"18446744073709551616", 0, false, 0, false},
        {"18446744073709551615", 0, false, 0, false},
        {"9223372036854775807.5", 0, false, 0, false},
        {"1e19", 0, false, 0, false},
        {"1e99999999999999999999", 0, false, 0, false},
        {"92233720368547758.08", 2, false, 0, false},
    };

    (void)state;
    CHECK_ALL(cases);
}

static void amounts_are_rounded_half_away_from_zero(void **state)
{
    static const struct number_case cases[] = {
        {"12", 2, true, 1200, true},
        {"12.5", 2, true, 1250, true},
        {"12.30", 2, true, 1230, true},
        {"9.600000000000001", 2, true, 960, false},
        {"9.599999999999999", 2, true, 960, false},
        {"0.145", 2, true, 15, false},
        {"-0.145", 2, true, -15, false},
        {"0.1449999", 2, true, 14, false},
        {"1.005", 2, true, 101, false},
        {"0.005", 2, true, 1, false},
        {"0.0049", 2, true, 0, false},
        {"0.00099", 2, true, 0, false},
        {"5e-3", 2, true, 1, false},
        {"9e-4", 2, true, 0, false},
        {"1.25e1", 2, true, 1250, true},
        {"99.995", 2, true, 10000, false},
        {"1000000000000.00", 2, true, INT64_C(100000000000000), true},
    };

    (void)state;
    CHECK_ALL(cases);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(integers_are_read_by_their_value),
        cmocka_unit_test(what_does_not_fit_into_64_bits_is_told),
        cmocka_unit_test(amounts_are_rounded_half_away_from_zero),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
