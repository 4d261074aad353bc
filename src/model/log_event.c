#include "model/log_event.h"

#include <string.h>

#define ROW(id, name, level, message) [id] = {name, level, message}

const struct log_event log_events[EVENT_COUNT] = {
    ROW(EVENT_TRACKER_STARTED, "tracker.started", LOG_INFO, "tracker started"),
    ROW(EVENT_TRACKER_METRICS, "tracker.metrics", LOG_INFO, "periodic metrics"),
    ROW(EVENT_TRACKER_STOPPED, "tracker.stopped", LOG_INFO, "tracker stopped"),
    ROW(EVENT_TRACKER_GROUP_NOT_LEFT, "tracker.group_not_left", LOG_WARN,
        "the consumer group was not left in time, the last records may be reprocessed"),

    ROW(EVENT_SETTINGS_EXPOSED, "settings.exposed", LOG_WARN,
        "a file of settings that holds a secret can be read by every user"),
    ROW(EVENT_SECRETS_RENEWED, "secrets.renewed", LOG_INFO,
        "secrets reloaded, new connections use them"),
    ROW(EVENT_SECRETS_KEPT, "secrets.kept", LOG_WARN,
        "secrets cannot be reloaded, the old ones stay in use"),

    ROW(EVENT_KAFKA_UNAVAILABLE, "kafka.unavailable", LOG_WARN, "Kafka is unavailable, retrying"),
    ROW(EVENT_KAFKA_AVAILABLE, "kafka.available", LOG_INFO, "Kafka is available again"),
    ROW(EVENT_KAFKA_TOKEN_FAILED, "kafka.token_failed", LOG_WARN,
        "the OAuth token cannot be renewed, the old one stays in use"),
    ROW(EVENT_KAFKA_READ_DENIED, "kafka.read_denied", LOG_WARN, "no partition was assigned"),
    ROW(EVENT_KAFKA_ERROR, "kafka.error", LOG_WARN, "Kafka reports an error"),
    ROW(EVENT_KAFKA_CONSUMER_ERROR, "kafka.consumer_error", LOG_WARN,
        "Kafka consumer reports an error"),
    ROW(EVENT_KAFKA_PARTITION_ERROR, "kafka.partition_error", LOG_WARN,
        "Kafka reports an error for a partition"),
    ROW(EVENT_KAFKA_LIBRARY, "kafka.library", LOG_DEBUG, "librdkafka"),
    ROW(EVENT_KAFKA_CONSUMER_REPLACED, "kafka.consumer_replaced", LOG_WARN,
        "Kafka consumer failed, replacing it"),
    ROW(EVENT_KAFKA_CONSUMER_NOT_CLOSED, "kafka.consumer_not_closed", LOG_ERROR,
        "Kafka consumer cannot be closed"),
    ROW(EVENT_KAFKA_FETCH_REDUCED, "kafka.fetch_reduced", LOG_INFO,
        "more partitions than expected, fetching less of each"),
    ROW(EVENT_KAFKA_FETCH_NOT_WOKEN, "kafka.fetch_not_woken", LOG_ERROR,
        "partition not woken for fetching"),
    ROW(EVENT_KAFKA_PRODUCER_REPLACED, "kafka.producer_replaced", LOG_WARN,
        "Kafka producer failed, replacing it"),
    ROW(EVENT_KAFKA_PRODUCER_NOT_REPLACED, "kafka.producer_not_replaced", LOG_ERROR,
        "Kafka producer cannot be replaced"),
    ROW(EVENT_KAFKA_BATCH_REFUSED, "kafka.batch_refused", LOG_INFO,
        "a batch was refused, its records are sent in smaller ones"),

    ROW(EVENT_BROKER_UNAVAILABLE, "broker.unavailable", LOG_WARN,
        "broker unavailable, its partitions wait"),
    ROW(EVENT_BROKER_AVAILABLE, "broker.available", LOG_INFO, "broker available again"),

    ROW(EVENT_TOPIC_UNAVAILABLE, "topic.unavailable", LOG_WARN,
        "topic unavailable, continuing without it"),
    ROW(EVENT_TOPIC_RECREATED, "topic.recreated", LOG_ERROR,
        "the topic was recreated or truncated, its offsets start again"),
    ROW(EVENT_TOPIC_RECORDS_LOST, "topic.records_lost", LOG_ERROR,
        "Kafka has lost records that were journaled, continuing at the end of its log"),

    ROW(EVENT_PARTITION_ASSIGNED, "partition.assigned", LOG_INFO, "partition assigned"),
    ROW(EVENT_PARTITION_REVOKED, "partition.revoked", LOG_INFO, "partitions revoked"),
    ROW(EVENT_PARTITION_LOST, "partition.lost", LOG_WARN, "partitions lost"),
    ROW(EVENT_PARTITION_LEADERLESS, "partition.leaderless", LOG_INFO,
        "partition waits, it has no leader"),
    ROW(EVENT_PARTITION_ASSIGN_FAILED, "partition.assign_failed", LOG_ERROR, "assignment refused"),
    ROW(EVENT_PARTITION_UNASSIGN_FAILED, "partition.unassign_failed", LOG_ERROR,
        "unassignment refused"),
    ROW(EVENT_PARTITION_PAUSE_FAILED, "partition.pause_failed", LOG_WARN,
        "partitions not paused or resumed"),
    ROW(EVENT_PARTITION_MISROUTED, "partition.misrouted", LOG_ERROR,
        "records arrived outside of their partition's queue, reading it again"),

    ROW(EVENT_OFFSETS_COMMITTED, "offsets.committed", LOG_DEBUG, "offset committed"),
    ROW(EVENT_OFFSETS_COMMIT_FAILED, "offsets.commit_failed", LOG_WARN, "offsets not committed"),
    ROW(EVENT_OFFSETS_COMMIT_MISSING, "offsets.commit_missing", LOG_WARN,
        "the group has no committed offset though one was acknowledged, continuing after the "
        "journal"),
    ROW(EVENT_OFFSETS_QUERY_FAILED, "offsets.query_failed", LOG_WARN,
        "cannot read partition offsets, retrying"),
    ROW(EVENT_OFFSETS_EXPIRED, "offsets.expired", LOG_WARN,
        "offsets expired, continuing after them"),
    ROW(EVENT_OFFSETS_REWOUND, "offsets.rewound", LOG_WARN,
        "group offset was reset, reprocessing records"),
    ROW(EVENT_OFFSETS_DOUBTFUL, "offsets.doubtful", LOG_WARN,
        "Kafka's log does not match the journal, waiting and asking again"),
    ROW(EVENT_OFFSETS_EMPTY, "offsets.empty", LOG_DEBUG, "skipped offsets hold no record"),
    ROW(EVENT_OFFSETS_JUMPED, "offsets.jumped", LOG_ERROR,
        "records were skipped or are gone, reading again from before them"),
    ROW(EVENT_OFFSETS_CHECK_DELAYED, "offsets.check_delayed", LOG_WARN,
        "skipped offsets cannot be checked, trying again"),
    ROW(EVENT_OFFSETS_CHECK_FAILED, "offsets.check_failed", LOG_WARN,
        "records cannot be read for a check"),

    ROW(EVENT_RECORD_DUPLICATE, "record.duplicate", LOG_WARN, "duplicate record skipped"),
    ROW(EVENT_RECORD_RETRIED, "record.retried", LOG_WARN, "attempt failed, retrying"),

    ROW(EVENT_PROCESSOR_UNAVAILABLE, "processor.unavailable", LOG_ERROR,
        "processor is unavailable, its partitions wait"),
    ROW(EVENT_PROCESSOR_AVAILABLE, "processor.available", LOG_INFO, "processor is available again"),
    ROW(EVENT_PROCESSOR_ENDED, "processor.ended", LOG_WARN, "command ended, restarting it"),
    ROW(EVENT_PROCESSOR_STDERR, "processor.stderr", LOG_WARN, "command writes to standard error"),
    ROW(EVENT_PROCESSOR_ANSWER_IGNORED, "processor.answer_ignored", LOG_WARN,
        "command answers what was not asked"),

    ROW(EVENT_CIRCUIT_BREAKER_OPENED, "circuit_breaker.opened", LOG_ERROR,
        "too many records fail, processing one at a time"),
    ROW(EVENT_CIRCUIT_BREAKER_CLOSED, "circuit_breaker.closed", LOG_INFO,
        "records are processed again"),

    ROW(EVENT_DEAD_LETTER_REFUSED, "dead_letter.refused", LOG_ERROR,
        "dead letter not accepted, partition waits"),
    ROW(EVENT_DEAD_LETTER_WRITE_DENIED, "dead_letter.write_denied", LOG_WARN,
        "no right to write dead letters, allow WRITE on their topic"),
    ROW(EVENT_DEAD_LETTER_DELAYED, "dead_letter.delayed", LOG_WARN,
        "dead letters are not acknowledged, their partitions wait"),
    ROW(EVENT_DEAD_LETTER_NOT_DELAYED, "dead_letter.not_delayed", LOG_INFO,
        "dead letters were acknowledged"),

    ROW(EVENT_REDRIVE_TOPIC_RECREATED, "redrive.topic_recreated", LOG_WARN,
        "the dead letter topic was recreated or truncated, reading all of it"),
    ROW(EVENT_REDRIVE_OFFSETS_EXPIRED, "redrive.offsets_expired", LOG_WARN,
        "dead letters expired, continuing after them"),
    ROW(EVENT_REDRIVE_COMMITS_UNKNOWN, "redrive.commits_unknown", LOG_WARN,
        "what an earlier version committed is unknown"),

    ROW(EVENT_JOURNAL_OPENED, "journal.opened", LOG_INFO, "journal opened"),
    ROW(EVENT_JOURNAL_REOPENED, "journal.reopened", LOG_INFO, "journal reopened"),
    ROW(EVENT_JOURNAL_REPLACED, "journal.replaced", LOG_ERROR,
        "journal was deleted or replaced, opened again"),
    ROW(EVENT_JOURNAL_WARNING, "journal.warning", LOG_WARN, "journal warning"),
    ROW(EVENT_JOURNAL_BLOCKED, "journal.blocked", LOG_ERROR,
        "journal cannot be written, all partitions wait"),
    ROW(EVENT_JOURNAL_UNBLOCKED, "journal.unblocked", LOG_INFO, "journal can be written again"),
    ROW(EVENT_JOURNAL_NO_SPACE, "journal.no_space", LOG_ERROR,
        "no disk space to open the journal, waiting"),
    ROW(EVENT_JOURNAL_SPACE_AVAILABLE, "journal.space_available", LOG_INFO,
        "disk space is available again"),
    ROW(EVENT_JOURNAL_STATE_UNUSED, "journal.state_unused", LOG_WARN,
        "journal state not used, the whole journal was read"),
    ROW(EVENT_JOURNAL_TORN_LINE, "journal.torn_line", LOG_WARN,
        "torn line at the end of the journal moved aside"),
    ROW(EVENT_JOURNAL_TORN_END, "journal.torn_end", LOG_WARN,
        "the end of the journal is broken, everything from its first broken line was moved aside"),
    ROW(EVENT_JOURNAL_BROKEN_LINES, "journal.broken_lines", LOG_WARN,
        "broken lines in the journal"),
    ROW(EVENT_JOURNAL_OTHER_CLUSTER, "journal.other_cluster", LOG_WARN,
        "the journal was written for another cluster"),

    ROW(EVENT_LOG_REOPEN_FAILED, "log.reopen_failed", LOG_ERROR, "log file cannot be reopened"),
    ROW(EVENT_LOG_REPLACED, "log.replaced", LOG_ERROR,
        "log file was deleted or replaced, opened again"),
    ROW(EVENT_LOG_RENAMED, "log.renamed", LOG_WARN,
        "log file was renamed and no SIGHUP came, opened again"),
    ROW(EVENT_LOG_LINES_LOST, "log.lines_lost", LOG_WARN,
        "log lines were lost, the file could not be written"),

    ROW(EVENT_FILES_REOPENED, "files.reopened", LOG_INFO, "files reopened"),
};

#undef ROW

enum log_event_id log_event_find(const char *name, size_t len)
{
    for (int i = EVENT_NONE + 1; i < EVENT_COUNT; i++) {
        const char *known = log_events[i].name;

        if (strlen(known) == len && memcmp(known, name, len) == 0)
            return (enum log_event_id)i;
    }
    return EVENT_NONE;
}
