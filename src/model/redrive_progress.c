#include "model/redrive_progress.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "model/redrive_table.h"

#define VERSION    "v1"
#define MAX_DIGITS 15 /* so that no sum of them overflows */

/* How the kinds are called in the text. */
static const char *const kind_names[] = {
    [REDRIVE_BY_REASON] = "reason",
    [REDRIVE_BY_TOPIC] = "topic",
    [REDRIVE_BY_REPLAYS] = "replays",
};
#define KINDS (sizeof(kind_names) / sizeof(kind_names[0]))

/* ---- rules ---- */

static int64_t number_of(enum redrive_rule_kind kind, const struct redrive_traits *traits)
{
    switch (kind) {
    case REDRIVE_BY_REASON:
        return traits->reason;
    case REDRIVE_BY_REPLAYS:
        return traits->replays;
    case REDRIVE_BY_TOPIC:
        break;
    }
    return 0;
}

static bool is_of(const struct redrive_rule *rule, const struct redrive_traits *traits)
{
    if (rule->kind == REDRIVE_BY_TOPIC)
        return traits->topic && strcmp(rule->topic, traits->topic) == 0;
    return rule->number == number_of(rule->kind, traits);
}

static struct redrive_rule *find_rule(const struct redrive_progress *p, enum redrive_rule_kind kind,
                                      const struct redrive_traits *traits)
{
    for (size_t i = 0; i < p->rule_count; i++)
        if (p->rules[i].kind == kind && is_of(&p->rules[i], traits))
            return &p->rules[i];
    return NULL;
}

int64_t redrive_progress_all_open_from(const struct redrive_progress *p,
                                       enum redrive_rule_kind kind,
                                       const struct redrive_traits *traits)
{
    const struct redrive_rule *rule = find_rule(p, kind, traits);

    return rule && rule->from < p->next ? rule->from : p->next;
}

bool redrive_progress_leave_all(struct redrive_progress *p, enum redrive_rule_kind kind,
                                const struct redrive_traits *traits, int64_t from)
{
    struct redrive_rule *rule = find_rule(p, kind, traits);

    if (rule && rule->from <= from)
        return false;
    if (rule) {
        rule->from = from;
        return true;
    }
    p->rules = mem_realloc_array(p->rules, p->rule_count + 1, sizeof(*p->rules));
    p->rules[p->rule_count++] =
        (struct redrive_rule){.kind = kind,
                              .number = number_of(kind, traits),
                              .topic = kind == REDRIVE_BY_TOPIC ? mem_strdup(traits->topic) : NULL,
                              .from = from};
    return true;
}

static struct redrive_traits traits_of(const struct redrive_rule *rule)
{
    return (struct redrive_traits){
        .reason = (enum record_reason)rule->number, .topic = rule->topic, .replays = rule->number};
}

/* ---- single offsets ---- */

/* The first range that does not end before `offset`. */
static size_t place_of(const struct redrive_progress *p, int64_t offset)
{
    size_t low = 0;
    size_t high = p->left_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (p->left[middle].last < offset)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool is_left(const struct redrive_progress *p, int64_t offset)
{
    size_t i = place_of(p, offset);

    return i < p->left_count && p->left[i].first <= offset;
}

static void insert_range(struct redrive_progress *p, size_t i, int64_t first, int64_t last)
{
    p->left = mem_realloc_array(p->left, p->left_count + 1, sizeof(*p->left));
    memmove(&p->left[i + 1], &p->left[i], (p->left_count - i) * sizeof(*p->left));
    p->left[i] = (struct redrive_range){.first = first, .last = last};
    p->left_count++;
}

static void remove_range(struct redrive_progress *p, size_t i)
{
    p->left_count--;
    memmove(&p->left[i], &p->left[i + 1], (p->left_count - i) * sizeof(*p->left));
}

bool redrive_progress_leave(struct redrive_progress *p, int64_t offset)
{
    size_t i = place_of(p, offset);
    bool joins_last = i > 0 && p->left[i - 1].last == offset - 1;
    bool joins_next = i < p->left_count && p->left[i].first == offset + 1;

    if (is_left(p, offset))
        return false;
    if (joins_last && joins_next) {
        p->left[i - 1].last = p->left[i].last;
        remove_range(p, i);
    } else if (joins_last) {
        p->left[i - 1].last = offset;
    } else if (joins_next) {
        p->left[i].first = offset;
    } else {
        insert_range(p, i, offset, offset);
    }
    return true;
}

/* ---- what is open ---- */

bool redrive_progress_is_open(const struct redrive_progress *p, int64_t offset,
                              const struct redrive_traits *traits)
{
    if (offset >= p->next || is_left(p, offset))
        return true;
    for (size_t i = 0; i < p->rule_count; i++)
        if (offset >= p->rules[i].from && is_of(&p->rules[i], traits))
            return true;
    return false;
}

int64_t redrive_progress_first(const struct redrive_progress *p)
{
    int64_t first = p->next;

    for (size_t i = 0; i < p->rule_count; i++)
        if (p->rules[i].from < first)
            first = p->rules[i].from;
    return p->left_count && p->left[0].first < first ? p->left[0].first : first;
}

/* ---- one after the other ---- */

/* The ranges of `from` between two offsets, the second one excluded. */
static void add_ranges(struct redrive_progress *out, const struct redrive_progress *from,
                       int64_t begin, int64_t end)
{
    for (size_t i = 0; i < from->left_count; i++) {
        int64_t first = from->left[i].first > begin ? from->left[i].first : begin;
        int64_t last = from->left[i].last < end - 1 ? from->left[i].last : end - 1;

        if (first > last)
            continue;
        if (out->left_count && out->left[out->left_count - 1].last == first - 1)
            out->left[out->left_count - 1].last = last;
        else
            insert_range(out, out->left_count, first, last);
    }
}

void redrive_progress_join(struct redrive_progress *out, const struct redrive_progress *now,
                           const struct redrive_progress *before, int64_t upto)
{
    out->next = upto > before->next ? upto : before->next;
    add_ranges(out, now, 0, upto);
    add_ranges(out, before, upto, INT64_MAX);
    for (size_t i = 0; i < now->rule_count; i++) {
        struct redrive_traits traits = traits_of(&now->rules[i]);

        if (now->rules[i].from < upto)
            redrive_progress_leave_all(out, now->rules[i].kind, &traits, now->rules[i].from);
    }
    for (size_t i = 0; i < before->rule_count; i++) {
        struct redrive_traits traits = traits_of(&before->rules[i]);
        int64_t from = before->rules[i].from > upto ? before->rules[i].from : upto;

        if (from < out->next)
            redrive_progress_leave_all(out, before->rules[i].kind, &traits, from);
    }
}

/* ---- as text ---- */

/* Each offset relative to the end of the range before it, then how many follow it. */
static void write_left(const struct redrive_progress *p, int64_t first, struct strbuf *out)
{
    for (size_t i = 0; i < p->left_count; i++) {
        const struct redrive_range *range = &p->left[i];

        strbuf_addf(out, "%s%" PRId64, i ? "," : " left=", range->first - first);
        if (range->last > range->first)
            strbuf_addf(out, "+%" PRId64, range->last - range->first);
        first = range->last;
    }
}

void redrive_progress_write(const struct redrive_progress *p, struct strbuf *out)
{
    int64_t first = redrive_progress_first(p);

    strbuf_addf(out, VERSION " next=%" PRId64, p->next - first);
    for (size_t i = 0; i < p->rule_count; i++) {
        const struct redrive_rule *rule = &p->rules[i];

        strbuf_addf(out, " %s:", kind_names[rule->kind]);
        if (rule->kind == REDRIVE_BY_REASON)
            strbuf_adds(out, redrive_reason_name((enum record_reason)rule->number));
        else if (rule->kind == REDRIVE_BY_TOPIC)
            strbuf_adds(out, rule->topic);
        else
            strbuf_addf(out, "%" PRId64, rule->number);
        strbuf_addf(out, "=%" PRId64, rule->from - first);
    }
    write_left(p, first, out);
}

/* What is still to be read of the text. */
struct reading {
    char *at; /* ends in NUL */
};

static bool take(struct reading *r, const char *text)
{
    size_t len = strlen(text);

    if (strncmp(r->at, text, len) != 0)
        return false;
    r->at += len;
    return true;
}

static bool take_number(struct reading *r, int64_t *n)
{
    size_t digits = strspn(r->at, "0123456789");

    if (digits == 0 || digits > MAX_DIGITS)
        return false;
    *n = strtoll(r->at, NULL, 10);
    r->at += digits;
    return true;
}

/* A name up to the next `=`, which is overwritten. */
static char *take_name(struct reading *r)
{
    char *name = r->at;
    size_t len = strcspn(r->at, "= ");

    if (len == 0 || name[len] != '=')
        return NULL;
    name[len] = '\0';
    r->at += len + 1;
    return name;
}

static bool read_key(enum redrive_rule_kind kind, char *name, struct redrive_traits *traits)
{
    struct reading number = {name};

    switch (kind) {
    case REDRIVE_BY_REASON:
        return redrive_reason_parse(name, &traits->reason) == 0;
    case REDRIVE_BY_TOPIC:
        traits->topic = name;
        return true;
    case REDRIVE_BY_REPLAYS:
        return take_number(&number, &traits->replays) && *number.at == '\0';
    }
    return false;
}

static bool read_rule(struct redrive_progress *p, struct reading *r, int64_t first)
{
    for (size_t kind = 0; kind < KINDS; kind++) {
        struct redrive_traits traits = {0};
        int64_t from;
        char *name;

        if (!take(r, kind_names[kind]))
            continue;
        if (!take(r, ":") || !(name = take_name(r)) ||
            !read_key((enum redrive_rule_kind)kind, name, &traits) || !take_number(r, &from))
            return false;
        redrive_progress_leave_all(p, (enum redrive_rule_kind)kind, &traits, first + from);
        return true;
    }
    return false;
}

static bool read_left(struct redrive_progress *p, struct reading *r, int64_t first)
{
    do {
        int64_t distance;
        int64_t more = 0;

        if (!take_number(r, &distance) || (take(r, "+") && !take_number(r, &more)))
            return false;
        if (p->left_count && distance < 2)
            return false;
        insert_range(p, p->left_count, first + distance, first + distance + more);
        first += distance + more;
    } while (take(r, ","));
    return true;
}

static bool read_all(struct redrive_progress *p, struct reading *r, int64_t first)
{
    if (!take(r, VERSION " next=") || !take_number(r, &p->next))
        return false;
    p->next += first;
    while (take(r, " "))
        if (take(r, "left=") ? p->left_count || !read_left(p, r, first) : !read_rule(p, r, first))
            return false;
    return *r->at == '\0' && redrive_progress_first(p) == first;
}

int redrive_progress_read(struct redrive_progress *p, int64_t first, const char *text, size_t len)
{
    char *copy;
    bool is_good;

    *p = (struct redrive_progress){.next = first};
    if (len == 0)
        return 0;
    copy = mem_strndup(text, len);
    is_good = strlen(copy) == len && read_all(p, &(struct reading){copy}, first);
    free(copy);
    if (is_good)
        return 0;
    redrive_progress_release(p);
    return -1;
}

void redrive_progress_release(struct redrive_progress *p)
{
    for (size_t i = 0; i < p->rule_count; i++)
        free(p->rules[i].topic);
    free(p->rules);
    free(p->left);
    *p = (struct redrive_progress){0};
}
