#ifndef CONFIG_VALUE_H
#define CONFIG_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/strbuf.h"

/* Values as people write them. Each reader returns 0, or -1 with ERR_USAGE that names the value and
 * what is allowed; the result is unchanged then. No locale has a say. */

/* Decimal digits, a minus sign before them if need be; nothing around, no leading zero (which some
 * readers of YAML take for octal). */
int value_read_int(const char *text, int64_t min, int64_t max, int64_t *out, struct err *e);

/* 2, 0.25, 1e-3; never "nan" or "inf". */
int value_read_number(const char *text, int64_t min, int64_t max, double *out, struct err *e);

/* true, yes, on, 1 and false, no, off, 0, in any case. */
int value_read_bool(const char *text, bool *out, struct err *e);

/* The index of `text`, in any case, in `choices`, which ends with NULL. */
int value_read_choice(const char *text, const char *const *choices, unsigned *out, struct err *e);

/* min..max bytes of UTF-8 without control characters. */
int value_check_text(const char *text, int64_t min, int64_t max, struct err *e);

/* Kafka's rule for topics: 1 to 249 of a-z A-Z 0-9 . _ - but not "." or "..". */
int value_check_topic(const char *text, struct err *e);

/* [protocol://]host[:port], comma-separated, at least one. */
int value_check_brokers(const char *text, struct err *e);

/* http://host..., https://host..., unix:/path/to/socket[:/url/path], or nothing. */
int value_check_url(const char *text, struct err *e);

/* Appends the shortest decimal form that reads back as the same number. */
void value_add_number(struct strbuf *out, double number);

/* Appends "1 to 100", or "0 or more" when there is no upper bound. */
void value_add_range(struct strbuf *out, int64_t min, int64_t max);

/* A text for a message: in quotes, on one line, cut when long. */
struct value_quoted {
    char text[100];
};
struct value_quoted value_quote(const char *text);

/* A name for a message: as it is when it has only letters, digits and . _ - else quoted. */
struct value_quoted value_name(const char *text);

#endif
