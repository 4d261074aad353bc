#ifndef MODEL_REDRIVE_TABLE_H
#define MODEL_REDRIVE_TABLE_H

#include <stddef.h>
#include <stdint.h>

#include "base/strbuf.h"
#include "model/record.h"

/* What becomes of dead letters that are moved back, counted by reason and original topic. */

enum redrive_fate {
    REDRIVE_GOES,     /* to its original topic */
    REDRIVE_NO_TOPIC, /* its original topic is not available */
    REDRIVE_STAYS,    /* was moved back often enough */
    REDRIVE_NO_VALUE, /* its value, headers or key were left out of the dead letter */
    REDRIVE_FOREIGN,  /* no dead letter of ours */
};
#define REDRIVE_FATES (REDRIVE_FOREIGN + 1)

struct redrive_row {
    enum record_reason reason;
    char *topic; /* "" when it is not known */
    int64_t counts[REDRIVE_FATES];
};

/* A zeroed struct is an empty table. */
struct redrive_table {
    struct redrive_row *rows; /* in the order of reasons, then topics */
    size_t count;
    int64_t totals[REDRIVE_FATES];
};

/* Topics come from headers that anyone may have written: there is one row for all beyond this
 * number of rows. */
#define REDRIVE_TABLE_ROWS 200

/* What stands for RECORD_REASON_NONE: a dead letter that names no known reason. */
#define REDRIVE_OTHER "OTHER"

/* The reason's name, REDRIVE_OTHER for none. */
const char *redrive_reason_name(enum record_reason reason);

/* Appends all reasons' names, comma-separated. */
void redrive_reason_list(struct strbuf *out);

/* Reads a reason's name. Returns 0, or -1 when there is no such reason. */
int redrive_reason_parse(const char *text, enum record_reason *reason);

/* Counts one record; `topic` NULL when it is not known. */
void redrive_table_add(struct redrive_table *t, enum record_reason reason, const char *topic,
                       enum redrive_fate fate);

/* Appends the table as lines of text for people. */
void redrive_table_write(const struct redrive_table *t, struct strbuf *out);

void redrive_table_release(struct redrive_table *t);

#endif
