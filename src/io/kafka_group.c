#include "io/kafka_group.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "flow/port.h"
#include "io/kafka_consumer.h"
#include "io/kafka_internal.h"
#include "model/log_event.h"

#define QUEUE_KBYTES_MAX  ((size_t)2097151)  /* that librdkafka takes */
#define QUEUE_RECORDS_MAX ((size_t)10000000) /* likewise */
#define ANSWER_BYTES_MAX  ((size_t)1 << 20)
/* Of one partition. An answer holds whole batches only, but for the first of a partition: with a
 * lower bound only one partition of many would come with each answer. */
#define ANSWER_BYTES_MIN ((size_t)64 << 10)
#define SMALL_BYTES      512 /* of smaller records most is librdkafka's own: their number counts */
#define ZSTD_RATIO       8   /* orders' bytes to what is fetched of them */
#define LEAVE_POLL_MS    20
#define CLASSIC_COUNT    3    /* properties of the classic group protocol, see make_conf */
#define RELEASE_MS       3000 /* for the last commit of partitions that are revoked */

/* The offsets on their way to the group. One request at a time: librdkafka repeats one whose answer
 * is lost, behind those that it sent meanwhile, and the group would go back. For the same reason
 * librdkafka does not commit by itself. */
struct commits {
    rd_kafka_queue_t *answers;
    bool is_asked; /* an answer is awaited */
    int64_t asked_ms;
    int interval_ms;
};

/* What the user wants where nobody knows where to begin. */
enum reset { RESET_EARLIEST, RESET_LATEST, RESET_ERROR };

enum rebalance {
    REBALANCE_NONE,
    REBALANCE_ASSIGN,
    REBALANCE_REVOKE,
    REBALANCE_RELEASE, /* the flow has released them, their last offsets are being committed */
};

/* Which partitions are a group member's, and where each begins. What the group says is noted in its
 * callback and acted upon by serve. */
struct group_assignment {
    struct kafka_consumer *consumer;
    enum reset reset;
    bool was_assigned; /* ever */
    enum rebalance rebalance;
    rd_kafka_topic_partition_list_t *list; /* of the rebalance */
    rd_kafka_topic_partition_list_t *next; /* assigned before `list` was released; or NULL */
    int64_t released_ms;                   /* since REBALANCE_RELEASE */
};

struct kafka_member {
    struct kafka_consumer consumer; /* the callbacks and the port have its address for ours */
    struct group_assignment assignment;
    struct commits commits;
    const char *instance_id;     /* borrowed */
    struct source_events events; /* of the last serve; commits are told until the end */
};

/* ---- which partitions are ours ---- */

static void drop_list(rd_kafka_topic_partition_list_t **list)
{
    if (*list)
        rd_kafka_topic_partition_list_destroy(*list);
    *list = NULL;
}

static void assignment_release(struct group_assignment *a)
{
    drop_list(&a->list);
    drop_list(&a->next);
    offset_query_drop(a->consumer->query);
    a->rebalance = REBALANCE_NONE;
}

static bool is_cooperative(struct group_assignment *a)
{
    return strcmp(rd_kafka_rebalance_protocol(a->consumer->client.rk), "COOPERATIVE") == 0;
}

static void assign(struct group_assignment *a)
{
    kafka_consumer_assign(a->consumer, is_cooperative(a));
}

/* Returns -1 when the user wants an error. */
static int64_t where_nobody_knows(const struct group_assignment *a, const struct assignment *p)
{
    switch (a->reset) {
    case RESET_EARLIEST:
        return p->low;
    case RESET_LATEST:
        return p->readable_end;
    case RESET_ERROR:
        break;
    }
    return -1;
}

static void fail_without_start(struct group_assignment *a, const struct assignment *p)
{
    if (a->consumer->failure.kind == ERR_NONE)
        err_set(&a->consumer->failure, ERR_RUNTIME,
                "%s/%" PRId32 ": nothing is committed by the group, and auto.offset.reset is error",
                a->consumer->topic, p->partition);
}

/* Asks the flow where to begin. */
static void tell_assigned(struct group_assignment *a, struct assignment *partitions, size_t count,
                          const struct source_events *events)
{
    for (size_t i = 0; i < count; i++)
        partitions[i].initial = where_nobody_knows(a, &partitions[i]);
    events->assigned(events->ctx, partitions, count);
    for (size_t i = 0; i < count; i++) {
        struct assignment *p = &partitions[i];

        kafka_consumer_find(a->consumer, p->partition)->check_at = p->must_check ? p->check_at : -1;
        if (p->high < 0 || p->must_check)
            continue;
        if (p->start < 0) {
            fail_without_start(a, p);
            continue;
        }
        kafka_consumer_begin(a->consumer, p->partition, p->start);
        /* What the group committed in a topic that is no more would be taken for progress in the
         * new one. */
        if (p->is_reset)
            kafka_consumer_find(a->consumer, p->partition)->stored = p->start;
    }
}

static void begin_assigned(struct group_assignment *a, struct assignment *partitions, size_t count,
                           const struct source_events *events)
{
    for (size_t i = 0; i < count; i++) {
        kafka_consumer_add(a->consumer, partitions[i].partition);
        partitions[i].was_beyond = kafka_consumer_is_beyond(a->consumer, partitions[i].partition);
    }
    tell_assigned(a, partitions, count, events);
    assign(a);
    assignment_release(a);
}

/* Returns NULL until the broker has told where at least one of the partitions stands. */
static struct offset_answer *learn(struct group_assignment *a,
                                   const rd_kafka_topic_partition_list_t *list)
{
    struct offset_answer *answer = offset_query_turn(a->consumer->query, list);

    if (answer && answer->err) {
        const char *why = rd_kafka_err2str(answer->err);

        log_plain(a->consumer->client.log, EVENT_OFFSETS_QUERY_FAILED, why);
        kafka_consumer_note_trouble(a->consumer, answer->err, "learning where the partitions stand",
                                    why);
    }
    return answer && answer->count > answer->unknown_count ? answer : NULL;
}

static void serve_assign(struct group_assignment *a, const struct source_events *events)
{
    struct offset_answer *answer;

    if (a->list->cnt == 0)
        begin_assigned(a, NULL, 0, events);
    else if ((answer = learn(a, a->list)))
        begin_assigned(a, answer->partitions, answer->count, events);
}

static void drop_unknown(struct offset_answer *answer)
{
    size_t known = 0;

    for (size_t i = 0; i < answer->count; i++)
        if (answer->partitions[i].high >= 0)
            answer->partitions[known++] = answer->partitions[i];
    answer->count = known;
}

/* A partition had no leader when it came to us; or retention was faster than we, or the topic was
 * recreated: then, as at an assignment, the flow says what is missing and where to go on. */
static void serve_waiting(struct group_assignment *a, const struct source_events *events)
{
    rd_kafka_topic_partition_list_t *list = kafka_consumer_waiting(a->consumer);
    struct offset_answer *answer;

    if (!list)
        return;
    answer = learn(a, list);
    rd_kafka_topic_partition_list_destroy(list);
    if (!answer)
        return;
    drop_unknown(answer);
    for (size_t i = 0; i < answer->count; i++)
        answer->partitions[i].was_beyond =
            kafka_consumer_is_beyond(a->consumer, answer->partitions[i].partition);
    tell_assigned(a, answer->partitions, answer->count, events);
}

/* What is ours and runs, or waits to. */
static void serve_ours(struct group_assignment *a, const struct source_events *events)
{
    serve_waiting(a, events);
    if (kafka_consumer_must_assign(a->consumer))
        assign(a);
}

static void tell_revoked(struct group_assignment *a, const struct source_events *events)
{
    size_t count = (size_t)a->list->cnt;
    int32_t *partitions = mem_alloc_array(count, sizeof(*partitions));

    for (size_t i = 0; i < count; i++)
        partitions[i] = a->list->elems[i].partition;
    a->rebalance = REBALANCE_NONE; /* told; the list stays until it is given back */
    events->revoked(events->ctx, partitions, count,
                    a->next || rd_kafka_assignment_lost(a->consumer->client.rk));
    free(partitions);
}

/* An eager protocol takes all away. When the topic grows while partitions are being released,
 * librdkafka (to 2.16, rd_kafka_cgrp_revoke_all_rejoin) does not wait for that: it joins again and
 * assigns, and what we have is void. It is released all the same before the next one begins, and
 * nothing of it is committed under the new generation. */
static void note_over(struct group_assignment *a, const rd_kafka_topic_partition_list_t *list)
{
    struct kafka_consumer *c = a->consumer;
    bool is_told = a->list && a->rebalance != REBALANCE_ASSIGN;

    if (!is_told) {
        assignment_release(a);
        a->list = rd_kafka_topic_partition_list_new((int)c->partition_count);
        a->rebalance = REBALANCE_REVOKE;
    }
    for (size_t i = 0; i < c->partition_count; i++) {
        c->partitions[i].is_assigned = false;
        if (!is_told)
            rd_kafka_topic_partition_list_add(a->list, c->topic, c->partitions[i].partition);
    }
    drop_list(&a->next);
    a->next = rd_kafka_topic_partition_list_copy(list);
}

/* For the rebalance callback, with what it is given. */
static void assignment_note(struct group_assignment *a, rd_kafka_resp_err_t err,
                            const rd_kafka_topic_partition_list_t *list)
{
    bool is_assign = err == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS;

    a->was_assigned |= is_assign;
    if (is_assign && a->consumer->partition_count > 0 && !is_cooperative(a)) {
        note_over(a, list);
        return;
    }
    assignment_release(a);
    a->rebalance = is_assign ? REBALANCE_ASSIGN : REBALANCE_REVOKE;
    a->list = rd_kafka_topic_partition_list_copy(list);
    for (size_t i = 0; !is_assign && !is_cooperative(a) && i < a->consumer->partition_count; i++) {
        int32_t partition = a->consumer->partitions[i].partition;

        if (!rd_kafka_topic_partition_list_find(a->list, a->consumer->topic, partition))
            rd_kafka_topic_partition_list_add(a->list, a->consumer->topic, partition);
    }
}

/* Tells what is due: `assigned` when the broker has told where partitions stand, `revoked`. */
static void assignment_serve(struct group_assignment *a, const struct source_events *events)
{
    switch (a->rebalance) {
    case REBALANCE_ASSIGN:
        serve_assign(a, events);
        return;
    case REBALANCE_REVOKE:
        tell_revoked(a, events);
        return;
    case REBALANCE_RELEASE:
        return;
    case REBALANCE_NONE:
        if (!a->list)
            serve_ours(a, events);
    }
}

static void take_next(struct group_assignment *a)
{
    rd_kafka_topic_partition_list_t *next = a->next;

    a->next = NULL;
    assignment_release(a);
    a->list = next;
    a->rebalance = next ? REBALANCE_ASSIGN : REBALANCE_NONE;
}

/* Gives back what `revoked` told. */
static void assignment_give_back(struct group_assignment *a)
{
    if (!a->list || a->rebalance == REBALANCE_ASSIGN)
        return;
    if (!a->next)
        kafka_consumer_unassign(a->consumer, a->list, is_cooperative(a));
    for (int i = 0; i < a->list->cnt; i++)
        kafka_consumer_remove(a->consumer, a->list->elems[i].partition);
    take_next(a);
}

/* At the end: what is given is not taken, what is taken away goes. */
static void assignment_refuse(struct group_assignment *a)
{
    if (a->next)
        assignment_give_back(a);
    if (a->rebalance == REBALANCE_ASSIGN) {
        assign(a);
        assignment_release(a);
    }
    assignment_give_back(a);
}

/* ---- the member: callbacks ---- */

static void on_rebalance(rd_kafka_t *rk, rd_kafka_resp_err_t err,
                         rd_kafka_topic_partition_list_t *list, void *opaque)
{
    struct kafka_member *m = opaque;

    (void)rk;
    assignment_note(&m->assignment, err, list);
}

/* That Kafka is unavailable, that partitions are lost or that the client is replaced has a line of
 * its own. */
static bool is_logged_otherwise(const struct kafka_member *m, rd_kafka_resp_err_t err)
{
    return m->consumer.client.is_down || err == RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID ||
           err == RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION ||
           err == RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID;
}

/* ---- the member: commits ---- */

static void note_answer(struct kafka_member *m, const rd_kafka_topic_partition_t *answer)
{
    struct kafka_partition *p = kafka_consumer_find(&m->consumer, answer->partition);

    if (answer->err)
        return;
    if (p && p->asked == answer->offset)
        p->committed = answer->offset;
    if (m->events.committed)
        m->events.committed(m->events.ctx, answer->partition, answer->offset);
}

static void on_answer(rd_kafka_t *rk, rd_kafka_resp_err_t err,
                      rd_kafka_topic_partition_list_t *list, void *opaque)
{
    struct kafka_member *m = opaque;

    (void)rk;
    m->commits.is_asked = false;
    if (err) {
        log_emit(m->consumer.client.log, is_logged_otherwise(m, err) ? LOG_DEBUG : LOG_WARN,
                 &log_events[EVENT_OFFSETS_COMMIT_FAILED], rd_kafka_err2str(err), NULL, 0);
        return;
    }
    kafka_client_good(&m->consumer.client);
    for (int i = 0; i < list->cnt; i++)
        note_answer(m, &list->elems[i]);
}

static bool is_due(const struct kafka_partition *p)
{
    return p->stored >= 0 && p->stored != p->committed;
}

/* Of the partitions in `list`; NULL: of all. */
static bool is_any_due(const struct kafka_member *m, rd_kafka_topic_partition_list_t *list)
{
    for (size_t i = 0; i < m->consumer.partition_count; i++) {
        const struct kafka_partition *p = &m->consumer.partitions[i];
        bool is_listed =
            !list || rd_kafka_topic_partition_list_find(list, m->consumer.topic, p->partition);

        if (is_listed && is_due(p))
            return true;
    }
    return false;
}

/* Asks for all that is due. */
static void commit(struct kafka_member *m)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_resp_err_t err;

    for (size_t i = 0; i < m->consumer.partition_count; i++) {
        struct kafka_partition *p = &m->consumer.partitions[i];

        if (!is_due(p))
            continue;
        p->asked = p->stored;
        rd_kafka_topic_partition_list_add(list, m->consumer.topic, p->partition)->offset = p->asked;
    }
    m->commits.asked_ms = kafka_now_ms();
    m->commits.is_asked = true;
    err = rd_kafka_commit_queue(m->consumer.client.rk, list, m->commits.answers, on_answer, m);
    if (err)
        on_answer(m->consumer.client.rk, err, list, m);
    rd_kafka_topic_partition_list_destroy(list);
}

static bool is_lost(const struct kafka_member *m)
{
    return rd_kafka_assignment_lost(m->consumer.client.rk);
}

static bool is_time(const struct kafka_member *m)
{
    return m->commits.interval_ms > 0 &&
           kafka_now_ms() - m->commits.asked_ms >= m->commits.interval_ms;
}

/* Commits what is due. Never waits. */
static void commits_serve(struct kafka_member *m)
{
    rd_kafka_queue_poll_callback(m->commits.answers, 0);
    if (!m->commits.is_asked && is_time(m) && is_any_due(m, NULL) &&
        !kafka_consumer_is_starting(&m->consumer) && !is_lost(m))
        commit(m);
}

/* A step of committing the last offsets of the partitions in `list` (NULL: of all), which began at
 * `since_ms`. Returns false when there is nothing more to wait for, or no use in it. */
static bool finish_turn(struct kafka_member *m, rd_kafka_topic_partition_list_t *list,
                        int64_t since_ms, int64_t deadline)
{
    if (m->consumer.client.is_down || is_lost(m) || kafka_now_ms() >= deadline)
        return false;
    if (m->commits.is_asked)
        return true;
    if (!is_any_due(m, list))
        return false;
    if (m->commits.asked_ms < since_ms || is_time(m))
        commit(m);
    return true;
}

static void serve_release(struct kafka_member *m)
{
    struct group_assignment *a = &m->assignment;

    rd_kafka_queue_poll_callback(m->commits.answers, 0);
    if (a->next || !finish_turn(m, a->list, a->released_ms, a->released_ms + RELEASE_MS))
        assignment_give_back(a);
}

static void finish_commits(struct kafka_member *m, int64_t deadline)
{
    int64_t since_ms = kafka_now_ms();

    while (finish_turn(m, NULL, since_ms, deadline))
        rd_kafka_queue_poll_callback(m->commits.answers, LEAVE_POLL_MS);
}

/* ---- the member: use ---- */

int kafka_member_serve(struct kafka_member *m, const struct source_events *events, struct err *e)
{
    m->events = *events;
    if (kafka_consumer_serve(&m->consumer, e) < 0)
        return -1;
    assignment_serve(&m->assignment, events);
    commits_serve(m);
    if (m->assignment.rebalance == REBALANCE_RELEASE)
        serve_release(m);
    return 0;
}

void kafka_member_store(struct kafka_member *m, int32_t partition, int64_t next)
{
    struct kafka_partition *p = kafka_consumer_find(&m->consumer, partition);

    if (p)
        p->stored = next;
}

void kafka_member_give_back(struct kafka_member *m)
{
    struct group_assignment *a = &m->assignment;

    if (!a->list || a->rebalance == REBALANCE_ASSIGN)
        return;
    a->rebalance = REBALANCE_RELEASE;
    a->released_ms = kafka_now_ms();
    serve_release(m);
}

struct kafka_consumer *kafka_member_consumer(struct kafka_member *m)
{
    return &m->consumer;
}

/* ---- the member: life ---- */

/* cooperative-sticky can loop for ever before 2.6.1 (librdkafka #4800, #4783). */
static const char *default_assignor(void)
{
    return rd_kafka_version() < 0x020601ff ? "range" : "cooperative-sticky";
}

/* With group.protocol=consumer (KIP-848) librdkafka refuses what only the classic one has: the
 * broker decides these. */
static bool has_new_protocol(const struct config *cfg)
{
    for (size_t i = 0; i < cfg->kafka.property_count; i++)
        if (strcmp(cfg->kafka.properties[i].name, "group.protocol") == 0)
            return strcmp(cfg->kafka.properties[i].value, "consumer") == 0;
    return false;
}

static size_t within(size_t n, size_t least, size_t most)
{
    size_t bounded = n < most ? n : most;

    return bounded > least ? bounded : least;
}

static size_t queue_kbytes_of(size_t fetch_bytes)
{
    return within(fetch_bytes / 2 / 1024, 1, QUEUE_KBYTES_MAX);
}

static size_t queue_records_of(size_t fetch_bytes)
{
    size_t records = queue_kbytes_of(fetch_bytes) * 1024 / SMALL_BYTES;

    return within(records, 1, QUEUE_RECORDS_MAX);
}

/* A partition whose queue is not full yet is asked for once more, compressed: one half is for the
 * queue, the other for that. A record that is larger comes all the same, and each batch as a whole:
 * what that makes of many partitions is kafka_room's. */
static rd_kafka_conf_t *make_conf(const struct kafka_member_options *o, struct err *e)
{
    const struct config *cfg = o->cfg;
    char queue_kbytes[32];
    char queue_records[32];
    char answer_bytes[32];
    const struct kafka_property role[] = {
        {.name = "group.id", .value = cfg->kafka.consumer_group},
        /* So that a tracker that was killed has its partitions back at once. */
        {.name = "group.instance.id", .value = o->instance_id ? o->instance_id : ""},
        {.name = "enable.auto.commit", .value = "false", .is_fixed = true},
        {.name = "auto.commit.interval.ms", .value = "1000"},
        {.name = "enable.auto.offset.store", .value = "false", .is_fixed = true},
        {.name = "auto.offset.reset", .value = "earliest"},
        {.name = "enable.partition.eof", .value = "true", .is_fixed = true},
        {.name = "queued.max.messages.kbytes", .value = queue_kbytes},
        {.name = "queued.min.messages", .value = queue_records},
        {.name = "fetch.message.max.bytes", .value = answer_bytes},
        {.name = "fetch.wait.max.ms", .value = "100"},
        {.name = "fetch.queue.backoff.ms", .value = "10", .is_optional = true},
        /* What follows is the classic protocol's. */
        {.name = "partition.assignment.strategy", .value = default_assignor()},
        /* How long the group waits for a member that was killed. */
        {.name = "session.timeout.ms", .value = "10000"},
        {.name = "heartbeat.interval.ms", .value = "2000"},
    };
    size_t count = sizeof(role) / sizeof(role[0]);

    snprintf(queue_kbytes, sizeof(queue_kbytes), "%zu", queue_kbytes_of(o->fetch_bytes));
    snprintf(queue_records, sizeof(queue_records), "%zu", queue_records_of(o->fetch_bytes));
    snprintf(answer_bytes, sizeof(answer_bytes), "%zu",
             within(o->fetch_bytes / 2 / ZSTD_RATIO, ANSWER_BYTES_MIN, ANSWER_BYTES_MAX));
    return kafka_conf_new(cfg, role, has_new_protocol(cfg) ? count - CLASSIC_COUNT : count, e);
}

/* librdkafka by itself would go on at the beginning or the end without a word when a partition
 * cannot be read on where it was. It is to tell; the user's choice is ours to follow. */
static int take_reset(rd_kafka_conf_t *conf, enum reset *reset, struct err *e)
{
    char value[32];

    kafka_conf_get(conf, "auto.offset.reset", value, sizeof(value));
    *reset = strcmp(value, "error") == 0     ? RESET_ERROR
             : strcmp(value, "largest") == 0 ? RESET_LATEST
                                             : RESET_EARLIEST;
    return kafka_conf_set(conf, "auto.offset.reset", "error", ERR_RUNTIME, e);
}

static int interval_of(const rd_kafka_conf_t *conf)
{
    char value[32];

    kafka_conf_get(conf, "auto.commit.interval.ms", value, sizeof(value));
    return (int)strtol(value, NULL, 10);
}

static int subscribe(struct kafka_member *m, struct err *e)
{
    rd_kafka_topic_partition_list_t *topics = rd_kafka_topic_partition_list_new(1);
    rd_kafka_resp_err_t err;

    rd_kafka_topic_partition_list_add(topics, m->consumer.topic, RD_KAFKA_PARTITION_UA);
    err = rd_kafka_subscribe(m->consumer.client.rk, topics);
    rd_kafka_topic_partition_list_destroy(topics);
    return err ? err_set(e, ERR_RUNTIME, "subscribe to %s: %s", m->consumer.topic,
                         rd_kafka_err2str(err))
               : 0;
}

/* Only other settings help. All else may pass: topics are created, rights are given. */
static bool is_final(rd_kafka_resp_err_t err)
{
    return err == RD_KAFKA_RESP_ERR_INVALID_SESSION_TIMEOUT ||
           err == RD_KAFKA_RESP_ERR_INVALID_GROUP_ID || err == RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION ||
           err == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET; /* auto.offset.reset=error */
}

struct kafka_member *kafka_member_open(const struct kafka_member_options *o, struct err *e)
{
    rd_kafka_conf_t *conf = make_conf(o, e);
    enum reset reset;
    struct kafka_member *m;

    if (!conf)
        return NULL;
    if (take_reset(conf, &reset, e) < 0) {
        rd_kafka_conf_destroy(conf);
        return NULL;
    }
    m = mem_alloc(sizeof(*m));
    m->instance_id = o->instance_id;
    m->assignment = (struct group_assignment){.consumer = &m->consumer, .reset = reset};
    m->commits.interval_ms = interval_of(conf);
    m->consumer = (struct kafka_consumer){.client = {.log = o->log,
                                                     .wake_fd = o->wake_fd,
                                                     .is_down = o->was_logged,
                                                     .is_logged = o->was_logged},
                                          .cfg = o->cfg,
                                          .topic = o->cfg->kafka.topic,
                                          .is_final = is_final,
                                          .begins_anew = reset != RESET_ERROR,
                                          .probe = o->probe,
                                          .was_missing = o->was_missing,
                                          .room_bytes = o->room_bytes,
                                          .refill_bytes = queue_kbytes_of(o->fetch_bytes) * 1024,
                                          .refill_records = queue_records_of(o->fetch_bytes)};
    rd_kafka_conf_set_rebalance_cb(conf, on_rebalance);
    if (kafka_consumer_open(&m->consumer, conf, e) < 0) {
        free(m);
        return NULL;
    }
    m->commits.answers = rd_kafka_queue_new(m->consumer.client.rk);
    kafka_wake_on(m->commits.answers, o->wake_fd);
    if (subscribe(m, e) < 0) {
        kafka_member_close(m, 0);
        return NULL;
    }
    return m;
}

static bool is_in_group(const struct kafka_member *m)
{
    char *id = rd_kafka_memberid(m->consumer.client.rk);
    bool is_in = id && *id;

    if (id)
        rd_kafka_mem_free(m->consumer.client.rk, id);
    return is_in;
}

/* A static member that closes only stops: its partitions wait for its return or the end of its
 * session. Users who name their members want that; one with our own name leaves: it unsubscribes
 * first, and librdkafka drops its member id then (rd_kafka_cgrp_leave). */
static void leave_as_static_member(struct kafka_member *m, int64_t deadline)
{
    char instance[512];

    kafka_conf_get(rd_kafka_conf(m->consumer.client.rk), "group.instance.id", instance,
                   sizeof(instance));
    if (!m->instance_id || strcmp(instance, m->instance_id) != 0)
        return;
    rd_kafka_unsubscribe(m->consumer.client.rk);
    while (is_in_group(m) && kafka_now_ms() < deadline) {
        rd_kafka_message_t *message = rd_kafka_consumer_poll(m->consumer.client.rk, LEAVE_POLL_MS);

        if (message)
            rd_kafka_message_destroy(message);
        assignment_refuse(&m->assignment);
    }
}

/* Serves the last callbacks until the group is left. Not rd_kafka_consumer_close: it has no
 * deadline and never returns when the broker accepts and does not answer (librdkafka #3740). */
static bool leave_group(struct kafka_member *m, int64_t deadline)
{
    rd_kafka_queue_t *queue = rd_kafka_queue_new(m->consumer.client.rk);
    bool refused = kafka_client_failed(&m->consumer.client, EVENT_KAFKA_CONSUMER_NOT_CLOSED,
                                       rd_kafka_consumer_close_queue(m->consumer.client.rk, queue));

    while (!refused && !rd_kafka_consumer_closed(m->consumer.client.rk) &&
           kafka_now_ms() < deadline) {
        rd_kafka_queue_poll_callback(queue, 50);
        assignment_refuse(&m->assignment);
    }
    rd_kafka_queue_destroy(queue);
    return !refused && rd_kafka_consumer_closed(m->consumer.client.rk);
}

int kafka_member_close(struct kafka_member *m, int timeout_ms)
{
    int64_t deadline = kafka_now_ms() + timeout_ms;

    if (!m)
        return 0;
    finish_commits(m, kafka_now_ms() + timeout_ms / 2);
    assignment_refuse(&m->assignment);
    leave_as_static_member(m, deadline);
    /* A client whose broker does not answer takes many seconds to destroy. It is left to the end of
     * the process: nothing in it is worth waiting for. */
    if (!leave_group(m, deadline)) {
        offset_query_free(m->consumer.query);
        return -1;
    }
    assignment_release(&m->assignment);
    /* Before 2.3.0 it aborts the process to destroy a sticky group's member that was never assigned
     * anything (librdkafka #4381). */
    if (!m->assignment.was_assigned && rd_kafka_version() < 0x020300ff) {
        offset_query_free(m->consumer.query);
        return 0;
    }
    rd_kafka_queue_destroy(m->commits.answers);
    if (kafka_consumer_close(&m->consumer))
        free(m);
    return 0;
}

void kafka_member_discard(struct kafka_member *m)
{
    if (!m)
        return;
    assignment_release(&m->assignment);
    rd_kafka_queue_destroy(m->commits.answers);
    if (kafka_consumer_close(&m->consumer))
        free(m);
}
