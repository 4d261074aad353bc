#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/line_reader.h"

static void assert_line(struct line_reader *r, const char *expected)
{
    const char *line;
    size_t len;

    assert_true(line_reader_next(r, &line, &len));
    assert_int_equal(len, strlen(expected));
    assert_memory_equal(line, expected, len);
}

static void assert_no_line(struct line_reader *r)
{
    const char *line;
    size_t len;

    assert_false(line_reader_next(r, &line, &len));
}

static void only_whole_lines_are_handed_out_and_the_rest_remains(void **state)
{
    struct line_reader r = {0};

    (void)state;
    assert_no_line(&r);
    strbuf_adds(&r.text, "one\n\ntwo\nth");
    assert_line(&r, "one");
    assert_line(&r, "");
    assert_line(&r, "two");
    assert_no_line(&r);
    line_reader_drop(&r);
    assert_int_equal(r.text.len, 2);
    strbuf_adds(&r.text, "ree\n");
    assert_line(&r, "three");
    assert_no_line(&r);
    line_reader_release(&r);
}

static void blocks_may_be_cut_anywhere(void **state)
{
    static const char text[] = "a\nbc\n\ndefghi\nj\n";
    static const char *const lines[] = {"a", "bc", "", "defghi", "j"};

    (void)state;
    for (size_t block = 1; block <= sizeof(text); block++) {
        struct line_reader r = {0};
        size_t found = 0;

        for (size_t at = 0; at < sizeof(text) - 1; at += block) {
            size_t left = sizeof(text) - 1 - at;
            const char *line;
            size_t len;

            strbuf_add(&r.text, text + at, left < block ? left : block);
            while (line_reader_next(&r, &line, &len)) {
                assert_int_equal(len, strlen(lines[found]));
                assert_memory_equal(line, lines[found++], len);
            }
            line_reader_drop(&r);
        }
        assert_int_equal(found, 5);
        assert_int_equal(r.text.len, 0);
        line_reader_release(&r);
    }
}

static void what_was_searched_is_not_searched_again(void **state)
{
    struct line_reader r = {0};

    (void)state;
    strbuf_adds(&r.text, "a long line");
    assert_no_line(&r);
    assert_int_equal(r.searched, r.text.len);
    line_reader_reset(&r);
    strbuf_adds(&r.text, "\n");
    assert_line(&r, "");
    line_reader_release(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_whole_lines_are_handed_out_and_the_rest_remains),
        cmocka_unit_test(blocks_may_be_cut_anywhere),
        cmocka_unit_test(what_was_searched_is_not_searched_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
