/* Orders in transactions, some of which are aborted, until SIGTERM:
 *   kafka-transact TOPIC PARTITIONS ID SEED
 * to $KAFKA_BROKER, each to one of the first PARTITIONS, under the transactional id ID. After each
 * transaction a line on stdout, `committed N` or `aborted N`: so many records. Exit 0 when the last
 * one has ended; a killed one leaves its transaction open until the broker's patience, or the next
 * of the same ID, ends it. */

#include <librdkafka/rdkafka.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CALL_MS   10000
#define ORDERS    40 /* at most, in one transaction */
#define ABORTED   3  /* one in so many */
#define PAUSE_US  100000
#define WORD_SIZE 64

enum outcome {
    COMMITTED,
    ABORTED_AS_WISHED,
    FAILED, /* the producer is of no use any more */
};

static volatile sig_atomic_t is_stopping;

static void stop(int number)
{
    (void)number;
    is_stopping = 1;
}

static void set(rd_kafka_conf_t *conf, const char *name, const char *value)
{
    char why[256];

    if (rd_kafka_conf_set(conf, name, value, why, sizeof(why)) != RD_KAFKA_CONF_OK) {
        fprintf(stderr, "kafka-transact: %s\n", why);
        exit(2);
    }
}

/* Ends what an earlier producer of this id left open. NULL when asked to stop. */
static rd_kafka_t *open_producer(const char *broker, const char *id)
{
    char why[256];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_error_t *error;
    rd_kafka_t *rk;

    set(conf, "bootstrap.servers", broker);
    set(conf, "transactional.id", id);
    set(conf, "transaction.timeout.ms", "10000");
    set(conf, "topic.metadata.refresh.interval.ms", "5000");
    set(conf, "log_level", "2");
    rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof(why));
    if (!rk) {
        fprintf(stderr, "kafka-transact: %s\n", why);
        exit(2);
    }
    while ((error = rd_kafka_init_transactions(rk, CALL_MS))) {
        rd_kafka_error_destroy(error);
        if (is_stopping) {
            rd_kafka_destroy(rk);
            return NULL;
        }
        usleep(PAUSE_US);
    }
    return rk;
}

static void send_order(rd_kafka_t *rk, const char *topic, int32_t partition, const char *id,
                       long number)
{
    char key[WORD_SIZE];
    char value[512];

    snprintf(key, sizeof(key), "%s-%ld", id, number);
    snprintf(
        value, sizeof(value),
        "{\"order_id\":\"%s\",\"sequence\":%ld,\"status\":\"pending\",\"customer_info\":"
        "{\"customer_id\":\"C-1\",\"name\":\"N\"},\"items\":[{\"item_id\":\"I-1\",\"item_name\":"
        "\"Pen\",\"quantity\":1,\"unit_price\":1.0,\"total_price\":1.0}],\"subtotal\":1.0,"
        "\"total\":1.0}",
        key, number);
    rd_kafka_producev(rk, RD_KAFKA_V_TOPIC(topic), RD_KAFKA_V_PARTITION(partition),
                      RD_KAFKA_V_KEY(key, strlen(key)), RD_KAFKA_V_VALUE(value, strlen(value)),
                      RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY | RD_KAFKA_MSG_F_BLOCK),
                      RD_KAFKA_V_END);
}

/* Commits or aborts, again and again while brokers are unavailable. */
static enum outcome end_transaction(rd_kafka_t *rk, bool is_commit)
{
    for (;;) {
        rd_kafka_error_t *error = is_commit ? rd_kafka_commit_transaction(rk, CALL_MS)
                                            : rd_kafka_abort_transaction(rk, CALL_MS);
        bool is_retriable;

        if (!error)
            return is_commit ? COMMITTED : ABORTED_AS_WISHED;
        is_retriable = rd_kafka_error_is_retriable(error);
        if (is_commit && rd_kafka_error_txn_requires_abort(error))
            is_commit = false;
        else if (!is_retriable) {
            fprintf(stderr, "kafka-transact: %s\n", rd_kafka_error_string(error));
            rd_kafka_error_destroy(error);
            return FAILED;
        }
        rd_kafka_error_destroy(error);
    }
}

static enum outcome transact(rd_kafka_t *rk, const char *topic, int32_t partition, const char *id,
                             long first, int count, bool is_commit)
{
    rd_kafka_error_t *error = rd_kafka_begin_transaction(rk);

    if (error) {
        fprintf(stderr, "kafka-transact: %s\n", rd_kafka_error_string(error));
        rd_kafka_error_destroy(error);
        return FAILED;
    }
    for (int i = 0; i < count; i++)
        send_order(rk, topic, partition, id, first + i);
    /* What is aborted has to be on the topic first. */
    if (!is_commit)
        rd_kafka_flush(rk, CALL_MS);
    return end_transaction(rk, is_commit);
}

static void destroy(rd_kafka_t *rk)
{
    if (rk)
        rd_kafka_destroy(rk);
}

int main(int argc, char **argv)
{
    const char *broker = getenv("KAFKA_BROKER");
    int partitions;
    unsigned seed;
    long next = 1;
    rd_kafka_t *rk;

    partitions = argc == 5 ? (int)strtol(argv[2], NULL, 10) : 0;
    if (partitions < 1 || !broker) {
        fprintf(stderr, "usage: KAFKA_BROKER=... kafka-transact TOPIC PARTITIONS ID SEED\n");
        return 2;
    }
    signal(SIGTERM, stop);
    seed = (unsigned)strtoul(argv[4], NULL, 10);
    rk = open_producer(broker, argv[3]);
    while (rk && !is_stopping) {
        int count = 1 + rand_r(&seed) % ORDERS;
        bool is_commit = rand_r(&seed) % ABORTED != 0;
        int32_t partition = rand_r(&seed) % partitions;
        enum outcome outcome = transact(rk, argv[1], partition, argv[3], next, count, is_commit);

        next += count;
        if (outcome == FAILED) {
            destroy(rk);
            rk = open_producer(broker, argv[3]);
            continue;
        }
        printf("%s %d\n", outcome == COMMITTED ? "committed" : "aborted", count);
        fflush(stdout);
        usleep(PAUSE_US);
    }
    destroy(rk);
    return 0;
}
