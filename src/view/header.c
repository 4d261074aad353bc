#include <math.h>
#include <stdio.h>
#include <string.h>

#include "view/format.h"
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

static void notice_history(struct screen *s, const struct view *v, int y)
{
    const struct reader *r = v->figures->events_reader;

    screen_putf(s, 0, y, s->width, STYLE_NOTE,
                " ? reading history, %s of %s; totals marked >= are still growing",
                format_bytes((double)(r->size - r->behind)).text,
                format_bytes((double)r->size).text);
}

/* When and after what: more than the rule's own words, since times of day belong to the view. */
static void notice_silence(struct screen *s, const struct view *v, int y, enum style style)
{
    const struct figures *f = v->figures;
    const struct log_row *log = dash_newest_log(v->dash);
    struct text_buffer event = format_time_ms(v->dash->newest_ms, v->utc_offset_s);
    struct text_buffer line = format_time(log ? log->at_ms : 0, v->utc_offset_s);

    if (f->state == FLOW_STOPPED)
        screen_putf(s, 0, y, s->width, style, " X tracker stopped cleanly at %s (%s ago)%s%s",
                    line.text, format_duration(f->stop_age_ms).text,
                    v->dash->has_event ? ", last event " : "",
                    v->dash->has_event ? event.text : "");
    else if (log)
        screen_putf(s, 0, y, s->width, style, " X silent for %s. Last log: %s %s %s",
                    format_duration(f->log_age_ms).text, line.text, log_level_name(log->level),
                    log->text);
    else
        screen_putf(s, 0, y, s->width, style, " X silent for %s, and no log is read",
                    format_duration(f->event_age_ms).text);
}

static void notice_finding(struct screen *s, const struct view *v, int y, int rule)
{
    const struct health_finding *found = &v->figures->health.findings[rule];
    enum style style = panel_level_style(found->level);
    bool is_silent = v->figures->state == FLOW_STOPPED || v->figures->state == FLOW_STALE;

    if (rule == HEALTH_FRESHNESS && is_silent)
        notice_silence(s, v, y, style);
    else
        screen_putf(s, 0, y, s->width, style, " %s %s: %s", level_symbol(found->level),
                    health_rule_name(rule), found->text);
}

/* A row under the header for each thing that must not be missed. Returns how many rows. */
int panel_notices(struct screen *s, const struct view *v, int most)
{
    const struct health *h = &v->figures->health;
    int order[HEALTH_RULES];
    int y = 1;

    if (most > 0 && v->ui->notice_until_ms > v->figures->now_ms)
        screen_putf(s, 0, y++, s->width, STYLE_NOTE, " i %s", v->ui->notice);
    if (v->dash->history.is_reading && !v->figures->is_catching_up && y <= most)
        screen_putf(s, 0, y++, s->width, STYLE_NOTE,
                    " i reading history, %s of %s; totals marked >= are still growing   b skips",
                    format_bytes((double)v->dash->history.position).text,
                    format_bytes((double)v->dash->history.size).text);
    if (v->figures->is_catching_up) {
        if (y <= most)
            notice_history(s, v, y++);
        return y - 1;
    }
    health_ranking(h, order);
    for (int i = 0; i < HEALTH_RULES && y <= most; i++) {
        if (h->findings[order[i]].level < LEVEL_WARN || panel_shown_level(v) < LEVEL_WARN)
            break;
        notice_finding(s, v, y++, order[i]);
    }
    return y - 1;
}
