#include "io/kafka_room.h"

#include "model/log_event.h"

#define CHECK_MS        10
#define UNREAD_MS       5000 /* a partition that is not read for so long waits for something */
#define ANSWER_MS       1000 /* after it was resumed */
#define RECORD_OVERHEAD 384  /* librdkafka's own, of each record in a queue */
#define RECORD_GUESS    1024 /* a record's bytes until one was seen */

/* What is known of all queues. */
struct room {
    size_t queued;
    size_t expected; /* by partitions that were just resumed */
    size_t largest;  /* of one partition */
    bool is_wanted;  /* by a paused partition that is being read */
};

static size_t record_bytes(const struct kafka_partition *p)
{
    return p->record_bytes ? p->record_bytes : RECORD_GUESS;
}

static size_t queued_bytes(const struct kafka_partition *p)
{
    return rd_kafka_queue_length(p->queue) * (record_bytes(p) + RECORD_OVERHEAD);
}

/* librdkafka fetches more of it. */
static bool is_short(const struct kafka_consumer *c, const struct kafka_partition *p)
{
    size_t records = rd_kafka_queue_length(p->queue);

    return records < c->refill_records && records * record_bytes(p) < c->refill_bytes;
}

static bool is_read(const struct kafka_consumer *c, const struct kafka_partition *p)
{
    return c->room_checked_ms - p->read_ms < UNREAD_MS;
}

static void measure(struct kafka_consumer *c, struct room *room)
{
    size_t resumed = 0;

    *room = (struct room){.largest = c->room_largest};
    for (size_t i = 0; i < c->partition_count; i++) {
        const struct kafka_partition *p = &c->partitions[i];
        size_t bytes;

        if (p->is_paused && is_read(c, p))
            room->is_wanted = true;
        if (!p->is_assigned || p->is_paused)
            continue;
        bytes = queued_bytes(p);
        room->queued += bytes;
        if (bytes > room->largest)
            room->largest = bytes;
        resumed += p->resumed_ms > 0 && c->room_checked_ms - p->resumed_ms < ANSWER_MS;
    }
    c->room_largest = room->largest;
    room->expected = resumed * room->largest;
}

static void add(rd_kafka_topic_partition_list_t *list, const struct kafka_consumer *c,
                const struct kafka_partition *p)
{
    rd_kafka_topic_partition_list_add(list, c->topic, p->partition);
}

/* Takes the list. */
static void set_paused(struct kafka_consumer *c, rd_kafka_topic_partition_list_t *list,
                       bool is_pause)
{
    rd_kafka_resp_err_t err = RD_KAFKA_RESP_ERR_NO_ERROR;

    if (list->cnt > 0)
        err = is_pause ? rd_kafka_pause_partitions(c->client.rk, list)
                       : rd_kafka_resume_partitions(c->client.rk, list);
    if (err)
        log_plain(c->client.log, EVENT_PARTITION_PAUSE_FAILED, rd_kafka_err2str(err));
    rd_kafka_topic_partition_list_destroy(list);
}

static void pause_some(struct kafka_consumer *c)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);

    for (size_t i = 0; i < c->partition_count; i++) {
        struct kafka_partition *p = &c->partitions[i];

        if (!p->is_assigned || p->is_paused)
            continue;
        if (is_read(c, p) && !(c->room_is_full && is_short(c, p)))
            continue;
        p->is_paused = true;
        add(list, c, p);
    }
    set_paused(c, list, true);
}

static void pause_one(struct kafka_consumer *c, struct kafka_partition *p)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);

    p->is_paused = true;
    add(list, c, p);
    set_paused(c, list, true);
}

void kafka_room_note(struct kafka_consumer *c, struct kafka_partition *p,
                     const rd_kafka_message_t *m)
{
    size_t bytes;

    p->read_ms = c->room_checked_ms;
    if (!m)
        return;
    p->resumed_ms = 0;
    if (m->err)
        return;
    bytes = m->key_len + m->len;
    p->record_bytes = p->record_bytes ? (15 * p->record_bytes + bytes) / 16 : bytes;
    if (c->room_is_full && !p->is_paused && is_short(c, p))
        pause_one(c, p);
}

/* In turn, as many as the room is for. */
static void resume_some(struct kafka_consumer *c, const struct room *room)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    size_t bytes = room->queued + room->expected;

    for (size_t i = 0; i < c->partition_count && bytes <= c->room_bytes / 2; i++) {
        struct kafka_partition *p = &c->partitions[c->room_next++ % c->partition_count];

        if (!p->is_paused || !is_read(c, p))
            continue;
        p->is_paused = false;
        p->resumed_ms = c->room_checked_ms;
        bytes += room->largest;
        add(list, c, p);
    }
    c->must_wake |= list->cnt > 0;
    set_paused(c, list, false);
}

void kafka_room_serve(struct kafka_consumer *c)
{
    int64_t now = kafka_now_ms();
    struct room room;

    if (c->room_bytes == 0 || now - c->room_checked_ms < CHECK_MS)
        return;
    c->room_checked_ms = now;
    measure(c, &room);
    c->room_is_full = room.queued > c->room_bytes;
    if (c->room_is_full || (room.is_wanted && room.queued > c->room_bytes / 2))
        pause_some(c);
    else
        resume_some(c, &room);
}

void kafka_room_resume(struct kafka_consumer *c, struct kafka_partition *p)
{
    rd_kafka_topic_partition_list_t *list;

    if (!p->is_paused)
        return;
    p->is_paused = false;
    list = rd_kafka_topic_partition_list_new(1);
    add(list, c, p);
    set_paused(c, list, false);
}
