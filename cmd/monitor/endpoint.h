#ifndef MONITOR_ENDPOINT_H
#define MONITOR_ENDPOINT_H

#include "base/err.h"

/* Where to listen for TCP connections. */
struct endpoint {
    char host[256]; /* name or address, without the brackets of an IPv6 address */
    char port[6];
};

/* Reads HOST:PORT, [ADDRESS]:PORT, :PORT or PORT. Without a host it is 127.0.0.1: figures are for
 * other machines only where somebody says so. Returns 0, or -1 when the text is none of these. */
int endpoint_parse(struct endpoint *p, const char *text);

/* Returns a listening socket on the first address of the host that can be used, or -1 with `e`. The
 * caller closes it. */
int endpoint_listen(const struct endpoint *p, struct err *e);

#endif
