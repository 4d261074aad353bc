#ifndef IO_KAFKA_ROOM_H
#define IO_KAFKA_ROOM_H

#include "io/kafka_consumer.h"

/* Bounds what a consumer has fetched ahead of all its partitions together. librdkafka knows a
 * threshold for each queue only, and fills it up by whole batches, however large they are when
 * decompressed: a thousand partitions with a batch of 1 MB each are a gigabyte.
 *
 * While more than the limit is queued, partitions that would be fetched next are paused; so are
 * those that nobody reads, as behind a record that is retried: pausing frees what they have, it is
 * fetched again later. Paused partitions are resumed in turn when half of the limit is free, and
 * only those that are being read. */

/* `p` was read: `m` came from its queue, or NULL for nothing. */
void kafka_room_note(struct kafka_consumer *c, struct kafka_partition *p,
                     const rd_kafka_message_t *m);

/* Pauses and resumes; looks at the queues once in 10 ms at most. */
void kafka_room_serve(struct kafka_consumer *c);

/* For a partition that is to be assigned again or not any more: librdkafka would keep it paused. */
void kafka_room_resume(struct kafka_consumer *c, struct kafka_partition *p);

#endif
