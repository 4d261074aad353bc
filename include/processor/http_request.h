#ifndef PROCESSOR_HTTP_REQUEST_H
#define PROCESSOR_HTTP_REQUEST_H

#include <stddef.h>

#include "base/strbuf.h"
#include "flow/port.h"

/* Appends the header lines of an attempt's request, each with a NUL at its end: CloudEvents 1.0 in
 * binary mode, the record's id as the key of idempotency, the number of the attempt, and the
 * traceparent of the record or, without one, of the order's correlation id. Source and type of the
 * event are those of the record's own ce_ headers if it has them. Pure. */
void http_request_headers(const struct attempt *a, const struct header *headers, size_t count,
                          struct strbuf *out);

#endif
