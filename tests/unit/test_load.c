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
#include "config/config.h"
#include "config/key.h"
#include "config/load.h"
#include "support/no_settings.h"

#define FILE_NAME "config.yaml"

static int leave_folder(void **state)
{
    unlink(FILE_NAME);
    return no_settings_leave(state);
}

static void write_bytes(const char *bytes, size_t len)
{
    FILE *f = fopen(FILE_NAME, "we");

    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, len, f), len);
    assert_int_equal(fclose(f), 0);
}

/* Loads the text into `cfg`, which the caller releases. */
static void load_good(struct config *cfg, const char *text)
{
    struct err e = {0};

    write_bytes(text, strlen(text));
    config_init(cfg);
    if (load_file(cfg, FILE_NAME, &e) < 0)
        fail_msg("%s\nin\n%s", e.text, text);
}

static void assert_refused_bytes(const char *bytes, size_t len, const char *message)
{
    struct config cfg;
    struct err e = {0};

    write_bytes(bytes, len);
    config_init(&cfg);
    if (load_file(&cfg, FILE_NAME, &e) == 0)
        fail_msg("taken without an error: %s", bytes);
    assert_string_equal(e.text, message);
    assert_int_equal(e.kind, ERR_USAGE);
    config_release(&cfg);
}

static void assert_refused(const char *text, const char *message)
{
    assert_refused_bytes(text, strlen(text), message);
}

static const char *origin(const struct config *cfg, const char *key)
{
    return cfg->origins[key_index(key_find(key))];
}

/* ---- What is taken ---- */

static void settings_are_taken_with_file_and_line(void **state)
{
    struct config cfg;

    (void)state;
    load_good(&cfg, "# comment\n"
                    "retry:\n"
                    "  max_attempts: 7  # more\n"
                    "  jitter: none\n"
                    "\n"
                    "kafka: {broker: 'a:1,b:2', create_topics: no}\n");
    assert_int_equal(cfg.retry.max_attempts, 7);
    assert_int_equal(cfg.retry.jitter, RETRY_JITTER_NONE);
    assert_string_equal(cfg.kafka.broker, "a:1,b:2");
    assert_false(cfg.kafka.create_topics);
    assert_string_equal(origin(&cfg, "retry.max_attempts"), "config.yaml:3");
    assert_string_equal(origin(&cfg, "kafka.broker"), "config.yaml:6");
    assert_string_equal(origin(&cfg, "kafka.topic"), "default");
    config_release(&cfg);
}

static void a_file_without_settings_changes_nothing(void **state)
{
    static const char *const texts[] = {
        "",
        "\n\n",
        "# only a comment\n",
        "---\n",
        "--- \n...\n",
        "{}\n",
        "~\n",
        "null",
        "\xef\xbb\xbf",
        "kafka:\n#  broker: x\n",
        "kafka: ~\n",
        "kafka: {}\n",
        "kafka:\n  properties:\n",
        "%YAML 1.1\n---\n",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct config cfg;

        load_good(&cfg, texts[i]);
        for (size_t k = 0; k < key_count(); k++)
            assert_string_equal(cfg.origins[k], "default");
        config_release(&cfg);
    }
}

static void quotes_do_not_change_what_a_value_means(void **state)
{
    struct config cfg;

    (void)state;
    load_good(&cfg, "retry: {max_attempts: \"3\", multiplier: '1.5'}\n"
                    "dlq: {enabled: 'false', topic: \"\\u006frders.x\"}\n"
                    "app: {env: no, log_level: \"WARN\"}\n"
                    "kafka: {topic: 123, consumer_group: \"null\"}\n");
    assert_int_equal(cfg.retry.max_attempts, 3);
    assert_true(cfg.retry.multiplier == 1.5);
    assert_false(cfg.dlq.enabled);
    assert_string_equal(cfg.dlq.topic, "orders.x");
    assert_string_equal(cfg.app.env, "no");
    assert_int_equal(cfg.app.log_level, LOG_WARN);
    assert_string_equal(cfg.kafka.topic, "123");
    assert_string_equal(cfg.kafka.consumer_group, "null");
    config_release(&cfg);
}

static void an_alias_stands_for_what_its_anchor_marks(void **state)
{
    struct config cfg;

    (void)state;
    load_good(&cfg, "retry:\n"
                    "  initial_delay_ms: &delay 70\n"
                    "  max_delay_ms: *delay\n"
                    "kafka:\n"
                    "  properties: &p\n"
                    "    a: b\n");
    assert_int_equal(cfg.retry.initial_delay_ms, 70);
    assert_int_equal(cfg.retry.max_delay_ms, 70);
    assert_string_equal(origin(&cfg, "retry.max_delay_ms"), "config.yaml:3");
    config_release(&cfg);
}

static void properties_are_taken_as_they_are_written(void **state)
{
    struct config cfg;
    const struct config_property *p;

    (void)state;
    load_good(&cfg, "kafka:\n"
                    "  properties:\n"
                    "    security.protocol: SASL_SSL\n"
                    "    socket.timeout.ms: 0010\n"
                    "    empty: \"\"\n"
                    "    ssl.key.pem: |\n"
                    "      -----BEGIN\n"
                    "      x\n"
                    "    enable: yes\n");
    p = cfg.kafka.properties;
    assert_int_equal(cfg.kafka.property_count, 5);
    assert_string_equal(p[0].name, "security.protocol");
    assert_string_equal(p[0].value, "SASL_SSL");
    assert_string_equal(p[0].origin, "config.yaml:3");
    assert_string_equal(p[1].value, "0010");
    assert_string_equal(p[2].value, "");
    assert_string_equal(p[3].value, "-----BEGIN\nx\n");
    assert_string_equal(p[4].value, "yes");
    config_release(&cfg);
}

static void a_byte_order_mark_and_windows_line_ends_are_taken(void **state)
{
    struct config cfg;

    (void)state;
    load_good(&cfg, "\xef\xbb\xbfretry:\r\n  max_attempts: 5\r\n");
    assert_int_equal(cfg.retry.max_attempts, 5);
    assert_string_equal(origin(&cfg, "retry.max_attempts"), "config.yaml:2");
    config_release(&cfg);
}

static void standard_tags_are_taken(void **state)
{
    struct config cfg;

    (void)state;
    load_good(&cfg, "retry: !!map {max_attempts: !!int 4}\napp: {env: !!str 5}\n");
    assert_int_equal(cfg.retry.max_attempts, 4);
    assert_string_equal(cfg.app.env, "5");
    config_release(&cfg);
}

/* ---- What is refused ---- */

static void a_wrong_file_is_refused_with_line_and_key(void **state)
{
    static const struct {
        const char *text, *message;
    } cases[] = {
        /* keys */
        {"retry:\n  max_atempts: 3\n",
         "config.yaml:2: retry.max_atempts: unknown key (did you mean retry.max_attempts?)"},
        {"kafka:\n  max_attempts: 3\n",
         "config.yaml:2: kafka.max_attempts: unknown key (did you mean retry.max_attempts?)"},
        {"retries:\n  max_attempts: 3\n",
         "config.yaml:1: retries: unknown section (the nearest known is retry)"},
        {"\nfoobar:\n  x: 3\n",
         "config.yaml:2: foobar: unknown section (the nearest known is kafka)"},
        {"max_attempts: 3\n",
         "config.yaml:1: max_attempts: unknown key (did you mean retry.max_attempts?)"},
        {"retry.max_attempts: 3\n",
         "config.yaml:1: retry.max_attempts: stands outside of its section "
         "(allowed: max_attempts: below retry:)"},
        {"app: {env: a, env: b}\n", "config.yaml:1: app.env: given twice, first in line 1"},
        {"app:\n  env: a\n\n  env: b\n", "config.yaml:4: app.env: given twice, first in line 2"},
        {"app:\n  env: a\nkafka:\napp:\n  log_level: info\n",
         "config.yaml:4: app: given twice, first in line 1"},
        {"kafka:\n  properties:\n    a: 1\n    b: 1\n    a: 2\n",
         "config.yaml:5: kafka.properties.a: given twice, first in line 3"},
        {"kafka:\n  properties: {\"\": x}\n",
         "config.yaml:2: kafka.properties: a property needs a name"},
        {"? [a, b]\n: c\n", "config.yaml:1: a single value is expected here, not a list"},
        {"kafka:\n  ? {a: b}\n  : c\n",
         "config.yaml:2: kafka: a single value is expected here, not a mapping"},
        {"app: &a {env: x}\nkafka:\n  <<: *a\n",
         "config.yaml:3: kafka: merge keys (<<) are not supported"},
        {"a\tb: {}\n", "config.yaml:1: \"a?b\": unknown section (the nearest known is app)"},

        /* values */
        {"retry:\n  max_attempts: three\n", "config.yaml:2: retry.max_attempts: \"three\" is not a "
                                            "whole number (allowed: 1 to 100)"},
        {"retry:\n  max_attempts: 101\n",
         "config.yaml:2: retry.max_attempts: \"101\" is out of range (allowed: 1 to 100)"},
        {"retry:\n  max_attempts:\n", "config.yaml:2: retry.max_attempts: no value is given (leave "
                                      "the key out for its default)"},
        {"retry:\n  max_attempts: null\n", "config.yaml:2: retry.max_attempts: no value is given "
                                           "(leave the key out for its default)"},
        {"retry:\n  max_attempts: [1, 2]\n",
         "config.yaml:2: retry.max_attempts: a single value is expected here, not a list"},
        {"retry:\n  max_attempts:\n    most: 3\n",
         "config.yaml:3: retry.max_attempts: a single value is expected here, not a mapping"},
        {"app:\n  env: \"a\\0b\"\n", "config.yaml:2: app.env: the value has a NUL character in it"},
        {"app:\n  env: !vault x\n", "config.yaml:2: app.env: the tag \"!vault\" is not supported"},
        {"app: !include x.yaml\n", "config.yaml:1: app: the tag \"!include\" is not supported"},
        {"retry: 3\n",
         "config.yaml:1: retry: a mapping of keys is expected here, not a single value"},
        {"retry: [max_attempts]\n",
         "config.yaml:1: retry: a mapping of keys is expected here, not a list"},
        {"kafka:\n  properties: [a]\n",
         "config.yaml:2: kafka.properties: a mapping of keys is expected here, not a list"},
        {"kafka:\n  properties:\n    a: [b]\n",
         "config.yaml:3: kafka.properties: a: a single value is expected here, not a list"},
        {"kafka:\n  properties:\n    a:\n",
         "config.yaml:3: kafka.properties: a: no value is given"},

        /* the document */
        {"- retry\n", "config.yaml:1: a mapping of keys is expected here, not a list"},
        {"just text\n", "config.yaml:1: a mapping of keys is expected here, not a single value"},
        {"app:\n  env: a\n---\napp:\n  env: b\n",
         "config.yaml:3: a second YAML document begins (allowed: one)"},
        {"app:\n  env: a\n---\n", "config.yaml:3: a second YAML document begins (allowed: one)"},
        {"app:\n  env: *nowhere\n", "config.yaml:2: not valid YAML: found undefined alias"},

        /* syntax */
        {"retry:\n\tmax_attempts: 3\n",
         "config.yaml:2: a tab indents this line, YAML wants spaces"},
        {"retry:\n  max_attempts: 3\n\tjitter: none\n",
         "config.yaml:3: a tab indents this line, YAML wants spaces"},
        {"retry:\n  max_attempts: 3\n  \tjitter: none\n",
         "config.yaml:3: a tab indents this line, YAML wants spaces"},
        {"retry: {max_attempts: 3\n",
         "config.yaml:2: not valid YAML: did not find expected ',' or '}', "
         "while parsing a flow mapping"},
        {"app:\n  env: \"open\n", "config.yaml:3: not valid YAML: found unexpected end of stream, "
                                  "while scanning a quoted scalar"},
        {"app:\n  env: a\n log_level: info\n",
         "config.yaml:3: not valid YAML: did not find expected key, "
         "while parsing a block mapping"},

        /* bytes */
        {"app:\n  env: caf\xe9\n", "config.yaml:2: not valid UTF-8"},
        {"app:\n  env: \"\x01\"\n",
         "config.yaml:2: a control character (byte 0x01) is not allowed here"},
        {"app:\n  env: \"\xc2\x80\"\n",
         "config.yaml:2: not valid YAML: control characters are not allowed"},
        {"\xff\xfe", "config.yaml:1: not valid UTF-8"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_refused(cases[i].text, cases[i].message);
}

static void a_nul_byte_does_not_end_the_file_silently(void **state)
{
    (void)state;
    assert_refused_bytes("app:\n\0\nfoo: bar\n", 15,
                         "config.yaml:2: a control character (byte 0x00) is not allowed here");
}

static void deep_nesting_is_refused_at_once(void **state)
{
    static const char *const openings[] = {"[", "{", "- ", "? ", "{a: "};

    (void)state;
    for (size_t i = 0; i < sizeof(openings) / sizeof(openings[0]); i++) {
        struct strbuf text = {0};

        strbuf_adds(&text, "# \n");
        while (text.len < 1000000)
            strbuf_adds(&text, openings[i]);
        assert_refused(strbuf_text(&text), "config.yaml:2: nested too deep (allowed: 16 levels)");
        strbuf_release(&text);
    }
}

static void sixteen_levels_are_not_too_deep(void **state)
{
    (void)state;
    assert_refused("app: {env: [[[[[[[[[[[[[[]]]]]]]]]]]]]]}\n",
                   "config.yaml:1: app.env: a single value is expected here, not a list");
    assert_refused("app: {env: [[[[[[[[[[[[[[[]]]]]]]]]]]]]]]}\n",
                   "config.yaml:1: nested too deep (allowed: 16 levels)");
}

static void aliases_that_multiply_cost_nothing(void **state)
{
    (void)state;
    assert_refused("a: &a [x, x, x, x, x, x, x, x, x]\n"
                   "b: &b [*a, *a, *a, *a, *a, *a, *a, *a, *a]\n"
                   "c: &c [*b, *b, *b, *b, *b, *b, *b, *b, *b]\n"
                   "d: &d [*c, *c, *c, *c, *c, *c, *c, *c, *c]\n"
                   "e: &e [*d, *d, *d, *d, *d, *d, *d, *d, *d]\n",
                   "config.yaml:1: a: unknown section (the nearest known is app)");
    assert_refused("app: &a\n  env: *a\n",
                   "config.yaml:1: app.env: a single value is expected here, not a mapping");
}

static void too_many_properties_are_refused(void **state)
{
    struct strbuf text = {0};

    (void)state;
    strbuf_adds(&text, "kafka:\n  properties:\n");
    for (int i = 0; i < 501; i++)
        strbuf_addf(&text, "    p%d: x\n", i);
    assert_refused(strbuf_text(&text), "config.yaml:3: kafka.properties: more than 500 keys");
    strbuf_release(&text);
}

static void a_file_beyond_one_mebibyte_is_refused(void **state)
{
    struct strbuf text = {0};
    struct config cfg;

    (void)state;
    while (text.len < 1024 * 1024)
        strbuf_adds(&text, "#comment line 3\n");
    load_good(&cfg, strbuf_text(&text));
    config_release(&cfg);
    strbuf_addc(&text, '#');
    assert_refused(strbuf_text(&text),
                   "config.yaml: larger than 1048576 bytes, too large for settings");
    strbuf_release(&text);
}

static void a_file_that_cannot_be_read_is_an_error(void **state)
{
    static const struct {
        const char *path, *message;
    } cases[] = {
        {"missing.yaml", "missing.yaml: No such file or directory"},
        {".", ".: Is a directory"},
        {"", ": No such file or directory"},
        {"a\nb\x1b", "a?b?: No such file or directory"},
    };
    char path[3000];

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct config cfg;
        struct err e = {0};

        config_init(&cfg);
        assert_int_equal(load_file(&cfg, cases[i].path, &e), -1);
        assert_string_equal(e.text, cases[i].message);
        assert_int_equal(e.kind, ERR_USAGE);
        config_release(&cfg);
    }
    memset(path, 'x', sizeof(path));
    path[sizeof(path) - 1] = '\0';
    {
        struct config cfg;
        struct err e = {0};

        config_init(&cfg);
        assert_int_equal(load_file(&cfg, path, &e), -1);
        assert_memory_equal(e.text, "...xxx", 6);
        assert_non_null(strstr(e.text, ": File name too long"));
        config_release(&cfg);
    }
}

/* ---- Environment ---- */

static void a_variable_beats_the_file(void **state)
{
    struct config cfg;

    (void)state;
    load_good(&cfg, "retry:\n  max_attempts: 5\n  multiplier: 3\n");
    setenv("RETRY_MAX_ATTEMPTS", "9", 1);
    setenv("RETRY_MULTIPLIER", "", 1);
    setenv("RETRY_MAX_ATEMPTS", "other people's", 1);
    assert_int_equal(load_environment(&cfg, NULL), 0);
    assert_int_equal(cfg.retry.max_attempts, 9);
    assert_string_equal(origin(&cfg, "retry.max_attempts"), "env RETRY_MAX_ATTEMPTS");
    assert_true(cfg.retry.multiplier == 3);
    assert_string_equal(origin(&cfg, "retry.multiplier"), "config.yaml:3");
    config_release(&cfg);
    no_settings();
}

static void every_key_with_a_variable_takes_it(void **state)
{
    struct config cfg;

    (void)state;
    for (size_t i = 0; i < key_count(); i++) {
        const char *some = key_at(i)->type == KEY_URL ? "http://a" : "a";

        if (key_at(i)->env)
            setenv(key_at(i)->env, *key_at(i)->value ? key_at(i)->value : some, 1);
    }
    config_init(&cfg);
    assert_int_equal(load_environment(&cfg, NULL), 0);
    for (size_t i = 0; i < key_count(); i++)
        assert_true(!key_at(i)->env || strncmp(cfg.origins[i], "env ", 4) == 0);
    config_release(&cfg);
    no_settings();
}

static void app_log_level_beats_log_level(void **state)
{
    struct config cfg;

    (void)state;
    config_init(&cfg);
    setenv("LOG_LEVEL", "warn", 1);
    assert_int_equal(load_environment(&cfg, NULL), 0);
    assert_int_equal(cfg.app.log_level, LOG_WARN);
    assert_string_equal(origin(&cfg, "app.log_level"), "env LOG_LEVEL");
    setenv("APP_LOG_LEVEL", "debug", 1);
    setenv("LOG_LEVEL", "trace", 1);
    assert_int_equal(load_environment(&cfg, NULL), 0);
    assert_int_equal(cfg.app.log_level, LOG_DEBUG);
    config_release(&cfg);
    no_settings();
}

static void a_wrong_variable_is_refused_by_its_name(void **state)
{
    struct config cfg;
    struct err e = {0};

    (void)state;
    config_init(&cfg);
    setenv("DLQ_TOPIC", "a b", 1);
    assert_int_equal(load_environment(&cfg, &e), -1);
    assert_string_equal(e.text,
                        "environment variable DLQ_TOPIC: dlq.topic: \"a b\" is not a topic name "
                        "(allowed: 1 to 249 of a-z A-Z 0-9 . _ - but not . or ..)");
    assert_int_equal(e.kind, ERR_USAGE);
    config_release(&cfg);
    no_settings();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(settings_are_taken_with_file_and_line),
        cmocka_unit_test(a_file_without_settings_changes_nothing),
        cmocka_unit_test(quotes_do_not_change_what_a_value_means),
        cmocka_unit_test(an_alias_stands_for_what_its_anchor_marks),
        cmocka_unit_test(properties_are_taken_as_they_are_written),
        cmocka_unit_test(a_byte_order_mark_and_windows_line_ends_are_taken),
        cmocka_unit_test(standard_tags_are_taken),
        cmocka_unit_test(a_wrong_file_is_refused_with_line_and_key),
        cmocka_unit_test(a_nul_byte_does_not_end_the_file_silently),
        cmocka_unit_test(deep_nesting_is_refused_at_once),
        cmocka_unit_test(sixteen_levels_are_not_too_deep),
        cmocka_unit_test(aliases_that_multiply_cost_nothing),
        cmocka_unit_test(too_many_properties_are_refused),
        cmocka_unit_test(a_file_beyond_one_mebibyte_is_refused),
        cmocka_unit_test(a_file_that_cannot_be_read_is_an_error),
        cmocka_unit_test(a_variable_beats_the_file),
        cmocka_unit_test(every_key_with_a_variable_takes_it),
        cmocka_unit_test(app_log_level_beats_log_level),
        cmocka_unit_test(a_wrong_variable_is_refused_by_its_name),
    };

    return cmocka_run_group_tests(tests, no_settings_enter, leave_folder);
}
