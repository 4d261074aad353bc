#include "flow/metrics.h"

#include <math.h>
#include <string.h>

#include "base/json_writer.h"

/* Bucket i holds the values in (GAMMA^(i-1), GAMMA^i]: any value of a bucket is within 2 % of its
 * middle (Masson, Rim, Lee: DDSketch, VLDB 2019). 2048 buckets reach beyond 10^17 ms. */
#define GAMMA 1.04

static size_t bucket_of(int64_t ms)
{
    double index;

    if (ms <= 1)
        return ms == 1;
    index = 1 + ceil(log((double)ms) / log(GAMMA));
    return index < METRICS_LATENCY_BUCKETS ? (size_t)index : METRICS_LATENCY_BUCKETS - 1;
}

static int64_t value_of(size_t bucket)
{
    if (bucket <= 1)
        return (int64_t)bucket;
    return llround(fmin(2 * pow(GAMMA, (double)bucket - 1) / (1 + GAMMA), 0x1p62));
}

void metrics_init(struct metrics *m, int64_t now_ms)
{
    *m = (struct metrics){.started_ms = now_ms, .interval_started_ms = now_ms};
}

static void note_time(struct metrics_times *t, int64_t ms)
{
    t->buckets[bucket_of(ms)]++;
    t->count++;
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
    note_time(&m->latency, r->latency_ms);
}

void metrics_attempted(struct metrics *m, int64_t ms)
{
    note_time(&m->processor, ms);
}

/* Value in milliseconds below which `share` (0..1) of them lie, within 2 %; -1 when there was none.
 */
static int64_t quantile_ms(const struct metrics_times *t, double share)
{
    int64_t wanted = (int64_t)ceil(share * (double)t->count);
    int64_t seen = 0;

    if (t->count == 0)
        return -1;
    for (size_t i = 0; i < METRICS_LATENCY_BUCKETS; i++) {
        seen += t->buckets[i];
        if (seen >= wanted && seen > 0)
            return value_of(i);
    }
    return value_of(METRICS_LATENCY_BUCKETS - 1);
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

static void write_times(struct json_writer *w, const char *key, const struct metrics_times *t)
{
    json_begin_object(w, key);
    write_known(w, "p50", quantile_ms(t, 0.50));
    write_known(w, "p95", quantile_ms(t, 0.95));
    write_known(w, "p99", quantile_ms(t, 0.99));
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
