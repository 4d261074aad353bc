#ifndef MODEL_SCAN_H
#define MODEL_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/json_reader.h"

/* Walks over one JSON object or array without building a tree: each step gives the next member as
 * spans of the text, which the lenient reader has checked. Deeper nesting than SCAN_MAX_DEPTH is
 * refused. All spans are borrowed from the text. Pure. */

#define SCAN_MAX_DEPTH 256

/* A string's span lies between its quotes, escapes untouched; all others span the whole value. */
struct scan_value {
    enum json_kind kind;
    const char *text;
    size_t len;
};

struct scan {
    struct json_reader reader;
    const char *p;
    char close;
    bool is_first;
};

/* Starts on a text that holds one object or array and nothing else but white space. Returns 0, or
 * -1 when it begins otherwise. */
int scan_begin(struct scan *s, const char *text, size_t len);

/* The next member of an object. Returns 1 and fills both, 0 after the last one (and only white
 * space follows), -1 when the text is not JSON. */
int scan_member(struct scan *s, struct scan_value *key, struct scan_value *value);

/* The same for the elements of an array. */
int scan_element(struct scan *s, struct scan_value *value);

/* True when the string value reads `name`; `name` must need no escaping. */
bool scan_is(const struct scan_value *v, const char *name);

/* The value of the first member called `name`; JSON_NONE when there is none, or `object` is no
 * object. */
struct scan_value scan_find(const struct scan_value *object, const char *name);

/* Returns 0 and the integer; -1 for other kinds, fractions, exponents, or beyond int64. */
int scan_int(const struct scan_value *v, int64_t *out);

/* Returns 0 and the number; -1 for other kinds or what is not finite as a double. */
int scan_number(const struct scan_value *v, double *out);

/* How many bytes a string's text has without its escapes; 0 for other kinds. */
size_t scan_text_len(const struct scan_value *v);

/* Writes a string's text without its escapes into `out`, at most `cap` - 1 bytes and a NUL, cut
 * between characters. Lone surrogates and \u0000 become U+FFFD. A value that is no string is copied
 * as it stands, JSON_NONE and JSON_NULL give "". Returns the bytes written. */
size_t scan_text(const struct scan_value *v, char *out, size_t cap);

#endif
