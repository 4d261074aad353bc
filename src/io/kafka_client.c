#include "io/kafka_client.h"

#include <stdio.h>
#include <string.h>

/* ---- health ---- */

static void tell_away(struct kafka_client *c)
{
    if (!c->is_down || c->is_idle || c->is_told)
        return;
    c->is_told = true;
    /* The reason is not the line's error: several clients of a process that see the same, each in
     * its own words, are one line in the log. */
    log_with(c->log, LOG_WARN, "Kafka is away, trying until it is back", NULL,
             LOG_TEXT("reason", c->reason));
}

void kafka_client_idle(struct kafka_client *c, bool is_idle)
{
    c->is_idle = is_idle;
    tell_away(c);
}

void kafka_client_good(struct kafka_client *c)
{
    if (c->is_told)
        log_plain(c->log, LOG_INFO, "Kafka is back", NULL);
    c->is_down = c->is_told = false;
}

static void note_down(struct kafka_client *c, const char *reason)
{
    if (c->is_down)
        return;
    c->is_down = true;
    snprintf(c->reason, sizeof(c->reason), "%s", reason);
    tell_away(c);
}

/* ---- callbacks ---- */

static void on_error(rd_kafka_t *rk, int err, const char *reason, void *opaque)
{
    struct kafka_client *c = opaque;

    (void)rk;
    switch (err) {
    case RD_KAFKA_RESP_ERR__TRANSPORT: /* one broken connection is not yet all of Kafka */
    case RD_KAFKA_RESP_ERR__TIMED_OUT: /* nor one that does not answer */
    case RD_KAFKA_RESP_ERR__FATAL:     /* its owner finds out and tells */
        return;
    case RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN:
    case RD_KAFKA_RESP_ERR__RESOLVE:
        note_down(c, reason);
        return;
    default:
        log_with(c->log, LOG_WARN, "Kafka reports an error", reason,
                 LOG_TEXT("code", rd_kafka_err2name((rd_kafka_resp_err_t)err)));
    }
}

/* Any broker that is up makes it good. A broker that takes connections and never answers is not
 * reported as down: none that is up, twice in a row, after there was one, says so. */
static int on_stats(rd_kafka_t *rk, char *json, size_t len, void *opaque)
{
    static const char up[] = "\"state\":\"UP\"";
    struct kafka_client *c = opaque;

    (void)rk;
    if (memmem(json, len, up, sizeof(up) - 1)) {
        c->was_up = true;
        c->looks_without = 0;
        if (c->is_down)
            kafka_client_good(c);
    } else if (c->was_up && ++c->looks_without == 2) {
        note_down(c, "no connection to any broker");
    }
    return 0;
}

static void on_log(const rd_kafka_t *rk, int level, const char *facility, const char *text)
{
    const struct kafka_client *c = rd_kafka_opaque(rk);

    kafka_log_line(c->log, level, facility, text);
}

/* ---- life ---- */

bool kafka_client_failed(const struct kafka_client *c, const char *what, rd_kafka_error_t *error)
{
    if (!error)
        return false;
    log_plain(c->log, LOG_ERROR, what, rd_kafka_error_string(error));
    rd_kafka_error_destroy(error);
    return true;
}

static void wake_on_events(struct kafka_client *c, rd_kafka_type_t type)
{
    rd_kafka_queue_t *queue = type == RD_KAFKA_CONSUMER ? rd_kafka_queue_get_consumer(c->rk)
                                                        : rd_kafka_queue_get_main(c->rk);

    kafka_wake_on(queue, c->wake_fd);
    rd_kafka_queue_destroy(queue);
}

int kafka_client_open(struct kafka_client *c, rd_kafka_type_t type, rd_kafka_conf_t *conf,
                      struct err *e)
{
    char why[512];

    rd_kafka_conf_set_opaque(conf, c);
    rd_kafka_conf_set_error_cb(conf, on_error);
    rd_kafka_conf_set_stats_cb(conf, on_stats);
    rd_kafka_conf_set_log_cb(conf, on_log);
    c->rk = rd_kafka_new(type, conf, why, sizeof(why));
    if (!c->rk) {
        rd_kafka_conf_destroy(conf);
        return err_set(e, ERR_USAGE, "Kafka %s: %s",
                       type == RD_KAFKA_CONSUMER ? "consumer" : "producer", why);
    }
    rd_kafka_set_log_queue(c->rk, NULL);
    if (type == RD_KAFKA_CONSUMER)
        rd_kafka_poll_set_consumer(c->rk);
    wake_on_events(c, type);
    return 0;
}

static void destroy(void *rk)
{
    rd_kafka_destroy(rk);
}

static void destroy_unclosed(void *rk)
{
    rd_kafka_destroy_flags(rk, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
}

struct errand *kafka_client_bury(struct kafka_client *c, int wake_fd)
{
    return errand_begin(rd_kafka_type(c->rk) == RD_KAFKA_CONSUMER ? destroy_unclosed : destroy,
                        c->rk, wake_fd);
}
