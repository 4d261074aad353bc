#ifndef PROCESSOR_HTTP_H
#define PROCESSOR_HTTP_H

#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/err.h"
#include "flow/port.h"

/* A processor that posts each order to the user's endpoint. All of libcurl runs on a thread of its
 * own, so that neither a name that is resolved nor a TLS handshake holds up the caller. */

struct http_options {
    const char *url;        /* http, https, or unix:/path/to/socket:/url/path; borrowed, like the
                               other texts; "" for what is not set */
    const char *token_file; /* read again when it changes, and after a 401 */
    const char *ca_file;
    const char *cert_file;
    const char *key_file;
    int64_t connect_timeout_ms;
    int64_t timeout_ms; /* of one attempt */
    size_t max_in_flight;
    size_t max_answer_bytes;     /* no more of a body is read */
    int wake_fd;                 /* woken when there are answers */
    const struct source *source; /* for the headers */
    const struct clock *clock;
};

struct http;

/* The version of libcurl, or NULL when this build has none: then the other functions fail. */
const char *http_library_version(void);

/* Whether the options are such that attempts can be made. Returns 0, or -1 with ERR_USAGE that
 * names the setting. */
int http_check(const struct http_options *options, struct err *e);

/* Returns NULL with `e` when the thread cannot be started. */
struct http *http_open(const struct http_options *options, struct err *e);

/* The port; it lives as long as `h`. */
struct processor http_processor(struct http *h);

/* Attempts under way are given up. Accepts NULL. */
void http_close(struct http *h);

#endif
