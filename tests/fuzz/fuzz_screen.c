/* The monitor without its files and its terminal, for libFuzzer: tests/fuzz/corpus/screen,
 * screen.dict.
 *
 * The first byte is the screen's width, the second its height, a bit for two trackers and one for
 * the report in place of a picture. Then the keys that are pressed, to the end of the line. The
 * lines that follow are told apart by how they begin: '@' is the second tracker's, then '#' is of
 * the log, '<' of the journal's older part, '%' says how a file stands, '!' are keys pressed at
 * that moment; all else is of the journal.
 *
 * One picture, after the last key, since it costs as much as the rest: the picture after an earlier
 * key is that of a shorter input. */

#include <errno.h>
#include <locale.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cjson/cJSON.h>

#include "base/strbuf.h"
#include "model/journal_line.h"
#include "model/log_line.h"
#include "support/usual_limits.h"
#include "view/dash.h"
#include "view/figures.h"
#include "view/figures_at_stop.h"
#include "view/paint.h"
#include "view/report.h"
#include "view/ui.h"

#include "expect.h"
#include "view/health.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define NOW_MS   INT64_C(1790000000000)
#define KEYS     16
#define TRACKERS 2

/* of the second byte */
#define HEIGHT  0x3f
#define REPORTS 0x40
#define BOTH    0x80

struct bench {
    struct dash *trackers[TRACKERS]; /* the second is NULL when there is one only */
    struct dash *shown;              /* that one, or the whole of both */
    struct figures figures;
    struct figures at_stop;
    bool is_frozen;
    struct verdict verdict;
    struct ui ui;
    int width;
    int height;
};

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    EXPECT(setlocale(LC_ALL, "C.UTF-8"));
    return 0;
}

/* Making a dash touches 1.4 MB, more than all else here costs: each serves all executions, emptied
 * after each by giving every part of it the bytes that it had when it was new. */
struct reused {
    struct dash *dash;
    struct dash as_new;
};

static struct reused reused[TRACKERS];
static struct reused reused_whole;

static struct dash *use(struct reused *r)
{
    if (!r->dash) {
        r->dash = dash_new(8, 8);
        r->as_new = *r->dash;
    }
    return r->dash;
}

static void make_as_new(struct reused *r)
{
    struct dash *d = r->dash;

    if (!d)
        return;
    partition_table_release(&d->partitions);
    partition_table_release(&d->history.partitions);
    free(d->parts);
    free(d->events.fresh);
    free(d->logs.fresh);
    *d = r->as_new;
    memset(d->events.rows, 0, d->events.kept * d->events.row_size);
    memset(d->logs.rows, 0, d->logs.kept * d->logs.row_size);
    for (int i = 0; i < DASH_LATENCY_SECONDS; i++) {
        if (d->latency[i].second || d->latency[i].histogram.count)
            memset(&d->latency[i], 0, sizeof(d->latency[i]));
    }
    memset(d->orders, 0, sizeof(*d->orders));
}

static void open_trackers(struct bench *b, bool both)
{
    static const char *const names[TRACKERS] = {"eu", "us"};

    b->shown = both ? use(&reused_whole) : use(&reused[0]);
    for (int i = 0; i < (both ? TRACKERS : 1); i++) {
        struct dash *d = use(&reused[i]);

        d->name = names[i];
        d->events_reader.path = "tracker.events";
        d->log_reader.path = "tracker.log";
        if (both)
            dash_join(b->shown, d);
        b->trackers[i] = d;
    }
}

static void close_trackers(bool both)
{
    make_as_new(&reused[0]);
    if (both) {
        make_as_new(&reused[1]);
        make_as_new(&reused_whole);
    }
}

static void take_event(struct dash *d, const char *text, size_t len, const struct place *place)
{
    struct journal_line line;

    if (journal_line_parse(&line, text, len) == 0)
        dash_event(d, &line, place, NOW_MS);
    else
        dash_bad_event(d, text, len, place, len & 1, NOW_MS);
}

static void take_old_event(struct dash *d, const char *text, size_t len)
{
    struct journal_line line;

    d->history.is_reading = true;
    if (journal_line_parse(&line, text, len) == 0)
        dash_old_event(d, &line);
    else
        dash_end_history(d);
}

static void take_log(struct dash *d, const char *text, size_t len, const struct place *place)
{
    struct log_line line;

    if (log_line_parse(&line, text, len) == 0)
        dash_log_line(d, &line, place);
    else
        dash_bad_log_line(d, place, len & 1);
    log_line_release(&line);
}

#define READER_FIGURES 10

/* One byte for each figure, as many as there are. */
static void take_reader(struct reader *r, const char *bytes, size_t len)
{
    int64_t figure[READER_FIGURES] = {0};

    for (size_t i = 0; i < len && i < READER_FIGURES; i++)
        figure[i] = bytes[i] < ' ' ? 0 : bytes[i] - ' ';
    r->state = (enum reader_state)(figure[0] % 3);
    r->error = r->state == READER_FAILED ? EACCES : 0;
    r->has_no_directory = r->state == READER_WAITING && figure[0] > 3;
    r->was_at_end = figure[1] & 1;
    r->behind = figure[2] << 20;
    r->behind_ms = figure[3] * 1000 - 1;
    r->unfinished = figure[4];
    r->unfinished_ms = figure[5] * 1000 - 1;
    r->rotated_ms = figure[6] * 1000 - 1;
    r->rotations = r->rotated_ms >= 0;
    r->truncations = (uint64_t)figure[7];
    r->writer = (enum writer_state)(figure[8] % 3);
    r->writer_gone_ms = r->writer == WRITER_GONE ? figure[9] * 1000 : -1;
}

static void press(struct bench *b, const char *keys, size_t count)
{
    for (size_t i = 0; i < count && i < KEYS; i++) {
        int key = (unsigned char)keys[i];

        if (key == 0xff)
            key = UI_KEY_ENTER;
        else if (key >= 0xf0) /* those beyond characters */
            key = UI_KEY_UP + key - 0xf0;
        if (ui_press(&b->ui, b->shown, key, paint_page(b->width, b->height, &b->ui)) == UI_DETAIL)
            ui_show_detail(&b->ui, "one\ntwo\nthree\n");
        dash_hold(b->shown, b->ui.events.anchor, b->ui.logs.anchor);
        ui_limit_detail(&b->ui, paint_detail_end(b->width, b->height, b->width & 1, &b->ui));
    }
}

static void take_line(struct bench *b, const char *text, size_t len, int64_t offset)
{
    struct dash *d = b->trackers[0];
    struct place place = {.offset = offset, .len = len};

    if (len && *text == '@') {
        d = b->trackers[1] ? b->trackers[1] : d;
        text++;
        len--;
    }
    place.tracker = d->number;
    if (len == 0)
        return;
    switch (*text) {
    case '#':
        take_log(d, text + 1, len - 1, &place);
        break;
    case '<':
        take_old_event(d, text + 1, len - 1);
        break;
    case '%':
        take_reader(len & 1 ? &d->log_reader : &d->events_reader, text + 1, len - 1);
        break;
    case '!':
        press(b, text + 1, len - 1);
        break;
    default:
        take_event(d, text, len, &place);
    }
}

static void take_lines(struct bench *b, const char *text, size_t len)
{
    const char *end = text + len;

    while (text < end) {
        const char *newline = memchr(text, '\n', (size_t)(end - text));
        size_t n = (size_t)((newline ? newline : end) - text);

        take_line(b, text, n, end - text);
        text += n + 1;
    }
    if (b->trackers[1])
        dash_sum_readers(b->shown);
}

static void expect_picture(struct bench *b)
{
    const struct view view = {
        .dash = b->shown,
        .figures = &b->figures,
        .ui = &b->ui,
        .verdict = &b->verdict,
        .at_stop = b->is_frozen ? &b->at_stop : NULL,
        .limits = &usual_limits,
        .topic = "orders",
        .group = "group",
    };
    struct screen s = {0};

    screen_init(&s, b->width, b->height, b->width & 1);
    paint(&s, &view);
    for (int y = 0; y < s.height; y++) {
        int width = 0;

        for (int x = 0; x < s.width; x++)
            width += screen_at(&s, x, y)->width;
        EXPECT(width == s.width);
    }
    screen_release(&s);
}

static void expect_reports(const struct bench *b)
{
    struct strbuf out = {0};
    cJSON *tree;

    report_json(&b->figures, &out);
    tree = cJSON_ParseWithLength(out.data, out.len);
    EXPECT(cJSON_IsObject(tree));
    cJSON_Delete(tree);
    strbuf_reset(&out);
    report_text(&b->figures, &out);
    strbuf_reset(&out);
    report_check(&b->figures, &usual_limits, &out);
    EXPECT(memchr(out.data, '\n', out.len) == out.data + out.len - 1);
    strbuf_release(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;
    struct bench b = {0};
    const char *newline;
    size_t keys;

    if (size < 3)
        return 0;
    b.width = data[0];
    b.height = data[1] & HEIGHT;
    newline = memchr(text + 2, '\n', size - 2);
    keys = newline ? (size_t)(newline - text) - 2 : size - 2;
    open_trackers(&b, data[1] & BOTH);
    ui_init(&b.ui);
    if (newline)
        take_lines(&b, newline + 1, size - keys - 3);
    figures_take(&b.figures, b.shown, &usual_limits, NOW_MS);
    health_take(&b.figures, &usual_limits);
    b.is_frozen = figures_take_at_stop(&b.at_stop, &b.figures, b.shown, &usual_limits);
    verdict_update(&b.verdict, b.figures.health.level, b.figures.health.at_once, NOW_MS);
    press(&b, text + 2, keys);
    if (data[1] & REPORTS)
        expect_reports(&b);
    else
        expect_picture(&b);
    ui_release(&b.ui);
    figures_release(&b.figures);
    figures_release(&b.at_stop);
    close_trackers(data[1] & BOTH);
    return 0;
}
