#include "live.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "io/disk.h"
#include "model/detail.h"
#include "signals.h"
#include "term.h"
#include "view/describe.h"
#include "view/format.h"
#include "view/figures_at_stop.h"
#include "view/health.h"

#define HISTORY_MS 20   /* between two slices of history: half a core at most */
#define TICK_MS    100  /* how often the files are looked at */
#define KEY_MS     100  /* shortest time between two frames */
#define IDLE_MS    1000 /* longest: the clock goes on */
#define NOTICE_MS  30000
#define FIRST_MS   100
#define SHORT_MS   5000

/* What decides when to draw again. */
struct pace {
    int64_t drawn_ms; /* monotonic */
    uint64_t events;  /* rows that were there then */
    uint64_t logs;
    int left_out;    /* journals */
    bool is_reading; /* more is waiting in the files */
    bool has_key;
    bool has_mouse;
    int64_t frames;
};

static int utc_offset(int64_t now_ms)
{
    time_t now = (time_t)(now_ms / 1000);
    struct tm local;

    return localtime_r(&now, &local) ? (int)local.tm_gmtoff : 0;
}

void monitor_take(struct monitor *m)
{
    int64_t now = clock_wall_ms(m->clock);

    m->dash = trackers_dash(&m->trackers);
    figures_take(&m->figures, m->dash, &m->limits, now);
    health_take(&m->figures, &m->limits);
    m->is_frozen = figures_take_at_stop(&m->at_stop, &m->figures, m->dash, &m->limits);
    verdict_update(&m->verdict, m->figures.health.level, m->figures.health.at_once, now);
}

#define SPEED_MS 500 /* shortest time that a speed is taken from */

static void take_reading(struct monitor *m)
{
    const struct dash_history *h = &m->dash->history;
    const struct reader *r = &m->dash->events_reader;
    int64_t now = clock_mono_ms(m->clock);
    bool is_late = m->figures.is_catching_up; /* which is then what the notice tells of */
    int64_t position = h->is_reading && !is_late ? h->position : r->size - r->behind;

    if (now - m->reading.at_ms < SPEED_MS)
        return;
    m->reading.rate = 0;
    if (m->reading.at_ms && position > m->reading.position)
        m->reading.rate =
            (double)(position - m->reading.position) * 1000 / (double)(now - m->reading.at_ms);
    m->reading.at_ms = now;
    m->reading.position = position;
}

static struct view view_of(const struct monitor *m)
{
    return (struct view){
        .dash = m->dash,
        .figures = &m->figures,
        .at_stop = m->is_frozen ? &m->at_stop : NULL,
        .ui = &m->ui,
        .verdict = &m->verdict,
        .limits = &m->limits,
        .topic = m->topic,
        .group = m->group,
        .utc_offset_s = utc_offset(m->figures.now_ms),
        .read_rate = m->reading.rate,
        .waited_ms = clock_mono_ms(m->clock) - m->started_ms,
    };
}

void monitor_paint(struct monitor *m, struct screen *s)
{
    const struct view view = view_of(m);

    paint(s, &view);
}

static void draw(struct monitor *m, struct pace *p)
{
    struct screen s = {0};
    int width;
    int height;

    term_size(&width, &height);
    screen_init(&s, width, height, m->ascii);
    monitor_take(m);
    take_reading(m);
    monitor_paint(m, &s);
    term_draw(&s, m->sync);
    screen_release(&s);
    p->drawn_ms = clock_mono_ms(m->clock);
    p->events = m->dash->events.total;
    p->logs = m->dash->logs.total;
    p->has_key = false;
    p->frames++;
}

static bool is_due(const struct monitor *m, const struct pace *p)
{
    int64_t since = clock_mono_ms(m->clock) - p->drawn_ms;
    bool is_new = p->events != m->dash->events.total || p->logs != m->dash->logs.total;

    if (p->frames == 0) /* the first picture should not be an empty one */
        return !p->is_reading || clock_mono_ms(m->clock) - m->started_ms >= FIRST_MS;
    if (since >= IDLE_MS)
        return true;
    return (p->has_key && since >= KEY_MS) || (is_new && since >= m->update_ms);
}

/* Rotations and truncations are told for a while, then they are only counted. */
static void notice_file(struct monitor *m, struct tracker *t, int64_t until)
{
    const struct reader *r = &t->dash->events_reader;
    struct text_buffer at = format_time(until - NOTICE_MS, utc_offset(until));

    if (r->rotations > t->rotations_told)
        ui_notice(&m->ui, until,
                  "%s %.80s rotated; the old file was read to its end   Esc dismisses", at.text,
                  r->path);
    if (r->truncations > t->truncations_told)
        ui_notice(&m->ui, until, "%s %.80s truncated; it is read from its start   Esc dismisses",
                  at.text, r->path);
    t->rotations_told = r->rotations;
    t->truncations_told = r->truncations;
}

static void notice_files(struct monitor *m, struct pace *p)
{
    int64_t until = clock_wall_ms(m->clock) + NOTICE_MS;

    for (int i = 0; i < m->trackers.count; i++)
        notice_file(m, m->trackers.items[i], until);
    if (m->trackers.left_out > p->left_out)
        ui_notice(&m->ui, until, "%d journals beyond the first %d are left out   Esc dismisses",
                  m->trackers.left_out, DASH_PARTS);
    p->left_out = m->trackers.left_out;
}

/* ---- actions ---- */

static int read_chosen(struct monitor *m, struct strbuf *line)
{
    bool is_log;
    const struct place *place = ui_chosen_place(&m->ui, m->dash, &is_log);

    return place ? trackers_read(&m->trackers, place, is_log, line) : -1;
}

/* A row of a table, with the line that goes with it. Returns false when it is none. */
static bool show_described(struct monitor *m)
{
    struct strbuf line = {0};
    struct strbuf lines = {0};
    struct view view;
    const struct place *example;
    bool is_row;

    monitor_take(m);
    view = view_of(m);
    is_row = describe_chosen(&view, &lines) == 0;
    example = is_row ? describe_example(&view) : NULL;
    if (example && trackers_read(&m->trackers, example, false, &line) == 0) {
        strbuf_addc(&lines, '\n');
        detail_lines(strbuf_text(&line), line.len, &lines);
    }
    if (is_row)
        ui_show_detail(&m->ui, strbuf_text(&lines));
    strbuf_release(&line);
    strbuf_release(&lines);
    return is_row;
}

static void show_detail(struct monitor *m)
{
    struct strbuf line = {0};
    struct strbuf lines = {0};

    if (show_described(m))
        return;
    if (read_chosen(m, &line) < 0) {
        ui_notice(&m->ui, clock_wall_ms(m->clock) + SHORT_MS, "that line is no longer there");
    } else {
        detail_lines(strbuf_text(&line), line.len, &lines);
        ui_show_detail(&m->ui, strbuf_text(&lines));
    }
    strbuf_release(&line);
    strbuf_release(&lines);
}

static void copy_chosen(struct monitor *m)
{
    struct strbuf line = {0};
    int64_t until = clock_wall_ms(m->clock) + SHORT_MS;
    const struct view view = view_of(m);

    if (read_chosen(m, &line) < 0 && m->ui.shows_detail)
        strbuf_adds(&line, strbuf_text(&m->ui.detail));
    if (!line.len)
        describe_chosen(&view, &line);
    if (line.len) {
        size_t copied = term_copy(line.data, line.len);

        ui_notice(&m->ui, until, "%zu of %zu bytes sent to the terminal's clipboard (OSC 52)",
                  copied, line.len);
    } else {
        ui_notice(&m->ui, until, "there is nothing to copy");
    }
    strbuf_release(&line);
}

/* Never replaces a file: an existing name is an error like any other. */
static void write_snapshot(struct monitor *m)
{
    struct screen s = {0};
    struct strbuf text = {0};
    char name[64];
    int64_t until = clock_wall_ms(m->clock) + SHORT_MS;
    time_t now = time(NULL);
    struct tm local;
    int width;
    int height;
    int fd;

    term_size(&width, &height);
    screen_init(&s, width, height, m->ascii);
    monitor_paint(m, &s);
    screen_text(&s, &text);
    localtime_r(&now, &local);
    strftime(name, sizeof(name), "monitor-%Y%m%d-%H%M%S.txt", &local);
    fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, FILE_MODE);
    if (fd < 0 || write(fd, text.data, text.len) != (ssize_t)text.len)
        ui_notice(&m->ui, until, "%s: %s", name, strerror(errno));
    else
        ui_notice(&m->ui, until, "wrote %s", name);
    if (fd >= 0)
        close(fd);
    strbuf_release(&text);
    screen_release(&s);
}

/* Returns false when the user wants to leave. */
static bool act(struct monitor *m, struct pace *p, enum ui_action action)
{
    switch (action) {
    case UI_NOTHING:
        break;
    case UI_QUIT:
        return false;
    case UI_RETRY:
        trackers_retry(&m->trackers);
        term_redraw();
        break;
    case UI_DETAIL:
        show_detail(m);
        break;
    case UI_COPY:
        copy_chosen(m);
        break;
    case UI_SNAPSHOT:
        write_snapshot(m);
        break;
    case UI_SKIP_HISTORY:
        trackers_skip_history(&m->trackers);
        break;
    case UI_MOUSE:
        p->has_mouse = !p->has_mouse;
        term_mouse(p->has_mouse);
        ui_notice(&m->ui, clock_wall_ms(m->clock) + SHORT_MS,
                  p->has_mouse ? "the mouse wheel moves the cursor; m gives it back to the terminal"
                               : "the mouse is the terminal's again");
        break;
    }
    return true;
}

/* Returns false when the user wants to leave. */
static bool take_keys(struct monitor *m, struct pace *p)
{
    int width;
    int height;
    int key;

    if (m->ui.notice_until_ms <= clock_wall_ms(m->clock))
        m->ui.notice_until_ms = 0; /* no longer there to be dismissed */
    while ((key = term_key()) != TERM_NO_KEY) {
        p->has_key = true;
        term_size(&width, &height);
        if (key == TERM_RESIZE)
            term_redraw();
        else if (!act(m, p, ui_press(&m->ui, m->dash, key, paint_page(width, height, &m->ui))))
            return false;
        dash_hold(m->dash, m->ui.events.anchor, m->ui.logs.anchor);
        ui_limit_detail(&m->ui, paint_detail_end(width, height, m->ascii, &m->ui));
    }
    return true;
}

/* Waits for a key or the next tick. Returns false when the terminal is gone. */
static bool wait_for_input(int timeout_ms)
{
    struct pollfd in = {.fd = STDIN_FILENO, .events = POLLIN};
    int waiting = 0;
    int n = poll(&in, 1, timeout_ms);

    if (n <= 0)
        return n == 0 || errno == EINTR;
    if (in.revents & (POLLHUP | POLLERR | POLLNVAL))
        return false;
    return ioctl(STDIN_FILENO, FIONREAD, &waiting) == 0 && waiting > 0;
}

int live_run(struct monitor *m)
{
    struct pace pace = {.is_reading = true};
    m->started_ms = clock_mono_ms(m->clock);
    while (!signals_stop()) {
        if (!wait_for_input(pace.is_reading                      ? 0
                            : trackers_has_history(&m->trackers) ? HISTORY_MS
                                                                 : TICK_MS) ||
            !take_keys(m, &pace))
            break;
        pace.is_reading = trackers_poll(&m->trackers);
        if (!pace.is_reading && pace.frames > 0)
            trackers_history(&m->trackers);
        m->dash = trackers_dash(&m->trackers);
        notice_files(m, &pace);
        if (!is_due(m, &pace))
            continue;
        draw(m, &pace);
        if (m->frames && pace.frames >= m->frames)
            break;
    }
    return signals_exit_status();
}
