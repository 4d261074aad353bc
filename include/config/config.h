#ifndef CONFIG_CONFIG_H
#define CONFIG_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/choices.h"
#include "base/err.h"
#include "base/log.h"
#include "base/strbuf.h"

/* The settings of all three programs: one struct, filled in the order default, YAML file,
 * properties file, environment, command line, and checked once. One table (key.c) gives names,
 * types, ranges, defaults and texts. */

enum config_processor {
    CONFIG_PROCESSOR_SIMULATE,
    CONFIG_PROCESSOR_COMMAND,
    CONFIG_PROCESSOR_HTTP,
};
enum config_ordering {
    CONFIG_ORDERING_KEY,
    CONFIG_ORDERING_PARTITION,
    CONFIG_ORDERING_NONE,
};
enum config_on_disabled { CONFIG_ON_DISABLED_SKIP, CONFIG_ON_DISABLED_HALT };

/* A librdkafka property, handed on as it is. */
struct config_property {
    char *name;
    char *value;
    char *origin;
    char *resolved; /* the value with its references replaced, see resolve.h; or NULL */
};

struct config {
    struct {
        char *env;
        enum log_level log_level;
    } app;
    struct {
        char *broker;
        char *topic;
        char *consumer_group;
        bool create_topics;
        int64_t partitions;
        int64_t replication_factor;
        int64_t connect_timeout_ms;
        char *oauth_token_file;    /* "" for none; at most one of the two */
        char *oauth_token_command; /* likewise */
        struct config_property *properties;
        size_t property_count;
    } kafka;
    struct {
        int64_t interval_ms;
        int64_t flush_timeout_ms;
        double invalid_rate;
    } producer;
    struct {
        char *log_file;
        char *events_file;
        int64_t metrics_interval_seconds;
        enum journal_fsync fsync;
        int64_t fsync_interval_ms;
        int64_t drain_timeout_ms;
        int64_t max_message_bytes;
        int64_t max_buffered_bytes;
        enum lane_payload events_payload;
    } tracker;
    struct {
        int64_t max_attempts;
        int64_t initial_delay_ms;
        int64_t max_delay_ms;
        double multiplier;
        enum retry_jitter jitter;
        int64_t max_elapsed_ms;
    } retry;
    struct {
        bool enabled;
        char *topic;
        enum config_on_disabled on_disabled;
        int64_t breaker_consecutive;
        double breaker_share;
        int64_t breaker_window;
        int64_t breaker_pause_ms;
    } dlq;
    struct {
        enum config_processor kind;
        char *command;
        int64_t workers;
        char *url;
        char *token_file;
        char *ca_file;
        char *cert_file;
        char *key_file;
        int64_t connect_timeout_ms;
        int64_t timeout_ms;
        int64_t max_answer_bytes;
        int64_t max_in_flight;
        int64_t window;
        enum config_ordering ordering;
    } processor;
    struct {
        double transient_rate;
        double permanent_rate;
        int64_t only_partition;
        int64_t latency_ms;
    } simulate;
    struct {
        char *events_file; /* defaults to tracker.events_file */
        char *log_file;    /* defaults to tracker.log_file */
        int64_t ui_update_ms;
        int64_t max_recent_events;
        int64_t max_recent_logs;
        double success_warn;
        double success_crit;
        int64_t latency_warn_ms;
        int64_t latency_crit_ms;
        int64_t silence_seconds;
        int64_t stale_seconds;
    } monitor;

    /* The first file read that holds a secret and that others may read; NULL: there is none. */
    char *exposed_file;

    /* One per row of the table. */
    char **origins; /* "default", "FILE:LINE", "env NAME", "flag --NAME" */
    bool *follows;  /* the value is another key's, see monitor.events_file */
};

/* Sets every key to its default. Release with config_release. */
void config_init(struct config *cfg);

/* Frees what the struct owns; accepts a zeroed one. */
void config_release(struct config *cfg);

/* Sets key `name` ("retry.max_attempts") from text and remembers `origin` (copied). Returns 0, or
 * -1 with ERR_USAGE: unknown key (and the nearest known one), wrong type, or out of range, each
 * with the value and what is allowed; `cfg` is unchanged then. */
int config_set(struct config *cfg, const char *name, const char *value, const char *origin,
               struct err *e);

/* True when someone set the key, or the one whose value it takes over. */
bool config_is_set(const struct config *cfg, const char *name);

/* Sets one librdkafka property; a later one of the same name replaces the earlier. librdkafka
 * itself judges name and value when the client is made. */
void config_set_property(struct config *cfg, const char *name, const char *value,
                         const char *origin);

/* Checks what one key alone cannot tell (for example retry.initial_delay_ms <= retry.max_delay_ms).
 * Returns 0, or -1 with ERR_USAGE that names both keys and where they came from. */
int config_check(const struct config *cfg, struct err *e);

#endif
