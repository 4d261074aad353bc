#ifndef BASE_RFC3339_H
#define BASE_RFC3339_H

#include <stddef.h>
#include <stdint.h>

/* Times as text by RFC 3339. */

#define RFC3339_SIZE 25 /* "2026-11-22T17:04:31.402Z" and its NUL */

/* Writes `wall_ms` (milliseconds since 1970 UTC) as UTC with milliseconds. Years 0000 to 9999; a
 * time outside of them is clamped to the nearest one. */
void rfc3339_format(int64_t wall_ms, char out[RFC3339_SIZE]);

/* A time and its text, kept for whoever asks many times within a millisecond. A zeroed struct is
 * empty. */
struct rfc3339_text {
    int64_t wall_ms;
    char text[RFC3339_SIZE];
};

/* The text of `wall_ms` as rfc3339_format writes it; valid until another time is asked for. */
const char *rfc3339_text(struct rfc3339_text *t, int64_t wall_ms);

/* Reads "2026-11-22T17:04:31[.fraction](Z|+hh:mm|-hh:mm)"; digits of the fraction beyond
 * milliseconds are cut off. Returns 0 and fills `wall_ms`, or -1 when the text is no such time. */
int rfc3339_parse(const char *text, size_t len, int64_t *wall_ms);

#endif
