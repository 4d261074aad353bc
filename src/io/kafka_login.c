#include "io/kafka_login.h"

#include "base/strbuf.h"
#include "config/resolve.h"

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
