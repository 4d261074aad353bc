#include "flow/breaker.h"

/* One more record; a full window is judged and begun anew. Returns true when too many of it failed.
 */
static bool count(struct breaker *b, const struct breaker_policy *p, bool given_up)
{
    bool is_too_many;

    b->seen++;
    b->given_up += given_up;
    if (b->seen < p->window)
        return false;
    is_too_many = (double)b->given_up >= p->share * (double)b->seen;
    b->seen = 0;
    b->given_up = 0;
    return is_too_many;
}

bool breaker_success(struct breaker *b, const struct breaker_policy *p)
{
    bool was_open = b->is_open;

    b->consecutive = 0;
    b->is_open = false;
    count(b, p, false);
    return was_open;
}

bool breaker_failure(struct breaker *b, const struct breaker_policy *p)
{
    b->consecutive++;
    if (count(b, p, true) || b->consecutive >= p->consecutive)
        b->is_open = true;
    return b->is_open;
}
