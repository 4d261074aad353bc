#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "io/kafka_internal.h"

int64_t kafka_now_ms(void)
{
    return clock_mono_ms(clock_system());
}

int kafka_left_ms(int64_t deadline)
{
    int64_t left = deadline - kafka_now_ms();

    return left > 1 ? (int)left : 1;
}

void kafka_log_line(const struct log *log, int level, const char *facility, const char *text)
{
    /* syslog levels: 3 and below are errors, 4 warnings; a message of librdkafka is never our
     * verdict. */
    enum log_level ours = level <= 3 ? LOG_WARN : level <= 5 ? LOG_INFO : LOG_DEBUG;
    static const char *const harmless[] = {
        "Failed to acquire idempotence PID", /* a fresh broker's coordinator still loads */
        "FAIL",                              /* kafka_health tells */
        "ERROR",
    };

    for (size_t i = 0; i < sizeof(harmless) / sizeof(harmless[0]); i++)
        if (strstr(text, harmless[i]) || strcmp(facility, harmless[i]) == 0)
            ours = LOG_DEBUG;
    log_with(log, ours, "librdkafka", NULL, LOG_TEXT("facility", facility), LOG_TEXT("text", text));
}

static void tell_away(struct kafka_health *h)
{
    if (!h->is_down || h->is_idle || h->is_told)
        return;
    h->is_told = true;
    /* The reason is not the line's error: several clients of a process that see the same, each in
     * its own words, are one line in the log. */
    log_with(h->log, LOG_WARN, "Kafka is away, trying until it is back", NULL,
             LOG_TEXT("reason", h->reason));
}

void kafka_health_error(struct kafka_health *h, rd_kafka_resp_err_t err, const char *reason)
{
    if (err != RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN && err != RD_KAFKA_RESP_ERR__TRANSPORT &&
        err != RD_KAFKA_RESP_ERR__RESOLVE) {
        log_with(h->log, LOG_WARN, "Kafka reports an error", reason,
                 LOG_TEXT("code", rd_kafka_err2name(err)));
        return;
    }
    if (h->is_down || err == RD_KAFKA_RESP_ERR__TRANSPORT)
        return; /* one broken connection is not yet all of Kafka */
    h->is_down = true;
    snprintf(h->reason, sizeof(h->reason), "%s", reason);
    tell_away(h);
}

void kafka_health_idle(struct kafka_health *h, bool is_idle)
{
    h->is_idle = is_idle;
    tell_away(h);
}

void kafka_health_good(struct kafka_health *h)
{
    if (h->is_told)
        log_plain(h->log, LOG_INFO, "Kafka is back", NULL);
    h->is_down = h->is_told = false;
}

void kafka_health_stats(struct kafka_health *h, const char *json, size_t len)
{
    static const char up[] = "\"state\":\"UP\"";

    if (h->is_down && memmem(json, len, up, sizeof(up) - 1))
        kafka_health_good(h);
}

void kafka_wake_on(rd_kafka_queue_t *queue, int wake_fd)
{
    static const uint64_t one = 1;

    rd_kafka_queue_io_event_enable(queue, wake_fd, &one, sizeof(one));
}
