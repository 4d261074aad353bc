#include <locale.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/mem.h"
#include "base/rng.h"
#include "base/strbuf.h"
#include "base/utf8.h"
#include "model/record.h"
#include "support/feed_log.h"
#include "support/usual_limits.h"
#include "view/figures_at_stop.h"
#include "view/health.h"
#include "view/paint.h"

/* Screens against files: tests/golden/NAME.txt holds the pictures of one situation. After a change
 * that is meant, UPDATE_GOLDEN=1 writes them anew; read them before you commit. */

#define NOW INT64_C(1795367071402) /* 2026-11-22T17:04:31.402Z */

struct stage {
    struct dash *dash;
    struct figures figures;
    struct figures at_stop;
    struct verdict verdict;
    struct ui ui;
    int64_t now_ms;
    int64_t next_offset[6];
};

static void stage_init(struct stage *s)
{
    *s = (struct stage){.dash = dash_new(1000, 100), .now_ms = NOW};
    ui_init(&s->ui);
    s->dash->events_reader.path = "./tracker.events";
    s->dash->log_reader.path = "./tracker.log";
}

static void stage_release(struct stage *s)
{
    figures_release(&s->figures);
    figures_release(&s->at_stop);
    ui_release(&s->ui);
    dash_free(s->dash);
}

static void open_files(struct stage *s)
{
    s->dash->events_reader.state = s->dash->log_reader.state = READER_OPEN;
    s->dash->events_reader.was_at_end = s->dash->log_reader.was_at_end = true;
    s->dash->events_reader.size = INT64_C(29300000000);
    s->dash->log_reader.size = 18000000;
}

static void feed(struct stage *s, const struct record *r)
{
    struct strbuf text = {0};
    struct journal_line line;
    struct place place = {.tracker = s->dash->number};

    record_write(r, &text);
    assert_int_equal(journal_line_parse(&line, text.data, text.len - 1), 0);
    dash_event(s->dash, &line, &place, s->now_ms);
    strbuf_release(&text);
}

/* One message; every `bad_every`-th cannot be decoded. */
static void feed_message(struct stage *s, struct rng *rng, int64_t at_ms, int number, int bad_every)
{
    static const char *const errors[] = {"unexpected end of JSON input", "invalid UTF-8 at byte 17",
                                         "invalid UTF-8 at byte 1187"};
    char order[256];
    char id[40];
    int32_t p = (int32_t)rng_range(rng, 0, 5);
    struct record r = {
        .timestamp_ms = at_ms,
        .topic = "orders",
        .partition = p,
        .offset = 2246000 + 100 * p + s->next_offset[p]++,
        .value = order,
        .deserialized = true,
        .kafka_timestamp_ms = at_ms,
        .attempts = 1,
        .latency_ms = rng_range(rng, 8, 60) + (rng_range(rng, 0, 99) == 0 ? 90 : 0),
        .order_id = id,
        .with_order = true,
    };

    snprintf(id, sizeof(id), "%04x0000-0000-4000-8000-0000000000%02x", number % 65536,
             number % 256);
    r.value_len = (size_t)snprintf(
        order, sizeof(order),
        "{\"status\":\"pending\",\"customer_info\":{\"customer_id\":\"%s\"},\"total\":%d.50,"
        "\"currency\":\"EUR\"}",
        number % 7 == 6 ? "注文 café" : "client07", (int)rng_range(rng, 2, 40));
    if (bad_every && number % bad_every == 0) {
        r.deserialized = false;
        r.event = RECORD_DESERIALIZATION_ERROR;
        r.error = errors[number / bad_every % 3];
        r.outcome = RECORD_DEAD_LETTERED;
        r.reason = RECORD_DESERIALIZE;
        r.dlq_topic = "orders-dlq";
        r.order_id = NULL;
    }
    feed(s, &r);
}

/* Two minutes of traffic that ends `quiet_ms` before now. */
static void feed_traffic(struct stage *s, int64_t quiet_ms, int bad_every)
{
    struct rng rng;
    int number = 1;

    rng_seed(&rng, 17);
    open_files(s);
    for (int64_t back = 120; back >= 0; back--) {
        int64_t second = (NOW - quiet_ms) / 1000 * 1000 - back * 1000;
        int count = (int)rng_range(&rng, 14, 24);

        if (back > 40 && back < 48)
            count = 0;
        if (back % 30 == 2)
            feed_log(
                s->dash, second, "INFO", "periodic metrics",
                "{\"messages_received\":2400,\"messages_processed\":2399,\"messages_failed\":1,"
                "\"lag\":37,\"processor_in_flight\":7,\"processor_ms\":{\"p50\":4,\"p99\":12},"
                "\"head_of_line_ms\":20,\"head_of_line_partition\":3,"
                "\"head_of_line_offset\":2246300,"
                "\"partitions\":[{\"partition\":3,\"offset\":2246300,"
                "\"high_watermark\":2246321,\"lag\":21},{\"partition\":5,\"offset\":2246500,"
                "\"high_watermark\":2246516,\"lag\":16}]}");
        for (int i = 0; i < count; i++)
            feed_message(s, &rng, second + i * 1000 / 24, number++, bad_every);
    }
    feed_log(s->dash, (NOW - quiet_ms) / 1000 * 1000 - 1500, "WARN",
             "broker 2 disconnected, reconnecting", "{\"attempt\":1}");
}

static void paint_text(struct stage *s, int width, int height, bool ascii, struct strbuf *out)
{
    struct screen screen;
    struct view view = {
        .dash = s->dash,
        .figures = &s->figures,
        .ui = &s->ui,
        .verdict = &s->verdict,
        .limits = &usual_limits,
        .topic = "orders",
        .group = "order-tracker-group",
        .waited_ms = 42000,
        .read_rate = 8e8,
    };

    figures_take(&s->figures, s->dash, &usual_limits, s->now_ms);
    health_take(&s->figures, &usual_limits);
    view.at_stop =
        figures_take_at_stop(&s->at_stop, &s->figures, s->dash, &usual_limits) ? &s->at_stop : NULL;
    verdict_update(&s->verdict, s->figures.health.level, true, s->now_ms);
    screen_init(&screen, width, height, ascii);
    paint(&screen, &view);
    screen_text(&screen, out);
    screen_release(&screen);
}

static void read_file(const char *path, struct strbuf *out)
{
    FILE *f = fopen(path, "re");
    char block[4096];
    size_t n;

    if (!f)
        return;
    while ((n = fread(block, 1, sizeof(block), f)) > 0)
        strbuf_add(out, block, n);
    fclose(f);
}

static void write_file(const char *path, const struct strbuf *text)
{
    FILE *f = fopen(path, "we");

    assert_non_null(f);
    assert_int_equal(fwrite(text->data, 1, text->len, f), text->len);
    assert_int_equal(fclose(f), 0);
}

static void fail_at_difference(const char *path, const char *got, const char *wanted)
{
    int line = 1;
    size_t i = 0;

    for (; got[i] && got[i] == wanted[i]; i++)
        line += got[i] == '\n';
    while (i > 0 && got[i - 1] != '\n')
        i--;
    fail_msg("%s differs in line %d:\n  is     %.*s\n  wanted %.*s", path, line,
             (int)strcspn(got + i, "\n"), got + i, (int)strcspn(wanted + i, "\n"), wanted + i);
}

static const struct {
    int width, height;
    bool ascii, only_live;
} sizes[] = {
    {200, 60, false, true}, {200, 60, true, true}, {120, 40, false, false}, {80, 24, false, false},
    {80, 24, true, false},  {120, 40, true, true}, {76, 20, false, true},   {40, 8, false, false},
    {24, 3, false, false},  {1, 1, false, false},
};

static void compare(struct stage *s, const char *name)
{
    struct strbuf got = {0};
    struct strbuf wanted = {0};
    char path[96];

    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        if (sizes[i].only_live && strcmp(name, "live") != 0 && strcmp(name, "trackers") != 0)
            continue;
        strbuf_addf(&got, "%s%dx%d%s\n", i ? "\n" : "", sizes[i].width, sizes[i].height,
                    sizes[i].ascii ? " ascii" : "");
        paint_text(s, sizes[i].width, sizes[i].height, sizes[i].ascii, &got);
    }
    snprintf(path, sizeof(path), "tests/golden/%s.txt", name);
    if (getenv("UPDATE_GOLDEN"))
        write_file(path, &got);
    read_file(path, &wanted);
    if (strcmp(strbuf_text(&got), strbuf_text(&wanted)) != 0)
        fail_at_difference(path, strbuf_text(&got), strbuf_text(&wanted));
    strbuf_release(&got);
    strbuf_release(&wanted);
}

static void waiting(void **state)
{
    struct stage s;

    (void)state;
    stage_init(&s);
    s.dash->log_reader.state = READER_OPEN;
    s.dash->log_reader.was_at_end = true;
    compare(&s, "waiting");
    stage_release(&s);
}

static void live(void **state)
{
    struct stage s;

    (void)state;
    stage_init(&s);
    feed_traffic(&s, 0, 0);
    compare(&s, "live");
    stage_release(&s);
}

static void warn(void **state)
{
    struct stage s;

    (void)state;
    stage_init(&s);
    feed_traffic(&s, 0, 15);
    compare(&s, "warn");
    stage_release(&s);
}

static void stale(void **state)
{
    struct stage s;

    (void)state;
    stage_init(&s);
    feed_traffic(&s, 95000, 0);
    compare(&s, "stale");
    stage_release(&s);
}

static void stopped(void **state)
{
    struct stage s;

    (void)state;
    stage_init(&s);
    feed_traffic(&s, 389000, 0);
    feed_log(s.dash, NOW - 388000, "INFO", "tracker stopped", "{\"drained\":true}");
    compare(&s, "stopped");
    stage_release(&s);
}

/* Killed: its lock is free, its log has no last word. */
static void gone(void **state)
{
    struct stage s;

    (void)state;
    stage_init(&s);
    feed_traffic(&s, 389000, 0);
    s.dash->events_reader.writer = WRITER_GONE;
    s.dash->events_reader.writer_gone_ms = 388000;
    compare(&s, "gone");
    stage_release(&s);
}

static void a_stop_too_long_ago_to_be_counted_is_not_shown_frozen(void **state)
{
    struct stage s;
    struct strbuf out = {0};

    (void)state;
    stage_init(&s);
    feed_traffic(&s, 1200000, 0);
    feed_log(s.dash, NOW - 1199000, "INFO", "tracker stopped", "{\"drained\":true}");
    paint_text(&s, 80, 24, false, &out);
    assert_non_null(strstr(strbuf_text(&out), "STOPPED"));
    assert_null(strstr(strbuf_text(&out), "frozen"));
    assert_null(strstr(strbuf_text(&out), "was "));
    assert_non_null(strstr(strbuf_text(&out), "total, final"));
    strbuf_release(&out);
    stage_release(&s);
}

static void catching_up(void **state)
{
    struct stage s;

    (void)state;
    stage_init(&s);
    feed_traffic(&s, 0, 0);
    s.dash->events_reader.was_at_end = false;
    s.dash->events_reader.behind = INT64_C(11400000000);
    s.dash->events_reader.behind_ms = 4200;
    compare(&s, "catching_up");
    stage_release(&s);
}

static void rotated(void **state)
{
    struct stage s;

    (void)state;
    stage_init(&s);
    feed_traffic(&s, 0, 0);
    s.dash->events_reader.rotations = 1;
    ui_notice(&s.ui, NOW + 30000, "./tracker.events rotated; the old file was read to its end");
    compare(&s, "rotated");
    stage_release(&s);
}

static void paused(void **state)
{
    struct stage s;
    struct rng rng;

    (void)state;
    stage_init(&s);
    feed_traffic(&s, 0, 0);
    ui_press(&s.ui, s.dash, ' ', 8);
    ui_press(&s.ui, s.dash, 'j', 8);
    ui_press(&s.ui, s.dash, 'j', 8);
    rng_seed(&rng, 1);
    for (int i = 0; i < 214; i++)
        feed_message(&s, &rng, NOW - 300, 60000 + i, 0);
    compare(&s, "paused");
    stage_release(&s);
}

static void filter(void **state)
{
    struct stage s;
    const char *keys = "/UTF-8";

    (void)state;
    stage_init(&s);
    feed_traffic(&s, 0, 15);
    for (const char *k = keys; *k; k++)
        ui_press(&s.ui, s.dash, *k, 8);
    compare(&s, "filter");
    stage_release(&s);
}

static void help(void **state)
{
    struct stage s;

    (void)state;
    stage_init(&s);
    feed_traffic(&s, 0, 0);
    ui_press(&s.ui, s.dash, '?', 8);
    compare(&s, "help");
    stage_release(&s);
}

static void partitions(void **state)
{
    struct stage s;

    (void)state;
    stage_init(&s);
    feed_traffic(&s, 0, 15);
    ui_press(&s.ui, s.dash, 'p', 8);
    compare(&s, "partitions");
    stage_release(&s);
}

static void errors(void **state)
{
    struct stage s;

    (void)state;
    stage_init(&s);
    feed_traffic(&s, 0, 15);
    ui_press(&s.ui, s.dash, 'x', 8);
    compare(&s, "errors");
    stage_release(&s);
}

static struct dash *join(struct stage *s, struct dash *whole, const char *name)
{
    struct dash *part = dash_new(1000, 100);

    part->name = part->events_reader.path = part->log_reader.path = name;
    dash_join(whole, part);
    s->dash = part;
    return part;
}

/* One stopped and gave its partitions to the other, whose journal goes on where the first ends. */
static void two_trackers(struct stage *s, void (*then)(struct stage *s, const char *name),
                         const char *name)
{
    struct dash *whole;
    struct dash *us;
    struct dash *eu;

    stage_init(s);
    whole = s->dash;
    us = join(s, whole, "us");
    feed_traffic(s, 60000, 15);
    feed_log(s->dash, NOW - 59000, "INFO", "tracker stopped", "{\"drained\":true}");
    eu = join(s, whole, "tracker-eu-west-1");
    feed_traffic(s, 0, 0);
    dash_sum_readers(whole);
    s->dash = whole;
    then(s, name);
    stage_release(s);
    dash_free(us);
    dash_free(eu);
}

static void press_t_and_compare(struct stage *s, const char *name)
{
    ui_press(&s->ui, s->dash, 't', 8);
    compare(s, name);
}

static void trackers(void **state)
{
    struct stage s;

    (void)state;
    two_trackers(&s, press_t_and_compare, "trackers");
}

static void assert_shows(struct stage *s, int width, int height, const char *text)
{
    struct strbuf out = {0};

    paint_text(s, width, height, false, &out);
    if (!strstr(strbuf_text(&out), text))
        fail_msg("\"%s\" is not in\n%s", text, strbuf_text(&out));
    strbuf_release(&out);
}

static void an_empty_list_says_why(void **state)
{
    const struct place place = {0};
    struct stage s;

    (void)state;
    stage_init(&s);
    open_files(&s);
    feed_log(s.dash, NOW - 1000, "INFO", "tracker started", "{}");
    s.dash->events_reader.state = READER_WAITING;
    assert_shows(&s, 80, 24, "./tracker.events: not found");
    assert_shows(&s, 80, 24, "no message yet");
    s.dash->events_reader.state = READER_OPEN;
    assert_shows(&s, 80, 24, "./tracker.events has no event yet");
    dash_bad_event(s.dash, "{", 1, &place, false, NOW);
    ui_press(&s.ui, s.dash, 'x', 8);
    assert_shows(&s, 80, 24, "./tracker.events has no message yet");
    ui_press(&s.ui, s.dash, 'p', 8);
    assert_shows(&s, 80, 24, "./tracker.events has no message yet");
    ui_press(&s.ui, s.dash, 'l', 8);
    ui_press(&s.ui, s.dash, 'f', 8);
    assert_shows(&s, 80, 24, "no WARN or ERROR among 1 line   Esc shows all");
    for (const char *k = "/xyz\r"; *k; k++)
        ui_press(&s.ui, s.dash, *k, 8);
    assert_shows(&s, 80, 24, "no WARN or ERROR with \"xyz\" among 1 line");
    stage_release(&s);
}

static void a_percentile_that_is_judged_is_not_left_out(void **state)
{
    struct stage s;

    (void)state;
    stage_init(&s);
    open_files(&s);
    for (int i = 0; i < 300; i++) {
        struct record r = {.timestamp_ms = NOW - 5000,
                           .topic = "orders",
                           .offset = i,
                           .deserialized = true,
                           .attempts = 1,
                           .latency_ms = i < 150 ? 8000 : 17000};

        feed(&s, &r);
    }
    assert_shows(&s, 80, 24, "e2e   p50 8.0k  p95 17k  p99 17k! ms");
    assert_shows(&s, 76, 20, "p99 17k!");
    assert_shows(&s, 120, 40, "p99 17k!");
    assert_shows(&s, 120, 40, "max 17 000 ");
    stage_release(&s);
}

static void gaps_are_told_beside_a_large_lag(void **state)
{
    struct stage s;

    (void)state;
    stage_init(&s);
    feed_traffic(&s, 0, 0);
    assert_shows(&s, 80, 24, "lag 37 (max p3 21) gaps 0  dups 0");
    feed_log(s.dash, NOW - 100, "INFO", "periodic metrics",
             "{\"lag\":98765,\"partitions\":[{\"partition\":3,\"offset\":2246300,"
             "\"high_watermark\":2345065,\"lag\":98765}]}");
    s.dash->gaps = 12345;
    assert_shows(&s, 80, 24, "lag 98 765 gaps 12 345  dups 0");
    stage_release(&s);
}

static void dead_letters_are_told_beside_many_failures(void **state)
{
    struct stage s;

    (void)state;
    stage_init(&s);
    feed_traffic(&s, 0, 15);
    s.ui.window = 3; /* all */
    s.dash->failed = s.dash->dead_lettered = 98765;
    s.dash->retries = 87654;
    assert_shows(&s, 80, 24, "failed 99k  retried 88k  dlq 99k");
    stage_release(&s);
}

static void lines_that_could_not_be_read_are_told(void **state)
{
    const struct place place = {0};
    struct stage s;

    (void)state;
    stage_init(&s);
    feed_traffic(&s, 0, 0);
    dash_bad_event(s.dash, "{", 1, &place, false, NOW);
    assert_shows(&s, 80, 24, "1 bad line ");
    assert_shows(&s, 120, 40, "1 bad line ");
    dash_bad_log_line(s.dash, &place, true);
    s.dash->events_reader.unfinished = 812;
    s.dash->events_reader.unfinished_ms = 2500;
    assert_shows(&s, 200, 60, "2 bad lines ");
    assert_shows(&s, 200, 60, "a line without end, 812 B");
    stage_release(&s);
}

static void a_page_is_no_longer_than_what_is_seen_of_the_list(void **state)
{
    struct ui ui;

    (void)state;
    ui_init(&ui);
    assert_int_equal(paint_page(80, 24, &ui), 4); /* 5 beside three notices */
    assert_int_equal(paint_page(120, 40, &ui), 8);
    ui.panel = PANEL_ERRORS;
    assert_int_equal(paint_page(120, 40, &ui), 6);
    ui.is_zoomed = true;
    assert_int_equal(paint_page(120, 40, &ui), 35);
    assert_int_equal(paint_page(40, 8, &ui), 1);
    assert_int_equal(paint_page(1, 1, &ui), 1);
    ui_release(&ui);
}

static void the_keys_are_those_of_use(void **state)
{
    struct stage s;

    (void)state;
    stage_init(&s);
    feed_traffic(&s, 0, 0);
    ui_press(&s.ui, s.dash, 'j', 8);
    assert_shows(&s, 80, 24, " G Follow  Space Pause ");
    ui_press(&s.ui, s.dash, ' ', 8);
    assert_shows(&s, 80, 24, "q Quit  ? Help  Space Resume ");
    ui_press(&s.ui, s.dash, ' ', 8);
    s.dash->history.is_reading = true;
    assert_shows(&s, 80, 24, " b Skip history ");
    ui_show_detail(&s.ui, "a: 1\n");
    assert_shows(&s, 80, 24, "q Quit  Esc Close  ? Help  j k Scroll ");
    stage_release(&s);
}

static void press_help_to_its_end(struct stage *s, const char *name)
{
    (void)name;
    ui_press(&s->ui, s->dash, '?', 8);
    ui_press(&s->ui, s->dash, 'G', 8);
    assert_shows(s, 60, 6, "mouse wheel on and off");
}

static void help_can_be_scrolled_to_its_last_key_in_the_smallest_window(void **state)
{
    struct stage s;

    (void)state;
    two_trackers(&s, press_help_to_its_end, NULL);
}

static void lines_longer_than_the_window_go_on_in_the_next_row(void **state)
{
    struct stage s;
    char line[200];

    (void)state;
    stage_init(&s);
    feed_traffic(&s, 0, 0);
    memset(line, 'x', sizeof(line));
    memcpy(line + 150, "\nlast", sizeof("\nlast"));
    ui_show_detail(&s.ui, line);
    assert_shows(&s, 80, 24, "│     xxxxxx");
    assert_shows(&s, 80, 24, "│ last ");
    assert_int_equal(paint_detail_end(80, 24, false, &s.ui), 0);
    assert_shows(&s, 40, 8, "1-5 of 6");
    s.ui.detail_scroll = 1000;
    assert_shows(&s, 40, 8, "2-6 of 6");
    assert_shows(&s, 40, 8, "│ last ");
    stage_release(&s);
}

static void assert_fits(const struct strbuf *text, int width, int height)
{
    const char *line = strbuf_text(text);
    int rows = 0;

    assert_true(utf8_valid(text->data, text->len, NULL));
    for (const char *end; (end = strchr(line, '\n')) != NULL; line = end + 1, rows++) {
        if (text_width(line, (size_t)(end - line), false) > width)
            fail_msg("%dx%d: too wide: %.*s", width, height, (int)(end - line), line);
    }
    assert_int_equal(rows, height);
}

static void press_any_keys_at_any_size(struct stage *s, const char *name)
{
    static const int keys[] = {
        't',         'e',       'l', 'x', 'p', 'z', '?',        'f',
        ' ',         's',       'o', 'j', 'k', 27,  UI_KEY_TAB, UI_KEY_PAGE_DOWN,
        UI_KEY_DOWN, UI_KEY_UP, '/', 'a', '\r'};
    struct rng rng;
    struct strbuf out = {0};

    (void)name;
    rng_seed(&rng, 23);
    for (int width = 1; width <= 250; width += 1 + width / 60) {
        for (int height = 1; height <= 70; height += (int)rng_range(&rng, 1, 9)) {
            int key = keys[rng_range(&rng, 0, (int64_t)(sizeof(keys) / sizeof(keys[0])) - 1)];

            if (ui_press(&s->ui, s->dash, key, paint_page(width, height, &s->ui)) == UI_DETAIL)
                ui_show_detail(&s->ui, "a: 1\nb: 2\n");
            strbuf_reset(&out);
            paint_text(s, width, height, height % 5 == 0, &out);
            assert_fits(&out, width, height);
            if (width >= 40 && height >= 8)
                assert_non_null(
                    strstr(strbuf_text(&out), s->ui.is_typing ? "Ctrl+C Quit" : "q Quit"));
        }
    }
    strbuf_release(&out);
}

static void any_size_is_painted_with_any_keys(void **state)
{
    struct stage s;

    (void)state;
    stage_init(&s);
    feed_traffic(&s, 0, 15);
    press_any_keys_at_any_size(&s, NULL);
    stage_release(&s);
    two_trackers(&s, press_any_keys_at_any_size, NULL);
}

static void hostile_text_stays_within_its_cells(void **state)
{
    static const char evil[] = "\033]0;pwned\a\x9b 注文 e\xcc\x81\xcc\x81\xcc\x81\xcc\x81 "
                               "\xe2\x80\xae gnp \xf0\x9f\x98\x80\xff\xfe";
    struct stage s;
    struct strbuf out = {0};
    struct rng rng;

    (void)state;
    stage_init(&s);
    rng_seed(&rng, 2);
    open_files(&s);
    for (int i = 0; i < 50; i++) {
        struct record r = {.timestamp_ms = NOW - 5000,
                           .event = RECORD_VALIDATION_ERROR,
                           .topic = evil,
                           .partition = i,
                           .offset = i,
                           .value = evil,
                           .value_len = sizeof(evil) - 1,
                           .error = evil,
                           .outcome = RECORD_DROPPED,
                           .reason = RECORD_VALIDATE,
                           .attempts = 1,
                           .order_id = evil};
        feed(&s, &r);
    }
    for (int width = 1; width <= 210; width += 3) {
        for (int height = 1; height <= 60; height += 7) {
            strbuf_reset(&out);
            paint_text(&s, width, height, width % 2, &out);
            assert_fits(&out, width, height);
            for (size_t i = 0; i < out.len; i++)
                assert_true((unsigned char)out.data[i] >= ' ' || out.data[i] == '\n');
            assert_null(strstr(strbuf_text(&out), "\xe2\x80\xae"));
        }
    }
    strbuf_release(&out);
    stage_release(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(waiting),
        cmocka_unit_test(live),
        cmocka_unit_test(warn),
        cmocka_unit_test(stale),
        cmocka_unit_test(stopped),
        cmocka_unit_test(gone),
        cmocka_unit_test(a_stop_too_long_ago_to_be_counted_is_not_shown_frozen),
        cmocka_unit_test(catching_up),
        cmocka_unit_test(rotated),
        cmocka_unit_test(paused),
        cmocka_unit_test(filter),
        cmocka_unit_test(help),
        cmocka_unit_test(partitions),
        cmocka_unit_test(errors),
        cmocka_unit_test(trackers),
        cmocka_unit_test(an_empty_list_says_why),
        cmocka_unit_test(a_percentile_that_is_judged_is_not_left_out),
        cmocka_unit_test(gaps_are_told_beside_a_large_lag),
        cmocka_unit_test(dead_letters_are_told_beside_many_failures),
        cmocka_unit_test(lines_that_could_not_be_read_are_told),
        cmocka_unit_test(a_page_is_no_longer_than_what_is_seen_of_the_list),
        cmocka_unit_test(the_keys_are_those_of_use),
        cmocka_unit_test(help_can_be_scrolled_to_its_last_key_in_the_smallest_window),
        cmocka_unit_test(lines_longer_than_the_window_go_on_in_the_next_row),
        cmocka_unit_test(any_size_is_painted_with_any_keys),
        cmocka_unit_test(hostile_text_stays_within_its_cells),
    };

    setlocale(LC_ALL, "C.UTF-8");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
