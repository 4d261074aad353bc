#ifndef MODEL_JSON_READER_H
#define MODEL_JSON_READER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/strbuf.h"

/* The reader of orders, which is strict, and of journal lines, which is lenient: a line with a
 * broken character is still worth reading. */

enum json_kind {
    JSON_NONE, /* absent: what a zeroed node says */
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
    const char *text; /* of a string, without its quotes; of all others, as they stand */
    size_t text_len;
    struct json_node *child; /* the first member or element, in a tree */
    struct json_node *next;  /* behind this one, in the same object or array */
};

struct json_tree {
    const struct json_node *root;
    bool is_compact; /* there is no white space outside of strings */
};

struct json_reader {
    const char *start;
    const char *end;
    int depth;
    int max_depth;
    bool is_lenient;
    bool has_space;
    bool has_infinite;   /* said only when nothing worse is wrong with the text */
    struct arena *arena; /* of the tree; NULL: none is built, and strings keep their escapes */
    char *why;
    size_t why_size; /* 0: nobody asks */
};

/* Each takes the place where it begins, and returns the one behind what it read, or NULL when that
 * is not JSON. A lenient reader checks by RFC 8259 too, except that bytes above 0x7f may be
 * anything and an escape any \uXXXX. */
const char *json_read_space(struct json_reader *r, const char *p);
const char *json_read_value(struct json_reader *r, const char *p, struct json_node *n);
const char *json_read_member(struct json_reader *r, const char *p, struct json_node *n);

/* Reads exactly one JSON value by RFC 8259 in valid UTF-8, with nothing but white space (space,
 * tab, CR, LF) around it. Beyond the grammar it refuses: a byte order mark, a lone surrogate
 * escape, \u0000, a number too large to be finite as a double, and arrays and objects nested deeper
 * than `max_depth` (the outermost one counts as 1).
 *
 * Returns true with the tree, whose nodes live in `arena` and borrow from `bytes`; or false with
 * the reason and mostly its byte offset in words in `why`, which is plain ASCII. */
bool json_tree_read(struct json_tree *tree, const char *bytes, size_t len, int max_depth,
                    struct arena *arena, char *why, size_t why_size);

/* Appends a text that json_tree_read took, without the white space outside of strings. */
void json_minify(const char *bytes, size_t len, struct strbuf *out);

#endif
