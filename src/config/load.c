#include "config/load.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "base/strbuf.h"
#include "config/key.h"
#include "config/properties.h"
#include "config/settings_text.h"
#include "config/value.h"

enum {
    PAIRS_MOST = 500, /* keys in one mapping */
    DEPTH_MOST = 16,  /* lists and mappings in each other; settings need three */
};

/* One file on its way into `cfg`. */
struct loader {
    struct config *cfg;
    struct settings_text source;
    yaml_document_t document;
    const char *section; /* that is being read */
};

static size_t line_of(const yaml_node_t *node)
{
    return node->start_mark.line + 1;
}

/* ---- The parser ---- */

static int refuse_syntax(const struct loader *l, const yaml_parser_t *parser, struct err *e)
{
    size_t line = parser->error == YAML_READER_ERROR
                      ? settings_text_line_at(&l->source, parser->problem_offset)
                      : parser->problem_mark.line + 1;

    if (parser->error == YAML_MEMORY_ERROR)
        return err_set(e, ERR_RUNTIME, "%s: out of memory", strbuf_text(&l->source.path));
    if (settings_text_is_indented_by_tab(&l->source, line))
        err_set(e, ERR_USAGE, "a tab indents this line, YAML wants spaces");
    else if (parser->context)
        err_set(e, ERR_USAGE, "not valid YAML: %s, %s", parser->problem, parser->context);
    else
        err_set(e, ERR_USAGE, "not valid YAML: %s",
                parser->problem ? parser->problem : "reason unknown");
    return settings_text_wrap(&l->source, line, e);
}

/* ---- Nodes ---- */

static yaml_node_t *node_at(struct loader *l, int index)
{
    return yaml_document_get_node(&l->document, index);
}

/* An unquoted nothing, or one of the words for it. */
static bool is_null(const yaml_node_t *node)
{
    static const char *const words[] = {"", "~", "null", "Null", "NULL"};

    if (node->type != YAML_SCALAR_NODE || node->data.scalar.style != YAML_PLAIN_SCALAR_STYLE)
        return false;
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (strcmp((const char *)node->data.scalar.value, words[i]) == 0)
            return true;
    }
    return false;
}

/* Tags that only say what we take a value for anyway; the parser gives one to every node. */
static bool has_plain_tag(const yaml_node_t *node)
{
    static const char *const tags[] = {YAML_STR_TAG,  YAML_INT_TAG, YAML_FLOAT_TAG, YAML_BOOL_TAG,
                                       YAML_NULL_TAG, YAML_MAP_TAG, YAML_SEQ_TAG};

    for (size_t i = 0; i < sizeof(tags) / sizeof(tags[0]); i++) {
        if (strcmp((const char *)node->tag, tags[i]) == 0)
            return true;
    }
    return false;
}

/* The text of a scalar as it was written, whatever its quotes; NULL and `e` for anything else. */
static const char *scalar_text(const yaml_node_t *node, struct err *e)
{
    const char *text;

    if (!has_plain_tag(node)) {
        err_set(e, ERR_USAGE, "the tag %s is not supported",
                value_quote((const char *)node->tag).text);
        return NULL;
    }
    if (node->type != YAML_SCALAR_NODE) {
        err_set(e, ERR_USAGE, "a single value is expected here, not a %s",
                node->type == YAML_SEQUENCE_NODE ? "list" : "mapping");
        return NULL;
    }
    text = (const char *)node->data.scalar.value;
    if (strlen(text) != node->data.scalar.length) {
        err_set(e, ERR_USAGE, "the value has a NUL character in it");
        return NULL;
    }
    return text;
}

/* ---- Mappings ---- */

/* Where a message stands: "retry" or "kafka.properties", "" at the top. */
static int refuse_at(const struct loader *l, const char *within, const yaml_node_t *node,
                     struct err *e)
{
    if (*within)
        err_wrap(e, "%s", within);
    return settings_text_wrap(&l->source, line_of(node), e);
}

/* Calls `take` for each pair in turn, after checking that its key is a name and is new. */
static int each_pair(struct loader *l, const char *within, const yaml_node_t *mapping,
                     int (*take)(struct loader *l, const char *name, const yaml_node_t *key,
                                 const yaml_node_t *value, struct err *e),
                     struct err *e)
{
    const yaml_node_pair_t *first = mapping->data.mapping.pairs.start;
    const yaml_node_pair_t *end = mapping->data.mapping.pairs.top;

    if (end - first > PAIRS_MOST) {
        err_set(e, ERR_USAGE, "more than %d keys", PAIRS_MOST);
        return refuse_at(l, within, mapping, e);
    }
    for (const yaml_node_pair_t *pair = first; pair < end; pair++) {
        const yaml_node_t *key = node_at(l, pair->key);
        const char *name = scalar_text(key, e);

        if (!name)
            return refuse_at(l, within, key, e);
        if (strcmp(name, "<<") == 0) {
            err_set(e, ERR_USAGE, "merge keys (<<) are not supported");
            return refuse_at(l, within, key, e);
        }
        for (const yaml_node_pair_t *p = first; p < pair; p++) {
            const yaml_node_t *earlier = node_at(l, p->key);

            if (strcmp((const char *)earlier->data.scalar.value, name) == 0) {
                err_set(e, ERR_USAGE, "%s%s%s: given twice, first in line %zu", within,
                        *within ? "." : "", value_name(name).text, line_of(earlier));
                return settings_text_wrap(&l->source, line_of(key), e);
            }
        }
        if (take(l, name, key, node_at(l, pair->value), e) < 0)
            return -1;
    }
    return 0;
}

/* 1: a mapping; 0: nothing, as when all keys are commented out; -1: something else. */
static int expect_mapping(const struct loader *l, const char *name, const yaml_node_t *node,
                          struct err *e)
{
    if (is_null(node))
        return 0;
    if (node->type == YAML_MAPPING_NODE && has_plain_tag(node))
        return 1;
    if (!has_plain_tag(node))
        err_set(e, ERR_USAGE, "the tag %s is not supported",
                value_quote((const char *)node->tag).text);
    else
        err_set(e, ERR_USAGE, "a mapping of keys is expected here, not a %s",
                node->type == YAML_SEQUENCE_NODE ? "list" : "single value");
    return refuse_at(l, name, node, e);
}

/* ---- Settings ---- */

static int take_property(struct loader *l, const char *name, const yaml_node_t *key,
                         const yaml_node_t *value, struct err *e)
{
    struct strbuf origin = {0};
    const char *text = NULL;

    if (*name == '\0')
        err_set(e, ERR_USAGE, "a property needs a name");
    else if (is_null(value))
        err_set(e, ERR_USAGE, "%s: no value is given", value_name(name).text);
    else if (!(text = scalar_text(value, e)))
        err_wrap(e, "%s", value_name(name).text);
    if (!text)
        return refuse_at(l, "kafka.properties", key, e);
    settings_text_add_place(&l->source, line_of(key), &origin);
    config_set_property(l->cfg, name, text, strbuf_text(&origin));
    strbuf_release(&origin);
    return 0;
}

static int take_properties(struct loader *l, const char *name, const yaml_node_t *value,
                           struct err *e)
{
    int rc = expect_mapping(l, name, value, e);

    return rc > 0 ? each_pair(l, name, value, take_property, e) : rc;
}

/* Takes the value of `name`, which is the full one. */
static int take_value(struct loader *l, const char *name, const yaml_node_t *key,
                      const yaml_node_t *value, struct err *e)
{
    struct strbuf origin = {0};
    const char *text;
    int rc;

    if (is_null(value)) {
        err_set(e, ERR_USAGE, "no value is given (leave the key out for its default)");
        return refuse_at(l, name, key, e);
    }
    text = scalar_text(value, e);
    if (!text)
        return refuse_at(l, name, value, e);
    settings_text_add_place(&l->source, line_of(key), &origin);
    rc = config_set(l->cfg, name, text, strbuf_text(&origin), e);
    strbuf_release(&origin);
    return rc < 0 ? settings_text_wrap(&l->source, line_of(key), e) : 0;
}

static int take_key(struct loader *l, const char *leaf, const yaml_node_t *key,
                    const yaml_node_t *value, struct err *e)
{
    struct strbuf name = {0};
    const struct key *known;
    int rc;

    strbuf_addf(&name, "%s.%s", l->section, leaf);
    known = key_find(strbuf_text(&name));
    if (!known) {
        key_unknown(strbuf_text(&name), e);
        rc = settings_text_wrap(&l->source, line_of(key), e);
    } else if (known->type == KEY_MAP) {
        rc = take_properties(l, known->name, value, e);
    } else {
        rc = take_value(l, known->name, key, value, e);
    }
    strbuf_release(&name);
    return rc;
}

static int refuse_section(const struct loader *l, const char *name, const yaml_node_t *key,
                          const yaml_node_t *value, struct err *e)
{
    const struct key *known = key_find(name);

    if (known)
        err_set(e, ERR_USAGE, "%s: stands outside of its section (allowed: %s: below %.*s:)", name,
                key_leaf(known), (int)key_section_len(known), name);
    else if (value->type == YAML_SCALAR_NODE && !is_null(value))
        key_unknown(name, e);
    else
        key_unknown_section(name, e);
    return settings_text_wrap(&l->source, line_of(key), e);
}

static int take_section(struct loader *l, const char *name, const yaml_node_t *key,
                        const yaml_node_t *value, struct err *e)
{
    int rc;

    if (!key_is_section(name))
        return refuse_section(l, name, key, value, e);
    rc = expect_mapping(l, name, value, e);
    if (rc <= 0)
        return rc;
    l->section = name;
    return each_pair(l, name, value, take_key, e);
}

static int take_document(struct loader *l, struct err *e)
{
    const yaml_node_t *root = yaml_document_get_root_node(&l->document);
    int rc = expect_mapping(l, "", root, e);

    return rc > 0 ? each_pair(l, "", root, take_section, e) : rc;
}

/* Loads the next document. 1: the caller deletes it; 0: there is none. */
static int next_document(const struct loader *l, yaml_parser_t *parser, yaml_document_t *document,
                         struct err *e)
{
    if (!yaml_parser_load(parser, document))
        return refuse_syntax(l, parser, e);
    if (yaml_document_get_root_node(document))
        return 1;
    yaml_document_delete(document);
    return 0;
}

/* 0 when no document is left, else -1. */
static int expect_end(const struct loader *l, yaml_parser_t *parser, struct err *e)
{
    yaml_document_t second;
    int rc = next_document(l, parser, &second, e);

    if (rc <= 0)
        return rc;
    err_set(e, ERR_USAGE, "a second YAML document begins (allowed: one)");
    settings_text_wrap(&l->source, second.start_mark.line + 1, e);
    yaml_document_delete(&second);
    return -1;
}

static int take_documents(struct loader *l, yaml_parser_t *parser, struct err *e)
{
    int rc = next_document(l, parser, &l->document, e);

    if (rc <= 0)
        return rc;
    rc = expect_end(l, parser, e);
    if (rc == 0)
        rc = take_document(l, e);
    yaml_document_delete(&l->document);
    return rc;
}

/* Looks through all events. libyaml's time grows with the square of the depth, so this comes before
 * a document is made. */
static int check_depth(struct loader *l, yaml_parser_t *parser, struct err *e)
{
    yaml_event_type_t type;
    int depth = 0;

    do {
        yaml_event_t event;
        size_t line;

        if (!yaml_parser_parse(parser, &event))
            return refuse_syntax(l, parser, e);
        type = event.type;
        line = event.start_mark.line + 1;
        yaml_event_delete(&event);
        if (type == YAML_SEQUENCE_START_EVENT || type == YAML_MAPPING_START_EVENT)
            depth++;
        if (type == YAML_SEQUENCE_END_EVENT || type == YAML_MAPPING_END_EVENT)
            depth--;
        if (depth > DEPTH_MOST) {
            err_set(e, ERR_USAGE, "nested too deep (allowed: %d levels)", DEPTH_MOST);
            return settings_text_wrap(&l->source, line, e);
        }
    } while (type != YAML_STREAM_END_EVENT);
    return 0;
}

/* Runs `pass` over the text with a parser of its own. */
static int parse(struct loader *l,
                 int (*pass)(struct loader *l, yaml_parser_t *parser, struct err *e), struct err *e)
{
    const char *text = strbuf_text(&l->source.text);
    yaml_parser_t parser;
    int rc;

    if (!yaml_parser_initialize(&parser))
        return err_set(e, ERR_RUNTIME, "%s: out of memory", strbuf_text(&l->source.path));
    yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&parser, (const unsigned char *)text, l->source.text.len);
    rc = pass(l, &parser, e);
    yaml_parser_delete(&parser);
    return rc;
}

int load_file(struct config *cfg, const char *path, struct err *e)
{
    struct loader l = {.cfg = cfg};
    int rc = -1;

    if (settings_text_read(&l.source, path, e) == 0 && parse(&l, check_depth, e) == 0)
        rc = parse(&l, take_documents, e);
    settings_text_release(&l.source);
    return rc;
}

/* ---- Environment ---- */

/* The variable's value, NULL when it is not set. Empty counts as not set: `VARIABLE= program` is
 * how people take one away. */
static const char *variable(const char *name)
{
    const char *value = name ? getenv(name) : NULL;

    return value && *value ? value : NULL;
}

static int take_variable(struct config *cfg, const struct key *key, struct err *e)
{
    const char *name = variable(key->env) ? key->env : key->other_env;
    const char *value = variable(name);
    struct strbuf origin = {0};
    int rc;

    if (!value)
        return 0;
    strbuf_addf(&origin, "env %s", name);
    rc = config_set(cfg, key->name, value, strbuf_text(&origin), e);
    strbuf_release(&origin);
    return rc < 0 ? err_wrap(e, "environment variable %s", name) : 0;
}

int load_environment(struct config *cfg, struct err *e)
{
    for (size_t i = 0; i < key_count(); i++) {
        if (take_variable(cfg, key_at(i), e) < 0)
            return -1;
    }
    return properties_load_environment(cfg, e);
}
