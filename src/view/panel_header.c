#include <math.h>
#include <stdio.h>
#include <string.h>

#include "view/format.h"
#include "view/health.h"
#include "view/panel.h"

enum level panel_shown_level(const struct view *v)
{
    return v->verdict->has_shown ? v->verdict->shown : LEVEL_UNKNOWN;
}

void panel_verdict_text(const struct view *v, char *out, size_t cap)
{
    enum level level = panel_shown_level(v);

    if (v->figures->is_catching_up)
        snprintf(out, cap, "[? CATCHING UP %d %%]", (int)(v->figures->read_share * 100));
    else
        snprintf(out, cap, "[%s %s]", level_symbol(level), level_name(level));
}

static void state_text(const struct view *v, char *out, size_t cap)
{
    const struct figures *f = v->figures;

    if (f->state == FLOW_STALE)
        snprintf(out, cap, "STALE %s",
                 format_duration(f->event_age_ms > f->log_age_ms ? f->event_age_ms : f->log_age_ms)
                     .text);
    else
        snprintf(out, cap, "%s", flow_state_name(f->state));
}

const char *panel_topic(const struct view *v)
{
    return v->dash->topic[0] ? v->dash->topic : v->topic;
}

static struct text_buffer file_size(const struct reader *r)
{
    return format_bytes(r->state == READER_OPEN ? (double)r->size : (double)NAN);
}

static void put_left(struct screen *s, const struct view *v, int room)
{
    int x = screen_put(s, 0, 0, room, STYLE_TITLE, " monitor  ");

    room -= x;
    if (v->figures->state == FLOW_WAITING)
        screen_put(s, x, 0, room, STYLE_TEXT, "waiting for data");
    else if (v->figures->tracker_count > 1)
        screen_putf(s, x, 0, room, STYLE_TEXT,
                    s->width >= 110 ? "topic %s  group %s  %d trackers" : "%s / %s  %d trackers",
                    panel_topic(v), v->group, v->figures->tracker_count);
    else if (s->width >= 180)
        screen_putf(s, x, 0, room, STYLE_TEXT, "topic %s  group %s  events %s (%s)  log %s (%s)",
                    panel_topic(v), v->group, v->figures->events_reader->path,
                    file_size(v->figures->events_reader).text, v->figures->log_reader->path,
                    file_size(v->figures->log_reader).text);
    else if (s->width >= 110)
        screen_putf(s, x, 0, room, STYLE_TEXT, "topic %s  group %s  %s  %s", panel_topic(v),
                    v->group, v->figures->events_reader->path, v->figures->log_reader->path);
    else
        screen_putf(s, x, 0, room, STYLE_TEXT, "%s / %s", panel_topic(v), v->group);
}

void panel_header(struct screen *s, const struct view *v)
{
    char verdict[48];
    char state[48];
    char right[128];
    int width;

    panel_verdict_text(v, verdict, sizeof(verdict));
    state_text(v, state, sizeof(state));
    if (s->width >= 110 && v->figures->health.passed == HEALTH_RULES)
        snprintf(right, sizeof(right), " all %d checks  %s  %s", HEALTH_RULES, state,
                 format_time(v->figures->now_ms, v->utc_offset_s).text);
    else
        snprintf(right, sizeof(right), "  %s  %s", state,
                 format_time(v->figures->now_ms, v->utc_offset_s).text);
    width = (int)(strlen(verdict) + strlen(right));
    put_left(s, v, s->width - width - 2);
    screen_put(s, s->width - width, 0, width, panel_level_style(panel_shown_level(v)), verdict);
    screen_put_right(s, s->width, 0, (int)strlen(right), STYLE_TEXT, right);
}

/* ---- notices ---- */

static struct text_buffer bytes(int64_t n)
{
    return format_bytes((double)n);
}

/* How far, how fast and for how long yet. */
static void notice_history(struct screen *s, const struct view *v, int y)
{
    const struct reader *r = v->figures->events_reader;
    const struct dash_history *h = &v->dash->history;
    bool is_late = v->figures->is_catching_up;
    int64_t size = is_late ? r->size : h->size;
    int64_t position = is_late ? r->size - r->behind : h->position;
    char speed[96] = "";

    if (v->read_rate > 0)
        snprintf(speed, sizeof(speed), " at %s/s, %s left", format_bytes(v->read_rate).text,
                 format_duration((int64_t)((double)(size - position) * 1000 / v->read_rate)).text);
    screen_putf(s, 0, y, s->width, STYLE_NOTE, " %c reading history, %s of %s%s; >= totals grow",
                is_late ? '?' : 'i', bytes(position).text, bytes(size).text, speed);
}

/* The last event too, where it has room. */
static void notice_stop(struct screen *s, const struct view *v, int y)
{
    const struct figures *f = v->figures;
    const struct log_row *log = dash_newest_log(v->dash);
    struct text_buffer at = format_moment(log ? log->row.at_ms : 0, f->now_ms, v->utc_offset_s);
    struct text_buffer event = format_moment_ms(v->dash->newest_ms, f->now_ms, v->utc_offset_s);
    struct panel_line l = {.screen = s, .y = y, .end = s->width};

    panel_put(&l, STYLE_CRIT, " X tracker stopped %s at %s (%s ago)",
              v->figures->has_failed ? "by an error" : "cleanly", at.text,
              format_duration(f->stop_age_ms).text);
    if (v->dash->has_event)
        panel_put(&l, STYLE_CRIT, ", last event %s", event.text);
}

/* What to make of it, and in a second row what was said last. Returns how many rows. */
static int notice_silence(struct screen *s, const struct view *v, int y, int most)
{
    const struct figures *f = v->figures;
    const struct log_row *log = dash_newest_log(v->dash);
    int64_t age =
        f->log_age_ms < f->event_age_ms || f->event_age_ms < 0 ? f->log_age_ms : f->event_age_ms;
    char usual[64] = "";

    if (!log) {
        screen_putf(s, 0, y, s->width, STYLE_CRIT, " X no event for %s, and no log is read",
                    format_duration(f->event_age_ms).text);
        return 1;
    }
    if (f->log_interval_ms > 0)
        snprintf(usual, sizeof(usual), " (it logs every %s)",
                 format_duration(f->log_interval_ms).text);
    screen_putf(s, 0, y, s->width, STYLE_CRIT, " X no event and no log line for %s%s: hung or dead",
                format_duration(age).text, usual);
    if (y + 1 > most)
        return 1;
    screen_putf(s, 0, y + 1, s->width, STYLE_TEXT, "   last log: %s %s %s",
                format_moment(log->row.at_ms, f->now_ms, v->utc_offset_s).text,
                log_level_name(log->level), log->text);
    return 2;
}

/* Returns how many rows it took, of those up to `most`. */
static int notice_finding(struct screen *s, const struct view *v, int y, int most, int rule)
{
    const struct health_finding *found = &v->figures->health.findings[rule];

    if (rule == HEALTH_FRESHNESS && v->figures->state == FLOW_STALE && !found->tracker)
        return notice_silence(s, v, y, most);
    if (rule == HEALTH_FRESHNESS && v->figures->state == FLOW_STOPPED)
        notice_stop(s, v, y);
    else
        screen_putf(s, 0, y, s->width, panel_level_style(found->level), " %s %s: %s",
                    level_symbol(found->level), health_rule_name(rule), found->text);
    return 1;
}

/* A verdict that is shown has its reasons beside it. */
static bool is_reason(const struct view *v, int rule)
{
    const struct health *h = &v->figures->health;
    enum level found = h->findings[rule].level;

    return panel_shown_level(v) >= LEVEL_WARN
               ? found >= LEVEL_WARN
               : panel_shown_level(v) == LEVEL_UNKNOWN && rule == health_unknown_rule(h) &&
                     found == LEVEL_UNKNOWN && v->figures->state != FLOW_WAITING;
}

int panel_notices(struct screen *s, const struct view *v, int most)
{
    const struct health *h = &v->figures->health;
    int order[HEALTH_RULES];
    int y = 1;

    if (most > 0 && v->ui->notice_until_ms > v->figures->now_ms)
        screen_putf(s, 0, y++, s->width, STYLE_NOTE, " i %s", v->ui->notice);
    if ((v->figures->is_catching_up || v->dash->history.is_reading) && y <= most)
        notice_history(s, v, y++);
    health_ranking(h, order);
    for (int i = 0; i < HEALTH_RULES && y <= most && !v->figures->is_catching_up; i++) {
        if (is_reason(v, order[i]))
            y += notice_finding(s, v, y, most, order[i]);
    }
    return y - 1;
}
