#include "io/kafka_login.h"

#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/strbuf.h"
#include "config/reference.h"
#include "config/resolve.h"
#include "io/token_source.h"
#include "model/oauth_token.h"

/* ---- tokens ---- */

/* Where a token comes from is handed to librdkafka as sasl.oauthbearer.config, which hands it back
 * to whoever gets one. */
static const char file_is[] = "kafka.oauth_token_file ";
static const char command_is[] = "kafka.oauth_token_command ";

static int get_text(const char *from, struct strbuf *out, struct err *e)
{
    size_t len = sizeof(file_is) - 1;

    if (strncmp(from, file_is, len) == 0)
        return reference_read_file(from + len, out, e);
    return token_source_run(from + sizeof(command_is) - 1, out, e);
}

static int get_token(rd_kafka_t *rk, const char *from, struct err *e)
{
    struct strbuf text = {0};
    struct oauth_token token = {0};
    char why[512];
    int rc = get_text(from, &text, e);

    if (rc == 0)
        rc = oauth_token_read(&token, strbuf_text(&text), text.len, clock_wall_ms(clock_system()),
                              e);
    if (rc == 0 && rd_kafka_oauthbearer_set_token(rk, token.value, token.expires_ms,
                                                  token.principal, NULL, 0, why, sizeof(why)))
        rc = err_set(e, ERR_RUNTIME, "librdkafka does not take the token");
    oauth_token_release(&token);
    strbuf_release(&text);
    return rc < 0 ? err_wrap(e, "%.*s", (int)strcspn(from, " "), from) : 0;
}

/* On a thread of librdkafka, which asks again ten seconds after a failure. */
static void on_token_needed(rd_kafka_t *rk, const char *from, void *opaque)
{
    struct err e = {0};

    (void)opaque;
    if (get_token(rk, from, &e) < 0)
        rd_kafka_oauthbearer_set_token_failure(rk, e.text);
}

static int check_mechanism(const rd_kafka_conf_t *conf, const char *key, struct err *e)
{
    char value[64];

    kafka_conf_get(conf, "sasl.mechanism", value, sizeof(value));
    if (strcasecmp(value, "OAUTHBEARER") != 0)
        return err_set(e, ERR_USAGE,
                       "%.*s: needs the librdkafka property sasl.mechanism: OAUTHBEARER",
                       (int)strcspn(key, " "), key);
    kafka_conf_get(conf, "sasl.oauthbearer.config", value, sizeof(value));
    if (*value)
        return err_set(e, ERR_USAGE,
                       "%.*s: leaves no use for the librdkafka property sasl.oauthbearer.config",
                       (int)strcspn(key, " "), key);
    return 0;
}

int kafka_login_prepare(rd_kafka_conf_t *conf, const struct config *cfg, struct err *e)
{
    bool is_file = *cfg->kafka.oauth_token_file;
    const char *key = is_file ? file_is : command_is;
    struct strbuf from = {0};
    int rc;

    if (!is_file && !*cfg->kafka.oauth_token_command)
        return 0;
    if (check_mechanism(conf, key, e) < 0)
        return -1;
    strbuf_addf(&from, "%s%s", key,
                is_file ? cfg->kafka.oauth_token_file : cfg->kafka.oauth_token_command);
    rc = kafka_conf_set(conf, "sasl.oauthbearer.config", strbuf_text(&from), ERR_RUNTIME, e);
    strbuf_release(&from);
    rd_kafka_conf_set_oauthbearer_token_refresh_cb(conf, on_token_needed);
    rd_kafka_conf_enable_sasl_queue(conf, 1);
    return rc;
}

void kafka_login_begin(rd_kafka_t *rk)
{
    rd_kafka_queue_t *queue = rd_kafka_queue_get_sasl(rk);

    if (!queue)
        return;
    rd_kafka_queue_destroy(queue);
    rd_kafka_error_destroy(rd_kafka_sasl_background_callbacks_enable(rk));
}

/* ---- user and password ---- */

static int set_credentials(rd_kafka_t *rk, const char *user, const char *password, struct err *e)
{
    rd_kafka_error_t *error = rd_kafka_sasl_set_credentials(rk, user, password);

    if (!error)
        return 0;
    err_set(e, ERR_RUNTIME, "%s", rd_kafka_error_string(error));
    rd_kafka_error_destroy(error);
    return -1;
}

int kafka_login_renew(rd_kafka_t *rk, const struct config *cfg, struct err *e)
{
    struct strbuf user = {0};
    struct strbuf password = {0};
    int rc = 0;

    if (resolve_named(cfg, "sasl.username", &user, e) < 0 ||
        resolve_named(cfg, "sasl.password", &password, e) < 0)
        rc = -1;
    else if (user.len > 0 && password.len > 0)
        rc = set_credentials(rk, strbuf_text(&user), strbuf_text(&password), e);
    strbuf_release(&user);
    strbuf_release(&password);
    return rc;
}
