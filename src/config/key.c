#include "config/key.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "config/key_table.h"
#include "config/suggest.h"
#include "config/value.h"

_Static_assert(sizeof(enum retry_jitter) == sizeof(unsigned), "choices are kept as unsigned");

/* ---- Finding ---- */

const struct key *key_at(size_t i)
{
    return i < key_table_size ? &key_table[i] : NULL;
}

size_t key_count(void)
{
    return key_table_size;
}

size_t key_index(const struct key *key)
{
    return (size_t)(key - key_table);
}

const struct key *key_find(const char *name)
{
    for (size_t i = 0; i < key_table_size; i++) {
        if (strcmp(key_table[i].name, name) == 0)
            return &key_table[i];
    }
    return NULL;
}

size_t key_section_len(const struct key *key)
{
    return strcspn(key->name, ".");
}

const char *key_leaf(const struct key *key)
{
    return key->name + key_section_len(key) + 1;
}

/* A key that has the right name and a wrong section or none. */
static const struct key *find_leaf(const char *name)
{
    const char *dot = strrchr(name, '.');
    const char *leaf = dot ? dot + 1 : name;

    for (size_t i = 0; i < key_table_size; i++) {
        if (strcmp(key_leaf(&key_table[i]), leaf) == 0)
            return &key_table[i];
    }
    return NULL;
}

int key_unknown(const char *name, struct err *e)
{
    const struct key *elsewhere = find_leaf(name);
    struct suggestion s = {.asked = name};

    for (size_t i = 0; i < key_table_size; i++)
        suggest_consider(&s, key_table[i].name, strlen(key_table[i].name));
    if (!suggest_is_near(&s) && elsewhere)
        err_set(e, ERR_USAGE, "unknown key (did you mean %s?)", elsewhere->name);
    else
        suggest_refuse(&s, "unknown key", "", e);
    return err_wrap(e, "%s", value_name(name).text);
}

bool key_opens_section(const struct key *key)
{
    size_t len = key_section_len(key);

    return key == key_table || strncmp(key[-1].name, key->name, len + 1) != 0;
}

bool key_is_section(const char *name)
{
    size_t len = strlen(name);

    for (size_t i = 0; i < key_table_size; i++) {
        if (key_section_len(&key_table[i]) == len && strncmp(key_table[i].name, name, len) == 0)
            return true;
    }
    return false;
}

int key_unknown_section(const char *name, struct err *e)
{
    struct suggestion s = {.asked = name};

    for (size_t i = 0; i < key_table_size; i++)
        suggest_consider(&s, key_table[i].name, key_section_len(&key_table[i]));
    suggest_refuse(&s, "unknown section", "", e);
    return err_wrap(e, "%s", value_name(name).text);
}

/* ---- Values ---- */

static void *field(const struct key *key, struct config *cfg)
{
    return (char *)cfg + key->offset;
}

bool key_keeps_text(const struct key *key)
{
    return key->type == KEY_TEXT || key->type == KEY_TOPIC || key->type == KEY_BROKERS ||
           key->type == KEY_URL;
}

const char *key_text(const struct key *key, const struct config *cfg)
{
    assert(key_keeps_text(key));
    return *(char *const *)((const char *)cfg + key->offset);
}

void key_release(const struct key *key, struct config *cfg)
{
    char **place = field(key, cfg);

    if (!key_keeps_text(key))
        return;
    free(*place);
    *place = NULL;
}

static int store_text(const struct key *key, struct config *cfg, const char *text)
{
    char **place = field(key, cfg);
    char *copy = mem_strdup(text);

    free(*place);
    *place = copy;
    return 0;
}

int key_store(const struct key *key, struct config *cfg, const char *text, struct err *e)
{
    switch (key->type) {
    case KEY_INT:
        return value_read_int(text, key->min, key->max, field(key, cfg), e);
    case KEY_NUMBER:
        return value_read_number(text, key->min, key->max, field(key, cfg), e);
    case KEY_BOOL:
        return value_read_bool(text, field(key, cfg), e);
    case KEY_CHOICE:
        return value_read_choice(text, key->choices, field(key, cfg), e);
    case KEY_TEXT:
        return value_check_text(text, key->min, key->max, e) < 0 ? -1 : store_text(key, cfg, text);
    case KEY_TOPIC:
        return value_check_topic(text, e) < 0 ? -1 : store_text(key, cfg, text);
    case KEY_BROKERS:
        return value_check_brokers(text, e) < 0 ? -1 : store_text(key, cfg, text);
    case KEY_URL:
        return value_check_url(text, e) < 0 ? -1 : store_text(key, cfg, text);
    case KEY_MAP:
        break;
    }
    assert(!"a map has no single value");
    return -1;
}

void key_format(const struct key *key, const struct config *cfg, struct strbuf *out)
{
    const void *place = (const char *)cfg + key->offset;

    switch (key->type) {
    case KEY_INT:
        strbuf_addf(out, "%lld", (long long)*(const int64_t *)place);
        break;
    case KEY_NUMBER:
        value_add_number(out, *(const double *)place);
        break;
    case KEY_BOOL:
        strbuf_adds(out, *(const bool *)place ? "true" : "false");
        break;
    case KEY_CHOICE:
        strbuf_adds(out, key->choices[*(const unsigned *)place]);
        break;
    case KEY_TEXT:
    case KEY_TOPIC:
    case KEY_BROKERS:
    case KEY_URL:
        strbuf_adds(out, key_text(key, cfg));
        break;
    case KEY_MAP:
        break;
    }
}

void key_allowed(const struct key *key, struct strbuf *out)
{
    switch (key->type) {
    case KEY_INT:
    case KEY_NUMBER:
        value_add_range(out, key->min, key->max);
        break;
    case KEY_BOOL:
        strbuf_adds(out, "true, false");
        break;
    case KEY_CHOICE:
        for (size_t i = 0; key->choices[i]; i++)
            strbuf_addf(out, "%s%s", i ? ", " : "", key->choices[i]);
        break;
    case KEY_TEXT:
    case KEY_TOPIC:
    case KEY_BROKERS:
    case KEY_URL:
    case KEY_MAP:
        break;
    }
}
