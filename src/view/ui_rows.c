#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/ascii.h"
#include "base/mem.h"
#include "view/ui.h"

bool ui_wants_event(const struct ui *ui, const struct event_row *row)
{
    char head[64];

    if (ui->only_failures && (row->kind == ROW_OK || row->kind == ROW_REPLAY))
        return false;
    snprintf(head, sizeof(head), "p%d @%lld ", row->partition, (long long)row->offset);
    return ascii_contains(row->text, ui->filter) || ascii_contains(row->order_id, ui->filter) ||
           ascii_contains(head, ui->filter);
}

bool ui_wants_log(const struct ui *ui, const struct log_row *row)
{
    if (ui->only_failures && row->level < LOG_WARN)
        return false;
    return ascii_contains(row->text, ui->filter) ||
           ascii_contains(log_level_name(row->level), ui->filter);
}

int ui_causes(const struct ui *ui, const struct cause_table *t, int64_t now_ms,
              int order[CAUSE_MAX])
{
    int all = cause_ranking(t, now_ms, order);
    int count = 0;

    for (int i = 0; i < all; i++) {
        if (ascii_contains(t->items[order[i]].text, ui->filter))
            order[count++] = order[i];
    }
    return count;
}

bool ui_is_paused_empty(const struct ui *ui, const struct ui_list *list)
{
    return ui->is_paused && !list->anchor;
}

static int first_shown(const struct ui_list *list, int height)
{
    return list->cursor >= height ? list->cursor - height + 1 : 0;
}

static void place_cursor(const struct ui_list *list, int first, int count, int *chosen)
{
    int at = list->cursor - first;

    *chosen = list->cursor < 0 || count == 0 ? -1 : at < count ? at : count - 1;
}

int ui_event_rows(const struct ui *ui, const struct dash *d, const struct event_row **rows,
                  int height, int *chosen)
{
    int first = first_shown(&ui->events, height);
    int skip = first;
    int count = 0;
    struct dash_walk walk;
    const struct event_row *row;

    dash_walk_events(d, ui->events.anchor, &walk);
    if (ui_is_paused_empty(ui, &ui->events))
        height = 0;
    while (count < height && (row = dash_next_event(&walk)) != NULL) {
        if (ui_wants_event(ui, row) && skip-- <= 0)
            rows[count++] = row;
    }
    place_cursor(&ui->events, first, count, chosen);
    return count;
}

int ui_log_rows(const struct ui *ui, const struct dash *d, const struct log_row **rows, int height,
                int *chosen)
{
    int first = first_shown(&ui->logs, height);
    int skip = first;
    int count = 0;
    struct dash_walk walk;
    const struct log_row *row;

    dash_walk_logs(d, ui->logs.anchor, &walk);
    if (ui_is_paused_empty(ui, &ui->logs))
        height = 0;
    while (count < height && (row = dash_next_log(&walk)) != NULL) {
        if (ui_wants_log(ui, row) && skip-- <= 0)
            rows[count++] = row;
    }
    place_cursor(&ui->logs, first, count, chosen);
    return count;
}

const struct place *ui_chosen_place(const struct ui *ui, const struct dash *d, bool *is_log)
{
    const struct event_row *event;
    const struct log_row *log;
    int chosen;
    struct ui at = *ui;

    *is_log = ui->panel == PANEL_LOGS;
    at.events.cursor = ui->events.cursor < 0 ? 0 : ui->events.cursor;
    at.logs.cursor = ui->logs.cursor < 0 ? 0 : ui->logs.cursor;
    if (ui->panel == PANEL_LOGS)
        return ui_log_rows(&at, d, &log, 1, &chosen) ? &log->place : NULL;
    if (ui->panel == PANEL_EVENTS)
        return ui_event_rows(&at, d, &event, 1, &chosen) ? &event->place : NULL;
    return NULL;
}

typedef int (*partition_order)(const struct figure_partition *p, const struct figure_partition *q);

static int by_number(const struct figure_partition *p, const struct figure_partition *q)
{
    return (p->partition->number > q->partition->number) -
           (p->partition->number < q->partition->number);
}

static int by_lag(const struct figure_partition *p, const struct figure_partition *q)
{
    return (p->lag < q->lag) - (p->lag > q->lag);
}

static int by_rate(const struct figure_partition *p, const struct figure_partition *q)
{
    return (p->per_second < q->per_second) - (p->per_second > q->per_second);
}

static int by_failed(const struct figure_partition *p, const struct figure_partition *q)
{
    return (p->failed < q->failed) - (p->failed > q->failed);
}

static int compare(const void *a, const void *b, void *order)
{
    const struct figure_partition *p = *(const struct figure_partition *const *)a;
    const struct figure_partition *q = *(const struct figure_partition *const *)b;
    int sign = (*(const partition_order *)order)(p, q);

    return sign ? sign : by_number(p, q);
}

const struct figure_partition **ui_sorted_partitions(const struct ui *ui, const struct figures *f)
{
    static partition_order orders[] = {
        [UI_SORT_NUMBER] = by_number,
        [UI_SORT_LAG] = by_lag,
        [UI_SORT_RATE] = by_rate,
        [UI_SORT_FAILED] = by_failed,
    };
    size_t count = (size_t)f->partition_count;
    const struct figure_partition **sorted = mem_alloc_array(count, sizeof(*sorted));

    for (size_t i = 0; i < count; i++)
        sorted[i] = &f->partitions[i];
    if (count > 1)
        qsort_r(sorted, count, sizeof(*sorted), compare, &orders[ui->sort]);
    return sorted;
}
