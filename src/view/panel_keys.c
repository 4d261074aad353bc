#include <stdio.h>
#include <string.h>

#include "view/format.h"
#include "view/panel.h"

/* What the keys act upon. */
enum { ON_LISTS = 1, ON_WAITING = 2, ON_DETAIL = 4, ON_HELP = 8, ON_FILTER = 16 };

/* In the order of their worth: as many as fit. */
static const struct {
    const char *key;
    const char *label;
    const char *label_when_paused;
    const char *help; /* NULL: told elsewhere */
    enum {
        ALWAYS,
        SEVERAL, /* trackers */
        READING, /* history */
        HELD,    /* while the list does not follow, and is not paused */
    } when;
    unsigned on; /* where the label stands in the bar */
} key_bar[] = {
    {"Ctrl+C", "Quit", NULL, NULL, ALWAYS, ON_FILTER},
    {"Enter", "Keep the filter", NULL, NULL, ALWAYS, ON_FILTER},
    {"Esc", "Clear it", NULL, NULL, ALWAYS, ON_FILTER},
    {"q", "Quit", NULL, "quit, as does Ctrl+C", ALWAYS,
     ON_LISTS | ON_WAITING | ON_DETAIL | ON_HELP},
    {"Esc", "Close", NULL, NULL, ALWAYS, ON_DETAIL | ON_HELP},
    {"r", "Retry now", NULL, NULL, ALWAYS, ON_WAITING},
    {"?", "Help", NULL, "this page", ALWAYS, ON_LISTS | ON_WAITING | ON_DETAIL},
    {"j k", "Scroll", NULL, NULL, ALWAYS, ON_DETAIL},
    {"b", "Skip history", NULL,
     "give up reading the journal's history; the totals stay lower bounds", READING, ON_LISTS},
    {"G", "Follow", NULL, NULL, HELD, ON_LISTS},
    {"Space", "Pause", "Resume", "hold the lists still, and let them go on", ALWAYS, ON_LISTS},
    {"Tab", "Panel", NULL, "next list; Shift+Tab the one before; e l x p choose one", ALWAYS,
     ON_LISTS},
    {"/", "Filter", NULL, "show only rows with this text; Escape clears it", ALWAYS, ON_LISTS},
    {"t", "Trackers", NULL, "the trackers, each with its health", SEVERAL, ON_LISTS},
    {"Enter", "Detail", NULL, "all about the row under the cursor", ALWAYS, ON_LISTS},
    {"j k", "", NULL, "down and up, as do the arrows, PgDn and PgUp, in the detail too", ALWAYS, 0},
    {"g G", "", NULL, "the oldest row; the newest again, and follow", ALWAYS, 0},
    {"n N", "Next", NULL, "next and previous match, within the detail too", ALWAYS, ON_DETAIL},
    {"f", "Failures", NULL, "failures only; of the log WARN and ERROR", ALWAYS, ON_LISTS},
    {"+/-", "Window", NULL, "what the quality tile looks back on: 10 s, 60 s, 15 min, all", ALWAYS,
     ON_LISTS},
    {"z", "Zoom", NULL, "the list over the whole screen", ALWAYS, ON_LISTS},
    {"s", "Scale", NULL, "charts linear or logarithmic", ALWAYS, ON_LISTS},
    {"o", "Sort", NULL, "order of the partitions", ALWAYS, ON_LISTS},
    {"w", "Write", NULL, "write the screen into a file", ALWAYS, ON_LISTS | ON_DETAIL},
    {"y", "Copy", NULL, "copy the line to the clipboard (OSC 52)", ALWAYS, ON_LISTS | ON_DETAIL},
    {"r", "Redraw", NULL, "look for the files now and draw anew, as does Ctrl+L", ALWAYS, ON_LISTS},
    {"m", "Mouse", NULL, "mouse wheel on and off", ALWAYS, ON_LISTS},
};

#define KEYS (sizeof(key_bar) / sizeof(key_bar[0]))

static bool is_offered(const struct view *v, size_t i)
{
    switch (key_bar[i].when) {
    case SEVERAL:
        return panel_tracker_room(v) > 0;
    case READING:
        return v->dash->history.is_reading;
    case HELD:
        return !v->ui->is_paused && (v->ui->panel == PANEL_LOGS     ? v->ui->logs.anchor
                                     : v->ui->panel == PANEL_EVENTS ? v->ui->events.anchor
                                                                    : 0);
    case ALWAYS:
        break;
    }
    return true;
}

static unsigned acts_on(const struct view *v)
{
    return v->ui->is_typing                    ? ON_FILTER
           : v->ui->shows_help                 ? ON_HELP
           : v->ui->shows_detail               ? ON_DETAIL
           : v->figures->state == FLOW_WAITING ? ON_WAITING
                                               : ON_LISTS;
}

void panel_keys(struct screen *s, const struct view *v, int y)
{
    unsigned on = acts_on(v);
    int x = 1;

    for (size_t i = 0; i < KEYS; i++) {
        const char *label = v->ui->is_paused && key_bar[i].label_when_paused
                                ? key_bar[i].label_when_paused
                                : key_bar[i].label;
        int width = (int)(strlen(key_bar[i].key) + 1 + strlen(label));

        if (!(key_bar[i].on & on) || !is_offered(v, i))
            continue;
        if (x + width > s->width)
            break;
        screen_put(s, x, y, s->width - x, STYLE_KEY, key_bar[i].key);
        screen_put(s, x + width - (int)strlen(label), y, s->width - x, STYLE_TEXT, label);
        x += width + 2;
    }
    if (x == 1)
        screen_put(s, 0, y, s->width, STYLE_KEY, "q");
}

static bool is_helped(const struct view *v, size_t i)
{
    return key_bar[i].help && (key_bar[i].when != SEVERAL || is_offered(v, i));
}

void panel_help(struct screen *s, const struct view *v, struct rect r)
{
    int room = r.height - 2;
    int rows = 0;
    int row = 0;
    int skip;

    for (size_t i = 0; i < KEYS; i++)
        rows += is_helped(v, i);
    skip = rows - room < v->ui->help_scroll ? rows - room : v->ui->help_scroll;
    skip = skip < 0 ? 0 : skip;
    screen_box(s, r, "Keys", rows > room ? "j k scroll  Esc closes" : "Esc closes");
    for (size_t i = 0; i < KEYS; i++) {
        int y = r.y + 1 + row - skip;

        if (!is_helped(v, i))
            continue;
        if (row++ < skip || y >= r.y + r.height - 1)
            continue;
        screen_put(s, r.x + 3, y, r.width - 4, STYLE_KEY, key_bar[i].key);
        screen_put(s, r.x + 11, y, r.width - 12, STYLE_TEXT, key_bar[i].help);
    }
}

static void put_file(struct screen *s, struct rect r, int row, const struct reader *reader)
{
    static const char *const symbols[] = {"?", "+", "X", "-"};
    char what[128];

    if (reader->state == READER_WAITING)
        snprintf(what, sizeof(what), "%s",
                 strpbrk(reader->path, "*?") ? "no file matches yet"
                 : reader->has_no_directory  ? "not found, and its directory is not there either"
                                             : "not found; its directory is there");
    else if (reader->state == READER_FAILED)
        snprintf(what, sizeof(what), "%s", strerror(reader->error));
    else if (reader->state == READER_NONE)
        snprintf(what, sizeof(what), "no log: it goes to standard error");
    else
        snprintf(what, sizeof(what), "opened, %s", format_bytes((double)reader->size).text);
    screen_putf(s, r.x + 4, r.y + row, r.width - 5, STYLE_TEXT, "%s   %-20s  %s",
                symbols[reader->state], reader->path, what);
}

void panel_waiting(struct screen *s, const struct view *v, struct rect r)
{
    static const char *const advice[] = {
        "The tracker has not written a message yet. Start it, or point monitor at",
        "other files:  monitor --events PATH --log PATH",
    };
    int count = v->dash->part_count > 1 ? v->dash->part_count : 1;
    int files = 2 * count < r.height - 5 ? 2 * count : 2;
    char note[64];

    snprintf(note, sizeof(note), "checking every 0.5 s, %s so far",
             format_duration(v->waited_ms).text);
    if (r.height > 6 + files)
        r.height = 6 + files;
    screen_box(s, r, "Waiting for files", note);
    for (int i = 0; i < files / 2; i++) {
        const struct dash *d = v->dash->part_count > 1 ? v->dash->parts[i] : v->dash;

        put_file(s, r, 1 + 2 * i, &d->events_reader);
        put_file(s, r, 2 + 2 * i, &d->log_reader);
    }
    for (int i = 0; i < 2 && i + files + 2 < r.height - 1; i++)
        screen_put(s, r.x + 4, r.y + files + 2 + i, r.width - 5, STYLE_TEXT, advice[i]);
    screen_put(s, 0, r.y + r.height, s->width, STYLE_TEXT,
               " nothing is shown as 0 here on purpose: unknown is not zero");
}
