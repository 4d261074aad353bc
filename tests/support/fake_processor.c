#include "support/fake_processor.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/mem.h"

static struct fake_answer met_by(const struct fake_processor *p, const struct attempt *a)
{
    if (p->decide)
        return p->decide(p->decide_ctx, a);
    return p->starts < p->step_count ? p->steps[p->starts] : p->otherwise;
}

static void fill_result(const struct attempt *a, const struct fake_answer *answer,
                        struct attempt_result *r)
{
    enum attempt_verdict verdict = answer->verdict;

    /* Borrowed until now: still whole? */
    assert_true(a->message->value_len > 0 && a->message->value[a->message->value_len] == '\0');
    assert_true(strlen(a->order->order_id) > 0);
    *r = (struct attempt_result){
        .tag = a->tag, .verdict = verdict, .retry_after_ms = answer->retry_after_ms};
    if (verdict == ATTEMPT_OK)
        return;
    if (verdict != ATTEMPT_UNAVAILABLE)
        r->reason = RECORD_PROCESS;
    snprintf(r->text, sizeof(r->text), "attempt %d failed", a->number);
}

static enum start_result start(void *self, const struct attempt *a, int64_t now_ms,
                               struct attempt_result *r)
{
    struct fake_processor *p = self;
    struct fake_answer answer = met_by(p, a);

    if (answer.is_full)
        return START_FULL;
    p->starts++;
    if (!answer.later) {
        fill_result(a, &answer, r);
        return START_ANSWERED;
    }
    p->pending = mem_realloc_array(p->pending, p->pending_count + 1, sizeof(*p->pending));
    p->pending[p->pending_count++] = (struct fake_attempt){
        .attempt = *a,
        .answer = answer,
        .due_ms = answer.after_ms < 0 ? INT64_MAX : now_ms + answer.after_ms,
    };
    return START_TAKEN;
}

static void forget(struct fake_processor *p, size_t i)
{
    p->pending_count--;
    memmove(p->pending + i, p->pending + i + 1, (p->pending_count - i) * sizeof(*p->pending));
}

static int next_result(void *self, int64_t now_ms, struct attempt_result *r)
{
    struct fake_processor *p = self;

    for (size_t i = 0; i < p->pending_count; i++) {
        if (p->pending[i].due_ms > now_ms)
            continue;
        fill_result(&p->pending[i].attempt, &p->pending[i].answer, r);
        forget(p, i);
        return 1;
    }
    return 0;
}

static int64_t deadline_ms(void *self)
{
    const struct fake_processor *p = self;
    int64_t due = INT64_MAX;

    for (size_t i = 0; i < p->pending_count; i++)
        if (p->pending[i].due_ms < due)
            due = p->pending[i].due_ms;
    return due;
}

static void cancel(void *self, uint64_t tag)
{
    struct fake_processor *p = self;

    for (size_t i = 0; i < p->pending_count; i++) {
        if (p->pending[i].attempt.tag != tag)
            continue;
        p->cancels++;
        forget(p, i);
        return;
    }
    fail_msg("cancelled what is not under way");
}

struct processor fake_processor_port(struct fake_processor *p)
{
    return (struct processor){.self = p,
                              .start = start,
                              .next_result = next_result,
                              .deadline_ms = deadline_ms,
                              .cancel = cancel};
}

static void answer(struct fake_processor *p, int64_t offset, enum attempt_verdict verdict)
{
    for (size_t i = 0; i < p->pending_count; i++) {
        if (p->pending[i].due_ms != INT64_MAX ||
            (offset >= 0 && p->pending[i].attempt.message->offset != offset))
            continue;
        p->pending[i].answer.verdict = verdict;
        p->pending[i].due_ms = INT64_MIN;
        return;
    }
    fail_msg("no attempt is under way");
}

void fake_processor_answer(struct fake_processor *p, enum attempt_verdict verdict)
{
    answer(p, -1, verdict);
}

void fake_processor_answer_at(struct fake_processor *p, int64_t offset,
                              enum attempt_verdict verdict)
{
    answer(p, offset, verdict);
}

void fake_processor_release(struct fake_processor *p)
{
    free(p->pending);
    *p = (struct fake_processor){0};
}
