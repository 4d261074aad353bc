#include "view/paint.h"

#include "view/panel.h"

/* ---- layouts ---- */

static void (*const panels[PANEL_COUNT])(struct screen *, const struct view *, struct rect) = {
    [PANEL_FLOW] = panel_flow,         [PANEL_QUALITY] = panel_quality,
    [PANEL_LATENCY] = panel_latency,   [PANEL_HEALTH] = panel_health,
    [PANEL_ORDERS] = panel_orders,     [PANEL_THROUGHPUT] = panel_throughput,
    [PANEL_FAILURES] = panel_failures, [PANEL_TWO_CHARTS] = panel_two_charts,
    [PANEL_EVENTS] = panel_events,     [PANEL_LOGS] = panel_logs,
    [PANEL_ERRORS] = panel_errors,     [PANEL_PARTITIONS] = panel_partitions,
    [PANEL_TRACKERS] = panel_trackers, [PANEL_CHOSEN] = panel_chosen,
};

#define ROW_PANELS  5
#define LAYOUT_ROWS 4

struct layout_row {
    int height; /* 0: all that the others leave */
    struct {
        enum panel panel;
        int share; /* of the width, relative to the others in the row */
    } cells[ROW_PANELS];
};

/* The largest that fits wins. */
static const struct layout {
    int min_width;
    int min_height;
    struct layout_row rows[LAYOUT_ROWS];
} layouts[] = {
    {180,
     50,
     {{8,
       {{PANEL_HEALTH, 1},
        {PANEL_FLOW, 1},
        {PANEL_QUALITY, 1},
        {PANEL_LATENCY, 1},
        {PANEL_ORDERS, 1}}},
      {14, {{PANEL_THROUGHPUT, 1}, {PANEL_TWO_CHARTS, 1}}},
      {12, {{PANEL_PARTITIONS, 1}, {PANEL_ERRORS, 1}}},
      {0, {{PANEL_EVENTS, 3}, {PANEL_LOGS, 2}}}}},
    {110,
     32,
     {{6, {{PANEL_FLOW, 1}, {PANEL_QUALITY, 1}, {PANEL_LATENCY, 1}}},
      {9, {{PANEL_THROUGHPUT, 1}, {PANEL_FAILURES, 1}}},
      {9, {{PANEL_PARTITIONS, 1}, {PANEL_ERRORS, 1}}},
      {0, {{PANEL_EVENTS, 3}, {PANEL_LOGS, 2}}}}},
    {76,
     20,
     {{6, {{PANEL_FLOW, 1}, {PANEL_QUALITY, 1}}},
      {6, {{PANEL_THROUGHPUT, 1}}},
      {0, {{PANEL_CHOSEN, 1}}}}},
};

#define LAYOUTS (sizeof(layouts) / sizeof(layouts[0]))

static const struct layout *layout_for(int width, int height)
{
    for (size_t i = 0; i < LAYOUTS; i++) {
        if (width >= layouts[i].min_width && height >= layouts[i].min_height)
            return &layouts[i];
    }
    return NULL;
}

static int fixed_height(const struct layout *layout)
{
    int sum = 0;

    for (int i = 0; i < LAYOUT_ROWS; i++)
        sum += layout->rows[i].height;
    return sum;
}

/* The list of trackers has no place of its own: when it is chosen it takes that of the events. */
static enum panel panel_in(const struct view *v, enum panel panel)
{
    return panel == PANEL_EVENTS && v->ui->panel == PANEL_TRACKERS ? PANEL_TRACKERS : panel;
}

static void paint_row(struct screen *s, const struct view *v, const struct layout_row *row,
                      struct rect area)
{
    int shares = 0;
    int before = 0;

    for (int i = 0; i < ROW_PANELS; i++)
        shares += row->cells[i].share;
    for (int i = 0; i < ROW_PANELS && row->cells[i].share; i++) {
        int after = before + row->cells[i].share;
        struct rect r = area;

        r.x = area.x + area.width * before / shares;
        r.width = area.x + area.width * after / shares - r.x;
        panels[panel_in(v, row->cells[i].panel)](s, v, r);
        before = after;
    }
}

static void paint_layout(struct screen *s, const struct view *v, const struct layout *layout,
                         struct rect area)
{
    int rest = area.height - fixed_height(layout);

    for (int i = 0; i < LAYOUT_ROWS && layout->rows[i].cells[0].share; i++) {
        struct rect r = area;

        r.height = layout->rows[i].height ? layout->rows[i].height : rest;
        paint_row(s, v, &layout->rows[i], r);
        area.y += r.height;
    }
}

#define NOTICES_MOST 3 /* rows */

static void paint_main(struct screen *s, const struct view *v, const struct layout *layout)
{
    int spare = s->height - 2 - fixed_height(layout) - 4;
    int most = spare < NOTICES_MOST ? spare : NOTICES_MOST;
    int notices = most > 0 && !v->ui->shows_help ? panel_notices(s, v, most) : 0;
    struct rect area = {0, 1 + notices, s->width, s->height - 2 - notices};

    panel_header(s, v);
    if (v->ui->shows_help)
        panel_help(s, v, area);
    else if (v->ui->shows_detail)
        panel_detail(s, v, area);
    else if (v->figures->state == FLOW_WAITING)
        panel_waiting(s, v, area);
    else if (v->ui->is_zoomed)
        panel_chosen(s, v, area);
    else
        paint_layout(s, v, layout, area);
    panel_keys(s, v, s->height - 1);
}

void paint(struct screen *s, const struct view *v)
{
    const struct layout *layout = layout_for(s->width, s->height);

    screen_clear(s);
    if (layout)
        paint_main(s, v, layout);
    else if (s->width >= PANEL_LINES_WIDTH && s->height >= PANEL_LINES_HEIGHT)
        panel_lines(s, v);
    else
        panel_tiny(s, v);
}

/* The height of the row in which the list stands, frame and all. */
static int list_height(const struct layout *layout, int height, const struct ui *ui)
{
    enum panel panel = ui->panel == PANEL_TRACKERS ? PANEL_EVENTS : ui->panel;
    int rest = height - 2 - fixed_height(layout);

    if (ui->is_zoomed || ui->shows_detail || ui->shows_help)
        return height - 2;
    for (int i = 0; i < LAYOUT_ROWS; i++) {
        const struct layout_row *row = &layout->rows[i];

        for (int k = 0; k < ROW_PANELS; k++) {
            if (row->cells[k].panel == panel || row->cells[k].panel == PANEL_CHOSEN)
                return row->height ? row->height : rest - NOTICES_MOST;
        }
    }
    return rest;
}

int paint_page(int width, int height, const struct ui *ui)
{
    const struct layout *layout = layout_for(width, height);
    int rows = layout ? list_height(layout, height, ui) - 3 : height - 7;

    return rows < 1 ? 1 : rows;
}

int paint_detail_end(int width, int height, bool ascii, const struct ui *ui)
{
    int rows = height - (layout_for(width, height) ? 2 + NOTICES_MOST : 1);

    return panel_detail_end(ui, (struct rect){0, 0, width, rows}, ascii);
}
