#include "view/panel.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define TRACKER_ROOM 10

enum style panel_level_style(enum level level)
{
    static const enum style styles[] = {STYLE_OK, STYLE_UNKNOWN, STYLE_WARN, STYLE_CRIT};

    return styles[level];
}

bool panel_has_latency_tile(const struct screen *s)
{
    return s->width >= 110 && s->height >= 32;
}

bool panel_has_ended(const struct view *v)
{
    return v->figures->state == FLOW_STOPPED || v->figures->state == FLOW_GONE;
}

const struct figures *panel_figures(const struct view *v)
{
    return v->at_stop ? v->at_stop : v->figures;
}

void panel_put(struct panel_line *l, enum style style, const char *fmt, ...)
{
    char text[512];
    va_list ap;
    int width;

    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    width = text_width(text, strlen(text), l->screen->ascii);
    if (width > l->end - l->x) {
        l->end = l->x;
        return;
    }
    l->x += screen_put(l->screen, l->x, l->y, width, style, text);
}

struct panel_line panel_row(struct screen *s, struct rect r, int i)
{
    bool inside = i < r.height - 2;

    return (struct panel_line){
        .screen = s, .x = r.x + 2, .y = r.y + 1 + i, .end = inside ? r.x + r.width - 1 : r.x};
}

int panel_first_row(const struct view *v, enum panel panel, int visible)
{
    int row = v->ui->panel == panel ? v->ui->row : -1;

    return row >= visible && visible > 0 ? row - visible + 1 : 0;
}

void panel_mark_chosen(struct screen *s, const struct view *v, struct rect r, enum panel panel,
                       int row, int y)
{
    if (v->ui->panel == panel && v->ui->row == row)
        screen_mark_row(s, r, y, STYLE_CHOSEN);
}

int panel_tracker_room(const struct view *v)
{
    int room = (int)strlen("TRACKER");

    if (v->figures->tracker_count < 2)
        return 0;
    for (int i = 0; i < v->figures->tracker_count; i++) {
        const char *name = v->figures->trackers[i].name;
        int width = text_width(name, strlen(name), false);

        room = width > room ? width : room;
    }
    return room < TRACKER_ROOM ? room : TRACKER_ROOM;
}

/* Of a name that is too long the end is shown, where they mostly differ. */
void panel_put_tracker(struct screen *s, const struct view *v, int x, int y, int number)
{
    int room = panel_tracker_room(v);
    const char *name;

    if (number >= v->figures->tracker_count)
        return;
    name = v->figures->trackers[number].name;
    if ((int)strlen(name) > room && text_width(name, strlen(name), false) == (int)strlen(name)) {
        name += (int)strlen(name) - room + 1;
        x += screen_put(s, x, y, 1, STYLE_TEXT, "…");
        room--;
    }
    screen_put(s, x, y, room, STYLE_TEXT, name);
}
