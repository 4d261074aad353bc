#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/base64.h"
#include "base/strbuf.h"
#include "io/token_source.h"
#include "model/oauth_token.h"

#define NOW_MS INT64_C(1700000000000)

/* The form of a JWT with these claims. The caller frees it. */
static char *jwt(const char *claims)
{
    struct strbuf text = {0};

    strbuf_adds(&text, "eyJhbGciOiJub25lIn0.");
    base64_encode(&text, claims, strlen(claims));
    for (size_t i = 0; i < text.len; i++)
        text.data[i] = text.data[i] == '+' ? '-' : text.data[i] == '/' ? '_' : text.data[i];
    while (text.data[text.len - 1] == '=')
        strbuf_cut(&text, text.len - 1);
    strbuf_adds(&text, ".sig");
    return strbuf_take(&text);
}

static int read_text(struct oauth_token *t, const char *text, struct err *e)
{
    return oauth_token_read(t, text, strlen(text), NOW_MS, e);
}

/* ---- tokens ---- */

static void the_claims_of_a_jwt_say_who_and_how_long(void **state)
{
    static const struct {
        const char *claims;
        const char *principal;
        int64_t expires_ms;
    } cases[] = {
        {"{\"sub\":\"tracker\",\"exp\":1700000600}", "tracker", 1700000600000},
        {"{\"exp\":1700000600.5,\"sub\":\"J\xc3\xbcrgen ~~~?\"}", "J\xc3\xbcrgen ~~~?",
         1700000600500},
        {"{\"exp\":1700000600}", "unknown", 1700000600000},
        {"{\"exp\":1700000600,\"sub\":7}", "unknown", 1700000600000},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char *value = jwt(cases[i].claims);
        struct strbuf text = {0};
        struct oauth_token t;
        struct err e = {0};

        strbuf_addf(&text, " %s\r\n", value);
        if (read_text(&t, strbuf_text(&text), &e) < 0)
            fail_msg("%s", e.text);
        assert_string_equal(t.value, value);
        assert_string_equal(t.principal, cases[i].principal);
        assert_int_equal(t.expires_ms, cases[i].expires_ms);
        oauth_token_release(&t);
        strbuf_release(&text);
        free(value);
    }
}

static void what_is_no_jwt_needs_its_end_behind_it(void **state)
{
    struct oauth_token t;
    struct err e = {0};

    (void)state;
    assert_int_equal(read_text(&t, "aHR0cHM6Ly9rYWZrYQ\n1700000600000\n", &e), 0);
    assert_string_equal(t.value, "aHR0cHM6Ly9rYWZrYQ");
    assert_string_equal(t.principal, "unknown");
    assert_int_equal(t.expires_ms, 1700000600000);
    oauth_token_release(&t);
}

static void a_wrong_token_is_refused_and_not_shown(void **state)
{
    static const struct {
        const char *claims; /* NULL: none, `text` is all */
        const char *text;
        const char *message;
    } cases[] = {
        {NULL, "", "there is no token"},
        {NULL, " \n", "there is no token"},
        {NULL, "hunter2", "the token is no JWT with the claim exp, "},
        {NULL, "a.hunter2!.c", "the token is no JWT with the claim exp, "},
        {NULL, "a.WyJodW50ZXIyIl0.c", "the token is no JWT with the claim exp, "},
        {"{\"exp\":\"hunter2\"}", "", "the token is no JWT with the claim exp, "},
        {"{\"exp\":1700000600000}", "", "the token is no JWT with the claim exp, "},
        {"{\"exp\":-1}", "", "the token is no JWT with the claim exp, "},
        {"{\"exp\":1700000000}", "", "the token has expired"},
        {NULL, "hunter2 1699999999999", "the token has expired"},
        {NULL, "hunter2 soon", "what follows the token is not when it expires, "},
        {NULL, "hunter2 -5", "what follows the token is not when it expires, "},
        {NULL, "hunter2 99999999999999999999", "what follows the token is not when it expires, "},
        {NULL, "hunter2 1700000600000 more", "there is more than a token and when it expires"},
        {NULL, "hunter2\x01", "the token has characters that no token has"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char *value = cases[i].claims ? jwt(cases[i].claims) : NULL;
        struct oauth_token t;
        struct err e = {0};

        assert_int_equal(read_text(&t, value ? value : cases[i].text, &e), -1);
        if (strncmp(e.text, cases[i].message, strlen(cases[i].message)) != 0)
            assert_string_equal(e.text, cases[i].message);
        assert_null(strstr(e.text, "hunter2"));
        oauth_token_release(&t);
        free(value);
    }
}

/* ---- commands ---- */

static void what_a_command_writes_is_taken(void **state)
{
    struct strbuf out = {0};
    struct err e = {0};

    (void)state;
    assert_int_equal(token_source_run("printf 'a b\\n'; read x || printf c", &out, &e), 0);
    assert_string_equal(strbuf_text(&out), "a b\nc");
    strbuf_release(&out);
}

static void a_command_that_fails_or_writes_too_much_is_an_error(void **state)
{
    static const struct {
        const char *command, *message;
    } cases[] = {
        {"echo token; exit 3", "it ends with exit status 3"},
        {"no-such-command-here 2>/dev/null", "it ends with exit status 127"},
        {"kill -9 $$", "it is ended by signal 9"},
        {"yes", "it writes more than 65536 bytes"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct strbuf out = {0};
        struct err e = {0};

        assert_int_equal(token_source_run(cases[i].command, &out, &e), -1);
        assert_string_equal(e.text, cases[i].message);
        strbuf_release(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_claims_of_a_jwt_say_who_and_how_long),
        cmocka_unit_test(what_is_no_jwt_needs_its_end_behind_it),
        cmocka_unit_test(a_wrong_token_is_refused_and_not_shown),
        cmocka_unit_test(what_a_command_writes_is_taken),
        cmocka_unit_test(a_command_that_fails_or_writes_too_much_is_an_error),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
