#!/usr/bin/env bats
# Kafka is unavailable for minutes, gone or hanging: what the tracker says of it, and what it tells afterwards. Both at
# once, each with a Kafka of its own, since most of the time is waiting. AWAY_SECONDS=180 for a longer run.

# use_own_flow and start_tracker set them, and read what seems unused.
# shellcheck disable=SC2154,SC2034

bats_require_minimum_version 1.5.0
load ../support/common
load ../support/kafka
load ../support/flow

AWAY_SECONDS=${AWAY_SECONDS-60}

teardown() {
  end_background
  for KAFKA_DIR in "$BATS_TEST_TMPDIR"/*/kafka; do
    stop_kafka
  done
}

hang() {
  kill -STOP "$(cat "$KAFKA_DIR/kafka.pid")"
}

go_on() {
  kill -CONT "$(cat "$KAFKA_DIR/kafka.pid")"
}

# away LEAVE RETURN: orders are told before, and each once afterwards; what was said meanwhile is in
# LEAVE/tracker.log.
away() {
  mkdir "$1"
  cd "$1" || return
  KAFKA_DIR=$PWD/kafka
  TRACKER_EVENTS_FILE=$PWD/tracker.events TRACKER_LOG_FILE=$PWD/tracker.log
  journal=$TRACKER_EVENTS_FILE
  start_kafka
  make_topics 2
  start_producer -q --interval-ms 20
  start_tracker -s simulate.transient_rate=0.1 -s retry.max_attempts=50
  wait_for 60 has_lines "$journal" 200
  "$1"
  sleep "$AWAY_SECONDS"
  kill -0 "$tracker"
  told=$(line_count "$journal")
  "$2"
  wait_for 60 has_lines "$journal" $((told + 200))
  kill -TERM "$producer"
  ends_with 0 "$producer" 120
  kill -TERM "$tracker"
  ends_with 0 "$tracker"
  drain
  journal_is_exact
  [ "$(count_where '.outcome != "processed"')" -eq 0 ]
  [ "$(count_records "$DLQ_TOPIC")" -eq 0 ]
}

# what_was_said FOLDER: the events of all warnings and errors, and that Kafka is available again. Single attempts are left out,
# and what Kafka made of the member meanwhile: its partitions went to nobody, or it has to join as a new one.
what_was_said() {
  jq -r 'select(.level == "WARN" or .level == "ERROR" or .event == "kafka.available") | .event |
    select(IN("record.retried", "partition.lost", "kafka.consumer_replaced") | not)' "$1/tracker.log"
}

@test "Kafka is gone, or hangs, for a minute: a word when it goes and one when it is back, no dead letter, every order once" {
  local pids=() pid
  use_own_flow
  export KAFKA_HEAP_OPTS="-Xms128m -Xmx512m"
  (away kill_kafka resume_kafka) 3>&- &
  pids+=($!)
  (away hang go_on) 3>&- &
  pids+=($!)
  for pid in "${pids[@]}"; do
    wait "$pid"
  done
  for folder in kill_kafka hang; do
    diff <(printf '%s\n' kafka.unavailable kafka.available) <(what_was_said "$folder") ||
      fail "$folder: $(cat "$folder/tracker.log")"
  done
}
