#include "processor/command.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/printable.h"
#include "base/rng.h"
#include "base/stop.h"
#include "model/log_event.h"
#include "processor/exchange.h"
#include "processor/worker.h"

#define LOG_LINES       10 /* of each kind in LOG_INTERVAL_MS */
#define LOG_INTERVAL_MS 1000
#define LOG_TEXT_BYTES  1024
#define CLOSE_TURN_MS   20
#define TERM_MS         2000 /* from SIGTERM to SIGKILL */

/* A request that has no answer yet. */
struct pending {
    uint64_t tag;
    int32_t partition;
    int64_t offset;
    bool is_cancelled; /* nobody wants the answer */
    bool is_over;
};

/* One copy, and what it was asked, in that order. */
struct copy {
    struct worker worker;
    struct pending *pending;
    size_t first; /* the oldest without an answer */
    size_t count; /* behind the last one */
    size_t cap;
    int64_t head_since_ms; /* since when that one is the oldest */
    bool has_timed_out;    /* it was ended for that */
    bool is_finished;      /* the process has ended, what it was asked fails */
};

/* Lines of one kind in the log. */
struct limiter {
    int64_t since_ms;
    int64_t lines;
    int64_t left_out;
};

struct command {
    struct command_options o;
    struct worker_options worker_options;
    struct copy *copies;
    size_t next; /* copy to be asked for a line */
    struct strbuf receipt;
    struct limiter errors;
    struct limiter answers;
    bool is_closing;
};

/* ---- the log ---- */

/* Returns false when this line is one too many. */
static bool may_log(struct limiter *l, int64_t now_ms)
{
    if (l->lines == 0 || now_ms - l->since_ms >= LOG_INTERVAL_MS) {
        l->since_ms = now_ms;
        l->lines = 0;
    }
    if (++l->lines <= LOG_LINES)
        return true;
    l->left_out++;
    return false;
}

static void log_line(struct command *c, struct limiter *l, enum log_event_id event, size_t worker,
                     const char *line, size_t len, int64_t now_ms)
{
    struct strbuf text = {0};

    if (!may_log(l, now_ms))
        return;
    printable_add(&text, line, len, LOG_TEXT_BYTES);
    log_with(c->o.log, event, strbuf_text(&text), LOG_INT("worker", (int64_t)worker),
             LOG_INT("left_out", l->left_out));
    l->left_out = 0;
    strbuf_release(&text);
}

static void take_error_lines(struct command *c, size_t i, int64_t now_ms)
{
    static const char too_long[] = "(a line longer than processor.max_answer_bytes)";
    const char *line;
    size_t len;
    int rc;

    while ((rc = worker_next_line(&c->copies[i].worker.errors, &line, &len)) != 0)
        log_line(c, &c->errors, EVENT_PROCESSOR_STDERR, i, rc > 0 ? line : too_long,
                 rc > 0 ? len : sizeof(too_long) - 1, now_ms);
}

static void log_end(struct command *c, size_t i)
{
    const struct copy *copy = &c->copies[i];
    const struct worker *w = &copy->worker;
    char oldest[64] = "";
    int64_t open = 0;

    for (size_t k = copy->first; k < copy->count; k++)
        open += !copy->pending[k].is_over;
    if (open > 0)
        snprintf(oldest, sizeof(oldest), "%" PRId32 "/%" PRId64,
                 copy->pending[copy->first].partition, copy->pending[copy->first].offset);
    log_with(c->o.log, EVENT_PROCESSOR_ENDED,
             copy->has_timed_out ? "killed, since an order had no answer in time" : w->ended,
             LOG_INT("worker", (int64_t)i), LOG_INT("in_progress", open),
             LOG_TEXT("oldest", oldest), LOG_INT("delay_ms", w->delay_ms));
}

/* ---- what is asked ---- */

static void skip_over(struct copy *copy, int64_t now_ms)
{
    size_t before = copy->first;

    while (copy->first < copy->count && copy->pending[copy->first].is_over)
        copy->first++;
    if (copy->first != before)
        copy->head_since_ms = now_ms;
    if (copy->first == copy->count)
        copy->first = copy->count = 0;
}

/* Leaves no more room to answered ones than to the others. */
static void compact(struct copy *copy)
{
    size_t n = 0;

    for (size_t i = copy->first; i < copy->count; i++)
        if (!copy->pending[i].is_over)
            copy->pending[n++] = copy->pending[i];
    copy->first = 0;
    copy->count = n;
    if (2 * n < copy->cap)
        return;
    copy->cap = copy->cap ? 2 * copy->cap : 64;
    copy->pending = mem_realloc_array(copy->pending, copy->cap, sizeof(*copy->pending));
}

static void add_pending(struct copy *copy, const struct attempt *a, int64_t now_ms)
{
    if (copy->count == copy->cap)
        compact(copy);
    if (copy->first == copy->count)
        copy->head_since_ms = now_ms;
    copy->pending[copy->count++] = (struct pending){
        .tag = a->tag, .partition = a->message->partition, .offset = a->message->offset};
}

static struct pending *find_pending(struct copy *copy, int32_t partition, int64_t offset)
{
    for (size_t i = copy->first; i < copy->count; i++) {
        struct pending *p = &copy->pending[i];

        if (!p->is_over && p->offset == offset && p->partition == partition)
            return p;
    }
    return NULL;
}

/* Records without a key are spread. */
static size_t copy_of(const struct command *c, const struct message *m)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325); /* FNV-1a */

    if (!m->key)
        return (size_t)(rng_mix((uint64_t)m->offset ^ (uint64_t)m->partition << 48) % c->o.workers);
    for (size_t i = 0; i < m->key_len; i++)
        h = (h ^ (unsigned char)m->key[i]) * UINT64_C(0x100000001b3);
    return (size_t)(rng_mix(h) % c->o.workers);
}

static enum start_result start(void *self, const struct attempt *a, int64_t now_ms,
                               struct attempt_result *r)
{
    struct command *c = self;
    struct copy *copy = &c->copies[copy_of(c, a->message)];
    const struct header *headers;
    size_t count;

    if (copy->worker.state == WORKER_DOWN && !copy->is_finished) {
        *r = (struct attempt_result){.tag = a->tag, .verdict = ATTEMPT_UNAVAILABLE};
        snprintf(r->text, sizeof(r->text), "command %.200s", copy->worker.ended);
        return START_ANSWERED;
    }
    if (!worker_has_room(&copy->worker))
        return START_FULL;
    count = c->o.source->headers(c->o.source->self, a->message, &headers);
    exchange_write(a, headers, count, c->o.timeout_ms, &copy->worker.out);
    add_pending(copy, a, now_ms);
    return START_TAKEN;
}

static void flush(void *self)
{
    struct command *c = self;

    for (size_t i = 0; i < c->o.workers; i++)
        worker_flush(&c->copies[i].worker, &c->worker_options);
}

static void cancel(void *self, uint64_t tag)
{
    struct command *c = self;

    for (size_t i = 0; i < c->o.workers; i++)
        for (size_t k = c->copies[i].first; k < c->copies[i].count; k++)
            if (c->copies[i].pending[k].tag == tag)
                c->copies[i].pending[k].is_cancelled = true;
}

/* ---- answers ---- */

static void take_receipt(struct command *c, const struct scan_value *receipt,
                         struct attempt_result *r)
{
    size_t size = scan_text_len(receipt) + 1;

    strbuf_reset(&c->receipt);
    if (receipt->kind != JSON_STRING)
        return;
    strbuf_reserve(&c->receipt, size);
    r->receipt_len = scan_text(receipt, c->receipt.data, size);
    r->receipt = c->receipt.data;
}

static void fill_result(struct command *c, const struct exchange_answer *answer,
                        struct attempt_result *r)
{
    r->verdict = answer->has_verdict ? answer->verdict : ATTEMPT_RETRY;
    r->retry_after_ms = answer->retry_after_ms;
    take_receipt(c, &answer->receipt, r);
    if (r->verdict == ATTEMPT_OK)
        return;
    r->reason = RECORD_PROCESS;
    scan_text(&answer->error, r->text, sizeof(r->text));
    if (!answer->has_verdict)
        snprintf(r->text, sizeof(r->text), "the answer's result is not ok, retry or reject");
    else if (!*r->text)
        snprintf(r->text, sizeof(r->text), "the command answered %s",
                 r->verdict == ATTEMPT_RETRY ? "retry" : "reject");
}

/* Returns true when the line answers what is still wanted. What answers nothing does no harm. */
static bool take_answer(struct command *c, size_t i, const char *line, size_t len, int64_t now_ms,
                        struct attempt_result *r)
{
    struct copy *copy = &c->copies[i];
    struct exchange_answer answer;
    struct pending *p;

    if (exchange_read(&answer, c->o.topic, line, len) < 0 ||
        !(p = find_pending(copy, answer.partition, answer.offset))) {
        log_line(c, &c->answers, EVENT_PROCESSOR_ANSWER_IGNORED, i, line, len, now_ms);
        return false;
    }
    *r = (struct attempt_result){.tag = p->tag};
    fill_result(c, &answer, r);
    p->is_over = true;
    skip_over(copy, now_ms);
    return !p->is_cancelled;
}

static bool take_line_of(struct command *c, size_t i, int64_t now_ms, struct attempt_result *r)
{
    static const char too_long[] = "(longer than processor.max_answer_bytes)";
    const char *line;
    size_t len;
    int rc;

    while ((rc = worker_next_line(&c->copies[i].worker.answers, &line, &len)) != 0) {
        if (rc < 0)
            log_line(c, &c->answers, EVENT_PROCESSOR_ANSWER_IGNORED, i, too_long,
                     sizeof(too_long) - 1, now_ms);
        else if (take_answer(c, i, line, len, now_ms, r))
            return true;
    }
    return false;
}

static bool take_line(struct command *c, int64_t now_ms, struct attempt_result *r)
{
    for (size_t n = 0; n < c->o.workers; n++) {
        if (take_line_of(c, c->next, now_ms, r))
            return true;
        c->next = (c->next + 1) % c->o.workers;
    }
    return false;
}

/* Of a copy that has ended: the one that had no answer in time is at fault, no other. */
static bool take_failed(struct command *c, int64_t now_ms, struct attempt_result *r)
{
    for (size_t i = 0; i < c->o.workers; i++) {
        struct copy *copy = &c->copies[i];

        while (copy->is_finished && copy->first < copy->count) {
            struct pending *p = &copy->pending[copy->first];
            bool has_timed_out = copy->has_timed_out;

            *r = (struct attempt_result){.tag = p->tag, .verdict = ATTEMPT_UNAVAILABLE};
            if (has_timed_out) {
                r->verdict = ATTEMPT_RETRY;
                r->reason = RECORD_TIMEOUT;
                snprintf(r->text, sizeof(r->text), "no answer in %" PRId64 " ms", c->o.timeout_ms);
            } else {
                snprintf(r->text, sizeof(r->text), "command %.200s", copy->worker.ended);
            }
            copy->has_timed_out = false;
            p->is_over = true;
            skip_over(copy, now_ms);
            if (!p->is_cancelled)
                return true;
        }
        copy->is_finished = false;
    }
    return false;
}

/* ---- processes ---- */

static bool is_readable(const struct command *c)
{
    struct epoll_event event;

    return epoll_wait(c->worker_options.epoll_fd, &event, 1, 0) > 0;
}

/* What it has written before its end counts. */
static void finish(struct command *c, size_t i, int64_t now_ms)
{
    struct copy *copy = &c->copies[i];

    while (worker_read(&copy->worker, &c->worker_options, now_ms))
        ;
    take_error_lines(c, i, now_ms);
    copy->is_finished = true;
    if (!c->is_closing)
        log_end(c, i);
}

static bool has_timed_out(const struct command *c, const struct copy *copy, int64_t now_ms)
{
    return copy->worker.state == WORKER_RUNNING && copy->first < copy->count &&
           now_ms - copy->head_since_ms >= c->o.timeout_ms;
}

/* Returns true when something happened. */
static bool maintain(struct command *c, size_t i, int64_t now_ms)
{
    struct copy *copy = &c->copies[i];
    struct worker *w = &copy->worker;
    struct err e = {0};

    if (has_timed_out(c, copy, now_ms)) {
        copy->has_timed_out = true;
        worker_kill(w, now_ms, true);
    }
    if (worker_has_ended(w, now_ms)) {
        finish(c, i, now_ms);
        return true;
    }
    if (w->state == WORKER_DOWN && !copy->is_finished && !c->is_closing &&
        now_ms >= w->restart_ms && worker_start(w, &c->worker_options, now_ms, &e) < 0)
        log_end(c, i);
    return false;
}

static bool serve(struct command *c, int64_t now_ms)
{
    bool more = is_readable(c);

    for (size_t i = 0; i < c->o.workers; i++) {
        if (more) {
            worker_read(&c->copies[i].worker, &c->worker_options, now_ms);
            worker_flush(&c->copies[i].worker, &c->worker_options);
            take_error_lines(c, i, now_ms);
        }
        if (maintain(c, i, now_ms))
            more = true;
    }
    return more;
}

/* ---- the port ---- */

static int next_result(void *self, int64_t now_ms, struct attempt_result *r)
{
    struct command *c = self;

    do {
        if (take_line(c, now_ms, r) || take_failed(c, now_ms, r))
            return 1;
    } while (serve(c, now_ms));
    return 0;
}

static int64_t deadline_ms(void *self)
{
    const struct command *c = self;
    int64_t due = INT64_MAX;

    for (size_t i = 0; i < c->o.workers; i++) {
        const struct copy *copy = &c->copies[i];
        int64_t own = worker_due_ms(&copy->worker);

        if (copy->worker.state == WORKER_RUNNING && copy->first < copy->count)
            own = copy->head_since_ms + c->o.timeout_ms;
        due = own < due ? own : due;
    }
    return due;
}

struct processor command_processor(struct command *c)
{
    return (struct processor){
        .self = c,
        .start = start,
        .flush = flush,
        .next_result = next_result,
        .deadline_ms = deadline_ms,
        .cancel = cancel,
    };
}

int command_wake_fd(const struct command *c)
{
    return c->worker_options.epoll_fd;
}

/* ---- life ---- */

struct command *command_open(const struct command_options *options, struct err *e)
{
    int epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    struct command *c;

    if (epoll_fd < 0) {
        err_set(e, ERR_RUNTIME, "processor.command: %s", strerror(errno));
        return NULL;
    }
    c = mem_alloc(sizeof(*c));
    c->o = *options;
    c->worker_options = (struct worker_options){
        .command = options->command, .epoll_fd = epoll_fd, .max_line = options->max_answer_bytes};
    c->copies = mem_alloc_array(options->workers, sizeof(*c->copies));
    for (size_t i = 0; i < options->workers; i++)
        worker_init(&c->copies[i].worker);
    serve(c, clock_mono_ms(options->clock));
    return c;
}

void command_close_input(struct command *c)
{
    c->is_closing = true;
    for (size_t i = 0; i < c->o.workers; i++)
        worker_close_input(&c->copies[i].worker);
}

/* Returns true when all have ended. */
static bool have_ended(struct command *c, int64_t now_ms)
{
    bool all = true;

    serve(c, now_ms);
    for (size_t i = 0; i < c->o.workers; i++) {
        struct worker_lines *answers = &c->copies[i].worker.answers;
        const char *line;
        size_t len;

        while (worker_next_line(answers, &line, &len) != 0)
            ;
        all &= c->copies[i].worker.pid < 0;
    }
    return all;
}

static bool wait_until(struct command *c, int64_t deadline_ms, bool may_hurry)
{
    int stops = stop_count();

    for (;;) {
        int64_t now_ms = clock_mono_ms(c->o.clock);
        struct epoll_event event;

        if (have_ended(c, now_ms))
            return true;
        if (now_ms >= deadline_ms || (may_hurry && stop_count() > stops))
            return false;
        epoll_wait(c->worker_options.epoll_fd, &event, 1, CLOSE_TURN_MS);
    }
}

static void signal_all(const struct command *c, int signal)
{
    for (size_t i = 0; i < c->o.workers; i++)
        worker_signal(&c->copies[i].worker, signal);
}

void command_close(struct command *c, int64_t deadline_ms)
{
    if (!c)
        return;
    command_close_input(c);
    if (!wait_until(c, deadline_ms, true)) {
        signal_all(c, SIGTERM);
        if (!wait_until(c, clock_mono_ms(c->o.clock) + TERM_MS, false))
            signal_all(c, SIGKILL);
        wait_until(c, clock_mono_ms(c->o.clock) + TERM_MS, false);
    }
    for (size_t i = 0; i < c->o.workers; i++) {
        worker_release(&c->copies[i].worker);
        free(c->copies[i].pending);
    }
    free(c->copies);
    strbuf_release(&c->receipt);
    close(c->worker_options.epoll_fd);
    free(c);
}
