#include "model/redrive_table.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/printable.h"

#define TOPIC_MAX_BYTES 249 /* Kafka's */
#define OTHER_TOPICS    "(other topics)"

static const char *const fate_titles[REDRIVE_FATES] = {
    [REDRIVE_GOES] = "to send",       [REDRIVE_NO_TOPIC] = "undeliverable",
    [REDRIVE_STAYS] = "replay limit", [REDRIVE_NO_VALUE] = "incomplete",
    [REDRIVE_FOREIGN] = "not ours",
};

const char *redrive_reason_name(enum record_reason reason)
{
    return reason == RECORD_REASON_NONE ? REDRIVE_OTHER : record_reason_name(reason);
}

void redrive_reason_list(struct strbuf *out)
{
    for (int i = RECORD_REASON_NONE + 1; i < RECORD_REASON_COUNT; i++)
        strbuf_addf(out, "%s, ", record_reason_name((enum record_reason)i));
    strbuf_adds(out, REDRIVE_OTHER);
}

int redrive_reason_parse(const char *text, enum record_reason *reason)
{
    *reason = record_reason_find(text, strlen(text));
    return *reason != RECORD_REASON_NONE || strcmp(text, REDRIVE_OTHER) == 0 ? 0 : -1;
}

/* Known reasons first, in the order of the enum; then what names none. */
static int compare_place(const struct redrive_row *row, enum record_reason reason,
                         const char *topic)
{
    int a = row->reason == RECORD_REASON_NONE ? RECORD_REASON_COUNT : (int)row->reason;
    int b = reason == RECORD_REASON_NONE ? RECORD_REASON_COUNT : (int)reason;

    return a != b ? a - b : strcmp(row->topic, topic);
}

static struct redrive_row *row_of(struct redrive_table *t, enum record_reason reason,
                                  const char *topic)
{
    size_t i = 0;

    while (i < t->count && compare_place(&t->rows[i], reason, topic) < 0)
        i++;
    if (i < t->count && compare_place(&t->rows[i], reason, topic) == 0)
        return &t->rows[i];
    if (t->count >= REDRIVE_TABLE_ROWS && strcmp(topic, OTHER_TOPICS) != 0)
        return row_of(t, reason, OTHER_TOPICS);
    t->rows = mem_realloc_array(t->rows, t->count + 1, sizeof(*t->rows));
    memmove(&t->rows[i + 1], &t->rows[i], (t->count - i) * sizeof(*t->rows));
    t->rows[i] = (struct redrive_row){.reason = reason, .topic = mem_strdup(topic)};
    t->count++;
    return &t->rows[i];
}

void redrive_table_add(struct redrive_table *t, enum record_reason reason, const char *topic,
                       enum redrive_fate fate)
{
    row_of(t, reason, topic ? topic : "")->counts[fate]++;
    t->totals[fate]++;
}

static void write_line(struct strbuf *out, const char *reason, const char *topic, int width,
                       const int64_t counts[REDRIVE_FATES])
{
    int64_t sum = 0;

    for (int i = 0; i < REDRIVE_FATES; i++)
        sum += counts[i];
    strbuf_addf(out, "%-11s  %-*s  %9" PRId64, reason, width, topic, sum);
    for (int i = 0; i < REDRIVE_FATES; i++)
        strbuf_addf(out, "  %13" PRId64, counts[i]);
    strbuf_addc(out, '\n');
}

static void write_row(struct strbuf *out, const struct redrive_row *row, int width)
{
    struct strbuf topic = {0};

    printable_add(&topic, row->topic, strlen(row->topic), TOPIC_MAX_BYTES);
    write_line(out, redrive_reason_name(row->reason), topic.len ? topic.data : "-", width,
               row->counts);
    strbuf_release(&topic);
}

void redrive_table_write(const struct redrive_table *t, struct strbuf *out)
{
    int width = 8;

    for (size_t i = 0; i < t->count; i++)
        if (strlen(t->rows[i].topic) > (size_t)width)
            width = (int)strlen(t->rows[i].topic);
    strbuf_addf(out, "%-11s  %-*s  %9s", "reason", width, "topic", "records");
    for (int i = 0; i < REDRIVE_FATES; i++)
        strbuf_addf(out, "  %13s", fate_titles[i]);
    strbuf_addc(out, '\n');
    for (size_t i = 0; i < t->count; i++)
        write_row(out, &t->rows[i], width);
    write_line(out, "all", "", width, t->totals);
}

void redrive_table_release(struct redrive_table *t)
{
    for (size_t i = 0; i < t->count; i++)
        free(t->rows[i].topic);
    free(t->rows);
    *t = (struct redrive_table){0};
}
