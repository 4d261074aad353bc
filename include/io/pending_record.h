#ifndef IO_PENDING_RECORD_H
#define IO_PENDING_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "flow/port.h"
#include "io/kafka_internal.h"

/* A record that was taken: librdkafka reads key and value from here, and should the producer have
 * to be made anew, they are sent again from here. Then what became of it, until that is asked
 * for. */
struct pending_record {
    struct pending_record *next; /* in a ring */
    struct pending_record *prev;
    uint64_t tag;
    size_t size;            /* of this block */
    struct outgoing record; /* points behind this struct */
    rd_kafka_resp_err_t err;
    int32_t partition;
    int64_t offset;
};

/* A copy of all bytes of `o`, in one block that the caller frees. */
struct pending_record *pending_record_new(const struct outgoing *o, uint64_t tag);

/* Rings: `ring` is the head, no record. */
void pending_ring_init(struct pending_record *ring);
void pending_ring_add(struct pending_record *ring, struct pending_record *sent);
void pending_ring_remove(struct pending_record *sent);
bool pending_ring_is_empty(const struct pending_record *ring);

/* Moves all of `other` before what is in `ring`. */
void pending_ring_put_first(struct pending_record *ring, struct pending_record *other);

#endif
