/* tracker: consumes orders, processes each one, and records what became of it. Composition only. */

#include <inttypes.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/rng.h"
#include "base/standard.h"
#include "base/stop.h"
#include "base/wake.h"
#include "config/args.h"
#include "config/resolve.h"
#include "console.h"
#include "files.h"
#include "flow/consume.h"
#include "io/journal.h"
#include "io/kafka_admin.h"
#include "io/kafka_sink.h"
#include "io/kafka_source.h"
#include "io/kafka_version.h"
#include "io/log_file.h"
#include "model/log_event.h"
#include "policy.h"
#include "preflight.h"
#include "work.h"

#define ADMIN_TURN_MS    100
#define INSTANCE_SIZE    (HOST_NAME_MAX + 64)
#define CLOSE_TIMEOUT_MS 2000

struct options {
    bool drain;
    bool preflight;
    bool quiet;
};

/* All parts of a running tracker, in the order in which they are made. */
struct tracker {
    const struct config *cfg;
    struct config *secrets; /* the same: what its references name is read again at SIGHUP */
    struct options options;
    struct files files;
    struct console console;
    int wake_fd;
    struct kafka_cluster cluster;
    char instance_id[INSTANCE_SIZE];
    struct kafka_sink *kafka_sink;
    struct kafka_source *kafka_source;
    struct work work;
    struct journal_port journal_port;
    struct sink sink;
    struct source source;
    struct processor processor;
    struct consume consume;
    bool is_flowing; /* `consume` was made */
};

static enum args_result read_options(int argc, char **argv, struct options *o, struct config *cfg,
                                     struct err *e)
{
    const struct arg args[] = {
        {.name = "drain",
         .kind = ARG_FLAG,
         .help = "handle what is there now, up to the ends of the partitions, then exit",
         .flag = &o->drain},
        {.name = "preflight",
         .kind = ARG_FLAG,
         .help = "say for each topic, permission and file whether all is ready, then exit",
         .flag = &o->preflight},
        {.name = "quiet",
         .letter = 'q',
         .kind = ARG_FLAG,
         .help = "show nothing on the terminal",
         .flag = &o->quiet},
    };
    const struct arg_program program = {
        .name = "tracker",
        .summary = "consumes orders, processes them with retries and records what became of each",
        .args = args,
        .arg_count = sizeof(args) / sizeof(args[0]),
        .features = work_features(),
    };
    enum args_result result = args_load(&program, argc, argv, kafka_library_version(), cfg, e);

    return result == ARGS_RUN && work_check(cfg, e) < 0 ? ARGS_FAILED : result;
}

/* ---- parts ---- */

static void on_settled(void *ctx, const struct record *r, const struct order *o)
{
    struct tracker *t = ctx;

    console_settled(&t->console, r, o);
}

static int64_t fsync_ms_max(void *ctx)
{
    struct tracker *t = ctx;

    return journal_take_fsync_ms_max(t->files.journal);
}

/* ---- secrets ---- */

/* Of `admin`, or of the clients of the flow. */
static int renew_clients(struct tracker *t, struct kafka_admin *admin, struct err *e)
{
    if (admin)
        return kafka_admin_renew_login(admin, e);
    return kafka_source_renew_login(t->kafka_source, e) < 0
               ? -1
               : kafka_sink_renew_login(t->kafka_sink, e);
}

/* After SIGHUP. What cannot be read leaves all as it was. */
static void renew_secrets(struct tracker *t, struct kafka_admin *admin)
{
    struct err why = {0};
    int rc = resolve_properties(t->secrets, &why);

    if (rc > 0 && renew_clients(t, admin, &why) < 0)
        rc = -1;
    if (rc < 0)
        log_plain(&t->files.log, EVENT_SECRETS_KEPT, why.text);
    else if (rc > 0)
        log_plain(&t->files.log, EVENT_SECRETS_RENEWED, NULL);
}

/* ---- Kafka ---- */

static void log_missing_topics(struct tracker *t)
{
    struct err why;

    for (size_t i = 0; i < t->cluster.topic_count && stop_count() == 0; i++)
        if (kafka_admin_check(&t->cluster.topics[i], &why) < 0)
            log_with(&t->files.log, EVENT_TOPIC_UNAVAILABLE, why.text,
                     LOG_TEXT("remedy", "check the topic's name, or have it created"));
}

/* Asks until Kafka answers. Returns 1, 0 when a signal came first, -1 for settings it does not
 * take. */
static int wait_for_kafka(struct tracker *t, struct err *e)
{
    struct kafka_admin *admin = kafka_admin_open(t->cfg, &t->files.log, e);
    enum kafka_admin_result result = KAFKA_ADMIN_WAITING;
    bool is_shown = false;
    struct err why;

    if (!admin)
        return -1;
    while (result != KAFKA_ADMIN_GOOD && stop_count() == 0) {
        if (files_look_after(&t->files))
            renew_secrets(t, admin);
        result = kafka_admin_turn(admin, ADMIN_TURN_MS, &t->cluster, &why);
        if (result == KAFKA_ADMIN_AWAY && !is_shown)
            console_say(&t->console, "waiting for Kafka at %s", t->cfg->kafka.broker);
        is_shown |= result == KAFKA_ADMIN_AWAY;
    }
    kafka_admin_close(admin);
    if (result != KAFKA_ADMIN_GOOD)
        return 0;
    log_missing_topics(t);
    return 1;
}

/* The host tells a cloned machine from the first one. With the number of partitions it is another
 * member when the topic has grown: one that comes back gets what it had, without a rebalance that
 * would give the new ones to anybody. */
static void name_member(struct tracker *t)
{
    char host[HOST_NAME_MAX + 1] = "";

    gethostname(host, sizeof(host) - 1);
    snprintf(t->instance_id, sizeof(t->instance_id), "%s-%s-%d", host,
             journal_instance_id(t->files.journal), t->cluster.topics[0].partitions);
}

static int open_kafka(struct tracker *t, struct err *e)
{
    const struct config *cfg = t->cfg;

    if (cfg->dlq.enabled &&
        !(t->kafka_sink = kafka_sink_open(
              cfg, &(struct kafka_sink_options){.linger_ms = "0", .topic_wait_ms = "5000"},
              t->wake_fd, &t->files.log, e)))
        return -1;
    name_member(t);
    /* One half of the memory is for what is fetched ahead. */
    t->kafka_source = kafka_source_open(
        &(struct kafka_source_options){
            .cfg = cfg,
            .fetch_bytes = (size_t)cfg->tracker.max_buffered_bytes / 2,
            .partitions = (size_t)t->cluster.topics[0].partitions,
            .instance_id = t->instance_id,
            .wake_fd = t->wake_fd,
            .log = &t->files.log,
        },
        e);
    return t->kafka_source ? 0 : -1;
}

static int join_parts(struct tracker *t, struct err *e)
{
    const struct consume_policy policy = policy_of(t->cfg, t->options.drain);
    struct consume_ports ports;

    t->journal_port = journal_port(t->files.journal);
    t->source = kafka_source_port(t->kafka_source);
    if (work_open(&t->work, t->cfg, &t->source, t->wake_fd, &t->files.log, &t->processor, e) < 0)
        return -1;
    if (t->kafka_sink)
        t->sink = kafka_sink_port(t->kafka_sink);
    ports = (struct consume_ports){
        .source = &t->source,
        .sink = t->kafka_sink ? &t->sink : NULL,
        .processor = &t->processor,
        .journal = &t->journal_port,
        .clock = clock_system(),
        .log = &t->files.log,
        .settled = on_settled,
        .settled_ctx = t,
        .fsync_ms_max = fsync_ms_max,
        .fsync_ctx = t,
    };
    consume_init(&t->consume, &policy, &ports, rng_random_seed());
    t->is_flowing = true;
    return 0;
}

/* ---- running ---- */

/* Noticed when a dead letter is refused, or at the start. */
static void report_denial(struct tracker *t)
{
    const char *topic = t->cfg->dlq.topic;
    struct err denial;

    if (!t->kafka_sink || !kafka_sink_take_denial(t->kafka_sink, &denial))
        return;
    log_with(&t->files.log, EVENT_DEAD_LETTER_WRITE_DENIED, denial.text, LOG_TEXT("topic", topic));
    if (files_log_is_stderr(t->cfg))
        return;
    fprintf(stderr,
            "tracker: no right to write dead letters to %s: %s; allow the principal WRITE on this "
            "topic\n",
            topic, denial.text);
}

/* The log has it too, but who waits at the terminal for --drain should see why. */
static void tell_trouble(struct tracker *t)
{
    struct err trouble;

    report_denial(t);
    if (kafka_source_take_trouble(t->kafka_source, &trouble) && !files_log_is_stderr(t->cfg))
        fprintf(stderr, "tracker: trying again: %s\n", trouble.text);
}

static void take_cluster(struct tracker *t, const char *id)
{
    if (journal_set_cluster(t->files.journal, id))
        log_with(&t->files.log, EVENT_JOURNAL_OTHER_CLUSTER, NULL, LOG_TEXT("cluster", id));
}

/* Another cluster may answer at the same address while we run: what the journal told of the old one
 * says nothing of it. */
static void look_at_cluster(struct tracker *t)
{
    char id[sizeof(t->cluster.id)];

    if (kafka_source_take_cluster(t->kafka_source, id, sizeof(id)))
        take_cluster(t, id);
}

static int flow(struct tracker *t, struct err *e)
{
    int stops_seen = 0;

    while (!consume_is_done(&t->consume)) {
        int sleep_ms;

        for (; stops_seen < stop_count(); stops_seen++) {
            consume_stop(&t->consume);
            work_note_stop(&t->work);
        }
        look_at_cluster(t);
        sleep_ms = consume_turn(&t->consume, e);
        if (sleep_ms < 0)
            return -1;
        if (files_look_after(&t->files))
            renew_secrets(t, NULL);
        tell_trouble(t);
        console_tick(&t->console, clock_wall_ms(clock_system()));
        if (sleep_ms > 0)
            wake_wait_for(t->wake_fd, work_wake_fd(&t->work), sleep_ms);
    }
    if (t->consume.has_failed) {
        *e = t->consume.failure;
        return -1;
    }
    return 0;
}

static void tell_started(struct tracker *t)
{
    const struct config *cfg = t->cfg;

    log_with(&t->files.log, EVENT_TRACKER_STARTED, NULL, LOG_TEXT("broker", cfg->kafka.broker),
             LOG_TEXT("topic", cfg->kafka.topic), LOG_TEXT("group", cfg->kafka.consumer_group),
             LOG_TEXT("cluster", t->cluster.id), LOG_TEXT("librdkafka", kafka_library_version()));
    console_say(&t->console, "tracker: topic %s, group %s, broker %s; journal %s, log %s",
                cfg->kafka.topic, cfg->kafka.consumer_group, cfg->kafka.broker,
                cfg->tracker.events_file, cfg->tracker.log_file);
}

/* What is told at the end. */
struct totals {
    struct strbuf metrics; /* a JSON object, empty when nothing ever flowed */
    int64_t processed;
    int64_t dead_lettered;
    int64_t dropped;
    int64_t left;
    bool drained;
};

/* Records that lanes still hold go back to the source before it is closed. */
static void end_flow(struct tracker *t, struct totals *totals)
{
    const struct metrics *m = &t->consume.metrics;

    if (!t->is_flowing)
        return;
    consume_write_metrics(&t->consume, &totals->metrics);
    totals->processed = m->processed;
    totals->dead_lettered = m->dead_lettered;
    totals->dropped = m->dropped;
    totals->left = t->consume.left_behind;
    totals->drained = consume_is_drained(&t->consume);
    consume_release(&t->consume);
}

static void close_parts(struct tracker *t)
{
    work_end(&t->work);
    if (kafka_source_close(t->kafka_source, CLOSE_TIMEOUT_MS) < 0)
        log_plain(&t->files.log, EVENT_TRACKER_GROUP_NOT_LEFT, NULL);
    kafka_sink_close(t->kafka_sink);
    files_close_journal(&t->files);
    work_close(&t->work);
}

static void tell_stopped(struct tracker *t, const struct totals *totals, const struct err *failure)
{
    bool failed = failure->kind != ERR_NONE;

    log_file_settle(t->files.jsonl);
    log_with_level(&t->files.log, failed ? LOG_ERROR : LOG_INFO, EVENT_TRACKER_STOPPED,
                   failed ? failure->text : NULL,
                   LOG_JSON(NULL, totals->metrics.len ? totals->metrics.data : "{}"),
                   LOG_JSON("drained", totals->drained ? "true" : "false"),
                   LOG_INT("left", totals->left));
    if (failed || !t->is_flowing)
        return;
    console_say(&t->console,
                "stopped: processed %" PRId64 ", dead-lettered %" PRId64 ", dropped %" PRId64,
                totals->processed, totals->dead_lettered, totals->dropped);
    if (totals->left > 0)
        console_say(&t->console, "not drained: %" PRId64 " left, they come again", totals->left);
    else if (!totals->drained)
        console_say(&t->console, "not drained: how much is left is not known");
}

/* Makes the parts and lets the orders flow until a stop. */
static int run_parts(struct tracker *t, struct err *e)
{
    int ready;

    ready = files_open_journal(&t->files, t->wake_fd, &t->console, e);
    if (ready > 0 && resolve_properties(t->secrets, e) < 0)
        return -1;
    if (ready > 0)
        ready = wait_for_kafka(t, e);
    if (ready <= 0)
        return ready;
    take_cluster(t, t->cluster.id);
    if (open_kafka(t, e) < 0)
        return -1;
    if (join_parts(t, e) < 0)
        return -1;
    tell_started(t);
    return flow(t, e);
}

static void warn_of_exposed_secret(const struct tracker *t)
{
    if (t->cfg->exposed_file)
        log_with(&t->files.log, EVENT_SETTINGS_EXPOSED, NULL,
                 LOG_TEXT("file", t->cfg->exposed_file), LOG_TEXT("remedy", "chmod o-r this file"));
}

static int run_tracker(struct config *cfg, const struct options *o)
{
    struct tracker t = {.cfg = cfg, .secrets = cfg, .options = *o, .wake_fd = wake_open()};
    struct totals totals = {0};
    struct err e = {0};
    struct err failure = {0};

    console_init(&t.console, o->quiet || files_log_is_stderr(cfg) ? -1 : STDOUT_FILENO);
    if (files_open_log(&t.files, cfg, &failure) == 0) {
        warn_of_exposed_secret(&t);
        if (run_parts(&t, &e) < 0)
            failure = e;
        end_flow(&t, &totals);
        close_parts(&t);
        tell_stopped(&t, &totals, &failure);
        log_file_close(t.files.jsonl);
        strbuf_release(&totals.metrics);
    }
    close(t.wake_fd);
    if (failure.kind == ERR_NONE)
        return 0;
    if (!files_log_is_stderr(cfg)) /* where it was the log's last line */
        fprintf(stderr, "tracker: %s\n", failure.text);
    return err_exit_status(&failure);
}

int main(int argc, char **argv)
{
    struct options o = {0};
    struct config cfg = {0};
    struct err e = {0};
    int status = 0;

    standard_hold();
    stop_begin();
    switch (read_options(argc, argv, &o, &cfg, &e)) {
    case ARGS_DONE:
        break;
    case ARGS_FAILED:
        fprintf(stderr, "tracker: %s\n", e.text);
        status = err_exit_status(&e);
        break;
    case ARGS_RUN:
        stop_install();
        status = o.preflight ? preflight_run(&cfg) : run_tracker(&cfg, &o);
        break;
    }
    config_release(&cfg);
    return status;
}
