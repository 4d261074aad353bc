#include "io/kafka_conf.h"

#include <ctype.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/strbuf.h"
#include "config/reference.h"
#include "config/suggest.h"
#include "config/value.h"
#include "io/kafka_internal.h"

static const struct kafka_property common[] = {
    {.name = "client.id", .value = "order-tracker"},
    {.name = "reconnect.backoff.ms", .value = "100"},
    /* The default of 10 s would be how long a recovery goes unnoticed. */
    {.name = "reconnect.backoff.max.ms", .value = "1000"},
    /* How long a broker that does not answer goes unnoticed; the default is a minute. */
    {.name = "socket.timeout.ms", .value = "10000"},
    {.name = "socket.nagle.disable", .value = "true"},
    {.name = "socket.keepalive.enable", .value = "true"},
    {.name = "topic.metadata.refresh.interval.ms", .value = "10000"},
    {.name = "statistics.interval.ms", .value = "2000"},
    {.name = "log.queue", .value = "true", .is_fixed = true},
    /* How some failures are recognized: a TLS port closes the connection of a plain client. */
    {.name = "log.connection.close", .value = "true"},
    {.name = "enable.metrics.push", .value = "false", .is_optional = true},
};

const char *kafka_library_version(void)
{
    return rd_kafka_version_str();
}

/* ---- refusals ---- */

/* Fills `e` with the name and the nearest that librdkafka knows. It shows them as a table, to a
 * file only. Returns -1. */
static int refuse_unknown(const char *name, enum err_kind kind, struct err *e)
{
    struct suggestion s = {.asked = name};
    char *table = NULL;
    size_t size = 0;
    FILE *f = open_memstream(&table, &size);

    if (f) {
        rd_kafka_conf_properties_show(f);
        fclose(f);
    }
    for (const char *line = table; line && *line; line += *line == '\n') {
        size_t len = strcspn(line, " |\n");

        if (len > 0 && islower((unsigned char)*line) && memchr(line, '|', strcspn(line, "\n")))
            suggest_consider(&s, line, len);
        line += strcspn(line, "\n");
    }
    suggest_refuse(&s, "no such librdkafka property", "", e);
    if (e)
        e->kind = kind;
    free(table);
    return err_wrap(e, "%s", value_name(name).text);
}

/* A value may be a secret, whatever its name: of librdkafka's text only what does not repeat it. */
static const char *allowed_by(const char *why)
{
    static const char *const harmless[] = {"outside allowed range", "Expected bool value",
                                           "not supported in this build"};

    for (size_t i = 0; i < sizeof(harmless) / sizeof(harmless[0]); i++)
        if (strstr(why, harmless[i]))
            return strstr(why, harmless[i]);
    return "librdkafka does not take this value";
}

int kafka_conf_set(rd_kafka_conf_t *conf, const char *name, const char *value, enum err_kind kind,
                   struct err *e)
{
    char why[512];

    switch (rd_kafka_conf_set(conf, name, value, why, sizeof(why))) {
    case RD_KAFKA_CONF_OK:
        return 0;
    case RD_KAFKA_CONF_UNKNOWN:
        return refuse_unknown(name, kind, e);
    case RD_KAFKA_CONF_INVALID:
        break;
    }
    why[strcspn(why, "\n")] = '\0'; /* some of its texts end in one */
    return err_set(e, kind, "librdkafka property %s: %s", name, allowed_by(why));
}

void kafka_conf_get(const rd_kafka_conf_t *conf, const char *name, char *value, size_t size)
{
    if (rd_kafka_conf_get(conf, name, value, &size) != RD_KAFKA_CONF_OK)
        *value = '\0';
}

static void hide(char *text, const char *value)
{
    char *at;

    while (*value && (at = strstr(text, value))) {
        *at = '*';
        memmove(at + 1, at + strlen(value), strlen(at + strlen(value)) + 1);
    }
}

void kafka_conf_hide(const rd_kafka_conf_t *conf, char *text)
{
    static const char *const names[] = {
        "sasl.mechanism",    "sasl.password",    "sasl.oauthbearer.config",
        "sasl.username",     "ssl.key.password", "sasl.oauthbearer.client.secret",
        "ssl.cipher.suites", "ssl.key.pem",      "sasl.oauthbearer.extensions",
        "ssl.curves.list",   "ssl.sigalgs.list", "ssl.keystore.password",
    };
    char value[8192];

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        kafka_conf_get(conf, names[i], value, sizeof(value));
        if (strcmp(value, "*") != 0) /* which would be found again in its place */
            hide(text, value);
    }
}

static int set_role(rd_kafka_conf_t *conf, const struct kafka_property *role, size_t count,
                    struct err *e)
{
    char why[512];

    for (size_t i = 0; i < count; i++) {
        if (role[i].is_optional)
            rd_kafka_conf_set(conf, role[i].name, role[i].value, why, sizeof(why));
        else if (kafka_conf_set(conf, role[i].name, role[i].value, ERR_RUNTIME, e) < 0)
            return -1;
    }
    return 0;
}

/* librdkafka takes some properties by a second name, and those of a topic with a prefix. */
static const char *first_name(const char *name)
{
    static const char prefix[] = "topic.";
    static const char *const names[][2] = {
        {"request.required.acks", "acks"},
        {"delivery.timeout.ms", "message.timeout.ms"},
    };

    if (strncmp(name, prefix, sizeof(prefix) - 1) == 0)
        name += sizeof(prefix) - 1;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (strcmp(names[i][0], name) == 0)
            return names[i][1];
    return name;
}

/* Why a property is not the user's to set, or NULL. A second way to say what a key says would make
 * the log and the dead letters name another cluster or group than the one in use. */
static const char *not_yours(const char *name)
{
    static const char *const names[][2] = {
        {"bootstrap.servers", "is said by kafka.broker"},
        {"metadata.broker.list", "is said by kafka.broker"},
        {"group.id", "is said by kafka.consumer_group"},
        {"transactional.id", "no transactions are begun, nothing could be sent"},
        {"enabled_events", "reports would go where nobody reads them"},
    };

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (strcmp(names[i][0], name) == 0)
            return names[i][1];
    return NULL;
}

static const char *fixed_value(const char *name, const struct kafka_property *role, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (role[i].is_fixed && strcmp(role[i].name, name) == 0)
            return role[i].value;
    return NULL;
}

/* `value` is the property's with its references replaced. */
static int set_value(rd_kafka_conf_t *conf, const char *property, const char *value,
                     const struct kafka_property *role, size_t role_count, struct err *e)
{
    const char *name = first_name(property);
    const char *fixed = fixed_value(name, role, role_count);
    const char *why = not_yours(property);

    if (why)
        return err_set(e, ERR_USAGE, "librdkafka property %s: cannot be set, %s", property, why);
    if (!fixed)
        fixed = fixed_value(name, common, sizeof(common) / sizeof(common[0]));
    if (fixed && strcmp(fixed, value) != 0)
        return err_set(e, ERR_USAGE,
                       "librdkafka property %s: must stay \"%s\", no record could be promised "
                       "otherwise",
                       property, fixed);
    return kafka_conf_set(conf, property, value, ERR_USAGE, e);
}

static int set_user_property(rd_kafka_conf_t *conf, const struct config_property *p,
                             const struct kafka_property *role, size_t role_count, struct err *e)
{
    struct strbuf value = {0};
    int rc = 0;

    if (reference_expand(p->value, &value, e) < 0)
        rc = err_wrap(e, "librdkafka property %s", value_name(p->name).text);
    else
        rc = set_value(conf, p->name, strbuf_text(&value), role, role_count, e);
    if (rc < 0)
        err_wrap(e, "%s", p->origin);
    strbuf_release(&value);
    return rc;
}

/* The token that librdkafka makes by itself: 1.9.0 to 2.1.1 end the process when they renew it, by
 * default after 48 minutes (88ac5cfc6 began it, and 2.2.0 has another order). */
static int check_unsecured_token(const rd_kafka_conf_t *conf, struct err *e)
{
    char value[16];
    int version = rd_kafka_version();

    kafka_conf_get(conf, "enable.sasl.oauthbearer.unsecure.jwt", value, sizeof(value));
    if (strcmp(value, "true") != 0 || version < 0x01090000 || version >= 0x02020000)
        return 0;
    return err_set(
        e, ERR_USAGE,
        "librdkafka property enable.sasl.oauthbearer.unsecure.jwt: librdkafka %s crashes "
        "when it renews such a token (allowed: librdkafka 2.2.0 or newer, or another "
        "SASL mechanism)",
        rd_kafka_version_str());
}

rd_kafka_conf_t *kafka_conf_new(const struct config *cfg, const struct kafka_property *role,
                                size_t role_count, struct err *e)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();

    if (set_role(conf, common, sizeof(common) / sizeof(common[0]), e) < 0 ||
        set_role(conf, role, role_count, e) < 0 ||
        kafka_conf_set(conf, "bootstrap.servers", cfg->kafka.broker, ERR_USAGE, e) < 0)
        goto fail;
    for (size_t i = 0; i < cfg->kafka.property_count; i++)
        if (set_user_property(conf, &cfg->kafka.properties[i], role, role_count, e) < 0)
            goto fail;
    if (check_unsecured_token(conf, e) < 0)
        goto fail;
    return conf;
fail:
    rd_kafka_conf_destroy(conf);
    return NULL;
}

int64_t kafka_now_ms(void)
{
    return clock_mono_ms(clock_system());
}

int kafka_left_ms(int64_t deadline)
{
    int64_t left = deadline - kafka_now_ms();

    return left > 1 ? (int)left : 1;
}

void kafka_log_line(const struct log *log, int level, const char *facility, const char *text)
{
    /* syslog levels: 3 and below are errors, 4 warnings; a message of librdkafka is never our
     * verdict. */
    enum log_level ours = level <= 3 ? LOG_WARN : level <= 5 ? LOG_INFO : LOG_DEBUG;
    static const char *const harmless[] = {
        "Failed to acquire idempotence PID", /* a fresh broker's coordinator still loads */
        "will be ignored by this",           /* all clients get all properties of the user */
        "FAIL",                              /* kafka_client tells */
        "SSL",                               /* likewise */
        "SSLCERTVRFY",
        "ERROR",
    };

    for (size_t i = 0; i < sizeof(harmless) / sizeof(harmless[0]); i++)
        if (strstr(text, harmless[i]) || strcmp(facility, harmless[i]) == 0)
            ours = LOG_DEBUG;
    log_with(log, ours, "librdkafka", NULL, LOG_TEXT("facility", facility), LOG_TEXT("text", text));
}

void kafka_wake_on(rd_kafka_queue_t *queue, int wake_fd)
{
    static const uint64_t one = 1;

    if (wake_fd >= 0)
        rd_kafka_queue_io_event_enable(queue, wake_fd, &one, sizeof(one));
}
