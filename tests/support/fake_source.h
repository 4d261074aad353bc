#ifndef SUPPORT_FAKE_SOURCE_H
#define SUPPORT_FAKE_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "flow/port.h"

/* A topic in memory and one member of its group. What is told by `serve` is queued by
 * fake_source_assign and _revoke. It fails the test when a partition that is not ours is read, when
 * something is stored for one that is not ours, or when partitions are given back that were not
 * asked for. Every record handed out is a copy of its own, freed by `release`. */

struct fake_record {
    int64_t offset;
    int64_t timestamp_ms;
    char *key; /* NULL for a null key */
    size_t key_len;
    char *value; /* NULL for a null value */
    size_t value_len;
    const struct header *headers; /* NULL: the source's */
    size_t header_count;
};

struct fake_partition {
    struct fake_record *records;
    size_t count;
    int64_t low;
    int64_t end;          /* offset of the next record */
    int64_t start;        /* where the flow asked to begin */
    int64_t position;     /* next offset to be fetched */
    int64_t committed;    /* what was stored */
    int64_t acknowledged; /* `committed` was told */
    bool is_ours;
    bool is_asked_back; /* `revoked` was told */
    bool is_lost;
    bool told_end;
    bool is_slow;    /* gives nothing for now */
    bool is_unknown; /* where it stands is not told; when that ends, the test assigns it again */
    bool was_unknown;
    int64_t check_at;
    int64_t age_ms; /* of the topic: the timestamps of one that was recreated are later */
    size_t fetches;
    size_t checks;           /* of skipped offsets */
    size_t answer_checks_at; /* the n-th and those after it are answered; 0: all */
    size_t restarts;
    /* What Kafka says when it is asked, instead of the truth. */
    bool is_stale; /* its end is `stale_end`; the records behind are there all the same */
    int64_t stale_end;
    bool has_forgotten_commit;
    int64_t in_transaction; /* records behind the end that cannot be read yet */
};

#define FAKE_PARTITIONS 8
#define FAKE_EVENTS     16
#define FAKE_SOURCE_TIME_MS \
    INT64_C(1795367071000) /* of the record at offset 0; each is 1 ms later */

struct fake_source {
    struct fake_partition partitions[FAKE_PARTITIONS];
    struct fake_source_event {
        int32_t partitions[FAKE_PARTITIONS];
        size_t count;
        bool is_assign;
        bool lost;
        bool was_beyond;
        bool is_check; /* `assigned` asked for it */
    } events[FAKE_EVENTS];
    size_t event_first;
    size_t event_count;
    size_t outstanding; /* handed out and not released */
    size_t serves;
    size_t fail_serve_at; /* the n-th serve fails for good; 0: never */
    size_t releases;      /* of partitions */
    bool hides_watermarks;
    const struct header *headers; /* of every record that has none of its own */
    size_t header_count;
    /* Told of each store, before it counts. May be NULL. */
    void (*stored)(void *ctx, int32_t partition, int64_t next);
    void *stored_ctx;
};

struct source fake_source_port(struct fake_source *s);

/* Appends a record; NULL is a null value. */
void fake_source_add(struct fake_source *s, int32_t partition, const char *value);
void fake_source_add_bytes(struct fake_source *s, int32_t partition, const char *key,
                           size_t key_len, const char *value, size_t value_len);

/* The record that was added last has these headers, which must outlive it. */
void fake_source_set_headers(struct fake_source *s, int32_t partition, const struct header *headers,
                             size_t count);

/* The position moves by `n` records, as librdkafka's did once; they are still there. */
void fake_source_jump(struct fake_source *s, int32_t partition, int64_t n);

/* The next `n` offsets are never seen, as after compaction. */
void fake_source_skip(struct fake_source *s, int32_t partition, int64_t n);

/* The next serve tells that partitions `from` to `to`, both included, came or are to go. */
void fake_source_assign(struct fake_source *s, int32_t from, int32_t to);
/* The topic is made anew and empty; what was handed out stays. What is added from now on begins at
 * offset 0, and the next serve tells that the partition, which is ours, has to begin anew. */
void fake_source_recreate(struct fake_source *s, int32_t partition);
/* The topic loses what is at `end` and behind; what is added from now on is newer. */
void fake_source_truncate(struct fake_source *s, int32_t partition, int64_t end);
void fake_source_revoke(struct fake_source *s, int32_t from, int32_t to, bool lost);

void fake_source_release(struct fake_source *s);

#endif
