#include "config/resolve.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "config/reference.h"
#include "config/value.h"

/* For `resolved` of all properties: one program has one configuration. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static int expand(const struct config_property *p, struct strbuf *out, struct err *e)
{
    if (reference_expand(p->value, out, e) == 0)
        return 0;
    err_wrap(e, "librdkafka property %s", value_name(p->name).text);
    return err_wrap(e, "%s", p->origin);
}

/* ---- all ---- */

/* Takes `values`, one for each property. Returns 1 when one of them is new. */
static int keep(struct config *cfg, char **values)
{
    int is_new = 0;

    pthread_mutex_lock(&lock);
    for (size_t i = 0; i < cfg->kafka.property_count; i++) {
        struct config_property *p = &cfg->kafka.properties[i];

        is_new |= !p->resolved || strcmp(p->resolved, values[i]) != 0;
        free(p->resolved);
        p->resolved = values[i];
    }
    pthread_mutex_unlock(&lock);
    return is_new;
}

int resolve_properties(struct config *cfg, struct err *e)
{
    size_t count = cfg->kafka.property_count;
    char **values = mem_alloc_array(count + 1, sizeof(*values));
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < count; i++) {
        struct strbuf value = {0};

        rc = expand(&cfg->kafka.properties[i], &value, e);
        strbuf_adds(&value, "");
        values[i] = strbuf_take(&value);
    }
    if (rc == 0)
        rc = keep(cfg, values);
    else
        for (size_t i = 0; i < count; i++)
            free(values[i]);
    free(values);
    return rc;
}

/* ---- one ---- */

int resolve_value(const struct config_property *p, struct strbuf *out, struct err *e)
{
    bool is_resolved;

    pthread_mutex_lock(&lock);
    is_resolved = p->resolved;
    if (is_resolved)
        strbuf_adds(out, p->resolved);
    pthread_mutex_unlock(&lock);
    return is_resolved ? 0 : expand(p, out, e);
}

int resolve_named(const struct config *cfg, const char *name, struct strbuf *out, struct err *e)
{
    for (size_t i = 0; i < cfg->kafka.property_count; i++)
        if (strcmp(cfg->kafka.properties[i].name, name) == 0)
            return resolve_value(&cfg->kafka.properties[i], out, e);
    return 0;
}
