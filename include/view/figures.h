#ifndef VIEW_FIGURES_H
#define VIEW_FIGURES_H

#include <stdbool.h>
#include <stdint.h>

#include "view/dash.h"
#include "view/level.h"

/* Every figure that is shown, computed once from the state, for screen, report and JSON alike. A
 * count or time that is not known is -1, a rate or share NAN; never 0. Times are in milliseconds.
 */

enum flow_state {
    FLOW_WAITING, /* nothing was ever read */
    FLOW_LIVE,
    FLOW_IDLE,    /* no events, log alive, lag 0 */
    FLOW_QUIET,   /* no events, log alive, lag unknown */
    FLOW_STUCK,   /* no events, log alive, lag above 0 */
    FLOW_STOPPED, /* the tracker said that it stopped */
    FLOW_GONE,    /* the tracker ended without a word */
    FLOW_STALE,   /* neither events nor log */
};

struct figure_rate {
    double per_second; /* NAN until one complete second was observed */
    int seconds;       /* so many were observed */
    bool is_short;     /* fewer than the window has */
};

/* The windows that the tiles can show. */
enum { WINDOW_10S, WINDOW_60S, WINDOW_15M, WINDOW_ALL, WINDOWS };

struct figure_window {
    int64_t received, failed, retried, dlq;
    double success;
};

struct figure_latency {
    uint64_t count; /* of the last 60 complete seconds */
    int64_t p50;
    int64_t p95; /* -1 below 20 samples */
    int64_t p99; /* -1 below 100 samples */
    int64_t max;
    int resolution; /* 1, or 1000 when the orders carry whole seconds only */
};

enum trend { TREND_UNKNOWN, TREND_STEADY, TREND_DRAINING, TREND_GROWING };

struct figure_lag {
    int64_t messages;
    int32_t max_partition; /* -1 if none lags, or unknown */
    int64_t max_messages;
    int64_t age_ms; /* of the reading */
    bool is_old;    /* older than twice its interval */
    enum trend trend;
    double clear_seconds; /* NAN unless draining; 0 when there is no lag */
    bool never_shrank;    /* over five readings, while offsets advanced */
    bool is_frozen;       /* above 0 over five readings, while offsets did not move */
};

struct figure_partition {
    const struct partition *partition;
    const char *tracker; /* that told its newest line; NULL if it has no name */
    int64_t lag;
    int64_t high_watermark;
    double per_second; /* over 60 s */
    double success;    /* over 60 s */
    int64_t failed;    /* over 60 s */
    int64_t age_ms;
    int64_t behind_ms; /* the age of the order told last, where others wait behind it */
};

struct figures {
    int64_t now_ms;
    const char *name;         /* of the tracker; NULL when the figures are those of several */
    bool is_part;             /* one tracker of several */
    struct figures *trackers; /* when there is more than one: each one's own */
    int tracker_count;
    enum flow_state state;
    int64_t ahead_ms; /* the newest event is so far in the future: clocks disagree; 0 up to 2 s */
    bool is_catching_up;
    double read_share; /* of the journal, while catching up */

    struct figure_rate rate_10s, rate_60s, rate_15m;
    int64_t peak;       /* most in one second of the last 15 minutes */
    double vs_hour_ago; /* the last 5 minutes against the same an hour before: 0.04 is 4 % more */
    int64_t since_ms;   /* totals are since then; 0: since the journal's first byte */
    double bytes_per_second;
    double mean_bytes;

    int64_t received, ok, failed; /* since the journal's first byte */
    bool totals_complete;
    int64_t span_ms; /* from the first event to the newest */
    int64_t journal_bytes;

    double success_60s, success_total; /* shares from 0 to 1 */
    int64_t received_60s, failed_60s, retried_60s, dlq_60s;
    int64_t retried, dlq;
    double success_last; /* of the last 100 events */
    int last_count;
    int64_t dlq_age_ms, failed_age_ms;

    struct figure_window windows[WINDOWS];
    struct figure_latency latency;
    const struct histogram *latency_total; /* since the journal's first byte */
    int64_t latency_total_ms;              /* the sum */
    struct order_report orders;            /* of the last 60 complete seconds */
    double skewed;                         /* share of events received before they were made */
    int64_t largest_skew_ms;

    struct figure_lag lag;
    int64_t gaps, gaps_15m, large_gap_age_ms, dups, rewinds;
    bool is_rewound; /* some partition went back and has not caught up yet */

    int64_t event_age_ms, log_age_ms, stop_age_ms;
    bool has_failed;          /* the tracker, and any of several, stopped because of an error */
    enum writer_state writer; /* of a whole: there when any is, else gone when any is */
    /* since the tracker let go of its journal without saying that it stops; -1 */
    int64_t gone_age_ms;
    int64_t away_age_ms;  /* for how long Kafka has been away; -1 while it is not */
    const char *away_why; /* the reason and a remedy, "" while the log gives none */
    int64_t down_age_ms;  /* for how long the processor has been unavailable; -1 while it is not */
    const char *down_why; /* "" while the log gives none */
    /* By the last metrics: attempts in progress, percentiles of those answered in an interval, and
     * the record that was read longest ago; -1: none. */
    int64_t in_flight;
    int64_t processor_p50, processor_p99;
    int64_t head_ms;
    int64_t head_partition;
    int64_t head_offset;
    bool is_unassigned; /* what is away is not Kafka: it gives the tracker no partition */
    /* since the newest event, if that is over the limit, no line of the log came since, at least 20
     * events would have come, had they gone on, and no tracker is there whose log is not overdue;
     * else -1 */
    int64_t silence_ms;
    double silence_rate; /* events per second in the 10 s before it */
    int64_t errors_60s, errors_in_a_row, fatal_age_ms;
    int64_t log_interval_ms;
    const struct log_metrics *log_metrics; /* the last ones; NULL before, and of a whole */

    const struct reader *events_reader;
    const struct reader *log_reader;
    int64_t read_lag_ms; /* how old the oldest unread byte is; 0 when all is read */
    int64_t read_lag_bytes;

    const struct cause_table *causes;
    struct figure_partition *partitions; /* by number */
    int partition_count;

    struct health health; /* filled by health_take */
};

/* Computes all; for a whole also each tracker's own. `f` must be zeroed or from an earlier call;
 * release with figures_release. What it points to belongs to `d` and is valid until the next line
 * is counted. */
void figures_take(struct figures *f, const struct dash *d, const struct health_limits *limits,
                  int64_t now_ms);
void figures_release(struct figures *f);

/* Each tracker's own figures, also when there is only one. */
const struct figures *figures_tracker(const struct figures *f, int i);
int figures_tracker_rows(const struct figures *f);

const char *flow_state_name(enum flow_state state); /* "LIVE" */
const char *trend_name(enum trend trend);           /* "draining" */
const char *window_name(int window);                /* "15 min" */

#endif
