#include "view/ui_parts.h"

#include <limits.h>

#define TO_THE_END (INT_MAX / 4)

void ui_show_detail(struct ui *ui, const char *lines)
{
    strbuf_reset(&ui->detail);
    strbuf_adds(&ui->detail, lines);
    ui->detail_scroll = 0;
    ui->shows_detail = true;
}

void ui_limit_detail(struct ui *ui, int end)
{
    if (ui->detail_scroll > end)
        ui->detail_scroll = end;
}

static const struct {
    int key;
    int lines;
    int pages;
} scroll_keys[] = {
    {UI_KEY_UP, -1, 0},
    {'k', -1, 0},
    {UI_KEY_DOWN, 1, 0},
    {'j', 1, 0},
    {UI_KEY_PAGE_UP, 0, -1},
    {UI_KEY_PAGE_DOWN, 0, 1},
    {' ', 0, 1},
    {UI_KEY_HOME, -TO_THE_END, 0},
    {'g', -TO_THE_END, 0},
    {UI_KEY_END, TO_THE_END, 0},
    {'G', TO_THE_END, 0},
};

/* Returns false when the key is none that scrolls. */
static bool scroll(int *at, int key, int page)
{
    for (size_t i = 0; i < sizeof(scroll_keys) / sizeof(scroll_keys[0]); i++) {
        if (scroll_keys[i].key != key)
            continue;
        *at += scroll_keys[i].lines + scroll_keys[i].pages * page;
        *at = *at < 0 ? 0 : *at;
        return true;
    }
    return false;
}

#define HELP_END 17 /* of 20 keys all but those that the smallest window shows */

bool ui_press_in_help(struct ui *ui, int key, int page)
{
    if (scroll(&ui->help_scroll, key, page)) {
        ui->help_scroll = ui->help_scroll < HELP_END ? ui->help_scroll : HELP_END;
        return true;
    }
    ui->shows_help = key == 'w'; /* which writes it */
    return key == UI_KEY_ESCAPE || key == UI_KEY_ENTER || key == '\r' || key == '?';
}

enum ui_action ui_press_in_detail(struct ui *ui, int key, int page)
{
    if (scroll(&ui->detail_scroll, key, page))
        return UI_NOTHING;
    switch (key) {
    case 'q':
        return UI_QUIT;
    case 'w':
        return UI_SNAPSHOT;
    case 'y':
        return UI_COPY;
    case 'r':
    case 12:
        return UI_RETRY;
    case '?':
        ui->shows_help = true;
        ui->help_scroll = 0;
        break;
    case UI_KEY_ESCAPE:
    case UI_KEY_ENTER:
    case '\r':
        ui->shows_detail = false;
        break;
    default:
        break;
    }
    return UI_NOTHING;
}
