# Lines of a journal and of a log without a tracker: `load ../support/lines`.

# now_ms [SECONDS]: the time, so many seconds ago.
now_ms() {
  echo $(($(date +%s%3N) - ${1:-0} * 1000))
}

stamp() { # MS
  date -u -d "@$(($1 / 1000)).$(printf %03d $(($1 % 1000)))" +%Y-%m-%dT%H:%M:%S.%3NZ
}

# journal COUNT PARTITIONS: lines of the last seconds, every tenth of them failed.
journal() {
  local at
  at=$(stamp "$(now_ms 3)")
  awk -v n="$1" -v p="$2" -v at="$at" 'BEGIN {
    for (i = 0; i < n; i++) {
      printf "{\"timestamp\":\"%s\",\"event_type\":\"message.received%s\",\"kafka_topic\":\"orders\",", at, i % 10 == 9 ? ".validation_error" : ""
      printf "\"kafka_partition\":%d,\"kafka_offset\":%d,\"message_size\":1000,\"deserialized\":true,", i % p, int(i / p)
      if (i % 10 == 9)
        printf "\"error\":\"quantity %d is below 1\",\"outcome\":\"dead_lettered\",\"reason\":\"VALIDATE\",\"attempts\":1,\"latency_ms\":12}\n", -i
      else
        printf "\"outcome\":\"processed\",\"attempts\":1,\"latency_ms\":12,\"order_id\":\"%08d-0000-4000-8000-000000000000\",\"order_full\":{\"status\":\"pending\",\"total\":5.5,\"currency\":\"EUR\"}}\n", i
    }
  }'
}

metrics_line() { # LAG
  printf '{"timestamp":"%s","level":"INFO","event":"tracker.metrics","message":"periodic metrics","service":"order-tracker","metadata":{"messages_received":1,"lag":%s,"processor_in_flight":0,"partitions":[{"partition":0,"offset":10,"high_watermark":20,"lag":%s}]}}\n' \
    "$(stamp "$(now_ms 1)")" "$1" "$1"
}
