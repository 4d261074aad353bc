/* The monitor without its files and its terminal, for libFuzzer: tests/fuzz/corpus/screen,
 * screen.dict.
 *
 * The first two bytes are the screen's size, the rest of the first line the keys that are pressed; lines
 * that follow go to the log when they begin with '#', else to the journal. Whatever comes, a picture
 * is painted after each key and the report is JSON. */

#include <locale.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <cjson/cJSON.h>

#include "base/strbuf.h"
#include "model/journal_line.h"
#include "model/log_line.h"
#include "view/dash.h"
#include "view/figures.h"
#include "view/paint.h"
#include "view/report.h"
#include "view/ui.h"

#include "expect.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define NOW_MS INT64_C(1790000000000)

struct bench {
    struct dash *dash;
    struct figures figures;
    struct verdict verdict;
    struct ui ui;
    int width;
    int height;
};

static const struct health_limits limits = {.success_warn = 95,
                                            .success_crit = 80,
                                            .latency_warn_ms = 1000,
                                            .latency_crit_ms = 10000,
                                            .silence_ms = 4000,
                                            .stale_ms = 90000};

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    EXPECT(setlocale(LC_ALL, "C.UTF-8"));
    return 0;
}

static void take_event(struct bench *b, const char *text, size_t len, const struct place *place)
{
    struct journal_line line;

    if (journal_line_parse(&line, text, len) == 0)
        dash_event(b->dash, &line, place, NOW_MS);
    else
        dash_bad_event(b->dash, text, len, place, len & 1, NOW_MS);
}

static void take_log(struct bench *b, const char *text, size_t len, const struct place *place)
{
    struct log_line line;

    if (log_line_parse(&line, text, len) == 0)
        dash_log_line(b->dash, &line, place);
    else
        dash_bad_log_line(b->dash, place, len & 1);
}

static void take_lines(struct bench *b, const char *text, size_t len)
{
    const char *end = text + len;

    while (text < end) {
        const char *newline = memchr(text, '\n', (size_t)(end - text));
        size_t n = (size_t)((newline ? newline : end) - text);
        const struct place place = {.offset = end - text, .len = n};

        if (*text == '#')
            take_log(b, text + 1, n - 1, &place);
        else if (n)
            take_event(b, text, n, &place);
        text += n + 1;
    }
}

static void expect_picture(struct bench *b)
{
    const struct view view = {
        .dash = b->dash,
        .figures = &b->figures,
        .ui = &b->ui,
        .verdict = &b->verdict,
        .limits = &limits,
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

static void press(struct bench *b, const char *keys, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        int key = (unsigned char)keys[i];

        if (key >= 0xf0) /* those beyond characters */
            key = UI_KEY_UP + key - 0xf0;
        if (ui_press(&b->ui, b->dash, key, paint_page(b->width, b->height, &b->ui)) == UI_DETAIL)
            ui_show_detail(&b->ui, "one\ntwo\nthree\n");
        expect_picture(b);
    }
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
    report_check(&b->figures, &limits, &out);
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
    b.height = data[1] % 80;
    newline = memchr(text + 2, '\n', size - 2);
    keys = newline ? (size_t)(newline - text) - 2 : size - 2;
    b.dash = dash_new(8, 8);
    ui_init(&b.ui);
    if (newline)
        take_lines(&b, newline + 1, size - keys - 3);
    figures_take(&b.figures, b.dash, &limits, NOW_MS);
    verdict_update(&b.verdict, b.figures.health.level, false, NOW_MS);
    expect_picture(&b);
    press(&b, text + 2, keys < 16 ? keys : 16);
    expect_reports(&b);
    ui_release(&b.ui);
    figures_release(&b.figures);
    dash_free(b.dash);
    return 0;
}
