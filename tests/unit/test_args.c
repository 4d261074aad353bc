#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/strbuf.h"
#include "base/version.h"
#include "config/args.h"
#include "config/key.h"
#include "support/no_settings.h"

enum { WORDS_MOST = 16 };

static int clean(void **state)
{
    (void)state;
    no_settings();
    unlink("config.yaml");
    unlink("other.yaml");
    unlink("out");
    return 0;
}

static void write_file(const char *path, const char *text)
{
    FILE *f = fopen(path, "we");

    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

/* ---- A program with one option of each kind ---- */

struct run {
    bool quiet, verbose;
    const char *input;
    int64_t count;

    struct config cfg;
    struct err e;
    enum args_result result;
};

static void run(struct run *r, const char *const *words)
{
    const struct arg args[] = {
        {.name = "count",
         .letter = 'n',
         .kind = ARG_INT,
         .operand = "N",
         .help = "how many",
         .min = 0,
         .max = INT64_MAX,
         .integer = &r->count},
        {.name = "interval-ms",
         .kind = ARG_SETTING,
         .operand = "N",
         .setting = "producer.interval_ms"},
        {.name = "input",
         .letter = 'i',
         .kind = ARG_TEXT,
         .operand = "FILE|-",
         .help = "lines to send",
         .text = &r->input},
        {.name = "quiet", .letter = 'q', .kind = ARG_FLAG, .help = "say less", .flag = &r->quiet},
        {.name = "verbose",
         .letter = 'v',
         .kind = ARG_FLAG,
         .help = "say more",
         .flag = &r->verbose},
    };
    const struct arg_program program = {.name = "tester",
                                        .summary = "Tests arguments.",
                                        .features = "listen",
                                        .args = args,
                                        .arg_count = 5};
    char *argv[WORDS_MOST + 1] = {"tester"};
    int argc = 1;

    *r = (struct run){.count = -1};
    for (; words[argc - 1]; argc++) {
        assert_true(argc < WORDS_MOST);
        argv[argc] = (char *)words[argc - 1];
    }
    r->result = args_load(&program, argc, argv, "9.8.7", &r->cfg, &r->e);
}

#define RUN(r, ...) run((r), (const char *const[]){__VA_ARGS__, NULL})

/* As RUN, with what is written to stdout in `out`. */
static void run_to(struct run *r, const char *const *words, const char *path, struct strbuf *out)
{
    int kept, fd;
    char block[4096];
    ssize_t n;

    fflush(stdout);
    kept = dup(STDOUT_FILENO);
    fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
    assert_true(kept >= 0 && fd >= 0);
    dup2(fd, STDOUT_FILENO);
    run(r, words);
    dup2(kept, STDOUT_FILENO);
    close(kept);
    lseek(fd, 0, SEEK_SET);
    while (out && (n = read(fd, block, sizeof(block))) > 0)
        strbuf_add(out, block, (size_t)n);
    close(fd);
}

static void assert_runs(const struct run *r)
{
    if (r->result != ARGS_RUN)
        fail_msg("%s", r->e.text);
}

static const char *origin(const struct run *r, const char *key)
{
    return r->cfg.origins[key_index(key_find(key))];
}

/* ---- Forms ---- */

static void all_forms_of_an_option_are_taken(void **state)
{
    static const char *const forms[][4] = {
        {"--count", "5"}, {"--count=5"},           {"-n", "5"},   {"-n5"}, {"-qn", "5"},
        {"-qn5"},         {"--count", "7", "-n5"}, {"-n5", "--"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        struct run r;

        run(&r, forms[i]);
        assert_runs(&r);
        assert_int_equal(r.count, 5);
        config_release(&r.cfg);
    }
}

static void flags_can_be_bundled(void **state)
{
    struct run r;

    (void)state;
    RUN(&r, "-qv", "-i", "-");
    assert_runs(&r);
    assert_true(r.quiet && r.verbose);
    assert_string_equal(r.input, "-");
    config_release(&r.cfg);
}

static void without_arguments_the_defaults_hold(void **state)
{
    struct run r;

    (void)state;
    run(&r, (const char *const[]){NULL});
    assert_runs(&r);
    assert_int_equal(r.count, -1);
    assert_null(r.input);
    assert_int_equal(r.cfg.producer.interval_ms, 2000);
    config_release(&r.cfg);
}

static void a_value_may_look_like_an_option(void **state)
{
    struct run r;

    (void)state;
    RUN(&r, "--input", "--quiet");
    assert_runs(&r);
    assert_string_equal(r.input, "--quiet");
    assert_false(r.quiet);
    config_release(&r.cfg);
}

static void a_wrong_command_line_is_refused(void **state)
{
    static const struct {
        const char *words[4];
        const char *message;
    } cases[] = {
        {{"--cuont", "3"}, "--cuont: unknown option (did you mean --count?)"},
        {{"--cuont=3"}, "--cuont: unknown option (did you mean --count?)"},
        {{"--interval_ms=3"}, "--interval_ms: unknown option (did you mean --interval-ms?)"},
        {{"--print-confg"}, "--print-confg: unknown option (did you mean --print-config?)"},
        {{"--zzz"}, "--zzz: unknown option (the nearest known is --set)"},
        {{"--=3"}, "--: unknown option (the nearest known is --set)"},
        {{"-z"}, "-z: unknown option (--help tells which there are)"},
        {{"-qz"}, "-z: unknown option (--help tells which there are)"},
        {{"-\xff"}, "\"-?\": unknown option (--help tells which there are)"},
        {{"-count", "3"}, "-count: unknown option (did you mean --count?)"},
        {{"-count=3"}, "-count: unknown option (did you mean --count?)"},
        {{"--count"}, "--count: needs a value (N)"},
        {{"-qn"}, "-n: needs a value (N)"},
        {{"-c"}, "-c: needs a value (FILE)"},
        {{"--count="}, "--count: \"\" is not a whole number (allowed: 0 or more)"},
        {{"--count", "x"}, "--count: \"x\" is not a whole number (allowed: 0 or more)"},
        {{"-n-1"}, "-n: \"-1\" is out of range (allowed: 0 or more)"},
        {{"--quiet=1"}, "--quiet: takes no value"},
        {{"--input="}, "--input: FILE|- must not be empty"},
        {{"--config="}, "--config: FILE must not be empty"},
        {{"orders"}, "\"orders\": unexpected argument (all are options, see --help)"},
        {{"-"}, "\"-\": unexpected argument (all are options, see --help)"},
        {{""}, "\"\": unexpected argument (all are options, see --help)"},
        {{"--", "-q"}, "\"-q\": unexpected argument (all are options, see --help)"},
        {{"--interval-ms", "x"},
         "--interval-ms: producer.interval_ms: \"x\" is not a whole number (allowed: 0 to "
         "86400000)"},
        {{"-s", "retry.max_atempts=3"},
         "-s: retry.max_atempts: unknown key (did you mean retry.max_attempts?)"},
        {{"--set=retry.max_attempts=0"},
         "--set: retry.max_attempts: \"0\" is out of range (allowed: 1 to 100)"},
        {{"-s", "retry.max_attempts"},
         "-s: section.key=value is expected, with a name before the ="},
        {{"-s", "kafka.properties=x"},
         "-s: kafka.properties: has no single value (allowed: -X name=value)"},
        {{"-X", "hunter2"}, "-X: name=value is expected, with a name before the ="},
        {{"-X", "=hunter2"}, "-X: name=value is expected, with a name before the ="},
        {{"-X", "a=\xff"}, "-X: name=value is not valid UTF-8"},
        {{"-c", "missing.yaml"}, "missing.yaml: No such file or directory"},
        {{"-s", "dlq.topic=orders"},
         "dlq.topic: orders (from flag -s) must differ from kafka.topic: orders (from default)"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct run r;

        run(&r, cases[i].words);
        assert_int_equal(r.result, ARGS_FAILED);
        assert_string_equal(r.e.text, cases[i].message);
        assert_int_equal(err_exit_status(&r.e), 2);
        config_release(&r.cfg);
    }
}

/* ---- Precedence ---- */

static void each_source_beats_the_one_before(void **state)
{
    struct run r;

    (void)state;
    write_file("config.yaml", "retry:\n  max_attempts: 11\n  initial_delay_ms: 12\n"
                              "producer: {interval_ms: 13}\n");
    setenv("RETRY_INITIAL_DELAY_MS", "22", 1);
    setenv("PRODUCER_INTERVAL_MS", "23", 1);
    RUN(&r, "--interval-ms=33");
    assert_runs(&r);
    assert_int_equal(r.cfg.retry.max_delay_ms, 5000);
    assert_int_equal(r.cfg.retry.max_attempts, 11);
    assert_int_equal(r.cfg.retry.initial_delay_ms, 22);
    assert_int_equal(r.cfg.producer.interval_ms, 33);
    assert_string_equal(origin(&r, "retry.max_delay_ms"), "default");
    assert_string_equal(origin(&r, "retry.max_attempts"), "config.yaml:2");
    assert_string_equal(origin(&r, "retry.initial_delay_ms"), "env RETRY_INITIAL_DELAY_MS");
    assert_string_equal(origin(&r, "producer.interval_ms"), "flag --interval-ms");
    config_release(&r.cfg);
}

static void a_flag_beats_the_file_on_either_side_of_it(void **state)
{
    static const char *const orders[][6] = {
        {"-s", "retry.max_attempts=9", "-c", "other.yaml"},
        {"-c", "other.yaml", "-s", "retry.max_attempts=9"},
    };

    (void)state;
    write_file("other.yaml", "retry: {max_attempts: 5}\n");
    for (size_t i = 0; i < 2; i++) {
        struct run r;

        run(&r, orders[i]);
        assert_runs(&r);
        assert_int_equal(r.cfg.retry.max_attempts, 9);
        assert_string_equal(origin(&r, "retry.max_attempts"), "flag -s");
        config_release(&r.cfg);
    }
}

static void among_flags_the_last_one_wins(void **state)
{
    struct run r;

    (void)state;
    RUN(&r, "--interval-ms", "1", "-s", "producer.interval_ms=2", "-X", "a=1", "-Xa=b=c",
        "--property", "d=");
    assert_runs(&r);
    assert_int_equal(r.cfg.producer.interval_ms, 2);
    assert_int_equal(r.cfg.kafka.property_count, 2);
    assert_string_equal(r.cfg.kafka.properties[0].value, "b=c");
    assert_string_equal(r.cfg.kafka.properties[0].origin, "flag -X");
    assert_string_equal(r.cfg.kafka.properties[1].value, "");
    config_release(&r.cfg);
    RUN(&r, "-s", "producer.interval_ms=2", "--interval-ms", "1");
    assert_int_equal(r.cfg.producer.interval_ms, 1);
    config_release(&r.cfg);
}

static void a_flag_for_a_property_beats_the_file(void **state)
{
    struct run r;

    (void)state;
    write_file("config.yaml", "kafka: {properties: {a: x, b: y}}\n");
    RUN(&r, "-X", "a=z");
    assert_runs(&r);
    assert_int_equal(r.cfg.kafka.property_count, 2);
    assert_string_equal(r.cfg.kafka.properties[0].value, "z");
    assert_string_equal(r.cfg.kafka.properties[1].value, "y");
    config_release(&r.cfg);
}

static void the_file_is_that_of_the_flag_or_the_variable_or_the_folder(void **state)
{
    struct run r;

    (void)state;
    write_file("config.yaml", "app: {env: folder}\n");
    write_file("other.yaml", "app: {env: other}\n");
    RUN(&r, "-q");
    assert_string_equal(r.cfg.app.env, "folder");
    config_release(&r.cfg);
    setenv("CONFIG_FILE", "", 1);
    RUN(&r, "-q");
    assert_string_equal(r.cfg.app.env, "folder");
    config_release(&r.cfg);
    setenv("CONFIG_FILE", "other.yaml", 1);
    RUN(&r, "-q");
    assert_string_equal(r.cfg.app.env, "other");
    config_release(&r.cfg);
    RUN(&r, "-c", "config.yaml");
    assert_string_equal(r.cfg.app.env, "folder");
    config_release(&r.cfg);
    setenv("CONFIG_FILE", "missing.yaml", 1);
    RUN(&r, "-q");
    assert_int_equal(r.result, ARGS_FAILED);
    assert_string_equal(r.e.text, "missing.yaml: No such file or directory");
    config_release(&r.cfg);
}

static void a_file_in_the_folder_that_cannot_be_read_is_not_passed_over(void **state)
{
    struct run r;

    (void)state;
    assert_int_equal(mkdir("config.yaml", 0700), 0);
    RUN(&r, "-q");
    assert_int_equal(r.result, ARGS_FAILED);
    assert_string_equal(r.e.text, "config.yaml: Is a directory");
    config_release(&r.cfg);
    rmdir("config.yaml");
    assert_int_equal(symlink("nowhere", "config.yaml"), 0);
    RUN(&r, "-q");
    assert_int_equal(r.result, ARGS_FAILED);
    assert_string_equal(r.e.text, "config.yaml: No such file or directory");
    config_release(&r.cfg);
}

/* ---- Answers ---- */

static void help_names_options_settings_and_exit_statuses(void **state)
{
    static const char *const parts[] = {
        "Usage: tester [options]\n",
        "Tests arguments.",
        "  -n, --count N               how many\n",
        "      --interval-ms N         milliseconds between two orders",
        "  -q, --quiet                 say less\n",
        "  -c, --config FILE ",
        "  -s, --set section.key=value\n",
        "  -X, --property name=value ",
        "      --print-config ",
        "  -h, --help ",
        "  -V, --version ",
        "  0  good\n",
        "  2  wrong usage or configuration\n",
    };
    struct strbuf out = {0};
    struct run r;

    (void)state;
    run_to(&r, (const char *const[]){"--help", NULL}, "out", &out);
    assert_int_equal(r.result, ARGS_DONE);
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        if (!strstr(strbuf_text(&out), parts[i]))
            fail_msg("no \"%s\" in\n%s", parts[i], strbuf_text(&out));
    }
    for (size_t i = 0; i < key_count(); i++)
        assert_non_null(strstr(strbuf_text(&out), key_at(i)->name));
    strbuf_release(&out);
    config_release(&r.cfg);
}

static void help_and_version_read_no_settings(void **state)
{
    static const char *const words[][3] = {{"--help"}, {"-V"}, {"-qh"}, {"-V", "--nonsense"}};

    (void)state;
    write_file("config.yaml", "broken: [\n");
    setenv("RETRY_JITTER", "broken", 1);
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        struct run r;

        run_to(&r, words[i], "out", NULL);
        assert_int_equal(r.result, ARGS_DONE);
        config_release(&r.cfg);
    }
}

static void operands_are_taken_where_the_program_has_them(void **state)
{
    struct arg_list found = {0};
    const struct arg_program program = {
        .name = "tester", .summary = "x", .operands = &found, .operand = "JOURNAL"};
    char *argv[] = {"tester", "a", "-s", "kafka.topic=t", "-", "--", "-b", NULL};
    struct config cfg;
    struct err e = {0};

    (void)state;
    assert_int_equal(args_load(&program, 7, argv, "9.8.7", &cfg, &e), ARGS_RUN);
    assert_int_equal(found.count, 3);
    assert_string_equal(found.items[0], "a");
    assert_string_equal(found.items[1], "-");
    assert_string_equal(found.items[2], "-b");
    free(found.items);
    config_release(&cfg);
}

static void version_names_ours_the_librarys_and_the_features(void **state)
{
    struct strbuf out = {0};
    struct run r;

    (void)state;
    run_to(&r, (const char *const[]){"-V", NULL}, "out", &out);
    assert_int_equal(r.result, ARGS_DONE);
    assert_string_equal(strbuf_text(&out),
                        "tester " SUITE_VERSION " (librdkafka 9.8.7; features: listen)\n");
    strbuf_release(&out);
    config_release(&r.cfg);
}

static void the_effective_settings_are_printed(void **state)
{
    struct strbuf out = {0};
    struct run r;

    (void)state;
    setenv("KAFKA_TOPIC", "t", 1);
    run_to(&r, (const char *const[]){"--print-config", "-X", "sasl.password=hunter2", NULL}, "out",
           &out);
    assert_int_equal(r.result, ARGS_DONE);
    assert_non_null(strstr(strbuf_text(&out), "\n  topic: t  # env KAFKA_TOPIC\n"));
    assert_non_null(strstr(strbuf_text(&out), "\n    sasl.password: \"********\"  # flag -X\n"));
    assert_null(strstr(strbuf_text(&out), "hunter2"));
    strbuf_release(&out);
    config_release(&r.cfg);
}

static void an_answer_that_cannot_be_written_is_an_error(void **state)
{
    static const char *const words[][2] = {{"--help"}, {"--version"}, {"--print-config"}};

    (void)state;
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        struct run r;

        run_to(&r, words[i], "/dev/full", NULL);
        clearerr(stdout);
        assert_int_equal(r.result, ARGS_FAILED);
        assert_string_equal(r.e.text, "standard output: No space left on device");
        assert_int_equal(err_exit_status(&r.e), 1);
        config_release(&r.cfg);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(all_forms_of_an_option_are_taken, clean),
        cmocka_unit_test_teardown(flags_can_be_bundled, clean),
        cmocka_unit_test_teardown(without_arguments_the_defaults_hold, clean),
        cmocka_unit_test_teardown(a_value_may_look_like_an_option, clean),
        cmocka_unit_test_teardown(a_wrong_command_line_is_refused, clean),
        cmocka_unit_test_teardown(each_source_beats_the_one_before, clean),
        cmocka_unit_test_teardown(a_flag_beats_the_file_on_either_side_of_it, clean),
        cmocka_unit_test_teardown(among_flags_the_last_one_wins, clean),
        cmocka_unit_test_teardown(a_flag_for_a_property_beats_the_file, clean),
        cmocka_unit_test_teardown(the_file_is_that_of_the_flag_or_the_variable_or_the_folder,
                                  clean),
        cmocka_unit_test_teardown(a_file_in_the_folder_that_cannot_be_read_is_not_passed_over,
                                  clean),
        cmocka_unit_test_teardown(help_names_options_settings_and_exit_statuses, clean),
        cmocka_unit_test_teardown(help_and_version_read_no_settings, clean),
        cmocka_unit_test_teardown(operands_are_taken_where_the_program_has_them, clean),
        cmocka_unit_test_teardown(version_names_ours_the_librarys_and_the_features, clean),
        cmocka_unit_test_teardown(the_effective_settings_are_printed, clean),
        cmocka_unit_test_teardown(an_answer_that_cannot_be_written_is_an_error, clean),
    };

    return cmocka_run_group_tests(tests, no_settings_enter, no_settings_leave);
}
