#include "flow/redrive_partition.h"

#include <inttypes.h>

#include "base/printable.h"
#include "model/log_event.h"

#define RULE_BYTES       300 /* the longest rule, and what a run adds before it */
#define SHOWN_TEXT_BYTES 80

/* ---- the description ---- */

void redrive_partition_describe(const struct redrive_partition *p, int64_t upto, struct strbuf *out,
                                int64_t *first)
{
    struct redrive_progress joined = {0};

    redrive_progress_join(&joined, &p->now, &p->before, upto);
    redrive_progress_write(&joined, out);
    *first = redrive_progress_first(&joined);
    redrive_progress_release(&joined);
}

static void measure(struct redrive_partition *p)
{
    struct strbuf text = {0};
    int64_t first;

    redrive_partition_describe(p, p->next, &text, &first);
    p->bytes = text.len;
    strbuf_release(&text);
}

/* What was open before needs no new rule: at worst it stays what it is, one by one. */
bool redrive_partition_has_room(const struct redrive_partition *p)
{
    size_t spare = p->next < p->before.next ? 0 : RULE_BYTES;

    return p->bytes + (p->in_flight + 1) * p->bytes_each + spare <= REDRIVE_PROGRESS_MAX_BYTES;
}

void redrive_partition_leave(struct redrive_partition *p, int64_t offset)
{
    if (redrive_progress_leave(&p->now, offset))
        measure(p);
}

void redrive_partition_leave_all(struct redrive_partition *p, int64_t offset,
                                 enum redrive_rule_kind kind, const struct redrive_traits *traits)
{
    if (offset < redrive_progress_all_open_from(&p->before, kind, traits))
        redrive_partition_leave(p, offset);
    else if (redrive_progress_leave_all(&p->now, kind, traits, offset))
        measure(p);
}

void redrive_partition_advance(struct redrive_partition *p, int64_t next)
{
    if (next > p->next)
        p->next = next < p->end ? next : p->end;
    if (next >= p->end)
        p->is_read = true;
}

/* ---- where to begin ---- */

/* Earlier versions had a group for each reason, which says up to where this reason is done. */
static void take_over(struct redrive_progress *before, const struct dead_letter_partition *d)
{
    before->next = d->low;
    for (int i = 0; i < RECORD_REASON_COUNT; i++)
        if (d->by_reason[i] > before->next)
            before->next = d->by_reason[i];
    for (int i = 0; i < RECORD_REASON_COUNT; i++) {
        struct redrive_traits traits = {.reason = (enum record_reason)i};
        int64_t from = d->by_reason[i] < 0 ? d->low : d->by_reason[i];

        if (from < before->next)
            redrive_progress_leave_all(before, REDRIVE_BY_REASON, &traits, from);
    }
}

static int fail_foreign(const struct dead_letter_partition *d, struct err *e)
{
    struct strbuf text = {0};

    printable_add(&text, d->description, d->description_len, SHOWN_TEXT_BYTES);
    err_set(e, ERR_RUNTIME,
            "partition %" PRId32 ": the offset %" PRId64
            " was committed by another program, with \"%s\": reset the group's offset",
            d->partition, d->committed, strbuf_text(&text));
    strbuf_release(&text);
    return -1;
}

static void cut(struct redrive_progress *before, int64_t low)
{
    const struct redrive_progress nothing = {0};
    struct redrive_progress rest = {0};

    redrive_progress_join(&rest, &nothing, before, low);
    redrive_progress_release(before);
    *before = rest;
}

/* What was committed may be of a topic that was there before, or of records that are gone. */
static void fit_to_topic(struct redrive_progress *before, const struct dead_letter_partition *d,
                         const struct log *log)
{
    int64_t first = redrive_progress_first(before);

    if (before->next > d->high) {
        log_with(log, EVENT_REDRIVE_TOPIC_RECREATED, NULL, LOG_INT("partition", d->partition),
                 LOG_INT("committed", before->next), LOG_INT("end", d->high));
        redrive_progress_release(before);
        before->next = d->low;
    } else if (first < d->low) {
        log_with(log, EVENT_REDRIVE_OFFSETS_EXPIRED, NULL, LOG_INT("partition", d->partition),
                 LOG_INT("from", first), LOG_INT("to", d->low));
        cut(before, d->low);
    }
}

static size_t digits(int64_t n)
{
    size_t count = 1;

    while ((n /= 10) > 0)
        count++;
    return count;
}

int redrive_partition_begin(struct redrive_partition *p, struct dead_letter_partition *d,
                            const struct log *log, struct err *e)
{
    *p = (struct redrive_partition){.partition = d->partition, .end = d->high, .stored = -1};
    if (d->committed < 0)
        take_over(&p->before, d);
    else if (redrive_progress_read(&p->before, d->committed, d->description, d->description_len) <
             0)
        return fail_foreign(d, e);
    fit_to_topic(&p->before, d, log);
    p->next = d->start = redrive_progress_first(&p->before);
    p->is_read = p->next >= p->end;
    p->bytes_each = digits(p->end - p->next) + 1; /* and a comma */
    measure(p);
    return 0;
}

void redrive_partition_release(struct redrive_partition *p)
{
    redrive_progress_release(&p->before);
    redrive_progress_release(&p->now);
}
