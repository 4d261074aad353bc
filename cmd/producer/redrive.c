#include "redrive.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/stop.h"
#include "base/strbuf.h"
#include "base/wake.h"
#include "flow/redrive.h"
#include "io/kafka_reader.h"
#include "io/kafka_sink.h"

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
    fprintf(stderr, "\rsent %" PRId64 "  acknowledged %" PRId64 "  failed %" PRId64 "\033[K",
            c->sent, c->acknowledged, c->failed);
}

/* Until it is done. After a signal it waits for what is under way as long as reports keep
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
        if (redrive_is_done(r) || stop_count() > 1 ||
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

/* Until all is done or the run may not go on, and what it did is committed. */
static int run_all(struct run *run, struct kafka_reader *reader, struct err *e)
{
    int rc = turn_until_done(run, e);
    struct err close_error = {0};

    redrive_end(&run->redrive);
    if (kafka_reader_close(reader, close_timeout_ms(run), &close_error) < 0 && rc == 0) {
        *e = close_error;
        rc = -1;
    }
    return rc < 0 && run->redrive.counts.sent > 0
               ? err_wrap(e, "what was sent last may be sent again")
               : rc;
}

/* Why nothing can be sent to some topics. */
static void say_topics(const struct redrive *r, FILE *to)
{
    for (size_t i = 0; i < r->topic_count; i++)
        if (r->topics[i].failed.count > 0)
            fprintf(to, "topic %s: %s\n", r->topics[i].name, r->topics[i].why);
}

static void say_table(const struct redrive *r)
{
    int64_t goes = r->table.totals[REDRIVE_GOES];
    struct strbuf text = {0};

    redrive_table_write(&r->table, &text);
    fputs(strbuf_text(&text), stdout);
    strbuf_release(&text);
    say_topics(r, stdout);
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

/* What was not acknowledged, for each topic with the first one and why. */
static void say_failures(const struct redrive *r)
{
    for (size_t i = 0; i < r->topic_count; i++) {
        const struct redrive_topic *t = &r->topics[i];

        if (t->failed.count > 0)
            fprintf(stderr,
                    "producer: %" PRId64 " dead letter%s not acknowledged: %s partition %" PRId32
                    " offset %" PRId64 ": topic %s: %s\n",
                    t->failed.count, t->failed.count == 1 ? " was" : "s were",
                    r->policy.replay.dlq_topic, t->failed.partition, t->failed.offset, t->name,
                    t->why);
    }
    if (redrive_in_flight(r) > 0)
        fprintf(stderr, "producer: %" PRId64 " more had no answer in time\n", redrive_in_flight(r));
}

/* What needs a user to look at it but is no failure of this run. */
static void say_others(const struct redrive *r)
{
    const char *dlq = r->policy.replay.dlq_topic;

    if (r->incomplete.count == 1)
        fprintf(stderr,
                "producer: 1 dead letter was too large for %s and lacks value, headers or key; it "
                "cannot be sent: partition %" PRId32 " offset %" PRId64 "\n",
                dlq, r->incomplete.partition, r->incomplete.offset);
    else if (r->incomplete.count > 1)
        fprintf(stderr,
                "producer: %" PRId64
                " dead letters were too large for %s and lack value, headers or "
                "key; they cannot be sent, the first is partition %" PRId32 " offset %" PRId64 "\n",
                r->incomplete.count, dlq, r->incomplete.partition, r->incomplete.offset);
    if (r->full.count > 0)
        fprintf(stderr,
                "producer: too many dead letters were left out to remember each of them: %s "
                "partition %" PRId32 " was read up to offset %" PRId64 " only\n",
                dlq, r->full.partition, r->full.offset);
}

static int report(const struct run *run)
{
    const struct redrive *r = &run->redrive;

    if (run->shows_progress)
        fputs("\r\033[K", stderr);
    if (run->options->is_dry)
        say_table(r);
    else if (!run->options->is_quiet)
        say_counts(r);
    if (!run->options->is_dry)
        say_failures(r);
    say_others(r);
    if (run->options->is_dry)
        return 0;
    return r->counts.failed > 0 || redrive_in_flight(r) > 0 || r->full.count > 0 ? 1 : 0;
}

static struct redrive_policy policy_of(const struct config *cfg, const struct redrive_options *o)
{
    struct redrive_policy policy = {
        .replay = {.dlq_topic = cfg->dlq.topic,
                   .max_replays = o->max_replays > 0 ? o->max_replays : DEFAULT_MAX_REPLAYS},
        .is_one_reason = o->reason != NULL,
        .max = o->max > 0 ? o->max : 0,
        .rate = o->rate > 0 ? o->rate : 0,
        .is_dry = o->is_dry,
    };

    if (o->reason)
        redrive_reason_parse(o->reason, &policy.reason);
    return policy;
}

int redrive_run(const struct config *cfg, const struct redrive_options *o, const struct log *log)
{
    const struct kafka_sink_options sink_options = {
        .linger_ms = "5", .topic_wait_ms = "30000", .leaves_topics = true};
    const struct redrive_policy policy = policy_of(cfg, o);
    struct run run = {.cfg = cfg,
                      .options = o,
                      .log = log,
                      .wake_fd = wake_open(),
                      .shows_progress = !o->is_quiet && isatty(STDERR_FILENO)};
    struct strbuf group = {0};
    struct kafka_sink *kafka = NULL;
    struct kafka_reader *reader;
    struct dead_letters letters;
    struct sink sink;
    struct err e = {0};
    int status = 1;

    strbuf_addf(&group, "%s-redrive", cfg->kafka.consumer_group);
    if (!o->is_dry && !(kafka = kafka_sink_open(cfg, &sink_options, run.wake_fd, log, &e)))
        goto out;
    if (kafka)
        sink = kafka_sink_port(kafka);
    reader = kafka_reader_open(cfg, cfg->dlq.topic, strbuf_text(&group), (int)o->timeout_ms,
                               run.wake_fd, log, &e);
    if (!reader)
        goto out;
    letters = kafka_reader_port(reader);
    redrive_init(&run.redrive, &policy, &letters, kafka ? &sink : NULL, log,
                 clock_mono_ms(clock_system()));
    if (run_all(&run, reader, &e) == 0 || run.redrive.counts.sent > 0)
        status = report(&run);
out:
    if (e.kind != ERR_NONE) {
        fprintf(stderr, "producer: %s\n", e.text);
        status = err_exit_status(&e);
    }
    redrive_release(&run.redrive);
    kafka_sink_close(kafka);
    strbuf_release(&group);
    close(run.wake_fd);
    return status;
}
