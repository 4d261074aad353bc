#include "httpd.h"

#include <unistd.h>

#ifdef HAVE_MICROHTTPD

#include <microhttpd.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/mem.h"

#define MAX_CLIENTS     512
#define CLIENT_MEMORY   ((size_t)16 * 1024) /* the request line and the headers have to fit */
#define REQUEST_MS      60000               /* for each request, from the end of the one before */
#define SWEEP_EVERY_MS  1000
#define SERVED_METHODS  "GET, HEAD"
#define DEFAULT_CONTENT "text/plain; charset=utf-8"

struct client {
    int fd;
    int64_t since_ms; /* connected, or the last request was completed; monotonic */
    struct client *previous, *next;
};

struct httpd {
    struct MHD_Daemon *daemon;
    int epoll;
    const struct clock *clock;
    httpd_answer_fn *fn;
    void *self;
    struct client *clients;
    int64_t next_sweep_ms;
};

bool httpd_is_built(void)
{
    return true;
}

/* ---- clients ---- */

static void add_client(struct httpd *h, struct MHD_Connection *connection, void **context)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    struct client *c = mem_alloc(sizeof(*c));

    *c = (struct client){
        .fd = info->connect_fd, .since_ms = clock_mono_ms(h->clock), .next = h->clients};
    if (h->clients)
        h->clients->previous = c;
    h->clients = c;
    *context = c;
}

static void remove_client(struct httpd *h, struct client *c)
{
    if (c->next)
        c->next->previous = c->previous;
    if (c->previous)
        c->previous->next = c->next;
    else
        h->clients = c->next;
    free(c);
}

static void on_connection(void *cls, struct MHD_Connection *connection, void **context,
                          enum MHD_ConnectionNotificationCode code)
{
    if (code == MHD_CONNECTION_NOTIFY_STARTED)
        add_client(cls, connection, context);
    else
        remove_client(cls, *context);
}

static void on_completed(void *cls, struct MHD_Connection *connection, void **request,
                         enum MHD_RequestTerminationCode code)
{
    struct httpd *h = cls;
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    struct client *c = info->socket_context;

    (void)request;
    (void)code;
    c->since_ms = clock_mono_ms(h->clock);
}

/* The server's own timeout begins again with each byte. What is shut down here, it closes. */
static void shut_slow_clients(struct httpd *h)
{
    int64_t now = clock_mono_ms(h->clock);

    if (now < h->next_sweep_ms)
        return;
    h->next_sweep_ms = now + SWEEP_EVERY_MS;
    for (const struct client *c = h->clients; c; c = c->next) {
        if (now - c->since_ms >= REQUEST_MS)
            shutdown(c->fd, SHUT_RDWR);
    }
}

/* ---- requests ---- */

static enum MHD_Result send_answer(struct MHD_Connection *connection,
                                   const struct httpd_answer *answer)
{
    struct MHD_Response *response =
        MHD_create_response_from_buffer(answer->body.len, answer->body.data, MHD_RESPMEM_MUST_COPY);
    enum MHD_Result result;

    if (!response)
        return MHD_NO;
    MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE,
                            answer->type ? answer->type : DEFAULT_CONTENT);
    if (answer->status == MHD_HTTP_METHOD_NOT_ALLOWED)
        MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, SERVED_METHODS);
    else
        MHD_add_response_header(response, MHD_HTTP_HEADER_VARY, MHD_HTTP_HEADER_ACCEPT);
    result = MHD_queue_response(connection, (unsigned)answer->status, response);
    MHD_destroy_response(response);
    return result;
}

static enum MHD_Result refuse_method(struct MHD_Connection *connection)
{
    struct httpd_answer answer = {.status = MHD_HTTP_METHOD_NOT_ALLOWED};
    enum MHD_Result result;

    strbuf_adds(&answer.body, "only " SERVED_METHODS "\n");
    result = send_answer(connection, &answer);
    strbuf_release(&answer.body);
    return result;
}

/* Called once with the headers, for each part of a body, and without any at the end. An answer to
 * the first call closes the connection: that is for the methods that may come with a body. */
static enum MHD_Result on_request(void *cls, struct MHD_Connection *connection, const char *url,
                                  const char *method, const char *version, const char *upload,
                                  size_t *upload_len, void **request)
{
    struct httpd *h = cls;
    struct httpd_answer answer = {.status = MHD_HTTP_OK};
    enum MHD_Result result;

    (void)version;
    (void)upload;
    if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 && strcmp(method, MHD_HTTP_METHOD_HEAD) != 0)
        return refuse_method(connection);
    if (!*request || *upload_len) {
        *request = h;
        *upload_len = 0;
        return MHD_YES;
    }
    h->fn(h->self, url,
          MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_ACCEPT),
          &answer);
    result = send_answer(connection, &answer);
    strbuf_release(&answer.body);
    return result;
}

/* ---- the server ---- */

struct httpd *httpd_open(int listening, const struct clock *clock, httpd_answer_fn *fn, void *self,
                         struct err *e)
{
    struct httpd *h = mem_alloc(sizeof(*h));

    *h = (struct httpd){.clock = clock, .fn = fn, .self = self};
    h->daemon = MHD_start_daemon(MHD_USE_EPOLL, 0, NULL, NULL, on_request, h,
                                 MHD_OPTION_LISTEN_SOCKET, listening, MHD_OPTION_CONNECTION_LIMIT,
                                 (unsigned)MAX_CLIENTS, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
                                 CLIENT_MEMORY, MHD_OPTION_NOTIFY_CONNECTION, on_connection, h,
                                 MHD_OPTION_NOTIFY_COMPLETED, on_completed, h, MHD_OPTION_END);
    if (!h->daemon) {
        err_set(e, ERR_RUNTIME, "the HTTP server cannot be started");
        close(listening);
        free(h);
        return NULL;
    }
    h->epoll = MHD_get_daemon_info(h->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
    return h;
}

void httpd_close(struct httpd *h)
{
    if (!h)
        return;
    MHD_stop_daemon(h->daemon);
    free(h);
}

void httpd_wait(struct httpd *h, int timeout_ms)
{
    struct pollfd ready = {.fd = h->epoll, .events = POLLIN};
    MHD_UNSIGNED_LONG_LONG own;

    if (MHD_get_timeout(h->daemon, &own) == MHD_YES && own < (unsigned)timeout_ms)
        timeout_ms = (int)own;
    poll(&ready, 1, timeout_ms);
    MHD_run(h->daemon);
    shut_slow_clients(h);
}

#else

bool httpd_is_built(void)
{
    return false;
}

struct httpd *httpd_open(int listening, const struct clock *clock, httpd_answer_fn *fn, void *self,
                         struct err *e)
{
    (void)clock;
    (void)fn;
    (void)self;
    close(listening);
    err_set(e, ERR_RUNTIME, "this program was built without libmicrohttpd");
    return NULL;
}

void httpd_close(struct httpd *h)
{
    (void)h;
}

void httpd_wait(struct httpd *h, int timeout_ms)
{
    (void)h;
    (void)timeout_ms;
}

#endif
