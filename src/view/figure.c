#include "view/figure.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- where they are found ---- */

#define INTEGER(name, subject, value)                     \
    static struct figure_value name(const void *of)       \
    {                                                     \
        const struct subject *f = of;                     \
                                                          \
        return (struct figure_value){.integer = (value)}; \
    }
#define NUMBER(name, subject, value)                     \
    static struct figure_value name(const void *of)      \
    {                                                    \
        const struct subject *f = of;                    \
                                                         \
        return (struct figure_value){.number = (value)}; \
    }
#define TEXT(name, subject, value)                     \
    static struct figure_value name(const void *of)    \
    {                                                  \
        const struct subject *f = of;                  \
                                                       \
        return (struct figure_value){.text = (value)}; \
    }

static const char *const lower_states[] = {
    [FLOW_WAITING] = "waiting", [FLOW_LIVE] = "live",   [FLOW_IDLE] = "idle",
    [FLOW_QUIET] = "quiet",     [FLOW_STUCK] = "stuck", [FLOW_STOPPED] = "stopped",
    [FLOW_GONE] = "gone",       [FLOW_STALE] = "stale",
};
static const char *const lower_levels[] = {
    [LEVEL_OK] = "ok", [LEVEL_UNKNOWN] = "unknown", [LEVEL_WARN] = "warn", [LEVEL_CRIT] = "crit"};
static const char *const locks[] = {
    [WRITER_UNKNOWN] = NULL, [WRITER_THERE] = "held", [WRITER_GONE] = "released"};

static double seconds(int64_t ms)
{
    return ms < 0 ? NAN : (double)ms / 1000.0;
}

static double ratio(double part, double of)
{
    return of > 0 ? part / of : NAN;
}

TEXT(get_state, figures, lower_states[f->state])
TEXT(get_health, figures, lower_levels[f->health.level])

NUMBER(get_rate_10s, figures, f->rate_10s.per_second)
NUMBER(get_rate_60s, figures, f->rate_60s.per_second)
NUMBER(get_rate_15m, figures, f->rate_15m.per_second)
INTEGER(get_peak_1s, figures, f->peak)
NUMBER(get_rate_vs_hour_ago, figures, f->vs_hour_ago)
INTEGER(get_since, figures, f->since_ms)
NUMBER(get_bytes_per_second_10s, figures, f->bytes_per_second)
NUMBER(get_message_bytes_mean_60s, figures, f->mean_bytes)
INTEGER(get_received_total, figures, f->received)
INTEGER(get_ok_total, figures, f->ok)
INTEGER(get_failed_total, figures, f->failed)
INTEGER(get_totals_complete, figures, f->totals_complete)
INTEGER(get_journal_span_ms, figures, f->span_ms)
NUMBER(get_success_60s, figures, f->success_60s)
NUMBER(get_success_total, figures, f->success_total)
INTEGER(get_received_60s, figures, f->received_60s)
INTEGER(get_failed_60s, figures, f->failed_60s)
INTEGER(get_retried_60s, figures, f->retried_60s)
INTEGER(get_retried_total, figures, f->retried)
INTEGER(get_dlq_60s, figures, f->dlq_60s)
INTEGER(get_dlq_total, figures, f->dlq)
INTEGER(get_gaps_total, figures, f->gaps)
INTEGER(get_gaps_15m, figures, f->gaps_15m)
INTEGER(get_dups_total, figures, f->dups)
INTEGER(get_rewinds_total, figures, f->rewinds)
INTEGER(get_event_age_ms, figures, f->event_age_ms)
INTEGER(get_event_ahead_ms, figures, f->ahead_ms)
INTEGER(get_log_age_ms, figures, f->log_age_ms)
TEXT(get_tracker_lock, figures, locks[f->writer])
INTEGER(get_gone_age_ms, figures, f->gone_age_ms)
INTEGER(get_silence_ms, figures, f->silence_ms)
NUMBER(get_silence_rate_before, figures, f->silence_ms < 0 ? NAN : f->silence_rate)
INTEGER(get_log_errors_60s, figures, f->errors_60s)

INTEGER(get_window_received, figure_window, f->received)
INTEGER(get_window_failed, figure_window, f->failed)
INTEGER(get_window_retried, figure_window, f->retried)
INTEGER(get_window_dlq, figure_window, f->dlq)
NUMBER(get_window_success, figure_window, f->success)

INTEGER(get_latency_n, figures, (int64_t)f->latency.count)
INTEGER(get_latency_p50, figures, f->latency.p50)
INTEGER(get_latency_p95, figures, f->latency.p95)
INTEGER(get_latency_p99, figures, f->latency.p99)
INTEGER(get_latency_max, figures, f->latency.max)
INTEGER(get_latency_resolution_ms, figures, f->latency.resolution)
NUMBER(get_latency_skewed_share, figures, f->skewed)
INTEGER(get_latency_skew_max_ms, figures, f->largest_skew_ms)

INTEGER(get_lag_messages, figures, f->lag.messages)
INTEGER(get_lag_max_partition, figures, f->lag.max_partition)
NUMBER(get_lag_age_s, figures, seconds(f->lag.age_ms))
TEXT(get_lag_trend, figures, trend_name(f->lag.trend))
NUMBER(get_lag_clear_s, figures, f->lag.clear_seconds)

INTEGER(get_processor_in_flight, figures, f->in_flight)
INTEGER(get_processor_p50, figures, f->processor_p50)
INTEGER(get_processor_p99, figures, f->processor_p99)
INTEGER(get_processor_unavailable_ms, figures, f->down_age_ms)
INTEGER(get_head_of_line_ms, figures, f->head_ms)
INTEGER(get_head_of_line_partition, figures, f->head_partition)
INTEGER(get_head_of_line_offset, figures, f->head_offset)

INTEGER(get_orders_n, figures, f->received < 0 ? -1 : f->orders.orders)
NUMBER(get_orders_items_mean, figures, ratio((double)f->orders.quantity, (double)f->orders.sampled))
TEXT(get_orders_top_item, figures, f->orders.top_item)
NUMBER(get_orders_top_item_share, figures,
       ratio((double)f->orders.top_quantity, (double)f->orders.quantity))

TEXT(get_tracker_name, figures, f->name)
TEXT(get_tracker_events_file, figures, f->events_reader->path)
TEXT(get_tracker_log_file, figures, f->log_reader->path)

TEXT(get_partition_topic, figure_partition, f->partition->topic)
INTEGER(get_partition_p, figure_partition, f->partition->number)
TEXT(get_partition_tracker, figure_partition, f->tracker)
INTEGER(get_partition_offset, figure_partition,
        f->partition->has_offset ? f->partition->highest : -1)
INTEGER(get_partition_high, figure_partition, f->high_watermark)
INTEGER(get_partition_lag, figure_partition, f->lag)
NUMBER(get_partition_rate_60s, figure_partition, f->per_second)
NUMBER(get_partition_success_60s, figure_partition, f->success)
INTEGER(get_partition_failed_60s, figure_partition, f->failed)
INTEGER(get_partition_received_total, figure_partition, (int64_t)f->partition->received)
INTEGER(get_partition_failed_total, figure_partition, (int64_t)f->partition->failed)
INTEGER(get_partition_gaps, figure_partition, (int64_t)f->partition->gaps)
INTEGER(get_partition_dups, figure_partition, (int64_t)f->partition->dups)
NUMBER(get_partition_age_s, figure_partition, (double)f->age_ms / 1000.0)
NUMBER(get_partition_behind_s, figure_partition, seconds(f->behind_ms))

TEXT(get_error_cause, figure_error, f->cause->text)
INTEGER(get_error_count, figure_error, cause_last_minute(f->cause, f->now_ms))
INTEGER(get_error_count_15m, figure_error, cause_last_quarter(f->cause, f->now_ms))
INTEGER(get_error_total, figure_error, (int64_t)f->cause->total)
INTEGER(get_error_first_at, figure_error, f->cause->first_ms)
INTEGER(get_error_last_at, figure_error, f->cause->last_ms)

INTEGER(get_reader_events_bytes_behind, figures, f->events_reader->behind)
INTEGER(get_reader_log_bytes_behind, figures, f->log_reader->behind)
INTEGER(get_reader_events_bytes, figures, f->journal_bytes)
INTEGER(get_reader_rotations, figures, (int64_t)f->events_reader->rotations)
INTEGER(get_reader_truncations, figures, (int64_t)f->events_reader->truncations)
INTEGER(get_reader_malformed, figures, (int64_t)f->events_reader->malformed)
INTEGER(get_reader_torn, figures, (int64_t)f->events_reader->torn)
INTEGER(get_reader_oversized, figures, (int64_t)f->events_reader->oversized)
INTEGER(get_reader_unfinished_bytes, figures, f->events_reader->unfinished)
INTEGER(get_reader_log_malformed, figures, (int64_t)f->log_reader->malformed)

/* ---- how they are written for people ---- */

static struct text_buffer as_count(struct figure_value v)
{
    return format_count(v.integer);
}

static struct text_buffer as_count_or_na(struct figure_value v)
{
    static const struct text_buffer none = {"n/a"};

    return v.integer < 0 ? none : format_count(v.integer);
}

static struct text_buffer as_integer(struct figure_value v)
{
    struct text_buffer b;

    snprintf(b.text, sizeof(b.text), "%" PRId64, v.integer);
    return b;
}

static struct text_buffer as_rate(struct figure_value v)
{
    return format_rate(v.number);
}

static struct text_buffer as_percent(struct figure_value v)
{
    return format_percent(v.number);
}

static struct text_buffer as_change(struct figure_value v)
{
    struct text_buffer b;

    snprintf(b.text, sizeof(b.text), "%+.0f %%", v.number * 100);
    return b;
}

static struct text_buffer as_seconds(struct figure_value v)
{
    return format_duration(isfinite(v.number) ? llround(v.number * 1000) : -1);
}

static struct text_buffer as_age(struct figure_value v)
{
    struct text_buffer b;

    snprintf(b.text, sizeof(b.text), "%.25s%s", format_duration(v.integer).text,
             v.integer < 0 ? "" : " ago");
    return b;
}

/* ---- the tables, in the order of --json ---- */

static const struct figure of_state[] = {
    {"state", FIGURE_TEXT, 0, get_state, NULL, NULL, NULL},
    {"health", FIGURE_TEXT, 0, get_health, NULL, NULL, NULL},
};

static const struct figure of_flow[] = {
    {"rate_10s", FIGURE_NUMBER, 1, get_rate_10s, "rate 10 s", " msg/s", as_rate},
    {"rate_60s", FIGURE_NUMBER, 1, get_rate_60s, "rate 60 s", " msg/s", as_rate},
    {"rate_15m", FIGURE_NUMBER, 1, get_rate_15m, "rate 15 min", " msg/s", as_rate},
    {"peak_1s", FIGURE_COUNT, 0, get_peak_1s, "peak 1 s", " msg/s", as_count},
    {"rate_vs_hour_ago", FIGURE_NUMBER, 4, get_rate_vs_hour_ago, "against 1 h ago", " (5 min)",
     as_change},
    {"since", FIGURE_TIME, 0, get_since, NULL, NULL, NULL},
    {"bytes_per_second_10s", FIGURE_NUMBER, 0, get_bytes_per_second_10s, NULL, NULL, NULL},
    {"message_bytes_mean_60s", FIGURE_NUMBER, 0, get_message_bytes_mean_60s, NULL, NULL, NULL},
    {"received_total", FIGURE_COUNT, 0, get_received_total, "received", "", as_count},
    {"ok_total", FIGURE_COUNT, 0, get_ok_total, "ok", "", as_count},
    {"failed_total", FIGURE_COUNT, 0, get_failed_total, "failed", "", as_count},
    {"totals_complete", FIGURE_FLAG, 0, get_totals_complete, NULL, NULL, NULL},
    {"journal_span_ms", FIGURE_COUNT, 0, get_journal_span_ms, NULL, NULL, NULL},
    {"success_60s", FIGURE_NUMBER, 6, get_success_60s, "success 60 s", "", as_percent},
    {"success_total", FIGURE_NUMBER, 6, get_success_total, "success all-time", "", as_percent},
    {"received_60s", FIGURE_COUNT, 0, get_received_60s, NULL, NULL, NULL},
    {"failed_60s", FIGURE_COUNT, 0, get_failed_60s, "failed 60 s", "", as_count},
    {"retried_60s", FIGURE_COUNT, 0, get_retried_60s, "retried 60 s", "", as_count_or_na},
    {"retried_total", FIGURE_COUNT, 0, get_retried_total, "retried", "", as_count_or_na},
    {"dlq_60s", FIGURE_COUNT, 0, get_dlq_60s, "dead-lettered 60 s", "", as_count_or_na},
    {"dlq_total", FIGURE_COUNT, 0, get_dlq_total, "dead-lettered", "", as_count_or_na},
    {"gaps_total", FIGURE_COUNT, 0, get_gaps_total, "gaps", "", as_count},
    {"gaps_15m", FIGURE_COUNT, 0, get_gaps_15m, "gaps 15 min", "", as_count},
    {"dups_total", FIGURE_COUNT, 0, get_dups_total, "duplicates", "", as_count},
    {"rewinds_total", FIGURE_COUNT, 0, get_rewinds_total, "rewinds", "", as_count},
    {"event_age_ms", FIGURE_COUNT, 0, get_event_age_ms, "last event", "", as_age},
    {"event_ahead_ms", FIGURE_INT, 0, get_event_ahead_ms, NULL, NULL, NULL},
    {"log_age_ms", FIGURE_COUNT, 0, get_log_age_ms, "last log line", "", as_age},
    {"tracker_lock", FIGURE_TEXT, 0, get_tracker_lock, NULL, NULL, NULL},
    {"gone_age_ms", FIGURE_COUNT, 0, get_gone_age_ms, NULL, NULL, NULL},
    {"silence_ms", FIGURE_COUNT, 0, get_silence_ms, NULL, NULL, NULL},
    {"silence_rate_before", FIGURE_NUMBER, 1, get_silence_rate_before, NULL, NULL, NULL},
    {"log_errors_60s", FIGURE_COUNT, 0, get_log_errors_60s, NULL, NULL, NULL},
};

static const struct figure of_window[] = {
    {"received", FIGURE_COUNT, 0, get_window_received, NULL, NULL, NULL},
    {"failed", FIGURE_COUNT, 0, get_window_failed, NULL, NULL, NULL},
    {"retried", FIGURE_COUNT, 0, get_window_retried, NULL, NULL, NULL},
    {"dlq", FIGURE_COUNT, 0, get_window_dlq, NULL, NULL, NULL},
    {"success", FIGURE_NUMBER, 6, get_window_success, NULL, NULL, NULL},
};

static const struct figure of_latency[] = {
    {"n", FIGURE_INT, 0, get_latency_n, "n", "", as_integer},
    {"p50", FIGURE_COUNT, 0, get_latency_p50, "p50", "", as_count},
    {"p95", FIGURE_COUNT, 0, get_latency_p95, "p95", "", as_count},
    {"p99", FIGURE_COUNT, 0, get_latency_p99, "p99", "", as_count},
    {"max", FIGURE_COUNT, 0, get_latency_max, "max", "", as_count},
    {"resolution_ms", FIGURE_INT, 0, get_latency_resolution_ms, NULL, NULL, NULL},
    {"skewed_share", FIGURE_NUMBER, 6, get_latency_skewed_share, NULL, NULL, NULL},
    {"skew_max_ms", FIGURE_INT, 0, get_latency_skew_max_ms, NULL, NULL, NULL},
};

static const struct figure of_lag[] = {
    {"messages", FIGURE_COUNT, 0, get_lag_messages, "lag", "", as_count_or_na},
    {"max_partition", FIGURE_COUNT, 0, get_lag_max_partition, NULL, NULL, NULL},
    {"age_s", FIGURE_NUMBER, 1, get_lag_age_s, NULL, NULL, NULL},
    {"trend", FIGURE_TEXT, 0, get_lag_trend, NULL, NULL, NULL},
    {"clear_s", FIGURE_NUMBER, 0, get_lag_clear_s, NULL, NULL, NULL},
};

static const struct figure of_processor[] = {
    {"in_flight", FIGURE_COUNT, 0, get_processor_in_flight, NULL, NULL, NULL},
    {"p50_ms", FIGURE_COUNT, 0, get_processor_p50, NULL, NULL, NULL},
    {"p99_ms", FIGURE_COUNT, 0, get_processor_p99, NULL, NULL, NULL},
    {"unavailable_ms", FIGURE_COUNT, 0, get_processor_unavailable_ms, NULL, NULL, NULL},
    {"head_of_line_ms", FIGURE_COUNT, 0, get_head_of_line_ms, NULL, NULL, NULL},
    {"head_of_line_partition", FIGURE_COUNT, 0, get_head_of_line_partition, NULL, NULL, NULL},
    {"head_of_line_offset", FIGURE_COUNT, 0, get_head_of_line_offset, NULL, NULL, NULL},
};

static const struct figure of_orders[] = {
    {"n", FIGURE_COUNT, 0, get_orders_n, NULL, NULL, NULL},
    {"items_mean", FIGURE_NUMBER, 2, get_orders_items_mean, NULL, NULL, NULL},
    {"top_item", FIGURE_TEXT, 0, get_orders_top_item, NULL, NULL, NULL},
    {"top_item_share", FIGURE_NUMBER, 6, get_orders_top_item_share, NULL, NULL, NULL},
};

static const struct figure of_tracker[] = {
    {"name", FIGURE_TEXT, 0, get_tracker_name, NULL, NULL, NULL},
    {"events_file", FIGURE_TEXT, 0, get_tracker_events_file, NULL, NULL, NULL},
    {"log_file", FIGURE_TEXT, 0, get_tracker_log_file, NULL, NULL, NULL},
    {"state", FIGURE_TEXT, 0, get_state, NULL, NULL, NULL},
    {"health", FIGURE_TEXT, 0, get_health, NULL, NULL, NULL},
    {"rate_10s", FIGURE_NUMBER, 1, get_rate_10s, "rate 10 s", " msg/s", as_rate},
    {"received_total", FIGURE_COUNT, 0, get_received_total, "received", "", as_count},
    {"failed_total", FIGURE_COUNT, 0, get_failed_total, "failed", "", as_count},
    {"success_60s", FIGURE_NUMBER, 6, get_success_60s, "success", "", as_percent},
    {"dlq_60s", FIGURE_COUNT, 0, get_dlq_60s, NULL, NULL, NULL},
    {"latency_p99_ms", FIGURE_COUNT, 0, get_latency_p99, NULL, NULL, NULL},
    {"lag", FIGURE_COUNT, 0, get_lag_messages, "lag", "", as_count_or_na},
    {"dups_total", FIGURE_COUNT, 0, get_dups_total, "told twice", "", as_count},
    {"rewinds_total", FIGURE_COUNT, 0, get_rewinds_total, "rewinds", "", as_count},
    {"event_age_ms", FIGURE_COUNT, 0, get_event_age_ms, NULL, NULL, NULL},
    {"log_age_ms", FIGURE_COUNT, 0, get_log_age_ms, NULL, NULL, NULL},
    {"tracker_lock", FIGURE_TEXT, 0, get_tracker_lock, NULL, NULL, NULL},
    {"gone_age_ms", FIGURE_COUNT, 0, get_gone_age_ms, NULL, NULL, NULL},
    {"malformed", FIGURE_INT, 0, get_reader_malformed, NULL, NULL, NULL},
};

static const struct figure of_partition[] = {
    {"topic", FIGURE_TEXT, 0, get_partition_topic, NULL, NULL, NULL},
    {"p", FIGURE_INT, 0, get_partition_p, NULL, NULL, NULL},
    {"tracker", FIGURE_TEXT, 0, get_partition_tracker, NULL, NULL, NULL},
    {"offset", FIGURE_COUNT, 0, get_partition_offset, "largest offset", "", as_integer},
    {"high", FIGURE_COUNT, 0, get_partition_high, "high watermark", "", as_count_or_na},
    {"lag", FIGURE_COUNT, 0, get_partition_lag, "lag", "", as_count_or_na},
    {"rate_60s", FIGURE_NUMBER, 1, get_partition_rate_60s, "rate 60 s", " msg/s", as_rate},
    {"success_60s", FIGURE_NUMBER, 6, get_partition_success_60s, "success 60 s", "", as_percent},
    {"failed_60s", FIGURE_COUNT, 0, get_partition_failed_60s, "failed 60 s", "", as_count},
    {"received_total", FIGURE_INT, 0, get_partition_received_total, "received", "", as_integer},
    {"failed_total", FIGURE_INT, 0, get_partition_failed_total, "failed", "", as_integer},
    {"gaps", FIGURE_INT, 0, get_partition_gaps, "offsets missing", "", as_integer},
    {"dups", FIGURE_INT, 0, get_partition_dups, "told twice", "", as_integer},
    {"age_s", FIGURE_NUMBER, 1, get_partition_age_s, NULL, NULL, NULL},
    {"behind_s", FIGURE_NUMBER, 1, get_partition_behind_s, "behind", "", as_seconds},
};

static const struct figure of_error[] = {
    {"cause", FIGURE_TEXT, 0, get_error_cause, NULL, NULL, NULL},
    {"count", FIGURE_INT, 0, get_error_count, "in 60 s", "", as_integer},
    {"count_15m", FIGURE_INT, 0, get_error_count_15m, "in 15 min", "", as_integer},
    {"total", FIGURE_INT, 0, get_error_total, "in all", "", as_integer},
    {"first_at", FIGURE_TIME, 0, get_error_first_at, NULL, NULL, NULL},
    {"last_at", FIGURE_TIME, 0, get_error_last_at, NULL, NULL, NULL},
};

static const struct figure of_reader[] = {
    {"events_bytes_behind", FIGURE_INT, 0, get_reader_events_bytes_behind, NULL, NULL, NULL},
    {"log_bytes_behind", FIGURE_INT, 0, get_reader_log_bytes_behind, NULL, NULL, NULL},
    {"events_bytes", FIGURE_COUNT, 0, get_reader_events_bytes, NULL, NULL, NULL},
    {"rotations", FIGURE_INT, 0, get_reader_rotations, NULL, NULL, NULL},
    {"truncations", FIGURE_INT, 0, get_reader_truncations, NULL, NULL, NULL},
    {"malformed", FIGURE_INT, 0, get_reader_malformed, NULL, NULL, NULL},
    {"torn", FIGURE_INT, 0, get_reader_torn, NULL, NULL, NULL},
    {"oversized", FIGURE_INT, 0, get_reader_oversized, NULL, NULL, NULL},
    {"unfinished_bytes", FIGURE_INT, 0, get_reader_unfinished_bytes, NULL, NULL, NULL},
    {"log_malformed", FIGURE_INT, 0, get_reader_log_malformed, NULL, NULL, NULL},
};

static const struct {
    const struct figure *figures;
    size_t count;
} tables[FIGURE_TABLES] = {
#define TABLE(name)                            \
    {                                          \
        name, sizeof(name) / sizeof((name)[0]) \
    }
    [FIGURE_OF_STATE] = TABLE(of_state),
    [FIGURE_OF_FLOW] = TABLE(of_flow),
    [FIGURE_OF_WINDOW] = TABLE(of_window),
    [FIGURE_OF_LATENCY] = TABLE(of_latency),
    [FIGURE_OF_LAG] = TABLE(of_lag),
    [FIGURE_OF_PROCESSOR] = TABLE(of_processor),
    [FIGURE_OF_ORDERS] = TABLE(of_orders),
    [FIGURE_OF_TRACKER] = TABLE(of_tracker),
    [FIGURE_OF_PARTITION] = TABLE(of_partition),
    [FIGURE_OF_ERROR] = TABLE(of_error),
    [FIGURE_OF_READER] = TABLE(of_reader),
#undef TABLE
};

const struct figure *figure_all(enum figure_table table, size_t *count)
{
    *count = tables[table].count;
    return tables[table].figures;
}

const struct figure *figure_named(enum figure_table table, const char *name)
{
    for (size_t i = 0; i < tables[table].count; i++) {
        const struct figure *figure = &tables[table].figures[i];

        if (figure->label && strcmp(figure->name, name) == 0)
            return figure;
    }
    assert(false);
    return NULL;
}

struct text_buffer figure_text(const struct figure *figure, const void *of)
{
    struct text_buffer value = figure->format(figure->get(of));
    struct text_buffer b;

    snprintf(b.text, sizeof(b.text), "%.20s%s", value.text, figure->unit);
    return b;
}
