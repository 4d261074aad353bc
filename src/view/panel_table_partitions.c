#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "view/format.h"
#include "view/panel.h"

#define TRACE_COLUMNS 10 /* of three seconds each */

/* The last 30 seconds, each column against the partition's own largest. */
static void put_trace(struct screen *s, int x, int y, const struct partition *p, int64_t now_ms)
{
    static const char *const blocks[] = {" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
    uint32_t counts[TRACE_COLUMNS];
    uint32_t top = 0;

    for (int i = 0; i < TRACE_COLUMNS; i++) {
        int64_t end = now_ms - (TRACE_COLUMNS - 1 - i) * INT64_C(3000);

        counts[i] = partition_sum(p, end, 3).received;
        top = counts[i] > top ? counts[i] : top;
    }
    for (int i = 0; i < TRACE_COLUMNS && top; i++)
        screen_put(s, x + i, y, 1, STYLE_CHART, blocks[(counts[i] * UINT64_C(8) + top - 1) / top]);
}

#define SHARE_COLUMNS 5

/* Its rate against that of the busiest partition. */
static void put_share(struct screen *s, int x, int y, double rate, double top)
{
    static const char *const blocks[] = {" ", "▏", "▎", "▍", "▌", "▋", "▊", "▉", "█"};
    int eighths = top > 0 && rate > 0 ? (int)(rate / top * SHARE_COLUMNS * 8 + 0.5) : 0;

    for (int i = 0; i < SHARE_COLUMNS && eighths > 0; i++, eighths -= 8)
        screen_put(s, x + i, y, 1, STYLE_CHART, blocks[eighths > 8 ? 8 : eighths]);
}

static double busiest(const struct figures *f)
{
    double top = 0;

    for (int i = 0; i < f->partition_count; i++) {
        if (f->partitions[i].per_second > top)
            top = f->partitions[i].per_second;
    }
    return top;
}

static struct text_buffer plain(int64_t n)
{
    struct text_buffer b = {"n/a"};

    if (n >= 0)
        snprintf(b.text, sizeof(b.text), "%" PRId64, n);
    return b;
}

static struct text_buffer number_of(const struct figure_partition *p)
{
    return plain(p->partition->number);
}

static struct text_buffer offset_of(const struct figure_partition *p)
{
    return plain(p->partition->has_offset ? p->partition->highest : -1);
}

static struct text_buffer high_of(const struct figure_partition *p)
{
    return plain(p->high_watermark);
}

static struct text_buffer rate_of(const struct figure_partition *p)
{
    return format_rate(p->per_second);
}

static struct text_buffer success_of(const struct figure_partition *p)
{
    struct text_buffer b = format_percent(p->success);

    b.text[strcspn(b.text, " ")] = '\0';
    return b;
}

static struct text_buffer failed_of(const struct figure_partition *p)
{
    return format_short(p->failed);
}

static struct text_buffer lag_of(const struct figure_partition *p)
{
    return format_short_or_na(p->lag);
}

static struct text_buffer behind_of(const struct figure_partition *p)
{
    return p->lag == 0 ? plain(0) : p->behind_ms < 0 ? plain(-1) : format_age(p->behind_ms);
}

static struct text_buffer gaps_of(const struct figure_partition *p)
{
    return format_short((int64_t)p->partition->gaps);
}

static struct text_buffer dups_of(const struct figure_partition *p)
{
    return format_short((int64_t)p->partition->dups);
}

static struct text_buffer age_of(const struct figure_partition *p)
{
    return format_age(p->age_ms);
}

#define WIDE 72 /* columns of the panel, from which on it has more of its own */

static const struct {
    const char *title;
    int width;
    int least; /* width of the panel that it needs */
    struct text_buffer (*text)(const struct figure_partition *p);
    bool is_trouble; /* what is not 0 stands out */
} columns[] = {
    {"P", 4, 0, number_of, false},         {"OFFSET", 11, 0, offset_of, false},
    {"HIGH-WM", 11, WIDE, high_of, false}, {"MSG/S", 7, 0, rate_of, false},
    {"OK %", 8, 0, success_of, false},     {"FAILED", 7, 80, failed_of, true},
    {"LAG", 5, 0, lag_of, false},          {"BEHIND", 7, 90, behind_of, false},
    {"GAPS", 5, 0, gaps_of, true},         {"DUPS", 5, 0, dups_of, true},
    {"AGE", 5, 0, age_of, false},
};

#define COLUMNS (sizeof(columns) / sizeof(columns[0]))

static void put_titles(struct screen *s, struct rect r)
{
    struct panel_line l = {.screen = s, .x = r.x, .y = r.y, .end = r.x + r.width};

    for (size_t i = 0; i < COLUMNS; i++) {
        if (r.width >= columns[i].least)
            panel_put(&l, STYLE_TITLE, "%*s", columns[i].width, columns[i].title);
    }
    if (r.width >= WIDE)
        panel_put(&l, STYLE_TITLE, "  %-*s", TRACE_COLUMNS, "30 s");
    panel_put(&l, STYLE_TITLE, "  SHARE");
}

static void put_partition(struct screen *s, struct rect r, int y, const struct figure_partition *p,
                          double top, int64_t now_ms)
{
    struct panel_line l = {.screen = s, .x = r.x, .y = y, .end = r.x + r.width};

    for (size_t i = 0; i < COLUMNS; i++) {
        struct text_buffer text = columns[i].text(p);
        bool stands_out = columns[i].is_trouble && strcmp(text.text, "0") != 0;

        if (r.width >= columns[i].least)
            panel_put(&l, stands_out ? STYLE_NOTE : STYLE_TEXT, "%*s", columns[i].width, text.text);
    }
    if (r.width >= WIDE && l.x + 2 + TRACE_COLUMNS <= l.end) {
        put_trace(s, l.x + 2, y, p->partition, now_ms);
        l.x += 2 + TRACE_COLUMNS;
    }
    if (l.x + 2 + SHARE_COLUMNS <= l.end)
        put_share(s, l.x + 2, y, p->per_second, top);
}

void panel_fill_partitions(struct screen *s, const struct view *v, struct rect r)
{
    const struct figure_partition **items = ui_sorted_partitions(v->ui, v->figures);
    int count = v->figures->partition_count;
    int first = panel_first_row(v, PANEL_PARTITIONS, r.height - 1);
    int room = panel_tracker_room(v);
    double top = busiest(v->figures);

    if (room)
        screen_putf(s, r.x, r.y, r.width, STYLE_TITLE, " %-*s", room, "TRACKER");
    r.x += room ? room + 1 : 0;
    r.width -= room ? room + 1 : 0;
    put_titles(s, r);
    if (!count && r.height > 1)
        panel_put_empty(s, v, (struct rect){r.x, r.y + 1, r.width, r.height - 1}, PANEL_PARTITIONS);
    for (int i = first; i < count && i - first + 1 < r.height; i++) {
        int y = r.y + 1 + i - first;

        if (room)
            panel_put_tracker(s, v, r.x - room, y, items[i]->partition->newest_journal);
        put_partition(s, r, y, items[i], top, v->figures->now_ms);
        panel_mark_chosen(s, v, r, PANEL_PARTITIONS, i, y);
    }
    free(items);
}
