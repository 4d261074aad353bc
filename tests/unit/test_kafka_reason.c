#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "io/kafka_reason.h"

#define OLD 0x020002ff
#define NEW 0x021000ff

static const struct kafka_reason_client plain = {.bootstrap = "kafka:9092", .version = OLD};
static const struct kafka_reason_client tls = {
    .bootstrap = "kafka:9092", .is_tls = true, .version = OLD};
static const struct kafka_reason_client with_certificate = {
    .bootstrap = "kafka:9092", .is_tls = true, .has_certificate = true, .version = OLD};
static const struct kafka_reason_client old_scram = {
    .bootstrap = "kafka:9092", .is_scram = true, .version = OLD};
static const struct kafka_reason_client new_scram = {
    .bootstrap = "kafka:9092", .is_scram = true, .version = NEW};
static const struct kafka_reason_client oauth = {
    .bootstrap = "kafka:9092", .is_oauth = true, .version = OLD};

/* The texts as librdkafka 2.0.2 and 2.16 wrote them in front of Kafka 4.1. */
static const struct {
    const struct kafka_reason_client *client;
    const char *said;
    const char *name;
    const char *text;
} cases[] = {
    {&plain,
     "[thrd:kafka:9092/bootstrap]: kafka:9092/bootstrap: Failed to resolve 'kafka:9092': Name or "
     "service not known (after 1ms in state CONNECT, 1 identical error(s) suppressed)",
     "address_unresolved", "kafka:9092: the name cannot be resolved"},
    {&plain,
     "kafka:9092/bootstrap: Connect to ipv4#127.0.0.1:9092 failed: Connection refused (after 12ms "
     "in state CONNECT)",
     "connection_refused", "kafka:9092: the connection is refused"},
    {&plain,
     "kafka:9092/bootstrap: Connect to ipv6#[::1]:9092 failed: Network is unreachable (after 0ms "
     "in state CONNECT)",
     "unreachable", "kafka:9092: no network route"},
    {&plain,
     "kafka:9092/bootstrap: Connection setup timed out in state CONNECT (after 30028ms in state "
     "CONNECT)",
     "unreachable", "kafka:9092: it cannot be reached"},
    {&tls,
     "ssl://kafka:9092/bootstrap: Connection setup timed out in state SSL_HANDSHAKE (after 30028ms "
     "in state SSL_HANDSHAKE)",
     "no_answer", "kafka:9092: it takes the connection and does not answer"},
    {&plain,
     "[thrd:kafka:9092/bootstrap]: kafka:9092/bootstrap: Disconnected while requesting ApiVersion: "
     "might be caused by incorrect security.protocol configuration (connecting to a SSL listener?) "
     "or broker version is < 0.10 (see api.version.request) (after 31ms in state APIVERSION_QUERY)",
     "tls_required", "kafka:9092: it closes the connection, as a TLS port does"},
    {&plain,
     "[thrd:kafka:9092/bootstrap]: kafka:9092/bootstrap: Disconnected: connection closed by peer: "
     "receive 0 after POLLIN: requesting ApiVersion: might be caused by incorrect "
     "security.protocol configuration (connecting to a SSL listener?) or broker version is < 0.10 "
     "(see api.version.request) (after 3ms in state APIVERSION_QUERY)",
     "tls_required", "kafka:9092: it closes the connection, as a TLS port does"},
    {&plain,
     "kafka:9092/bootstrap: Receive failed: Invalid response size 352518912 (0..100000000): "
     "increase receive.message.max.bytes (after 0ms in state APIVERSION_QUERY)",
     "tls_required", "kafka:9092: it speaks TLS"},
    {&tls,
     "[thrd:ssl://kafka:9092/bootstrap]: ssl://kafka:9092/bootstrap: SSL handshake failed: "
     "error:0A000126:SSL routines::unexpected eof while reading (after 19ms in state "
     "SSL_HANDSHAKE)",
     "tls_not_offered", "kafka:9092: it does not speak TLS"},
    {&tls,
     "ssl://kafka:9092/bootstrap: SSL handshake failed: Disconnected: SSL connection closed by "
     "peer: connecting to a PLAINTEXT broker listener? (after 1ms in state SSL_HANDSHAKE)",
     "tls_not_offered", "kafka:9092: it does not speak TLS"},
    {&tls,
     "ssl://kafka:9092/bootstrap: Disconnected: SSL connection closed by peer (after 1ms in state "
     "SSL_HANDSHAKE)",
     "tls_not_offered", "kafka:9092: it does not speak TLS"},
    {&tls,
     "ssl://kafka:9092/bootstrap: SSL handshake failed: error:0A00010B:SSL routines::wrong version "
     "number (after 1ms in state SSL_HANDSHAKE)",
     "tls_not_offered", "kafka:9092: it does not speak TLS"},
    {&tls,
     "[thrd:ssl://kafka:9092/bootstrap]: ssl://kafka:9092/bootstrap: Certificate "
     "(subject=/CN=server, issuer=/CN=ca) verification callback failed: X.509 error 20",
     "certificate_untrusted",
     "kafka:9092: its certificate is not trusted (subject=/CN=server, issuer=/CN=ca)"},
    {&tls,
     "ssl://kafka:9092/bootstrap: Certificate (subject=/CN=other, issuer=/CN=ca) verification "
     "callback failed: X.509 error 62",
     "certificate_other_name",
     "kafka:9092: its certificate is issued for another name (subject=/CN=other, issuer=/CN=ca)"},
    {&tls,
     "ssl://kafka:9092/bootstrap: Certificate (subject=/CN=old, issuer=/CN=ca) verification "
     "callback failed: X.509 error 10",
     "certificate_expired",
     "kafka:9092: its certificate has expired (subject=/CN=old, issuer=/CN=ca)"},
    {&tls,
     "ssl://kafka:9092/bootstrap: SSL handshake failed: error:0A000086:SSL routines::certificate "
     "verify failed: broker certificate could not be verified, verify that ssl.ca.location is "
     "correctly configured or root CA certificates are installed (install ca-certificates package) "
     "(after 7ms in state SSL_HANDSHAKE)",
     "certificate_untrusted", "kafka:9092: its certificate is not trusted"},
    {&tls,
     "ssl://kafka:9092/bootstrap: Receive failed: error:0A000412:SSL routines::sslv3 alert bad "
     "certificate: SSL alert number 42 (after 13ms in state APIVERSION_QUERY)",
     "client_certificate_required", "kafka:9092: the broker requires a client certificate"},
    {&with_certificate,
     "ssl://kafka:9092/bootstrap: Receive failed: error:0A000412:SSL routines::ssl/tls alert bad "
     "certificate: SSL alert number 42 (after 13ms in state APIVERSION_QUERY)",
     "client_certificate_rejected", "kafka:9092: the broker rejects our client certificate"},
    {&with_certificate,
     "ssl://kafka:9092/bootstrap: Receive failed: error:0A000416:SSL routines::sslv3 alert "
     "certificate unknown: SSL alert number 46 (after 40ms in state APIVERSION_QUERY)",
     "client_certificate_rejected", "kafka:9092: the broker rejects our client certificate"},
    {&plain,
     "kafka:9092/bootstrap: Receive failed: Invalid response size 1213486160 (0..100000000): "
     "increase receive.message.max.bytes (after 0ms in state APIVERSION_QUERY)",
     "not_kafka", "kafka:9092: an HTTP server answers, not Kafka"},
    {&old_scram,
     "sasl_plaintext://kafka:9092/bootstrap: SASL SCRAM-SHA-256 mechanism handshake failed: "
     "Broker: Unsupported SASL mechanism: broker's supported mechanisms: PLAIN (after 301ms in "
     "state AUTH_HANDSHAKE)",
     "mechanism_not_offered", "kafka:9092: it does not offer our SASL mechanism (it offers PLAIN)"},
    {&plain,
     "sasl_plaintext://kafka:9092/bootstrap: SASL PLAIN mechanism handshake failed: Broker: "
     "Request not valid in current SASL state: broker's supported mechanisms:  (after 1ms in state "
     "AUTH_HANDSHAKE)",
     "sasl_not_offered", "kafka:9092: it takes no login (SASL) on this port"},
    {&plain,
     "kafka:9092/bootstrap: Disconnected: verify that security.protocol is correctly configured, "
     "broker might require SASL authentication (after 1ms in state UP)",
     "sasl_required",
     "kafka:9092: it closes the connection, as a port does that requires a login (SASL)"},
    {&plain,
     "sasl_plaintext://kafka:9092/bootstrap: SASL authentication error: Authentication failed: "
     "Invalid username or password (after 323ms in state AUTH_REQ)",
     "wrong_password", "kafka:9092: wrong user or password"},
    {&old_scram,
     "sasl_plaintext://kafka:9092/bootstrap: SASL authentication error: Authentication failed "
     "during authentication due to invalid credentials with SASL mechanism SCRAM-SHA-256 (after "
     "308ms in state AUTH_REQ)",
     "scram_needs_newer_librdkafka",
     "kafka:9092: SCRAM login refused: Kafka 4 takes it only from librdkafka 2.6.1 and newer"},
    {&new_scram,
     "sasl_plaintext://kafka:9092/bootstrap: SASL authentication error: Authentication failed "
     "during authentication due to invalid credentials with SASL mechanism SCRAM-SHA-256 (after "
     "308ms in state AUTH_REQ)",
     "wrong_password", "kafka:9092: wrong user or password"},
    {&oauth,
     "sasl_plaintext://kafka:9092/bootstrap: SASL authentication error: "
     "{\"status\":\"invalid_token\"} (after 308ms in state AUTH_REQ)",
     "token_refused", "kafka:9092: the OAuth token is refused"},
    {&plain,
     "[thrd:10.0.0.7:9094/1]: 10.0.0.7:9094/1: Connect to ipv4#10.0.0.7:9094 failed: Connection "
     "refused (after 0ms in state CONNECT)",
     "connection_refused", "broker 1, advertised as 10.0.0.7:9094: the connection is refused"},
    {&plain,
     "kafka:9092/1: Connect to ipv4#10.0.0.7:9092 failed: Connection refused (after 0ms in state "
     "CONNECT)",
     "connection_refused", "kafka:9092: the connection is refused"},
    {&plain,
     "GroupCoordinator: 10.0.0.7:9094: Connect to ipv4#10.0.0.7:9094 failed: Connection refused "
     "(after 0ms in state CONNECT)",
     "connection_refused",
     "the group's coordinator, advertised as 10.0.0.7:9094: the connection is refused"},
    {&plain, "kafka:9092/bootstrap: Something new: in 2.99 (after 17ms in state UP)",
     "connection_failed", "kafka:9092: Something new: in 2.99"},
};

static void every_text_has_its_reason_without_numbers_that_change(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct kafka_reason r = {0};

        assert_true(kafka_reason_read(&r, cases[i].client, cases[i].said));
        assert_string_equal(r.text, cases[i].text);
        assert_string_equal(r.name, cases[i].name);
        assert_true(strlen(r.remedy) > 0);
    }
}

static void a_token_that_cannot_be_had_is_a_reason_without_a_broker(void **state)
{
    struct kafka_reason r = {0};

    (void)state;
    assert_true(kafka_reason_read(&r, &plain,
                                  "Failed to acquire SASL OAUTHBEARER token: "
                                  "kafka.oauth_token_command: it ends with exit status 3"));
    assert_string_equal(r.name, "token_unavailable");
    assert_string_equal(r.text,
                        "no OAuth token: kafka.oauth_token_command: it ends with exit status 3");
    assert_non_null(strstr(r.remedy, "kafka.oauth_token_file"));
    assert_false(r.is_vague);
}

static void a_text_that_names_no_broker_is_no_reason(void **state)
{
    struct kafka_reason r = {0};

    (void)state;
    assert_false(kafka_reason_read(&r, &plain, "1/1 brokers are down"));
    assert_false(kafka_reason_read(&r, &plain, "[thrd:app]: Configuration property x: y"));
    assert_null(r.name);
}

static void only_an_address_of_the_settings_is_not_called_advertised(void **state)
{
    const struct kafka_reason_client two = {.bootstrap = "ssl://a:9092, 10.0.0.7:90941,b:1"};
    struct kafka_reason r = {0};

    (void)state;
    kafka_reason_read(&r, &two, "10.0.0.7:9094/1: Connection refused");
    assert_non_null(strstr(r.text, "broker 1, advertised as 10.0.0.7:9094"));
    assert_non_null(strstr(r.remedy, "advertised.listeners"));
    kafka_reason_read(&r, &two, "a:9092/1: Connection refused");
    assert_string_equal(r.text, "a:9092: the connection is refused");
    kafka_reason_read(&r, &two, "b:1/2: Connection refused");
    assert_string_equal(r.text, "b:1: the connection is refused");
}

static void what_follows_the_exact_reason_does_not_hide_it(void **state)
{
    struct kafka_reason exact = {0};
    struct kafka_reason vague = {0};

    (void)state;
    kafka_reason_read(&exact, &tls,
                      "ssl://kafka:9092/bootstrap: Certificate (subject=/CN=old, issuer=/CN=ca) "
                      "verification callback failed: X.509 error 10");
    kafka_reason_read(&vague, &tls,
                      "ssl://kafka:9092/bootstrap: SSL handshake failed: error:0A000086:SSL "
                      "routines::certificate verify failed");
    assert_false(kafka_reason_replaces(&vague, &exact));
    assert_true(kafka_reason_replaces(&exact, &vague));
    assert_true(kafka_reason_replaces(&vague, &(struct kafka_reason){0}));
}

static void a_connection_that_stands_still_has_a_reason(void **state)
{
    struct kafka_reason r = {0};
    char text[200];

    (void)state;
    kafka_reason_stuck("kafka:9092/bootstrap", "CONNECT", text, sizeof(text));
    assert_true(kafka_reason_read(&r, &plain, text));
    assert_string_equal(r.text, "kafka:9092: it cannot be reached");
    kafka_reason_stuck("ssl://kafka:9092/bootstrap", "SSL_HANDSHAKE", text, sizeof(text));
    assert_true(kafka_reason_read(&r, &tls, text));
    assert_string_equal(r.text, "kafka:9092: it takes the connection and does not answer");
}

static void a_missing_permission_names_what_it_is_for(void **state)
{
    struct kafka_reason r = {0};

    (void)state;
    kafka_reason_denied(&r, "READ", "group order-tracker-group");
    assert_string_equal(r.text, "no READ permission on group order-tracker-group");
    assert_non_null(strstr(r.remedy, "READ on group order-tracker-group"));
}

/* Cut down from what librdkafka 2.0.2 writes. */
static const char statistics[] =
    "{ \"name\": \"order-tracker#consumer-1\", \"client_id\": \"x\", \"brokers\":{ "
    "\"kafka:9092/bootstrap\": { \"name\":\"kafka:9092/bootstrap\", \"nodeid\":-1, "
    "\"nodename\":\"kafka:9092\", \"source\":\"configured\", \"state\":\"UP\", "
    "\"stateage\":1500000, \"outbuf_cnt\":0, \"toppars\":{ } } , "
    "\"10.0.0.7:9094/1\": { \"name\":\"10.0.0.7:9094/1\", \"nodeid\":1, "
    "\"nodename\":\"10.0.0.7:9094\", \"source\":\"learned\", \"state\":\"CONNECT\", "
    "\"stateage\":4000000, \"toppars\":{ \"orders-0\": { \"topic\":\"orders\", \"partition\":0} } "
    "} , \"GroupCoordinator\": { \"name\":\"GroupCoordinator\", \"nodeid\":1, "
    "\"nodename\":\"10.0.0.7:9094\", \"source\":\"logical\", \"state\":\"INIT\", "
    "\"stateage\":200, \"toppars\":{ } } }, \"topics\":{ \"orders\": { \"topic\":\"orders\" } } }";

static void statistics_say_how_each_broker_is_reached(void **state)
{
    const char *at = statistics;
    struct kafka_broker_state b;

    (void)state;
    assert_true(kafka_stats_next(&at, &b));
    assert_string_equal(b.name, "kafka:9092/bootstrap");
    assert_true(b.is_up);
    assert_false(b.is_leader || b.is_coordinator);
    assert_int_equal(b.state_age_ms, 1500);
    assert_true(kafka_stats_next(&at, &b));
    assert_string_equal(b.name, "10.0.0.7:9094/1");
    assert_string_equal(b.state, "CONNECT");
    assert_true(b.is_leader && !b.is_up && !b.is_coordinator);
    assert_true(kafka_stats_next(&at, &b));
    assert_true(b.is_coordinator && !b.is_leader && !b.is_up);
    assert_false(kafka_stats_next(&at, &b));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_text_has_its_reason_without_numbers_that_change),
        cmocka_unit_test(a_token_that_cannot_be_had_is_a_reason_without_a_broker),
        cmocka_unit_test(a_text_that_names_no_broker_is_no_reason),
        cmocka_unit_test(only_an_address_of_the_settings_is_not_called_advertised),
        cmocka_unit_test(what_follows_the_exact_reason_does_not_hide_it),
        cmocka_unit_test(a_connection_that_stands_still_has_a_reason),
        cmocka_unit_test(a_missing_permission_names_what_it_is_for),
        cmocka_unit_test(statistics_say_how_each_broker_is_reached),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
