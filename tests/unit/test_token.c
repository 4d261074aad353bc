#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "processor/token.h"

struct fixture {
    char path[64];
    struct token token;
};

static int set_up(void **state)
{
    struct fixture *f = test_calloc(1, sizeof(*f));
    int fd;

    snprintf(f->path, sizeof(f->path), "/tmp/test_token.XXXXXX");
    fd = mkstemp(f->path);
    assert_true(fd >= 0);
    close(fd);
    f->token.path = f->path;
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    unlink(f->path);
    token_release(&f->token);
    test_free(f);
    return 0;
}

/* As if it were written in the second `when`. */
static void write_file(const struct fixture *f, const char *text, time_t when)
{
    const struct timespec times[] = {{.tv_sec = when}, {.tv_sec = when}};
    FILE *file = fopen(f->path, "w");

    assert_non_null(file);
    fputs(text, file);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(utimensat(AT_FDCWD, f->path, times, 0), 0);
}

static void assert_token(struct fixture *f, const char *text)
{
    struct err e = {0};

    assert_int_equal(token_refresh(&f->token, &e), 0);
    assert_string_equal(f->token.text.data, text);
}

static void assert_refused(struct fixture *f, const char *why)
{
    struct err e = {0};
    char expected[256];

    assert_int_equal(token_refresh(&f->token, &e), -1);
    snprintf(expected, sizeof(expected), "processor.token_file: %s: %s", f->path, why);
    assert_string_equal(e.text, expected);
}

static void a_file_that_has_changed_is_read_again(void **state)
{
    struct fixture *f = *state;

    write_file(f, "one\r\n\n", 1);
    assert_token(f, "one");
    write_file(f, "two\n", 2);
    assert_token(f, "two");
    write_file(f, "longer", 2);
    assert_token(f, "longer");
}

static void one_that_looks_as_before_is_read_again_after_a_doubt(void **state)
{
    struct fixture *f = *state;

    write_file(f, "one", 1);
    assert_token(f, "one");
    write_file(f, "two", 1);
    assert_token(f, "one");
    token_doubt(&f->token);
    assert_token(f, "two");
}

static void what_is_no_token_is_refused_until_it_is_one(void **state)
{
    struct fixture *f = *state;

    write_file(f, " \n", 1);
    assert_refused(f, "holds no token");
    assert_refused(f, "holds no token");
    write_file(f, "a\r\nx-evil: b", 2);
    assert_refused(f, "holds no token: only letters, digits and punctuation may be in it");
    unlink(f->path);
    assert_refused(f, "No such file or directory");
    write_file(f, "good", 3);
    assert_token(f, "good");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_file_that_has_changed_is_read_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(one_that_looks_as_before_is_read_again_after_a_doubt,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_no_token_is_refused_until_it_is_one, set_up,
                                        tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
