#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "monitor/accept.h"

static void openmetrics_goes_to_those_that_name_and_prefer_it(void **state)
{
    static const struct {
        const char *header;
        enum metrics_format format;
    } cases[] = {
        {NULL, METRICS_CLASSIC},
        {"", METRICS_CLASSIC},
        {"*/*", METRICS_CLASSIC},
        {"text/html,application/xhtml+xml,*/*;q=0.8", METRICS_CLASSIC},
        {"text/plain; version=0.0.4", METRICS_CLASSIC},
        {"application/openmetrics-text", METRICS_OPENMETRICS},
        {"Application/OpenMetrics-Text ; version=1.0.0; charset=utf-8", METRICS_OPENMETRICS},
        {"application/openmetrics-text;q=0", METRICS_CLASSIC},
        {"application/openmetrics-text;q=0.000, text/plain", METRICS_CLASSIC},
        {"application/openmetrics-text; version=1.0.0; q=0.001", METRICS_OPENMETRICS},
        {"application/openmetrics-text;q=0.3,text/plain;q=0.75", METRICS_CLASSIC},
        {"text/plain;q=0.5,application/openmetrics-text;q=0.50", METRICS_OPENMETRICS},
        {"application/openmetrics-textual", METRICS_CLASSIC},
        {"text/x;a=application/openmetrics-text", METRICS_CLASSIC},
        {",,; ;q,application/openmetrics-text;;q=", METRICS_CLASSIC},
        /* Prometheus 2 and 3 */
        {"application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;"
         "q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
         METRICS_OPENMETRICS},
        {"application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,application/"
         "openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;"
         "q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
         METRICS_OPENMETRICS},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        if (accept_format(cases[i].header) != cases[i].format)
            fail_msg("%s", cases[i].header);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(openmetrics_goes_to_those_that_name_and_prefer_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
