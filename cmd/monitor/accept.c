#include "accept.h"

#include <string.h>
#include <strings.h>

/* In thousandths, of "0.75" or "1". */
static int read_weight(const char *text)
{
    int weight = 0;

    if (*text == '1')
        return 1000;
    if (text[0] != '0' || text[1] != '.')
        return 0;
    text += 2;
    for (int unit = 100; unit && *text >= '0' && *text <= '9'; unit /= 10, text++)
        weight += unit * (*text - '0');
    return weight;
}

/* Of a media range whose parameters begin at `at`, as in ";version=1.0.0;q=0.5". */
static int weight_of(const char *at)
{
    while (*at == ';') {
        at += 1;
        at += strspn(at, " \t");
        if (strncasecmp(at, "q=", 2) == 0)
            return read_weight(at + 2);
        at += strcspn(at, ";,");
    }
    return 1000;
}

/* The largest weight that the header gives the type, 0 when it is not named. */
static int weight_in(const char *header, const char *type)
{
    int weight = 0;

    while (*header) {
        size_t len;

        header += strspn(header, ", \t");
        len = strcspn(header, ",; \t");
        if (len == strlen(type) && strncasecmp(header, type, len) == 0) {
            const char *parameters = header + len + strspn(header + len, " \t");
            int own = weight_of(parameters);

            weight = own > weight ? own : weight;
        }
        header += strcspn(header, ",");
    }
    return weight;
}

enum metrics_format accept_format(const char *header)
{
    int openmetrics = header ? weight_in(header, "application/openmetrics-text") : 0;

    return openmetrics > 0 && openmetrics >= weight_in(header, "text/plain") ? METRICS_OPENMETRICS
                                                                             : METRICS_CLASSIC;
}
