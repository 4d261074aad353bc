#!/usr/bin/env bats
# A stop under load loses nothing and doubles nothing, again and again. STOPS=50 for a long run.

# start_in_background sets it.
# shellcheck disable=SC2154

load ../support/common
load ../support/kafka

setup_file() {
  start_kafka group.initial.rebalance.delay.ms=0
}

teardown_file() {
  stop_kafka
}

setup() {
  cd "$BATS_TEST_TMPDIR" || return
  export KAFKA_TOPIC=stops DLQ_TOPIC=stops-dlq KAFKA_CONSUMER_GROUP=stops KAFKA_PARTITIONS=2
  export SIMULATE_TRANSIENT_RATE=0.05 RETRY_INITIAL_DELAY_MS=10
}

teardown() {
  end_background
}

@test "a stop under load, many times in a row, exits 0 in time and the next start goes on where it ended" {
  local stops=${STOPS-8} before began producer tracker

  "$ROOT/bin/producer" --init
  start_in_background producer.out "$ROOT/bin/producer" --interval-ms 1 --invalid-rate 0.05 --seed 5 -q
  producer=$started_pid
  for ((i = 0; i < stops; i++)); do
    before=$(line_count tracker.events)
    "$ROOT/bin/tracker" -q 3>&- &
    tracker=$!
    wait_for 60 has_lines tracker.events $((before + 20))
    began=$SECONDS
    kill -TERM "$tracker"
    wait "$tracker"
    [ $((SECONDS - began)) -le 15 ]
    [ "$(tail -n 1 tracker.log | jq -r .event)" = "tracker.stopped" ]
  done
  kill -TERM "$producer"
  wait_for 60 is_gone "$producer"
  "$ROOT/bin/tracker" --drain -q
  has_lines tracker.events $((stops * 20))
  diff <(topic_offsets stops) <(journal_offsets tracker.events)
  for partition in 0 1; do
    jq -r "select(.kafka_partition == $partition) | .kafka_offset" tracker.events >"offsets.$partition"
    sort -n -c -u "offsets.$partition"
  done
}
