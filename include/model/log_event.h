#ifndef MODEL_LOG_EVENT_H
#define MODEL_LOG_EVENT_H

#include <stddef.h>

#include "base/log.h"

/* What the technical log speaks of. The tracker writes these events and the monitor reads them by
 * their names; levels and texts are for people and may change. To add one: a constant here, a row
 * in log_event.c, and its name in docs/formats.md and docs/log.schema.json. */

enum log_event_id {
    EVENT_NONE, /* of a line without a name that is known; nothing writes it */
    EVENT_TRACKER_STARTED,
    EVENT_TRACKER_METRICS,
    EVENT_TRACKER_STOPPED,
    EVENT_TRACKER_GROUP_NOT_LEFT,

    EVENT_SETTINGS_EXPOSED,
    EVENT_SECRETS_RENEWED,
    EVENT_SECRETS_KEPT,

    EVENT_KAFKA_UNAVAILABLE,
    EVENT_KAFKA_AVAILABLE,
    EVENT_KAFKA_TOKEN_FAILED,
    EVENT_KAFKA_READ_DENIED,
    EVENT_KAFKA_ERROR,
    EVENT_KAFKA_CONSUMER_ERROR,
    EVENT_KAFKA_PARTITION_ERROR,
    EVENT_KAFKA_LIBRARY,
    EVENT_KAFKA_CONSUMER_REPLACED,
    EVENT_KAFKA_CONSUMER_NOT_CLOSED,
    EVENT_KAFKA_FETCH_REDUCED,
    EVENT_KAFKA_FETCH_NOT_WOKEN,
    EVENT_KAFKA_PRODUCER_REPLACED,
    EVENT_KAFKA_PRODUCER_NOT_REPLACED,
    EVENT_KAFKA_BATCH_REFUSED,

    EVENT_BROKER_UNAVAILABLE,
    EVENT_BROKER_AVAILABLE,

    EVENT_TOPIC_UNAVAILABLE,
    EVENT_TOPIC_RECREATED,
    EVENT_TOPIC_RECORDS_LOST,

    EVENT_PARTITION_ASSIGNED,
    EVENT_PARTITION_REVOKED,
    EVENT_PARTITION_LOST,
    EVENT_PARTITION_LEADERLESS,
    EVENT_PARTITION_ASSIGN_FAILED,
    EVENT_PARTITION_UNASSIGN_FAILED,
    EVENT_PARTITION_PAUSE_FAILED,
    EVENT_PARTITION_MISROUTED,

    EVENT_OFFSETS_COMMITTED,
    EVENT_OFFSETS_COMMIT_FAILED,
    EVENT_OFFSETS_COMMIT_MISSING,
    EVENT_OFFSETS_QUERY_FAILED,
    EVENT_OFFSETS_EXPIRED,
    EVENT_OFFSETS_REWOUND,
    EVENT_OFFSETS_DOUBTFUL,
    EVENT_OFFSETS_EMPTY,
    EVENT_OFFSETS_JUMPED,
    EVENT_OFFSETS_CHECK_DELAYED,
    EVENT_OFFSETS_CHECK_FAILED,

    EVENT_RECORD_DUPLICATE,
    EVENT_RECORD_RETRIED,

    EVENT_PROCESSOR_UNAVAILABLE,
    EVENT_PROCESSOR_AVAILABLE,
    EVENT_PROCESSOR_ENDED,
    EVENT_PROCESSOR_STDERR,
    EVENT_PROCESSOR_ANSWER_IGNORED,

    EVENT_CIRCUIT_BREAKER_OPENED,
    EVENT_CIRCUIT_BREAKER_CLOSED,

    EVENT_DEAD_LETTER_REFUSED,
    EVENT_DEAD_LETTER_WRITE_DENIED,
    EVENT_DEAD_LETTER_DELAYED,
    EVENT_DEAD_LETTER_NOT_DELAYED,

    EVENT_REDRIVE_TOPIC_RECREATED,
    EVENT_REDRIVE_OFFSETS_EXPIRED,
    EVENT_REDRIVE_COMMITS_UNKNOWN,

    EVENT_JOURNAL_OPENED,
    EVENT_JOURNAL_REOPENED,
    EVENT_JOURNAL_REPLACED,
    EVENT_JOURNAL_WARNING,
    EVENT_JOURNAL_BLOCKED,
    EVENT_JOURNAL_UNBLOCKED,
    EVENT_JOURNAL_NO_SPACE,
    EVENT_JOURNAL_SPACE_AVAILABLE,
    EVENT_JOURNAL_STATE_UNUSED,
    EVENT_JOURNAL_TORN_LINE,
    EVENT_JOURNAL_TORN_END,
    EVENT_JOURNAL_BROKEN_LINES,
    EVENT_JOURNAL_OTHER_CLUSTER,

    EVENT_LOG_REOPEN_FAILED,
    EVENT_LOG_REPLACED,
    EVENT_LOG_RENAMED,
    EVENT_LOG_LINES_LOST,

    EVENT_FILES_REOPENED,
    EVENT_COUNT,
};

/* In the order of the constants. */
extern const struct log_event log_events[EVENT_COUNT];

/* The event of this name, or EVENT_NONE. Pure. */
enum log_event_id log_event_find(const char *name, size_t len);

/* log_with(log, EVENT_RECORD_RETRIED, error_or_NULL, LOG_INT("partition", 3), ...): at least one
 * field. */
#define log_with(log, event, error, ...) \
    log_with_level((log), log_events[event].level, (event), (error), __VA_ARGS__)

/* The same without fields. */
#define log_plain(log, event, error) \
    log_emit((log), log_events[event].level, &log_events[event], (error), NULL, 0)

/* log_with at another level than the event's own. */
#define log_with_level(log, level, event, error, ...)                                              \
    log_emit((log), (level), &log_events[event], (error), (const struct log_field[]){__VA_ARGS__}, \
             sizeof((const struct log_field[]){__VA_ARGS__}) / sizeof(struct log_field))

#endif
