#ifndef PROCESSOR_HTTP_ANSWER_H
#define PROCESSOR_HTTP_ANSWER_H

#include <stddef.h>
#include <stdint.h>

#include "base/strbuf.h"
#include "flow/port.h"

/* What an endpoint answered, and what that means for the order. Pure. */

enum http_end {
    HTTP_ANSWERED,
    HTTP_TIMED_OUT,   /* the request was sent, no answer in time */
    HTTP_LOST,        /* the request was sent, the connection ended before the answer did */
    HTTP_UNREACHABLE, /* no connection, or a TLS error */
};

/* Begins zeroed. Release with http_answer_release. */
struct http_answer {
    enum http_end end;
    int status;
    /* Of the headers order-result, retry-after and order-receipt; empty: there was none. */
    struct strbuf result;
    struct strbuf retry_after;
    struct strbuf receipt;
    struct strbuf body; /* the beginning of it */
    char why[256];      /* unless HTTP_ANSWERED */
};

/* Empties it and keeps its memory. */
void http_answer_reset(struct http_answer *a);
void http_answer_release(struct http_answer *a);

/* One line of the head, with its end of line or without. A status line begins a new head: those of
 * interim answers do not count. */
void http_answer_head(struct http_answer *a, const char *line, size_t len);

/* A part of the body, of which as much is kept as a verdict needs. */
void http_answer_body(struct http_answer *a, const char *bytes, size_t len);

/* Fills all of `r` but the tag; the receipt is borrowed from `a`. `wall_ms` is now, for a
 * retry-after that is a date. */
void http_answer_judge(const struct http_answer *a, int64_t wall_ms, struct attempt_result *r);

#endif
