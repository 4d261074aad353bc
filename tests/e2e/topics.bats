#!/usr/bin/env bats
# The topic changes while it is read: recreated, or cut by retention. Each offset is told, or what is missing is
# said.

# use_own_flow and start_tracker set them, resume_kafka reads KAFKA_DIR.
# shellcheck disable=SC2154,SC2034

BROKER_SETTINGS=(group.initial.rebalance.delay.ms=0)
load ../support/flow_on_kafka

lines_of() { # EVENT-TYPE PROPERTY...: of the journal
  jq -c --arg type "$1" 'select(.event_type == $type)' "$journal"
}

has_lines_of() { # EVENT-TYPE COUNT
  [ "$(lines_of "$1" | wc -l)" -ge "$2" ]
}

recreate_topic() {
  "$ROOT/build/kafka-topic" delete "$KAFKA_TOPIC"
  wait_for 60 create_topic "$KAFKA_TOPIC" 1
}

is_committed() { # OFFSET, by the tracker that logs at debug
  jq -e --argjson o "$1" -n 'any(inputs; .event == "offsets.committed" and .metadata.offset == $o)' "$log" >/dev/null
}

# tells_the_new_topic: of 500 orders in the old one, 50 in the new.
tells_the_new_topic() {
  wait_for 120 has_lines_of journal.replay 1
  wait_for 120 has_lines_of message.received 550
  diff <(seq 0 49) <(jq 'select(.event_type == "message.received") | .kafka_offset' "$journal" | tail -n 50)
  [ "$(lines_of journal.replay | jq -c '[.from, .to]')" = "[0,500]" ]
  grep -q '"topic.recreated"' "$log"
  wait_for 60 is_committed 50
  kill -TERM "$tracker"
  ends_with 0 "$tracker"
  # The group's offset is one of the new topic, and a restart goes on where that was left.
  [ "$(after_the_commits)" -eq 0 ]
  produce -n 5
  drain
  [ "$(lines_of message.received | wc -l)" -eq 555 ]
  [ "$(lines_of journal.replay | wc -l)" -eq 1 ]
}

@test "a topic that is recreated while it is read is told from its new beginning" {
  make_topics 1
  produce -n 500
  start_tracker -s app.log_level=debug
  wait_for 60 has_lines_of message.received 500
  recreate_topic
  produce -n 50
  tells_the_new_topic
}

@test "so is one that was away for so long that its partitions were taken back" {
  make_topics 1
  produce -n 500
  start_tracker -s app.log_level=debug -X topic.metadata.refresh.interval.ms=500
  wait_for 60 has_lines_of message.received 500
  "$ROOT/build/kafka-topic" delete "$KAFKA_TOPIC"
  wait_for 60 grep -q '"partition.revoked"' "$log"
  wait_for 60 create_topic "$KAFKA_TOPIC" 1
  produce -n 50
  tells_the_new_topic
}

@test "each partition of a recreated topic begins anew once, though they are found out one after the other" {
  make_topics 4
  produce -n 2000
  start_tracker
  wait_for 60 has_lines_of message.received 2000
  "$ROOT/build/kafka-topic" delete "$KAFKA_TOPIC"
  wait_for 60 create_topic "$KAFKA_TOPIC" 4
  produce -n 400
  wait_for 120 has_lines_of message.received 2400
  produce -n 400
  wait_for 120 has_lines_of message.received 2800
  kill -TERM "$tracker"
  ends_with 0 "$tracker"
  diff <(topic_offsets "$KAFKA_TOPIC") <(lines_of message.received | tail -n +2001 | jq -r '"\(.kafka_partition) \(.kafka_offset)"' | sort -n)
  diff <(seq 0 3) <(lines_of journal.replay | jq .kafka_partition | sort -n)
}

# recreate_with PARTITIONS RECORDS LINES: the topic, and waits until its journal has so many lines.
recreate_with() {
  "$ROOT/build/kafka-topic" delete "$KAFKA_TOPIC"
  wait_for 60 create_topic "$KAFKA_TOPIC" "$1"
  produce -n "$2"
  wait_for 120 has_lines_of message.received "$3"
}

# last_lines_are_the_topic COUNT: so many lines, the last ones, have each record of the topic once.
last_lines_are_the_topic() {
  diff <(topic_offsets "$KAFKA_TOPIC") <(lines_of message.received | tail -n "$1" |
    jq -r '"\(.kafka_partition) \(.kafka_offset)"' | sort -n)
}

@test "a topic is recreated with fewer partitions, then with more: every record of each is journaled" {
  make_topics 4
  produce -n 800
  start_tracker
  wait_for 60 has_lines_of message.received 800
  # Each time with less in each partition: more could not be told from the old topic if it went unseen.
  recreate_with 2 100 900
  last_lines_are_the_topic 100
  recreate_with 6 60 960
  last_lines_are_the_topic 60
  kill -TERM "$tracker"
  ends_with 0 "$tracker"
  [ "$(after_the_commits)" -eq 0 ]
}

# retention_takes ASSIGNOR: from one of two partitions, while the tracker stands still.
retention_takes() {
  make_topics 2
  produce -n 100
  start_tracker -X partition.assignment.strategy="$1"
  wait_for 60 has_lines_of message.received 100
  kill -STOP "$tracker"
  produce -n 15000
  "$ROOT/build/kafka-topic" cut "$KAFKA_TOPIC" 0 7000
  topic_offsets "$KAFKA_TOPIC" >left
  kill -CONT "$tracker"
  wait_for 120 has_lines_of journal.gap 1
  wait_for 120 all_is_told
  # What Kafka had sent before the cut is told, what it had not is the gap: nothing is missing or there twice.
  [ "$(lines_of journal.gap | jq -c '[.kafka_partition, .to]')" = "[0,7000]" ]
  diff <(awk '{ if ($2 > last[$1]) last[$1] = $2 } END { for (p in last) for (o = 0; o <= last[p]; o++) print p, o }' left |
    sort -n -k 1,1 -k 2,2) <(told | sort -n -k 1,1 -k 2,2)
  grep -q '"offsets.expired"' "$log"
}

# told: "PARTITION OFFSET" of all lines, and of all in a gap.
told() {
  jq -r '"\(.kafka_partition) \(if .event_type == "journal.gap" then range(.from; .to) else .kafka_offset end)"' "$journal"
}

all_is_told() {
  [ "$(told | wc -l)" -ge 15100 ]
}

@test "what retention takes from under a tracker that is behind is a gap in its journal" {
  retention_takes range
}

@test "also when partitions are given one by one" {
  retention_takes cooperative-sticky
}

# open_transaction COUNT: so many orders in a transaction that stays open until the next one.
open_transaction() {
  local line
  : >open.out
  sed -n "1,$1p" orders.jsonl >open.jsonl
  start_in_background "$PWD/open.out" bash -c 'exec "$0" open "$1" 0 <open.jsonl' "$ROOT/build/kafka-topic" "$KAFKA_TOPIC"
  wait_for 60 grep -q open open.out
}

stopped_with() { # KEY: of the last stop
  logged tracker.stopped | tail -n 1 | jq -c ".metadata.$1"
}

@test "an open transaction is not taken for a lost end, and no stop waits for it" {
  make_topics 1
  produce -n 100 --seed 3
  kcat -b "$KAFKA_BROKER" -t "$KAFKA_TOPIC" -C -e -q -o beginning >orders.jsonl
  open_transaction 50
  # Journaled and committed beyond the last stable offset.
  drain -X isolation.level=read_uncommitted
  has_lines "$journal" 150
  start_tracker -s tracker.drain_timeout_ms=100000 -s app.log_level=debug
  wait_for 60 has_logged partition.assigned 2
  kill -TERM "$tracker"
  ends_with 0 "$tracker"
  [ "$(stopped_with drained) $(stopped_with left)" = "true 0" ]
  # So does a group that reads up to it for the first time.
  rm "$journal"*
  start_tracker -s tracker.drain_timeout_ms=100000 -s app.log_level=debug -s kafka.consumer_group=other
  wait_for 60 has_lines "$journal" 100
  kill -TERM "$tracker"
  ends_with 0 "$tracker"
  [ "$(stopped_with drained) $(stopped_with left)" = "true 0" ]
  has_lines "$journal" 100
  start_tracker -s app.log_level=debug -s kafka.consumer_group=other
  transactions commit 1
  transactions abort 1
  wait_for 60 has_lines "$journal" 101
  # 100 orders, 50 aborted and their marker, one and its marker, one aborted and its marker.
  wait_for 60 is_committed 155
  kill -TERM "$tracker"
  ends_with 0 "$tracker"
  [ "$(lines_of journal.replay | wc -l)" -eq 0 ]
  [ "$(lines_of journal.gap | wc -l)" -eq 0 ]
  ! grep -q "does not match the journal" "$log"
}

# The last test: it ends the Kafka of the others.
# transactions commit|abort COUNT: so many orders, each in a transaction of its own.
transactions() {
  sed -n "1,$2p" orders.jsonl | "$ROOT/build/kafka-topic" "$1" "$KAFKA_TOPIC" 0
}

has_messages() { # COUNT
  [ "$(lines_of message.received | wc -l)" -eq "$1" ]
}

missing() { # JOURNAL...
  local events=()
  while [ $# -gt 0 ]; do
    events+=(--events "$1")
    shift
  done
  "$ROOT/bin/monitor" --json "${events[@]}" | jq .gaps_total
}

@test "markers and aborted records are not missing, also between trackers and over a kill -9; a line that goes is" {
  make_topics 1
  produce -n 20 --seed 3
  kcat -b "$KAFKA_BROKER" -t "$KAFKA_TOPIC" -C -e -q -o beginning >orders.jsonl
  transactions commit 5
  transactions abort 3
  transactions commit 5
  drain
  transactions abort 3
  transactions commit 5
  drain -s tracker.events_file="$PWD/other.events" -s tracker.log_file="$PWD/other.log"
  transactions commit 5
  start_tracker
  wait_for 60 has_messages 35
  wait_for 60 grep -q '"journal.skip".*"from":71,"to":72}' "$journal"
  kill -KILL "$tracker"
  wait_for 60 is_gone "$tracker"
  transactions abort 3
  transactions commit 5
  drain
  has_messages 40
  jq -se '[.[].offsets_skipped // 0] | add > 20' "$journal"
  [ "$(missing "$journal" other.events)" -eq 0 ]
  # Nobody who compares the group's offset with the end of the partition sees a lag.
  [ "$(after_the_commits)" -eq 0 ]
  jq -se 'map(select(.event == "partition.assigned").metadata) | last | .committed == .high' after.log
  sed -i 10d "$journal"
  [ "$(missing "$journal" other.events)" -eq 1 ]
}

@test "another cluster at the same address is told from its beginning" {
  make_topics 1
  produce -n 500
  start_tracker -X session.timeout.ms=1500
  wait_for 60 has_lines_of message.received 500
  kill_kafka
  KAFKA_DIR=$BATS_TEST_TMPDIR/kafka
  wait_for 60 resume_kafka
  make_topics 1
  produce -n 800
  wait_for 120 has_lines_of message.received 1300
  stop_kafka
  diff <(seq 0 799) <(lines_of message.received | tail -n 800 | jq .kafka_offset)
  grep -q '"journal.other_cluster"' "$log"
}
