#include <stdio.h>
#include <string.h>

#include "view/format.h"
#include "view/panel.h"

/* How many rows the filter had to choose from. */
static uint64_t rows_kept(const struct view *v, enum panel panel)
{
    const struct dash *d = v->dash;
    uint64_t sum = 0;

    for (int i = 0; i < (d->part_count ? d->part_count : 1); i++) {
        const struct dash *of = d->part_count ? d->parts[i] : d;
        uint64_t total = panel == PANEL_LOGS ? of->logs.total : of->events.total;
        uint64_t kept = panel == PANEL_LOGS ? of->logs.kept : of->events.kept;

        sum += total < kept ? total : kept;
    }
    return sum;
}

static void say_hidden(const struct view *v, enum panel panel, uint64_t rows, char *out, size_t cap)
{
    const struct ui *ui = v->ui;
    const char *name = panel == PANEL_LOGS ? "line" : "event";
    const char *failed = panel == PANEL_LOGS ? "WARN or ERROR" : "failure";
    char with[UI_FILTER_MAX + 16] = "";

    if (ui->filter[0])
        snprintf(with, sizeof(with), " with \"%s\"", ui->filter);
    snprintf(out, cap, "no %s%s among %s %s%s   Esc shows all", ui->only_failures ? failed : name,
             with, format_count((int64_t)rows).text, name, rows == 1 ? "" : "s");
}

static void say_unread(const struct reader *r, const char *what, char *out, size_t cap)
{
    if (r->state == READER_WAITING)
        snprintf(out, cap, "%s: not found", r->path);
    else if (r->state == READER_NONE)
        snprintf(out, cap, "the log goes to standard error: what only it has is not known here");
    else if (r->state == READER_FAILED)
        snprintf(out, cap, "%s: %s", r->path, strerror(r->error));
    else
        snprintf(out, cap, "%s has no %s yet", r->path, what);
}

static void say_list(const struct view *v, enum panel panel, char *out, size_t cap)
{
    const struct figures *f = v->figures;
    uint64_t rows = rows_kept(v, panel);

    if (rows && ui_is_paused_empty(v->ui, panel == PANEL_LOGS ? &v->ui->logs : &v->ui->events))
        snprintf(out, cap, "paused before anything came   Space goes on");
    else if (rows)
        say_hidden(v, panel, rows, out, cap);
    else if (panel == PANEL_LOGS)
        say_unread(f->log_reader, "line", out, cap);
    else
        say_unread(f->events_reader, "event", out, cap);
}

void panel_put_empty(struct screen *s, const struct view *v, struct rect r, enum panel panel)
{
    const struct figures *f = v->figures;
    char text[512];

    if (panel == PANEL_ERRORS && v->dash->causes.count)
        snprintf(text, sizeof(text), "no cause with \"%s\"   Esc shows all", v->ui->filter);
    else if (panel == PANEL_ERRORS && f->received > 0)
        snprintf(text, sizeof(text),
                 f->totals_complete ? "no failure in %s events" : "no failure so far in %s events",
                 format_count(f->received).text);
    else if (panel == PANEL_LOGS || panel == PANEL_EVENTS)
        say_list(v, panel, text, sizeof(text));
    else /* the list of events may have lines that are none */
        say_unread(f->events_reader, "message", text, sizeof(text));
    screen_put(s, r.x + 1, r.y, r.width - 2, STYLE_TEXT, text);
}
