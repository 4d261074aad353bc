#include "endpoint.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define BACKLOG 128

/* Digits only, 1 to 65535. */
static int read_port(struct endpoint *p, const char *text)
{
    size_t len = strspn(text, "0123456789");

    if (len < 1 || len > 5 || text[len] || atoi(text) < 1 || atoi(text) > 65535)
        return -1;
    snprintf(p->port, sizeof(p->port), "%s", text);
    return 0;
}

int endpoint_parse(struct endpoint *p, const char *text)
{
    const char *colon = strrchr(text, ':');
    const char *host = text;
    size_t len = colon ? (size_t)(colon - text) : 0;

    if (read_port(p, colon ? colon + 1 : text) < 0)
        return -1;
    if (len >= 2 && host[0] == '[' && host[len - 1] == ']') {
        host += 1;
        len -= 2;
        if (len == 0)
            return -1;
    } else if (memchr(host, ':', len)) {
        return -1; /* an IPv6 address, of which the last group is no port */
    }
    if (len >= sizeof(p->host))
        return -1;
    snprintf(p->host, sizeof(p->host), "%.*s", (int)len, host);
    if (len == 0)
        snprintf(p->host, sizeof(p->host), "127.0.0.1");
    return 0;
}

/* Returns the socket, or -1 with errno. */
static int listen_at(const struct addrinfo *a)
{
    const int on = 1;
    int fd = socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, a->ai_protocol);
    int error;

    if (fd < 0)
        return -1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)); /* a restart need not wait */
    if (bind(fd, a->ai_addr, a->ai_addrlen) == 0 && listen(fd, BACKLOG) == 0)
        return fd;
    error = errno;
    close(fd);
    errno = error;
    return -1;
}

int endpoint_listen(const struct endpoint *p, struct err *e)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE};
    struct addrinfo *found = NULL;
    int error = getaddrinfo(p->host, p->port, &hints, &found);
    int fd = -1;

    if (error)
        return err_set(e, ERR_RUNTIME, "%s: %s", p->host, gai_strerror(error));
    for (const struct addrinfo *a = found; a && fd < 0; a = a->ai_next)
        fd = listen_at(a);
    if (fd < 0)
        err_set(e, ERR_RUNTIME, "%s", strerror(errno));
    freeaddrinfo(found);
    return fd;
}
