/* producer: emits orders to the topic, or moves dead letters back to it. Composition only. */

#include <inttypes.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/standard.h"
#include "base/stop.h"
#include "io/kafka_admin.h"
#include "io/log_file.h"
#include "model/log_event.h"
#include "options.h"
#include "redrive.h"
#include "send.h"

#define TURN_MS 100

static int fail(const struct err *e)
{
    fprintf(stderr, "producer: %s\n", e->text);
    return err_exit_status(e);
}

/* ---- --init ---- */

static void say_topic(const struct kafka_topic_state *t)
{
    if (t->refusal.kind != ERR_NONE)
        printf("topic %s: missing, it could not be created\n", t->name);
    else if (t->partitions == 0)
        printf("topic %s: missing (kafka.create_topics is false)\n", t->name);
    else
        printf("topic %s: %s, %d partition%s\n", t->name, t->was_created ? "created" : "exists",
               t->partitions, t->partitions == 1 ? "" : "s");
}

/* Orders can go without the topic for dead letters; the tracker then keeps those in its journal
 * until there is one. */
static int judge_topics(const struct kafka_cluster *cluster, bool is_quiet)
{
    for (size_t i = 1; i < cluster->topic_count; i++)
        if (cluster->topics[i].refusal.kind != ERR_NONE)
            fprintf(stderr, "producer: continuing without: %s\n", cluster->topics[i].refusal.text);
    if (cluster->topics[0].refusal.kind != ERR_NONE)
        return fail(&cluster->topics[0].refusal);
    for (size_t i = 0; i < cluster->topic_count && !is_quiet; i++)
        say_topic(&cluster->topics[i]);
    return 0;
}

static int turn_ms(int64_t left)
{
    return left > TURN_MS ? TURN_MS : (int)left;
}

/* Learns of the topics first, then whether their brokers can be reached. */
static int run_init(const struct config *cfg, const struct options *o, const struct log *log)
{
    int64_t deadline = clock_mono_ms(clock_system()) + o->timeout_ms;
    enum kafka_admin_result result;
    struct kafka_admin *admin;
    struct kafka_cluster cluster;
    struct err e = {0};
    bool is_known = false;
    int64_t left;

    admin = kafka_admin_open(cfg, log, &e);
    if (!admin)
        return fail(&e);
    do {
        left = deadline - clock_mono_ms(clock_system());
        result = is_known ? kafka_admin_reach(admin, turn_ms(left), &e)
                          : kafka_admin_turn(admin, turn_ms(left), &cluster, &e);
        if (result == KAFKA_ADMIN_GOOD && is_known)
            break;
        is_known |= result == KAFKA_ADMIN_GOOD;
    } while (left > 0 && stop_count() == 0);
    kafka_admin_close(admin);
    if (result == KAFKA_ADMIN_GOOD)
        return judge_topics(&cluster, o->quiet);
    if (stop_count() > 0)
        err_wrap(&e, "%s: stopped", cfg->kafka.broker);
    else
        err_wrap(&e, "%s within %" PRId64 " ms", cfg->kafka.broker, o->timeout_ms);
    return fail(&e);
}

static void warn_of_exposed_secret(const struct config *cfg, const struct log *log)
{
    if (cfg->exposed_file)
        log_with(log, EVENT_SETTINGS_EXPOSED, NULL, LOG_TEXT("file", cfg->exposed_file),
                 LOG_TEXT("remedy", "chmod o-r this file"));
}

int main(int argc, char **argv)
{
    struct options o;
    struct config cfg = {0};
    struct log_file *log = NULL;
    struct log port;
    struct err e = {0};
    int status = 0;

    standard_hold();
    stop_begin();
    switch (options_read(argc, argv, &o, &cfg, &e)) {
    case ARGS_DONE:
        goto out;
    case ARGS_FAILED:
        status = fail(&e);
        goto out;
    case ARGS_RUN:
        stop_install();
        break;
    }
    log = log_file_open(&(struct log_file_options){.is_plain = true,
                                                   .service = "producer",
                                                   .env = cfg.app.env,
                                                   .level = cfg.app.log_level,
                                                   .clock = clock_system()},
                        &e);
    port = log_file_port(log);
    warn_of_exposed_secret(&cfg, &port);
    if (o.redrive)
        status = redrive_run(&cfg, &o.back, &port);
    else
        status = o.init ? run_init(&cfg, &o, &port) : send_run(&cfg, &o, &port);
out:
    log_file_close(log);
    config_release(&cfg);
    return status;
}
