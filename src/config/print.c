#include "config/print.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "base/utf8.h"
#include "config/key.h"
#include "config/reference.h"
#include "config/secret.h"

#define MASK "********"

/* ---- YAML scalars ---- */

/* Words that some reader of YAML takes for something other than text. */
static bool is_yaml_word(const char *text)
{
    static const char *const words[] = {"null", "true", "false", "yes", "no",
                                        "on",   "off",  "y",     "n"};

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (strcasecmp(text, words[i]) == 0)
            return true;
    }
    return false;
}

/* Narrower than YAML allows: what begins like a name or a path and has nothing in it that could
 * mean anything but itself. */
static bool is_plain(const char *text)
{
    const char *start = text + strspn(text, ".");

    if (!isalpha((unsigned char)*start) && *start != '/')
        return false;
    if (start != text && *start != '/')
        return false;
    for (const char *s = start; *s; s++) {
        if (*s == ':' && (s[1] == '\0' || !isalnum((unsigned char)s[1])) && s[1] != '/')
            return false;
        if (!isalnum((unsigned char)*s) && !strchr("._/:-", *s))
            return false;
    }
    return !is_yaml_word(text);
}

/* By YAML 1.1: what a stream may hold, less the characters it takes for line breaks. */
static bool is_printable(uint32_t c)
{
    return (c >= 0x20 && c <= 0x7e) || (c >= 0xa0 && c <= 0xd7ff && c != 0x2028 && c != 0x2029) ||
           (c >= 0xe000 && c <= 0xfffd && c != 0xfeff) || c >= 0x10000;
}

static void add_quoted(struct strbuf *out, const char *text)
{
    size_t len = strlen(text);

    strbuf_addc(out, '"');
    for (size_t at = 0; at < len;) {
        uint32_t c = 0;
        size_t n = utf8_decode(text + at, len - at, &c);

        if (n == 0) {
            c = 0xfffd; /* YAML cannot hold bytes that are no text */
            n = 1;
        }
        if (c == '"' || c == '\\')
            strbuf_addf(out, "\\%c", (int)c);
        else if (c == '\n')
            strbuf_adds(out, "\\n");
        else if (c == '\t')
            strbuf_adds(out, "\\t");
        else if (!is_printable(c) || c == 0xfffd)
            strbuf_addf(out, "\\u%04X", (unsigned)c);
        else
            strbuf_add(out, text + at, n);
        at += n;
    }
    strbuf_addc(out, '"');
}

static void add_scalar(struct strbuf *out, const char *text)
{
    if (is_plain(text))
        strbuf_adds(out, text);
    else
        add_quoted(out, text);
}

/* ---- Effective settings ---- */

/* Without the user and password of each URL in it. */
static void add_without_logins(struct strbuf *out, const char *text)
{
    const char *scheme;

    while ((scheme = strstr(text, "://"))) {
        size_t host = strcspn(scheme + 3, "/?#, ");
        const char *at = memrchr(scheme + 3, '@', host);

        strbuf_add(out, text, (size_t)(scheme + 3 - text));
        if (at)
            strbuf_adds(out, MASK);
        text = at ? at : scheme + 3;
    }
    strbuf_adds(out, text);
}

static void add_shown(struct strbuf *out, const char *value)
{
    struct strbuf shown = {0};

    add_without_logins(&shown, value);
    add_scalar(out, strbuf_text(&shown));
    strbuf_release(&shown);
}

static void add_property_value(struct strbuf *out, const struct config_property *p)
{
    if (reference_is_whole(p->value) || *p->value == '\0')
        add_scalar(out, p->value);
    else if (secret_name_is_open(p->name))
        add_shown(out, p->value);
    else
        add_scalar(out, MASK);
}

static void print_properties(const struct config *cfg, const struct key *key, struct strbuf *out)
{
    if (cfg->kafka.property_count == 0) {
        strbuf_addf(out, "  %s: {}  # default\n", key_leaf(key));
        return;
    }
    strbuf_addf(out, "  %s:\n", key_leaf(key));
    for (size_t i = 0; i < cfg->kafka.property_count; i++) {
        const struct config_property *p = &cfg->kafka.properties[i];

        strbuf_adds(out, "    ");
        add_scalar(out, p->name);
        strbuf_adds(out, ": ");
        add_property_value(out, p);
        strbuf_addf(out, "  # %s\n", p->origin);
    }
}

static void print_value(const struct config *cfg, const struct key *key, struct strbuf *out)
{
    struct strbuf value = {0};
    size_t i = key_index(key);

    key_format(key, cfg, &value);
    strbuf_addf(out, "  %s: ", key_leaf(key));
    if (key_keeps_text(key))
        add_shown(out, strbuf_text(&value));
    else
        strbuf_adds(out, strbuf_text(&value));
    strbuf_addf(out, "  # %s", cfg->origins[i]);
    if (cfg->follows[i])
        strbuf_addf(out, ", as %s", key->follows);
    strbuf_addc(out, '\n');
    strbuf_release(&value);
}

void config_print(const struct config *cfg, struct strbuf *out)
{
    for (size_t i = 0; i < key_count(); i++) {
        const struct key *key = key_at(i);

        if (key_opens_section(key))
            strbuf_addf(out, "%.*s:\n", (int)key_section_len(key), key->name);
        if (key->type == KEY_MAP)
            print_properties(cfg, key, out);
        else
            print_value(cfg, key, out);
    }
}

/* ---- The table itself ---- */

static void add_default(const struct key *key, struct strbuf *out)
{
    if (key_keeps_text(key))
        add_scalar(out, key->value);
    else
        strbuf_adds(out, key->value);
}

/* "1 to 100; RETRY_MAX_ATTEMPTS" */
static void add_allowed_and_env(const struct key *key, struct strbuf *out)
{
    size_t before = out->len;

    if (!key->env) {
        strbuf_adds(
            out,
            "also -X name=value and -F FILE; KAFKA_PROPERTIES_SASL_PASSWORD sets sasl.password");
        return;
    }
    key_allowed(key, out);
    if (out->len != before)
        strbuf_adds(out, "; ");
    strbuf_adds(out, key->env);
    if (key->other_env)
        strbuf_addf(out, " or %s", key->other_env);
}

void config_help(struct strbuf *out)
{
    for (size_t i = 0; i < key_count(); i++) {
        const struct key *key = key_at(i);

        strbuf_addf(out, "  %s = ", key->name);
        add_default(key, out);
        strbuf_addf(out, "\n      %s\n", key->help);
        strbuf_adds(out, "      ");
        add_allowed_and_env(key, out);
        strbuf_addc(out, '\n');
    }
}
