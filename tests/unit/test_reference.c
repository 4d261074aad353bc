#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "config/reference.h"

static char folder[] = "/tmp/test_reference.XXXXXX";

static int enter_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) && chdir(folder) == 0 && setenv("REF_A", "alpha", 1) == 0 &&
                   setenv("CREDENTIALS_DIRECTORY", folder, 1) == 0 && unsetenv("REF_NONE") == 0
               ? 0
               : -1;
}

static int leave_folder(void **state)
{
    (void)state;
    unlink("secret");
    return chdir("/") == 0 && rmdir(folder) == 0 ? 0 : -1;
}

static void write_secret(const char *text, size_t len)
{
    FILE *f = fopen("secret", "we");

    assert_non_null(f);
    assert_int_equal(fwrite(text, 1, len, f), len);
    assert_int_equal(fclose(f), 0);
}

static void assert_expands(const char *text, const char *wanted)
{
    struct strbuf out = {0};
    struct err e = {0};

    if (reference_expand(text, &out, &e) < 0)
        fail_msg("%s", e.text);
    assert_string_equal(strbuf_text(&out), wanted);
    strbuf_release(&out);
}

static void assert_refused(const char *text, const char *why)
{
    struct strbuf out = {0};
    struct err e = {0};

    assert_int_equal(reference_expand(text, &out, &e), -1);
    assert_int_equal(e.kind, ERR_USAGE);
    if (!strstr(e.text, why))
        fail_msg("%s", e.text);
    assert_null(strstr(e.text, "hunter2"));
    strbuf_release(&out);
}

static void references_are_replaced_wherever_they_are(void **state)
{
    (void)state;
    write_secret("s3cret", 6);
    assert_expands("plain $ {x} $x", "plain $ {x} $x");
    assert_expands("${env:REF_A}", "alpha");
    assert_expands("a=${env:REF_A} b=${file:secret}", "a=alpha b=s3cret");
    assert_expands("${credential:secret}", "s3cret");
    assert_expands("$${env:REF_A}", "${env:REF_A}");
}

static void one_line_end_at_the_end_of_a_file_is_dropped(void **state)
{
    (void)state;
    write_secret("s3cret\n", 7);
    assert_expands("<${file:secret}>", "<s3cret>");
    write_secret("a\nb\r\n\r\n", 7);
    assert_expands("<${file:secret}>", "<a\nb\r\n>");
    write_secret("\n", 1);
    assert_expands("<${file:secret}>", "<>");
    write_secret("", 0);
    assert_expands("<${file:secret}>", "<>");
}

static void what_is_not_there_is_named(void **state)
{
    (void)state;
    write_secret("a\0b", 3);
    assert_refused("${file:secret}", "secret: has a NUL character in it");
    assert_refused("hunter2${file:none}", "none: No such file or directory");
    assert_refused("${env:REF_NONE}", "environment variable REF_NONE: not set");
    assert_refused("${credential:../secret}", "must be a name without /");
    unsetenv("CREDENTIALS_DIRECTORY");
    assert_refused("${credential:secret}", "$CREDENTIALS_DIRECTORY is not set");
}

static void what_only_looks_like_a_reference_is_refused_without_its_text(void **state)
{
    static const char *const texts[] = {"${hunter2}", "${HUNTER:hunter2}", "hunter2${", "${file:}",
                                        "${env:hunter2"};

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        assert_refused(texts[i], "allowed: ${file:PATH}, ${env:NAME}, ${credential:NAME}; $${");
}

static void a_whole_reference_is_no_secret(void **state)
{
    (void)state;
    assert_true(reference_is_whole("${file:/run/x}"));
    assert_false(reference_is_whole("${file:/run/x}y"));
    assert_false(reference_is_whole("${x}"));
    assert_false(reference_is_whole("x"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(references_are_replaced_wherever_they_are),
        cmocka_unit_test(one_line_end_at_the_end_of_a_file_is_dropped),
        cmocka_unit_test(what_is_not_there_is_named),
        cmocka_unit_test(what_only_looks_like_a_reference_is_refused_without_its_text),
        cmocka_unit_test(a_whole_reference_is_no_secret),
    };

    return cmocka_run_group_tests(tests, enter_folder, leave_folder);
}
