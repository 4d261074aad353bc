#include "io/kafka_client.h"

#include <ctype.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/strbuf.h"
#include "config/resolve.h"
#include "config/suggest.h"
#include "config/value.h"
#include "io/kafka_internal.h"
#include "io/kafka_login.h"
#include "io/kafka_reason.h"
#include "io/kafka_version.h"
#include "model/log_event.h"

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

#define STUCK_MS         3000
#define LOOKS_UNTIL_LOST 5

const char *kafka_library_version(void)
{
    return rd_kafka_version_str();
}

/* ---- configuration ---- */

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

rd_kafka_conf_t *kafka_conf_own(rd_kafka_conf_t *conf, const struct kafka_property *own,
                                size_t count, struct err *e)
{
    for (size_t i = 0; conf && i < count; i++)
        if (kafka_conf_set(conf, own[i].name, own[i].value, ERR_RUNTIME, e) < 0) {
            rd_kafka_conf_destroy(conf);
            conf = NULL;
        }
    return conf;
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
    int rc = resolve_value(p, &value, e);

    if (rc == 0 && set_value(conf, p->name, strbuf_text(&value), role, role_count, e) < 0)
        rc = err_wrap(e, "%s", p->origin);
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
    if (check_unsecured_token(conf, e) < 0 || kafka_login_prepare(conf, cfg, e) < 0)
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
        "FAIL",                              /* kafka_client says it */
        "FATAL",                             /* the client's owner does */
        "SSL",                               /* likewise */
        "SSLCERTVRFY",
        "ERROR",
    };

    for (size_t i = 0; i < sizeof(harmless) / sizeof(harmless[0]); i++)
        if (strstr(text, harmless[i]) || strcmp(facility, harmless[i]) == 0)
            ours = LOG_DEBUG;
    log_with_level(log, ours, EVENT_KAFKA_LIBRARY, NULL, LOG_TEXT("facility", facility),
                   LOG_TEXT("text", text));
}

void kafka_wake_on(rd_kafka_queue_t *queue, int wake_fd)
{
    static const uint64_t one = 1;

    if (wake_fd >= 0)
        rd_kafka_queue_io_event_enable(queue, wake_fd, &one, sizeof(one));
}

/* ---- health ---- */

static bool is_exact(const struct kafka_reason *r)
{
    return r->name && !r->is_vague;
}

static bool is_news(const struct kafka_client *c)
{
    return !c->is_logged ||
           (is_exact(&c->reason) && !(c->logged && strcmp(c->reason.name, c->logged) == 0));
}

/* Several clients of a process that see the same are one line in the log, since the line's error is
 * the reason. A reason of another kind is logged again. */
static void log_down(struct kafka_client *c)
{
    const struct kafka_reason *r = &c->reason;

    if (!c->is_down || c->is_idle || !is_news(c))
        return;
    c->is_logged = true;
    c->logged = r->name;
    if (r->name)
        log_with(c->log, EVENT_KAFKA_UNAVAILABLE, r->text, LOG_TEXT("reason", r->name),
                 LOG_TEXT("remedy", r->remedy));
    else
        log_with(c->log, EVENT_KAFKA_UNAVAILABLE, NULL, LOG_TEXT("broker", c->facts.bootstrap));
}

int kafka_client_explain(const struct kafka_client *c, const char *what, struct err *e)
{
    if (!c->reason.name)
        return err_set(e, ERR_RUNTIME, "%s: %s", c->bootstrap, what);
    return err_set(e, ERR_RUNTIME, "%s: %s; %s", what, c->reason.text, c->reason.remedy);
}

void kafka_client_idle(struct kafka_client *c, bool is_idle)
{
    c->is_idle = is_idle;
    log_down(c);
}

void kafka_client_good(struct kafka_client *c)
{
    if (c->is_logged)
        log_plain(c->log, EVENT_KAFKA_AVAILABLE, NULL);
    c->is_down = c->is_logged = false;
    c->reason.name = NULL;
}

/* The exact reason may come a moment later: without one nothing is logged before the next look at
 * the statistics. */
static void note_down(struct kafka_client *c)
{
    c->is_down = true;
    if (is_exact(&c->reason))
        log_down(c);
}

void kafka_client_overdue(struct kafka_client *c)
{
    if (!is_exact(&c->reason))
        return;
    c->is_down = true;
    log_down(c);
}

bool kafka_client_denied(const struct kafka_client *c, rd_kafka_resp_err_t err,
                         enum log_event_id event, const char *topic, const char *group)
{
    bool is_group = err == RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED;
    struct kafka_reason r;
    char resource[300];

    if (!is_group && err != RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED)
        return false;
    snprintf(resource, sizeof(resource), "%s %s", is_group ? "group" : "topic",
             is_group ? group : topic);
    kafka_reason_denied(&r, "READ", resource);
    log_with(c->log, event, r.text, LOG_TEXT("reason", r.name), LOG_TEXT("remedy", r.remedy));
    return true;
}

static void note_reason(struct kafka_client *c, const char *text)
{
    struct kafka_reason r;

    if (!kafka_reason_read(&r, &c->facts, text) || !kafka_reason_replaces(&r, &c->reason))
        return;
    c->reason = r;
    if (is_exact(&r))
        log_down(c);
}

/* Kafka can be used meanwhile, or the reason is in the log already. */
static void log_token_failure(const struct kafka_client *c)
{
    const struct kafka_reason *r = &c->reason;

    if (c->was_up && !c->is_down && r->name && strcmp(r->name, KAFKA_REASON_TOKEN) == 0)
        log_with(c->log, EVENT_KAFKA_TOKEN_FAILED, r->text, LOG_TEXT("reason", r->name),
                 LOG_TEXT("remedy", r->remedy));
}

/* ---- callbacks ---- */

static void on_error(rd_kafka_t *rk, int err, const char *text, void *opaque)
{
    struct kafka_client *c = opaque;

    (void)rk;
    switch (err) {
    case RD_KAFKA_RESP_ERR__FATAL: /* its owner finds out and logs it */
        return;
    case RD_KAFKA_RESP_ERR__TRANSPORT: /* one broken connection is not yet all of Kafka */
    case RD_KAFKA_RESP_ERR__TIMED_OUT: /* nor one that does not answer */
    case RD_KAFKA_RESP_ERR__RESOLVE:
    case RD_KAFKA_RESP_ERR__SSL:
    case RD_KAFKA_RESP_ERR__BAD_MSG:
        note_reason(c, text);
        return;
    case RD_KAFKA_RESP_ERR__AUTHENTICATION:
        note_reason(c, text);
        log_token_failure(c);
        return;
    case RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN:
        note_down(c);
        return;
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
    case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
        c->topic_was_missing = true;
        break;
    default:
        break;
    }
    log_with(c->log, EVENT_KAFKA_ERROR, text,
             LOG_TEXT("code", rd_kafka_err2name((rd_kafka_resp_err_t)err)));
}

/* What one look at the statistics finds. */
struct look {
    bool any_is_up;
    bool has_leaders;
    bool leader_is_up;
    bool has_coordinator;
    bool coordinator_is_up;
};

static void note_stuck(struct kafka_client *c, const struct kafka_broker_state *b)
{
    char text[400];

    if (b->is_up || b->state_age_ms < STUCK_MS || strcmp(b->state, "INIT") == 0 ||
        strcmp(b->state, "DOWN") == 0)
        return;
    kafka_reason_stuck(b->name, b->state, text, sizeof(text));
    note_reason(c, text);
}

static struct kafka_lost_leader *find_lost(struct kafka_client *c, const char *name)
{
    for (size_t i = 0; i < KAFKA_LEADERS_WATCHED; i++)
        if (strcmp(c->lost[i].name, name) == 0)
            return &c->lost[i];
    return NULL;
}

/* The address in librdkafka's name of a broker, "ssl://host:9093/1". */
static void copy_address(const char *name, char *address, size_t size)
{
    const char *scheme_end = strstr(name, "://");
    const char *begin = scheme_end ? scheme_end + 3 : name;

    snprintf(address, size, "%.*s", (int)strcspn(begin, "/"), begin);
}

static void log_lost(const struct kafka_client *c, const struct kafka_lost_leader *l)
{
    const struct kafka_reason *r = &c->reason;
    char address[300];

    copy_address(l->name, address, sizeof(address));
    if (is_exact(r) && strncmp(r->text, address, strlen(address)) == 0)
        log_with(c->log, EVENT_BROKER_UNAVAILABLE, r->text, LOG_TEXT("broker", address),
                 LOG_TEXT("reason", r->name), LOG_TEXT("remedy", r->remedy));
    else
        log_with(c->log, EVENT_BROKER_UNAVAILABLE, NULL, LOG_TEXT("broker", address));
}

static void watch_leader(struct kafka_client *c, const struct kafka_broker_state *b)
{
    struct kafka_lost_leader *l = find_lost(c, b->name);
    char address[300];

    if (b->is_leader && !b->is_up && strcmp(b->state, "INIT") != 0) {
        if (!l && (l = find_lost(c, "")))
            *l = (struct kafka_lost_leader){.looks = 0};
        if (!l)
            return;
        snprintf(l->name, sizeof(l->name), "%s", b->name);
        l->looks++;
    } else if (l) {
        copy_address(l->name, address, sizeof(address));
        if (l->is_logged && b->is_up)
            log_with(c->log, EVENT_BROKER_AVAILABLE, NULL, LOG_TEXT("broker", address));
        *l = (struct kafka_lost_leader){.looks = 0};
    }
}

/* A broker that went down loses its partitions to others within seconds. One that stays their
 * leader and cannot be reached from here holds them up for as long as that lasts. */
static void log_lost_leaders(struct kafka_client *c)
{
    for (size_t i = 0; i < KAFKA_LEADERS_WATCHED; i++) {
        struct kafka_lost_leader *l = &c->lost[i];

        if (l->looks < LOOKS_UNTIL_LOST || l->is_logged)
            continue;
        l->is_logged = true;
        log_lost(c, l);
    }
}

static struct look look_at(struct kafka_client *c, const char *json)
{
    struct look look = {0};
    struct kafka_broker_state b;

    while (kafka_stats_next(&json, &b)) {
        note_stuck(c, &b);
        watch_leader(c, &b);
        look.has_coordinator |= b.is_coordinator;
        look.coordinator_is_up |= b.is_coordinator && b.is_up;
        look.has_leaders |= b.is_leader;
        look.leader_is_up |= b.is_leader && b.is_up;
        look.any_is_up |= b.is_up;
    }
    return look;
}

/* A bootstrap address that answers does not make the others reachable: those brokers count that
 * lead the partitions, and the group's coordinator. */
static bool is_usable(const struct look *look)
{
    if (look->has_coordinator && !look->coordinator_is_up)
        return false;
    return look->has_leaders ? look->leader_is_up : look->any_is_up;
}

/* A coordinator may move, which takes some seconds. */
static int looks_until_down(const struct kafka_client *c, const struct look *look)
{
    return c->was_up && look->any_is_up ? 5 : 2;
}

/* A broker that takes connections and never answers is not reported as down. */
static int on_stats(rd_kafka_t *rk, char *json, size_t len, void *opaque)
{
    struct kafka_client *c = opaque;
    struct look look = look_at(c, json);

    (void)rk;
    (void)len;
    c->has_producer_id = strstr(json, "\"idemp_state\": \"Assigned\"") != NULL;
    if (is_usable(&look)) {
        c->was_up = true;
        c->looks_without = 0;
        if (c->is_down && !c->awaits_answer)
            kafka_client_good(c);
        if (!c->is_down && !c->is_idle)
            log_lost_leaders(c);
    } else if (++c->looks_without >= looks_until_down(c, &look) && (c->was_up || c->reason.name)) {
        c->is_down = true;
    }
    log_down(c);
    return 0;
}

static void on_log(const rd_kafka_t *rk, int level, const char *facility, const char *text)
{
    struct kafka_client *c = rd_kafka_opaque(rk);

    if (strcmp(facility, "FAIL") == 0 || strcmp(facility, "SSLCERTVRFY") == 0 ||
        strcmp(facility, "SSL") == 0)
        note_reason(c, text);
    kafka_log_line(c->log, level, facility, text);
}

/* librdkafka says "certificate verify failed" for all that can be wrong with one. It writes what we
 * say here into its log, from where it comes to on_log. Called by threads of librdkafka. */
static int on_certificate(rd_kafka_t *rk, const char *broker, int32_t id, int *error, int depth,
                          const char *buf, size_t size, char *text, size_t text_size, void *opaque)
{
    (void)rk, (void)broker, (void)id, (void)depth, (void)buf, (void)size, (void)opaque;
    if (*error)
        snprintf(text, text_size, "X.509 error %d", *error);
    return *error == 0;
}

/* ---- life ---- */

bool kafka_client_failed(const struct kafka_client *c, enum log_event_id event,
                         rd_kafka_error_t *error)
{
    if (!error)
        return false;
    log_plain(c->log, event, rd_kafka_error_string(error));
    rd_kafka_error_destroy(error);
    return true;
}

static void wake_on_events(struct kafka_client *c, rd_kafka_type_t type)
{
    rd_kafka_queue_t *queue = type == RD_KAFKA_CONSUMER ? rd_kafka_queue_get_consumer(c->rk)
                                                        : rd_kafka_queue_get_main(c->rk);

    kafka_wake_on(queue, c->wake_fd);
    rd_kafka_queue_destroy(queue);
}

static bool has_value(const rd_kafka_conf_t *conf, const char *name)
{
    size_t size = 0;

    return rd_kafka_conf_get(conf, name, NULL, &size) == RD_KAFKA_CONF_OK && size > 1;
}

/* What the reason of a failure depends on. */
static void learn_facts(struct kafka_client *c, const rd_kafka_conf_t *conf)
{
    char protocol[32];
    char mechanism[64];

    kafka_conf_get(conf, "security.protocol", protocol, sizeof(protocol));
    kafka_conf_get(conf, "sasl.mechanism", mechanism, sizeof(mechanism));
    kafka_conf_get(conf, "bootstrap.servers", c->bootstrap, sizeof(c->bootstrap));
    c->facts = (struct kafka_reason_client){
        .bootstrap = c->bootstrap,
        .is_tls = strcasecmp(protocol, "ssl") == 0 || strcasecmp(protocol, "sasl_ssl") == 0,
        .has_certificate = has_value(conf, "ssl.certificate.location") ||
                           has_value(conf, "ssl.certificate.pem") ||
                           has_value(conf, "ssl.keystore.location"),
        .is_scram = strncasecmp(mechanism, "SCRAM-", 6) == 0,
        .is_oauth = strcasecmp(mechanism, "OAUTHBEARER") == 0,
        .version = rd_kafka_version(),
    };
}

/* Without it nothing changes, see there. A build of librdkafka without TLS refuses it. */
static void check_certificates(rd_kafka_conf_t *conf)
{
    char value[16];

    kafka_conf_get(conf, "enable.ssl.certificate.verification", value, sizeof(value));
    if (strcmp(value, "true") == 0)
        rd_kafka_conf_set_ssl_cert_verify_cb(conf, on_certificate);
}

int kafka_client_open(struct kafka_client *c, rd_kafka_type_t type, rd_kafka_conf_t *conf,
                      struct err *e)
{
    char why[512];

    learn_facts(c, conf);
    check_certificates(conf);
    rd_kafka_conf_set_opaque(conf, c);
    rd_kafka_conf_set_error_cb(conf, on_error);
    rd_kafka_conf_set_stats_cb(conf, on_stats);
    rd_kafka_conf_set_log_cb(conf, on_log);
    c->rk = rd_kafka_new(type, conf, why, sizeof(why));
    if (!c->rk) {
        kafka_conf_hide(conf, why);
        rd_kafka_conf_destroy(conf);
        return err_set(e, ERR_USAGE, "Kafka %s: %s",
                       type == RD_KAFKA_CONSUMER ? "consumer" : "producer", why);
    }
    kafka_login_begin(c->rk);
    rd_kafka_set_log_queue(c->rk, NULL);
    if (type == RD_KAFKA_CONSUMER)
        rd_kafka_poll_set_consumer(c->rk);
    wake_on_events(c, type);
    return 0;
}

static void destroy(void *rk)
{
    rd_kafka_destroy(rk);
}

static void destroy_unclosed(void *rk)
{
    rd_kafka_destroy_flags(rk, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
}

struct async_call *kafka_client_destroy(struct kafka_client *c, int wake_fd)
{
    return async_call_begin(rd_kafka_type(c->rk) == RD_KAFKA_CONSUMER ? destroy_unclosed : destroy,
                            c->rk, wake_fd);
}
