#ifndef BASE_JSON_WRITER_H
#define BASE_JSON_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/strbuf.h"

/* Writes one JSON document into a strbuf, piece by piece; commas come by themselves.
 *
 *     struct json_writer w = json_writer_on(&line);
 *     json_begin_object(&w, NULL);
 *     json_string(&w, "outcome", "processed");
 *     json_end_object(&w);
 *
 * `key` is the member's name inside an object and NULL elsewhere; it must need no escaping. Texts
 * must be valid UTF-8 (RFC 8259); bytes that may not be go through json_bytes. */
struct json_writer {
    struct strbuf *out;
    bool needs_comma;
};

struct json_writer json_writer_on(struct strbuf *out);

void json_begin_object(struct json_writer *w, const char *key);
void json_end_object(struct json_writer *w);
void json_begin_array(struct json_writer *w, const char *key);
void json_end_array(struct json_writer *w);

void json_string(struct json_writer *w, const char *key, const char *text);
void json_string_n(struct json_writer *w, const char *key, const char *text, size_t len);
void json_int(struct json_writer *w, const char *key, int64_t value);
void json_bool(struct json_writer *w, const char *key, bool value);
void json_null(struct json_writer *w, const char *key);

/* A number with `decimals` digits behind the point; null when it is not finite, which JSON cannot
 * say. */
void json_number(struct json_writer *w, const char *key, double value, int decimals);

/* Bytes that are already a JSON value. */
void json_raw(struct json_writer *w, const char *key, const char *json, size_t len);

/* Bytes of any kind: as text when they are valid UTF-8; else as base64, with a second member
 * `encoding_key` of value "base64" behind it. */
void json_bytes(struct json_writer *w, const char *key, const char *encoding_key, const char *bytes,
                size_t len);

#endif
