#include <math.h>
#include <stdio.h>
#include <string.h>

#include "model/histogram.h"
#include "view/format.h"
#include "view/panel.h"

#define LABELS 7 /* columns for the scale */

/* What a chart shows for one second; NAN where nothing is known. */
typedef double (*second_value)(const struct view *v, int64_t second);

static double received_in(const struct view *v, int64_t second)
{
    const struct window_second *s = window_at(&v->dash->window, second);

    return s ? (double)s->received : (double)NAN;
}

static double failed_in(const struct view *v, int64_t second)
{
    const struct window_second *s = window_at(&v->dash->window, second);

    return s ? (double)s->failed : (double)NAN;
}

static double latency_in(const struct view *v, int64_t second)
{
    const struct latency_second *l = &v->dash->latency[(uint64_t)second % DASH_LATENCY_SECONDS];

    return l->second == second && l->histogram.count
               ? (double)histogram_quantile(&l->histogram, 0.99)
               : NAN;
}

/* The share of the chart's height for a value. */
static double height_of(double value, double top, bool is_log)
{
    if (!isfinite(value) || value <= 0)
        return 0;
    return is_log ? log1p(value) / log1p(top) : value / top;
}

/* The block for row `row` (0 = lowest) of a column that is `eighths` high. */
static const char *block(int eighths, int row)
{
    static const char *const blocks[] = {" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
    int rest = eighths - row * 8;

    return blocks[rest < 0 ? 0 : rest > 8 ? 8 : rest];
}

static void put_column(struct screen *s, int x, int bottom, int rows, double height)
{
    int eighths = (int)lround(height * rows * 8);

    if (height > 0 && eighths == 0)
        eighths = 1;
    for (int row = 0; row < rows && row * 8 < eighths; row++)
        screen_put(s, x, bottom - row, 1, STYLE_CHART, block(eighths, row));
}

static double largest(const struct view *v, second_value value, int columns)
{
    int64_t now = v->figures->now_ms / 1000;
    double top = 0;

    for (int i = 1; i <= columns; i++) {
        double n = value(v, now - i);

        if (isfinite(n) && n > top)
            top = n;
    }
    return top;
}

static int columns_of(struct rect r)
{
    int columns = r.width - 2 - LABELS - 1;

    return columns < WINDOW_LONGEST ? columns : WINDOW_LONGEST;
}

static void put_scale(struct screen *s, struct rect r, double top, bool is_log)
{
    int rows = r.height - 2;

    screen_put_right(s, r.x + 6, r.y + 1, 5, STYLE_TEXT, format_short((int64_t)top).text);
    if (rows >= 6 && !is_log && top >= 10)
        screen_put_right(s, r.x + 6, r.y + 1 + rows / 2, 5, STYLE_TEXT,
                         format_short((int64_t)(top / 2)).text);
    if (rows > 1)
        screen_put_right(s, r.x + 6, r.y + rows, 5, STYLE_TEXT, "0");
}

/* One column is one complete second, the newest at the right; the baseline is always 0. */
static void chart(struct screen *s, const struct view *v, struct rect r, const char *title,
                  second_value value, bool is_log)
{
    int columns = columns_of(r);
    int64_t now = v->figures->now_ms / 1000;
    char note[64];
    double top;

    top = largest(v, value, columns);
    snprintf(note, sizeof(note), "%s1 s/column  max %s", is_log ? "log  " : "",
             format_count((int64_t)top).text);
    screen_box(s, r, title, note);
    if (r.height < 3 || columns < 1 || top <= 0)
        return;
    put_scale(s, r, top, is_log);
    for (int i = 0; i < columns; i++)
        put_column(s, r.x + r.width - 3 - i, r.y + r.height - 2, r.height - 2,
                   height_of(value(v, now - 1 - i), top, is_log));
}

#define AVERAGE_WIDTH 90 /* from which on a chart has room for it */

/* A dashed line where the average of 15 minutes is, where no column covers it. */
static void put_average(struct screen *s, const struct view *v, struct rect r)
{
    int columns = columns_of(r);
    int rows = r.height - 2;
    int64_t now = v->figures->now_ms / 1000;
    double top = largest(v, received_in, columns);
    double average = v->figures->rate_15m.per_second;
    int row;

    if (!(average <= top) || top <= 0)
        return;
    row = (int)(height_of(average, top, v->ui->is_log_scale) * rows);
    row = row < rows ? row : rows - 1;
    for (int i = 0; i < columns; i += 2) {
        double height = height_of(received_in(v, now - 1 - i), top, v->ui->is_log_scale);

        if (lround(height * rows * 8) <= row * 8L)
            screen_put(s, r.x + r.width - 3 - i, r.y + r.height - 2 - row, 1, STYLE_TEXT, "-");
    }
}

void panel_throughput(struct screen *s, const struct view *v, struct rect r)
{
    bool with_average = r.width >= AVERAGE_WIDTH;

    chart(s, v, r, with_average ? "Throughput msg/s  - - 15 min average" : "Throughput msg/s",
          received_in, v->ui->is_log_scale);
    if (with_average)
        put_average(s, v, r);
}

void panel_failures(struct screen *s, const struct view *v, struct rect r)
{
    chart(s, v, r, "Failed per s", failed_in, v->ui->is_log_scale);
}

void panel_latency_chart(struct screen *s, const struct view *v, struct rect r)
{
    chart(s, v, r, "End-to-end p99 ms", latency_in, true);
}

void panel_sparkline(struct screen *s, const struct view *v, int x, int y, int room)
{
    int64_t now = v->figures->now_ms / 1000;
    double top = largest(v, received_in, room);

    for (int i = 0; i < room && top > 0; i++)
        put_column(s, x + room - 1 - i, y, 1, height_of(received_in(v, now - 1 - i), top, false));
}
