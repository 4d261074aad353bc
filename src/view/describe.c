#include "view/describe.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "view/format.h"
#include "view/health.h"

static int chosen_row(const struct ui *ui, int count)
{
    int row = ui->row < 0 ? 0 : ui->row;

    return row < count ? row : count - 1;
}

static int64_t age(const struct view *v, int64_t at_ms)
{
    return v->figures->now_ms > at_ms ? v->figures->now_ms - at_ms : 0;
}

static void add_time(const struct view *v, struct strbuf *out, const char *name, int64_t at_ms)
{
    strbuf_addf(out, "%s: %s, %s ago\n", name,
                format_moment_ms(at_ms, v->figures->now_ms, v->utc_offset_s).text,
                format_duration(age(v, at_ms)).text);
}

static const struct cause *chosen_cause(const struct view *v)
{
    const struct cause_table *t = &v->dash->causes;
    int order[CAUSE_MAX];
    int count = ui_causes(v->ui, t, v->figures->now_ms, order);

    return count ? &t->items[order[chosen_row(v->ui, count)]] : NULL;
}

static int describe_cause(const struct view *v, struct strbuf *out)
{
    const struct cause *c = chosen_cause(v);
    int64_t now = v->figures->now_ms;

    if (!c)
        return -1;
    strbuf_addf(out, "cause: %s\n", c->text);
    strbuf_addf(out, "in 60 s: %u\nin 15 min: %u\n", cause_last_minute(c, now),
                cause_last_quarter(c, now));
    strbuf_addf(out, "in all: %s%" PRIu64 "\n", v->figures->totals_complete ? "" : ">= ", c->total);
    add_time(v, out, "first seen", c->first_ms);
    add_time(v, out, "last seen", c->last_ms);
    strbuf_addf(out, "partitions: %s\n", c->on_many ? "several" : "one");
    strbuf_addf(out, "latest example: p%d@%" PRId64 "\n", c->partition, c->offset);
    return 0;
}

static int describe_partition(const struct view *v, struct strbuf *out)
{
    const struct figures *f = v->figures;
    const struct figure_partition **sorted;
    const struct figure_partition *p;
    const struct partition *of;

    if (!f->partition_count)
        return -1;
    sorted = ui_sorted_partitions(v->ui, f);
    p = sorted[chosen_row(v->ui, f->partition_count)];
    free(sorted);
    of = p->partition;
    strbuf_addf(out, "topic: %s\npartition: %d\n", of->topic, of->number);
    if (f->tracker_count)
        strbuf_addf(out, "newest line told by: %s\n", f->trackers[of->newest_journal].name);
    if (of->has_offset)
        strbuf_addf(out, "largest offset: %" PRId64 "\n", of->highest);
    strbuf_addf(out, "high watermark: %s\n",
                p->high_watermark < 0 ? "n/a" : format_count(p->high_watermark).text);
    strbuf_addf(out, "lag: %s\n", p->lag < 0 ? "n/a" : format_count(p->lag).text);
    if (p->lag > 0 && p->behind_ms >= 0)
        strbuf_addf(out, "behind: %s\n", format_duration(p->behind_ms).text);
    strbuf_addf(out, "rate 60 s: %s msg/s\n", format_rate(p->per_second).text);
    strbuf_addf(out, "success 60 s: %s\n", format_percent(p->success).text);
    strbuf_addf(out, "failed 60 s: %s\n", format_count(p->failed).text);
    strbuf_addf(out, "received: %s%" PRIu64 "\n", f->totals_complete ? "" : ">= ", of->received);
    strbuf_addf(out, "failed: %s%" PRIu64 "\n", f->totals_complete ? "" : ">= ", of->failed);
    strbuf_addf(out, "offsets missing: %" PRIu64 "\n", of->gaps);
    strbuf_addf(out, "told twice: %" PRIu64 "\nrewinds: %" PRIu64 "%s\n", of->dups, of->rewinds,
                of->is_rewound ? ", and not yet back" : "");
    add_time(v, out, "newest line", of->newest_ms);
    return 0;
}

static void add_reader(struct strbuf *out, const char *name, const struct reader *r)
{
    static const char *const states[] = {"not found", "open", "cannot be read"};

    strbuf_addf(out, "%s: %s, %s", name, r->path, states[r->state]);
    if (r->state == READER_OPEN)
        strbuf_addf(out, ", %s, %s unread, %" PRIu64 " rotations",
                    format_bytes((double)r->size).text, format_bytes((double)r->behind).text,
                    r->rotations);
    strbuf_addc(out, '\n');
}

static int describe_tracker(const struct view *v, struct strbuf *out)
{
    const struct figures *t;
    int order[HEALTH_RULES];

    if (!v->figures->tracker_count)
        return -1;
    t = &v->figures->trackers[chosen_row(v->ui, v->figures->tracker_count)];
    strbuf_addf(out, "tracker: %s\nhealth: %s\nstate: %s\n", t->name, level_name(t->health.level),
                flow_state_name(t->state));
    health_ranking(&t->health, order);
    for (int i = 0; i < HEALTH_RULES; i++)
        strbuf_addf(out, "  %s %s: %s\n", level_symbol(t->health.findings[order[i]].level),
                    health_rule_name(order[i]), t->health.findings[order[i]].text);
    strbuf_addf(out, "rate 10 s: %s msg/s\n", format_rate(t->rate_10s.per_second).text);
    strbuf_addf(out, "received: %s%s, failed %s, dead-lettered %s\n",
                t->totals_complete ? "" : ">= ", format_count(t->received).text,
                format_count(t->failed).text, format_count(t->dlq).text);
    strbuf_addf(out, "lag: %s\n", t->lag.messages < 0 ? "n/a" : format_count(t->lag.messages).text);
    strbuf_addf(out, "told twice: %s, rewinds %s\n", format_count(t->dups).text,
                format_count(t->rewinds).text);
    add_reader(out, "journal", t->events_reader);
    add_reader(out, "log", t->log_reader);
    return 0;
}

int describe_chosen(const struct view *v, struct strbuf *out)
{
    switch (v->ui->panel) {
    case PANEL_ERRORS:
        return describe_cause(v, out);
    case PANEL_PARTITIONS:
        return describe_partition(v, out);
    case PANEL_TRACKERS:
        return describe_tracker(v, out);
    default:
        return -1;
    }
}

const struct place *describe_example(const struct view *v)
{
    const struct cause *c = v->ui->panel == PANEL_ERRORS ? chosen_cause(v) : NULL;
    const struct event_row *row;
    struct dash_walk walk;

    if (!c)
        return NULL;
    dash_walk_events(v->dash, 0, &walk);
    while ((row = dash_next_event(&walk)) != NULL) {
        if (row->kind == ROW_FAILED && row->partition == c->partition && row->offset == c->offset)
            return &row->place;
    }
    return NULL;
}
