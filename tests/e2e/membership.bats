#!/usr/bin/env bats
# Who has the partitions when trackers are killed or stopped, and when the topic grows. Most sessions are longer than any
# wait here, so that nobody is helped by their end.

# use_own_flow and start_tracker set them.
# shellcheck disable=SC2154

BROKER_SETTINGS=(group.initial.rebalance.delay.ms=0)
load ../support/flow_on_kafka

long=(-X session.timeout.ms=300000)

has_lines() { # COUNT [JOURNAL]
  [ "$(line_count "${2:-$journal}")" -ge "$1" ]
}

kill_tracker() {
  kill -KILL "$tracker"
  wait "$tracker" || true
}

# start_second NAME [OPTION]...: a tracker with files of its own.
start_second() {
  local name=$1
  shift
  TRACKER_EVENTS_FILE=$PWD/$name.events TRACKER_LOG_FILE=$PWD/$name.log start_tracker "$@"
}

@test "a tracker that was killed has its partitions back while its session lasts" {
  make_topics 2
  produce -n 100
  start_tracker "${long[@]}"
  wait_for 60 has_lines 100
  wait_for 60 jq -e .instance_id "$journal.state"
  kill_tracker
  produce -n 100
  start_tracker "${long[@]}"
  wait_for 60 has_lines 200
  journal_is_exact
}

@test "a tracker that is stopped leaves its partitions to the others" {
  make_topics 2
  start_second other "${long[@]}"
  start_tracker "${long[@]}"
  wait_for 60 has_logged partition.assigned
  kill -TERM "$tracker"
  ends_with 0 "$tracker"
  produce -n 100
  wait_for 60 has_lines 100 other.events
}

@test "a static member whose name another one takes comes back when it can" {
  make_topics 2
  start_tracker -X group.instance.id=named
  wait_for 60 has_logged partition.assigned
  first=$tracker
  start_second other -X group.instance.id=named
  wait_for 60 has_logged kafka.consumer_replaced
  kill -KILL "$tracker"
  wait "$tracker" || true
  produce -n 100
  wait_for 120 has_lines 100
  kill -TERM "$first"
  ends_with 0 "$first"
}

# A static member has no id to leave with before the group has answered it: the others may have to wait for the end of
# its session, which is of the usual length here.
@test "a tracker that is stopped while it joins leaves too" {
  make_topics 2
  start_second other "${long[@]}" -X heartbeat.interval.ms=300
  wait_for 60 grep -qs '"partition.assigned"' other.log
  start_tracker
  wait_for 60 has_logged tracker.started
  kill -TERM "$tracker"
  ends_with 0 "$tracker"
  # What the other reads before the group has been divided anew says nothing.
  wait_for 60 grep -qs '"partition.revoked"' other.log
  produce -n 100
  wait_for 60 has_lines 100 other.events
}

@test "a static member keeps its partitions over a stop" {
  make_topics 2
  start_second other "${long[@]}"
  wait_for 60 grep -qs '"partition.assigned"' other.log
  start_tracker "${long[@]}" -X group.instance.id=named
  wait_for 60 has_logged partition.assigned
  grep -c '"partition.revoked"' other.log >before
  kill -TERM "$tracker"
  ends_with 0 "$tracker"
  produce -n 100
  start_tracker "${long[@]}" -X group.instance.id=named
  all_are_told() {
    [ "$(cat "$journal" other.events | wc -l)" -ge 100 ]
  }
  wait_for 60 all_are_told
  has_lines 1
  grep -c '"partition.revoked"' other.log | cmp - before
}

@test "partitions that were added while a killed tracker was away are read" {
  make_topics 1
  produce -n 50
  start_tracker -X session.timeout.ms=6000
  wait_for 60 has_lines 50
  kill_tracker
  "$ROOT/build/kafka-topic" grow "$KAFKA_TOPIC" 3
  has_grown() {
    [ "$(kcat -b "$KAFKA_BROKER" -L -J -t "$KAFKA_TOPIC" | jq '.topics[0].partitions | length')" -eq 3 ]
  }
  wait_for 60 has_grown
  produce -n 300
  start_tracker -X session.timeout.ms=6000
  wait_for 90 has_lines 350
  journal_is_exact
}

@test "so are those that are added while it runs" {
  make_topics 1
  produce -n 50
  start_tracker "${long[@]}" -X topic.metadata.refresh.interval.ms=1000
  wait_for 60 has_lines 50
  "$ROOT/build/kafka-topic" grow "$KAFKA_TOPIC" 3
  partition_is_read() {
    logged partition.assigned | jq -e -n 'any(inputs; .metadata.partition == 2)' >/dev/null
  }
  wait_for 60 partition_is_read
  produce -n 300
  wait_for 60 has_lines 350
  journal_is_exact
}

# librdkafka does not wait then until the partitions are released: it joins again and assigns. A full disk holds them.
@test "the topic grows while partitions are released to a second tracker: each is read by one of them" {
  make_topics 4
  produce -n 50
  ln -s "$ROOT/build/faults.so" faults.so # a blank would end the path
  LD_PRELOAD=./faults.so FAULTS_DIR=$PWD FAULTS_LOG=$PWD/faults.log FAULTS='write@tracker.events:3+40:ENOSPC' \
    start_tracker "${long[@]}" -X topic.metadata.refresh.interval.ms=200 -X partition.assignment.strategy=range
  wait_for 60 has_lines 50
  disk_is_full() {
    produce -n 10
    grep -qs '^hit write' faults.log
  }
  wait_for 60 disk_is_full
  start_second other "${long[@]}" -X topic.metadata.refresh.interval.ms=200 -X partition.assignment.strategy=range
  wait_for 60 has_logged partition.revoked
  "$ROOT/build/kafka-topic" grow "$KAFKA_TOPIC" 5
  all_are_assigned() {
    [ "$(cat "$log" other.log | jq 'select(.event == "partition.assigned") | .metadata.partition' | sort -u | wc -l)" -eq 5 ]
  }
  wait_for 60 all_are_assigned
  produce -n 300
  topic_is_journaled() {
    [ "$(cat "$journal" other.events | jq -r '"\(.kafka_partition) \(.kafka_offset)"' | sort -u | wc -l)" -eq "$(count_records "$KAFKA_TOPIC")" ]
  }
  wait_for 60 topic_is_journaled
  [ -z "$(cat "$log" other.log | jq 'select(.event == "partition.assign_failed")')" ]
}
