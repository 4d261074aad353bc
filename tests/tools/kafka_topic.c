/* What the tests do to topics behind the programs' backs:
 *   kafka-topic delete TOPIC
 *   kafka-topic cut TOPIC PARTITION OFFSET   what is before the offset goes, as retention does it
 *   kafka-topic grow TOPIC PARTITIONS        it has so many from then on
 *   kafka-topic commit TOPIC PARTITION       each line of stdin in a transaction of its own
 *   kafka-topic abort TOPIC PARTITION        likewise, but all are aborted
 *   kafka-topic open TOPIC PARTITION         all lines of stdin in one transaction, which stays
 *                                            open: says so and waits to be killed; the next one
 *                                            aborts it
 * at $KAFKA_BROKER. Exit 0 when the broker has done it. */

#include <librdkafka/rdkafka.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ANSWER_MS 30000

static int fail(const char *what)
{
    fprintf(stderr, "kafka-topic: %s\n", what);
    return 1;
}

/* With `transactional_id` NULL without transactions. */
static rd_kafka_t *open_client(const char *broker, const char *transactional_id, char *why,
                               size_t size)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_t *rk;

    if (rd_kafka_conf_set(conf, "bootstrap.servers", broker, why, size) != RD_KAFKA_CONF_OK ||
        (transactional_id && rd_kafka_conf_set(conf, "transactional.id", transactional_id, why,
                                               size) != RD_KAFKA_CONF_OK)) {
        rd_kafka_conf_destroy(conf);
        return NULL;
    }
    rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, size);
    if (!rk)
        rd_kafka_conf_destroy(conf);
    return rk;
}

static void delete_topic(rd_kafka_t *rk, const char *topic, rd_kafka_queue_t *answers)
{
    rd_kafka_DeleteTopic_t *what = rd_kafka_DeleteTopic_new(topic);

    rd_kafka_DeleteTopics(rk, &what, 1, NULL, answers);
    rd_kafka_DeleteTopic_destroy(what);
}

static void cut_topic(rd_kafka_t *rk, char **argv, rd_kafka_queue_t *answers)
{
    rd_kafka_topic_partition_list_t *before = rd_kafka_topic_partition_list_new(1);
    rd_kafka_DeleteRecords_t *what;

    rd_kafka_topic_partition_list_add(before, argv[2], (int32_t)strtol(argv[3], NULL, 10))->offset =
        strtoll(argv[4], NULL, 10);
    what = rd_kafka_DeleteRecords_new(before);
    rd_kafka_DeleteRecords(rk, &what, 1, NULL, answers);
    rd_kafka_DeleteRecords_destroy(what);
    rd_kafka_topic_partition_list_destroy(before);
}

static void grow_topic(rd_kafka_t *rk, char **argv, rd_kafka_queue_t *answers)
{
    char why[256];
    rd_kafka_NewPartitions_t *what =
        rd_kafka_NewPartitions_new(argv[2], strtoul(argv[3], NULL, 10), why, sizeof(why));

    rd_kafka_CreatePartitions(rk, &what, 1, NULL, answers);
    rd_kafka_NewPartitions_destroy(what);
}

/* ---- transactions ---- */

static int check(rd_kafka_error_t *error)
{
    int status = error ? fail(rd_kafka_error_string(error)) : 0;

    rd_kafka_error_destroy(error);
    return status;
}

static int send_line(rd_kafka_t *rk, char **argv, char *line, size_t len)
{
    int32_t partition = (int32_t)strtol(argv[3], NULL, 10);
    rd_kafka_resp_err_t err;

    err = rd_kafka_producev(rk, RD_KAFKA_V_TOPIC(argv[2]), RD_KAFKA_V_PARTITION(partition),
                            RD_KAFKA_V_VALUE(line, len), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
                            RD_KAFKA_V_END);
    if (!err)
        err = rd_kafka_flush(rk, ANSWER_MS);
    return err ? fail(rd_kafka_err2str(err)) : 0;
}

static int send_in_transaction(rd_kafka_t *rk, char **argv, char *line, size_t len)
{
    bool commits = strcmp(argv[1], "commit") == 0;

    if (check(rd_kafka_begin_transaction(rk)) != 0 || send_line(rk, argv, line, len) != 0)
        return 1;
    return check(commits ? rd_kafka_commit_transaction(rk, ANSWER_MS)
                         : rd_kafka_abort_transaction(rk, ANSWER_MS));
}

static void stay_open(void)
{
    puts("open");
    fflush(stdout);
    for (;;)
        pause();
}

static int run_transactions(const char *broker, char **argv)
{
    char why[256];
    rd_kafka_t *rk = open_client(broker, "kafka-topic", why, sizeof(why));
    char *line = NULL;
    size_t cap = 0;
    ssize_t len;
    bool is_open = strcmp(argv[1], "open") == 0;
    int status;

    if (!rk)
        return fail(why);
    status = check(rd_kafka_init_transactions(rk, ANSWER_MS));
    if (is_open && status == 0)
        status = check(rd_kafka_begin_transaction(rk));
    while (status == 0 && (len = getline(&line, &cap, stdin)) > 0)
        status = is_open ? send_line(rk, argv, line, (size_t)len)
                         : send_in_transaction(rk, argv, line, (size_t)len);
    if (is_open && status == 0)
        stay_open();
    free(line);
    rd_kafka_destroy(rk);
    return status;
}

/* The error of the one topic or partition that was asked about, or of the question itself. */
static rd_kafka_resp_err_t answer_error(rd_kafka_event_t *event)
{
    const rd_kafka_DeleteTopics_result_t *topics = rd_kafka_event_DeleteTopics_result(event);
    const rd_kafka_CreatePartitions_result_t *grown = rd_kafka_event_CreatePartitions_result(event);
    const rd_kafka_DeleteRecords_result_t *records = rd_kafka_event_DeleteRecords_result(event);
    size_t count;

    if (rd_kafka_event_error(event))
        return rd_kafka_event_error(event);
    if (topics)
        return rd_kafka_topic_result_error(rd_kafka_DeleteTopics_result_topics(topics, &count)[0]);
    if (grown)
        return rd_kafka_topic_result_error(
            rd_kafka_CreatePartitions_result_topics(grown, &count)[0]);
    return rd_kafka_DeleteRecords_result_offsets(records)->elems[0].err;
}

int main(int argc, char **argv)
{
    const char *broker = getenv("KAFKA_BROKER");
    bool is_delete = argc == 3 && strcmp(argv[1], "delete") == 0;
    bool is_cut = argc == 5 && strcmp(argv[1], "cut") == 0;
    bool is_grow = argc == 4 && strcmp(argv[1], "grow") == 0;
    bool is_transactions =
        argc == 4 && (strcmp(argv[1], "commit") == 0 || strcmp(argv[1], "abort") == 0 ||
                      strcmp(argv[1], "open") == 0);
    rd_kafka_resp_err_t err = RD_KAFKA_RESP_ERR__TIMED_OUT;
    rd_kafka_queue_t *answers;
    rd_kafka_event_t *event;
    rd_kafka_t *rk;
    char why[256];

    if (!broker || !(is_delete || is_cut || is_grow || is_transactions))
        return fail(
            "usage: KAFKA_BROKER=... kafka-topic delete TOPIC | cut TOPIC PARTITION OFFSET | "
            "grow TOPIC PARTITIONS | commit|abort|open TOPIC PARTITION");
    if (is_transactions)
        return run_transactions(broker, argv);
    rk = open_client(broker, NULL, why, sizeof(why));
    if (!rk)
        return fail(why);
    answers = rd_kafka_queue_new(rk);
    if (is_delete)
        delete_topic(rk, argv[2], answers);
    else if (is_cut)
        cut_topic(rk, argv, answers);
    else
        grow_topic(rk, argv, answers);
    event = rd_kafka_queue_poll(answers, ANSWER_MS);
    if (event) {
        err = answer_error(event);
        rd_kafka_event_destroy(event);
    }
    rd_kafka_queue_destroy(answers);
    rd_kafka_destroy(rk);
    return err ? fail(rd_kafka_err2str(err)) : 0;
}
