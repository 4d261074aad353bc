/* The committed example is written anew by `UPDATE=1 build/tests/unit/test_config`. */
#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/strbuf.h"
#include "config/config.h"
#include "config/key.h"
#include "config/load.h"
#include "config/print.h"

#define EXAMPLE "config.yaml.example" /* tests run in the root of the repository */

static void every_key_has_a_default_that_its_own_row_allows(void **state)
{
    struct config cfg;

    (void)state;
    config_init(&cfg);
    for (size_t i = 0; i < key_count(); i++) {
        const struct key *key = key_at(i);
        struct err e = {0};

        assert_string_equal(cfg.origins[i], "default");
        if (key->type == KEY_MAP)
            continue;
        if (config_set(&cfg, key->name, key->value, "test", &e) < 0)
            fail_msg("%s", e.text);
    }
    assert_int_equal(config_check(&cfg, NULL), 0);
    config_release(&cfg);
}

static void defaults_reach_the_struct(void **state)
{
    struct config cfg;

    (void)state;
    config_init(&cfg);
    assert_string_equal(cfg.app.env, "development");
    assert_int_equal(cfg.app.log_level, LOG_INFO);
    assert_string_equal(cfg.kafka.broker, "localhost:9092");
    assert_string_equal(cfg.kafka.consumer_group, "order-tracker-group");
    assert_true(cfg.kafka.create_topics);
    assert_int_equal(cfg.kafka.property_count, 0);
    assert_int_equal(cfg.producer.interval_ms, 2000);
    assert_int_equal(cfg.tracker.fsync, JOURNAL_FSYNC_GROUP);
    assert_int_equal(cfg.tracker.max_buffered_bytes, 67108864);
    assert_true(cfg.retry.multiplier == 2.0);
    assert_int_equal(cfg.retry.jitter, RETRY_JITTER_EQUAL);
    assert_int_equal(cfg.dlq.on_disabled, CONFIG_ON_DISABLED_SKIP);
    assert_true(cfg.monitor.success_crit == 80);
    assert_int_equal(cfg.monitor.silence_seconds, 4);
    assert_int_equal(cfg.monitor.stale_seconds, 90);
    config_release(&cfg);
}

static void choices_stand_in_the_order_of_their_enum(void **state)
{
    static const struct {
        const char *key, *value;
        unsigned number;
    } cases[] = {
        {"app.log_level", "debug", LOG_DEBUG},
        {"app.log_level", "ERROR", LOG_ERROR},
        {"tracker.fsync", "always", JOURNAL_FSYNC_ALWAYS},
        {"tracker.fsync", "never", JOURNAL_FSYNC_NEVER},
        {"tracker.events_payload", "raw", LANE_PAYLOAD_RAW},
        {"tracker.events_payload", "failures", LANE_PAYLOAD_FAILURES},
        {"retry.jitter", "full", RETRY_JITTER_FULL},
        {"retry.jitter", "proportional", RETRY_JITTER_PROPORTIONAL},
        {"retry.jitter", "decorrelated", RETRY_JITTER_DECORRELATED},
        {"retry.jitter", "none", RETRY_JITTER_NONE},
        {"dlq.on_disabled", "halt", CONFIG_ON_DISABLED_HALT},
    };
    struct config cfg;

    (void)state;
    config_init(&cfg);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const unsigned *field =
            (const unsigned *)(const void *)((char *)&cfg + key_find(cases[i].key)->offset);

        assert_int_equal(config_set(&cfg, cases[i].key, cases[i].value, "test", NULL), 0);
        assert_int_equal(*field, cases[i].number);
    }
    config_release(&cfg);
}

static void every_key_is_named_after_its_section_and_variable(void **state)
{
    (void)state;
    for (size_t i = 0; i < key_count(); i++) {
        const struct key *key = key_at(i);
        char env[100];
        size_t n = 0;

        assert_non_null(strchr(key->name, '.'));
        assert_true(key->help && *key->help && !strchr(key->help, '\n'));
        assert_ptr_equal(key_find(key->name), key);
        if (key->type == KEY_MAP)
            continue;
        for (; key->name[n]; n++)
            env[n] = key->name[n] == '.' ? '_' : (char)toupper((unsigned char)key->name[n]);
        env[n] = '\0';
        assert_string_equal(key->env, env);
        for (size_t j = 0; j < i; j++)
            assert_true(key_at(j)->type == KEY_MAP || key_at(j)->offset != key->offset);
    }
}

static void a_section_stands_in_one_place_of_the_table(void **state)
{
    (void)state;
    for (size_t i = 0; i < key_count(); i++) {
        if (!key_opens_section(key_at(i)))
            continue;
        for (size_t j = 0; j < i; j++)
            assert_int_not_equal(
                strncmp(key_at(j)->name, key_at(i)->name, key_section_len(key_at(i)) + 1), 0);
    }
}

static void a_wrong_setting_is_refused_with_what_is_allowed(void **state)
{
    static const struct {
        const char *key, *value, *text;
    } cases[] = {
        {"retry.max_atempts", "3",
         "retry.max_atempts: unknown key (did you mean retry.max_attempts?)"},
        {"RETRY_MAX_ATTEMPTS", "3",
         "RETRY_MAX_ATTEMPTS: unknown key (did you mean retry.max_attempts?)"},
        {"max_attempts", "3", "max_attempts: unknown key (did you mean retry.max_attempts?)"},
        {"kafka.max_attempts", "3",
         "kafka.max_attempts: unknown key (did you mean retry.max_attempts?)"},
        {"kafka.brokers", "x", "kafka.brokers: unknown key (did you mean kafka.broker?)"},
        {"foo.bar", "3", "foo.bar: unknown key (the nearest known is app.env)"},
        {"", "3", "\"\": unknown key (the nearest known is app.env)"},
        {"a\nb", "3", "\"a?b\": unknown key (the nearest known is app.env)"},
        {"kafka.properties", "3", "kafka.properties: has no single value (allowed: -X name=value)"},
        {"retry.max_attempts", "three",
         "retry.max_attempts: \"three\" is not a whole number (allowed: 1 to 100)"},
        {"retry.max_attempts", "0",
         "retry.max_attempts: \"0\" is out of range (allowed: 1 to 100)"},
        {"retry.multiplier", "0.5",
         "retry.multiplier: \"0.5\" is out of range (allowed: 1 to 100)"},
        {"producer.invalid_rate", "20%",
         "producer.invalid_rate: \"20%\" is not a number (allowed: 0 to 1)"},
        {"dlq.enabled", "maybe",
         "dlq.enabled: \"maybe\" is neither true nor false (allowed: true, false)"},
        {"tracker.fsync", "often",
         "tracker.fsync: \"often\" is not a known choice (allowed: group, always, never)"},
        {"kafka.topic", "",
         "kafka.topic: \"\" is not a topic name (allowed: 1 to 249 of a-z A-Z 0-9 . _ - but not . "
         "or ..)"},
        {"kafka.broker", "", "kafka.broker: \"\" is too short (allowed: 1 to 4096 bytes)"},
        {"kafka.consumer_group", "",
         "kafka.consumer_group: \"\" is too short (allowed: 1 to 249 bytes)"},
        {"tracker.events_file", "",
         "tracker.events_file: \"\" is too short (allowed: 1 to 4095 bytes)"},
        {"app.env", "a\nb",
         "app.env: \"a?b\" has control characters in it (allowed: text on one line)"},
    };
    struct config cfg;
    struct strbuf before = {0}, after = {0};

    (void)state;
    config_init(&cfg);
    config_print(&cfg, &before);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct err e = {0};

        assert_int_equal(config_set(&cfg, cases[i].key, cases[i].value, "test", &e), -1);
        assert_int_equal(e.kind, ERR_USAGE);
        assert_string_equal(e.text, cases[i].text);
    }
    config_print(&cfg, &after);
    assert_string_equal(strbuf_text(&before), strbuf_text(&after));
    strbuf_release(&before);
    strbuf_release(&after);
    config_release(&cfg);
}

static void a_token_comes_from_one_place(void **state)
{
    struct config cfg;
    struct err e = {0};

    (void)state;
    config_init(&cfg);
    assert_int_equal(config_set(&cfg, "kafka.oauth_token_file", "token", "config.yaml:3", &e), 0);
    assert_int_equal(config_check(&cfg, &e), 0);
    assert_int_equal(config_set(&cfg, "kafka.oauth_token_command", "x", "flag -s", &e), 0);
    assert_int_equal(config_check(&cfg, &e), -1);
    assert_string_equal(
        e.text, "kafka.oauth_token_file (from config.yaml:3) and kafka.oauth_token_command (from "
                "flag -s): only one of them can say where the token comes from");
    config_release(&cfg);
}

static void settings_that_contradict_each_other_are_refused(void **state)
{
    static const struct {
        const char *key, *value, *text;
    } cases[] = {
        {"retry.initial_delay_ms", "6000",
         "retry.initial_delay_ms: 6000 (from test) must not be more than "
         "retry.max_delay_ms: 5000 (from default)"},
        {"tracker.max_buffered_bytes", "1000",
         "tracker.max_message_bytes: 1048576 (from default) must not be more than "
         "tracker.max_buffered_bytes: 1000 (from test)"},
        {"monitor.success_crit", "95.5",
         "monitor.success_crit: 95.5 (from test) must not be more than "
         "monitor.success_warn: 95 (from default)"},
        {"monitor.latency_crit_ms", "999",
         "monitor.latency_warn_ms: 1000 (from default) must not be more than "
         "monitor.latency_crit_ms: 999 (from test)"},
        {"dlq.topic", "orders",
         "dlq.topic: orders (from test) must differ from kafka.topic: orders (from default)"},
        {"tracker.log_file", "tracker.events",
         "tracker.log_file: tracker.events (from test) must differ from "
         "tracker.events_file: tracker.events (from default)"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct config cfg;
        struct err e = {0};

        config_init(&cfg);
        assert_int_equal(config_set(&cfg, cases[i].key, cases[i].value, "test", NULL), 0);
        assert_int_equal(config_check(&cfg, &e), -1);
        assert_int_equal(e.kind, ERR_USAGE);
        assert_string_equal(e.text, cases[i].text);
        config_release(&cfg);
    }
}

static void the_monitor_reads_the_trackers_files_unless_told_otherwise(void **state)
{
    struct config cfg;

    (void)state;
    config_init(&cfg);
    assert_string_equal(cfg.monitor.events_file, "tracker.events");
    assert_false(config_is_set(&cfg, "monitor.log_file"));
    config_set(&cfg, "tracker.events_file", "/var/a", "test", NULL);
    config_set(&cfg, "tracker.log_file", "/var/b", "test", NULL);
    assert_string_equal(cfg.monitor.events_file, "/var/a");
    assert_string_equal(cfg.monitor.log_file, "/var/b");
    assert_true(config_is_set(&cfg, "monitor.log_file"));
    config_set(&cfg, "monitor.events_file", "/other", "test", NULL);
    config_set(&cfg, "tracker.events_file", "/var/c", "test", NULL);
    assert_string_equal(cfg.monitor.events_file, "/other");
    config_set(&cfg, "monitor.events_file", "", "test", NULL);
    assert_string_equal(cfg.monitor.events_file, "/var/c");
    config_release(&cfg);
}

static void a_later_property_replaces_an_earlier_one(void **state)
{
    struct config cfg;

    (void)state;
    config_init(&cfg);
    config_set_property(&cfg, "a", "1", "file:1");
    config_set_property(&cfg, "b", "2", "file:2");
    config_set_property(&cfg, "a", "3", "flag -X");
    assert_int_equal(cfg.kafka.property_count, 2);
    assert_string_equal(cfg.kafka.properties[0].name, "a");
    assert_string_equal(cfg.kafka.properties[0].value, "3");
    assert_string_equal(cfg.kafka.properties[0].origin, "flag -X");
    config_release(&cfg);
}

static void a_zeroed_struct_can_be_released(void **state)
{
    struct config cfg = {0};

    (void)state;
    config_release(&cfg);
    config_init(&cfg);
    config_release(&cfg);
    config_release(&cfg);
}

/* ---- Printing ---- */

static void assert_prints(const struct config *cfg, const char *line)
{
    struct strbuf out = {0};

    config_print(cfg, &out);
    if (!strstr(strbuf_text(&out), line))
        fail_msg("no line \"%s\" in\n%s", line, strbuf_text(&out));
    strbuf_release(&out);
}

static void each_setting_is_printed_with_its_origin(void **state)
{
    struct config cfg;

    (void)state;
    config_init(&cfg);
    config_set(&cfg, "retry.max_attempts", "7", "config.yaml:3", NULL);
    config_set(&cfg, "tracker.events_file", "/x/y", "env TRACKER_EVENTS_FILE", NULL);
    assert_prints(&cfg, "kafka:\n  broker: localhost:9092  # default\n");
    assert_prints(&cfg, "\n  max_attempts: 7  # config.yaml:3\n");
    assert_prints(&cfg, "\n  properties: {}  # default\n");
    assert_prints(&cfg, "\n  events_file: /x/y  # env TRACKER_EVENTS_FILE\n");
    assert_prints(&cfg, "\n  events_file: /x/y  # default, as tracker.events_file\n");
    config_release(&cfg);
}

static void texts_are_quoted_where_yaml_needs_it(void **state)
{
    static const struct {
        const char *value, *line;
    } cases[] = {
        {"plain", "\n  env: plain  #"},
        {"./a-b_c.d", "\n  env: ./a-b_c.d  #"},
        {"/abs", "\n  env: /abs  #"},
        {"host:9092", "\n  env: host:9092  #"},
        {"yes", "\n  env: \"yes\"  #"},
        {"Null", "\n  env: \"Null\"  #"},
        {"123", "\n  env: \"123\"  #"},
        {".5", "\n  env: \".5\"  #"},
        {".inf", "\n  env: \".inf\"  #"},
        {"-", "\n  env: \"-\"  #"},
        {"~", "\n  env: \"~\"  #"},
        {"a: b", "\n  env: \"a: b\"  #"},
        {"a:", "\n  env: \"a:\"  #"},
        {"a #b", "\n  env: \"a #b\"  #"},
        {"a\"b\\c", "\n  env: \"a\\\"b\\\\c\"  #"},
        {" a ", "\n  env: \" a \"  #"},
        {"\xc2\x85", "\n  env: \"\\u0085\"  #"},
        {"\xe2\x80\xa8", "\n  env: \"\\u2028\"  #"},
        {"\xc3\xa9", "\n  env: \"\xc3\xa9\"  #"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct config cfg;

        config_init(&cfg);
        assert_int_equal(config_set(&cfg, "app.env", cases[i].value, "test", NULL), 0);
        assert_prints(&cfg, cases[i].line);
        config_release(&cfg);
    }
}

static void secrets_are_masked(void **state)
{
    static const char *const secret[] = {
        "sasl.password",
        "ssl.key.password",
        "ssl.keystore.password",
        "SSL.Key.Password",
        "ssl.key.pem",
        "sasl.oauthbearer.config",
        "sasl.oauthbearer.client.secret",
        "sasl.oauthbearer.assertion.private.key.passphrase",
        "sasl.jaas.config",
        "sasl.pasword", /* misspelt, or made up */
        "ssl.kee.pasword",
        "pin",
    };
    static const char *const open[] = {"sasl.username", "ssl.ca.location", "ssl.key.location",
                                       "ssl.ca.pem", "security.protocol"};
    struct strbuf out = {0};
    struct config cfg;

    (void)state;
    config_init(&cfg);
    for (size_t i = 0; i < sizeof(secret) / sizeof(secret[0]); i++)
        config_set_property(&cfg, secret[i], "hunter2", "test");
    config_print(&cfg, &out);
    assert_null(strstr(strbuf_text(&out), "hunter2"));
    strbuf_release(&out);
    for (size_t i = 0; i < sizeof(open) / sizeof(open[0]); i++) {
        char line[200];

        config_set_property(&cfg, open[i], "seen", "test");
        snprintf(line, sizeof(line), "\n    %s: seen  # test\n", open[i]);
        assert_prints(&cfg, line);
    }
    config_release(&cfg);
}

static void a_reference_is_shown_and_a_login_in_a_url_is_not(void **state)
{
    struct config cfg;

    (void)state;
    config_init(&cfg);
    config_set_property(&cfg, "sasl.password", "${file:/run/secrets/x}", "test");
    assert_prints(&cfg, "\n    sasl.password: \"${file:/run/secrets/x}\"  # test\n");
    config_set_property(&cfg, "sasl.password", "${env:A}hunter2", "test");
    assert_prints(&cfg, "\n    sasl.password: \"********\"  # test\n");
    config_set_property(&cfg, "https.proxy", "http://me:hunter2@proxy:3128/x@y", "test");
    assert_prints(&cfg, "\n    https.proxy: \"http://********@proxy:3128/x@y\"  # test\n");
    config_release(&cfg);
}

/* ---- Reading back ---- */

static void write_file(const char *path, const char *text, size_t len)
{
    FILE *f = fopen(path, "we");

    assert_non_null(f);
    assert_int_equal(fwrite(text, 1, len, f), len);
    assert_int_equal(fclose(f), 0);
}

/* All values, without where they came from. */
static void add_values(const struct config *cfg, struct strbuf *out)
{
    for (size_t i = 0; i < key_count(); i++) {
        strbuf_addf(out, "%s=", key_at(i)->name);
        key_format(key_at(i), cfg, out);
        strbuf_addc(out, '\n');
    }
    for (size_t i = 0; i < cfg->kafka.property_count; i++)
        strbuf_addf(out, "%s=%s\n", cfg->kafka.properties[i].name, cfg->kafka.properties[i].value);
}

static void assert_same_values(const struct config *a, const struct config *b)
{
    struct strbuf a_text = {0}, b_text = {0};

    add_values(a, &a_text);
    add_values(b, &b_text);
    assert_string_equal(strbuf_text(&a_text), strbuf_text(&b_text));
    strbuf_release(&a_text);
    strbuf_release(&b_text);
}

static void what_is_printed_reads_back_as_the_same(void **state)
{
    char path[] = "/tmp/test_config.XXXXXX";
    struct config cfg, again;
    struct strbuf out = {0};
    struct err e = {0};
    int fd = mkstemp(path);

    (void)state;
    assert_true(fd >= 0);
    close(fd);
    config_init(&cfg);
    config_set(&cfg, "app.env", "a \"b\" \\ # : \xe2\x80\xa8 \xef\xbf\xbd \xf0\x9f\x98\x80", "t",
               NULL);
    config_set(&cfg, "kafka.broker", "[::1]:9092, b", "t", NULL);
    config_set(&cfg, "retry.multiplier", "1.7000000000000002", "t", NULL);
    config_set(&cfg, "retry.jitter", "none", "t", NULL);
    config_set(&cfg, "dlq.enabled", "off", "t", NULL);
    config_set(&cfg, "tracker.events_file", "no", "t", NULL);
    config_set_property(&cfg, "ssl.ca.pem", "-----BEGIN\r\n\tx\n-----END\n", "t");
    config_set_property(&cfg, "a: b", "", "t");
    config_print(&cfg, &out);
    write_file(path, strbuf_text(&out), out.len);
    config_init(&again);
    if (load_file(&again, path, &e) < 0)
        fail_msg("%s\n%s", e.text, strbuf_text(&out));
    assert_same_values(&again, &cfg);
    unlink(path);
    strbuf_release(&out);
    config_release(&cfg);
    config_release(&again);
}

/* Takes the next line of `text`, without the blanks before it. */
static const char *take_line(char **text)
{
    char *line = *text + strspn(*text, " ");

    *text = strchr(line, '\n') + 1;
    (*text)[-1] = '\0';
    return line;
}

/* What --help tells, three lines a key, as YAML. */
static void write_example(struct strbuf *out)
{
    struct strbuf help = {0};
    char section[64] = "";
    char *rest;

    config_help(&help);
    rest = help.data;
    strbuf_adds(out,
                "# Settings of producer, tracker and monitor: every key with its default.\n"
                "#\n"
                "# Copy this file to config.yaml and change what you need; a key that is left\n"
                "# out keeps its default. Behind each value stands what is allowed, and the\n"
                "# environment variable that beats the file; -s section.key=value beats both.\n"
                "# The effective settings, and where each came from: bin/tracker --print-config\n");
    while (*rest) {
        const char *key = take_line(&rest);
        const char *what = take_line(&rest);
        const char *allowed = take_line(&rest);
        const char *dot = strchr(key, '.');
        const char *value = strstr(key, " = ");

        if (strncmp(section, key, (size_t)(dot - key) + 1) != 0) {
            snprintf(section, sizeof(section), "%.*s.", (int)(dot - key), key);
            strbuf_addf(out, "\n%.*s:\n", (int)(dot - key), key);
        }
        strbuf_addf(out, "  # %s\n  %.*s: %s  # %s\n", what, (int)(value - dot - 1), dot + 1,
                    value + 3, allowed);
    }
    strbuf_release(&help);
}

static void the_committed_example_is_what_the_table_says(void **state)
{
    struct strbuf expected = {0}, found = {0};
    char block[4096];
    size_t n;
    FILE *f;

    (void)state;
    write_example(&expected);
    if (getenv("UPDATE"))
        write_file(EXAMPLE, strbuf_text(&expected), expected.len);
    f = fopen(EXAMPLE, "re");
    assert_non_null(f);
    while ((n = fread(block, 1, sizeof(block), f)) > 0)
        strbuf_add(&found, block, n);
    fclose(f);
    if (strcmp(strbuf_text(&found), strbuf_text(&expected)) != 0)
        fail_msg("%s is not what the table of keys says; UPDATE=1 build/tests/unit/test_config "
                 "writes it anew",
                 EXAMPLE);
    strbuf_release(&expected);
    strbuf_release(&found);
}

static void loading_the_example_gives_the_defaults(void **state)
{
    struct config defaults, loaded;
    struct err e = {0};

    (void)state;
    config_init(&defaults);
    config_init(&loaded);
    if (load_file(&loaded, EXAMPLE, &e) < 0)
        fail_msg("%s", e.text);
    assert_same_values(&loaded, &defaults);
    for (size_t i = 0; i < key_count(); i++) {
        if (key_at(i)->type != KEY_MAP && strncmp(loaded.origins[i], EXAMPLE ":", 20) != 0)
            fail_msg("%s is not in " EXAMPLE, key_at(i)->name);
    }
    config_set(&loaded, "tracker.events_file", "/elsewhere", "test", NULL);
    assert_string_equal(loaded.monitor.events_file, "/elsewhere");
    config_release(&defaults);
    config_release(&loaded);
}

static void the_help_names_every_key_and_variable(void **state)
{
    struct strbuf out = {0};

    (void)state;
    config_help(&out);
    for (size_t i = 0; i < key_count(); i++) {
        assert_non_null(strstr(strbuf_text(&out), key_at(i)->name));
        assert_true(!key_at(i)->env || strstr(strbuf_text(&out), key_at(i)->env));
    }
    assert_non_null(strstr(strbuf_text(&out), "APP_LOG_LEVEL or LOG_LEVEL"));
    strbuf_release(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_token_comes_from_one_place),
        cmocka_unit_test(every_key_has_a_default_that_its_own_row_allows),
        cmocka_unit_test(defaults_reach_the_struct),
        cmocka_unit_test(choices_stand_in_the_order_of_their_enum),
        cmocka_unit_test(every_key_is_named_after_its_section_and_variable),
        cmocka_unit_test(a_section_stands_in_one_place_of_the_table),
        cmocka_unit_test(a_wrong_setting_is_refused_with_what_is_allowed),
        cmocka_unit_test(settings_that_contradict_each_other_are_refused),
        cmocka_unit_test(the_monitor_reads_the_trackers_files_unless_told_otherwise),
        cmocka_unit_test(a_later_property_replaces_an_earlier_one),
        cmocka_unit_test(a_zeroed_struct_can_be_released),
        cmocka_unit_test(each_setting_is_printed_with_its_origin),
        cmocka_unit_test(texts_are_quoted_where_yaml_needs_it),
        cmocka_unit_test(secrets_are_masked),
        cmocka_unit_test(a_reference_is_shown_and_a_login_in_a_url_is_not),
        cmocka_unit_test(what_is_printed_reads_back_as_the_same),
        cmocka_unit_test(the_committed_example_is_what_the_table_says),
        cmocka_unit_test(loading_the_example_gives_the_defaults),
        cmocka_unit_test(the_help_names_every_key_and_variable),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
