#!/usr/bin/env bats
# Two brokers, each with partitions of its own, and one of them is gone.

bats_require_minimum_version 1.5.0
load ../support/flow_on_kafka

teardown() {
  end_background
  stop_second_kafka
}

led_by() { # BROKER: its partitions; -1: those that have no leader
  kcat -b "$KAFKA_BROKER" -L -J -t "$KAFKA_TOPIC" | jq ".topics[0].partitions[] | select(.leader == $1) | .partition"
}

have_no_leader() { # COUNT
  [ "$(led_by -1 | wc -l)" -eq "$1" ]
}

@test "a partition whose broker is gone waits, the others are told; so is it when the broker is back" {
  create_topic "first-$KAFKA_TOPIC" 1
  # What the group needs lies on the first broker.
  drain -s kafka.topic="first-$KAFKA_TOPIC" -s tracker.events_file=first.events -s tracker.log_file=first.log
  start_second_kafka
  create_topic "$KAFKA_TOPIC" 4
  produce -n 200
  led_by 2 >gone
  [ -s gone ]
  topic_offsets "$KAFKA_TOPIC" >there
  others=$(awk 'NR == FNR { gone[$1]; next } !($1 in gone)' gone there | wc -l)
  [ "$others" -gt 0 ]
  [ "$others" -lt 200 ]
  kill_second_kafka
  wait_for 60 have_no_leader "$(line_count gone)"
  start_tracker
  wait_for 60 has_lines "$journal" "$others"
  has_logged partition.leaderless "$(line_count gone)"
  [ "$(line_count "$journal")" -eq "$others" ]
  start_second_kafka
  wait_for 60 has_lines "$journal" 200
  produce -n 100
  wait_for 60 has_lines "$journal" 300
  kill -TERM "$tracker"
  ends_with 0 "$tracker"
  journal_is_exact
  [ "$(line_count "$journal")" -eq 300 ]
}
