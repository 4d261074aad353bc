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
#include "config/properties.h"
#include "config/resolve.h"
#include "config/secret.h"
#include "support/no_settings.h"

#define FILE_NAME "client.properties"

static int leave_folder(void **state)
{
    unlink(FILE_NAME);
    return no_settings_leave(state);
}

static int clean(void **state)
{
    (void)state;
    no_settings();
    return 0;
}

static void write_file(const char *text)
{
    FILE *f = fopen(FILE_NAME, "we");

    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

static void assert_property(const struct config *cfg, const char *name, const char *value,
                            const char *origin)
{
    for (size_t i = 0; i < cfg->kafka.property_count; i++) {
        const struct config_property *p = &cfg->kafka.properties[i];

        if (strcmp(p->name, name) != 0)
            continue;
        assert_string_equal(p->value, value);
        assert_string_equal(p->origin, origin);
        return;
    }
    fail_msg("no property %s", name);
}

/* ---- A file ---- */

static void a_file_of_the_cloud_console_is_taken(void **state)
{
    struct config cfg;
    struct err e = {0};

    (void)state;
    write_file("# Required connection configs for Kafka producer, consumer, and admin\n"
               "bootstrap.servers=pkc-1.example.cloud:9092\n"
               "security.protocol=SASL_SSL\r\n"
               "sasl.mechanisms=PLAIN\n"
               "\n"
               "  sasl.username = KEY \n"
               "\tsasl.password=a=b#c\\:d\n"
               "client.id=");
    config_init(&cfg);
    assert_int_equal(properties_load(&cfg, FILE_NAME, &e), 0);
    assert_string_equal(cfg.kafka.broker, "pkc-1.example.cloud:9092");
    assert_string_equal(cfg.origins[key_index(key_find("kafka.broker"))], FILE_NAME ":2");
    assert_int_equal(cfg.kafka.property_count, 5);
    assert_property(&cfg, "security.protocol", "SASL_SSL", FILE_NAME ":3");
    assert_property(&cfg, "sasl.mechanisms", "PLAIN", FILE_NAME ":4");
    assert_property(&cfg, "sasl.username", "KEY", FILE_NAME ":6");
    assert_property(&cfg, "sasl.password", "a=b#c\\:d", FILE_NAME ":7");
    assert_property(&cfg, "client.id", "", FILE_NAME ":8");
    config_release(&cfg);
}

static void a_wrong_line_is_named_without_what_it_says(void **state)
{
    static const struct {
        const char *text, *message;
    } cases[] = {
        {"client.id=a\nhunter2\n",
         FILE_NAME ":2: name=value is expected, with a name before the ="},
        {"=hunter2", FILE_NAME ":1: name=value is expected, with a name before the ="},
        {"\nbootstrap.servers=\n", FILE_NAME ":2: kafka.broker: \"\" is too short"},
        {"a=\xff", FILE_NAME ":1: not valid UTF-8"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct config cfg;
        struct err e = {0};

        write_file(cases[i].text);
        config_init(&cfg);
        assert_int_equal(properties_load(&cfg, FILE_NAME, &e), -1);
        assert_int_equal(e.kind, ERR_USAGE);
        if (strncmp(e.text, cases[i].message, strlen(cases[i].message)) != 0)
            assert_string_equal(e.text, cases[i].message);
        config_release(&cfg);
    }
}

/* ---- The environment ---- */

static void variables_are_properties(void **state)
{
    struct config cfg;
    struct err e = {0};

    (void)state;
    setenv("KAFKA_PROPERTIES_SASL_PASSWORD", "a=b", 1);
    setenv("KAFKA_PROPERTIES_LOG_LEVEL", "7", 1);
    setenv("KAFKA_PROPERTIES_SASL_USERNAME", "", 1);
    config_init(&cfg);
    config_set_property(&cfg, "sasl.password", "older", "config.yaml:1");
    assert_int_equal(properties_load_environment(&cfg, &e), 0);
    assert_int_equal(cfg.kafka.property_count, 2);
    assert_property(&cfg, "sasl.password", "a=b", "env KAFKA_PROPERTIES_SASL_PASSWORD");
    assert_property(&cfg, "log_level", "7", "env KAFKA_PROPERTIES_LOG_LEVEL");
    config_release(&cfg);
}

static void a_variable_that_is_no_name_in_capitals_is_refused(void **state)
{
    static const char *const names[] = {"KAFKA_PROPERTIES_", "KAFKA_PROPERTIES_sasl_password"};

    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct config cfg;
        struct err e = {0};

        setenv(names[i], "hunter2", 1);
        config_init(&cfg);
        assert_int_equal(properties_load_environment(&cfg, &e), -1);
        assert_int_equal(e.kind, ERR_USAGE);
        assert_non_null(strstr(e.text, names[i]));
        assert_null(strstr(e.text, "hunter2"));
        config_release(&cfg);
        unsetenv(names[i]);
    }
}

/* ---- References ---- */

static void assert_value(const struct config *cfg, const char *name, const char *value)
{
    struct strbuf out = {0};
    struct err e = {0};

    assert_int_equal(resolve_named(cfg, name, &out, &e), 0);
    assert_string_equal(strbuf_text(&out), value);
    strbuf_release(&out);
}

static void references_are_read_again_all_or_none(void **state)
{
    struct config cfg;
    struct err e = {0};

    (void)state;
    write_file("first\n");
    setenv("TEST_USER", "me", 1);
    config_init(&cfg);
    config_set_property(&cfg, "sasl.username", "${env:TEST_USER}", "flag -X");
    config_set_property(&cfg, "sasl.password", "<${file:" FILE_NAME "}>", "config.yaml:7");
    assert_value(&cfg, "sasl.password", "<first>");
    assert_int_equal(resolve_properties(&cfg, &e), 1);
    assert_int_equal(resolve_properties(&cfg, &e), 0);
    write_file("second");
    assert_value(&cfg, "sasl.password", "<first>");
    assert_int_equal(resolve_properties(&cfg, &e), 1);
    assert_value(&cfg, "sasl.password", "<second>");
    setenv("TEST_USER", "you", 1);
    unlink(FILE_NAME);
    assert_int_equal(resolve_properties(&cfg, &e), -1);
    assert_int_equal(e.kind, ERR_USAGE);
    assert_string_equal(e.text, "config.yaml:7: librdkafka property sasl.password: " FILE_NAME
                                ": No such file or directory");
    assert_value(&cfg, "sasl.username", "me");
    assert_value(&cfg, "sasl.password", "<second>");
    assert_value(&cfg, "not.set", "");
    config_set_property(&cfg, "sasl.password", "third", "flag -X");
    assert_value(&cfg, "sasl.password", "third");
    unsetenv("TEST_USER");
    config_release(&cfg);
}

/* ---- Secrets ---- */

static void what_may_be_a_secret_is_known(void **state)
{
    static const struct {
        struct config_property property;
        bool is_secret;
    } cases[] = {
        {{.name = "sasl.password", .value = "x"}, true},
        {{.name = "sasl.pasword", .value = "x"}, true},
        {{.name = "sasl.password", .value = "${file:x}"}, false},
        {{.name = "sasl.password", .value = "a${file:x}"}, true},
        {{.name = "sasl.password", .value = ""}, false},
        {{.name = "sasl.username", .value = "x"}, false},
        {{.name = "https.proxy", .value = "http://proxy:80"}, false},
        {{.name = "https.proxy", .value = "http://me:x@proxy:80"}, true},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_int_equal(secret_is_in(&cases[i].property), cases[i].is_secret);
}

static void only_a_file_that_everybody_may_read_is_shared(void **state)
{
    (void)state;
    write_file("");
    chmod(FILE_NAME, 0640);
    assert_false(secret_file_is_shared(FILE_NAME));
    chmod(FILE_NAME, 0644);
    assert_true(secret_file_is_shared(FILE_NAME));
    assert_false(secret_file_is_shared("missing"));
    assert_false(secret_file_is_shared("/dev/null"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_of_the_cloud_console_is_taken),
        cmocka_unit_test(a_wrong_line_is_named_without_what_it_says),
        cmocka_unit_test_teardown(variables_are_properties, clean),
        cmocka_unit_test(a_variable_that_is_no_name_in_capitals_is_refused),
        cmocka_unit_test(references_are_read_again_all_or_none),
        cmocka_unit_test(what_may_be_a_secret_is_known),
        cmocka_unit_test(only_a_file_that_everybody_may_read_is_shared),
    };

    return cmocka_run_group_tests(tests, no_settings_enter, leave_folder);
}
