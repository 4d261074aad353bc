#!/usr/bin/env bats
# Dead letters and their way back: the real programs on a real Kafka.

# bats and the helpers set the variables.
# shellcheck disable=SC2154

bats_require_minimum_version 1.5.0
load ../support/common
load ../support/kafka

setup_file() {
  start_kafka
}

teardown_file() {
  stop_kafka
}

# Topics, group and files of its own for each test; files by chdir.
setup() {
  cd "$BATS_TEST_TMPDIR" || exit
  export LC_ALL=C TRACKER_LOG_FILE=tracker.log TRACKER_EVENTS_FILE=tracker.events
  export KAFKA_TOPIC=orders-$BATS_TEST_NUMBER DLQ_TOPIC=dead-$BATS_TEST_NUMBER
  export KAFKA_CONSUMER_GROUP=group-$BATS_TEST_NUMBER
  producer=$ROOT/bin/producer
}

teardown() {
  end_background
}

topics() { # PARTITIONS
  KAFKA_PARTITIONS=$1 "$producer" --init --timeout-ms 30000
}

# Everything in the topic so far fails for good; what is broken fails for its own reason.
fail_all() {
  SIMULATE_PERMANENT_RATE=1 "$ROOT/bin/tracker" --drain --quiet
}

# dump TOPIC FORMAT [KCAT-OPTION]...
dump() {
  local topic=$1 format=$2
  shift 2
  kcat -b "$KAFKA_BROKER" -t "$topic" -C -e -q -o beginning -f "$format" "$@" 2>/dev/null
}

count() { # TOPIC
  dump "$1" '%o\n' | wc -l
}

# The ids of the dead letters that were moved back, each as often as it was.
moved_ids() {
  dump "$KAFKA_TOPIC" '%h\n' | sed -n 's/.*dlq\.id=\([^,]*\),.*/\1/p' | sort
}

# dead_ids [REASON]
dead_ids() {
  dump "$DLQ_TOPIC" '%h\n' | grep "dlq\.reason=${1:-}" | sed -n 's/.*dlq\.id=\([^,]*\),.*/\1/p' | sort
}

# kcat_record TOPIC KCAT-OPTION...: standard input as one record.
kcat_record() {
  local topic=$1
  shift
  cat >record
  kcat -b "$KAFKA_BROKER" -t "$topic" -P "$@" record
}

# null_record TOPIC KEY KCAT-OPTION...: a record with a null value.
null_record() {
  local topic=$1 key=$2
  shift 2
  echo "$key:" | kcat -b "$KAFKA_BROKER" -t "$topic" -P -K : -Z "$@"
}

# ends: the records of the three partitions together. Asked for, not read: while records keep coming in,
# kcat finds no end to stop at.
ends() {
  kcat -b "$KAFKA_BROKER" -Q -t "$KAFKA_TOPIC:0:-1" -t "$KAFKA_TOPIC:1:-1" -t "$KAFKA_TOPIC:2:-1" |
    awk '{ n += $NF } END { print n }'
}

ends_behind() { # COUNT
  [ "$(ends)" -ge "$1" ]
}

@test "dead letters go back once each, by reason and then the rest, byte for byte" {
  topics 1
  "$producer" -n 200 --interval-ms 0 --invalid-rate 0.4 --seed 7 --quiet
  printf '{"odd": \001\377}' | kcat_record "$KAFKA_TOPIC" -k 'odd,key' -H a=1 -H a=2 -H 'empty=' -H nothing
  null_record "$KAFKA_TOPIC" tombstone -H b=1
  total=$(count "$KAFKA_TOPIC")
  fail_all
  [ "$(count "$DLQ_TOPIC")" -eq "$total" ]

  run --separate-stderr "$producer" --redrive --dry-run
  echo "$output"
  [ "$status" -eq 0 ]
  table=$output
  [[ ${lines[-1]} == "$total would be sent" ]]
  validate=$(dead_ids VALIDATE | wc -l)
  [[ $output =~ VALIDATE\ +$KAFKA_TOPIC\ +$validate\ +$validate\ +0\ +0\ +0 ]]
  run --separate-stderr "$producer" --redrive --dry-run
  [ "$output" = "$table" ]
  [ "$(count "$KAFKA_TOPIC")" -eq "$total" ]

  run --separate-stderr "$producer" --redrive --reason VALIDATE
  [ "$status" -eq 0 ]
  [ "$output" = "sent $validate, acknowledged $validate, stayed 0, skipped 0, failed 0" ]
  diff <(moved_ids) <(dead_ids VALIDATE)

  rest=$((total - validate))
  run --separate-stderr "$producer" --redrive
  [ "$output" = "sent $rest, acknowledged $rest, stayed 0, skipped 0, failed 0" ]
  diff <(moved_ids) <(dead_ids)
  run --separate-stderr "$producer" --redrive
  [ "$output" = "sent 0, acknowledged 0, stayed 0, skipped 0, failed 0" ]
  run --separate-stderr "$producer" --redrive --dry-run
  [[ ${lines[-1]} == "0 would be sent" ]]

  # Key and value with their lengths (-1: null), then headers, as multisets of bytes.
  dump "$KAFKA_TOPIC" '%K %k %S %s\x00' -c "$total" | sort -z >before
  dump "$KAFKA_TOPIC" '%K %k %S %s\x00' -o "$total" | sort -z >after
  cmp before after
  dump "$KAFKA_TOPIC" '%k %h\n' -c "$total" | sort >before
  dump "$KAFKA_TOPIC" '%k %h\n' -o "$total" | sed 's/,\?dlq\.id=[^,]*,dlq\.first-failure-ms=[0-9]*,dlq\.replay-count=1$//' | sort >after
  diff before after
}

@test "an interrupted run loses nothing and repeats nothing" {
  topics 3
  "$producer" -n 300 --interval-ms 0 --quiet
  fail_all
  for _ in 1 2; do
    before=$(ends)
    start_in_background run.log "$producer" --redrive --rate 20
    pid=$started_pid
    wait_for 30 ends_behind $((before + 20))
    kill -INT "$pid"
    wait_for 20 is_gone "$pid"
    cat run.log
    grep -q 'stopped before the end' run.log
    diff <(moved_ids) <(moved_ids | uniq)
  done
  [ "$(moved_ids | wc -l)" -lt 300 ]
  "$producer" --redrive --reason PROCESS --max 10
  "$producer" --redrive
  diff <(moved_ids) <(dead_ids)
}

@test "a killed run loses nothing" {
  topics 3
  "$producer" -n 300 --interval-ms 0 --invalid-rate 0.3 --quiet
  fail_all
  for _ in 1 2 3; do
    before=$(ends)
    start_in_background run.log "$producer" --redrive --rate 20
    pid=$started_pid
    wait_for 30 ends_behind $((before + 20))
    kill -KILL "$pid"
    wait_for 20 is_gone "$pid"
  done
  "$producer" --redrive
  diff <(moved_ids | uniq) <(dead_ids)
  # Repeated is at most what was sent in a second or so before each kill.
  [ "$(moved_ids | wc -l)" -lt $((300 + 3 * 60)) ]
  run --separate-stderr "$producer" --redrive
  [ "$output" = "sent 0, acknowledged 0, stayed 0, skipped 0, failed 0" ]
}

@test "a broker that goes away in the middle holds it up, no more" {
  topics 3
  "$producer" -n 200 --interval-ms 0 --quiet
  fail_all
  start_in_background run.log "$producer" --redrive --rate 50
  pid=$started_pid
  wait_for 30 ends_behind 220
  kill_kafka
  sleep 2
  resume_kafka
  wait_for 60 is_gone "$pid"
  cat run.log
  grep -q 'sent 200, acknowledged 200, stayed 0, skipped 0, failed 0' run.log
  diff <(moved_ids | uniq) <(dead_ids)
}

@test "each round counts, the first failure is remembered, the fourth time it stays" {
  topics 1
  "$producer" -n 5 --interval-ms 0 --quiet
  fail_all
  first=$(dump "$DLQ_TOPIC" '%h\n' -c 5 | grep -o 'dlq.first-failure-ms=[0-9]*' | sort)
  for round in 1 2 3; do
    run --separate-stderr "$producer" --redrive
    [ "$output" = "sent 5, acknowledged 5, stayed 0, skipped 0, failed 0" ]
    [ "$(dump "$KAFKA_TOPIC" '%h\n' | grep -c "dlq.replay-count=$round")" -eq 5 ]
    fail_all
    [ "$(dump "$DLQ_TOPIC" '%h\n' -o $((5 * round)) | grep -o 'dlq.first-failure-ms=[0-9]*' | sort)" = "$first" ]
  done
  run --separate-stderr "$producer" --redrive --dry-run
  echo "$output"
  [[ $output =~ PROCESS\ +$KAFKA_TOPIC\ +5\ +0\ +5\ +0\ +0 ]]
  run --separate-stderr "$producer" --redrive --max-replays 4 --dry-run
  [[ ${lines[-1]} == "5 would be sent" ]]
  run --separate-stderr "$producer" --redrive
  [ "$status" -eq 0 ]
  [ "$output" = "sent 0, acknowledged 0, stayed 5, skipped 0, failed 0" ]
  [ "$(count "$KAFKA_TOPIC")" -eq 20 ]
}

@test "a tracker that is well again processes what was moved back" {
  topics 3
  "$producer" -n 50 --interval-ms 0 --quiet
  fail_all
  "$producer" --redrive
  "$ROOT/bin/tracker" --drain --quiet
  [ "$(jq -r .outcome tracker.events | sort | uniq -c | tr -s ' ' | tr '\n' ';')" = " 50 dead_lettered; 50 processed;" ]
  [ "$(jq -r 'select(.outcome == "processed") | .order_id' tracker.events | sort -u | wc -l)" -eq 50 ]
}

@test "what is no dead letter of ours, or has lost its value, is left where it is" {
  topics 1
  printf x | kcat_record "$DLQ_TOPIC"
  echo x | kcat_record "$DLQ_TOPIC" -H "__dlq.errors.topic=$DLQ_TOPIC" -H dlq.id=1 -H dlq.reason=PROCESS
  null_record "$DLQ_TOPIC" k -H "__dlq.errors.topic=$KAFKA_TOPIC" -H dlq.id=2 -H dlq.reason=TOO_LARGE -H dlq.value-omitted=true
  null_record "$DLQ_TOPIC" k -H "__dlq.errors.topic=$KAFKA_TOPIC" -H dlq.id=3 -H dlq.reason=NULL_VALUE
  echo y | kcat_record "$DLQ_TOPIC" -H "__dlq.errors.topic=$KAFKA_TOPIC" -H dlq.id=4 -H dlq.reason=SUNSPOTS
  run --separate-stderr "$producer" --redrive --dry-run
  echo "$output"
  [[ $output =~ TOO_LARGE\ +$KAFKA_TOPIC\ +1\ +0\ +0\ +1\ +0 ]]
  [[ $output =~ PROCESS\ +-\ +1\ +0\ +0\ +0\ +1 ]]
  [[ $output =~ OTHER\ +-\ +1\ +0\ +0\ +0\ +1 ]]
  [[ $output =~ OTHER\ +$KAFKA_TOPIC\ +1\ +1\ +0\ +0\ +0 ]]
  run --separate-stderr "$producer" --redrive
  [ "$output" = "sent 2, acknowledged 2, stayed 0, skipped 3, failed 0" ]
  [ "$(dump "$KAFKA_TOPIC" '%S\n' | sort | tr '\n' ' ')" = "-1 2 " ]
}

@test "a record that cannot be sent stops its partition and is told; later it goes" {
  topics 1
  echo a | kcat_record "$DLQ_TOPIC" -H "__dlq.errors.topic=$KAFKA_TOPIC" -H dlq.id=1 -H dlq.reason=PROCESS
  head -c 800000 /dev/zero | tr '\0' x | kcat_record "$DLQ_TOPIC" -H "__dlq.errors.topic=$KAFKA_TOPIC" -H dlq.id=2 -H dlq.reason=PROCESS
  echo b | kcat_record "$DLQ_TOPIC" -H "__dlq.errors.topic=$KAFKA_TOPIC" -H dlq.id=3 -H dlq.reason=PROCESS
  run --separate-stderr "$producer" --redrive --rate 2 -X message.max.bytes=100000
  echo "$output / $stderr"
  [ "$status" -eq 1 ]
  [ "$output" = "sent 1, acknowledged 1, stayed 0, skipped 0, failed 1" ]
  [[ $stderr == *"1 dead letter was not acknowledged: $DLQ_TOPIC partition 0 offset 1: "* ]]
  run --separate-stderr "$producer" --redrive
  [ "$status" -eq 0 ]
  [ "$output" = "sent 2, acknowledged 2, stayed 0, skipped 0, failed 0" ]
  [ "$(moved_ids | tr '\n' ' ')" = "1 2 3 " ]
}

@test "wrong use is one line that says what is allowed" {
  run --separate-stderr "$producer" --redrive --reason proces
  [ "$status" -eq 2 ]
  [ "$stderr" = "producer: --reason proces: not a reason of dead letters; allowed: DESERIALIZE, VALIDATE, NULL_VALUE, TOO_LARGE, PROCESS, TIMEOUT, OTHER" ]
  for option in '-n 0' '--input -' '--seed 1' --init '--interval-ms 1' '--invalid-rate 0'; do
    # shellcheck disable=SC2086 # option and value
    run --separate-stderr "$producer" --redrive $option
    [ "$status" -eq 2 ]
    [[ $stderr == "producer: --"*" does not go with --redrive" ]]
  done
  for option in --dry-run '--reason PROCESS' '--max 1' '--rate 1' '--max-replays 1'; do
    # shellcheck disable=SC2086
    run --separate-stderr "$producer" -n 1 $option
    [ "$status" -eq 2 ]
    [[ $stderr == "producer: ${option% *} goes with --redrive only" ]]
  done
}

@test "no dead letter topic, or no Kafka: one line, exit 1" {
  run --separate-stderr "$producer" --redrive
  [ "$status" -eq 1 ]
  echo "$stderr"
  [[ $stderr == *"producer: topic $DLQ_TOPIC: "* ]]
  run --separate-stderr env KAFKA_BROKER=127.0.0.1:1 "$producer" --redrive --timeout-ms 1500
  [ "$status" -eq 1 ]
  echo "$stderr"
  [[ $stderr == *"producer: no answer from Kafka within 1500 ms"* ]]
}
