#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "view/ui.h"

#define PAGE 5

static struct dash *dash;
static struct ui ui;

static int set_up(void **state)
{
    (void)state;
    dash = dash_new(100, 100);
    ui_init(&ui);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    ui_release(&ui);
    dash_free(dash);
    return 0;
}

/* Lines of partition 0 from offset `from` on; those divisible by ten failed. */
static void feed(int from, int count)
{
    for (int i = from; i < from + count; i++) {
        char text[256];
        struct journal_line line;
        struct place place = {.offset = i * 100, .len = 50};
        int len = snprintf(text, sizeof(text),
                           "{\"timestamp\":\"2026-11-22T17:04:31.402Z\",\"event_type\":\"x\","
                           "\"kafka_partition\":0,\"kafka_offset\":%d,\"deserialized\":%s,"
                           "\"error\":\"%s\",\"order_id\":\"id-%d\"}",
                           i, i % 10 ? "true" : "false", i % 10 ? "" : "Broken order", i);

        assert_int_equal(journal_line_parse(&line, text, (size_t)len), 0);
        dash_event(dash, &line, &place, INT64_C(1795367071402));
    }
}

static void press(const char *keys)
{
    for (; *keys; keys++)
        ui_press(&ui, dash, (unsigned char)*keys, PAGE);
}

static int64_t newest_shown(void)
{
    const struct event_row *rows[PAGE];
    int chosen;

    return ui_event_rows(&ui, dash, rows, PAGE, &chosen) ? rows[0]->offset : -1;
}

static int64_t chosen_offset(void)
{
    const struct event_row *rows[PAGE];
    int chosen;
    int count = ui_event_rows(&ui, dash, rows, PAGE, &chosen);

    assert_true(chosen < count);
    return chosen < 0 ? -1 : rows[chosen]->offset;
}

static void the_list_follows_until_it_is_paused(void **state)
{
    (void)state;
    feed(1, 20);
    assert_int_equal(newest_shown(), 20);
    press(" ");
    feed(21, 7);
    assert_int_equal(newest_shown(), 20);
    press(" ");
    assert_int_equal(newest_shown(), 27);
}

static void an_empty_list_stays_empty_while_it_is_paused(void **state)
{
    (void)state;
    press(" ");
    feed(1, 20);
    assert_int_equal(newest_shown(), -1);
    press("jg");
    assert_int_equal(newest_shown(), -1);
    assert_int_equal(chosen_offset(), -1);
    press(" ");
    assert_int_equal(newest_shown(), 20);
}

static void the_cursor_pins_the_rows_it_moves_over(void **state)
{
    (void)state;
    feed(1, 20);
    assert_int_equal(chosen_offset(), -1);
    press("j");
    assert_int_equal(chosen_offset(), 20);
    press("jj");
    assert_int_equal(chosen_offset(), 18);
    feed(21, 50);
    assert_int_equal(chosen_offset(), 18);
    press("jjjj"); /* beyond the page: it scrolls */
    assert_int_equal(chosen_offset(), 14);
    ui_press(&ui, dash, UI_KEY_PAGE_DOWN, PAGE);
    assert_int_equal(chosen_offset(), 9);
    ui_press(&ui, dash, UI_KEY_PAGE_UP, PAGE);
    press("k");
    assert_int_equal(chosen_offset(), 15);
    press("G");
    assert_int_equal(newest_shown(), 70);
    assert_int_equal(chosen_offset(), -1);
}

static void the_cursor_stops_at_the_oldest_row(void **state)
{
    (void)state;
    feed(1, 20);
    press("g");
    assert_int_equal(chosen_offset(), 1);
    press("jjjn");
    assert_int_equal(chosen_offset(), 1);
    press("k");
    assert_int_equal(chosen_offset(), 2);
    press("f");
    press("g");
    assert_int_equal(chosen_offset(), 10);
    press("G");
    assert_int_equal(chosen_offset(), -1);
}

static void n_goes_to_the_next_match_within_the_detail_too(void **state)
{
    const struct place *place;
    bool is_log;

    (void)state;
    feed(1, 50);
    press("/broken\n");
    press("n");
    assert_int_equal(chosen_offset(), 50);
    ui_show_detail(&ui, "a: 1\n");
    assert_int_equal(ui_press(&ui, dash, 'n', PAGE), UI_DETAIL);
    place = ui_chosen_place(&ui, dash, &is_log);
    assert_int_equal(place->offset, 4000);
    assert_int_equal(ui_press(&ui, dash, 'N', PAGE), UI_DETAIL);
    assert_int_equal(ui_chosen_place(&ui, dash, &is_log)->offset, 5000);
}

static void tables_have_a_cursor_and_trackers_are_listed_when_there_are_several(void **state)
{
    struct dash *whole = dash_new(1, 1);
    struct dash *a = dash_new(1, 1);
    struct dash *b = dash_new(1, 1);

    (void)state;
    feed(1, 50);
    press("x");
    assert_int_equal(ui.row, -1);
    press("jjj");
    assert_int_equal(ui.row, 0); /* there is one cause */
    press("t");
    assert_int_equal(ui.panel, PANEL_ERRORS);
    press("\t\t");
    assert_int_equal(ui.panel, PANEL_EVENTS);
    dash_join(whole, a);
    dash_join(whole, b);
    ui_press(&ui, whole, 't', PAGE);
    assert_int_equal(ui.panel, PANEL_TRACKERS);
    ui_press(&ui, whole, 'g', PAGE);
    assert_int_equal(ui.row, 1);
    ui_press(&ui, whole, UI_KEY_TAB, PAGE);
    assert_int_equal(ui.panel, PANEL_EVENTS);
    ui_press(&ui, whole, UI_KEY_BACK_TAB, PAGE);
    assert_int_equal(ui.panel, PANEL_TRACKERS);
    dash_free(a);
    dash_free(b);
    dash_free(whole);
}

static void a_filter_is_typed_and_cleared(void **state)
{
    (void)state;
    feed(1, 50);
    press("/broken"); /* in any case of letters */
    assert_true(ui.is_typing);
    assert_int_equal(newest_shown(), 50);
    press("\n");
    assert_false(ui.is_typing);
    press("jj");
    assert_int_equal(chosen_offset(), 40);
    press("G\033");
    assert_string_equal(ui.filter, "");
    press("/id-17\n");
    assert_int_equal(newest_shown(), 17);
    press("/q?\177\177\177");
    assert_string_equal(ui.filter, "");
    press("\n/p0 @3\n");
    assert_int_equal(newest_shown(), 39);
    press("\033f");
    assert_int_equal(newest_shown(), 50);
    press("j");
    assert_int_equal(chosen_offset(), 50);
    press("j");
    assert_int_equal(chosen_offset(), 40);
}

static void a_filter_longer_than_there_is_room_ends(void **state)
{
    (void)state;
    press("/");
    for (int i = 0; i < 200; i++)
        press("x");
    assert_int_equal(strlen(ui.filter), UI_FILTER_MAX - 1);
}

static void ctrl_c_quits_anywhere_and_q_only_where_it_is_no_text(void **state)
{
    (void)state;
    assert_int_equal(ui_press(&ui, dash, 'q', PAGE), UI_QUIT);
    press("/");
    assert_int_equal(ui_press(&ui, dash, 'q', PAGE), UI_NOTHING);
    assert_int_equal(ui_press(&ui, dash, 3, PAGE), UI_QUIT);
    press("\n?");
    assert_int_equal(ui_press(&ui, dash, 3, PAGE), UI_QUIT);
    press("\033");
    ui_show_detail(&ui, "a\nb\n");
    assert_int_equal(ui_press(&ui, dash, 'q', PAGE), UI_QUIT);
    assert_int_equal(ui_press(&ui, dash, 3, PAGE), UI_QUIT);
}

static void escape_closes_one_thing_at_a_time_and_never_quits(void **state)
{
    (void)state;
    press("/x\nz");
    ui_show_detail(&ui, "a\n");
    press("?");
    ui.shows_help = true;
    press("\033");
    assert_false(ui.shows_help);
    assert_true(ui.shows_detail);
    press("\033");
    assert_false(ui.shows_detail);
    assert_string_equal(ui.filter, "x");
    press("\033");
    assert_string_equal(ui.filter, "");
    assert_true(ui.is_zoomed);
    press("\033");
    assert_false(ui.is_zoomed);
    assert_int_equal(ui_press(&ui, dash, UI_KEY_ESCAPE, PAGE), UI_NOTHING);
}

static void panels_are_chosen_by_letter_number_and_tab(void **state)
{
    (void)state;
    press("l");
    assert_int_equal(ui.panel, PANEL_LOGS);
    press("x");
    assert_int_equal(ui.panel, PANEL_ERRORS);
    press("4");
    assert_int_equal(ui.panel, PANEL_PARTITIONS);
    press("\t");
    assert_int_equal(ui.panel, PANEL_EVENTS);
    ui_press(&ui, dash, UI_KEY_BACK_TAB, PAGE);
    assert_int_equal(ui.panel, PANEL_PARTITIONS);
}

static void the_window_has_two_ends(void **state)
{
    (void)state;
    assert_int_equal(ui.window, UI_WINDOW_DEFAULT);
    press("+++++");
    assert_int_equal(ui.window, UI_WINDOW_LAST);
    press("------");
    assert_int_equal(ui.window, 0);
}

static void the_chosen_line_is_the_one_under_the_cursor(void **state)
{
    const struct place *place;
    bool is_log;

    (void)state;
    assert_null(ui_chosen_place(&ui, dash, &is_log));
    feed(1, 30);
    place = ui_chosen_place(&ui, dash, &is_log);
    assert_int_equal(place->offset, 3000); /* the newest, while none is chosen */
    press("jjjjjjjjj");
    place = ui_chosen_place(&ui, dash, &is_log);
    assert_false(is_log);
    assert_int_equal(place->offset, chosen_offset() * 100);
    press("p");
    assert_null(ui_chosen_place(&ui, dash, &is_log));
}

static void the_filter_is_for_what_can_be_searched(void **state)
{
    int order[CAUSE_MAX];

    (void)state;
    feed(0, 20);
    press("x/BROKEN\n");
    assert_int_equal(ui.panel, PANEL_ERRORS);
    assert_int_equal(ui_causes(&ui, &dash->causes, 0, order), 1);
    press("/nothing\n");
    assert_int_equal(ui_causes(&ui, &dash->causes, 0, order), 0);
    press("p/");
    assert_int_equal(ui.panel, PANEL_EVENTS);
    assert_true(ui.is_typing);
}

static void help_scrolls_and_any_other_key_closes_it_and_acts(void **state)
{
    (void)state;
    press("?jjjjk");
    assert_true(ui.shows_help);
    assert_int_equal(ui.help_scroll, 3);
    assert_int_equal(ui.events.cursor, -1); /* the list below did not move */
    press("?");
    assert_false(ui.shows_help);
    press("?l");
    assert_false(ui.shows_help);
    assert_int_equal(ui.panel, PANEL_LOGS);
    press("?");
    assert_int_equal(ui.help_scroll, 0);
    assert_int_equal(ui_press(&ui, dash, 'q', PAGE), UI_QUIT);
}

static void a_detail_scrolls_to_its_ends_and_no_further(void **state)
{
    (void)state;
    ui_show_detail(&ui, "a\nb\nc\nd\n");
    press("jjjjjjjj");
    ui_limit_detail(&ui, 2);
    assert_int_equal(ui.detail_scroll, 2);
    press("k");
    assert_int_equal(ui.detail_scroll, 1);
    press("G");
    ui_limit_detail(&ui, 2);
    assert_int_equal(ui.detail_scroll, 2);
    press("g");
    assert_int_equal(ui.detail_scroll, 0);
}

int main(void)
{
#define ROW(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        ROW(the_list_follows_until_it_is_paused),
        ROW(an_empty_list_stays_empty_while_it_is_paused),
        ROW(the_cursor_pins_the_rows_it_moves_over),
        ROW(the_cursor_stops_at_the_oldest_row),
        ROW(the_filter_is_for_what_can_be_searched),
        ROW(help_scrolls_and_any_other_key_closes_it_and_acts),
        ROW(a_detail_scrolls_to_its_ends_and_no_further),
        ROW(n_goes_to_the_next_match_within_the_detail_too),
        ROW(tables_have_a_cursor_and_trackers_are_listed_when_there_are_several),
        ROW(a_filter_is_typed_and_cleared),
        ROW(a_filter_longer_than_there_is_room_ends),
        ROW(ctrl_c_quits_anywhere_and_q_only_where_it_is_no_text),
        ROW(escape_closes_one_thing_at_a_time_and_never_quits),
        ROW(panels_are_chosen_by_letter_number_and_tab),
        ROW(the_window_has_two_ends),
        ROW(the_chosen_line_is_the_one_under_the_cursor),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
