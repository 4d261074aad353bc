#include "config/suggest.h"

#include <ctype.h>
#include <string.h>

enum { LONGEST = 64 }; /* what lies behind it is not compared */

static bool same(char a, char b)
{
    return tolower((unsigned char)a) == tolower((unsigned char)b);
}

static size_t least(size_t a, size_t b, size_t c)
{
    size_t m = a < b ? a : b;

    return m < c ? m : c;
}

/* Optimal string alignment; three rows of the matrix are enough. */
static size_t distance(const char *a, size_t a_len, const char *b, size_t b_len)
{
    size_t rows[3][LONGEST + 1];
    size_t *above2 = rows[0], *above = rows[1], *row = rows[2];

    for (size_t j = 0; j <= b_len; j++)
        above[j] = above2[j] = j;
    for (size_t i = 1; i <= a_len; i++) {
        size_t *oldest = above2;

        row[0] = i;
        for (size_t j = 1; j <= b_len; j++) {
            row[j] = least(above[j] + 1, row[j - 1] + 1,
                           above[j - 1] + (same(a[i - 1], b[j - 1]) ? 0 : 1));
            if (i > 1 && j > 1 && same(a[i - 1], b[j - 2]) && same(a[i - 2], b[j - 1]) &&
                above2[j - 2] + 1 < row[j])
                row[j] = above2[j - 2] + 1;
        }
        above2 = above;
        above = row;
        row = oldest;
    }
    return above[b_len];
}

void suggest_consider(struct suggestion *s, const char *known, size_t len)
{
    size_t d = distance(s->asked, strnlen(s->asked, LONGEST), known, len < LONGEST ? len : LONGEST);

    if (s->word && d >= s->distance)
        return;
    s->word = known;
    s->word_len = len;
    s->distance = d;
}

bool suggest_is_near(const struct suggestion *s)
{
    size_t limit = strnlen(s->asked, LONGEST) / 3;

    return s->word && s->distance <= (limit > 1 ? limit : 1);
}

int suggest_refuse(const struct suggestion *s, const char *what, const char *prefix, struct err *e)
{
    if (!s->word)
        return err_set(e, ERR_USAGE, "%s", what);
    if (suggest_is_near(s))
        return err_set(e, ERR_USAGE, "%s (did you mean %s%.*s?)", what, prefix, (int)s->word_len,
                       s->word);
    return err_set(e, ERR_USAGE, "%s (the nearest known is %s%.*s)", what, prefix, (int)s->word_len,
                   s->word);
}
