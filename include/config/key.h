#ifndef CONFIG_KEY_H
#define CONFIG_KEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/strbuf.h"
#include "config/config.h"

/* A key of the settings, as a row of the one table (key_table.c). */

enum key_type {
    KEY_INT,     /* int64_t within min..max */
    KEY_NUMBER,  /* double within min..max */
    KEY_BOOL,    /* bool */
    KEY_CHOICE,  /* an enum, numbered in the order of `choices` */
    KEY_TEXT,    /* char *, min..max bytes of UTF-8 without control characters */
    KEY_TOPIC,   /* char *, a name that Kafka takes for a topic */
    KEY_BROKERS, /* char *, host:port, comma-separated */
    KEY_URL,     /* char *, http, https or unix: with a socket and a path; may be empty */
    KEY_MAP,     /* kafka.properties: names and values that others judge */
};

struct key {
    const char *name;      /* "retry.max_attempts" */
    const char *env;       /* "RETRY_MAX_ATTEMPTS", NULL for the map */
    const char *other_env; /* a second variable, which `env` beats; or NULL */
    enum key_type type;
    const char *value; /* the default, as text */
    int64_t min, max;
    const char *choices[6]; /* ends with NULL */
    size_t offset;          /* of the field in struct config */
    const char *follows;    /* an empty value means: as this key has it; or NULL */
    const char *help;       /* one line, without a full stop */
};

/* Row `i`, or NULL past the last one. */
const struct key *key_at(size_t i);

/* The number of rows. */
size_t key_count(void);

/* The row of that name, or NULL. */
const struct key *key_find(const char *name);

/* The index of a row. */
size_t key_index(const struct key *key);

/* The length of the section's name: 5 for "retry.max_attempts". */
size_t key_section_len(const struct key *key);

/* The name behind the section: "max_attempts". */
const char *key_leaf(const struct key *key);

/* Fills `e` with the name, which is in no row, and the nearest that is. Returns -1. */
int key_unknown(const char *name, struct err *e);

/* True for the first row of its section. */
bool key_opens_section(const struct key *key);

/* Sections: "retry" is one. */
bool key_is_section(const char *name);

/* Fills `e` with the name, which is no section, and the nearest that is one. Returns -1. */
int key_unknown_section(const char *name, struct err *e);

/* Reads `text` into the row's field. Returns 0, or -1 with ERR_USAGE: the value and what is
 * allowed; the field is unchanged then. Not for KEY_MAP. */
int key_store(const struct key *key, struct config *cfg, const char *text, struct err *e);

/* Frees what the row's field owns. */
void key_release(const struct key *key, struct config *cfg);

/* Appends the field's value as text that key_store reads back. Nothing for KEY_MAP. */
void key_format(const struct key *key, const struct config *cfg, struct strbuf *out);

/* Appends what the row allows, "1 to 100" or "group, always, never"; nothing for free text. */
void key_allowed(const struct key *key, struct strbuf *out);

/* True for the row types that keep a text, and for these the text. */
bool key_keeps_text(const struct key *key);
const char *key_text(const struct key *key, const struct config *cfg);

#endif
