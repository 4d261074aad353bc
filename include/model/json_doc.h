#ifndef MODEL_JSON_DOC_H
#define MODEL_JSON_DOC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/strbuf.h"

/* A JSON document that is read and made as a whole, by cJSON: all but orders and journal lines,
 * which are too many for it. Other rooms hand a `struct cJSON` on without looking into it. */

struct cJSON;

/* Reads exactly one value. Returns NULL when the text is something else, or nested deeper than
 * 1000; else what json_doc_free frees. Strings end at an escaped NUL, and numbers are doubles. */
struct cJSON *json_doc_read(const char *text, size_t len);

/* The integer of a number, or `otherwise` when `item` is none, has a fraction or is not below 2^53,
 * where doubles have gaps. `item` may be NULL. */
int64_t json_doc_integer(const struct cJSON *item, int64_t otherwise);

/* Each of these adds a member called `name` to an object, or, with NULL, an element to an array. An
 * object without a parent is a new document. Names and texts must be valid UTF-8 and are copied. */
struct cJSON *json_doc_object(struct cJSON *parent, const char *name);
struct cJSON *json_doc_array(struct cJSON *parent, const char *name);
void json_doc_text(struct cJSON *parent, const char *name, const char *text); /* or NULL: null */
void json_doc_int(struct cJSON *parent, const char *name, int64_t value);
void json_doc_bool(struct cJSON *parent, const char *name, bool value);

/* With `decimals` digits after the point; null when it is not finite, which JSON cannot say. */
void json_doc_number(struct cJSON *parent, const char *name, double value, int decimals);

/* Appends the document, without white space. */
void json_doc_print(const struct cJSON *doc, struct strbuf *out);

/* `doc` may be NULL. */
void json_doc_free(struct cJSON *doc);

#endif
