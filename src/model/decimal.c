#include "model/decimal.h"

/* Larger exponents give zero or an overflow all the same; the bound keeps sums of them small. */
#define EXPONENT_BOUND 1000000

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* The exponent behind the digits, with the digits counted in front of the point. */
static int64_t point_place(const char *p)
{
    int64_t place = 0;
    int64_t exponent = 0;
    bool negative = false;

    for (; is_digit(*p); p++)
        place++;
    if (*p == '.')
        p++;
    while (is_digit(*p))
        p++;
    if (*p != 'e' && *p != 'E')
        return place;
    p++;
    if (*p == '+' || *p == '-')
        negative = *p++ == '-';
    for (; is_digit(*p); p++)
        if (exponent < EXPONENT_BOUND)
            exponent = exponent * 10 + (*p - '0');
    return place + (negative ? -exponent : exponent);
}

static bool push_digit(uint64_t *v, unsigned digit)
{
    return !__builtin_mul_overflow(*v, UINT64_C(10), v) && !__builtin_add_overflow(*v, digit, v);
}

bool decimal_read(const char *text, int scale, int64_t *value, bool *exact)
{
    bool negative = *text == '-';
    const char *p = text + negative;
    int64_t place = point_place(p) + scale; /* so many digits belong to the result */
    int64_t i = 0;
    uint64_t v = 0;
    bool round_up = false;

    *exact = true;
    for (; is_digit(*p) || *p == '.'; p++) {
        unsigned digit = (unsigned)(*p - '0');

        if (*p == '.')
            continue;
        if (i < place && !push_digit(&v, digit))
            return false;
        if (i >= place && digit)
            *exact = false;
        if (i == place)
            round_up = digit >= 5;
        i++;
    }
    for (; v && i < place; i++)
        if (!push_digit(&v, 0))
            return false;
    if (v > (uint64_t)INT64_MAX + negative || (round_up && v >= (uint64_t)INT64_MAX))
        return false;
    v += round_up;
    *value = negative ? (int64_t)(0 - v) : (int64_t)v;
    return true;
}
