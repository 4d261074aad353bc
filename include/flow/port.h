#ifndef FLOW_PORT_H
#define FLOW_PORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/strbuf.h"
#include "model/order.h"
#include "model/record.h"

/* The ports: all that the rules of movement ask of the world. `io` implements them over Kafka and
 * files, the tests over memory. All functions of all ports are called from one thread, the flow
 * thread, and none of them waits. */

/* ---- records as they come and go ---- */

struct header {
    const char *name;
    const char *value; /* NULL for a null value */
    size_t value_len;
};

/* One record fetched from Kafka. Its bytes are borrowed until source->release. */
struct message {
    const char *topic;
    int32_t partition;
    int64_t offset;
    int64_t timestamp_ms; /* -1 if the record has none */
    const char *key;      /* NULL for a null key */
    size_t key_len;
    const char *value; /* NULL for a null value */
    size_t value_len;
    void *handle; /* the source's own */
};

/* One record to be sent. Everything is copied by sink->send. */
struct outgoing {
    const char *topic;
    int32_t partition_hint; /* >= 0: partition = hint modulo the topic's count; -1: by the key */
    int64_t timestamp_ms;   /* 0: now */
    const char *key;
    size_t key_len;
    const char *value;
    size_t value_len;
    const struct header *headers;
    size_t header_count;
};

/* ---- where records come from ---- */

enum fetch_result {
    FETCH_NOTHING, /* nothing waits */
    FETCH_MESSAGE, /* `m` is filled and must be released */
    FETCH_END,     /* the partition was read up to m->offset; nothing to release */
};

/* A record as Kafka holds it now. */
struct record_mark {
    int64_t offset;       /* -1: there is none */
    int64_t timestamp_ms; /* -1 if it has none */
};

/* One partition of an assignment, what Kafka knows of it, and where to begin. */
struct assignment {
    int32_t partition;
    int64_t committed; /* by the group, -1 if nothing */
    int64_t low;  /* the partition holds the offsets [low, high); both -1: not known, nothing */
    int64_t high; /* comes from it until `assigned` is called again */
    int64_t readable_end; /* up to where it can be read: lower than `high` while transactions are
                             open. Until it is checked `high` is no more than this */
    bool was_beyond; /* it is ours, and the broker refuses to read where it stands: out of range */
    bool is_checked; /* `assigned` asked for a check, whose answers follow */
    struct record_mark first; /* the first record that can be read */
    struct record_mark at;    /* the first at or after check_at */
    int64_t initial; /* where auto.offset.reset begins when nobody knows, -1: that is an error */
    /* Set by `assigned`. */
    int64_t start;    /* -1 when nobody knows and that is an error */
    bool is_reset;    /* the group's offset is of another topic, `start` replaces it */
    bool must_check;  /* `start` cannot be decided yet: ask again, with a check */
    int64_t check_at; /* then: see `at`; 0 or more */
};

enum range_state {
    RANGE_UNKNOWN,  /* ask again later */
    RANGE_EMPTY,    /* no record can be read there: markers, aborted and compacted records */
    RANGE_READABLE, /* a record can be read there, or the offsets are gone */
};

/* What the source tells from within `serve`. */
struct source_events {
    /* Partitions came, or those of ours have to begin anew. Sets `start` of each. */
    void (*assigned)(void *ctx, struct assignment *list, size_t count);
    /* Partitions are to be given back. The source keeps them until `release_partitions` is called,
     * which must be soon; when `lost`, they are gone already and nothing may be stored for them. */
    void (*revoked)(void *ctx, const int32_t *partitions, size_t count, bool lost);
    /* The broker acknowledged a commit. May still come while the source is closed. */
    void (*committed)(void *ctx, int32_t partition, int64_t offset);
    void *ctx;
};

struct source {
    void *self;
    /* Tells the events that came. Must be called at least once a second. Returns 0, or -1 when the
     * source is dead for good. */
    int (*serve)(void *self, const struct source_events *events, struct err *e);
    enum fetch_result (*fetch)(void *self, int32_t partition, struct message *m);
    void (*release)(void *self, struct message *m);
    /* The headers of a fetched message; the array belongs to the source until the next call. */
    size_t (*headers)(void *self, const struct message *m, const struct header **headers);
    /* Marks everything before `next` as done; it is committed in the background. A partition that
     * is no longer ours is ignored: its new owner processes it again. */
    void (*store)(void *self, int32_t partition, int64_t next);
    /* Releases what `revoked` named, after all that could be stored was stored. */
    void (*release_partitions)(void *self);
    /* The end of the partition as last heard from the broker, or -1. */
    int64_t (*high_watermark)(void *self, int32_t partition);
    /* Whether Kafka holds records of the partition in [from, to). Called again with the same range
     * until it is known. */
    enum range_state (*check_range)(void *self, int32_t partition, int64_t from, int64_t to);
    /* Reads the partition again from `offset`. */
    void (*restart)(void *self, int32_t partition, int64_t offset);
};

/* ---- where records go ---- */

enum sink_status {
    SINK_OK,
    SINK_TOO_LARGE, /* this record will never be taken by this topic */
    SINK_INVALID,   /* likewise, and not for its size */
    SINK_TROUBLE,   /* a fault of the system; the same record may be taken later */
};

struct sink_report {
    uint64_t tag;
    enum sink_status status;
    int32_t partition;
    int64_t offset;
    char text[256]; /* why, unless SINK_OK */
};

enum send_result {
    SEND_TAKEN, /* exactly one report with the tag follows */
    SEND_FULL,  /* no room now: serve reports and try again */
    SEND_FAILED /* `r` tells why as a report would; none follows */
};

struct sink {
    void *self;
    enum send_result (*send)(void *self, const struct outgoing *o, uint64_t tag,
                             struct sink_report *r);
    /* Returns 1 and fills `r`, or 0 when none waits. */
    int (*next_report)(void *self, struct sink_report *r);
    /* Records that were taken and not yet reported. */
    size_t (*in_flight)(void *self);
    /* The smallest tag of them. There must be one. */
    uint64_t (*first_tag)(void *self);
};

/* ---- what is done with an order ---- */

enum attempt_verdict {
    ATTEMPT_OK,
    ATTEMPT_RETRY,       /* may succeed later */
    ATTEMPT_REJECT,      /* this order can never succeed */
    ATTEMPT_UNAVAILABLE, /* the processor itself is down, or refuses our credentials: not counted */
};

struct attempt {
    uint64_t tag;
    const struct message *message; /* borrowed until the answer or cancel */
    const struct order *order;     /* likewise */
    int number;                    /* 1 and up */
};

struct attempt_result {
    uint64_t tag;
    enum attempt_verdict verdict;
    enum record_reason reason; /* PROCESS or TIMEOUT, unless ATTEMPT_OK or ATTEMPT_UNAVAILABLE */
    int64_t retry_after_ms;    /* ATTEMPT_RETRY: not before; 0 if nothing was said */
    char text[360];            /* why, unless ATTEMPT_OK */
    int status;                /* of the answer, 0 if it has none */
    const char *receipt;       /* what the processor calls it, NULL if nothing */
    size_t receipt_len;        /* borrowed until the next call of the processor */
};

enum start_result {
    START_ANSWERED, /* the answer is in `r` */
    START_TAKEN,    /* the answer comes later by next_result */
    START_FULL,     /* no room for this one now: nothing was begun, try again in a later turn */
};

/* `now_ms` is the monotonic clock. */
struct processor {
    void *self;
    enum start_result (*start)(void *self, const struct attempt *a, int64_t now_ms,
                               struct attempt_result *r);
    /* A turn is over: what was started in it may go out together. NULL if there is no need. */
    void (*flush)(void *self);
    /* Returns 1 with an answer in `r`, or 0 when there is none. */
    int (*next_result)(void *self, int64_t now_ms, struct attempt_result *r);
    /* When next_result should be asked at the latest, or INT64_MAX. */
    int64_t (*deadline_ms)(void *self);
    /* No answer is wanted any more. */
    void (*cancel)(void *self, uint64_t tag);
};

/* ---- where it is written down ---- */

/* How far a partition is journaled by the lines of a batch. One that is reset begins again in it:
 * what was noted of its commits is void. */
struct journal_mark {
    int32_t partition;
    int64_t next;
    int64_t timestamp_ms; /* as in journal_position */
    int64_t rewind_end;   /* likewise */
    bool is_reset;
};

/* How far a partition is journaled by all lines that were handed over. */
struct journal_position {
    int64_t next;         /* the offset after the last line, -1 if none */
    int64_t committed;    /* the last commit that the broker acknowledged to us, -1 if none */
    int64_t rewind_end;   /* a rewind is in progress: what is before it is reprocessed; else -1 */
    int64_t timestamp_ms; /* of the record at next - 1, as Kafka gave it; -1 if unknown */
};

enum journal_state {
    JOURNAL_RUNNING,
    JOURNAL_BLOCKED, /* no room on the disk: goes on by itself when there is */
    JOURNAL_FAILED   /* can no longer be trusted: stop without storing offsets */
};

struct journal_port {
    void *self;
    /* Hands over a batch of whole lines and takes the buffer, leaving `lines` empty with memory of
     * its own. Returns the batch's number, counting from 1. Never waits. */
    uint64_t (*submit)(void *self, struct strbuf *lines, const struct journal_mark *marks,
                       size_t mark_count);
    /* All batches up to the returned number are on the disk. */
    uint64_t (*durable)(void *self);
    /* Bytes handed over and not yet durable. */
    size_t (*buffered_bytes)(void *self);
    /* How it is; `e` tells why when it is not running. */
    enum journal_state (*state)(void *self, struct err *e);
    /* Do not wait for more lines: make durable what there is. */
    void (*flush_soon)(void *self);
    /* Close the file and open its path again, after all that was handed over so far; while it is
     * blocked at once, which may make room. */
    void (*reopen)(void *self);
    /* Fills `p`: all -1 for a partition that the journal does not know. */
    void (*position)(void *self, int32_t partition, struct journal_position *p);
    /* The broker acknowledged a commit. */
    void (*note_commit)(void *self, int32_t partition, int64_t committed);
};

/* ---- dead letters, as a redrive reads them ---- */

/* One partition of the dead letter topic as it was at the start. */
struct dead_letter_partition {
    int32_t partition;
    int64_t low; /* it holds the offsets [low, high) */
    int64_t high;
    int64_t committed;       /* by the group, -1 if nothing */
    const char *description; /* what was committed with it, no NUL at its end */
    size_t description_len;
    /* What earlier versions committed, in one group for each reason; -1 if nothing. */
    int64_t by_reason[RECORD_REASON_COUNT];
    int64_t start; /* where it is to be read; set by the redrive */
};

struct dead_letters {
    void *self;
    /* Must be called at least once a second. Returns 0, or -1 when nothing more can be read or
     * stored. */
    int (*serve)(void *self, struct err *e);
    /* All partitions once they are known, 0 before; the array belongs to the port. */
    size_t (*partitions)(void *self, struct dead_letter_partition **list);
    /* `start` of each is set: they are to be read. */
    void (*begin)(void *self);
    enum fetch_result (*fetch)(void *self, int32_t partition, struct message *m);
    void (*release)(void *self, struct message *m);
    size_t (*headers)(void *self, const struct message *m, const struct header **headers);
    /* Offset and description are to be committed, in the background. */
    void (*store)(void *self, int32_t partition, int64_t offset, const char *description);
    /* Whether there is a topic of that name to send to. Returns 1 if so, -1 if not with why in `e`,
     * 0 while it is not known: then it is to be asked again. */
    int (*find_topic)(void *self, const char *name, struct err *e);
};

#endif
