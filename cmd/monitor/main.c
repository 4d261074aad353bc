/* monitor: shows from the audit journal and the log whether the tracker is healthy, and why not.
 * Composition only. */

#include <errno.h>
#include <langinfo.h>
#include <locale.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <wchar.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/standard.h"
#include "config/args.h"
#include "io/kafka_conf.h"
#include "live.h"
#include "model/tracker_paths.h"
#include "signals.h"
#include "term.h"
#include "view/report.h"

#define CHECK_UNKNOWN 3

struct options {
    bool once;
    bool json;
    bool check;
    bool no_history;
    bool ascii;
    bool sync;
    int64_t watch_seconds;
    int64_t frames;
    const char *size;
    const char *since;
    int64_t since_ago_ms; /* of --since; 0 without */
    const char *color;
    int width; /* of --size */
    int height;
    struct arg_list events; /* as given */
    struct arg_list logs;
    struct tracker_source *sources; /* what follows from it */
    int source_count;
};

/* Settings that are asked for often enough to have an option. */
static const struct arg thresholds[] = {
    {.name = "warn-success",
     .kind = ARG_SETTING,
     .operand = "PERCENT",
     .setting = "monitor.success_warn"},
    {.name = "crit-success",
     .kind = ARG_SETTING,
     .operand = "PERCENT",
     .setting = "monitor.success_crit"},
    {.name = "warn-latency",
     .kind = ARG_SETTING,
     .operand = "MS",
     .setting = "monitor.latency_warn_ms"},
    {.name = "crit-latency",
     .kind = ARG_SETTING,
     .operand = "MS",
     .setting = "monitor.latency_crit_ms"},
    {.name = "warn-silence",
     .kind = ARG_SETTING,
     .operand = "SECONDS",
     .setting = "monitor.silence_seconds"},
    {.name = "crit-stale",
     .kind = ARG_SETTING,
     .operand = "SECONDS",
     .setting = "monitor.stale_seconds"},
};

#define COUNT(array) ((int)(sizeof(array) / sizeof((array)[0])))

static enum args_result read_options(int argc, char **argv, struct options *o, struct config *cfg,
                                     struct err *e)
{
    const struct arg own[] = {
        {.name = "events",
         .kind = ARG_SETTING,
         .operand = "FILE",
         .help = "a journal to follow; repeatable, or a pattern: 'logs/*/tracker.events'",
         .setting = "monitor.events_file",
         .list = &o->events},
        {.name = "log",
         .kind = ARG_SETTING,
         .operand = "FILE",
         .help = "its log; without it, of several journals, the .log beside each",
         .setting = "monitor.log_file",
         .list = &o->logs},
        {.name = "once", .kind = ARG_FLAG, .help = "print one report and exit", .flag = &o->once},
        {.name = "json",
         .kind = ARG_FLAG,
         .help = "print one JSON object and exit",
         .flag = &o->json},
        {.name = "check",
         .kind = ARG_FLAG,
         .help = "one line for Nagios; exit 0 OK, 1 WARN, 2 CRIT, 3 UNKNOWN",
         .flag = &o->check},
        {.name = "since",
         .kind = ARG_TEXT,
         .operand = "DURATION",
         .help = "count only what is not older, as in 90s, 15m, 2h, 1d12h",
         .text = &o->since},
        {.name = "no-history",
         .kind = ARG_FLAG,
         .help = "do not read the older part of a big journal: totals are lower bounds",
         .flag = &o->no_history},
        {.name = "watch",
         .kind = ARG_INT,
         .operand = "SECONDS",
         .help = "with --once or --json: again and again",
         .min = 1,
         .max = 86400,
         .integer = &o->watch_seconds},
        {.name = "size",
         .kind = ARG_TEXT,
         .operand = "WxH",
         .help = "with --once: the screen of that size as text",
         .text = &o->size},
        {.name = "color",
         .kind = ARG_TEXT,
         .operand = "WHEN",
         .help = "always, never or auto",
         .text = &o->color},
        {.name = "ascii", .kind = ARG_FLAG, .help = "plain ASCII only", .flag = &o->ascii},
        {.name = "sync",
         .kind = ARG_FLAG,
         .help = "synchronized updates, for terminals that flicker",
         .flag = &o->sync},
        {.name = "frames",
         .kind = ARG_INT,
         .operand = "N",
         .help = "exit after N pictures",
         .min = 1,
         .max = 1000000,
         .integer = &o->frames},
    };
    struct arg args[COUNT(own) + COUNT(thresholds)];
    const struct arg_program program = {
        .name = "monitor",
        .summary = "shows from the audit journal and the log whether the tracker is healthy",
        .args = args,
        .arg_count = COUNT(args),
    };

    memcpy(args, own, sizeof(own));
    memcpy(&args[COUNT(own)], thresholds, sizeof(thresholds));
    return args_load(&program, argc, argv, kafka_library_version(), cfg, e);
}

/* Digits, x, digits: no sign and no blank. Returns 0 or -1. */
static int read_size(const char *text, int *width, int *height)
{
    static const char digits[] = "0123456789";
    size_t x = strspn(text, digits);
    size_t rest = text[x] == 'x' ? strspn(text + x + 1, digits) : 0;

    if (x < 1 || x > 4 || rest < 1 || rest > 4 || text[x + 1 + rest] != '\0')
        return -1;
    *width = atoi(text);
    *height = atoi(text + x + 1);
    return *width >= 1 && *height >= 1 && *width <= 2000 && *height <= 2000 ? 0 : -1;
}

/* "90s", "1h30m". Returns 0, or -1 when it is no duration or longer than a hundred years. */
static int read_duration(const char *text, int64_t *ms)
{
    static const struct {
        char letter;
        int64_t ms;
    } units[] = {{'d', 86400000}, {'h', 3600000}, {'m', 60000}, {'s', 1000}};
    const int64_t longest = 36525 * units[0].ms;
    size_t next = 0;

    *ms = 0;
    while (*text) {
        char *end;
        long long n;

        if (*text < '0' || *text > '9')
            return -1;
        errno = 0;
        n = strtoll(text, &end, 10);
        while (next < 4 && units[next].letter != *end)
            next++;
        if (errno || next == 4 || n > (longest - *ms) / units[next].ms)
            return -1;
        *ms += n * units[next++].ms;
        text = end + 1;
    }
    return *ms > 0 ? 0 : -1;
}

static int check_options(struct options *o, struct err *e)
{
    if (o->since && read_duration(o->since, &o->since_ago_ms) < 0)
        return err_set(e, ERR_USAGE, "--since %s: expected a duration, as in 90s, 15m, 2h, 1d12h",
                       o->since);
    if (o->size && read_size(o->size, &o->width, &o->height) < 0)
        return err_set(e, ERR_USAGE, "--size %s: expected WIDTHxHEIGHT, as in 120x40", o->size);
    if (o->size && !o->once)
        return err_set(e, ERR_USAGE, "--size needs --once");
    if (o->color && strcmp(o->color, "always") != 0 && strcmp(o->color, "never") != 0 &&
        strcmp(o->color, "auto") != 0)
        return err_set(e, ERR_USAGE, "--color %s: expected always, never or auto", o->color);
    if (o->watch_seconds && !o->once && !o->json)
        return err_set(e, ERR_USAGE, "--watch needs --once or --json");
    return 0;
}

/* ---- the terminal's abilities ---- */

/* Blocks and lines only where the locale is UTF-8 and counts them as one column: some CJK locales
 * count two, the Linux console has no eighths. */
static bool needs_ascii(const struct options *o)
{
    const char *locale = setlocale(LC_ALL, "");
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

static int print(const struct strbuf *out, struct err *e)
{
    if (fwrite(strbuf_text(out), 1, out->len, stdout) != out->len || fflush(stdout) != 0)
        return err_set(e, ERR_RUNTIME, "standard output: %s", strerror(errno));
    return 0;
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
        status = print(&out, e) < 0 ? err_exit_status(e) : signals_exit_status();
        if (o->watch_seconds && status == 0)
            follow_for(m, o->watch_seconds);
    } while (o->watch_seconds && status == 0 && !signals_stop());
    strbuf_release(&out);
    return o->check && status == 0 ? report_check_status(&m->figures) : status;
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

/* What is not there yet may still come; what is there and no file never will be one. */
static int check_path(const char *path, struct err *e)
{
    struct stat st;

    if (stat(path, &st) < 0 || S_ISREG(st.st_mode))
        return 0;
    return err_set(e, ERR_USAGE, "%s: %s", path,
                   S_ISDIR(st.st_mode) ? "is a directory, a file is needed" : "is no regular file");
}

static int check_source(const struct tracker_source *s, struct err *e)
{
    if (s->log && !tracker_path_patterns_agree(s->events, s->log))
        return err_set(e, ERR_USAGE,
                       "--log %s: needs the same wildcards as --events %s, which it belongs to",
                       s->log, s->events);
    if (check_path(s->events, e) < 0)
        return -1;
    return s->log ? check_path(s->log, e) : 0;
}

/* The n-th log belongs to the n-th journal. A setting for one log says nothing of several
 * journals. */
static int choose_sources(struct options *o, const struct config *cfg, struct err *e)
{
    const char *events = cfg->monitor.events_file;
    const char *log = cfg->monitor.log_file;
    bool is_one = o->events.count <= 1;

    if (!is_one && o->logs.count && o->logs.count != o->events.count)
        return err_set(e, ERR_USAGE,
                       "%d times --events and %d times --log: as many of each are needed, or no "
                       "--log (then it is the .log beside each journal)",
                       o->events.count, o->logs.count);
    if (is_one && o->logs.count > 1)
        return err_set(e, ERR_USAGE, "--log: given %d times for one --events", o->logs.count);
    if (is_one && !o->logs.count && !tracker_path_patterns_agree(events, log))
        log = NULL;
    o->source_count = is_one ? 1 : o->events.count;
    o->sources = mem_alloc_array((size_t)o->source_count, sizeof(*o->sources));
    for (int i = 0; i < o->source_count; i++) {
        struct tracker_source *s = &o->sources[i];

        s->events = is_one ? events : o->events.items[i];
        s->log = is_one ? log : o->logs.count ? o->logs.items[i] : NULL;
        if (check_source(s, e) < 0)
            return -1;
    }
    return 0;
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

    is_report = o->once || o->json || o->check;
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
    if (m.trackers.left_out)
        fprintf(stderr, "monitor: %d journals beyond the first %d are left out\n",
                m.trackers.left_out, DASH_PARTS);
    m.dash = trackers_dash(&m.trackers);
    ui_init(&m.ui);
    status = is_report ? run_reports(&m, o, e) : run_live(&m, o, e);
    ui_release(&m.ui);
    figures_release(&m.figures);
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
    switch (read_options(argc, argv, &o, &cfg, &e)) {
    case ARGS_DONE:
    case ARGS_FAILED:
        break;
    case ARGS_RUN:
        if (check_options(&o, &e) == 0 && choose_sources(&o, &cfg, &e) == 0)
            status = run_monitor(&cfg, &o, &e);
        break;
    }
    if (e.kind != ERR_NONE) {
        fprintf(stderr, "monitor: %s\n", e.text);
        status = failed_status(&e, argc, argv);
    }
    config_release(&cfg);
    free(o.sources);
    free(o.events.items);
    free(o.logs.items);
    return status;
}
