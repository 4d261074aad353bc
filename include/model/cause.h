#ifndef MODEL_CAUSE_H
#define MODEL_CAUSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/journal_line.h"

/* Why messages failed: error texts with their digits folded to '#', so that "at byte 17" and "at
 * byte 1187" are one cause. A fixed number of causes is kept; a new one takes the place of the one
 * not seen for longest. */

#define CAUSE_MAX   128
#define CAUSE_TEXT  120
#define CAUSE_SLOTS 64

struct cause_slot {
    int64_t period;
    uint32_t count;
};

struct cause {
    char text[CAUSE_TEXT];
    uint64_t total;
    int64_t first_ms;
    int64_t last_ms;
    int32_t partition; /* the newest example */
    int64_t offset;
    bool on_many;                            /* seen on more than one partition */
    struct cause_slot seconds[CAUSE_SLOTS];  /* one second each: the last minute */
    struct cause_slot quarters[CAUSE_SLOTS]; /* 15 seconds each: the last 15 minutes */
};

struct cause_table {
    struct cause items[CAUSE_MAX];
    int count;
};

/* Counts a failed line under its cause. */
void cause_count(struct cause_table *t, const struct journal_line *line);

/* How often in the last 60 or 900 seconds before `now_ms`. */
uint32_t cause_last_minute(const struct cause *c, int64_t now_ms);
uint32_t cause_last_quarter(const struct cause *c, int64_t now_ms);

/* Fills `order` with the indices of all causes, the most frequent of the last minute first, then by
 * total. Returns their number. */
int cause_ranking(const struct cause_table *t, int64_t now_ms, int order[CAUSE_MAX]);

#endif
