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
} key_bar[] = {
    {"q", "Quit", NULL, "quit, as does Ctrl+C"},
    {"?", "Help", NULL, "this page"},
    {"Space", "Pause", "Resume", "hold the lists still, and let them go on"},
    {"Tab", "Panel", NULL, "next list; Shift+Tab the one before; e l x p choose one"},
    {"/", "Filter", NULL, "show only rows with this text; Escape clears it"},
    {"Enter", "Detail", NULL, "the whole line under the cursor"},
    {"f", "Failures", NULL, "failures only"},
    {"+/-", "Window", NULL, "what the quality tile looks back on: 10 s, 60 s, 15 min, all"},
    {"z", "Zoom", NULL, "the list over the whole screen"},
    {"s", "Scale", NULL, "charts linear or logarithmic"},
    {"o", "Sort", NULL, "order of the partitions"},
    {"w", "Write", NULL, "write the screen into a file"},
    {"y", "Copy", NULL, "copy the line to the clipboard (OSC 52)"},
    {"r", "Redraw", NULL, "look for the files now and draw anew, as does Ctrl+L"},
    {"m", "Mouse", NULL, "mouse wheel on and off"},
    {"b", "", NULL, "give up reading the journal's history; the totals stay lower bounds"},
};

#define KEYS (sizeof(key_bar) / sizeof(key_bar[0]))

void panel_keys(struct screen *s, const struct view *v, int y)
{
    int x = 1;

    for (size_t i = 0; i < KEYS; i++) {
        const char *label = v->ui->is_paused && key_bar[i].label_when_paused
                                ? key_bar[i].label_when_paused
                                : key_bar[i].label;
        int width = (int)(strlen(key_bar[i].key) + 1 + strlen(label));

        if (!label[0])
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
    (void)v;
    screen_box(s, r, "Keys", "Esc closes");
    for (size_t i = 0; i < KEYS && (int)i < r.height - 2; i++) {
        int y = r.y + 1 + (int)i;

        screen_put(s, r.x + 3, y, r.width - 4, STYLE_KEY, key_bar[i].key);
        screen_put(s, r.x + 11, y, r.width - 12, STYLE_TEXT, key_bar[i].help);
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
    char note[64];

    snprintf(note, sizeof(note), "checking every 0.5 s, %s so far",
             format_duration(v->waited_ms).text);
    if (r.height > 8)
        r.height = 8;
    screen_box(s, r, "Waiting for files", note);
    put_file(s, r, 1, v->figures->events_reader);
    put_file(s, r, 2, v->figures->log_reader);
    for (int i = 0; i < 2 && i + 4 < r.height - 1; i++)
        screen_put(s, r.x + 4, r.y + 4 + i, r.width - 5, STYLE_TEXT, advice[i]);
    screen_put(s, 0, r.y + r.height, s->width, STYLE_TEXT,
               " nothing is shown as 0 here on purpose: unknown is not zero");
}
