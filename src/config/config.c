#include "config/config.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "config/key.h"
#include "config/value.h"

static void replace_text(char **place, const char *text)
{
    char *copy = mem_strdup(text);

    free(*place);
    *place = copy;
}

/* ---- Life ---- */

void config_init(struct config *cfg)
{
    *cfg = (struct config){0};
    cfg->origins = mem_alloc_array(key_count(), sizeof(cfg->origins[0]));
    cfg->follows = mem_alloc_array(key_count(), sizeof(cfg->follows[0]));
    for (size_t i = 0; i < key_count(); i++) {
        const struct key *key = key_at(i);
        int rc;

        if (key->type == KEY_MAP) {
            replace_text(&cfg->origins[i], "default");
            continue;
        }
        rc = config_set(cfg, key->name, key->value, "default", NULL);
        assert(rc == 0);
        (void)rc;
    }
}

static void release_properties(struct config *cfg)
{
    for (size_t i = 0; i < cfg->kafka.property_count; i++) {
        free(cfg->kafka.properties[i].name);
        free(cfg->kafka.properties[i].value);
        free(cfg->kafka.properties[i].origin);
        free(cfg->kafka.properties[i].resolved);
    }
    free(cfg->kafka.properties);
}

void config_release(struct config *cfg)
{
    for (size_t i = 0; cfg->origins && i < key_count(); i++) {
        free(cfg->origins[i]);
        key_release(key_at(i), cfg);
    }
    free(cfg->origins);
    free(cfg->follows);
    free(cfg->exposed_file);
    release_properties(cfg);
    *cfg = (struct config){0};
}

/* ---- Setting ---- */

static void settle_followers(struct config *cfg)
{
    for (size_t i = 0; i < key_count(); i++) {
        const struct key *key = key_at(i);
        int rc;

        if (!cfg->follows[i])
            continue;
        rc = key_store(key, cfg, key_text(key_find(key->follows), cfg), NULL);
        assert(rc == 0); /* both rows allow the same */
        (void)rc;
    }
}

bool config_is_set(const struct config *cfg, const char *name)
{
    const struct key *key = key_find(name);
    size_t i = key_index(key);

    if (cfg->follows[i])
        return config_is_set(cfg, key->follows);
    return strcmp(cfg->origins[i], "default") != 0;
}

int config_set(struct config *cfg, const char *name, const char *value, const char *origin,
               struct err *e)
{
    const struct key *key = key_find(name);
    size_t i;

    if (!key)
        return key_unknown(name, e);
    if (key->type == KEY_MAP)
        return err_set(e, ERR_USAGE, "%s: has no single value (allowed: -X name=value)", name);
    if (key_store(key, cfg, value, e) < 0)
        return err_wrap(e, "%s", name);
    i = key_index(key);
    replace_text(&cfg->origins[i], origin);
    cfg->follows[i] = key->follows && *value == '\0';
    settle_followers(cfg);
    return 0;
}

void config_set_property(struct config *cfg, const char *name, const char *value,
                         const char *origin)
{
    struct config_property *p = NULL;

    for (size_t i = 0; i < cfg->kafka.property_count; i++) {
        if (strcmp(cfg->kafka.properties[i].name, name) == 0)
            p = &cfg->kafka.properties[i];
    }
    if (!p) {
        size_t count = cfg->kafka.property_count + 1;

        cfg->kafka.properties = mem_realloc_array(cfg->kafka.properties, count, sizeof(*p));
        p = &cfg->kafka.properties[count - 1];
        *p = (struct config_property){.name = mem_strdup(name)};
        cfg->kafka.property_count = count;
    }
    free(p->resolved);
    p->resolved = NULL;
    replace_text(&p->value, value);
    replace_text(&p->origin, origin);
}

/* ---- Checking across keys ---- */

/* How two settings stand to each other, for a message: `a: "1" (default) <is> b: "2" (env B)`. */
static int refuse_pair(const struct config *cfg, const struct key *a, const char *is,
                       const struct key *b, struct err *e)
{
    struct strbuf a_value = {0}, b_value = {0};

    key_format(a, cfg, &a_value);
    key_format(b, cfg, &b_value);
    err_set(e, ERR_USAGE, "%s: %s (from %s) %s %s: %s (from %s)", a->name,
            value_name(strbuf_text(&a_value)).text, cfg->origins[key_index(a)], is, b->name,
            value_name(strbuf_text(&b_value)).text, cfg->origins[key_index(b)]);
    strbuf_release(&a_value);
    strbuf_release(&b_value);
    return -1;
}

static double number_of(const struct key *key, const struct config *cfg)
{
    struct strbuf text = {0};
    double n = 0;
    int rc;

    key_format(key, cfg, &text);
    rc = value_read_number(strbuf_text(&text), key->min, key->max, &n, NULL);
    assert(rc == 0);
    (void)rc;
    strbuf_release(&text);
    return n;
}

static int check_order(const struct config *cfg, struct err *e)
{
    static const struct {
        const char *small, *large;
    } pairs[] = {
        {"retry.initial_delay_ms", "retry.max_delay_ms"},
        {"tracker.max_message_bytes", "tracker.max_buffered_bytes"},
        {"monitor.success_crit", "monitor.success_warn"},
        {"monitor.latency_warn_ms", "monitor.latency_crit_ms"},
    };

    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
        const struct key *small = key_find(pairs[i].small);
        const struct key *large = key_find(pairs[i].large);

        if (number_of(small, cfg) > number_of(large, cfg))
            return refuse_pair(cfg, small, "must not be more than", large, e);
    }
    return 0;
}

static int check_difference(const struct config *cfg, struct err *e)
{
    static const struct {
        const char *a, *b;
    } pairs[] = {
        {"dlq.topic", "kafka.topic"}, /* else the tracker would read its own dead letters */
        {"tracker.log_file", "tracker.events_file"},
    };

    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
        const struct key *a = key_find(pairs[i].a);
        const struct key *b = key_find(pairs[i].b);

        if (strcmp(key_text(a, cfg), key_text(b, cfg)) == 0)
            return refuse_pair(cfg, a, "must differ from", b, e);
    }
    return 0;
}

/* `value` is the text of the key `name`. */
static int refuse_without(const struct config *cfg, const char *name, const char *value,
                          const char *needed, struct err *e)
{
    return err_set(e, ERR_USAGE, "%s: %s (from %s) needs %s, which is not set", name,
                   value_quote(value).text, cfg->origins[key_index(key_find(name))], needed);
}

static int check_processor(const struct config *cfg, struct err *e)
{
    enum config_processor kind = cfg->processor.kind;

    if (kind == CONFIG_PROCESSOR_COMMAND && !*cfg->processor.command)
        return refuse_without(cfg, "processor.kind", "command", "processor.command", e);
    if (kind == CONFIG_PROCESSOR_HTTP && !*cfg->processor.url)
        return refuse_without(cfg, "processor.kind", "http", "processor.url", e);
    if (*cfg->processor.key_file && !*cfg->processor.cert_file)
        return refuse_without(cfg, "processor.key_file", cfg->processor.key_file,
                              "processor.cert_file", e);
    return 0;
}

static const char *origin_of(const struct config *cfg, const char *name)
{
    return cfg->origins[key_index(key_find(name))];
}

static int check_token(const struct config *cfg, struct err *e)
{
    if (!*cfg->kafka.oauth_token_file || !*cfg->kafka.oauth_token_command)
        return 0;
    return err_set(e, ERR_USAGE,
                   "kafka.oauth_token_file (from %s) and kafka.oauth_token_command (from %s): only "
                   "one of them can say where the token comes from",
                   origin_of(cfg, "kafka.oauth_token_file"),
                   origin_of(cfg, "kafka.oauth_token_command"));
}

int config_check(const struct config *cfg, struct err *e)
{
    if (check_order(cfg, e) < 0 || check_token(cfg, e) < 0 || check_processor(cfg, e) < 0)
        return -1;
    return check_difference(cfg, e);
}
