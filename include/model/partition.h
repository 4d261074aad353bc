#ifndef MODEL_PARTITION_H
#define MODEL_PARTITION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/coverage.h"
#include "model/journal_line.h"

/* What the offsets of a journal tell, partition by partition: gaps (offsets jumped over going
 * forward, without those of which the journal says that they hold no record), duplicates
 * (an offset not above the highest seen), and rewinds (more than PARTITION_REWIND back, told once
 * instead of as thousands of duplicates). */

#define PARTITION_REWIND  1000
#define PARTITION_TOPIC   250 /* Kafka's limit for a topic name, and a NUL */
#define PARTITION_SECONDS 64

struct partition_second {
    int64_t second;
    uint32_t received;
    uint32_t failed;
};

struct partition {
    char topic[PARTITION_TOPIC];
    int32_t number;
    bool has_offset;
    bool starts_over;      /* the topic was recreated before its first offset here */
    int64_t first;         /* the offset seen first */
    int64_t first_skipped; /* as its line says */
    int64_t highest;       /* largest offset seen */
    int64_t newest_ms;     /* time of its newest line */
    int64_t made_ms;       /* when the order of its newest line was made, 0 if that is not known */
    uint64_t received;
    uint64_t failed;
    uint64_t gaps; /* offsets missing, all together */
    uint64_t dups;
    uint64_t rewinds;
    bool is_rewound;           /* went back and has not yet caught up again */
    struct coverage *coverage; /* what several journals told together; NULL for one journal */
    int newest_journal;        /* of several: which one told the newest line */
    struct partition_second seconds[PARTITION_SECONDS];
};

struct partition_table {
    struct partition *items;
    size_t count;
    size_t cap;
    size_t last; /* where the last search ended: journals come in runs */
};

void partition_table_release(struct partition_table *t);

/* The partition, made when it is new. Valid until the next call of partition_get. */
struct partition *partition_get(struct partition_table *t, const char *topic, size_t topic_len,
                                int32_t number);

/* What one line did to its partition. */
struct partition_change {
    uint64_t gap;   /* offsets missing right after the highest seen before */
    bool is_dup;    /* seen before */
    bool is_rewind; /* the first line after a jump back */
};

/* Counts a line of the partition, which may be of any kind. */
struct partition_change partition_count(struct partition *p, const struct journal_line *line);

/* Counts a line of the partition as the part of several journals, in which the same offset may
 * stand, in whatever order they are read. `journal` is their number. Duplicates and rewinds are the
 * single journals' affair and not counted. */
void partition_cover(struct partition *p, const struct journal_line *line, int journal);

/* Puts what was read of an earlier part of the journal before what was counted since. The gap
 * between the two parts is counted as one, an overlap as duplicates. */
void partition_prepend(struct partition *p, const struct partition *earlier);

/* Received and failed in the last `seconds` (at most 60) complete seconds before `now_ms`. */
struct partition_second partition_sum(const struct partition *p, int64_t now_ms, int seconds);

#endif
