#include "options.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "config/value.h"
#include "httpd.h"
#include "io/kafka_version.h"
#include "model/tracker_paths.h"

#define COUNT(array) ((int)(sizeof(array) / sizeof((array)[0])))

/* ---- rows of the table ---- */

static struct arg flag(const char *name, bool *to, const char *help)
{
    return (struct arg){.name = name, .kind = ARG_FLAG, .help = help, .flag = to};
}

static struct arg text(const char *name, const char *operand, const char **to, const char *help)
{
    return (struct arg){
        .name = name, .kind = ARG_TEXT, .operand = operand, .help = help, .text = to};
}

static struct arg number(const char *name, const char *operand, int64_t max, int64_t *to,
                         const char *help)
{
    return (struct arg){.name = name,
                        .kind = ARG_INT,
                        .operand = operand,
                        .help = help,
                        .min = 1,
                        .max = max,
                        .integer = to};
}

static struct arg file(const char *name, const char *key, struct arg_list *to, const char *help)
{
    return (struct arg){.name = name,
                        .kind = ARG_SETTING,
                        .operand = "FILE",
                        .help = help,
                        .setting = key,
                        .list = to};
}

/* A setting that is asked for often enough to have an option. */
static struct arg limit(const char *name, const char *operand, const char *key)
{
    return (struct arg){.name = name, .kind = ARG_SETTING, .operand = operand, .setting = key};
}

static enum args_result read_all(struct options *o, int argc, char **argv, struct config *cfg,
                                 struct err *e)
{
    const struct arg args[] = {
        file("events", "monitor.events_file", &o->events,
             "a journal to follow; repeatable, or a pattern: 'logs/*/tracker.events'"),
        file("log", "monitor.log_file", &o->logs,
             "its log; without it, the .log next to each journal; - = none"),
        flag("once", &o->once, "print one report and exit"),
        flag("json", &o->json, "print one JSON object and exit"),
        flag("check", &o->check, "one line for Nagios; exit 0 OK, 1 WARN, 2 CRIT, 3 UNKNOWN"),
        text("fail-on", "LEVEL", &o->fail_on,
             "with --check: exit 0 below this level, warn (default) or crit"),
        flag("metrics", &o->metrics, "print OpenMetrics text, for Prometheus, and exit"),
        text("output", "FILE", &o->output,
             "with --metrics: replace this file at once instead of printing; in the classic "
             "format, for node_exporter"),
        text("listen", "HOST:PORT", &o->listen,
             "serve /metrics and /health over HTTP, without a screen; a PORT alone is that of "
             "127.0.0.1"),
        flag("merge", &o->merge,
             "write the lines of all JOURNALs and their rotated files, each offset once"),
        text("since", "DURATION", &o->since,
             "count only what is not older, as in 90s, 15m, 2h, 1d12h"),
        flag("no-history", &o->no_history,
             "do not read the older part of a big journal: totals are lower bounds"),
        number("watch", "SECONDS", 86400, &o->watch_seconds,
               "with --once, --json or --metrics: repeat every SECONDS"),
        text("size", "WxH", &o->size, "with --once: the screen of that size as text"),
        text("color", "WHEN", &o->color, "always, never or auto"),
        flag("ascii", &o->ascii, "plain ASCII only"),
        flag("sync", &o->sync, "synchronized updates, for terminals that flicker"),
        number("frames", "N", 1000000, &o->frames, "exit after N pictures"),
        limit("warn-success", "PERCENT", "monitor.success_warn"),
        limit("crit-success", "PERCENT", "monitor.success_crit"),
        limit("warn-latency", "MS", "monitor.latency_warn_ms"),
        limit("crit-latency", "MS", "monitor.latency_crit_ms"),
        limit("warn-silence", "SECONDS", "monitor.silence_seconds"),
        limit("crit-stale", "SECONDS", "monitor.stale_seconds"),
    };
    const struct arg_program program = {
        .name = "monitor",
        .summary = "shows from the audit journal and the log whether the tracker is healthy",
        .features = httpd_is_built() ? "listen" : NULL,
        .args = args,
        .arg_count = COUNT(args),
        .operands = &o->journals,
        .operand = "JOURNAL",
    };

    return args_load(&program, argc, argv, kafka_library_version(), cfg, e);
}

/* ---- what the table cannot check ---- */

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

static int check_files(const struct arg_list *files, const char *option, struct err *e)
{
    for (int i = 0; i < files->count; i++) {
        if (!files->items[i][0])
            return err_set(e, ERR_USAGE, "%s: FILE must not be empty", option);
    }
    return 0;
}

static int check_listen(struct options *o, struct err *e)
{
    if (!o->listen)
        return 0;
    if (!httpd_is_built())
        return err_set(e, ERR_USAGE, "--listen: this program was built without libmicrohttpd");
    if (endpoint_parse(&o->endpoint, o->listen) < 0)
        return err_set(e, ERR_USAGE, "--listen %s: expected HOST:PORT, as in 127.0.0.1:9464",
                       o->listen);
    return 0;
}

static int check_options(struct options *o, struct err *e)
{
    if (o->once + o->json + o->check + o->metrics + o->merge + (o->listen != NULL) > 1)
        return err_set(
            e, ERR_USAGE,
            "--once, --json, --check, --metrics, --listen and --merge: only one of them at a time");
    if (o->journals.count && !o->merge)
        return err_set(e, ERR_USAGE, "%s: a JOURNAL needs --merge; to follow it, use --events",
                       value_quote(o->journals.items[0]).text);
    if (o->journals.count && o->events.count)
        return err_set(e, ERR_USAGE,
                       "--merge: give each JOURNAL by its name or by --events, not both");
    if (o->output && !o->metrics)
        return err_set(e, ERR_USAGE, "--output needs --metrics");
    if (o->fail_on && !o->check)
        return err_set(e, ERR_USAGE, "--fail-on needs --check");
    if (o->fail_on && strcmp(o->fail_on, "warn") != 0 && strcmp(o->fail_on, "crit") != 0)
        return err_set(e, ERR_USAGE, "--fail-on %s: expected warn or crit", o->fail_on);
    if (check_listen(o, e) < 0)
        return -1;
    if (check_files(&o->events, "--events", e) < 0 || check_files(&o->logs, "--log", e) < 0)
        return -1;
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
    if (o->watch_seconds && !o->once && !o->json && !o->metrics)
        return err_set(e, ERR_USAGE, "--watch needs --once, --json or --metrics");
    return 0;
}

/* ---- what to follow ---- */

/* What is not there yet may still come; what is there and no file never will be one. */
static int check_path(const char *path, struct err *e)
{
    struct stat st;

    if (stat(path, &st) < 0 || S_ISREG(st.st_mode))
        return 0;
    return err_set(e, ERR_USAGE, "%s: %s", path,
                   S_ISDIR(st.st_mode) ? "is a directory, a file is needed" : "is no regular file");
}

/* Of a tracker that writes its log to standard error. */
static bool is_none(const char *log)
{
    return strcmp(log, "-") == 0;
}

static int check_source(const struct tracker_source *s, struct err *e)
{
    if (s->log && !is_none(s->log) && !tracker_path_patterns_agree(s->events, s->log))
        return err_set(e, ERR_USAGE,
                       "--log %s: needs the same wildcards as --events %s, which it belongs to",
                       s->log, s->events);
    if (check_path(s->events, e) < 0)
        return -1;
    return s->log && !is_none(s->log) ? check_path(s->log, e) : 0;
}

/* The log that is there by default is not that of a journal elsewhere. */
static bool takes_log_setting(const struct options *o, const struct config *cfg)
{
    return (!o->events.count || config_is_set(cfg, "monitor.log_file")) &&
           (is_none(cfg->monitor.log_file) ||
            tracker_path_patterns_agree(cfg->monitor.events_file, cfg->monitor.log_file));
}

/* The n-th log belongs to the n-th journal. A setting for one log says nothing of several
 * journals. */
static int choose_sources(struct options *o, const struct config *cfg, struct err *e)
{
    const struct arg_list *journals = o->merge && o->journals.count ? &o->journals : &o->events;
    const char *events = journals == &o->journals ? journals->items[0] : cfg->monitor.events_file;
    const char *log = cfg->monitor.log_file;
    bool is_one = journals->count <= 1;

    if (!is_one && o->logs.count && o->logs.count != journals->count)
        return err_set(e, ERR_USAGE,
                       "%d times --events and %d times --log: as many of each are needed, or no "
                       "--log (then it is the .log next to each journal)",
                       journals->count, o->logs.count);
    if (is_one && o->logs.count > 1)
        return err_set(e, ERR_USAGE, "--log: given %d times for one --events", o->logs.count);
    if (is_one && !o->logs.count && (o->merge || !takes_log_setting(o, cfg)))
        log = NULL;
    o->source_count = is_one ? 1 : journals->count;
    o->sources = mem_alloc_array((size_t)o->source_count, sizeof(*o->sources));
    for (int i = 0; i < o->source_count; i++) {
        struct tracker_source *s = &o->sources[i];

        s->events = is_one ? events : journals->items[i];
        s->log = is_one ? log : o->logs.count ? o->logs.items[i] : NULL;
        if (check_source(s, e) < 0)
            return -1;
    }
    return 0;
}

enum args_result options_read(struct options *o, int argc, char **argv, struct config *cfg,
                              struct err *e)
{
    enum args_result result = read_all(o, argc, argv, cfg, e);

    if (result != ARGS_RUN)
        return result;
    if (check_options(o, e) < 0 || choose_sources(o, cfg, e) < 0)
        return ARGS_FAILED;
    return ARGS_RUN;
}

void options_release(struct options *o)
{
    free(o->sources);
    free(o->events.items);
    free(o->logs.items);
    free(o->journals.items);
    *o = (struct options){0};
}
