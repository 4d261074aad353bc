/* producer: emits orders to the topic, or moves dead letters back to it. Composition only. */

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/rng.h"
#include "base/standard.h"
#include "base/stop.h"
#include "config/args.h"
#include "config/key.h"
#include "flow/produce.h"
#include "io/jsonl_log.h"
#include "io/kafka_admin.h"
#include "io/kafka_conf.h"
#include "io/kafka_sink.h"
#include "io/order_file.h"
#include "io/wake.h"
#include "model/order_gen.h"
#include "redrive.h"

#define MAX_LINE_BYTES   ((size_t)64 << 20)
#define ADMIN_TIMEOUT_MS 1000
#define TIMEOUT_MS       30000 /* of --init and --redrive */
#define PROGRESS_MS      200

struct options {
    int64_t count;
    int64_t seed;
    int64_t timeout_ms;
    const char *input;
    bool init;
    bool redrive;
    struct redrive_options back;
    bool quiet;
};

/* The generator as an input. */
struct generator {
    struct order_gen gen;
    struct order_message message;
};

static enum produce_next generate(void *self, int64_t wall_ms, struct produce_item *item,
                                  struct err *e)
{
    struct generator *g = self;
    struct order_message *m = &g->message;

    (void)e;
    order_gen_next(&g->gen, wall_ms, m);
    *item = (struct produce_item){
        .key = m->key.data,
        .key_len = m->key.len,
        .value = m->has_value ? strbuf_text(&m->value) : NULL,
        .value_len = m->has_value ? m->value.len : 0,
        .correlation_id = strbuf_text(&m->correlation_id),
        .timestamp_ms = m->timestamp_ms,
    };
    return PRODUCE_ITEM;
}

/* True when the command line set this key by the option of its own. */
static bool is_set_by(const struct config *cfg, const char *key, const char *option)
{
    char origin[64];

    snprintf(origin, sizeof(origin), "flag %s", option);
    return strcmp(cfg->origins[key_index(key_find(key))], origin) == 0;
}

/* What the producer is there for this time. */
enum { GENERATE = 1, INPUT = 2, INIT = 4, REDRIVE = 8 };

struct use {
    const char *option;
    bool is_given;
    unsigned in;      /* where it has an effect */
    const char *only; /* the same in words, NULL where the refusal names the other option */
};

static int check_use(const struct use *uses, size_t count, unsigned mode, const char *name,
                     struct err *e)
{
    for (size_t i = 0; i < count; i++) {
        const struct use *u = &uses[i];

        if (!u->is_given || u->in & mode)
            continue;
        if (u->only)
            return err_set(e, ERR_USAGE, "%s goes with %s only", u->option, u->only);
        return err_set(e, ERR_USAGE, "%s does not go with %s", u->option, name);
    }
    return 0;
}

/* Options that would have no effect beside others are refused. */
static int check_options(const struct options *o, const struct config *cfg, struct err *e)
{
    bool has_interval = is_set_by(cfg, "producer.interval_ms", "--interval-ms");
    bool has_rate = is_set_by(cfg, "producer.invalid_rate", "--invalid-rate");
    const struct use uses[] = {
        {"--count", o->count >= 0, GENERATE | INPUT, NULL},
        {"--interval-ms", has_interval, GENERATE | INPUT, NULL},
        {"--input", o->input != NULL, INPUT, NULL},
        {"--seed", o->seed >= 0, GENERATE, NULL},
        {"--invalid-rate", has_rate, GENERATE, NULL},
        {"--init", o->init, INIT, NULL},
        {"--timeout-ms", o->timeout_ms >= 0, INIT | REDRIVE, "--init or --redrive"},
        {"--dry-run", o->back.is_dry, REDRIVE, "--redrive"},
        {"--reason", o->back.reason != NULL, REDRIVE, "--redrive"},
        {"--max", o->back.max >= 0, REDRIVE, "--redrive"},
        {"--rate", o->back.rate >= 0, REDRIVE, "--redrive"},
        {"--max-replays", o->back.max_replays >= 0, REDRIVE, "--redrive"},
    };
    unsigned mode = GENERATE;
    const char *name = "";

    if (o->redrive) {
        mode = REDRIVE;
        name = "--redrive";
    } else if (o->init) {
        mode = INIT;
        name = "--init";
    } else if (o->input) {
        mode = INPUT;
        name = "--input";
    }
    if (check_use(uses, sizeof(uses) / sizeof(uses[0]), mode, name, e) < 0)
        return -1;
    return redrive_check(&o->back, e);
}

#define OWN_ARGS     8
#define REDRIVE_ARGS 6

static void fill_redrive_args(struct options *o, struct arg *args)
{
    const struct arg rows[REDRIVE_ARGS] = {
        {.name = "redrive",
         .kind = ARG_FLAG,
         .help = "move dead letters back to their original topics, then exit",
         .flag = &o->redrive},
        {.name = "dry-run",
         .kind = ARG_FLAG,
         .help = "with --redrive: only count, change nothing",
         .flag = &o->back.is_dry},
        {.name = "reason",
         .kind = ARG_TEXT,
         .operand = "CODE",
         .help = "with --redrive: only those with this dlq.reason",
         .text = &o->back.reason},
        {.name = "max",
         .kind = ARG_INT,
         .operand = "N",
         .help = "with --redrive: send at most so many",
         .min = 1,
         .max = INT64_MAX,
         .integer = &o->back.max},
        {.name = "rate",
         .kind = ARG_INT,
         .operand = "N",
         .help = "with --redrive: send at most so many per second",
         .min = 1,
         .max = 1000000,
         .integer = &o->back.rate},
        {.name = "max-replays",
         .kind = ARG_INT,
         .operand = "N",
         .help = "with --redrive: what was moved back so often stays (default 3)",
         .min = 1,
         .max = 1000000,
         .integer = &o->back.max_replays},
    };

    memcpy(args, rows, sizeof(rows));
}

static enum args_result read_options(int argc, char **argv, struct options *o, struct config *cfg,
                                     struct err *e)
{
    struct arg args[OWN_ARGS + REDRIVE_ARGS] = {
        {.name = "count",
         .letter = 'n',
         .kind = ARG_INT,
         .operand = "N",
         .help = "how many orders; 0 = until stopped (default)",
         .min = 0,
         .max = INT64_MAX,
         .integer = &o->count},
        {.name = "interval-ms",
         .kind = ARG_SETTING,
         .operand = "N",
         .setting = "producer.interval_ms"},
        {.name = "input",
         .kind = ARG_TEXT,
         .operand = "FILE|-",
         .help = "send each line of a JSON Lines file as one order, bytes unchanged",
         .text = &o->input},
        {.name = "seed",
         .kind = ARG_INT,
         .operand = "N",
         .help = "the same orders every time",
         .min = 0,
         .max = INT64_MAX,
         .integer = &o->seed},
        {.name = "invalid-rate",
         .kind = ARG_SETTING,
         .operand = "R",
         .setting = "producer.invalid_rate"},
        {.name = "init",
         .kind = ARG_FLAG,
         .help = "wait for the broker, create missing topics, say what was done, exit",
         .flag = &o->init},
        {.name = "timeout-ms",
         .kind = ARG_INT,
         .operand = "N",
         .help = "how long --init and --redrive wait for the broker (default 30000)",
         .min = 0,
         .max = 86400000,
         .integer = &o->timeout_ms},
        {.name = "quiet",
         .letter = 'q',
         .kind = ARG_FLAG,
         .help = "no progress and no summary",
         .flag = &o->quiet},
    };
    const struct arg_program program = {
        .name = "producer",
        .summary = "emits orders to a Kafka topic, or moves dead letters back to theirs",
        .args = args,
        .arg_count = sizeof(args) / sizeof(args[0]),
    };
    enum args_result result;

    fill_redrive_args(o, args + OWN_ARGS);
    result = args_load(&program, argc, argv, kafka_library_version(), cfg, e);
    return result == ARGS_RUN && check_options(o, cfg, e) < 0 ? ARGS_FAILED : result;
}

static int fail(const struct err *e)
{
    fprintf(stderr, "producer: %s\n", e->text);
    return err_exit_status(e);
}

/* ---- --init ---- */

static void say_topics(const struct kafka_cluster *cluster)
{
    for (size_t i = 0; i < cluster->topic_count; i++) {
        const struct kafka_topic_state *t = &cluster->topics[i];

        if (t->partitions == 0)
            printf("topic %s: missing (kafka.create_topics is false)\n", t->name);
        else
            printf("topic %s: %s, %d partition%s\n", t->name, t->was_created ? "created" : "exists",
                   t->partitions, t->partitions == 1 ? "" : "s");
    }
}

static int run_init(const struct config *cfg, const struct options *o, const struct log *log)
{
    int64_t deadline = clock_mono_ms(clock_system()) + o->timeout_ms;
    enum kafka_admin_result result;
    struct kafka_cluster cluster;
    struct err e = {0};
    int64_t left;

    do {
        left = deadline - clock_mono_ms(clock_system());
        result = kafka_admin_prepare(
            cfg, left < ADMIN_TIMEOUT_MS ? (int)(left > 1 ? left : 1) : ADMIN_TIMEOUT_MS, log,
            &cluster, &e);
        left = deadline - clock_mono_ms(clock_system());
    } while (result == KAFKA_ADMIN_AWAY && left > 0 && stop_count() == 0);
    if (result == KAFKA_ADMIN_AWAY)
        err_wrap(&e, "%s within %" PRId64 " ms", cfg->kafka.broker, o->timeout_ms);
    if (result != KAFKA_ADMIN_GOOD)
        return fail(&e);
    if (!o->quiet)
        say_topics(&cluster);
    return 0;
}

/* ---- sending ---- */

struct progress {
    bool is_shown;
    int64_t began_ms;
    int64_t last_ms;
};

static double rate(const struct produce *p, const struct progress *progress, int64_t now_ms)
{
    int64_t ms = now_ms - progress->began_ms;

    return ms > 0 ? 1000.0 * (double)p->counts.acknowledged / (double)ms : 0;
}

static void show_progress(const struct produce *p, struct progress *progress, int64_t now_ms)
{
    if (!progress->is_shown || now_ms - progress->last_ms < PROGRESS_MS)
        return;
    progress->last_ms = now_ms;
    fprintf(stderr,
            "\rsent %" PRId64 "  acknowledged %" PRId64 "  failed %" PRId64 "  %.0f/s\033[K",
            p->counts.sent, p->counts.acknowledged, p->counts.failed, rate(p, progress, now_ms));
}

/* Sends until the end or a signal, then waits for what is under way as long as reports keep coming
 * in, at most flush_timeout_ms without any. */
static int send_all(struct produce *p, int64_t flush_timeout_ms, int wake_fd,
                    struct progress *progress, struct err *e)
{
    const struct clock *clock = clock_system();
    int64_t reported = 0;
    int64_t reported_ms = clock_mono_ms(clock);
    int rc = 0;

    for (;;) {
        int64_t now = clock_mono_ms(clock);
        int sleep_ms;

        if (stop_count() > 0)
            produce_stop(p);
        sleep_ms = produce_turn(p, now, clock_wall_ms(clock), e);
        if (sleep_ms < 0) {
            rc = -1;
            sleep_ms = 0;
        }
        show_progress(p, progress, now);
        if (p->counts.acknowledged + p->counts.failed != reported || !p->is_ended)
            reported_ms = now;
        reported = p->counts.acknowledged + p->counts.failed;
        if (produce_is_done(p) || stop_count() > 1 || now - reported_ms >= flush_timeout_ms)
            return rc;
        if (sleep_ms > 0)
            wake_wait(wake_fd, sleep_ms);
    }
}

static int report(const struct produce *p, const struct progress *progress, const struct options *o)
{
    int64_t lost = p->counts.failed + (int64_t)p->sink->in_flight(p->sink->self);

    if (progress->is_shown)
        fputs("\r\033[K", stderr);
    if (!o->quiet)
        printf("sent %" PRId64 ", acknowledged %" PRId64 ", failed %" PRId64 ", %.0f/s\n",
               p->counts.sent, p->counts.acknowledged, p->counts.failed,
               rate(p, progress, clock_mono_ms(clock_system())));
    if (lost > 0)
        fprintf(stderr, "producer: %" PRId64 " order%s not acknowledged%s%s\n", lost,
                lost == 1 ? " was" : "s were", p->counts.last_failure[0] ? ": " : "",
                p->counts.last_failure);
    return lost > 0 ? 1 : 0;
}

/* Missing topics are made when the broker answers soon; when it is away the sink waits for it. */
static int prepare_topics(const struct config *cfg, const struct log *log, struct err *e)
{
    struct kafka_cluster cluster;

    switch (kafka_admin_prepare(cfg, ADMIN_TIMEOUT_MS, log, &cluster, e)) {
    case KAFKA_ADMIN_GOOD:
    case KAFKA_ADMIN_AWAY: /* the sink tells */
        return 0;
    case KAFKA_ADMIN_REFUSED:
        log_plain(log, LOG_WARN, "going on without", e->text);
        return 0;
    case KAFKA_ADMIN_FAILED:
        return -1;
    }
    return -1;
}

static int run_producer(const struct config *cfg, const struct options *o, const struct log *log)
{
    const struct produce_policy policy = {.topic = cfg->kafka.topic,
                                          .count = o->count > 0 ? o->count : 0,
                                          .interval_ms = cfg->producer.interval_ms};
    struct generator generator = {0};
    struct produce_input input = {.self = &generator, .next = generate};
    struct progress progress = {.is_shown = !o->quiet && isatty(STDERR_FILENO)};
    struct order_file *file = NULL;
    struct kafka_sink *kafka = NULL;
    struct produce produce;
    struct sink sink;
    struct err e = {0};
    int wake_fd = wake_open();
    int status = 1;

    if (o->input && !(file = order_file_open(o->input, MAX_LINE_BYTES, &e)))
        goto out;
    if (file)
        input = order_file_input(file);
    order_gen_init(&generator.gen, o->seed >= 0 ? (uint64_t)o->seed : rng_random_seed(),
                   cfg->producer.invalid_rate);
    if (prepare_topics(cfg, log, &e) < 0 ||
        !(kafka = kafka_sink_open(
              cfg, &(struct kafka_sink_options){.linger_ms = "5", .topic_wait_ms = "30000"},
              wake_fd, log, &e)))
        goto out;
    sink = kafka_sink_port(kafka);
    progress.began_ms = clock_mono_ms(clock_system());
    produce_init(&produce, &policy, &input, &sink, progress.began_ms);
    e = (struct err){0};
    send_all(&produce, cfg->producer.flush_timeout_ms, wake_fd, &progress, &e);
    status = report(&produce, &progress, o);
out:
    if (e.kind != ERR_NONE)
        status = fail(&e);
    kafka_sink_close(kafka);
    order_file_close(file);
    order_message_release(&generator.message);
    close(wake_fd);
    return status;
}

int main(int argc, char **argv)
{
    struct options o = {.count = -1,
                        .seed = -1,
                        .timeout_ms = -1,
                        .back = {.max = -1, .rate = -1, .max_replays = -1}};
    struct config cfg = {0};
    struct jsonl_log *log = NULL;
    struct log port;
    struct err e = {0};
    int status = 0;

    standard_hold();
    stop_begin();
    switch (read_options(argc, argv, &o, &cfg, &e)) {
    case ARGS_DONE:
        goto out;
    case ARGS_FAILED:
        status = fail(&e);
        goto out;
    case ARGS_RUN:
        stop_install();
        break;
    }
    log = jsonl_log_open(&(struct jsonl_log_options){.service = "producer",
                                                     .env = cfg.app.env,
                                                     .level = (enum log_level)cfg.app.log_level,
                                                     .clock = clock_system()},
                         &e);
    port = jsonl_log_port(log);
    if (o.timeout_ms < 0)
        o.timeout_ms = TIMEOUT_MS;
    o.back.timeout_ms = o.timeout_ms;
    o.back.is_quiet = o.quiet;
    if (o.redrive)
        status = redrive_run(&cfg, &o.back, &port);
    else
        status = o.init ? run_init(&cfg, &o, &port) : run_producer(&cfg, &o, &port);
out:
    jsonl_log_close(log);
    config_release(&cfg);
    return status;
}
