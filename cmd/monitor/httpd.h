#ifndef MONITOR_HTTPD_H
#define MONITOR_HTTPD_H

#include <stdbool.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/strbuf.h"

/* A small HTTP server for GET and HEAD, in the loop and the thread of its caller. The only place
 * that knows libmicrohttpd. A client that has not completed a request for a minute is closed,
 * however busy it looks. */

struct httpd_answer {
    int status;       /* 200 unless it is set */
    const char *type; /* the content's; text/plain unless it is set */
    struct strbuf body;
};

/* Fills the answer for a path without its query; `accept` is that header, or NULL. */
typedef void httpd_answer_fn(void *self, const char *path, const char *accept,
                             struct httpd_answer *answer);

/* Was this program built with libmicrohttpd? Without, httpd_open fails. */
bool httpd_is_built(void);

/* Takes over the listening socket, also when it fails: NULL and `e`. `self` is handed to `fn`. */
struct httpd *httpd_open(int listening, const struct clock *clock, httpd_answer_fn *fn, void *self,
                         struct err *e);

/* Closes all connections at once. */
void httpd_close(struct httpd *h);

/* Waits for at most so long, or until a client or a signal comes; answers what has been asked. */
void httpd_wait(struct httpd *h, int timeout_ms);

#endif
