/* Orders on their way from the generator or a file to the topic. Composition only. */

#include "send.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/rng.h"
#include "base/stop.h"
#include "base/wake.h"
#include "flow/produce.h"
#include "io/kafka_admin.h"
#include "io/kafka_sink.h"
#include "model/log_event.h"
#include "order_file.h"
#include "order_gen.h"

#define MAX_LINE_BYTES ((size_t)64 << 20)
#define TURN_MS        100
#define PROGRESS_MS    200

#define KBYTES_PER_PARTITION 4096
#define KBYTES_MAX           16384 /* the sink's own measure */

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

/* How long there may be no report at the end. */
struct patience {
    int64_t first_ms; /* before the first one: it comes after the connections were made */
    int64_t next_ms;
};

/* Sends until the end or a signal, then waits for what is under way as long as reports keep coming
 * in. */
static int send_all(struct produce *p, const struct patience *patience, int wake_fd,
                    struct progress *progress, struct err *e)
{
    const struct clock *clock = clock_system();
    int64_t reported = 0;
    int64_t reported_ms = clock_mono_ms(clock);
    int rc = 0;

    for (;;) {
        int64_t now = clock_mono_ms(clock);
        int64_t limit_ms;
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
        limit_ms = reported == 0 && stop_count() == 0 ? patience->first_ms : patience->next_ms;
        if (produce_is_done(p) || stop_count() > 1 || now - reported_ms >= limit_ms)
            return rc;
        if (sleep_ms > 0)
            wake_wait(wake_fd, sleep_ms);
    }
}

static const char *cause_of(const struct produce *p, const struct err *missing)
{
    return p->counts.last_failure[0] ? p->counts.last_failure : missing->text;
}

/* `missing` says why the topic is not there, if it is not. */
static int report(const struct produce *p, const struct progress *progress, const struct options *o,
                  const struct err *missing)
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
                lost == 1 ? " was" : "s were", *cause_of(p, missing) ? ": " : "",
                cause_of(p, missing));
    return lost > 0 ? 1 : 0;
}

/* Says where to resume and what the file held that is no order. Returns the exit status. */
static int report_file(const struct produce *p, const struct order_file *file)
{
    const struct order_file_counts *c = order_file_counts(file);
    uint64_t open = produce_first_open(p);

    if (open == 0 && produce_was_cut_short(p))
        open = (uint64_t)c->lines + 1;
    if (open != 0 && c->items > 0)
        fprintf(stderr,
                "producer: line %" PRIu64
                " is the first that was not acknowledged; resume with tail "
                "-n +%" PRIu64 "\n",
                open, open);
    if (c->not_orders > 0)
        fprintf(stderr,
                "producer: %" PRId64 " of %" PRId64 " lines are not orders, first: line %" PRId64
                ": %s\n",
                c->not_orders, c->items, c->first_not_order, c->why);
    return c->not_orders > 0 ? 1 : 0;
}

/* Missing topics are created when the broker answers soon; when it is unavailable the sink waits
 * for it and says so. Returns 1 for an answer, 0 for none, -1 with `e`. */
static int prepare_topics(const struct config *cfg, const struct log *log,
                          struct kafka_cluster *cluster, const char **logged_reason, struct err *e)
{
    int64_t deadline = clock_mono_ms(clock_system()) + cfg->kafka.connect_timeout_ms;
    struct kafka_admin *admin = kafka_admin_open(cfg, log, e);
    enum kafka_admin_result result;
    struct err ignored;

    if (!admin)
        return -1;
    do
        result = kafka_admin_turn(admin, TURN_MS, cluster, &ignored);
    while (result == KAFKA_ADMIN_WAITING && stop_count() == 0 &&
           clock_mono_ms(clock_system()) < deadline);
    *logged_reason = kafka_admin_logged(admin);
    kafka_admin_close(admin);
    return result == KAFKA_ADMIN_GOOD;
}

/* How much waits in the sink at most, as text; NULL: its own measure. One batch of a partition is
 * under way, the next one is made, a third one is gathered: more than that is no faster, it only
 * takes memory. */
static const char *queue_kbytes(const struct kafka_cluster *cluster, char text[16])
{
    int partitions = cluster->topic_count ? cluster->topics[0].partitions : 0;

    if (partitions < 1 || partitions >= KBYTES_MAX / KBYTES_PER_PARTITION)
        return NULL;
    snprintf(text, 16, "%d", partitions * KBYTES_PER_PARTITION);
    return text;
}

/* Once the linger time of a batch is over, librdkafka asks without a pause whether it may go, for
 * as long as the batch before it is not acknowledged. Orders that are made without a pause fill a
 * batch sooner than that, so their linger time may be long; with others it is a delay. */
static const char *linger_ms(const struct config *cfg, const struct options *o)
{
    return !o->input && cfg->producer.interval_ms == 0 ? "50" : "5";
}

int send_run(const struct config *cfg, const struct options *o, const struct log *log)
{
    const struct produce_policy policy = {
        .topic = cfg->kafka.topic, .count = o->count, .interval_ms = cfg->producer.interval_ms};
    struct generator generator = {0};
    struct produce_input input = {.self = &generator, .next = generate};
    struct progress progress = {.is_shown = !o->quiet && isatty(STDERR_FILENO)};
    struct order_file *file = NULL;
    struct kafka_sink *kafka = NULL;
    struct kafka_sink_options options = {.linger_ms = linger_ms(cfg, o), .topic_wait_ms = "30000"};
    struct kafka_cluster cluster = {0};
    char kbytes[16];
    struct produce produce;
    struct sink sink;
    struct err e = {0};
    struct patience patience = {.first_ms = cfg->producer.flush_timeout_ms,
                                .next_ms = cfg->producer.flush_timeout_ms};
    struct err missing = {0};
    int wake_fd = wake_open();
    int reached;
    int status = 1;

    if (o->input && !(file = order_file_open(o->input, MAX_LINE_BYTES, &e)))
        goto out;
    if (file)
        input = order_file_input(file);
    order_gen_init(&generator.gen, o->seed >= 0 ? (uint64_t)o->seed : rng_random_seed(),
                   cfg->producer.invalid_rate);
    reached = prepare_topics(cfg, log, &cluster, &options.logged_reason, &e);
    if (reached < 0)
        goto out;
    if (reached && kafka_admin_check(&cluster.topics[0], &missing) < 0)
        log_plain(log, EVENT_TOPIC_UNAVAILABLE, missing.text);
    if (reached && missing.kind == ERR_NONE && patience.first_ms < cfg->kafka.connect_timeout_ms)
        patience.first_ms = cfg->kafka.connect_timeout_ms;
    options.queue_kbytes = queue_kbytes(&cluster, kbytes);
    kafka = kafka_sink_open(cfg, &options, wake_fd, log, &e);
    if (!kafka)
        goto out;
    sink = kafka_sink_port(kafka);
    progress.began_ms = clock_mono_ms(clock_system());
    produce_init(&produce, &policy, &input, &sink, progress.began_ms);
    e = (struct err){0};
    send_all(&produce, &patience, wake_fd, &progress, &e);
    status = report(&produce, &progress, o, &missing);
    if (file && report_file(&produce, file) != 0)
        status = 1;
out:
    if (e.kind != ERR_NONE) {
        fprintf(stderr, "producer: %s\n", e.text);
        status = err_exit_status(&e);
    }
    kafka_sink_close(kafka);
    order_file_close(file);
    order_message_release(&generator.message);
    close(wake_fd);
    return status;
}
