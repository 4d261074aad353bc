#include "model/cause.h"

#include <string.h>

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* "UTF-8" is a name and no number. */
static bool is_in_name(const char *text, const char *at)
{
    return at - text >= 4 && memcmp(at - 4, "UTF-", 4) == 0;
}

/* Folds in place: each run of digits becomes one '#'. */
static void fold_digits(char *text)
{
    char *to = text;

    for (const char *from = text; *from; from++) {
        if (!is_digit(*from) || is_in_name(text, from))
            *to++ = *from;
        else if (to == text || to[-1] != '#')
            *to++ = '#';
    }
    *to = '\0';
}

static void name_cause(char out[CAUSE_TEXT], const struct journal_line *line)
{
    if (scan_text(&line->error, out, CAUSE_TEXT) == 0 &&
        scan_text(&line->reason, out, CAUSE_TEXT) == 0)
        memcpy(out, "no reason given", sizeof("no reason given"));
    fold_digits(out);
}

static int stalest(const struct cause_table *t)
{
    int at = 0;

    for (int i = 1; i < t->count; i++) {
        if (t->items[i].last_ms < t->items[at].last_ms)
            at = i;
    }
    return at;
}

static struct cause *get(struct cause_table *t, const char *text, const struct journal_line *line)
{
    struct cause *c;

    for (int i = 0; i < t->count; i++) {
        if (strcmp(t->items[i].text, text) == 0)
            return &t->items[i];
    }
    c = &t->items[t->count < CAUSE_MAX ? t->count++ : stalest(t)];
    *c = (struct cause){.first_ms = line->timestamp_ms, .partition = line->partition};
    memcpy(c->text, text, strlen(text) + 1);
    return c;
}

static void count_in(struct cause_slot slots[CAUSE_SLOTS], int64_t period)
{
    struct cause_slot *s = &slots[(uint64_t)period % CAUSE_SLOTS];

    if (s->period < period)
        *s = (struct cause_slot){.period = period};
    if (s->period == period)
        s->count++;
}

static uint32_t sum_from(const struct cause_slot slots[CAUSE_SLOTS], int64_t first, int64_t last)
{
    uint32_t sum = 0;

    for (int i = 0; i < CAUSE_SLOTS; i++) {
        if (slots[i].period >= first && slots[i].period <= last)
            sum += slots[i].count;
    }
    return sum;
}

void cause_count(struct cause_table *t, const struct journal_line *line)
{
    char text[CAUSE_TEXT];
    struct cause *c;

    name_cause(text, line);
    c = get(t, text, line);
    c->total++;
    c->on_many |= c->partition != line->partition;
    if (line->timestamp_ms < c->first_ms)
        c->first_ms = line->timestamp_ms;
    if (line->timestamp_ms >= c->last_ms) {
        c->last_ms = line->timestamp_ms;
        c->partition = line->partition;
        c->offset = line->offset;
    }
    count_in(c->seconds, line->timestamp_ms / 1000);
    count_in(c->quarters, line->timestamp_ms / 15000);
}

uint32_t cause_last_minute(const struct cause *c, int64_t now_ms)
{
    return sum_from(c->seconds, now_ms / 1000 - 60, now_ms / 1000 - 1);
}

uint32_t cause_last_quarter(const struct cause *c, int64_t now_ms)
{
    return sum_from(c->quarters, now_ms / 15000 - 59, now_ms / 15000);
}

int cause_ranking(const struct cause_table *t, int64_t now_ms, int order[CAUSE_MAX])
{
    uint32_t recent[CAUSE_MAX];

    for (int i = 0; i < t->count; i++) {
        int at = i;

        recent[i] = cause_last_minute(&t->items[i], now_ms);
        while (at > 0 && (recent[order[at - 1]] < recent[i] ||
                          (recent[order[at - 1]] == recent[i] &&
                           t->items[order[at - 1]].total < t->items[i].total))) {
            order[at] = order[at - 1];
            at--;
        }
        order[at] = i;
    }
    return t->count;
}
