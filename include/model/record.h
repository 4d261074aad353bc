#ifndef MODEL_RECORD_H
#define MODEL_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/strbuf.h"

/* One line of the audit journal (tracker.events): what became of one message. */

enum record_event {
    RECORD_RECEIVED,
    RECORD_DESERIALIZATION_ERROR,
    RECORD_VALIDATION_ERROR,
    RECORD_PROCESSING_ERROR,
};

enum record_outcome { RECORD_PROCESSED, RECORD_DEAD_LETTERED, RECORD_DROPPED };

enum record_reason {
    RECORD_REASON_NONE,
    RECORD_DESERIALIZE,
    RECORD_VALIDATE,
    RECORD_NULL_VALUE,
    RECORD_TOO_LARGE,
    RECORD_PROCESS,
    RECORD_TIMEOUT,
};
#define RECORD_REASON_COUNT (RECORD_TIMEOUT + 1)

struct record {
    int64_t timestamp_ms;
    enum record_event event;
    const char *topic;
    int32_t partition;
    int64_t offset;
    const char *value; /* NULL for a null value */
    size_t value_len;
    bool deserialized;
    const char *error; /* NULL if none */
    int64_t kafka_timestamp_ms;
    const char *key; /* NULL if none */
    size_t key_len;
    enum record_outcome outcome;
    enum record_reason reason;
    int attempts;
    const char *processor; /* its kind; NULL: no answer of it, or none to speak of */
    int processor_status;  /* of its answer, 0 if it has none */
    int64_t processor_ms;  /* that the last attempt took */
    const char *receipt;   /* NULL if none */
    size_t receipt_len;
    int64_t latency_ms;
    const char *order_id;  /* NULL if not decodable */
    const char *dlq_topic; /* NULL unless dead-lettered */
    int32_t dlq_partition;
    int64_t dlq_offset;
    bool replay;
    int64_t skipped; /* how many offsets right before this one hold no record, as far as is known */
    bool with_raw;   /* write raw_message */
    bool with_order; /* write order_full; only for decodable values */
    bool is_compact; /* the value has no white space outside of strings, as far as is known */
};

const char *record_outcome_name(enum record_outcome outcome);
const char *record_reason_name(enum record_reason reason);

/* The reason of that name, or RECORD_REASON_NONE when there is none. */
enum record_reason record_reason_find(const char *name, size_t len);

/* Appends the record as one line of JSON with its newline. */
void record_write(const struct record *r, struct strbuf *out);

/* Appends the line for offsets [from, to) of a partition that can no longer be read
 * (`journal.gap`), that hold no record while none follows yet (`journal.skip`), that will be told a
 * second time because the group was set back (`journal.replay`), or that begin again because the
 * topic was recreated (`journal.replay` with `"recreated": true`). */
void record_write_gap(int64_t now_ms, const char *topic, int32_t partition, int64_t from,
                      int64_t to, struct strbuf *out);
void record_write_skip(int64_t now_ms, const char *topic, int32_t partition, int64_t from,
                       int64_t to, struct strbuf *out);
void record_write_replay(int64_t now_ms, const char *topic, int32_t partition, int64_t from,
                         int64_t to, struct strbuf *out);
void record_write_recreated(int64_t now_ms, const char *topic, int32_t partition, int64_t from,
                            int64_t to, struct strbuf *out);

#endif
