#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "base/rng.h"
#include "base/utf8.h"
#include "view/screen.h"
#include "view/text.h"

static const char *put_into(struct screen *s, struct strbuf *out, int room, const char *text)
{
    screen_clear(s);
    screen_put(s, 0, 0, room, STYLE_TEXT, text);
    strbuf_reset(out);
    screen_text(s, out);
    return strbuf_text(out);
}

static void what_a_terminal_would_act_upon_is_shown_instead(void **state)
{
    static const uint32_t hostile[] = {
        0x01,   0x07,   0x08,   0x0a,   0x0d,   0x1b,   0x7f,   0x80,    0x85,    0x9b,    0x9d,
        0x9f,   0xad,   0x61c,  0x180e, 0x200b, 0x200c, 0x200d, 0x200e,  0x200f,  0x2028,  0x2029,
        0x202a, 0x202e, 0x2060, 0x2066, 0x2069, 0xfe0f, 0xfeff, 0xe0001, 0xe0100, 0xf0000, 0x10ffff,
    };

    (void)state;
    for (size_t i = 0; i < sizeof(hostile) / sizeof(hostile[0]); i++) {
        uint32_t c = hostile[i];
        char behind[6] = "x";
        char *bytes = behind + 1;
        struct glyph g;
        size_t len = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;

        if (len == 1)
            bytes[0] = (char)c;
        else
            bytes[0] = (char)((0xf00 >> len & 0xff) | c >> 6 * (len - 1));
        for (size_t k = 1; k < len; k++)
            bytes[k] = (char)(0x80 | (c >> 6 * (len - 1 - k) & 0x3f));
        assert_int_equal(text_next(bytes, len, false, &g), len);
        assert_int_equal(g.code, TEXT_REPLACEMENT);
        assert_int_equal(g.width, 1);
        text_next(bytes, len, true, &g);
        assert_int_equal(g.code, '?');
        assert_int_equal(text_next(behind, len + 1, false, &g), 1); /* nor as a mark */
        assert_int_equal(g.mark_count, 0);
    }
}

static void broken_utf8_is_replaced_byte_by_byte(void **state)
{
    struct glyph g;

    (void)state;
    assert_int_equal(text_next("\xc0\xaf", 2, false, &g), 1); /* overlong */
    assert_int_equal(g.code, TEXT_REPLACEMENT);
    assert_int_equal(text_next("\xed\xa0\x80", 3, false, &g), 1); /* surrogate */
    assert_int_equal(g.code, TEXT_REPLACEMENT);
    assert_int_equal(text_next("\xe6\xb3", 2, false, &g), 1); /* cut off */
    assert_int_equal(g.code, TEXT_REPLACEMENT);
}

static void at_most_two_marks_sit_on_a_character(void **state)
{
    char text[1 + 50 * 2 + 2] = "e";
    struct glyph g;

    (void)state;
    for (int i = 0; i < 50; i++)
        memcpy(text + 1 + (ptrdiff_t)i * 2, "\xcc\x81", 2);
    strcat(text, "x");
    assert_int_equal(text_next(text, strlen(text), false, &g), 101);
    assert_int_equal(g.mark_count, TEXT_MARKS);
    assert_int_equal(g.width, 1);
    assert_int_equal(text_width(text, strlen(text), false), 2);
    text_next("\xcc\x81", 2, false, &g); /* on nothing */
    assert_int_equal(g.width, 1);
}

static void a_wide_character_that_does_not_fit_leaves_a_blank(void **state)
{
    struct screen s;
    struct strbuf out = {0};

    (void)state;
    screen_init(&s, 5, 1, false);
    assert_string_equal(put_into(&s, &out, 5, "注文!"), "注文!\n");
    assert_string_equal(put_into(&s, &out, 3, "注文!"), "注\n");
    assert_string_equal(put_into(&s, &out, 5, "ab注文"), "ab注\n");
    screen_clear(&s);
    screen_put(&s, 0, 0, 5, STYLE_TEXT, "注文");
    screen_put(&s, 1, 0, 1, STYLE_TEXT, "x"); /* over the right half of the first */
    strbuf_reset(&out);
    screen_text(&s, &out);
    assert_string_equal(strbuf_text(&out), " x文\n");
    screen_release(&s);
    strbuf_release(&out);
}

static void ascii_has_a_twin_for_what_we_draw(void **state)
{
    struct screen s;
    struct strbuf out = {0};

    (void)state;
    screen_init(&s, 12, 3, true);
    screen_box(&s, (struct rect){0, 0, 12, 3}, "ab", "");
    screen_put(&s, 1, 1, 10, STYLE_TEXT, "café…▁█\t注");
    screen_text(&s, &out);
    assert_string_equal(strbuf_text(&out), "+- ab -----+\n"
                                           "|caf?..: ? |\n"
                                           "+----------+\n");
    screen_release(&s);
    strbuf_release(&out);
}

static void anything_may_be_put_anywhere(void **state)
{
    struct rng rng;
    struct strbuf out = {0};

    (void)state;
    rng_seed(&rng, 11);
    for (int round = 0; round < 20000; round++) {
        struct screen s;
        char text[40];
        int width = (int)rng_range(&rng, 1, 12);

        for (size_t i = 0; i + 1 < sizeof(text); i++)
            text[i] = (char)rng_range(&rng, 1, 255);
        text[sizeof(text) - 1] = '\0';
        if (round % 2)
            memcpy(text, "注e\xcc\x81\xf0\x9f\x98\x80", 9);
        screen_init(&s, width, 2, round % 3 == 0);
        screen_put(&s, (int)rng_range(&rng, -5, 15), (int)rng_range(&rng, -2, 4),
                   (int)rng_range(&rng, -2, 20), STYLE_TEXT, text);
        strbuf_reset(&out);
        screen_text(&s, &out);
        assert_true(utf8_valid(out.data, out.len, NULL));
        for (char *line = out.data, *end; (end = strchr(line, '\n')) != NULL; line = end + 1)
            assert_true(text_width(line, (size_t)(end - line), false) <= width);
        screen_release(&s);
    }
    strbuf_release(&out);
}

static void a_frame_is_marked_and_nothing_else(void **state)
{
    const struct rect frames[] = {{1, 1, 8, 4}, {-3, -3, 30, 30}, {5, 2, 1, 1}, {20, 20, 4, 4}};
    struct screen s;
    int marked = 0;

    (void)state;
    screen_init(&s, 10, 6, false);
    screen_box(&s, frames[0], "a", "");
    screen_put(&s, 2, 2, 6, STYLE_TEXT, "inside");
    screen_mark_frame(&s, frames[0], STYLE_CRIT);
    for (int i = 0; i < s.width * s.height; i++)
        marked += s.cells[i].style == STYLE_CRIT;
    assert_int_equal(marked, 2 * 8 + 2 * 2 - 3); /* all but " a " */
    assert_int_equal(screen_at(&s, 8, 4)->style, STYLE_CRIT);
    assert_int_equal(screen_at(&s, 4, 1)->style, STYLE_TITLE);
    assert_int_equal(screen_at(&s, 2, 2)->style, STYLE_TEXT);
    for (size_t i = 1; i < sizeof(frames) / sizeof(frames[0]); i++)
        screen_mark_frame(&s, frames[i], STYLE_NOTE);
    screen_release(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_a_terminal_would_act_upon_is_shown_instead),
        cmocka_unit_test(broken_utf8_is_replaced_byte_by_byte),
        cmocka_unit_test(at_most_two_marks_sit_on_a_character),
        cmocka_unit_test(a_wide_character_that_does_not_fit_leaves_a_blank),
        cmocka_unit_test(ascii_has_a_twin_for_what_we_draw),
        cmocka_unit_test(a_frame_is_marked_and_nothing_else),
        cmocka_unit_test(anything_may_be_put_anywhere),
    };

    setlocale(LC_ALL, "C.UTF-8");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
