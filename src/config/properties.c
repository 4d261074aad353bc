#include "config/properties.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/strbuf.h"
#include "base/utf8.h"
#include "config/settings_text.h"
#include "config/value.h"

/* ---- A file ---- */

/* Cuts white space off both ends of `text`, in place. Returns its new begin. */
static char *trim(char *text)
{
    size_t len;

    while (isspace((unsigned char)*text))
        text++;
    len = strlen(text);
    while (len > 0 && isspace((unsigned char)text[len - 1]))
        text[--len] = '\0';
    return text;
}

static int set_property(struct config *cfg, const char *name, const char *value, const char *origin,
                        struct err *e)
{
    if (strcmp(name, "bootstrap.servers") == 0)
        return config_set(cfg, "kafka.broker", value, origin, e);
    config_set_property(cfg, name, value, origin);
    return 0;
}

static int take_line(struct config *cfg, char *line, const char *origin, struct err *e)
{
    char *text = trim(line);
    char *equals = strchr(text, '=');

    if (*text == '\0' || *text == '#')
        return 0;
    if (!equals || equals == text)
        return err_set(e, ERR_USAGE, "name=value is expected, with a name before the =");
    *equals = '\0';
    return set_property(cfg, trim(text), trim(equals + 1), origin, e);
}

int properties_load(struct config *cfg, const char *path, struct err *e)
{
    struct settings_text source;
    struct strbuf origin = {0};
    char *text = NULL;
    size_t number = 0;
    int rc = settings_text_read(&source, path, e);

    if (rc == 0)
        text = mem_strdup(strbuf_text(&source.text));
    for (char *rest = text, *line; rc == 0 && (line = strsep(&rest, "\n"));) {
        strbuf_cut(&origin, 0);
        settings_text_add_place(&source, ++number, &origin);
        rc = take_line(cfg, line, strbuf_text(&origin), e);
        if (rc < 0)
            settings_text_wrap(&source, number, e);
    }
    free(text);
    strbuf_release(&origin);
    settings_text_release(&source);
    return rc;
}

/* ---- The environment ---- */

/* Of the names with a _ of their own, which would become a dot, only this one is the user's. */
static const char underscored[] = "log_level";

static void add_name(struct strbuf *out, const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++)
        strbuf_addc(out, text[i] == '_' ? '.' : (char)tolower((unsigned char)text[i]));
    if (strcmp(strbuf_text(out), "log.level") == 0) {
        strbuf_cut(out, 0);
        strbuf_adds(out, underscored);
    }
}

/* `text` is what comes after KAFKA_PROPERTIES_, with the value. */
static int take_variable(struct config *cfg, const char *variable, const char *text, struct err *e)
{
    size_t len = strcspn(text, "=");
    const char *value = text + len + 1;
    char *shown = mem_strndup(variable, (size_t)(text - variable) + len);
    struct strbuf name = {0};
    struct strbuf origin = {0};
    int rc = 0;

    if (len == 0 || strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") != len)
        rc = err_set(e, ERR_USAGE, "the property's name is expected in capitals, with _ for dots");
    else if (!utf8_valid(value, strlen(value), NULL))
        rc = err_set(e, ERR_USAGE, "its value is not valid UTF-8");
    if (rc < 0)
        err_wrap(e, "environment variable %s", value_name(shown).text);
    else if (*value) {
        add_name(&name, text, len);
        strbuf_addf(&origin, "env %s", shown);
        config_set_property(cfg, strbuf_text(&name), value, strbuf_text(&origin));
    }
    strbuf_release(&name);
    strbuf_release(&origin);
    free(shown);
    return rc;
}

int properties_load_environment(struct config *cfg, struct err *e)
{
    static const char prefix[] = "KAFKA_PROPERTIES_";
    size_t len = sizeof(prefix) - 1;

    for (char **variable = environ; *variable; variable++)
        if (strncmp(*variable, prefix, len) == 0 &&
            take_variable(cfg, *variable, *variable + len, e) < 0)
            return -1;
    return 0;
}
