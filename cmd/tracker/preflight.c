#include "preflight.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/stop.h"
#include "base/strbuf.h"
#include "io/kafka_admin.h"
#include "io/kafka_preflight.h"
#include "io/log_file.h"

#define TURN_MS 100

struct preflight_lines {
    int wrong;
};

static void say(void *ctx, const struct preflight_finding *f)
{
    static const char *const words[] = {"ok", "wrong", "unknown"};
    struct preflight_lines *lines = ctx;

    lines->wrong += f->state == PREFLIGHT_WRONG;
    printf("%-7s  %s: %s\n", words[f->state], f->what, f->text);
    fflush(stdout);
}

/* ---- files ---- */

/* What must be writable: the file, or the folder in which it will be created. */
static int check_path(const char *path)
{
    char *folder;
    char *slash;
    int rc;

    if (access(path, F_OK) == 0)
        return access(path, W_OK);
    folder = mem_strdup(path);
    slash = strrchr(folder, '/');
    if (slash)
        slash[slash == folder] = '\0';
    rc = access(slash ? folder : ".", W_OK | X_OK);
    free(folder);
    return rc;
}

static void check_file(struct preflight_lines *lines, const char *key, const char *path)
{
    bool is_good = check_path(path) == 0;
    struct strbuf text = {0};

    if (is_good)
        strbuf_addf(&text, "%s can be written", path);
    else
        strbuf_addf(&text, "%s cannot be written: %s; correct the path, or the rights to it", path,
                    strerror(errno));
    say(lines, &(struct preflight_finding){.state = is_good ? PREFLIGHT_OK : PREFLIGHT_WRONG,
                                           .what = key,
                                           .text = strbuf_text(&text)});
    strbuf_release(&text);
}

/* ---- Kafka ---- */

/* One way or the other; gives up at the first reason that is no short disturbance. */
static enum kafka_admin_result reach(struct kafka_admin *admin, const struct config *cfg,
                                     struct kafka_cluster *cluster, struct err *e)
{
    int64_t deadline = clock_mono_ms(clock_system()) + cfg->kafka.connect_timeout_ms;
    enum kafka_admin_result result;
    bool is_known = false;

    do {
        result = is_known ? kafka_admin_reach(admin, TURN_MS, e)
                          : kafka_admin_turn(admin, TURN_MS, cluster, e);
        if (result == KAFKA_ADMIN_AWAY || (result == KAFKA_ADMIN_GOOD && is_known))
            return result;
        is_known |= result == KAFKA_ADMIN_GOOD;
    } while (clock_mono_ms(clock_system()) < deadline && stop_count() == 0);
    return result == KAFKA_ADMIN_GOOD ? KAFKA_ADMIN_WAITING : result;
}

/* Returns 1 when Kafka answers, 0 when it does not, -1 with `e` for settings it does not take. */
static int check_connection(struct preflight_lines *lines, const struct config *cfg,
                            const struct log *log, struct err *e)
{
    struct config without_creation = *cfg;
    struct kafka_cluster cluster = {0};
    struct strbuf text = {0};
    struct err why = {0};
    struct kafka_admin *admin;
    bool is_good;

    without_creation.kafka.create_topics = false;
    admin = kafka_admin_open(&without_creation, log, e);
    if (!admin)
        return -1;
    is_good = reach(admin, &without_creation, &cluster, &why) == KAFKA_ADMIN_GOOD;
    kafka_admin_close(admin);
    if (is_good)
        strbuf_addf(&text, "%s answers, cluster %s", cfg->kafka.broker,
                    *cluster.id ? cluster.id : "without an id");
    else
        strbuf_adds(&text, stop_count() > 0 ? "stopped before it answered" : why.text);
    say(lines, &(struct preflight_finding){.state = is_good ? PREFLIGHT_OK : PREFLIGHT_WRONG,
                                           .what = "Kafka",
                                           .text = strbuf_text(&text)});
    strbuf_release(&text);
    return is_good;
}

int preflight_run(const struct config *cfg)
{
    struct preflight_lines lines = {0};
    const struct preflight_report report = {.take = say, .ctx = &lines};
    struct err e = {0};
    struct log_file *file = log_file_open(&(struct log_file_options){.service = "order-tracker",
                                                                     .env = cfg->app.env,
                                                                     .level = LOG_ERROR,
                                                                     .clock = clock_system()},
                                          &e);
    struct log log = log_file_port(file);
    int rc;

    check_file(&lines, "tracker.events_file", cfg->tracker.events_file);
    check_file(&lines, "tracker.log_file", cfg->tracker.log_file);
    rc = check_connection(&lines, cfg, &log, &e);
    if (rc > 0)
        rc = kafka_preflight_run(cfg, &log, &report, &e);
    log_file_close(file);
    if (rc < 0) {
        fprintf(stderr, "tracker: %s\n", e.text);
        return err_exit_status(&e);
    }
    return lines.wrong > 0;
}
