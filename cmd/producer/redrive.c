#include "redrive.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/stop.h"
#include "base/strbuf.h"
#include "flow/redrive.h"
#include "io/kafka_reader.h"
#include "io/kafka_sink.h"
#include "io/wake.h"

#define DEFAULT_MAX_REPLAYS 3
#define PROGRESS_MS         200

struct run {
    const struct config *cfg;
    const struct redrive_options *options;
    const struct log *log;
    struct redrive redrive;
    int wake_fd;
    bool shows_progress;
    int64_t shown_ms;
};

int redrive_check(const struct redrive_options *o, struct err *e)
{
    struct strbuf names = {0};
    enum record_reason reason;

    if (!o->reason || redrive_reason_parse(o->reason, &reason) == 0)
        return 0;
    redrive_reason_list(&names);
    err_set(e, ERR_USAGE, "--reason %s: not a reason of dead letters; allowed: %s", o->reason,
            strbuf_text(&names));
    strbuf_release(&names);
    return -1;
}

static void show_progress(struct run *run, int64_t now_ms)
{
    const struct redrive_counts *c = &run->redrive.counts;

    if (!run->shows_progress || now_ms - run->shown_ms < PROGRESS_MS)
        return;
    run->shown_ms = now_ms;
    fprintf(stderr, "\r%s: sent %" PRId64 "  acknowledged %" PRId64 "  failed %" PRId64 "\033[K",
            redrive_reason_name(run->redrive.reason), c->sent, c->acknowledged, c->failed);
}

/* ---- one pass ---- */

/* Until the pass is done. After a signal it waits for what is under way as long as reports keep
 * coming in, at most flush_timeout_ms without any; after a second one not at all. */
static int turn_until_done(struct run *run, struct err *e)
{
    const struct clock *clock = clock_system();
    struct redrive *r = &run->redrive;
    int64_t in_flight = 0;
    int64_t changed_ms = clock_mono_ms(clock);

    for (;;) {
        int64_t now = clock_mono_ms(clock);
        int sleep_ms;

        if (stop_count() > 0)
            redrive_stop(r);
        sleep_ms = redrive_turn(r, now, e);
        if (sleep_ms < 0)
            return -1;
        show_progress(run, now);
        if (!r->is_ended || redrive_in_flight(r) != in_flight)
            changed_ms = now;
        in_flight = redrive_in_flight(r);
        if (redrive_pass_is_done(r) || stop_count() > 1 ||
            now - changed_ms >= run->cfg->producer.flush_timeout_ms)
            return 0;
        if (sleep_ms > 0)
            wake_wait(run->wake_fd, sleep_ms);
    }
}

static int close_timeout_ms(const struct run *run)
{
    return stop_count() > 1 ? 0 : (int)run->cfg->producer.flush_timeout_ms;
}

/* Progress is kept per reason, each in a group of its own: a run for one reason must not hide the
 * others from the next run. */
static int run_pass(struct run *run, enum record_reason reason, struct err *e)
{
    struct strbuf group = {0};
    struct kafka_reader *reader;
    struct source source;
    struct err close_error = {0};
    int rc = -1;

    strbuf_addf(&group, "%s-redrive-%s", run->cfg->kafka.consumer_group,
                redrive_reason_name(reason));
    reader = kafka_reader_open(run->cfg, run->cfg->dlq.topic, strbuf_text(&group),
                               (int)run->options->timeout_ms, run->wake_fd, run->log, e);
    if (!reader)
        goto out;
    source = kafka_reader_port(reader);
    redrive_begin_pass(&run->redrive, reason, &source);
    rc = turn_until_done(run, e);
    redrive_end_pass(&run->redrive);
    if (kafka_reader_close(reader, close_timeout_ms(run), &close_error) < 0 && rc == 0) {
        *e = close_error;
        rc = err_wrap(e, "group %s, what was sent last may be sent again", strbuf_text(&group));
    }
out:
    strbuf_release(&group);
    return rc;
}

/* ---- the run ---- */

static int run_passes(struct run *run, struct err *e)
{
    enum record_reason only = RECORD_REASON_NONE;

    if (run->options->reason) {
        redrive_reason_parse(run->options->reason, &only);
        return run_pass(run, only, e);
    }
    for (int i = 0; i < RECORD_REASON_COUNT && !run->redrive.is_ended; i++)
        if (run_pass(run, (enum record_reason)i, e) < 0)
            return -1;
    return 0;
}

static void say_table(const struct redrive *r)
{
    int64_t goes = r->table.totals[REDRIVE_GOES];
    struct strbuf text = {0};

    redrive_table_write(&r->table, &text);
    fputs(strbuf_text(&text), stdout);
    strbuf_release(&text);
    if (r->policy.max > 0 && r->policy.max < goes)
        printf("%" PRId64 " of %" PRId64 " would be sent\n", r->policy.max, goes);
    else
        printf("%" PRId64 " would be sent\n", goes);
}

static void say_counts(const struct redrive *r)
{
    const struct redrive_counts *c = &r->counts;
    const int64_t *totals = r->table.totals;

    printf("sent %" PRId64 ", acknowledged %" PRId64 ", stayed %" PRId64 ", skipped %" PRId64
           ", failed %" PRId64 "%s\n",
           c->sent, c->acknowledged, totals[REDRIVE_STAYS],
           totals[REDRIVE_NO_VALUE] + totals[REDRIVE_FOREIGN], c->failed,
           stop_count() > 0 ? ", stopped before the end" : "");
}

static int report(const struct run *run)
{
    const struct redrive *r = &run->redrive;
    int64_t lost = r->counts.failed + redrive_in_flight(r);

    if (run->shows_progress)
        fputs("\r\033[K", stderr);
    if (run->options->is_dry)
        say_table(r);
    else if (!run->options->is_quiet)
        say_counts(r);
    if (lost > 0)
        fprintf(stderr, "producer: %" PRId64 " dead letter%s not acknowledged%s%s\n", lost,
                lost == 1 ? " was" : "s were", r->counts.last_failure[0] ? ": " : "",
                r->counts.last_failure);
    return lost > 0 ? 1 : 0;
}

int redrive_run(const struct config *cfg, const struct redrive_options *o, const struct log *log)
{
    const struct redrive_policy policy = {
        .replay = {.dlq_topic = cfg->dlq.topic,
                   .max_replays = o->max_replays > 0 ? o->max_replays : DEFAULT_MAX_REPLAYS},
        .max = o->max > 0 ? o->max : 0,
        .rate = o->rate > 0 ? o->rate : 0,
        .is_dry = o->is_dry,
    };
    struct run run = {.cfg = cfg,
                      .options = o,
                      .log = log,
                      .wake_fd = wake_open(),
                      .shows_progress = !o->is_quiet && isatty(STDERR_FILENO)};
    struct kafka_sink *kafka = NULL;
    struct sink sink;
    struct err e = {0};
    int status = 1;

    if (!o->is_dry) {
        kafka = kafka_sink_open(
            cfg, &(struct kafka_sink_options){.linger_ms = "5", .topic_wait_ms = "30000"},
            run.wake_fd, log, &e);
        if (!kafka)
            goto out;
        sink = kafka_sink_port(kafka);
    }
    redrive_init(&run.redrive, &policy, kafka ? &sink : NULL, log, clock_mono_ms(clock_system()));
    if (run_passes(&run, &e) < 0 && run.redrive.counts.sent == 0)
        goto out;
    status = report(&run);
out:
    if (e.kind != ERR_NONE) {
        fprintf(stderr, "producer: %s\n", e.text);
        status = err_exit_status(&e);
    }
    redrive_release(&run.redrive);
    kafka_sink_close(kafka);
    close(run.wake_fd);
    return status;
}
