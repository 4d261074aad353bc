#ifndef IO_KAFKA_REASON_H
#define IO_KAFKA_REASON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Why Kafka cannot be used, and what to do: a table from what librdkafka and the brokers say. Pure.
 */

/* What the reasons depend on besides the text. */
struct kafka_reason_client {
    const char *bootstrap; /* kafka.broker */
    bool is_tls;
    bool has_certificate; /* of its own */
    bool is_scram;
    bool is_oauth;
    int version; /* of librdkafka, as rd_kafka_version gives it */
};

struct kafka_reason {
    const char *name; /* for programs, never changes: "wrong_password"; NULL: nothing is known */
    bool is_vague;    /* it may be something else: another text may say it better */
    char text[320];   /* which broker and what, for people; no number in it changes by itself */
    char remedy[256]; /* what to do */
};

/* The name of the reason for a token that cannot be had. */
#define KAFKA_REASON_TOKEN "token_unavailable"

/* Fills `r` from one text of librdkafka's log or error callback, or from kafka_reason_stuck. What
 * no row knows becomes a vague reason in librdkafka's own words. Returns false, with `r` unchanged,
 * when the text says nothing about a reason. */
bool kafka_reason_read(struct kafka_reason *r, const struct kafka_reason_client *client,
                       const char *text);

/* Writes the text for a broker that has made no progress in this state of its connection. `name` is
 * librdkafka's name of the broker. */
void kafka_reason_stuck(const char *name, const char *state, char *text, size_t size);

/* Fills `r` for a broker's answer that a permission is missing: `operation` ("READ") on `resource`
 * ("topic orders"). */
void kafka_reason_denied(struct kafka_reason *r, const char *operation, const char *resource);

/* A later reason replaces an earlier one unless it only says the same less exactly. */
bool kafka_reason_replaces(const struct kafka_reason *later, const struct kafka_reason *earlier);

/* What librdkafka's statistics say of the connection to one broker. */
struct kafka_broker_state {
    char name[300];       /* librdkafka's own: "ssl://host:9093/1" */
    char state[32];       /* "UP", "CONNECT", "SSL_HANDSHAKE", ... */
    int64_t state_age_ms; /* for how long it has been in it */
    bool is_up;
    bool is_coordinator; /* the connection to the group's coordinator, once one is known */
    bool is_leader;      /* of partitions that this client knows */
};

/* Reads the next broker from the statistics at `*at`, a text that starts as the whole document and
 * is moved on. Returns false when there is none left. Pure. */
bool kafka_stats_next(const char **at, struct kafka_broker_state *b);

#endif
