#include <stdio.h>

#include "view/format.h"
#include "view/panel.h"

/* Amounts as people read them: "391 204 EUR". */
static struct text_buffer money(int64_t cents, const char *currency)
{
    struct text_buffer b = {""};

    if (cents >= 1000000)
        snprintf(b.text, sizeof(b.text), "%.20s %.7s", format_count(cents / 100).text, currency);
    else
        snprintf(b.text, sizeof(b.text), "%.2f %.7s", (double)cents / 100, currency);
    return b;
}

void panel_orders(struct screen *s, const struct view *v, struct rect r)
{
    const struct order_report *o = &panel_figures(v)->orders;
    struct panel_line l = panel_row(s, r, 0);
    int row = 0;

    screen_box(s, r, v->at_stop ? "Orders at stop" : "Orders", v->at_stop ? "frozen" : "60 s");
    if (!o->currency_count) {
        panel_put(&l, STYLE_TEXT, "no order in 60 s");
        return;
    }
    for (; row < o->currency_count && row < r.height - 4; row++) {
        l = panel_row(s, r, row);
        panel_put(&l, STYLE_TEXT, "%-9s", row ? "" : "value");
        panel_put(&l, STYLE_TEXT, "%16s",
                  money(o->currencies[row].cents, o->currencies[row].name).text);
        panel_put(&l, STYLE_TEXT, "  mean %.2f",
                  (double)o->currencies[row].cents / 100 / (double)o->currencies[row].orders);
    }
    l = panel_row(s, r, row++);
    panel_put(&l, STYLE_TEXT, "orders   %s", format_count(o->orders).text);
    if (o->quantity)
        panel_put(&l, STYLE_TEXT, "  items each %.1f", (double)o->quantity / (double)o->sampled);
    l = panel_row(s, r, row);
    if (o->top_item && o->quantity)
        panel_put(&l, STYLE_TEXT, "top item %2d %% ", (int)(o->top_quantity * 100 / o->quantity));
    if (o->top_item && o->quantity)
        screen_put(s, l.x, l.y, l.end - l.x, STYLE_TEXT, o->top_item);
}
