#ifndef MODEL_JOURNAL_LINE_H
#define MODEL_JOURNAL_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/scan.h"

/* One line of tracker.events as the monitor reads it: only the top-level keys are looked at. Lines
 * of other writers of the same format, which know fewer keys, are read too. */

enum journal_kind {
    JOURNAL_MESSAGE, /* the fate of one message */
    JOURNAL_GAP,     /* offsets that can no longer be read */
    JOURNAL_SKIP,    /* offsets that hold no record */
    JOURNAL_REPLAY,  /* offsets that begin again: reprocessed, or those of a recreated topic */
};

enum journal_fate { JOURNAL_PROCESSED, JOURNAL_DEAD_LETTERED, JOURNAL_DROPPED };

struct journal_line {
    enum journal_kind kind;
    int64_t timestamp_ms; /* when the line was made */
    struct scan_value topic;
    int32_t partition;
    int64_t offset;
    int64_t skipped;            /* how many offsets right before it hold no record; 0 if not said */
    int64_t kafka_timestamp_ms; /* the record's, as Kafka gave it; -1 if it has none */
    int64_t message_size;       /* -1 for a null value, or unknown */
    bool is_failed; /* not processed; by outcome, or by decode flag and error without it */
    bool is_deserialized;
    bool is_replay;
    bool is_recreated; /* JOURNAL_REPLAY: what follows is of another topic of the same name */
    bool has_outcome;
    enum journal_fate fate; /* only with has_outcome */
    int64_t attempts;       /* 0 if unknown */
    bool has_latency;
    int64_t latency_ms; /* from the order's creation to the line; negative if clocks disagree */
    struct scan_value error;
    struct scan_value reason;
    struct scan_value order_id;
    struct scan_value raw;   /* the value as text, or in base64; JSON_NONE if not written */
    bool is_raw_encoded;     /* it is in base64 */
    struct scan_value order; /* the decoded order, JSON_NONE if not written */
    int64_t gap_from;        /* the offsets [from, to) of the other kinds */
    int64_t gap_to;
};

/* Reads one line without its newline. All spans are borrowed from it. Returns 0, or -1 when it is
 * no JSON object or lacks what every line has: timestamp and event_type, and for a message its
 * partition and offset. Pure. */
int journal_line_parse(struct journal_line *line, const char *text, size_t len);

/* True when the value that the line holds has not the size that it states: it was put together from
 * pieces of two lines. Pure. */
bool journal_line_is_mixed(const struct journal_line *line);

/* What a list shows of the order, cut to fit. Every field is "" or false when the order lacks it.
 */
struct journal_order {
    char status[24];
    char currency[12];
    char customer[64];
    bool has_total;
    double total;
};

void journal_line_order(const struct journal_line *line, struct journal_order *order);

#endif
