#include "processor/http.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include <curl/curl.h>

#include "base/ascii.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "base/version.h"
#include "base/wake.h"
#include "processor/http_answer.h"
#include "processor/http_request.h"
#include "processor/token.h"

#define TURN_MS       1000 /* the thread is woken for all that it has to do */
#define POLL_AGAIN_MS 10

/* One attempt. It belongs to the flow thread while it is filled and judged, else to the other. */
struct call {
    const struct http *http;
    struct call *next; /* in the queue that it is in */
    uint64_t tag;
    bool is_cancelled; /* nobody wants the answer; the flow thread's */
    size_t index;      /* in `active`, likewise */
    struct strbuf headers;
    struct strbuf body;
    struct http_answer answer;
    CURL *easy; /* kept for later attempts */
    struct curl_slist *list;
    size_t received; /* of the answer's body */
    bool is_cut;     /* the rest of it is not read */
    bool without_http2;
    char error[CURL_ERROR_SIZE];
};

struct queue {
    struct call *first;
    struct call *last;
};

struct http {
    struct http_options o;
    char *url; /* as libcurl has it */
    char *socket;
    CURLM *multi;
    pthread_t thread;
    struct token token; /* the thread's, like the next */
    bool without_http2;

    pthread_mutex_t lock; /* guards the next three */
    struct queue asked;
    struct queue answered;
    bool is_closing;

    /* The flow thread's. */
    struct queue begun;  /* since the last flush */
    struct queue taken;  /* from `answered` */
    struct call *judged; /* its receipt may still be read */
    struct call **active;
    size_t active_count;
    size_t active_cap;
    struct call *spare;
};

/* ---- queues ---- */

static void push(struct queue *q, struct call *c)
{
    c->next = NULL;
    if (q->last)
        q->last->next = c;
    else
        q->first = c;
    q->last = c;
}

static struct call *pop(struct queue *q)
{
    struct call *c = q->first;

    if (!c)
        return NULL;
    q->first = c->next;
    if (!q->first)
        q->last = NULL;
    return c;
}

/* All of `from` goes behind what is in `q`. */
static void move(struct queue *q, struct queue *from)
{
    if (!from->first)
        return;
    if (q->last)
        q->last->next = from->first;
    else
        q->first = from->first;
    q->last = from->last;
    *from = (struct queue){0};
}

/* ---- what libcurl calls ---- */

static size_t on_head(char *line, size_t size, size_t count, void *ctx)
{
    struct call *c = ctx;

    http_answer_head(&c->answer, line, size * count);
    return size * count;
}

static size_t on_body(char *bytes, size_t size, size_t count, void *ctx)
{
    struct call *c = ctx;
    size_t room = c->http->o.max_answer_bytes - c->received;
    size_t len = size * count;

    c->is_cut = len > room;
    if (c->is_cut)
        len = room;
    c->received += len;
    http_answer_body(&c->answer, bytes, len);
    return c->is_cut ? 0 : len;
}

/* ---- the thread: requests ---- */

static bool is_https(const struct http *h)
{
    return strncasecmp(h->url, "https:", 6) == 0;
}

/* What is the same for all attempts. Names of the environment, .netrc and proxies have no say. */
static void set_options(const struct http *h, struct call *c)
{
    CURL *easy = c->easy;

    curl_easy_setopt(easy, CURLOPT_URL, h->url);
    if (h->socket)
        curl_easy_setopt(easy, CURLOPT_UNIX_SOCKET_PATH, h->socket);
    curl_easy_setopt(easy, CURLOPT_PRIVATE, c);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, c->error);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    curl_easy_setopt(easy, CURLOPT_POST, 1L);
    curl_easy_setopt(easy, CURLOPT_USERAGENT, "order-tracker/" SUITE_VERSION);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)h->o.connect_timeout_ms);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)h->o.timeout_ms);
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_head);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, c);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, c);
#if LIBCURL_VERSION_NUM >= 0x075700
    curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L); /* do not wait for a resolver that hangs */
#endif
    if (*h->o.ca_file) {
        curl_easy_setopt(easy, CURLOPT_CAINFO, h->o.ca_file);
        curl_easy_setopt(easy, CURLOPT_CAPATH, (char *)NULL);
    }
    if (*h->o.cert_file)
        curl_easy_setopt(easy, CURLOPT_SSLCERT, h->o.cert_file);
    if (*h->o.key_file)
        curl_easy_setopt(easy, CURLOPT_SSLKEY, h->o.key_file);
}

static void prepare_easy(const struct http *h, struct call *c)
{
    if (c->easy)
        return;
    c->easy = curl_easy_init();
    if (!c->easy)
        mem_die();
    set_options(h, c);
}

static void add_line(struct call *c, const char *line)
{
    struct curl_slist *list = curl_slist_append(c->list, line);

    if (!list)
        mem_die();
    c->list = list;
}

static void make_list(struct call *c, const struct token *token)
{
    const char *end = c->headers.data + c->headers.len;

    for (const char *line = c->headers.data; line < end; line += strlen(line) + 1)
        add_line(c, line);
    if (token->path) {
        struct strbuf line = {0};

        strbuf_addf(&line, "authorization: Bearer %s", token->text.data);
        add_line(c, strbuf_text(&line));
        strbuf_release(&line);
    }
}

/* With HTTP/2 a new connection is waited for, since all share it. */
static void choose_version(const struct http *h, struct call *c)
{
    long version = h->without_http2 ? CURL_HTTP_VERSION_1_1 : CURL_HTTP_VERSION_2TLS;

    c->without_http2 = h->without_http2;
    curl_easy_setopt(c->easy, CURLOPT_HTTP_VERSION, version);
    curl_easy_setopt(c->easy, CURLOPT_PIPEWAIT, is_https(h) && !h->without_http2 ? 1L : 0L);
}

static void begin(struct http *h, struct call *c)
{
    prepare_easy(h, c);
    choose_version(h, c);
    make_list(c, &h->token);
    c->error[0] = '\0';
    curl_easy_setopt(c->easy, CURLOPT_HTTPHEADER, c->list);
    curl_easy_setopt(c->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)c->body.len);
    curl_easy_setopt(c->easy, CURLOPT_POSTFIELDS, strbuf_text(&c->body));
    if (curl_multi_add_handle(h->multi, c->easy) != CURLM_OK)
        mem_die();
}

/* ---- the thread: answers ---- */

static bool is_unreachable(CURLcode code)
{
    switch ((int)code) {
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_CONNECT:
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CRL_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_INVALIDCERTSTATUS:
        return true;
    default:
        return false;
    }
}

/* With TLS 1.3 a server that does not take the client's certificate says so, by an alert, when the
 * request was sent already. libcurl tells it from other ends of a connection by its text only. */
static bool is_alert(const struct call *c)
{
    return ascii_contains(c->error, " alert ");
}

static bool was_sent(const struct call *c)
{
    long bytes = 0;

    curl_easy_getinfo(c->easy, CURLINFO_REQUEST_SIZE, &bytes);
    return bytes > 0;
}

static enum http_end end_of(const struct call *c, CURLcode code)
{
    if (code == CURLE_OK || (code == CURLE_WRITE_ERROR && c->is_cut))
        return HTTP_ANSWERED;
    if (is_unreachable(code) || !was_sent(c) || is_alert(c))
        return HTTP_UNREACHABLE;
    return code == CURLE_OPERATION_TIMEDOUT ? HTTP_TIMED_OUT : HTTP_LOST;
}

static void set_why(struct http_answer *a, const char *why)
{
    utf8_copy(a->why, sizeof(a->why), why);
}

static void fill_end(const struct http *h, struct call *c, CURLcode code)
{
    struct http_answer *a = &c->answer;
    long status = 0;

    a->end = end_of(c, code);
    curl_easy_getinfo(c->easy, CURLINFO_RESPONSE_CODE, &status);
    a->status = (int)status;
    if (a->end == HTTP_TIMED_OUT)
        snprintf(a->why, sizeof(a->why), "no answer in %" PRId64 " ms", h->o.timeout_ms);
    else if (a->end != HTTP_ANSWERED)
        set_why(a, *c->error ? c->error : curl_easy_strerror(code));
}

static void end_list(struct call *c)
{
    curl_slist_free_all(c->list);
    c->list = NULL;
}

/* libcurl 7.88 takes it for an error of HTTP/2 when an endpoint answers before it has read the
 * whole request, as with 401. HTTP/1.1 shows what the answer is, and is used from then on. */
static bool falls_back(struct http *h, struct call *c, CURLcode code)
{
    if ((code != CURLE_HTTP2 && code != CURLE_HTTP2_STREAM) || c->without_http2)
        return false;
    h->without_http2 = true;
    c->received = 0;
    http_answer_reset(&c->answer);
    begin(h, c);
    return true;
}

static void take_message(struct http *h, const CURLMsg *message, struct queue *answered)
{
    CURLcode code = message->data.result;
    struct call *c;

    curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &c);
    curl_multi_remove_handle(h->multi, message->easy_handle);
    end_list(c);
    if (falls_back(h, c, code))
        return;
    fill_end(h, c, code);
    if (c->answer.end == HTTP_ANSWERED && c->answer.status == 401)
        token_doubt(&h->token);
    push(answered, c);
}

static void take_messages(struct http *h, struct queue *answered)
{
    const CURLMsg *message;
    int left;

    while ((message = curl_multi_info_read(h->multi, &left)))
        if (message->msg == CURLMSG_DONE)
            take_message(h, message, answered);
}

/* ---- the thread ---- */

/* Without a token that can be read no request is made. */
static void begin_all(struct http *h, struct queue *asked, struct queue *answered)
{
    struct err e = {0};
    bool is_ready = !asked->first || !h->token.path || token_refresh(&h->token, &e) == 0;
    struct call *c;

    while ((c = pop(asked))) {
        if (is_ready) {
            begin(h, c);
            continue;
        }
        c->answer.end = HTTP_UNREACHABLE;
        set_why(&c->answer, e.text);
        push(answered, c);
    }
}

/* Returns false when it is time to end. */
static bool take_asked(struct http *h, struct queue *asked)
{
    bool goes_on;

    pthread_mutex_lock(&h->lock);
    move(asked, &h->asked);
    goes_on = !h->is_closing;
    pthread_mutex_unlock(&h->lock);
    return goes_on;
}

static void hand_over(struct http *h, struct queue *answered)
{
    if (!answered->first)
        return;
    pthread_mutex_lock(&h->lock);
    move(&h->answered, answered);
    pthread_mutex_unlock(&h->lock);
    wake_up(h->o.wake_fd);
}

static void *run(void *ctx)
{
    struct http *h = ctx;
    struct queue asked = {0};
    struct queue answered = {0};
    int running;

    while (take_asked(h, &asked)) {
        begin_all(h, &asked, &answered);
        if (curl_multi_perform(h->multi, &running) != CURLM_OK)
            mem_die();
        take_messages(h, &answered);
        hand_over(h, &answered);
        if (curl_multi_poll(h->multi, NULL, 0, TURN_MS, NULL) != CURLM_OK)
            poll(NULL, 0, POLL_AGAIN_MS);
    }
    return NULL;
}

/* ---- the port ---- */

static struct call *take_spare(struct http *h)
{
    struct call *c = h->spare;

    if (!c)
        return mem_alloc(sizeof(*c));
    h->spare = c->next;
    return c;
}

static void add_active(struct http *h, struct call *c)
{
    if (h->active_count == h->active_cap) {
        h->active_cap = h->active_cap ? 2 * h->active_cap : 64;
        h->active = mem_realloc_array(h->active, h->active_cap, sizeof(struct call *));
    }
    c->index = h->active_count;
    h->active[h->active_count++] = c;
}

static void put_spare(struct http *h, struct call *c)
{
    struct call *last = h->active[--h->active_count];

    h->active[c->index] = last;
    last->index = c->index;
    c->next = h->spare;
    h->spare = c;
}

static enum start_result start(void *self, const struct attempt *a, int64_t now_ms,
                               struct attempt_result *r)
{
    struct http *h = self;
    const struct message *m = a->message;
    struct call *c = take_spare(h);
    const struct header *headers;
    size_t count = h->o.source->headers(h->o.source->self, m, &headers);

    (void)now_ms;
    (void)r;
    c->http = h;
    c->tag = a->tag;
    c->is_cancelled = c->is_cut = false;
    c->received = 0;
    http_answer_reset(&c->answer);
    strbuf_reset(&c->headers);
    http_request_headers(a, headers, count, &c->headers);
    strbuf_reset(&c->body);
    strbuf_add(&c->body, m->value, m->value_len);
    add_active(h, c);
    push(&h->begun, c);
    return START_TAKEN;
}

static void flush(void *self)
{
    struct http *h = self;

    if (!h->begun.first)
        return;
    pthread_mutex_lock(&h->lock);
    move(&h->asked, &h->begun);
    pthread_mutex_unlock(&h->lock);
    curl_multi_wakeup(h->multi);
}

static void release_judged(struct http *h)
{
    if (h->judged)
        put_spare(h, h->judged);
    h->judged = NULL;
}

static void take_answered(struct http *h)
{
    pthread_mutex_lock(&h->lock);
    move(&h->taken, &h->answered);
    pthread_mutex_unlock(&h->lock);
}

static int next_result(void *self, int64_t now_ms, struct attempt_result *r)
{
    struct http *h = self;
    struct call *c;

    (void)now_ms;
    release_judged(h);
    if (!h->taken.first)
        take_answered(h);
    while ((c = pop(&h->taken)) && c->is_cancelled)
        put_spare(h, c);
    if (!c)
        return 0;
    h->judged = c;
    r->tag = c->tag;
    http_answer_judge(&c->answer, clock_wall_ms(h->o.clock), r);
    return 1;
}

/* Timeouts are kept by the thread, which wakes whoever asks. */
static int64_t deadline_ms(void *self)
{
    (void)self;
    return INT64_MAX;
}

static void cancel(void *self, uint64_t tag)
{
    struct http *h = self;

    for (size_t i = 0; i < h->active_count; i++)
        if (h->active[i]->tag == tag && h->active[i] != h->judged)
            h->active[i]->is_cancelled = true;
}

struct processor http_processor(struct http *h)
{
    return (struct processor){
        .self = h,
        .start = start,
        .flush = flush,
        .next_result = next_result,
        .deadline_ms = deadline_ms,
        .cancel = cancel,
    };
}

/* ---- life ---- */

const char *http_library_version(void)
{
    return curl_version_info(CURLVERSION_NOW)->version;
}

/* unix:/path/to/socket:/url/path has a URL of its own for libcurl. */
static void split_url(struct http *h)
{
    static const char scheme[] = "unix:";
    const char *path = h->o.url + sizeof(scheme) - 1;
    size_t len;

    if (strncasecmp(h->o.url, scheme, sizeof(scheme) - 1) != 0) {
        h->url = mem_strdup(h->o.url);
        return;
    }
    len = strcspn(path, ":");
    h->socket = mem_strndup(path, len);
    h->url = mem_alloc(sizeof("http://localhost/") + strlen(path));
    sprintf(h->url, "http://localhost%s", path[len] ? path + len + 1 : "/");
}

static int check_file(const char *setting, const char *path, struct err *e)
{
    FILE *f;

    if (!*path)
        return 0;
    f = fopen(path, "re");
    if (!f)
        return err_set(e, ERR_USAGE, "%s: %s: %s", setting, path, strerror(errno));
    fclose(f);
    return 0;
}

static int check_url(const struct http_options *o, struct err *e)
{
    struct http h = {.o = *o};
    CURLU *parsed = curl_url();
    CURLUcode code;

    split_url(&h);
    if (!parsed)
        mem_die();
    code = curl_url_set(parsed, CURLUPART_URL, h.url, 0);
    curl_url_cleanup(parsed);
    free(h.url);
    free(h.socket);
    if (code == CURLUE_OK)
        return 0;
    return err_set(e, ERR_USAGE, "processor.url: not a URL: %s", curl_url_strerror(code));
}

int http_check(const struct http_options *options, struct err *e)
{
    struct token token = {.path = options->token_file};
    int rc;

    if (check_url(options, e) < 0 || check_file("processor.ca_file", options->ca_file, e) < 0 ||
        check_file("processor.cert_file", options->cert_file, e) < 0 ||
        check_file("processor.key_file", options->key_file, e) < 0)
        return -1;
    rc = *token.path ? token_refresh(&token, e) : 0;
    token_release(&token);
    return rc;
}

/* Signals are for the main thread. */
static int start_thread(struct http *h)
{
    sigset_t all, before;
    int rc;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    rc = pthread_create(&h->thread, NULL, run, h);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return rc;
}

static void release(struct http *h)
{
    curl_multi_cleanup(h->multi);
    curl_global_cleanup();
    token_release(&h->token);
    pthread_mutex_destroy(&h->lock);
    free(h->active);
    free(h->url);
    free(h->socket);
    free(h);
}

struct http *http_open(const struct http_options *options, struct err *e)
{
    struct http *h = mem_alloc(sizeof(*h));
    int rc;

    h->o = *options;
    h->token.path = *options->token_file ? options->token_file : NULL;
    split_url(h);
    pthread_mutex_init(&h->lock, NULL);
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK || !(h->multi = curl_multi_init()))
        mem_die();
    curl_multi_setopt(h->multi, CURLMOPT_MAXCONNECTS, (long)options->max_in_flight);
    rc = start_thread(h);
    if (rc == 0)
        return h;
    err_set(e, ERR_RUNTIME, "the thread of processor.url: %s", strerror(rc));
    release(h);
    return NULL;
}

static void free_call(struct call *c)
{
    curl_slist_free_all(c->list);
    curl_easy_cleanup(c->easy);
    strbuf_release(&c->headers);
    strbuf_release(&c->body);
    http_answer_release(&c->answer);
    free(c);
}

void http_close(struct http *h)
{
    if (!h)
        return;
    pthread_mutex_lock(&h->lock);
    h->is_closing = true;
    pthread_mutex_unlock(&h->lock);
    curl_multi_wakeup(h->multi);
    pthread_join(h->thread, NULL);
    for (size_t i = 0; i < h->active_count; i++) {
        if (h->active[i]->list)
            curl_multi_remove_handle(h->multi, h->active[i]->easy);
        free_call(h->active[i]);
    }
    while (h->spare) {
        struct call *c = h->spare;

        h->spare = c->next;
        free_call(c);
    }
    release(h);
}
