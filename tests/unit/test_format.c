#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "view/format.h"

static void counts_are_grouped_and_large_ones_shortened(void **state)
{
    (void)state;
    assert_string_equal(format_count(-1).text, "-");
    assert_string_equal(format_count(0).text, "0");
    assert_string_equal(format_count(999).text, "999");
    assert_string_equal(format_count(1204).text, "1 204");
    assert_string_equal(format_count(9999999).text, "9 999 999");
    assert_string_equal(format_count(13481002).text, "13.48 M");
    assert_string_equal(format_short(942).text, "942");
    assert_string_equal(format_short(1410).text, "1.4k");
    assert_string_equal(format_short(39095).text, "39k");
    assert_string_equal(format_short(13481002).text, "13M");
}

static void a_percentage_is_cut_so_that_one_failure_shows(void **state)
{
    (void)state;
    assert_string_equal(format_percent(NAN).text, "-");
    assert_string_equal(format_percent(1).text, "100.00 %");
    assert_string_equal(format_percent(1.0 - 1e-9).text, "99.99 %");
    assert_string_equal(format_percent(999999.0 / 1000000).text, "99.99 %");
    assert_string_equal(format_percent(0.9982).text, "99.82 %");
    assert_string_equal(format_percent(0.29).text, "29.00 %");
    assert_string_equal(format_percent(0).text, "0.00 %");
}

static void rates_bytes_and_times_read_well(void **state)
{
    (void)state;
    assert_string_equal(format_rate(NAN).text, "-");
    assert_string_equal(format_rate(0).text, "0");
    assert_string_equal(format_rate(3.44).text, "3.4");
    assert_string_equal(format_rate(1204.4).text, "1 204");
    assert_string_equal(format_bytes(812).text, "812 B");
    assert_string_equal(format_bytes(29.3e9).text, "29.3 GB");
    assert_string_equal(format_bytes(2200).text, "2.20 kB");
    assert_string_equal(format_bytes(-1).text, "-");
    assert_string_equal(format_duration(-1).text, "-");
    assert_string_equal(format_duration(450).text, "0.4 s");
    assert_string_equal(format_duration(95000).text, "95 s");
    assert_string_equal(format_duration(389000).text, "6m29s");
    assert_string_equal(format_duration(11524000).text, "3h12m04s");
    assert_string_equal(format_age(99000).text, "99s");
    assert_string_equal(format_age(660000).text, "11m");
    assert_string_equal(format_time(1795367071402, 0).text, "17:04:31");
    assert_string_equal(format_moment_ms(1795367071402, 1795367071402, 3600).text, "18:04:31.402");
    assert_string_equal(format_moment_ms(-1, 0, 0).text, "23:59:59.999");
    assert_string_equal(format_moment(1795367071402, 1795367071402 + 43199999, 0).text, "17:04:31");
    assert_string_equal(format_moment_ms(1795367071402, 1795367071402, 0).text, "17:04:31.402");
    assert_string_equal(format_moment(1795367071402, 1795367071402 + 43200000, 0).text,
                        "Nov 22 17:04");
    assert_string_equal(format_moment_ms(1795406671402, 0, 3600).text, "Nov 23 05:04");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_are_grouped_and_large_ones_shortened),
        cmocka_unit_test(a_percentage_is_cut_so_that_one_failure_shows),
        cmocka_unit_test(rates_bytes_and_times_read_well),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
