#include "io/kafka_reason.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SCRAM_ON_KAFKA_4 0x020601ff /* librdkafka #4895 */

/* ---- the table ---- */

/* What must hold of the client, all that are named. */
enum {
    WITH_TLS = 1,
    WITHOUT_TLS = 2,
    WITH_CERTIFICATE = 4,
    WITH_OLD_SCRAM = 8,
    WITH_OAUTH = 16,
    /* And what the row says of itself. */
    IS_VAGUE = 32,
    IS_ADDRESS = 64, /* nobody can be reached there: the address may be the wrong one */
};

struct row {
    const char *said;
    const char *also; /* must be in the text too; or NULL */
    unsigned flags;
    const char *name;
    const char *reason;
    const char *remedy;
};

#define CHECK_ADDRESS "check that Kafka runs there, and the address in kafka.broker"
#define CHECK_NETWORK "check the address in kafka.broker, and the firewalls and routes to it"
#define CHECK_NOT_STUCK \
    "check that this is the port of a Kafka broker, and that the broker is not stuck"
#define SET_CA  "set ssl.ca.location to the certificate of the CA that issued it"
#define SET_TLS "set security.protocol to ssl or sasl_ssl, or use the broker's port without TLS"
#define SET_PLAIN \
    "set security.protocol to plaintext or sasl_plaintext, or use the broker's TLS port"
#define SET_CLIENT "set ssl.certificate.location and ssl.key.location"
#define GET_TOKEN \
    "set kafka.oauth_token_file or kafka.oauth_token_command to what gives a valid token"
#define RENEW_CLIENT "check with the broker's truststore which CA must issue it, and its dates"

/* The first that fits. The texts are those of librdkafka 2.0.2 to 2.16, OpenSSL 3 and Kafka 4. */
static const struct row rows[] = {
    {"Failed to resolve", NULL, IS_ADDRESS, "address_unresolved", "the name cannot be resolved",
     "check the name in kafka.broker, and this machine's DNS"},
    {"Connection refused", NULL, IS_ADDRESS, "connection_refused", "the connection is refused",
     CHECK_ADDRESS},
    {"No route to host", NULL, IS_ADDRESS, "unreachable", "no network route", CHECK_NETWORK},
    {"Network is unreachable", NULL, IS_ADDRESS, "unreachable", "no network route", CHECK_NETWORK},
    {"Connection timed out", NULL, IS_ADDRESS, "unreachable", "it cannot be reached",
     CHECK_NETWORK},
    {"onnection setup timed out in state CONNECT", NULL, IS_ADDRESS, "unreachable",
     "it cannot be reached", CHECK_NETWORK},
    {"no progress in state CONNECT", NULL, IS_ADDRESS, "unreachable", "it cannot be reached",
     CHECK_NETWORK},
    {"no progress in state", NULL, IS_ADDRESS, "no_answer",
     "it takes the connection and does not answer", CHECK_NOT_STUCK},
    {"onnection setup timed out", NULL, IS_ADDRESS, "no_answer",
     "it takes the connection and does not answer", CHECK_NOT_STUCK},
    {"request(s) timed out", NULL, IS_VAGUE, "no_answer", "it does not answer", CHECK_NOT_STUCK},
    {"ApiVersionRequest failed: Local: Timed out", NULL, IS_VAGUE, "no_answer",
     "it takes the connection and does not answer", CHECK_NOT_STUCK},

    /* What our own check of the certificate says, see kafka_client. */
    {"X.509 error 62", NULL, 0, "certificate_other_name",
     "its certificate is issued for another name",
     "use a name in kafka.broker that the certificate holds, or issue it for this name"},
    {"X.509 error 64", NULL, 0, "certificate_other_name",
     "its certificate is issued for another address",
     "use a name in kafka.broker that the certificate holds, or issue it for this address"},
    {"X.509 error 10", NULL, 0, "certificate_expired", "its certificate has expired",
     "renew the broker's certificate; if it is still valid, set this machine's clock"},
    {"X.509 error 9", NULL, 0, "certificate_expired", "its certificate is not valid yet",
     "set this machine's clock, or wait until the certificate is valid"},
    {"X.509 error", NULL, 0, "certificate_untrusted", "its certificate is not trusted", SET_CA},
    {"certificate verify failed", NULL, IS_VAGUE, "certificate_untrusted",
     "its certificate is not trusted", SET_CA},

    /* Alerts by which a broker ends a handshake. */
    {"not sending any client certificates", NULL, 0, "client_certificate_rejected",
     "the broker does not trust the issuer of our client certificate", RENEW_CLIENT},
    {"SSL alert number 42", NULL, WITH_CERTIFICATE | IS_VAGUE, "client_certificate_rejected",
     "the broker rejects our client certificate", RENEW_CLIENT},
    {"SSL alert number 42", NULL, 0, "client_certificate_required",
     "the broker requires a client certificate", SET_CLIENT},
    {"SSL alert number 116", NULL, 0, "client_certificate_required",
     "the broker requires a client certificate", SET_CLIENT},
    {"SSL alert number 40", NULL, 0, "tls_mismatch", "no TLS version or cipher in common",
     "check ssl.cipher.suites, and which TLS versions the broker takes"},
    {"SSL alert number 70", NULL, 0, "tls_mismatch", "no TLS version or cipher in common",
     "check ssl.cipher.suites, and which TLS versions the broker takes"},
    {"SSL alert number", NULL, 0, "client_certificate_rejected",
     "the broker rejects our client certificate", RENEW_CLIENT},

    /* TLS or not. 0x1503.... is a TLS alert, read as a length. */
    {"connecting to a SSL listener?", NULL, WITHOUT_TLS | IS_VAGUE, "tls_required",
     "it closes the connection, as a TLS port does", SET_TLS},
    {"Invalid response size 3525", NULL, WITHOUT_TLS, "tls_required", "it speaks TLS", SET_TLS},
    {"in state SSL_HANDSHAKE", "unexpected eof", 0, "tls_not_offered", "it does not speak TLS",
     SET_PLAIN},
    {"in state SSL_HANDSHAKE", "Disconnected", 0, "tls_not_offered", "it does not speak TLS",
     SET_PLAIN},
    {"in state SSL_HANDSHAKE", "wrong version number", 0, "tls_not_offered",
     "it does not speak TLS", SET_PLAIN},
    {"in state SSL_HANDSHAKE", "packet length too long", 0, "tls_not_offered",
     "it does not speak TLS", SET_PLAIN},
    {"in state SSL_HANDSHAKE", "No further error information", IS_VAGUE, "tls_not_offered",
     "it does not speak TLS", SET_PLAIN},

    /* 0x48545450 is "HTTP". */
    {"Invalid response size 1213486160", NULL, 0, "not_kafka", "an HTTP server answers, not Kafka",
     CHECK_ADDRESS},
    {"Invalid response size", NULL, 0, "not_kafka", "what answers is not Kafka", CHECK_ADDRESS},

    {"Unsupported SASL mechanism", NULL, 0, "mechanism_not_offered",
     "it does not offer our SASL mechanism", "set sasl.mechanism to one that it offers"},
    {"not valid in current SASL state", NULL, 0, "sasl_not_offered",
     "it takes no login (SASL) on this port",
     "set security.protocol to plaintext or ssl, or use the broker's port for SASL"},
    {"might require SASL authentication", NULL, IS_VAGUE, "sasl_required",
     "it closes the connection, as a port does that requires a login (SASL)",
     "set security.protocol, sasl.mechanism, sasl.username and sasl.password"},
    {"no token available", NULL, IS_VAGUE, KAFKA_REASON_TOKEN, "there is no OAuth token yet",
     GET_TOKEN},
    {"SASL authentication error", NULL, WITH_OLD_SCRAM, "scram_needs_newer_librdkafka",
     "SCRAM login refused: Kafka 4 takes it only from librdkafka 2.6.1 and newer",
     "use librdkafka 2.6.1 or newer, or another SASL mechanism; for Kafka 3 check sasl.username "
     "and sasl.password"},
    {"SASL authentication error", NULL, WITH_OAUTH, "token_refused", "the OAuth token is refused",
     "check where the token comes from, its audience and its dates"},
    {"SASL authentication error", NULL, 0, "wrong_password", "wrong user or password",
     "check sasl.username and sasl.password"},
};

static bool client_fits(const struct row *row, const struct kafka_reason_client *c)
{
    return (!(row->flags & WITH_TLS) || c->is_tls) && (!(row->flags & WITHOUT_TLS) || !c->is_tls) &&
           (!(row->flags & WITH_CERTIFICATE) || c->has_certificate) &&
           (!(row->flags & WITH_OAUTH) || c->is_oauth) &&
           (!(row->flags & WITH_OLD_SCRAM) || (c->is_scram && c->version < SCRAM_ON_KAFKA_4));
}

static const struct row *find_row(const struct kafka_reason_client *c, const char *text)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (strstr(text, rows[i].said) && (!rows[i].also || strstr(text, rows[i].also)) &&
            client_fits(&rows[i], c))
            return &rows[i];
    return NULL;
}

/* ---- what librdkafka writes ---- */

/* "[thrd:x]: ssl://host:9093/bootstrap: what (after 3ms in state CONNECT)" in its parts. */
struct said {
    const char *address;
    int address_len;
    int id; /* of the broker; -1: not known */
    bool is_coordinator;
    const char *what;
    int what_len;
};

/* The group's coordinator is "GroupCoordinator: host:9092: what". */
static const char *skip_logical_name(struct said *said, const char *text)
{
    static const char logical[] = "GroupCoordinator";
    const char *colon = strstr(text, ": ");

    said->is_coordinator = colon && strncmp(text, logical, sizeof(logical) - 1) == 0;
    return said->is_coordinator ? colon + 2 : text;
}

static int id_of(const char *slash, const char *end)
{
    int id = 0;

    if (!slash || slash + 1 == end)
        return -1;
    for (const char *s = slash + 1; s < end; s++) {
        if (!isdigit((unsigned char)*s) || id > 100000000)
            return -1;
        id = id * 10 + (*s - '0');
    }
    return id;
}

static bool has_port(const char *text, int len)
{
    int digits = 0;

    while (digits < len && isdigit((unsigned char)text[len - 1 - digits]))
        digits++;
    return digits > 0 && digits + 1 < len && text[len - 1 - digits] == ':';
}

/* Returns false when it is not about a broker. */
static bool take_apart(struct said *said, const char *text)
{
    const char *end;
    const char *scheme;
    const char *slash;
    const char *suffix;

    if (strncmp(text, "[thrd:", 6) == 0 && (end = strstr(text, "]: ")))
        text = end + 3;
    text = skip_logical_name(said, text);
    end = strstr(text, ": ");
    if (!end)
        return false;
    scheme = memmem(text, (size_t)(end - text), "://", 3);
    said->address = scheme ? scheme + 3 : text;
    slash = memchr(said->address, '/', (size_t)(end - said->address));
    said->address_len = (int)((slash ? slash : end) - said->address);
    said->id = id_of(slash, end);
    said->what = end + 2;
    suffix = strstr(said->what, " (after ");
    said->what_len = (int)(suffix ? (size_t)(suffix - said->what) : strlen(said->what));
    return has_port(said->address, said->address_len);
}

static bool is_bootstrap(const struct kafka_reason_client *c, const struct said *said)
{
    const char *s = c->bootstrap;
    size_t len = (size_t)said->address_len;

    while ((s = memmem(s, strlen(s), said->address, len))) {
        bool begins = s == c->bootstrap || strchr(", /", s[-1]);

        s += len;
        if (begins && (*s == '\0' || *s == ',' || *s == ' '))
            return true;
    }
    return false;
}

/* ---- what we write ---- */

/* Appends "(<what><part>)", where the part of `text` is between two others. */
static void add_between(char *out, size_t size, const char *text, const char *from, const char *to,
                        const char *what)
{
    const char *begin = strstr(text, from);
    const char *end = begin ? strstr(begin, to) : NULL;
    size_t used = strlen(out);

    begin = begin ? begin + strlen(from) : NULL;
    if (end && end > begin && *begin != ' ')
        snprintf(out + used, size - used, " (%s%.*s)", what, (int)(end - begin), begin);
}

/* The address is not one that we were given. */
static bool is_advertised(const struct kafka_reason_client *c, const struct said *said)
{
    return (said->id >= 0 || said->is_coordinator) && !is_bootstrap(c, said);
}

static void write_text(struct kafka_reason *r, const struct kafka_reason_client *c,
                       const struct said *said, const char *reason, int reason_len)
{
    char who[64] = "";

    if (is_advertised(c, said) && said->is_coordinator)
        snprintf(who, sizeof(who), "the group's coordinator, advertised as ");
    else if (is_advertised(c, said))
        snprintf(who, sizeof(who), "broker %d, advertised as ", said->id);
    snprintf(r->text, sizeof(r->text), "%s%.*s: %.*s", who, said->address_len, said->address,
             reason_len, reason);
}

static const char *remedy_of(const struct kafka_reason_client *c, const struct said *said,
                             const struct row *row)
{
    if (!row)
        return "see the broker's log";
    if (row->flags & IS_ADDRESS && is_advertised(c, said))
        return "check that this broker runs, and that its advertised.listeners names an address "
               "that this machine can reach";
    return row->remedy;
}

/* No broker has a part in it: our own words about the token, see kafka_login. */
static bool read_token_failure(struct kafka_reason *r, const char *text)
{
    static const char begin[] = "Failed to acquire SASL OAUTHBEARER token: ";

    if (strncmp(text, begin, sizeof(begin) - 1) != 0)
        return false;
    r->name = KAFKA_REASON_TOKEN;
    r->is_vague = false;
    snprintf(r->text, sizeof(r->text), "no OAuth token: %s", text + sizeof(begin) - 1);
    snprintf(r->remedy, sizeof(r->remedy), "%s", GET_TOKEN);
    return true;
}

bool kafka_reason_read(struct kafka_reason *r, const struct kafka_reason_client *client,
                       const char *text)
{
    const struct row *row;
    struct said said;

    if (read_token_failure(r, text))
        return true;
    if (!take_apart(&said, text))
        return false;
    row = find_row(client, text);
    r->name = row ? row->name : "connection_failed";
    r->is_vague = !row || row->flags & IS_VAGUE;
    write_text(r, client, &said, row ? row->reason : said.what,
               row ? (int)strlen(row->reason) : said.what_len);
    add_between(r->text, sizeof(r->text), text, "Certificate (", ") verification", "");
    add_between(r->text, sizeof(r->text), text, "supported mechanisms: ", " (after ", "it offers ");
    snprintf(r->remedy, sizeof(r->remedy), "%s", remedy_of(client, &said, row));
    return true;
}

void kafka_reason_stuck(const char *name, const char *state, char *text, size_t size)
{
    snprintf(text, size, "%s: no progress in state %s", name, state);
}

void kafka_reason_denied(struct kafka_reason *r, const char *operation, const char *resource)
{
    r->name = "permission_denied";
    r->is_vague = false;
    snprintf(r->text, sizeof(r->text), "no %s permission on %s", operation, resource);
    snprintf(r->remedy, sizeof(r->remedy),
             "have %s on %s allowed for this user (kafka-acls), or set another user", operation,
             resource);
}

bool kafka_reason_replaces(const struct kafka_reason *later, const struct kafka_reason *earlier)
{
    return !earlier->name || !later->is_vague || earlier->is_vague;
}

/* ---- the statistics ---- */

/* The document is librdkafka's own and always in the same order, so that a search for its members
 * is enough: the statistics of many partitions are long, and they come every two seconds. */

/* Copies the string member `key` that comes next at `at`. Returns where it ends, or NULL. */
static const char *take_text(const char *at, const char *key, char *out, size_t size)
{
    const char *begin = strstr(at, key);
    size_t len;

    if (!begin)
        return NULL;
    begin += strlen(key);
    len = strcspn(begin, "\"");
    snprintf(out, size, "%.*s", (int)len, begin);
    return begin + len;
}

static bool is_empty_object(const char *at)
{
    return at[strspn(at, " ")] == '}';
}

bool kafka_stats_next(const char **at, struct kafka_broker_state *b)
{
    static const char age[] = "\"stateage\":";
    static const char partitions[] = "\"toppars\":{";
    char node[300];
    char source[32];
    const char *id = strstr(*at, "\"nodeid\":");
    const char *name = id;
    const char *s;

    if (!id)
        return false;
    while (name > *at && strncmp(name, "\"name\":\"", 8) != 0)
        name--;
    *b = (struct kafka_broker_state){0};
    if (!take_text(name, "\"name\":\"", b->name, sizeof(b->name)) ||
        !(s = take_text(id, "\"nodename\":\"", node, sizeof(node))) ||
        !(s = take_text(s, "\"source\":\"", source, sizeof(source))) ||
        !(s = take_text(s, "\"state\":\"", b->state, sizeof(b->state))) || !(s = strstr(s, age)))
        return false;
    b->state_age_ms = strtoll(s + sizeof(age) - 1, NULL, 10) / 1000;
    b->is_up = strcmp(b->state, "UP") == 0;
    b->is_coordinator = strcmp(source, "logical") == 0 && *node;
    s = strstr(s, partitions);
    b->is_leader = s && !is_empty_object(s + sizeof(partitions) - 1);
    *at = s ? s : id + 1;
    return true;
}
