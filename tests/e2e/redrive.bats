#!/usr/bin/env bats
# Dead letters and their way back: the real programs on a real Kafka.

# bats and the helpers set the variables.
# shellcheck disable=SC2154

bats_require_minimum_version 1.5.0
load ../support/common
load ../support/kafka

# With an authorizer a topic can be forbidden; what has no rule is everybody's, as without one.
BROKER_SETTINGS=(authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
  allow.everyone.if.no.acl.found=true)

setup_file() {
  start_kafka "${BROKER_SETTINGS[@]}"
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

admin() { # VERB [ARGUMENT]...
  "$ROOT/tests/support/kafka_admin.py" "$KAFKA_BROKER" "$@"
}

# Named, kcat would have the broker create it.
no_such_topic() {
  ! kcat -b "$KAFKA_BROKER" -L | grep -qF "topic \"$1\""
}

# letters ORIGINAL-TOPIC REASON ID...: dead letters of such records, whose values are their ids.
letters() {
  local topic=$1 reason=$2 id
  shift 2
  for id in "$@"; do
    echo "$id" | kcat -b "$KAFKA_BROKER" -t "$DLQ_TOPIC" -p 0 -P -H "__dlq.errors.topic=$topic" -H "dlq.id=$id" \
      -H "dlq.reason=$reason"
  done
}

# redrive STATUS SUMMARY [OPTION]...: a run that ends so.
redrive() {
  local expected=$1 summary=$2
  shift 2
  run --separate-stderr "$producer" --redrive "$@"
  echo "$output / $stderr"
  [ "$status" -eq "$expected" ] && [ "$output" = "$summary" ]
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

has_records_in() { # TOPIC COUNT: of its partition 0
  [ "$(kcat -b "$KAFKA_BROKER" -Q -t "$1:0:-1" | awk '{ print $NF }')" -ge "$2" ]
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
  [[ $output =~ VALIDATE\ +$KAFKA_TOPIC\ +$validate\ +$validate\ +0\ +0\ +0\ +0 ]]
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
  resume_kafka "${BROKER_SETTINGS[@]}"
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
  [[ $output =~ PROCESS\ +$KAFKA_TOPIC\ +5\ +0\ +0\ +5\ +0\ +0 ]]
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
  [[ $output =~ TOO_LARGE\ +$KAFKA_TOPIC\ +1\ +0\ +0\ +0\ +1\ +0 ]]
  [[ $output =~ PROCESS\ +-\ +1\ +0\ +0\ +0\ +0\ +1 ]]
  [[ $output =~ OTHER\ +-\ +1\ +0\ +0\ +0\ +0\ +1 ]]
  [[ $output =~ OTHER\ +$KAFKA_TOPIC\ +1\ +1\ +0\ +0\ +0\ +0 ]]
  run --separate-stderr "$producer" --redrive
  [ "$status" -eq 0 ]
  [ "$output" = "sent 2, acknowledged 2, stayed 0, skipped 3, failed 0" ]
  [ "$stderr" = "producer: 1 dead letter was too large for $DLQ_TOPIC and lacks value, headers or key; it cannot be sent: partition 0 offset 2" ]
  [ "$(dump "$KAFKA_TOPIC" '%S\n' | sort | tr '\n' ' ')" = "-1 2 " ]
}

@test "a record that is refused is named and holds nothing up; the next run sends it alone" {
  topics 1
  echo a | kcat_record "$DLQ_TOPIC" -H "__dlq.errors.topic=$KAFKA_TOPIC" -H dlq.id=1 -H dlq.reason=PROCESS
  head -c 800000 /dev/zero | tr '\0' x | kcat_record "$DLQ_TOPIC" -H "__dlq.errors.topic=$KAFKA_TOPIC" -H dlq.id=2 -H dlq.reason=PROCESS
  echo b | kcat_record "$DLQ_TOPIC" -H "__dlq.errors.topic=$KAFKA_TOPIC" -H dlq.id=3 -H dlq.reason=PROCESS
  for _ in 1 2; do
    before=$(count "$KAFKA_TOPIC")
    run --separate-stderr "$producer" --redrive -X message.max.bytes=100000
    echo "$output / $stderr"
    [ "$status" -eq 1 ]
    [[ $output == "sent $((2 - before)), acknowledged $((2 - before)), stayed 0, skipped 0, failed 1" ]]
    [ "$stderr" = "producer: 1 dead letter was not acknowledged: $DLQ_TOPIC partition 0 offset 1: topic $KAFKA_TOPIC: Broker: Message size too large" ]
  done
  redrive 0 "sent 1, acknowledged 1, stayed 0, skipped 0, failed 0"
  [ "$(moved_ids | tr '\n' ' ')" = "1 2 3 " ]
}

@test "what the original topic finds too large holds nothing up either, not even what is in one batch with it" {
  topics 1
  admin config "$KAFKA_TOPIC" max.message.bytes=20000
  letters "$KAFKA_TOPIC" PROCESS 1 2
  head -c 60000 /dev/urandom | base64 -w 0 | kcat_record "$DLQ_TOPIC" -p 0 -H "__dlq.errors.topic=$KAFKA_TOPIC" -H dlq.id=3 -H dlq.reason=PROCESS
  for id in 4 5 6 7; do # together they are too large for one batch
    head -c 6000 /dev/urandom | base64 -w 0 | kcat_record "$DLQ_TOPIC" -p 0 -H "__dlq.errors.topic=$KAFKA_TOPIC" -H "dlq.id=$id" -H dlq.reason=PROCESS
  done
  redrive 1 "sent 7, acknowledged 6, stayed 0, skipped 0, failed 1"
  [[ $stderr == *"1 dead letter was not acknowledged: $DLQ_TOPIC partition 0 offset 2: topic $KAFKA_TOPIC: "*"too large"* ]]
  redrive 1 "sent 1, acknowledged 0, stayed 0, skipped 0, failed 1"
  admin config "$KAFKA_TOPIC" max.message.bytes=
  redrive 0 "sent 1, acknowledged 1, stayed 0, skipped 0, failed 0"
  [ "$(moved_ids | tr '\n' ' ')" = "1 2 3 4 5 6 7 " ]
}

@test "dead letters of a deleted topic are named and hold nothing up; when it is there again they go" {
  topics 1
  letters "$KAFKA_TOPIC-old" PROCESS o1
  letters "$KAFKA_TOPIC" PROCESS a b
  letters "$KAFKA_TOPIC-old" VALIDATE o2
  letters "$KAFKA_TOPIC" VALIDATE c
  run --separate-stderr "$producer" --redrive --dry-run
  echo "$output"
  [ "$status" -eq 0 ]
  [[ $output =~ PROCESS\ +$KAFKA_TOPIC-old\ +1\ +0\ +1\ +0\ +0\ +0 ]]
  [ "${lines[-2]}" = "topic $KAFKA_TOPIC-old: Broker: Unknown topic or partition" ]
  [ "${lines[-1]}" = "3 would be sent" ]

  redrive 1 "sent 3, acknowledged 3, stayed 0, skipped 0, failed 2"
  [ "$stderr" = "producer: 2 dead letters were not acknowledged: $DLQ_TOPIC partition 0 offset 0: topic $KAFKA_TOPIC-old: Broker: Unknown topic or partition" ]
  redrive 1 "sent 0, acknowledged 0, stayed 0, skipped 0, failed 2"
  redrive 1 "sent 0, acknowledged 0, stayed 0, skipped 0, failed 1" --reason VALIDATE
  no_such_topic "$KAFKA_TOPIC-old" # it was not created either
  letters "$KAFKA_TOPIC" TIMEOUT d
  redrive 1 "sent 1, acknowledged 1, stayed 0, skipped 0, failed 2"
  DLQ_TOPIC=none-$BATS_TEST_NUMBER create_topic "$KAFKA_TOPIC-old" 1
  redrive 0 "sent 1, acknowledged 1, stayed 0, skipped 0, failed 0" --reason VALIDATE
  redrive 0 "sent 1, acknowledged 1, stayed 0, skipped 0, failed 0"
  redrive 0 "sent 0, acknowledged 0, stayed 0, skipped 0, failed 0"
  [ "$(moved_ids | tr '\n' ' ')" = "a b c d " ]
  [ "$(dump "$KAFKA_TOPIC-old" '%s\n' | tr '\n' ' ')" = "o2 o1 " ]
}

@test "a topic deleted while a run goes on: what it acknowledged is not sent again" {
  topics 1
  DLQ_TOPIC=none-$BATS_TEST_NUMBER create_topic "$KAFKA_TOPIC-old" 1
  mapfile -t ids < <(seq 25)
  for id in "${ids[@]}"; do
    letters "$KAFKA_TOPIC-old" PROCESS "o$id"
    letters "$KAFKA_TOPIC" PROCESS "$id"
  done
  start_in_background run.log "$producer" --redrive --rate 4 -X topic.metadata.propagation.max.ms=500 \
    -X topic.metadata.refresh.interval.ms=200
  pid=$started_pid
  wait_for 30 has_records_in "$KAFKA_TOPIC-old" 3
  admin delete "$KAFKA_TOPIC-old"
  wait_for 60 is_gone "$pid"
  cat run.log
  grep -q "dead letters were not acknowledged: $DLQ_TOPIC partition 0 offset .*: topic $KAFKA_TOPIC-old: " run.log
  diff <(moved_ids) <(printf '%s\n' "${ids[@]}" | sort)
  failed=$(sed -n 's/^sent .*, failed \([0-9]*\)$/\1/p' run.log)
  [ "$failed" -lt 25 ]
  no_such_topic "$KAFKA_TOPIC-old"
  redrive 1 "sent 0, acknowledged 0, stayed 0, skipped 0, failed $failed"
}

@test "no right to write to the original topic: named, nothing else is held up, and later they go" {
  topics 1
  DLQ_TOPIC=none-$BATS_TEST_NUMBER create_topic "$KAFKA_TOPIC-closed" 1
  admin deny "$KAFKA_TOPIC-closed"
  letters "$KAFKA_TOPIC-closed" PROCESS c1 c2 c3
  letters "$KAFKA_TOPIC" PROCESS a b
  letters "$KAFKA_TOPIC-closed" PROCESS c4
  redrive 1 "sent 3, acknowledged 2, stayed 0, skipped 0, failed 4"
  [ "${stderr_lines[-1]}" = "producer: 4 dead letters were not acknowledged: $DLQ_TOPIC partition 0 offset 0: topic $KAFKA_TOPIC-closed: Broker: Topic authorization failed" ]
  redrive 1 "sent 1, acknowledged 0, stayed 0, skipped 0, failed 4"
  admin allow "$KAFKA_TOPIC-closed"
  redrive 0 "sent 4, acknowledged 4, stayed 0, skipped 0, failed 0"
  [ "$(moved_ids | tr '\n' ' ')" = "a b " ]
  [ "$(count "$KAFKA_TOPIC-closed")" -eq 4 ]
}

@test "a topic that has fewer partitions than before takes its records back" {
  topics 1
  letters "$KAFKA_TOPIC" PROCESS a
  echo b | kcat_record "$DLQ_TOPIC" -H "__dlq.errors.topic=$KAFKA_TOPIC" -H __dlq.errors.partition=7 -H dlq.id=b -H dlq.reason=PROCESS
  redrive 0 "sent 2, acknowledged 2, stayed 0, skipped 0, failed 0"
  [ "$(moved_ids | tr '\n' ' ')" = "a b " ]
}

@test "each reason, --max and --max-replays leave to the next run what they leave out, in one group" {
  topics 1
  for id in 1 2 3 4 5; do
    letters "$KAFKA_TOPIC" PROCESS "p$id"
    letters "$KAFKA_TOPIC" TIMEOUT "t$id"
    letters "$KAFKA_TOPIC" VALIDATE "v$id"
  done
  echo w | kcat_record "$DLQ_TOPIC" -H "__dlq.errors.topic=$KAFKA_TOPIC" -H dlq.id=w -H dlq.reason=PROCESS -H dlq.replay-count=3
  redrive 0 "sent 5, acknowledged 5, stayed 1, skipped 0, failed 0" --reason PROCESS
  redrive 0 "sent 2, acknowledged 2, stayed 0, skipped 0, failed 0" --reason TIMEOUT --max 2
  redrive 0 "sent 0, acknowledged 0, stayed 1, skipped 0, failed 0" --reason PROCESS
  redrive 0 "sent 8, acknowledged 8, stayed 1, skipped 0, failed 0"
  redrive 0 "sent 1, acknowledged 1, stayed 0, skipped 0, failed 0" --max-replays 4
  redrive 0 "sent 0, acknowledged 0, stayed 0, skipped 0, failed 0"
  [ "$(moved_ids | uniq | wc -l)" -eq 16 ]
  [ "$(moved_ids | wc -l)" -eq 16 ]
  [ "$(admin groups | grep "^$KAFKA_CONSUMER_GROUP-")" = "$KAFKA_CONSUMER_GROUP-redrive" ]
}

@test "what an earlier version committed in a group for each reason is not sent again" {
  topics 1
  letters "$KAFKA_TOPIC" PROCESS p1 p2
  letters "$KAFKA_TOPIC" VALIDATE v1
  letters "$KAFKA_TOPIC" PROCESS p3
  letters "$KAFKA_TOPIC" VALIDATE v2
  letters "$KAFKA_TOPIC" TIMEOUT t1
  admin commit "$KAFKA_CONSUMER_GROUP-redrive-PROCESS" "$DLQ_TOPIC" 0 2
  admin commit "$KAFKA_CONSUMER_GROUP-redrive-VALIDATE" "$DLQ_TOPIC" 0 6
  redrive 0 "sent 1, acknowledged 1, stayed 0, skipped 0, failed 0" --reason TIMEOUT
  redrive 0 "sent 1, acknowledged 1, stayed 0, skipped 0, failed 0"
  [ "$(moved_ids | tr '\n' ' ')" = "p3 t1 " ]
}

@test "offsets that Kafka's tools reset are obeyed" {
  topics 1
  letters "$KAFKA_TOPIC" PROCESS a b c
  redrive 0 "sent 3, acknowledged 3, stayed 0, skipped 0, failed 0"
  admin commit "$KAFKA_CONSUMER_GROUP-redrive" "$DLQ_TOPIC" 0 1
  redrive 0 "sent 2, acknowledged 2, stayed 0, skipped 0, failed 0"
}

@test "of two runs at the same time one stops and says so, and nothing is left out" {
  topics 3
  "$producer" -n 200 --interval-ms 0 --quiet
  fail_all
  start_in_background first.log "$producer" --redrive --rate 20
  first=$started_pid
  wait_for 30 ends_behind 220
  start_in_background second.log "$producer" --redrive --rate 20
  second=$started_pid
  wait_for 60 is_gone "$first"
  wait_for 60 is_gone "$second"
  cat first.log second.log
  [ "$(cat first.log second.log | grep -c "another program changes the offsets of the group $KAFKA_CONSUMER_GROUP-redrive")" -eq 1 ]
  "$producer" --redrive
  diff <(moved_ids | uniq) <(dead_ids)
  # Twice is at most what one of them sent until it noticed.
  [ "$(moved_ids | wc -l)" -lt 300 ]
  redrive 0 "sent 0, acknowledged 0, stayed 0, skipped 0, failed 0"
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
