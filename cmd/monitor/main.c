/* monitor: shows from the audit journal and the log whether the tracker is healthy, and why not.
 * Composition only. */

#include <errno.h>
#include <langinfo.h>
#include <locale.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <wchar.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/standard.h"
#include "live.h"
#include "merge.h"
#include "options.h"
#include "serve.h"
#include "signals.h"
#include "term.h"
#include "view/openmetrics.h"
#include "view/report.h"

#define CHECK_UNKNOWN 3

/* ---- the terminal's abilities ---- */

/* Blocks and lines only where the locale is UTF-8 and counts them as one column: some CJK locales
 * count two, the Linux console has no eighths. */
static bool needs_ascii(const struct options *o)
{
    const char *locale = setlocale(LC_CTYPE, ""); /* the others would change numbers */
    const char *terminal = getenv("TERM");

    return o->ascii || !locale || strcmp(nl_langinfo(CODESET), "UTF-8") != 0 ||
           wcwidth(L'\u2588') != 1 || (terminal && strcmp(terminal, "linux") == 0);
}

static bool wants_color(const struct options *o)
{
    const char *no_color = getenv("NO_COLOR");

    if (o->color && strcmp(o->color, "auto") != 0)
        return strcmp(o->color, "always") == 0;
    return !no_color || !no_color[0];
}

/* ---- the clock: a fixed one for tests ---- */

static int64_t fixed_wall_ms(void *self)
{
    return *(const int64_t *)self;
}

static int64_t system_mono_ms(void *self)
{
    (void)self;
    return clock_mono_ms(clock_system());
}

/* MONITOR_NOW, in milliseconds since 1970, stops the wall clock there. */
static const struct clock *choose_clock(void)
{
    static int64_t fixed;
    static const struct clock stopped = {
        .wall_ms = fixed_wall_ms, .mono_ms = system_mono_ms, .self = &fixed};
    const char *text = getenv("MONITOR_NOW");
    char *end;

    if (!text || !text[0])
        return clock_system();
    errno = 0;
    fixed = strtoll(text, &end, 10);
    return errno || *end ? clock_system() : &stopped;
}

/* ---- reports ---- */

static void add_report(struct monitor *m, const struct options *o, struct strbuf *out)
{
    struct screen s = {0};

    if (o->check) {
        report_check(&m->figures, &m->limits, out);
    } else if (o->metrics) {
        openmetrics_write(&m->figures, m->group, o->output ? METRICS_CLASSIC : METRICS_OPENMETRICS,
                          out);
    } else if (o->json) {
        report_json(&m->figures, out);
    } else if (o->size) {
        screen_init(&s, o->width, o->height, m->ascii);
        monitor_paint(m, &s);
        screen_text(&s, out);
        screen_release(&s);
    } else {
        report_text(&m->figures, out);
    }
}

/* Returns the exit status. Who reads our output and has seen enough closes it: no error to tell. */
static int print(const struct strbuf *out, struct err *e)
{
    if (fwrite(strbuf_text(out), 1, out->len, stdout) == out->len && fflush(stdout) == 0)
        return signals_exit_status();
    if (errno == EPIPE)
        return 128 + SIGPIPE;
    err_set(e, ERR_RUNTIME, "standard output: %s", strerror(errno));
    return err_exit_status(e);
}

/* Whoever reads the file sees a whole one at any time. Returns the exit status. */
static int replace_file(const char *path, const struct strbuf *out, struct err *e)
{
    struct strbuf next = {0};
    FILE *f;
    bool is_written = false;

    strbuf_addf(&next, "%s.tmp", path);
    f = fopen(strbuf_text(&next), "we");
    if (f) {
        is_written = fwrite(strbuf_text(out), 1, out->len, f) == out->len;
        is_written = fclose(f) == 0 && is_written;
    }
    if (!is_written || rename(strbuf_text(&next), path) < 0) {
        err_set(e, ERR_RUNTIME, "%s: %s", path, strerror(errno));
        if (f)
            unlink(strbuf_text(&next));
    }
    strbuf_release(&next);
    return e->kind == ERR_NONE ? signals_exit_status() : err_exit_status(e);
}

/* Below the level that is asked for all is good to whoever calls. */
static int check_status(const struct monitor *m, const struct options *o)
{
    int status = report_check_status(&m->figures);

    return o->fail_on && strcmp(o->fail_on, "crit") == 0 && m->figures.health.level != LEVEL_CRIT
               ? 0
               : status;
}

/* Until the next report is due, so that no line waits for a rotation to be read. */
static void follow_for(struct monitor *m, int64_t seconds)
{
    int64_t until = clock_mono_ms(m->clock) + seconds * 1000;
    const struct timespec tick = {.tv_nsec = 100000000};

    while (!signals_stop() && clock_mono_ms(m->clock) < until) {
        if (!trackers_poll(&m->trackers))
            nanosleep(&tick, NULL);
    }
}

static int run_reports(struct monitor *m, const struct options *o, struct err *e)
{
    struct strbuf out = {0};
    int status;

    do {
        strbuf_reset(&out);
        trackers_read_all(&m->trackers);
        monitor_take(m);
        add_report(m, o, &out);
        status = o->output ? replace_file(o->output, &out, e) : print(&out, e);
        if (o->watch_seconds && status == 0)
            follow_for(m, o->watch_seconds);
    } while (o->watch_seconds && status == 0 && !signals_stop());
    strbuf_release(&out);
    return o->check && status == 0 ? check_status(m, o) : status;
}

static int run_live(struct monitor *m, struct options *o, struct err *e)
{
    char why[128];
    int status;

    if (!term_is_usable(why, sizeof(why))) {
        fprintf(stderr, "monitor: %s: printing one report\n", why);
        o->once = true;
        return run_reports(m, o, e);
    }
    if (term_open(m->color) < 0)
        return err_set(e, ERR_RUNTIME, "the terminal cannot be used"), err_exit_status(e);
    status = live_run(m);
    term_close();
    return status;
}

static int run_merge(const struct trackers *t, struct err *e)
{
    const char *journals[DASH_PARTS];

    if (t->left_out)
        return err_set(e, ERR_USAGE, "--merge: more than %d journals", DASH_PARTS),
               err_exit_status(e);
    if (t->count == 0)
        return err_set(e, ERR_RUNTIME, "%s: no journal matches", t->sources[0].events),
               err_exit_status(e);
    for (int i = 0; i < t->count; i++)
        journals[i] = t->items[i]->path;
    return merge_run(journals, (size_t)t->count, e);
}

static int run_monitor(const struct config *cfg, struct options *o, struct err *e)
{
    struct monitor m = {
        .clock = choose_clock(),
        .topic = cfg->kafka.topic,
        .group = cfg->kafka.consumer_group,
        .ascii = needs_ascii(o),
        .color = wants_color(o),
        .sync = o->sync,
        .update_ms = cfg->monitor.ui_update_ms,
        .frames = o->frames,
        .limits = {.success_warn = cfg->monitor.success_warn,
                   .success_crit = cfg->monitor.success_crit,
                   .latency_warn_ms = cfg->monitor.latency_warn_ms,
                   .latency_crit_ms = cfg->monitor.latency_crit_ms,
                   .silence_ms = cfg->monitor.silence_seconds * 1000,
                   .stale_ms = cfg->monitor.stale_seconds * 1000},
    };
    bool is_report;
    int status;

    is_report = o->merge || o->once || o->json || o->check || o->metrics;
    m.trackers = (struct trackers){
        .sources = o->sources,
        .source_count = o->source_count,
        .events_kept = (size_t)cfg->monitor.max_recent_events,
        .logs_kept = (size_t)cfg->monitor.max_recent_logs,
        .enters_late = !is_report || o->check || o->no_history, /* a check asks for no totals */
        .skips_history = o->no_history || o->check,
        .since_ms = o->since ? clock_wall_ms(m.clock) - o->since_ago_ms : 0,
        .clock = m.clock,
    };
    trackers_open(&m.trackers);
    if (m.trackers.left_out && !o->merge)
        fprintf(stderr, "monitor: %d journals beyond the first %d are left out\n",
                m.trackers.left_out, DASH_PARTS);
    m.dash = trackers_dash(&m.trackers);
    ui_init(&m.ui);
    status = o->merge    ? run_merge(&m.trackers, e)
             : is_report ? run_reports(&m, o, e)
             : o->listen ? serve_run(&m, &o->endpoint, e)
                         : run_live(&m, o, e);
    ui_release(&m.ui);
    figures_release(&m.figures);
    figures_release(&m.at_stop);
    trackers_release(&m.trackers);
    return status;
}

/* Under --check whoever calls knows four states only, and trouble of our own is UNKNOWN. */
static int failed_status(const struct err *e, int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--check") == 0)
            return CHECK_UNKNOWN;
    }
    return err_exit_status(e);
}

int main(int argc, char **argv)
{
    struct options o = {0};
    struct config cfg = {0};
    struct err e = {0};
    int status = 0;

    standard_hold();
    signals_install();
    if (options_read(&o, argc, argv, &cfg, &e) == ARGS_RUN)
        status = run_monitor(&cfg, &o, &e);
    if (e.kind != ERR_NONE) {
        fprintf(stderr, "monitor: %s\n", e.text);
        status = failed_status(&e, argc, argv);
    }
    config_release(&cfg);
    options_release(&o);
    return status;
}
