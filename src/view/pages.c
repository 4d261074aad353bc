#include <stdio.h>
#include <string.h>

#include "view/format.h"
#include "view/panel.h"

/* In the order of their worth: as many as fit. */
static const struct {
    const char *key;
    const char *label;
    const char *label_when_paused;
    const char *help;
    bool only_several; /* only when there are several trackers */
} key_bar[] = {
    {"q", "Quit", NULL, "quit, as does Ctrl+C", false},
    {"?", "Help", NULL, "this page", false},
    {"Space", "Pause", "Resume", "hold the lists still, and let them go on", false},
    {"Tab", "Panel", NULL, "next list; Shift+Tab the one before; e l x p choose one", false},
    {"/", "Filter", NULL, "show only rows with this text; Escape clears it", false},
    {"t", "Trackers", NULL, "the trackers, each with its health", true},
    {"Enter", "Detail", NULL, "all about the row under the cursor", false},
    {"g G", "", NULL, "the oldest row; the newest again, and follow", false},
    {"n N", "", NULL, "next and previous match, within the detail too", false},
    {"f", "Failures", NULL, "failures only", false},
    {"+/-", "Window", NULL, "what the quality tile looks back on: 10 s, 60 s, 15 min, all", false},
    {"z", "Zoom", NULL, "the list over the whole screen", false},
    {"s", "Scale", NULL, "charts linear or logarithmic", false},
    {"o", "Sort", NULL, "order of the partitions", false},
    {"w", "Write", NULL, "write the screen into a file", false},
    {"y", "Copy", NULL, "copy the line to the clipboard (OSC 52)", false},
    {"r", "Redraw", NULL, "look for the files now and draw anew, as does Ctrl+L", false},
    {"m", "Mouse", NULL, "mouse wheel on and off", false},
    {"b", "", NULL, "give up reading the journal's history; the totals stay lower bounds", false},
};

#define KEYS (sizeof(key_bar) / sizeof(key_bar[0]))

static bool is_offered(const struct view *v, size_t i)
{
    return !key_bar[i].only_several || panel_tracker_room(v);
}

void panel_keys(struct screen *s, const struct view *v, int y)
{
    int x = 1;

    for (size_t i = 0; i < KEYS; i++) {
        const char *label = v->ui->is_paused && key_bar[i].label_when_paused
                                ? key_bar[i].label_when_paused
                                : key_bar[i].label;
        int width = (int)(strlen(key_bar[i].key) + 1 + strlen(label));

        if (!label[0] || !is_offered(v, i))
            continue; /* its notice tells of it when it is of use */
        if (x + width > s->width)
            break;
        screen_put(s, x, y, s->width - x, STYLE_KEY, key_bar[i].key);
        screen_put(s, x + width - (int)strlen(label), y, s->width - x, STYLE_TEXT, label);
        x += width + 2;
    }
    if (x == 1)
        screen_put(s, 0, y, s->width, STYLE_KEY, "q");
}

void panel_help(struct screen *s, const struct view *v, struct rect r)
{
    int y = r.y + 1;

    screen_box(s, r, "Keys", "Esc closes");
    for (size_t i = 0; i < KEYS && y < r.y + r.height - 1; i++) {
        if (!is_offered(v, i))
            continue;
        screen_put(s, r.x + 3, y, r.width - 4, STYLE_KEY, key_bar[i].key);
        screen_put(s, r.x + 11, y++, r.width - 12, STYLE_TEXT, key_bar[i].help);
    }
}

void panel_detail(struct screen *s, const struct view *v, struct rect r)
{
    const char *line = strbuf_text(&v->ui->detail);
    int skip = v->ui->detail_scroll;
    int y = r.y + 1;
    char text[2048];

    screen_box(s, r, "Detail", "Esc closes  arrows scroll  y copies");
    while (*line && y < r.y + r.height - 1) {
        size_t len = strcspn(line, "\n");
        size_t shown = len < sizeof(text) - 1 ? len : sizeof(text) - 1;

        if (skip-- <= 0) {
            memcpy(text, line, shown);
            text[shown] = '\0';
            screen_put(s, r.x + 2, y++, r.width - 4, STYLE_TEXT, text);
        }
        line += len + (line[len] != '\0');
    }
}

static void put_file(struct screen *s, struct rect r, int row, const struct reader *reader)
{
    static const char *const symbols[] = {"?", "+", "X"};
    char what[128];

    if (reader->state == READER_WAITING)
        snprintf(what, sizeof(what), "not found");
    else if (reader->state == READER_FAILED)
        snprintf(what, sizeof(what), "%s", strerror(reader->error));
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
