#include "term.h"

#define NCURSES_WIDECHAR 1
#include <curses.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/base64.h"
#include "base/strbuf.h"
#include "signals.h"
#include "view/ui.h"

/* <term.h> would define `lines`, `columns` and many other words as macros. */
int setupterm(const char *name, int fd, int *status);

#define COPY_MAX ((size_t)100000)

/* For a terminal that the system does not know by name, as one newer than the system: those that
 * are made today understand this one's language. */
#define USUAL_TERM "xterm-256color"

static struct {
    const char *name; /* whose language is spoken */
    SCREEN *handle;
    struct cell *shown; /* what the terminal has, cell by cell */
    int width;
    int height;
    bool has_color;
    bool has_mouse;
} term;

/* Colour only accents; each state also has its word and its symbol. */
static const struct {
    short color; /* -1: the terminal's own */
    attr_t attributes;
} looks[STYLE_COUNT] = {
    [STYLE_TEXT] = {-1, A_NORMAL},          [STYLE_TITLE] = {COLOR_BLUE, A_BOLD},
    [STYLE_OK] = {COLOR_GREEN, A_NORMAL},   [STYLE_WARN] = {COLOR_YELLOW, A_BOLD},
    [STYLE_CRIT] = {COLOR_RED, A_REVERSE},  [STYLE_UNKNOWN] = {-1, A_UNDERLINE},
    [STYLE_NOTE] = {COLOR_MAGENTA, A_BOLD}, [STYLE_CHART] = {COLOR_CYAN, A_NORMAL},
    [STYLE_FRAME] = {-1, A_NORMAL},         [STYLE_KEY] = {-1, A_REVERSE},
    [STYLE_CHOSEN] = {-1, A_REVERSE},
};

static const struct {
    int curses;
    int key;
} keys[] = {
    {KEY_UP, UI_KEY_UP},           {KEY_DOWN, UI_KEY_DOWN},           {KEY_PPAGE, UI_KEY_PAGE_UP},
    {KEY_NPAGE, UI_KEY_PAGE_DOWN}, {KEY_HOME, UI_KEY_HOME},           {KEY_END, UI_KEY_END},
    {KEY_BTAB, UI_KEY_BACK_TAB},   {KEY_BACKSPACE, UI_KEY_BACKSPACE}, {KEY_ENTER, UI_KEY_ENTER},
    {'\r', UI_KEY_ENTER},          {KEY_RESIZE, TERM_RESIZE},
};

/* COLUMNS and LINES of the environment are those of the shell that exported them, once; to curses
 * they would be the size for ever. They count where the terminal itself does not say how large it
 * is, as on a serial line. */
static void prefer_real_size(void)
{
    struct winsize size = {0};

    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) < 0 || size.ws_col == 0 || size.ws_row == 0)
        return;
    unsetenv("COLUMNS");
    unsetenv("LINES");
}

/* The name itself where the system knows it; NULL for one that says that nobody knows, and for a
 * printer. */
static const char *choose_name(const char *name)
{
    int status;

    if (setupterm(name, STDOUT_FILENO, &status) == OK)
        return name;
    if (status > 0 || strcmp(name, "unknown") == 0)
        return NULL;
    return setupterm(USUAL_TERM, STDOUT_FILENO, &status) == OK ? USUAL_TERM : NULL;
}

bool term_is_usable(char *why, size_t cap)
{
    const char *name = getenv("TERM");

    if (!isatty(STDOUT_FILENO) || !isatty(STDIN_FILENO)) {
        snprintf(why, cap, "%s is not a terminal",
                 isatty(STDOUT_FILENO) ? "standard input" : "standard output");
        return false;
    }
    if (!name || !name[0]) {
        snprintf(why, cap, "TERM is not set");
        return false;
    }
    prefer_real_size();
    term.name = choose_name(name);
    if (!term.name) {
        snprintf(why, cap, "TERM=%.60s is unknown", name);
        return false;
    }
    if (!tigetstr("cup")) {
        snprintf(why, cap, "TERM=%.60s cannot place the cursor", name);
        return false;
    }
    return true;
}

static void forget_shown(int width, int height)
{
    size_t count = (size_t)width * (size_t)height;

    free(term.shown);
    term.shown = calloc(count ? count : 1, sizeof(*term.shown));
    term.width = width;
    term.height = height;
}

static void set_up_colors(bool color)
{
    term.has_color = color && has_colors() && start_color() == OK;
    if (!term.has_color)
        return;
    use_default_colors();
    for (int i = 0; i < STYLE_COUNT; i++)
        init_pair((short)(i + 1), looks[i].color, -1);
}

int term_open(bool color)
{
    signals_guard_terminal();
    term.handle = newterm(term.name, stdout, stdin);
    if (!term.handle) {
        signals_unguard_terminal();
        return -1;
    }
    cbreak();
    noecho();
    nonl();
    intrflush(stdscr, FALSE);
    keypad(stdscr, TRUE);
    nodelay(stdscr, TRUE);
    set_escdelay(25);
    curs_set(0);
    leaveok(stdscr, TRUE); /* it is hidden: nothing is sent to put it back */
    set_up_colors(color);
    forget_shown(COLS, LINES);
    return 0;
}

void term_close(void)
{
    if (!term.handle)
        return;
    if (term.has_mouse)
        term_mouse(false);
    endwin();
    delscreen(term.handle);
    signals_unguard_terminal();
    free(term.shown);
    memset(&term, 0, sizeof(term));
}

void term_size(int *width, int *height)
{
    *width = COLS;
    *height = LINES;
}

static void put_cell(int x, int y, const struct cell *c)
{
    wchar_t text[2 + TEXT_MARKS] = {(wchar_t)c->code};
    cchar_t wide;

    for (int i = 0; i < c->mark_count; i++)
        text[1 + i] = (wchar_t)c->marks[i];
    setcchar(&wide, text, looks[c->style].attributes, (short)(term.has_color ? c->style + 1 : 0),
             NULL);
    mvadd_wch(y, x, &wide);
}

static void begin_sync(bool on)
{
    if (!on)
        return;
    fflush(stdout);
    fputs("\033[?2026h", stdout);
    fflush(stdout);
}

static void end_sync(bool on)
{
    if (!on)
        return;
    fputs("\033[?2026l", stdout);
    fflush(stdout);
}

void term_draw(const struct screen *s, bool sync)
{
    if (s->width != term.width || s->height != term.height)
        term_redraw();
    for (int y = 0; y < s->height && y < LINES; y++) {
        for (int x = 0; x < s->width && x < COLS; x++) {
            const struct cell *c = screen_at(s, x, y);
            struct cell *shown = &term.shown[(size_t)y * (size_t)term.width + (size_t)x];

            if (c->code == 0 || memcmp(c, shown, sizeof(*c)) == 0)
                continue;
            put_cell(x, y, c);
        }
        memcpy(&term.shown[(size_t)y * (size_t)term.width], screen_at(s, 0, y),
               (size_t)s->width * sizeof(struct cell));
    }
    begin_sync(sync);
    refresh();
    end_sync(sync);
}

void term_redraw(void)
{
    forget_shown(COLS, LINES);
    erase();
    clearok(stdscr, TRUE);
}

int term_key(void)
{
    int key = getch();

    if (key == ERR)
        return TERM_NO_KEY;
    if (key == KEY_MOUSE) {
        MEVENT event;

        if (getmouse(&event) != OK)
            return TERM_NO_KEY;
        return event.bstate & BUTTON4_PRESSED   ? UI_KEY_UP
               : event.bstate & BUTTON5_PRESSED ? UI_KEY_DOWN
                                                : 0;
    }
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        if (keys[i].curses == key)
            return keys[i].key;
    }
    return key < 256 ? key : 0;
}

void term_mouse(bool on)
{
    mousemask(on ? BUTTON4_PRESSED | BUTTON5_PRESSED : 0, NULL);
    term.has_mouse = on;
}

size_t term_copy(const char *bytes, size_t len)
{
    struct strbuf out = {0};
    size_t copied = len < COPY_MAX ? len : COPY_MAX;

    strbuf_adds(&out, "\033]52;c;");
    base64_encode(&out, bytes, copied);
    strbuf_adds(&out, "\a");
    fwrite(out.data, 1, out.len, stdout);
    fflush(stdout);
    strbuf_release(&out);
    return copied;
}
