#include "serve.h"

#include <stdio.h>
#include <string.h>

#include "accept.h"
#include "httpd.h"
#include "signals.h"
#include "view/openmetrics.h"
#include "view/report.h"

#define TICK_MS    100 /* how often the files are looked at */
#define HISTORY_MS 20  /* between two slices of history */

static void answer_metrics(struct monitor *m, const char *accept, struct httpd_answer *answer)
{
    enum metrics_format format = accept_format(accept);

    answer->type = metrics_content_type(format);
    openmetrics_write(&m->figures, m->group, format, &answer->body);
}

/* Also what warns is in order for whoever would restart or take away what is not. */
static void answer_health(struct monitor *m, struct httpd_answer *answer)
{
    bool is_good = m->figures.health.level == LEVEL_OK || m->figures.health.level == LEVEL_WARN;

    answer->status = is_good ? 200 : 503;
    report_check(&m->figures, &m->limits, &answer->body);
}

static void answer(void *self, const char *path, const char *accept, struct httpd_answer *answer)
{
    struct monitor *m = self;

    if (strcmp(path, "/metrics") == 0) {
        monitor_take(m);
        answer_metrics(m, accept, answer);
    } else if (strcmp(path, "/health") == 0) {
        monitor_take(m);
        answer_health(m, answer);
    } else {
        answer->status = 404;
        strbuf_adds(&answer->body, "only /metrics and /health\n");
    }
}

/* The first answer should not be that nothing was read. */
static void read_present(struct monitor *m)
{
    while (!signals_stop() && trackers_poll(&m->trackers)) {
    }
}

static void serve(struct monitor *m, struct httpd *h)
{
    while (!signals_stop()) {
        bool is_behind = trackers_poll(&m->trackers);

        if (!is_behind)
            trackers_history(&m->trackers);
        httpd_wait(h, is_behind ? 0 : trackers_has_history(&m->trackers) ? HISTORY_MS : TICK_MS);
    }
}

int serve_run(struct monitor *m, const struct endpoint *endpoint, struct err *e)
{
    int listening = endpoint_listen(endpoint, e);
    struct httpd *h = NULL;

    if (listening >= 0) {
        read_present(m);
        h = httpd_open(listening, m->clock, answer, m, e);
    }
    if (!h)
        return err_wrap(e, "--listen %s:%s", endpoint->host, endpoint->port), err_exit_status(e);
    fprintf(stderr, "monitor: serving /metrics and /health on %s port %s\n", endpoint->host,
            endpoint->port);
    serve(m, h);
    httpd_close(h);
    return 0;
}
