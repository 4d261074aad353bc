#include "io/kafka_assignment.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

static bool is_cooperative(struct kafka_assignment *a)
{
    return strcmp(rd_kafka_rebalance_protocol(a->consumer->client.rk), "COOPERATIVE") == 0;
}

static void assign(struct kafka_assignment *a)
{
    kafka_consumer_assign(a->consumer, is_cooperative(a));
}

/* Returns -1 when the user wants an error. */
static int64_t where_nobody_knows(const struct kafka_assignment *a, const struct assignment *p)
{
    switch (a->reset) {
    case KAFKA_RESET_EARLIEST:
        return p->low;
    case KAFKA_RESET_LATEST:
        return p->readable_end;
    case KAFKA_RESET_ERROR:
        break;
    }
    return -1;
}

static void fail_without_start(struct kafka_assignment *a, const struct assignment *p)
{
    if (a->consumer->failure.kind == ERR_NONE)
        err_set(&a->consumer->failure, ERR_RUNTIME,
                "%s/%" PRId32 ": nothing is committed by the group, and auto.offset.reset is error",
                a->consumer->topic, p->partition);
}

/* Asks the flow where to begin. */
static void tell_assigned(struct kafka_assignment *a, struct assignment *partitions, size_t count,
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
        if (p->is_reset)
            kafka_commits_add(a->set_back, p->partition, p->start);
    }
}

static void begin_assigned(struct kafka_assignment *a, struct assignment *partitions, size_t count,
                           const struct source_events *events)
{
    for (size_t i = 0; i < count; i++) {
        kafka_consumer_add(a->consumer, partitions[i].partition);
        partitions[i].was_beyond = kafka_consumer_is_beyond(a->consumer, partitions[i].partition);
    }
    tell_assigned(a, partitions, count, events);
    assign(a);
    kafka_assignment_release(a);
}

/* Returns NULL until the broker has told where at least one of the partitions stands. */
static struct kafka_answer *learn(struct kafka_assignment *a,
                                  const rd_kafka_topic_partition_list_t *list)
{
    struct kafka_answer *answer = kafka_inquiry_turn(a->consumer->inquiry, list);

    if (answer && answer->err) {
        const char *why = rd_kafka_err2str(answer->err);

        log_plain(a->consumer->client.log, LOG_WARN,
                  "the broker does not tell where the partitions stand, asking again", why);
        kafka_consumer_note_trouble(a->consumer, answer->err, "learning where the partitions stand",
                                    why);
    }
    return answer && answer->count > answer->unknown_count ? answer : NULL;
}

static void serve_assign(struct kafka_assignment *a, const struct source_events *events)
{
    struct kafka_answer *answer;

    if (a->list->cnt == 0)
        begin_assigned(a, NULL, 0, events);
    else if ((answer = learn(a, a->list)))
        begin_assigned(a, answer->partitions, answer->count, events);
}

static void drop_unknown(struct kafka_answer *answer)
{
    size_t known = 0;

    for (size_t i = 0; i < answer->count; i++)
        if (answer->partitions[i].high >= 0)
            answer->partitions[known++] = answer->partitions[i];
    answer->count = known;
}

/* A partition had no leader when it came to us; or retention was faster than we, or the topic was
 * recreated: then, as at an assignment, the flow says what is missing and where to go on. */
static void serve_waiting(struct kafka_assignment *a, const struct source_events *events)
{
    rd_kafka_topic_partition_list_t *list = kafka_consumer_waiting(a->consumer);
    struct kafka_answer *answer;

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
static void serve_ours(struct kafka_assignment *a, const struct source_events *events)
{
    serve_waiting(a, events);
    if (kafka_consumer_must_assign(a->consumer))
        assign(a);
}

static void tell_revoked(struct kafka_assignment *a, const struct source_events *events)
{
    size_t count = (size_t)a->list->cnt;
    int32_t *partitions = mem_alloc_array(count, sizeof(*partitions));

    for (size_t i = 0; i < count; i++)
        partitions[i] = a->list->elems[i].partition;
    a->rebalance = KAFKA_REBALANCE_NONE; /* told; the list stays until it is given back */
    events->revoked(events->ctx, partitions, count,
                    rd_kafka_assignment_lost(a->consumer->client.rk));
    free(partitions);
}

void kafka_assignment_release(struct kafka_assignment *a)
{
    if (a->list)
        rd_kafka_topic_partition_list_destroy(a->list);
    a->list = NULL;
    kafka_inquiry_drop(a->consumer->inquiry);
    a->rebalance = KAFKA_REBALANCE_NONE;
}

void kafka_assignment_note(struct kafka_assignment *a, rd_kafka_resp_err_t err,
                           const rd_kafka_topic_partition_list_t *list)
{
    kafka_assignment_release(a);
    a->rebalance = err == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS ? KAFKA_REBALANCE_ASSIGN
                                                               : KAFKA_REBALANCE_REVOKE;
    a->list = rd_kafka_topic_partition_list_copy(list);
    a->was_assigned |= a->rebalance == KAFKA_REBALANCE_ASSIGN;
}

void kafka_assignment_serve(struct kafka_assignment *a, const struct source_events *events)
{
    if (a->rebalance == KAFKA_REBALANCE_ASSIGN)
        serve_assign(a, events);
    else if (a->rebalance == KAFKA_REBALANCE_REVOKE)
        tell_revoked(a, events);
    else if (!a->list)
        serve_ours(a, events);
}

void kafka_assignment_give_back(struct kafka_assignment *a)
{
    if (!a->list)
        return;
    kafka_consumer_hand_over(a->consumer, true);
    kafka_consumer_unassign(a->consumer, a->list, is_cooperative(a));
    for (int i = 0; i < a->list->cnt; i++) {
        int32_t partition = a->list->elems[i].partition;

        kafka_consumer_remove(a->consumer, partition);
        kafka_commits_drop(a->set_back, partition);
    }
    kafka_assignment_release(a);
}

void kafka_assignment_refuse(struct kafka_assignment *a)
{
    if (a->rebalance == KAFKA_REBALANCE_ASSIGN) {
        assign(a);
        kafka_assignment_release(a);
    }
    kafka_assignment_give_back(a);
}
