#include "flow/metrics.h"

#include <math.h>
#include <string.h>

#include "base/json_writer.h"

void metrics_init(struct metrics *m, int64_t now_ms)
{
    *m = (struct metrics){.started_ms = now_ms, .interval_started_ms = now_ms};
}

void metrics_settled(struct metrics *m, const struct record *r)
{
    m->received++;
    m->interval_received++;
    switch (r->outcome) {
    case RECORD_PROCESSED:
        m->processed++;
        break;
    case RECORD_DEAD_LETTERED:
        m->failed++;
        m->dead_lettered++;
        break;
    case RECORD_DROPPED:
        m->failed++;
        m->dropped++;
        break;
    }
    histogram_add(&m->latency, r->latency_ms);
}

void metrics_attempted(struct metrics *m, int64_t ms)
{
    histogram_add(&m->processor, ms);
}

static void write_known(struct json_writer *w, const char *key, int64_t value)
{
    if (value < 0)
        json_null(w, key);
    else
        json_int(w, key, value);
}

static int64_t partition_lag(const struct metrics_partition *p)
{
    if (p->offset < 0 || p->high_watermark < 0)
        return -1;
    return p->high_watermark > p->offset ? p->high_watermark - p->offset : 0;
}

static int64_t total_lag(const struct metrics_state *s)
{
    int64_t sum = 0;

    for (size_t i = 0; i < s->partition_count; i++) {
        int64_t lag = partition_lag(&s->partitions[i]);

        if (lag < 0)
            return -1;
        sum += lag;
    }
    return s->partition_count ? sum : -1;
}

static void write_partitions(struct json_writer *w, const struct metrics_state *s)
{
    json_begin_array(w, "partitions");
    for (size_t i = 0; i < s->partition_count; i++) {
        const struct metrics_partition *p = &s->partitions[i];

        json_begin_object(w, NULL);
        json_int(w, "partition", p->partition);
        write_known(w, "offset", p->offset);
        write_known(w, "high_watermark", p->high_watermark);
        write_known(w, "lag", partition_lag(p));
        json_end_object(w);
    }
    json_end_array(w);
}

static void write_times(struct json_writer *w, const char *key, const struct histogram *t)
{
    json_begin_object(w, key);
    write_known(w, "p50", histogram_quantile(t, 0.50));
    write_known(w, "p95", histogram_quantile(t, 0.95));
    write_known(w, "p99", histogram_quantile(t, 0.99));
    json_end_object(w);
}

static void write_head_of_line(struct json_writer *w, const struct metrics_state *s)
{
    bool is_known = s->head_of_line_ms >= 0;

    write_known(w, "head_of_line_ms", s->head_of_line_ms);
    write_known(w, "head_of_line_partition", is_known ? s->head_of_line_partition : -1);
    write_known(w, "head_of_line_offset", is_known ? s->head_of_line_offset : -1);
}

/* Cut, not rounded: 100.00 says that nothing failed. */
static void write_success(struct json_writer *w, const struct metrics *m)
{
    int64_t settled = m->processed + m->failed;

    if (settled == 0)
        json_null(w, "success_rate_percent");
    else
        json_number(w, "success_rate_percent",
                    floor(10000.0 * (double)m->processed / (double)settled) / 100, 2);
}

void metrics_write(const struct metrics *m, const struct metrics_state *state, int64_t now_ms,
                   struct strbuf *out)
{
    struct json_writer w = json_writer_on(out);
    int64_t interval_ms = now_ms - m->interval_started_ms;

    json_begin_object(&w, NULL);
    json_int(&w, "uptime_seconds", (now_ms - m->started_ms) / 1000);
    json_int(&w, "messages_received", m->received);
    json_int(&w, "messages_processed", m->processed);
    json_int(&w, "messages_failed", m->failed);
    json_int(&w, "messages_retried", m->retried);
    json_int(&w, "messages_dead_lettered", m->dead_lettered);
    json_int(&w, "messages_dropped", m->dropped);
    write_success(&w, m);
    json_number(&w, "messages_per_second",
                interval_ms > 0 ? 1000.0 * (double)m->interval_received / (double)interval_ms : NAN,
                2);
    write_known(&w, "lag", total_lag(state));
    write_partitions(&w, state);
    write_times(&w, "latency_ms", &m->latency);
    json_int(&w, "fsync_ms_max", state->fsync_ms_max);
    json_int(&w, "lanes_waiting", state->lanes_waiting);
    json_int(&w, "lanes_blocked", state->lanes_blocked);
    json_int(&w, "dlq_pending", state->dlq_pending);
    json_int(&w, "processor_in_flight", state->processor_in_flight);
    write_times(&w, "processor_ms", &m->processor);
    json_bool(&w, "processor_unavailable", state->processor_unavailable);
    write_head_of_line(&w, state);
    json_end_object(&w);
}

void metrics_next_interval(struct metrics *m, int64_t now_ms)
{
    m->interval_started_ms = now_ms;
    m->interval_received = 0;
    memset(&m->latency, 0, sizeof(m->latency));
    memset(&m->processor, 0, sizeof(m->processor));
}
