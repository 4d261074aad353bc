#include "view/describe.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "view/figure.h"
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

/* "label: before value unit" */
static void add_figure(struct strbuf *out, enum figure_table table, const char *name,
                       const char *before, const void *of)
{
    const struct figure *figure = figure_named(table, name);

    strbuf_addf(out, "%s: %s%s\n", figure->label, before, figure_text(figure, of).text);
}

static const char *since_when(const struct figures *f)
{
    return f->totals_complete ? "" : ">= ";
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
    const struct figure_error error = {.cause = c, .now_ms = v->figures->now_ms};

    if (!c)
        return -1;
    strbuf_addf(out, "cause: %s\n", c->text);
    add_figure(out, FIGURE_OF_ERROR, "count", "", &error);
    add_figure(out, FIGURE_OF_ERROR, "count_15m", "", &error);
    add_figure(out, FIGURE_OF_ERROR, "total", since_when(v->figures), &error);
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
        add_figure(out, FIGURE_OF_PARTITION, "offset", "", p);
    add_figure(out, FIGURE_OF_PARTITION, "high", "", p);
    add_figure(out, FIGURE_OF_PARTITION, "lag", "", p);
    if (p->lag > 0 && p->behind_ms >= 0)
        add_figure(out, FIGURE_OF_PARTITION, "behind_s", "", p);
    add_figure(out, FIGURE_OF_PARTITION, "rate_60s", "", p);
    add_figure(out, FIGURE_OF_PARTITION, "success_60s", "", p);
    add_figure(out, FIGURE_OF_PARTITION, "failed_60s", "", p);
    add_figure(out, FIGURE_OF_PARTITION, "received_total", since_when(f), p);
    add_figure(out, FIGURE_OF_PARTITION, "failed_total", since_when(f), p);
    add_figure(out, FIGURE_OF_PARTITION, "gaps", "", p);
    add_figure(out, FIGURE_OF_PARTITION, "dups", "", p);
    strbuf_addf(out, "rewinds: %" PRIu64 "%s\n", of->rewinds,
                of->is_rewound ? ", and not yet back" : "");
    add_time(v, out, "newest line", of->newest_ms);
    return 0;
}

static void add_reader(struct strbuf *out, const char *name, const struct reader *r)
{
    static const char *const states[] = {"not found", "open", "cannot be read",
                                         "goes to standard error"};

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
    add_figure(out, FIGURE_OF_TRACKER, "rate_10s", "", t);
    strbuf_addf(out, "received: %s%s, failed %s, dead-lettered %s\n", since_when(t),
                format_count(t->received).text, format_count(t->failed).text,
                format_count(t->dlq).text);
    add_figure(out, FIGURE_OF_TRACKER, "lag", "", t);
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
