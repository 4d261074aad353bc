#include "flow/start.h"

static int64_t later(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* And something that was journaled can still be read again. */
static bool was_rewound(const struct start_facts *f)
{
    return f->committed != START_UNKNOWN && f->acked_commit != START_UNKNOWN &&
           f->committed < f->acked_commit && f->committed < f->journal_next &&
           f->low < f->journal_next;
}

/* A start that the broker no longer has begins where the broker does. */
static struct start from_low(int64_t wanted, int64_t low)
{
    return (struct start){.kind = START_GAP, .offset = low, .from = wanted, .to = low};
}

static int64_t wanted_by(const struct start_facts *f)
{
    return later(f->journal_next, f->committed);
}

/* A commit below what was acknowledged to us is somebody's wish for the new topic. Any other may be
 * our own of the old one. */
struct start start_recreated(const struct start_facts *f)
{
    bool is_wished =
        f->committed >= f->low && f->committed <= f->high && f->committed < f->acked_commit;
    int64_t offset = is_wished ? f->committed : f->low;

    return (struct start){
        .kind = START_RESET, .offset = offset, .from = offset, .to = wanted_by(f)};
}

struct start start_cut(const struct start_facts *f, int64_t end)
{
    return (struct start){.kind = START_CUT, .offset = end, .from = end, .to = wanted_by(f)};
}

struct start start_decide(const struct start_facts *f)
{
    int64_t wanted = wanted_by(f);

    if (wanted == START_UNKNOWN)
        return (struct start){.kind = START_NORMAL, .offset = START_UNKNOWN};
    if (was_rewound(f)) {
        int64_t offset = later(f->committed, f->low);

        return (struct start){
            .kind = START_REPLAY, .offset = offset, .from = offset, .to = f->journal_next};
    }
    if (wanted < f->low)
        return from_low(wanted, f->low);
    return (struct start){.kind = START_NORMAL, .offset = wanted};
}
