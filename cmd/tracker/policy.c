#include "policy.h"

#include <stddef.h>

#define DLQ_RETRY_MS     500
#define DLQ_RETRY_MAX_MS 10000

static enum lane_ordering ordering_of(enum config_ordering ordering)
{
    switch (ordering) {
    case CONFIG_ORDERING_KEY:
        return LANE_ORDER_KEY;
    case CONFIG_ORDERING_PARTITION:
        return LANE_ORDER_PARTITION;
    case CONFIG_ORDERING_NONE:
        return LANE_ORDER_NONE;
    }
    return LANE_ORDER_KEY;
}

static const char *processor_of(enum config_processor kind)
{
    switch (kind) {
    case CONFIG_PROCESSOR_SIMULATE:
        return NULL;
    case CONFIG_PROCESSOR_COMMAND:
        return "command";
    case CONFIG_PROCESSOR_HTTP:
        return "http";
    }
    return NULL;
}

struct consume_policy policy_of(const struct config *cfg, bool drain)
{
    return (struct consume_policy){
        .lane =
            {
                .ordering = ordering_of(cfg->processor.ordering),
                .window = (size_t)cfg->processor.window,
                .max_in_flight = (size_t)cfg->processor.max_in_flight,
                .retry =
                    {
                        .max_attempts = (int)cfg->retry.max_attempts,
                        .initial_delay_ms = cfg->retry.initial_delay_ms,
                        .max_delay_ms = cfg->retry.max_delay_ms,
                        .multiplier = cfg->retry.multiplier,
                        .jitter = cfg->retry.jitter,
                        .max_elapsed_ms = cfg->retry.max_elapsed_ms,
                    },
                .breaker =
                    {
                        .consecutive = cfg->dlq.breaker_consecutive,
                        .share = cfg->dlq.breaker_share,
                        .window = cfg->dlq.breaker_window,
                        .pause_ms = cfg->dlq.breaker_pause_ms,
                    },
                .max_message_bytes = (size_t)cfg->tracker.max_message_bytes,
                .payload = cfg->tracker.events_payload,
                .processor = processor_of(cfg->processor.kind),
                .group = cfg->kafka.consumer_group,
                .dlq_topic = cfg->dlq.enabled ? cfg->dlq.topic : NULL,
                .halt_without_dlq = cfg->dlq.on_disabled == CONFIG_ON_DISABLED_HALT,
                .dlq_retry_ms = DLQ_RETRY_MS,
                .dlq_retry_max_ms = DLQ_RETRY_MAX_MS,
            },
        .topic = cfg->kafka.topic,
        .max_buffered_bytes = (size_t)cfg->tracker.max_buffered_bytes,
        .metrics_interval_ms = cfg->tracker.metrics_interval_seconds * 1000,
        .drain_timeout_ms = cfg->tracker.drain_timeout_ms,
        .drain = drain,
    };
}
