#include "base/rfc3339.h"

#include <stdbool.h>
#include <string.h>

#define MS_PER_DAY INT64_C(86400000)

/* Days since 1970-01-01 of a date in the proleptic Gregorian calendar, and back:
 * Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms". */
static int64_t days_from_civil(int64_t y, int m, int d)
{
    int64_t era;
    int64_t yoe;
    int64_t doy;

    y -= m <= 2;
    era = (y >= 0 ? y : y - 399) / 400;
    yoe = y - era * 400;
    doy = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;
    return era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468;
}

static void civil_from_days(int64_t z, int *year, int *month, int *day)
{
    int64_t era;
    int64_t doe;
    int64_t yoe;
    int64_t doy;
    int64_t mp;

    z += 719468;
    era = (z >= 0 ? z : z - 146096) / 146097;
    doe = z - era * 146097;
    yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    mp = (5 * doy + 2) / 153;
    *day = (int)(doy - (153 * mp + 2) / 5 + 1);
    *month = (int)(mp < 10 ? mp + 3 : mp - 9);
    *year = (int)(yoe + era * 400 + (*month <= 2));
}

static char *put_digits(char *p, int value, int width)
{
    for (int i = width - 1; i >= 0; i--) {
        p[i] = (char)('0' + value % 10);
        value /= 10;
    }
    return p + width;
}

void rfc3339_format(int64_t wall_ms, char out[RFC3339_SIZE])
{
    static const int64_t first = INT64_C(-62167219200000); /* 0000-01-01 */
    static const int64_t last = INT64_C(253402300799999);  /* 9999-12-31T23:59:59.999 */
    int64_t ms;
    int64_t days;
    int in_day;
    int y;
    int m;
    int d;
    char *p = out;

    ms = wall_ms < first ? first : wall_ms > last ? last : wall_ms;
    days = ms >= 0 ? ms / MS_PER_DAY : -((-ms + MS_PER_DAY - 1) / MS_PER_DAY);
    in_day = (int)(ms - days * MS_PER_DAY);
    civil_from_days(days, &y, &m, &d);
    p = put_digits(p, y, 4);
    *p++ = '-';
    p = put_digits(p, m, 2);
    *p++ = '-';
    p = put_digits(p, d, 2);
    *p++ = 'T';
    p = put_digits(p, in_day / 3600000, 2);
    *p++ = ':';
    p = put_digits(p, in_day / 60000 % 60, 2);
    *p++ = ':';
    p = put_digits(p, in_day / 1000 % 60, 2);
    *p++ = '.';
    p = put_digits(p, in_day % 1000, 3);
    *p++ = 'Z';
    *p = '\0';
}

const char *rfc3339_text(struct rfc3339_text *t, int64_t wall_ms)
{
    if (t->wall_ms != wall_ms || !t->text[0]) {
        rfc3339_format(wall_ms, t->text);
        t->wall_ms = wall_ms;
    }
    return t->text;
}

static bool take_number(const char **p, const char *end, int width, int *value)
{
    *value = 0;
    if (end - *p < width)
        return false;
    for (int i = 0; i < width; i++, (*p)++) {
        if (**p < '0' || **p > '9')
            return false;
        *value = *value * 10 + (**p - '0');
    }
    return true;
}

static bool take_char(const char **p, const char *end, const char *any_of)
{
    if (*p == end || !strchr(any_of, **p) || **p == '\0')
        return false;
    (*p)++;
    return true;
}

static bool take_fraction(const char **p, const char *end, int *ms)
{
    int scale = 100;
    const char *digits;

    *ms = 0;
    if (!take_char(p, end, "."))
        return true;
    for (digits = *p; *p < end && **p >= '0' && **p <= '9'; (*p)++, scale /= 10)
        *ms += scale * (**p - '0');
    return *p > digits;
}

static bool take_offset(const char **p, const char *end, int *minutes)
{
    int sign;
    int h;
    int m;

    *minutes = 0;
    if (take_char(p, end, "Zz"))
        return true;
    sign = *p < end && **p == '-' ? -1 : 1;
    if (!take_char(p, end, "+-") || !take_number(p, end, 2, &h) || !take_char(p, end, ":") ||
        !take_number(p, end, 2, &m) || h > 23 || m > 59)
        return false;
    *minutes = sign * (h * 60 + m);
    return true;
}

static int days_in_month(int y, int m)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;

    return m == 2 && leap ? 29 : days[m - 1];
}

int rfc3339_parse(const char *text, size_t len, int64_t *wall_ms)
{
    const char *p = text;
    const char *end = text + len;
    int y, mon, d, h, min, s, ms, offset;

    if (!take_number(&p, end, 4, &y) || !take_char(&p, end, "-") ||
        !take_number(&p, end, 2, &mon) || !take_char(&p, end, "-") ||
        !take_number(&p, end, 2, &d) || !take_char(&p, end, "Tt ") ||
        !take_number(&p, end, 2, &h) || !take_char(&p, end, ":") ||
        !take_number(&p, end, 2, &min) || !take_char(&p, end, ":") ||
        !take_number(&p, end, 2, &s) || !take_fraction(&p, end, &ms) ||
        !take_offset(&p, end, &offset) || p != end)
        return -1;
    if (mon < 1 || mon > 12 || d < 1 || d > days_in_month(y, mon) || h > 23 || min > 59 || s > 60)
        return -1;
    *wall_ms = days_from_civil(y, mon, d) * MS_PER_DAY + (int64_t)h * 3600000 +
               (int64_t)(min - offset) * 60000 + (int64_t)s * 1000 + ms;
    return 0;
}
