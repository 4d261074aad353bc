#include "flow/doubt.h"

static int64_t later(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static int64_t wanted(const struct start_facts *f)
{
    return later(f->journal_next, f->committed);
}

/* Groups whose offsets expired have none either; but so has the group of a cluster that was set up
 * again under the old id. */
static bool has_lost_a_commit(const struct start_facts *f)
{
    return f->acked_commit >= 0 && f->committed < 0 && f->journal_next > f->low;
}

bool doubt_is_due(const struct doubt *d, const struct start_facts *f)
{
    if (wanted(f) < 0)
        return false;
    return d->is_open || wanted(f) > f->high || (f->was_beyond && wanted(f) > f->low) ||
           has_lost_a_commit(f);
}

/* ---- evidence ---- */

/* 1: the record before the end of the journal is the one that was journaled, 0: it is another one,
 * -1: there is none, or it is not known when that one was made. */
static int holds_the_last_record(const struct doubt_facts *f)
{
    const struct record_mark *at = &f->assignment->at;

    if (f->timestamp_ms < 0 || at->offset != f->start->journal_next - 1)
        return -1;
    return at->timestamp_ms == f->timestamp_ms;
}

/* All that Kafka holds was made after what was journaled last. */
static bool is_all_newer(const struct doubt_facts *f)
{
    const struct record_mark *first = &f->assignment->first;

    return f->timestamp_ms >= 0 && first->offset >= 0 && first->timestamp_ms > f->timestamp_ms;
}

/* ---- the verdict ---- */

static void note_end(struct doubt *d, int64_t high, int64_t now_ms)
{
    if (!d->is_open)
        *d = (struct doubt){
            .is_open = true, .since_ms = now_ms, .lowest_high = high, .grown_since_ms = -1};
    if (high < d->lowest_high) {
        d->lowest_high = high;
        d->grown_since_ms = -1;
    }
    if (high > d->lowest_high && d->grown_since_ms < 0)
        d->grown_since_ms = now_ms;
}

/* The log reaches as far as it was journaled, now or again. */
static enum doubt_verdict judge_whole(const struct doubt *d, const struct doubt_facts *f,
                                      bool is_confirmed)
{
    bool was_short = d->lowest_high < wanted(f->start) || f->start->was_beyond;
    int holds = holds_the_last_record(f);

    if (holds == 1)
        return DOUBT_SAME;
    if (holds == 0)
        return d->lowest_high < f->start->journal_next && !is_all_newer(f) ? DOUBT_CUT
                                                                           : DOUBT_RECREATED;
    if (is_all_newer(f))
        return DOUBT_RECREATED;
    if (was_short && !is_confirmed)
        return DOUBT_WAIT;
    return f->timestamp_ms < 0 && was_short ? DOUBT_RECREATED : DOUBT_SAME;
}

/* It ends before. A log without a newer record has nothing to be read: it can wait until one comes,
 * from the true leader or behind the cut. */
static enum doubt_verdict judge_short(const struct doubt *d, const struct doubt_facts *f,
                                      bool is_confirmed, int64_t now_ms)
{
    bool has_grown = d->grown_since_ms >= 0 && now_ms - d->grown_since_ms >= DOUBT_CONFIRM_MS;

    if (!is_confirmed)
        return DOUBT_WAIT;
    if (f->timestamp_ms < 0 || is_all_newer(f))
        return DOUBT_RECREATED;
    return has_grown || f->is_drain ? DOUBT_CUT : DOUBT_WAIT;
}

enum doubt_verdict doubt_judge(struct doubt *d, const struct doubt_facts *f, int64_t now_ms)
{
    bool is_short = wanted(f->start) > f->start->high;
    bool is_confirmed;

    if (!f->assignment->is_checked)
        return DOUBT_WAIT;
    /* Only a transaction is open: what is readable ends before the log does. */
    if (!d->is_open && !is_short && !f->start->was_beyond && !has_lost_a_commit(f->start))
        return DOUBT_SAME;
    note_end(d, f->start->high, now_ms);
    is_confirmed = now_ms - d->since_ms >= DOUBT_CONFIRM_MS;
    return is_short ? judge_short(d, f, is_confirmed, now_ms) : judge_whole(d, f, is_confirmed);
}
