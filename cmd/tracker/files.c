#include "files.h"

#include <stddef.h>
#include <string.h>

#include "base/clock.h"
#include "base/stop.h"
#include "base/wake.h"
#include "io/journal_file.h"
#include "io/recovery.h"
#include "model/log_event.h"

#define ROOM_RETRY_MS 200

/* ---- opening ---- */

bool files_log_is_stderr(const struct config *cfg)
{
    return strcmp(cfg->tracker.log_file, "-") == 0;
}

int files_open_log(struct files *f, const struct config *cfg, struct err *e)
{
    bool is_stderr = files_log_is_stderr(cfg);

    f->cfg = cfg;
    f->jsonl =
        log_file_open(&(struct log_file_options){.path = is_stderr ? NULL : cfg->tracker.log_file,
                                                 .service = "order-tracker",
                                                 .env = cfg->app.env,
                                                 .level = cfg->app.log_level,
                                                 .clock = clock_system(),
                                                 .echo_name = "tracker"},
                      e);
    if (!f->jsonl)
        return -1;
    f->log = log_file_port(f->jsonl);
    /* Known only now that it exists, and nothing was written yet. */
    if (!is_stderr && journal_file_owns(cfg->tracker.events_file, cfg->tracker.log_file)) {
        log_file_close(f->jsonl);
        return err_set(
            e, ERR_USAGE,
            "tracker.log_file: %s is the journal tracker.events_file: %s, or belongs to it",
            cfg->tracker.log_file, cfg->tracker.events_file);
    }
    return 0;
}

static void tell_recovery(struct files *f, const struct recovery_report *r)
{
    const char *path = f->cfg->tracker.events_file;

    if (r->trouble.len > 0)
        log_plain(&f->log, EVENT_JOURNAL_STATE_UNUSED, r->trouble.data);
    if (r->torn_lines > 0)
        log_with(&f->log, EVENT_JOURNAL_TORN_END, NULL, LOG_TEXT("journal", path),
                 LOG_INT("bytes", r->torn_bytes), LOG_INT("lines", r->torn_lines),
                 LOG_TEXT("moved_to", r->torn_path.data));
    else if (r->torn_bytes > 0)
        log_with(&f->log, EVENT_JOURNAL_TORN_LINE, NULL, LOG_TEXT("journal", path),
                 LOG_INT("bytes", r->torn_bytes), LOG_TEXT("moved_to", r->torn_path.data));
    if (r->broken_lines > 0)
        log_with(&f->log, EVENT_JOURNAL_BROKEN_LINES, NULL, LOG_TEXT("journal", path),
                 LOG_INT("lines", r->broken_lines), LOG_INT("first_at", r->first_broken_at));
    log_with(&f->log, EVENT_JOURNAL_OPENED, NULL, LOG_TEXT("journal", path),
             LOG_JSON("clean", r->was_clean ? "true" : "false"),
             LOG_INT("scanned_lines", r->scanned_lines),
             LOG_INT("scanned_bytes", r->scanned_bytes));
}

/* The disk is full. Waits a little; returns false when a signal says to stop. */
static bool wait_for_room(void *ctx, const struct err *why)
{
    struct files *f = ctx;

    if (!f->is_waiting) {
        log_plain(&f->log, EVENT_JOURNAL_NO_SPACE, why->text);
        console_say(f->console, "waiting for room on the disk: %s", why->text);
    }
    f->is_waiting = true;
    if (stop_take_hangup())
        f->is_log_old = log_file_reopen(f->jsonl) < 0;
    log_file_tick(f->jsonl);
    wake_wait(f->wake_fd, ROOM_RETRY_MS);
    return stop_count() == 0;
}

int files_open_journal(struct files *f, int wake_fd, struct console *console, struct err *e)
{
    const struct config *cfg = f->cfg;
    const struct journal_options options = {
        .path = cfg->tracker.events_file,
        .topic = cfg->kafka.topic,
        .fsync = cfg->tracker.fsync,
        .fsync_interval_ms = cfg->tracker.fsync_interval_ms,
        .patience = {.wait = wait_for_room, .ctx = f},
        .wake_fd = wake_fd,
    };
    struct recovery_report report = {0};

    f->console = console;
    f->wake_fd = wake_fd;
    f->journal = journal_open(&options, &report, e);
    if (f->journal) {
        if (f->is_waiting)
            log_plain(&f->log, EVENT_JOURNAL_SPACE_AVAILABLE, NULL);
        tell_recovery(f, &report);
    }
    recovery_report_release(&report);
    if (f->journal)
        return 1;
    return f->is_waiting && stop_count() > 0 ? 0 : -1;
}

/* ---- while they are open ---- */

/* The journal does it when its thread comes to it. */
static void begin_reopening(struct files *f)
{
    struct journal_port port = journal_port(f->journal);

    port.reopen(port.self);
    f->is_log_old = log_file_reopen(f->jsonl) < 0;
}

static void tell_journal(struct files *f)
{
    struct err warning;

    if (journal_take_warning(f->journal, &warning))
        log_plain(&f->log, EVENT_JOURNAL_WARNING, warning.text);
    if (journal_take_loss(f->journal, &warning))
        log_plain(&f->log, EVENT_JOURNAL_REPLACED, warning.text);
    if (journal_take_reopened(f->journal))
        log_plain(&f->log, f->is_log_old ? EVENT_JOURNAL_REOPENED : EVENT_FILES_REOPENED, NULL);
}

bool files_look_after(struct files *f)
{
    bool has_hung_up = stop_take_hangup();

    if (has_hung_up)
        begin_reopening(f);
    tell_journal(f);
    log_file_tick(f->jsonl);
    return has_hung_up;
}

void files_close_journal(struct files *f)
{
    if (f->journal) {
        journal_finish(f->journal);
        tell_journal(f);
    }
    journal_close(f->journal);
}
