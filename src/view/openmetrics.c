#include "view/openmetrics.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"
#include "base/version.h"
#include "view/health.h"

struct writer {
    struct strbuf *out;
    struct strbuf labels; /* of the next sample: `topic="orders",partition="3"` */
    const char *group;
    const char *family; /* without a counter's "_total" */
    enum metrics_format format;
};

/* ---- families and samples ---- */

static void begin(struct writer *w, const char *family, const char *type, const char *unit,
                  const char *help)
{
    bool is_classic = w->format == METRICS_CLASSIC;
    const char *suffix = is_classic && strcmp(type, "counter") == 0 ? "_total" : "";

    w->family = family;
    strbuf_addf(w->out, "# TYPE order_tracker_%s%s %s\n", family, suffix, type);
    if (unit && !is_classic)
        strbuf_addf(w->out, "# UNIT order_tracker_%s %s\n", family, unit);
    strbuf_addf(w->out, "# HELP order_tracker_%s%s %s\n", family, suffix, help);
}

static void add_label(struct writer *w, const char *name, const char *value)
{
    size_t len = strlen(value);

    strbuf_addf(&w->labels, "%s%s=\"", w->labels.len ? "," : "", name);
    for (size_t at = 0; at < len;) {
        uint32_t code;
        size_t used = utf8_decode(value + at, len - at, &code);

        if (used == 0)
            strbuf_addc(&w->labels, '?');
        else if (code == '\n')
            strbuf_adds(&w->labels, "\\n");
        else if (code == '"' || code == '\\')
            strbuf_addf(&w->labels, "\\%c", (char)code);
        else
            strbuf_add(&w->labels, value + at, used);
        at += used ? used : 1;
    }
    strbuf_addc(&w->labels, '"');
}

/* Writes the name with its labels, which are used up. */
static void begin_sample(struct writer *w, const char *suffix)
{
    strbuf_addf(w->out, "order_tracker_%s%s", w->family, suffix);
    if (w->labels.len)
        strbuf_addf(w->out, "{%s}", strbuf_text(&w->labels));
    strbuf_reset(&w->labels);
}

static void add_int(struct writer *w, const char *suffix, int64_t value)
{
    begin_sample(w, suffix);
    strbuf_addf(w->out, " %" PRId64 "\n", value);
}

static void add_number(struct writer *w, const char *suffix, double value)
{
    begin_sample(w, suffix);
    strbuf_addf(w->out, " %.9g\n", value);
}

/* ---- of each tracker ---- */

static void add_tracker(struct writer *w, const struct figures *t)
{
    if (t->is_part && t->name)
        add_label(w, "tracker", t->name);
}

static void put_up(struct writer *w, const struct figures *t)
{
    bool is_there = t->writer == WRITER_THERE ||
                    (t->writer == WRITER_UNKNOWN && t->state != FLOW_WAITING &&
                     t->state != FLOW_STOPPED && t->state != FLOW_GONE && t->state != FLOW_STALE);

    add_tracker(w, t);
    add_int(w, "", is_there);
}

static void put_outcome(struct writer *w, const struct figures *t, const char *outcome,
                        int64_t count)
{
    add_tracker(w, t);
    add_label(w, "outcome", outcome);
    add_int(w, "_total", count);
}

static void put_records(struct writer *w, const struct figures *t)
{
    if (t->received < 0 || !t->totals_complete)
        return;
    put_outcome(w, t, "processed", t->ok);
    if (t->dlq < 0) {
        put_outcome(w, t, "failed", t->failed);
        return;
    }
    put_outcome(w, t, "dead_lettered", t->dlq);
    put_outcome(w, t, "dropped", t->failed - t->dlq);
}

static void put_attempts(struct writer *w, const struct figures *t)
{
    if (t->received < 0 || t->retried < 0 || !t->totals_complete)
        return;
    add_tracker(w, t);
    add_int(w, "_total", t->received + t->retried);
}

static void put_latency(struct writer *w, const struct figures *t)
{
    static const struct {
        const char *le;
        int64_t ms;
    } bounds[] = {{"0.005", 5},    {"0.01", 10},     {"0.025", 25},   {"0.05", 50},
                  {"0.1", 100},    {"0.25", 250},    {"0.5", 500},    {"1.0", 1000},
                  {"2.5", 2500},   {"5.0", 5000},    {"10.0", 10000}, {"30.0", 30000},
                  {"60.0", 60000}, {"300.0", 300000}};
    const struct histogram *h = t->latency_total;

    if (!h || !t->totals_complete)
        return;
    for (size_t i = 0; i < sizeof(bounds) / sizeof(bounds[0]); i++) {
        add_tracker(w, t);
        add_label(w, "le", bounds[i].le);
        add_int(w, "_bucket", (int64_t)histogram_count_to(h, bounds[i].ms));
    }
    add_tracker(w, t);
    add_label(w, "le", "+Inf");
    add_int(w, "_bucket", (int64_t)h->count);
    add_tracker(w, t);
    add_int(w, "_count", (int64_t)h->count);
    add_tracker(w, t);
    add_number(w, "_sum", (double)t->latency_total_ms / 1000.0);
}

static void put_lane(struct writer *w, const struct figures *t, const char *state, int64_t count)
{
    add_tracker(w, t);
    add_label(w, "state", state);
    add_int(w, "", count);
}

static void put_lanes(struct writer *w, const struct figures *t)
{
    if (!t->log_metrics)
        return;
    put_lane(w, t, "waiting", t->log_metrics->lanes_waiting);
    put_lane(w, t, "blocked", t->log_metrics->lanes_blocked);
}

static void put_fsync(struct writer *w, const struct figures *t)
{
    if (!t->log_metrics || t->log_metrics->fsync_ms_max < 0)
        return;
    add_tracker(w, t);
    add_number(w, "", (double)t->log_metrics->fsync_ms_max / 1000.0);
}

static void put_outage(struct writer *w, const struct figures *t, int64_t age_ms)
{
    if (t->log_age_ms < 0) /* no log, and only that tells */
        return;
    add_tracker(w, t);
    add_number(w, "", age_ms < 0 ? 0 : (double)age_ms / 1000.0);
}

static void put_kafka_outage(struct writer *w, const struct figures *t)
{
    put_outage(w, t, t->away_age_ms);
}

static void put_processor_outage(struct writer *w, const struct figures *t)
{
    put_outage(w, t, t->down_age_ms);
}

static void put_dlq_pending(struct writer *w, const struct figures *t)
{
    if (!t->log_metrics)
        return;
    add_tracker(w, t);
    add_int(w, "", t->log_metrics->dlq_pending);
}

/* ---- of all together ---- */

static void put_lag(struct writer *w, const struct figures *f)
{
    for (int i = 0; i < f->partition_count; i++) {
        const struct figure_partition *p = &f->partitions[i];
        char number[16];

        if (p->lag < 0)
            continue;
        snprintf(number, sizeof(number), "%" PRId32, p->partition->number);
        add_label(w, "topic", p->partition->topic);
        add_label(w, "partition", number);
        add_label(w, "consumergroup", w->group);
        add_int(w, "", p->lag);
    }
}

static void put_health(struct writer *w, const struct figures *f)
{
    static const int values[] = {
        [LEVEL_OK] = 0, [LEVEL_WARN] = 1, [LEVEL_CRIT] = 2, [LEVEL_UNKNOWN] = 3};

    for (int i = 0; i < HEALTH_RULES; i++) {
        add_label(w, "rule", health_rule_name(i));
        add_int(w, "", values[f->health.findings[i].level]);
    }
}

static void put_build(struct writer *w, const struct figures *f)
{
    (void)f;
    add_label(w, "version", SUITE_VERSION);
    add_int(w, "", 1);
}

static void put_gaps(struct writer *w, const struct figures *f)
{
    if (f->gaps >= 0 && f->totals_complete)
        add_int(w, "_total", f->gaps);
}

static void put_duplicates(struct writer *w, const struct figures *f)
{
    if (f->dups >= 0 && f->totals_complete)
        add_int(w, "_total", f->dups);
}

static void put_age(struct writer *w, const struct figures *f)
{
    if (f->event_age_ms >= 0)
        add_number(w, "", (double)f->event_age_ms / 1000.0);
}

/* ---- the table ---- */

static const struct {
    const char *family;
    const char *type;
    const char *unit; /* the end of the family's name, or NULL */
    const char *help;
    bool is_of_each; /* tracker */
    void (*put)(struct writer *w, const struct figures *of);
} families[] = {
    {"build_info", "gauge", NULL, "Version of the monitor.", false, put_build},
    {"up", "gauge", NULL, "Whether the tracker runs.", true, put_up},
    {"records", "counter", NULL, "Records with a line in the journal.", true, put_records},
    {"attempts", "counter", NULL, "Attempts to process a record.", true, put_attempts},
    {"latency_seconds", "histogram", "seconds",
     "From the record's creation to the end of its processing.", true, put_latency},
    {"partition_lag_records", "gauge", "records",
     "Records between the last processed one and the end of the partition.", false, put_lag},
    {"lanes", "gauge", NULL, "Partitions that wait for a retry or are blocked.", true, put_lanes},
    {"dlq_pending_records", "gauge", "records", "Dead letters sent and not acknowledged yet.", true,
     put_dlq_pending},
    {"fsync_seconds_max", "gauge", NULL,
     "Slowest fsync of the journal in the tracker's last metrics interval.", true, put_fsync},
    {"kafka_unavailable_seconds", "gauge", "seconds",
     "For how long Kafka has been unavailable, or has assigned no partition; 0 while it is not.",
     true, put_kafka_outage},
    {"processor_unavailable_seconds", "gauge", "seconds",
     "For how long the processor has been unavailable; 0 while it is not.", true,
     put_processor_outage},
    {"offset_gaps", "counter", NULL, "Offsets of records without a line.", false, put_gaps},
    {"duplicates", "counter", NULL, "Records with more than one line.", false, put_duplicates},
    {"last_record_age_seconds", "gauge", "seconds", "Age of the newest line.", false, put_age},
    {"health", "gauge", NULL, "Finding of each rule: 0 ok, 1 warn, 2 crit, 3 unknown.", false,
     put_health},
};

const char *metrics_content_type(enum metrics_format format)
{
    return format == METRICS_CLASSIC ? "text/plain; version=0.0.4; charset=utf-8"
                                     : "application/openmetrics-text; version=1.0.0; charset=utf-8";
}

void openmetrics_write(const struct figures *f, const char *group, enum metrics_format format,
                       struct strbuf *out)
{
    struct writer w = {.out = out, .group = group, .format = format};

    for (size_t i = 0; i < sizeof(families) / sizeof(families[0]); i++) {
        int count = families[i].is_of_each ? figures_tracker_rows(f) : 1;

        begin(&w, families[i].family, families[i].type, families[i].unit, families[i].help);
        for (int t = 0; t < count; t++)
            families[i].put(&w, families[i].is_of_each ? figures_tracker(f, t) : f);
    }
    if (format == METRICS_OPENMETRICS)
        strbuf_adds(out, "# EOF\n");
    strbuf_release(&w.labels);
}
