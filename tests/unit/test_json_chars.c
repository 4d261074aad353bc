#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "base/json_chars.h"

static bool is_plain(unsigned char c)
{
    return c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
}

/* Every byte at every place, between plain ones that differ from a special one by a single bit. */
static void the_first_byte_that_is_not_plain_is_found_wherever_it_is(void **state)
{
    static const char plain[] = " !#[]~\x60\x5d\x21\x23 }";
    char text[40];

    (void)state;
    for (size_t i = 0; i < sizeof(text); i++)
        text[i] = plain[i % (sizeof(plain) - 1)];
    for (size_t len = 0; len <= sizeof(text); len++)
        assert_ptr_equal(json_chars_plain(text, text + len), text + len);
    for (int c = 0; c < 256; c++) {
        for (size_t at = 0; at < sizeof(text); at++) {
            char saved = text[at];
            const char *expected = is_plain((unsigned char)c) ? text + sizeof(text) : text + at;

            text[at] = (char)c;
            assert_ptr_equal(json_chars_plain(text, text + sizeof(text)), expected);
            text[at] = saved;
        }
    }
}

static void of_several_bytes_that_are_not_plain_the_first_is_found(void **state)
{
    static const unsigned char special[] = {0, 1, 0x1f, '"', '\\', 0x7f, 0x80, 0xff};
    char text[24];

    (void)state;
    for (size_t a = 0; a < sizeof(special); a++) {
        for (size_t b = 0; b < sizeof(special); b++) {
            for (size_t at = 0; at + 1 < sizeof(text); at++) {
                memset(text, 'x', sizeof(text));
                text[at] = (char)special[a];
                text[at + 1] = (char)special[b];
                assert_ptr_equal(json_chars_plain(text, text + sizeof(text)), text + at);
            }
        }
    }
}

static void escapes_are_those_of_json(void **state)
{
    static const struct {
        const char *text;
        size_t used; /* 0: no escape */
        uint32_t code;
    } cases[] = {
        {"\\\"", 2, '"'},
        {"\\\\x", 2, '\\'},
        {"\\/", 2, '/'},
        {"\\b", 2, '\b'},
        {"\\f", 2, '\f'},
        {"\\n", 2, '\n'},
        {"\\r", 2, '\r'},
        {"\\t", 2, '\t'},
        {"\\u0041", 6, 'A'},
        {"\\uaBcD", 6, 0xabcd},
        {"\\u0000", 6, 0},
        {"\\ud83d\\ude00", 12, 0x1f600},
        {"\\uDBFF\\uDFFF", 12, 0x10ffff},
        {"\\ud83d", 6, 0xd83d},
        {"\\ud83d\\u0041", 6, 0xd83d},
        {"\\ud83d\\ud83d", 6, 0xd83d},
        {"\\ud83d\\ude0", 6, 0xd83d},
        {"\\ud83dxude00", 6, 0xd83d},
        {"\\ude00\\ud83d", 6, 0xde00},
        {"\\", 0, 0},
        {"\\x", 0, 0},
        {"\\a", 0, 0},
        {"\\U0041", 0, 0},
        {"\\u", 0, 0},
        {"\\u004", 0, 0},
        {"\\u004g", 0, 0},
        {"\\u-041", 0, 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const char *text = cases[i].text;
        uint32_t code = 0;

        if (json_chars_escape(text, text + strlen(text), &code) != cases[i].used)
            fail_msg("%s: length", text);
        if (cases[i].used && code != cases[i].code)
            fail_msg("%s: got U+%04X", text, (unsigned)code);
    }
    assert_int_equal(json_chars_escape("\\", "\\" + 1, &(uint32_t){0}), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_byte_that_is_not_plain_is_found_wherever_it_is),
        cmocka_unit_test(of_several_bytes_that_are_not_plain_the_first_is_found),
        cmocka_unit_test(escapes_are_those_of_json),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
