#include "view/format.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/rfc3339.h"

static const struct text_buffer unknown = {"-"};

/* Digits in groups of three. */
static struct text_buffer grouped(int64_t n)
{
    struct text_buffer b = {""};
    char digits[24];
    int len = snprintf(digits, sizeof(digits), "%" PRId64, n);
    char *to = b.text;

    for (int i = 0; i < len; i++) {
        if (i && (len - i) % 3 == 0)
            *to++ = ' ';
        *to++ = digits[i];
    }
    *to = '\0';
    return b;
}

struct text_buffer format_count(int64_t n)
{
    struct text_buffer b = {""};

    if (n < 0)
        return unknown;
    if (n < 10000000)
        return grouped(n);
    if (n < INT64_C(10000000000))
        snprintf(b.text, sizeof(b.text), "%.2f M", (double)n / 1e6);
    else
        snprintf(b.text, sizeof(b.text), "%.2f G", (double)n / 1e9);
    return b;
}

struct text_buffer format_short(int64_t n)
{
    static const struct {
        int64_t unit;
        const char *letter;
    } units[] = {{1000000000, "G"}, {1000000, "M"}, {1000, "k"}};
    struct text_buffer b = {""};

    if (n < 0)
        return unknown;
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        double scaled = (double)n / (double)units[i].unit;

        if (n < units[i].unit)
            continue;
        snprintf(b.text, sizeof(b.text), "%.*f%s", scaled < 9.95 ? 1 : 0, scaled, units[i].letter);
        return b;
    }
    snprintf(b.text, sizeof(b.text), "%" PRId64, n);
    return b;
}

struct text_buffer format_short_or_na(int64_t n)
{
    static const struct text_buffer none = {"n/a"};

    return n < 0 ? none : format_short(n);
}

struct text_buffer format_rate(double per_second)
{
    struct text_buffer b = {""};

    if (!isfinite(per_second))
        return unknown;
    if (per_second > 0 && per_second < 9.95) {
        snprintf(b.text, sizeof(b.text), "%.1f", per_second);
        return b;
    }
    return format_count((int64_t)llround(per_second));
}

struct text_buffer format_bytes(double bytes)
{
    static const char *const units[] = {"B", "kB", "MB", "GB", "TB", "PB"};
    struct text_buffer b = {""};
    size_t unit = 0;
    int decimals;

    if (!isfinite(bytes) || bytes < 0)
        return unknown;
    while (bytes >= 999.5 && unit + 1 < sizeof(units) / sizeof(units[0])) {
        bytes /= 1000;
        unit++;
    }
    decimals = unit == 0 || bytes >= 99.95 ? 0 : bytes >= 9.995 ? 1 : 2;
    snprintf(b.text, sizeof(b.text), "%.*f %s", decimals, bytes, units[unit]);
    return b;
}

struct text_buffer format_percent(double share)
{
    struct text_buffer b = {""};
    int64_t hundredths;

    if (!isfinite(share))
        return unknown;
    hundredths = (int64_t)floor(share * 10000.0 + 1e-8);
    snprintf(b.text, sizeof(b.text), "%" PRId64 ".%02" PRId64 " %%", hundredths / 100,
             hundredths % 100);
    return b;
}

struct text_buffer format_duration(int64_t ms)
{
    struct text_buffer b = {""};
    int64_t s = ms / 1000;

    if (ms < 0)
        return unknown;
    if (ms < 10000)
        snprintf(b.text, sizeof(b.text), "%" PRId64 ".%" PRId64 " s", s, ms / 100 % 10);
    else if (s < 120)
        snprintf(b.text, sizeof(b.text), "%" PRId64 " s", s);
    else if (s < 3600)
        snprintf(b.text, sizeof(b.text), "%" PRId64 "m%02" PRId64 "s", s / 60, s % 60);
    else if (s < INT64_C(360000))
        snprintf(b.text, sizeof(b.text), "%" PRId64 "h%02" PRId64 "m%02" PRId64 "s", s / 3600,
                 s / 60 % 60, s % 60);
    else
        snprintf(b.text, sizeof(b.text), "%" PRId64 "d%02" PRId64 "h", s / 86400, s / 3600 % 24);
    return b;
}

struct text_buffer format_age(int64_t ms)
{
    struct text_buffer b = {""};
    int64_t s = ms / 1000;

    if (ms < 0)
        return unknown;
    if (s < 100)
        snprintf(b.text, sizeof(b.text), "%" PRId64 "s", s);
    else if (s < 6000)
        snprintf(b.text, sizeof(b.text), "%" PRId64 "m", s / 60);
    else if (s < INT64_C(360000))
        snprintf(b.text, sizeof(b.text), "%" PRId64 "h", s / 3600);
    else
        snprintf(b.text, sizeof(b.text), "%" PRId64 "d", s / 86400);
    return b;
}

static struct text_buffer time_ms(int64_t ms, int offset_s)
{
    struct text_buffer b = {""};
    int64_t local = ms + (int64_t)offset_s * 1000;
    int64_t in_day = ((local % 86400000) + 86400000) % 86400000;

    snprintf(b.text, sizeof(b.text), "%02d:%02d:%02d.%03d", (int)(in_day / 3600000),
             (int)(in_day / 60000 % 60), (int)(in_day / 1000 % 60), (int)(in_day % 1000));
    return b;
}

struct text_buffer format_time(int64_t ms, int offset_s)
{
    struct text_buffer b = time_ms(ms, offset_s);

    b.text[8] = '\0';
    return b;
}

#define HALF_A_DAY_MS INT64_C(43200000)

struct text_buffer format_moment_ms(int64_t ms, int64_t now_ms, int offset_s)
{
    static const char months[][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    int64_t apart = ms > now_ms ? ms - now_ms : now_ms - ms;
    struct text_buffer b = {""};
    char date[RFC3339_SIZE];
    int month;

    if (apart < HALF_A_DAY_MS)
        return time_ms(ms, offset_s);
    rfc3339_format(ms + INT64_C(1000) * offset_s, date); /* 2026-11-22T17:04:31.402Z */
    month = (date[5] - '0') * 10 + date[6] - '0';
    snprintf(b.text, sizeof(b.text), "%s %.2s %.5s", months[(month + 11) % 12], date + 8,
             date + 11);
    return b;
}

struct text_buffer format_moment(int64_t ms, int64_t now_ms, int offset_s)
{
    struct text_buffer b = format_moment_ms(ms, now_ms, offset_s);

    if (b.text[2] == ':')
        b.text[8] = '\0';
    return b;
}
