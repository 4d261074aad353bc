#include <math.h>
#include <stdio.h>
#include <string.h>

#include "model/histogram.h"
#include "view/format.h"
#include "view/panel.h"

#define LABELS 7 /* columns for the scale */

/* What a chart shows for one second; NAN where nothing is known. */
typedef double (*second_value)(const struct view *v, int64_t second);

struct chart {
    const char *title;
    second_value value;
    second_value part; /* of the value, drawn solid, the rest of it shaded; NULL: all is solid */
    bool is_log;
};

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

static double latency_in(const struct view *v, int64_t second, double share)
{
    const struct latency_second *l = &v->dash->latency[(uint64_t)second % DASH_LATENCY_SECONDS];

    if (l->second != second || !l->histogram.count)
        return NAN;
    return fmin((double)histogram_quantile(&l->histogram, share), (double)l->max);
}

static double p50_in(const struct view *v, int64_t second)
{
    return latency_in(v, second, 0.50);
}

static double p99_in(const struct view *v, int64_t second)
{
    return latency_in(v, second, 0.99);
}

/* The newest complete second, at the right edge. */
static int64_t newest_second(const struct view *v)
{
    return panel_figures(v)->now_ms / 1000 - 1;
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

static int eighths_of(double height, int rows)
{
    int eighths = (int)lround(height * rows * 8);

    return height > 0 && eighths == 0 ? 1 : eighths;
}

static void put_column(struct screen *s, int x, int bottom, int rows, double height)
{
    int eighths = eighths_of(height, rows);

    for (int row = 0; row < rows && row * 8 < eighths; row++)
        screen_put(s, x, bottom - row, 1, STYLE_CHART, block(eighths, row));
}

/* Shaded as far as whole rows go; ASCII has no finer steps that could be told from solid ones. */
static void put_shade(struct screen *s, int x, int bottom, int rows, double height)
{
    int eighths = eighths_of(height, rows);

    for (int row = 0; row < rows && row * 8 < eighths; row++)
        screen_put(s, x, bottom - row, 1, STYLE_TEXT,
                   s->ascii || eighths - row * 8 >= 8 ? "░" : block(eighths, row));
}

static double largest(const struct view *v, second_value value, int columns)
{
    int64_t newest = newest_second(v);
    double top = 0;

    for (int i = 0; i < columns; i++) {
        double n = value(v, newest - i);

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

static void put_label(struct screen *s, struct rect r, int row, double value)
{
    screen_put_right(s, r.x + 6, r.y + 1 + row, 5, STYLE_TEXT, format_short((int64_t)value).text);
}

/* The decades of a logarithmic scale, each in the row that its value fills. */
static void put_decades(struct screen *s, struct rect r, double top)
{
    int rows = r.height - 2;
    int last = 0; /* row of the label above */

    for (int64_t value = 1000000000; value >= 1; value /= 10) {
        int row = rows - 1 - (int)(height_of((double)value, top, true) * rows);

        if ((double)value >= top || row <= last + 1 || row >= rows - 1)
            continue;
        put_label(s, r, row, (double)value);
        last = row;
    }
}

static void put_scale(struct screen *s, struct rect r, double top, bool is_log)
{
    int rows = r.height - 2;

    put_label(s, r, 0, top);
    if (is_log)
        put_decades(s, r, top);
    else if (rows >= 6 && top >= 10)
        put_label(s, r, rows / 2, top / 2);
    if (rows > 1)
        put_label(s, r, rows - 1, 0);
}

/* Why there is nothing to see. */
static void put_empty(struct screen *s, const struct view *v, struct rect r, const char *what)
{
    int columns = columns_of(r);
    char when[64] = "";

    if (v->figures->event_age_ms >= 0 && largest(v, received_in, columns) <= 0)
        snprintf(when, sizeof(when), "; the newest at %s",
                 format_moment(v->dash->newest_ms, v->figures->now_ms, v->utc_offset_s).text);
    if (v->figures->event_age_ms < 0)
        screen_putf(s, r.x + 2, r.y + 1, r.width - 3, STYLE_TEXT, "no message yet");
    else
        screen_putf(s, r.x + 2, r.y + 1, r.width - 3, STYLE_TEXT, "no %s in %d s%s",
                    when[0] ? "message" : what, columns, when);
}

/* One column is one complete second, the newest at the right; the baseline is always 0. */
static void put_chart(struct screen *s, const struct view *v, struct rect r, const struct chart *c,
                      const char *what)
{
    int columns = columns_of(r);
    int rows = r.height - 2;
    double top = largest(v, c->value, columns);
    char note[96];
    int len;

    len = snprintf(note, sizeof(note), "%s%s1 s/column", v->at_stop ? "frozen  " : "",
                   c->is_log ? "log  " : "");
    if (top > 0)
        snprintf(note + len, sizeof(note) - (size_t)len, "  max %s",
                 format_count((int64_t)top).text);
    screen_box(s, r, c->title, note);
    if (rows < 1 || columns < 1)
        return;
    if (top <= 0) {
        put_empty(s, v, r, what);
        return;
    }
    put_scale(s, r, top, c->is_log);
    for (int i = 0; i < columns; i++) {
        int64_t second = newest_second(v) - i;
        int x = r.x + r.width - 3 - i;
        int bottom = r.y + r.height - 2;

        if (c->part)
            put_shade(s, x, bottom, rows, height_of(c->value(v, second), top, c->is_log));
        put_column(s, x, bottom, rows,
                   height_of((c->part ? c->part : c->value)(v, second), top, c->is_log));
    }
}

#define AVERAGE_WIDTH 90 /* from which on a chart has room for it */

/* A dashed line where the average of 15 minutes is, where no column covers it. */
static void put_average(struct screen *s, const struct view *v, struct rect r)
{
    int columns = columns_of(r);
    int rows = r.height - 2;
    double top = largest(v, received_in, columns);
    double average = panel_figures(v)->rate_15m.per_second;
    int row;

    if (!(average <= top) || top <= 0)
        return;
    row = (int)(height_of(average, top, v->ui->is_log_scale) * rows);
    row = row < rows ? row : rows - 1;
    for (int i = 0; i < columns; i += 2) {
        double height = height_of(received_in(v, newest_second(v) - i), top, v->ui->is_log_scale);

        if (lround(height * rows * 8) <= row * 8L)
            screen_put(s, r.x + r.width - 3 - i, r.y + r.height - 2 - row, 1, STYLE_TEXT, "-");
    }
}

void panel_throughput(struct screen *s, const struct view *v, struct rect r)
{
    bool with_average = r.width >= AVERAGE_WIDTH;
    const struct chart c = {
        .title = with_average ? "Throughput msg/s  - - 15 min average" : "Throughput msg/s",
        .value = received_in,
        .is_log = v->ui->is_log_scale,
    };

    put_chart(s, v, r, &c, "message");
    if (with_average)
        put_average(s, v, r);
}

void panel_failures(struct screen *s, const struct view *v, struct rect r)
{
    const struct chart c = {
        .title = "Failed per s", .value = failed_in, .is_log = v->ui->is_log_scale};

    put_chart(s, v, r, &c, "failure");
}

static void put_latency(struct screen *s, const struct view *v, struct rect r)
{
    const struct chart c = {
        .title = "End-to-end ms  █ p50  ░ p99", .value = p99_in, .part = p50_in, .is_log = true};

    put_chart(s, v, r, &c, "latency known");
}

void panel_two_charts(struct screen *s, const struct view *v, struct rect r)
{
    struct rect upper = r;

    upper.height /= 2;
    r.y += upper.height;
    r.height -= upper.height;
    panel_failures(s, v, upper);
    put_latency(s, v, r);
}

void panel_sparkline(struct screen *s, const struct view *v, int x, int y, int room)
{
    double top = largest(v, received_in, room);

    for (int i = 0; i < room && top > 0; i++)
        put_column(s, x + room - 1 - i, y, 1,
                   height_of(received_in(v, newest_second(v) - i), top, false));
}
