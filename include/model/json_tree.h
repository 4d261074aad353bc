#ifndef MODEL_JSON_TREE_H
#define MODEL_JSON_TREE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"

/* A JSON text as a tree of its values, read in one strict pass. */

enum json_kind {
    JSON_NULL,
    JSON_FALSE,
    JSON_TRUE,
    JSON_NUMBER,
    JSON_STRING,
    JSON_ARRAY,
    JSON_OBJECT,
};

/* Neither `name` nor `text` ends in a NUL. */
struct json_node {
    enum json_kind kind;
    const char *name; /* of a member of an object, without escapes */
    size_t name_len;
    const char *text; /* of a string, without escapes; of a number, its digits as they stand */
    size_t text_len;
    struct json_node *child; /* the first member or element */
    struct json_node *next;  /* behind this one, in the same object or array */
};

struct json_tree {
    const struct json_node *root;
    bool is_compact; /* there is no white space outside of strings */
};

/* Reads exactly one JSON value by RFC 8259 in valid UTF-8, with nothing but white space (space,
 * tab, CR, LF) around it. Beyond the grammar it refuses: a byte order mark, a lone surrogate
 * escape, \u0000, a number too large to be finite as a double, and arrays and objects nested deeper
 * than `max_depth` (the outermost one counts as 1).
 *
 * Returns true with the tree, whose nodes live in `arena` and borrow from `bytes`; or false with
 * the reason and mostly its byte offset in words in `why`, which is plain ASCII. */
bool json_tree_read(struct json_tree *tree, const char *bytes, size_t len, int max_depth,
                    struct arena *arena, char *why, size_t why_size);

/* The first member called `name`; NULL when there is none, or `object` is no object. */
const struct json_node *json_tree_find(const struct json_node *object, const char *name);

#endif
