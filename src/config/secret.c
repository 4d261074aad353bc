#include "config/secret.h"

#include <stddef.h>
#include <string.h>
#include <sys/stat.h>

#include "config/reference.h"

/* Of what begins like this librdkafka has no secret. */
static const char *const open_sections[] = {
    "allow.",   "api.",         "auto.",       "batch.",     "broker.",      "check.",
    "client.",  "compression.", "connect",     "consume.",   "coordinator.", "delivery.",
    "enable.",  "fetch.",       "group.",      "heartbeat.", "isolation.",   "linger.",
    "log.",     "max.",         "message.",    "metadata.",  "partition",    "queue.",
    "queued.",  "queuing.",     "receive.",    "reconnect.", "request.",     "retry.",
    "session.", "socket.",      "statistics.", "sticky.",    "topic.",
};

/* And of these, whose neighbours may be secret. */
static const char *const open_names[] = {
    "acks",
    "bootstrap.servers",
    "debug",
    "https.ca.location",
    "https.proxy",
    "log_level",
    "retries",
    "sasl.kerberos.keytab",
    "sasl.kerberos.min.time.before.relogin",
    "sasl.kerberos.principal",
    "sasl.kerberos.service.name",
    "sasl.mechanism",
    "sasl.mechanisms",
    "sasl.oauthbearer.client.id",
    "sasl.oauthbearer.method",
    "sasl.oauthbearer.scope",
    "sasl.oauthbearer.token.endpoint.url",
    "sasl.username",
    "security.protocol",
    "ssl.ca.certificate.stores",
    "ssl.ca.location",
    "ssl.ca.pem",
    "ssl.certificate.location",
    "ssl.certificate.pem",
    "ssl.cipher.suites",
    "ssl.crl.location",
    "ssl.curves.list",
    "ssl.endpoint.identification.algorithm",
    "ssl.engine.location",
    "ssl.key.location",
    "ssl.keystore.location",
    "ssl.providers",
    "ssl.sigalgs.list",
    "transaction.timeout.ms",
    "transactional.id",
};

bool secret_name_is_open(const char *property)
{
    for (size_t i = 0; i < sizeof(open_names) / sizeof(open_names[0]); i++)
        if (strcmp(property, open_names[i]) == 0)
            return true;
    for (size_t i = 0; i < sizeof(open_sections) / sizeof(open_sections[0]); i++)
        if (strncmp(property, open_sections[i], strlen(open_sections[i])) == 0)
            return true;
    return false;
}

static bool has_login(const char *text)
{
    const char *scheme = strstr(text, "://");

    return scheme && memchr(scheme + 3, '@', strcspn(scheme + 3, "/?#, "));
}

bool secret_is_in(const struct config_property *p)
{
    if (*p->value == '\0' || reference_is_whole(p->value))
        return false;
    return !secret_name_is_open(p->name) || has_login(p->value);
}

bool secret_file_is_shared(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 && S_ISREG(st.st_mode) && (st.st_mode & S_IROTH);
}
