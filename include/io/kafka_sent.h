#ifndef IO_KAFKA_SENT_H
#define IO_KAFKA_SENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "flow/port.h"
#include "io/kafka_internal.h"

/* A record that was taken: librdkafka reads key and value from here, and should the producer have
 * to be made anew, they are sent again from here. Then what became of it, until that is asked
 * for. */
struct sent {
    struct sent *next; /* in a ring */
    struct sent *prev;
    uint64_t tag;
    size_t size;            /* of this block */
    struct outgoing record; /* points behind this struct */
    rd_kafka_resp_err_t err;
    int32_t partition;
    int64_t offset;
};

/* A copy of all bytes of `o`, in one block that the caller frees. */
struct sent *sent_new(const struct outgoing *o, uint64_t tag);

/* Rings: `ring` is the head, no record. */
void sent_ring_init(struct sent *ring);
void sent_link_last(struct sent *ring, struct sent *sent);
void sent_unlink(struct sent *sent);
bool sent_ring_is_empty(const struct sent *ring);

/* Moves all of `other` before what is in `ring`. */
void sent_ring_put_first(struct sent *ring, struct sent *other);

#endif
