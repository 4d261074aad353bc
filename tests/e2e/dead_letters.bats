#!/usr/bin/env bats
# What becomes of records that cannot be processed, against a real Apache Kafka. Records are compared byte for
# byte, as kcat reads them.

bats_require_minimum_version 1.5.0
load ../support/flow_on_kafka

# With an authorizer a topic can be forbidden; what has no rule is everybody's, as without one.
BROKER_SETTINGS=(authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
  allow.everyone.if.no.acl.found=true)

teardown() {
  end_background
  stop_second_kafka
}

ask() { # WORD...: of kafka_admin.py; NAME is the dead letter topic.
  python3 -B "$ROOT/tests/support/kafka_admin.py" "$KAFKA_BROKER" "${@/NAME/$DLQ_TOPIC}"
}

# letters: the records of the dead letter topic by where they came from: partition, offset, key, value.
letters() {
  records "$DLQ_TOPIC" |
    sed 's/^[0-9]* [0-9]* \([^ ]* [^ ]*\) .*__dlq.errors.partition=\([0-9]*\),__dlq.errors.offset=\([0-9]*\),.*/\2 \3 \1/' |
    sort -n -k 1,1 -k 2,2
}

# headers: those of the first dead letter, one on a line; an error's text may have commas too.
headers() {
  records "$DLQ_TOPIC" | head -n 1 | cut -d ' ' -f 5- | sed 's/,\([a-z_][a-z_.-]*\)=/\n\1=/g'
}

# Whether an order is broken, and how, is found out here by jq, which knows nothing of ours; jq 1.6 takes some
# texts that are not JSON, so that only what it refuses is judged by it.
@test "every broken order has its line and its dead letter, byte for byte, and no other has one" {
  make_topics 3 2
  produce -n 5000 --invalid-rate 0.2 --seed 2
  drain
  journal_is_exact
  [ "$(line_count "$journal")" -eq 5000 ]
  jq -r 'select(.outcome != "processed") | "\(.kafka_partition) \(.kafka_offset)"' "$journal" |
    sort -n -k 1,1 -k 2,2 >broken
  count=$(line_count broken)
  # 0.2 of 5000, within five standard deviations.
  [ "$count" -ge 859 ]
  [ "$count" -le 1141 ]
  [ "$(count_where '.outcome == "dead_lettered"')" -eq "$count" ]
  records "$KAFKA_TOPIC" | cut -d ' ' -f 1-4 >originals
  awk 'NR == FNR { broken[$1 " " $2]; next } ($1 " " $2) in broken' broken originals >expected
  letters | diff expected -
  # The places that the journal names are where they lie.
  jq -r 'select(.dlq) | "\(.dlq.partition) \(.dlq.offset) \(.kafka_partition) \(.kafka_offset) \(.reason)"' "$journal" |
    sort -n -k 1,1 -k 2,2 >told
  records "$DLQ_TOPIC" |
    sed 's/^\([0-9]* [0-9]*\) .*__dlq.errors.partition=\([0-9]*\),__dlq.errors.offset=\([0-9]*\),.*dlq.reason=\([A-Z_]*\),.*/\1 \2 \3 \4/' |
    diff told -
  [ "$(awk '$1 != $3 % 2' told | wc -l)" -eq 0 ]
  # All kinds of reasons, each with its event type.
  [ "$(jq -r 'select(.reason) | "\(.reason) \(.event_type) \(.attempts) \(.deserialized)"' "$journal" | sort -u)" = \
    "DESERIALIZE message.received.deserialization_error 1 false
NULL_VALUE message.received.deserialization_error 1 false
VALIDATE message.received.validation_error 1 true" ]
  # A null value is a null value and nothing else is.
  awk '$4 == "-" { print $1, $2 }' originals >nulls
  [ -s nulls ]
  jq -r 'select(.reason == "NULL_VALUE") | "\(.kafka_partition) \(.kafka_offset)"' "$journal" |
    sort -n -k 1,1 -k 2,2 | diff nulls -
  # What jq does not read is never called decodable.
  jq -r 'select(.deserialized) | .raw_message' "$journal" | jq -c . | wc -l >readable
  [ "$(cat readable)" -eq "$(count_where .deserialized)" ]
  # The journal has the bytes too, as text or in base64.
  jq -r 'select(.outcome != "processed") | "\(.kafka_partition) \(.kafka_offset) " +
    if .message_size == null then "-" elif .raw_encoding then .raw_message else .raw_message | @base64 end' "$journal" |
    perl -MMIME::Base64 -lane '$F[2] //= ""; print "$F[0] $F[1] ", $F[2] eq "-" ? "-" : "x" . unpack "H*", decode_base64 $F[2]' |
    sort -n -k 1,1 -k 2,2 >in_journal
  cut -d ' ' -f 1,2,4 expected | diff in_journal -
}

@test "the same seed breaks the same orders in the same way" {
  broken() { # NAME SEED
    KAFKA_TOPIC=$KAFKA_TOPIC-$1 DLQ_TOPIC=$DLQ_TOPIC-$1 TRACKER_EVENTS_FILE=$1.events
    make_topics 1
    produce -n 600 --invalid-rate 0.3 --seed "$2"
    drain
    jq -r '"\(.kafka_offset) \(.kafka_key) \(.reason) \(.error) \(.message_size)"' "$1.events" >"$1"
    [ "$(line_count "$1")" -eq 600 ]
  }
  (broken a 5)
  (broken b 5)
  (broken c 6)
  cmp a b
  ! cmp -s a c
}

# ---- headers

@test "the headers of a dead letter, after the original ones" {
  make_topics 1
  printf 'k1\tno order\n' |
    kcat -b "$KAFKA_BROKER" -t "$KAFKA_TOPIC" -P -K '\t' -H first=1 -H error=old -H dlq.id=old -H twice=a -H twice=b -H attempts=77
  before=$(date +%s%3N)
  drain
  after=$(date +%s%3N)
  headers >headers
  [ "$(sed 's/=.*//' headers | tr '\n' ' ')" = "first twice twice __dlq.errors.topic __dlq.errors.partition __dlq.errors.offset __dlq.errors.group\
 __dlq.errors.delivery.count __dlq.errors.message dlq.id dlq.reason dlq.attempts dlq.first-failure-ms dlq.last-failure-ms\
 dlq.original-timestamp-ms original-topic error attempts " ]
  value() { # NAME
    sed -n "s/^$1=//p" headers
  }
  [ "$(value first)" = 1 ]
  [ "$(value twice | tr '\n' ' ')" = "a b " ]
  [ "$(value __dlq.errors.topic)" = "$KAFKA_TOPIC" ]
  [ "$(value original-topic)" = "$KAFKA_TOPIC" ]
  [ "$(value __dlq.errors.partition) $(value __dlq.errors.offset)" = "0 0" ]
  [ "$(value __dlq.errors.group)" = "$KAFKA_CONSUMER_GROUP" ]
  [ "$(value __dlq.errors.delivery.count) $(value dlq.attempts) $(value attempts)" = "1 1 1" ]
  [ "$(value dlq.id)" = "$KAFKA_TOPIC/0/0/$KAFKA_CONSUMER_GROUP" ]
  [ "$(value dlq.reason)" = DESERIALIZE ]
  [ "$(value error)" = "$(jq -r .error "$journal")" ]
  [ "$(value __dlq.errors.message)" = "$(jq -r .error "$journal")" ]
  [ "$(value dlq.original-timestamp-ms)" = "$(jq -r .kafka_timestamp_ms "$journal")" ]
  [ "$(value dlq.first-failure-ms)" -ge "$before" ]
  [ "$(value dlq.last-failure-ms)" -le "$after" ]
  # Its own time is that of the write, since retention counts from there.
  stamp=$(kcat -b "$KAFKA_BROKER" -t "$DLQ_TOPIC" -C -e -q -o beginning -f '%T')
  [ "$stamp" -ge "$before" ]
  [ "$stamp" -le "$after" ]
}

@test "keys: null, empty and binary ones arrive as they were" {
  make_topics 1
  printf 'no key\n' | kcat -b "$KAFKA_BROKER" -t "$KAFKA_TOPIC" -P
  printf '\tempty key\n\377\200x\tbinary key\n' | kcat -b "$KAFKA_BROKER" -t "$KAFKA_TOPIC" -P -K '\t'
  printf 'k\t\n' | kcat -b "$KAFKA_BROKER" -t "$KAFKA_TOPIC" -P -K '\t' -Z
  drain
  records "$KAFKA_TOPIC" | cut -d ' ' -f 1-4 >originals
  cut -d ' ' -f 3 originals | sort | tr '\n' ' '
  letters | diff originals -
  [ "$(jq -c '[.kafka_key, .kafka_key_encoding]' "$journal" | sed -n 3p)" = '["/4B4","base64"]' ]
  [ "$(jq -c .kafka_key "$journal" | sed -n 1p)" = null ]
}

# ---- sizes

@test "tracker.max_message_bytes: larger ones are dead-lettered unread, with all their bytes" {
  make_topics 1
  produce -n 1
  size=$(kcat -b "$KAFKA_BROKER" -t "$KAFKA_TOPIC" -C -e -q -o beginning -f '%S')
  kcat -b "$KAFKA_BROKER" -t "$KAFKA_TOPIC" -C -e -q -o beginning -f '%s ' >longer
  kcat -b "$KAFKA_BROKER" -t "$KAFKA_TOPIC" -P longer
  drain -s tracker.max_message_bytes="$size"
  [ "$(jq -c '[.outcome, .reason, .deserialized, .message_size, has("order_id")]' "$journal" | tr -d '\n')" = \
    "[\"processed\",null,true,$size,true][\"dead_lettered\",\"TOO_LARGE\",false,$((size + 1)),false]" ]
  records "$KAFKA_TOPIC" | sed -n 2p | cut -d ' ' -f 4 >original
  letters | cut -d ' ' -f 4 | cmp original -
}

# A record that is as large as a message may be has no room for further headers: the place where it lies is
# what can be kept.
@test "too large for the dead letter topic: a pointer to the record" {
  make_topics 1
  head -c 1048300 /dev/urandom >large # does not compress: with the headers of a dead letter it is too large
  size=$(wc -c <large)
  printf 'small\n' | kcat -b "$KAFKA_BROKER" -t "$KAFKA_TOPIC" -P
  kcat -b "$KAFKA_BROKER" -t "$KAFKA_TOPIC" -P -k key -X message.max.bytes=1200000 large
  drain
  [ "$(jq -c '[.outcome, .reason, .dlq.offset]' "$journal" | tr -d '\n')" = \
    '["dead_lettered","DESERIALIZE",0]["dead_lettered","DESERIALIZE",1]' ]
  records "$DLQ_TOPIC" | sed -n 2p >pointer
  [ "$(cut -d ' ' -f 3,4 pointer)" = "x6b6579 -" ]
  grep -q "__dlq.errors.offset=1,.*dlq.value-omitted=true,dlq.value-size=$size$" pointer
  [ "$(records "$DLQ_TOPIC" | grep -c value-omitted)" -eq 1 ]
  jq -r 'select(.kafka_offset == 1) | .raw_message' "$journal" | base64 -d | cmp large -
}

# noise BYTES: text that hardly compresses.
noise() {
  head -c "$1" /dev/urandom | base64 -w 0 | head -c "$1"
}

@test "too large without its value: without its headers, and then without its key" {
  local headers=() i
  make_topics 1
  ask config NAME max.message.bytes=20000
  for ((i = 0; i < 998; i++)); do headers+=(-H "h$i=$(printf '%x' $((RANDOM * 32768 + RANDOM)))$i"); done
  headers+=(-H null -H "large=$(noise 50000)")
  send() { # FILE [OPTION]...
    local file=$1
    shift
    kcat -b "$KAFKA_BROKER" -t "$KAFKA_TOPIC" -P -X message.max.bytes=2000000 "$@" <"$file"
  }
  echo 'no order' >small
  noise 100000 >large
  (noise 900000 && printf '\tno order\n') >large_key
  send small -k key -H a=b
  send large -k key -H a=b
  send small -k key "${headers[@]}"
  send large "${headers[@]}"
  send large_key -K '\t' "${headers[@]}"
  drain -s processor.ordering=partition # else a large one is overtaken by small ones of other keys
  journal_is_exact
  [ "$(jq -r .outcome "$journal" | sort | uniq -c | tr -s ' ')" = " 5 dead_lettered" ]
  records "$DLQ_TOPIC" >letters
  omitted() { # LINE
    sed -n "$1p" letters | grep -o 'dlq\.[a-z]*-\(omitted\|size\|count\)=[a-z0-9]*' | sed 's/dlq\.//' | tr '\n' ' '
  }
  [ "$(cut -d ' ' -f 3 letters | tr '\n' ' ')" = "x6b6579 x6b6579 x6b6579 - - " ]
  [ "$(cut -d ' ' -f 4 letters | cut -c 1-10 | tr '\n' ' ')" = "x6e6f206f7 - - - - " ]
  [ "$(omitted 1)" = "" ]
  [ "$(omitted 2)" = "value-omitted=true value-size=100000 " ]
  [[ "$(omitted 3)" =~ ^"value-omitted=true value-size=8 headers-omitted=true headers-count=1000 headers-size="[0-9]+" "$ ]]
  [[ "$(omitted 4)" =~ ^"value-omitted=true value-size=100000 headers-omitted=true headers-count=1000 headers-size="[0-9]+" "$ ]]
  [[ "$(omitted 5)" == *"key-omitted=true key-size=900000 " ]]
  [ "$(grep -c ' a=b,' letters)" -eq 2 ]
  [ "$(jq -r 'select(.kafka_offset == 4) | .kafka_key | length' "$journal")" -eq 900000 ]
  # None of them goes back as if it were the record.
  run --separate-stderr "$ROOT/bin/producer" --redrive --dry-run
  echo "$output"
  [[ $output =~ DESERIALIZE\ +$KAFKA_TOPIC\ +5\ +1\ +0\ +0\ +4\ +0 ]]
}

@test "a dead letter topic that takes next to nothing: its partition waits and names the limit, then the whole goes" {
  make_topics 1
  ask config NAME max.message.bytes=100
  echo 'no order' | kcat -b "$KAFKA_BROKER" -t "$KAFKA_TOPIC" -P -k key -H a=b
  start_tracker
  wait_for 60 has_logged dead_letter.refused
  logged dead_letter.refused | head -n 1 | jq -r .error >error
  grep -q "raise max.message.bytes of the topic $DLQ_TOPIC" error
  ask config NAME max.message.bytes=
  wait_for 60 has_lines "$journal" 1
  kill -TERM "$tracker"
  ends_with 0 "$tracker"
  [ "$(letters)" = "0 0 x6b6579 x6e6f206f72646572" ]
}

# The dead letters of 24 partitions meet in one batch, which waits for them. It is too large for the topic, none of
# them is.
@test "a batch of dead letters that is too large for the topic: each goes with its value" {
  make_topics 24 1
  ask config NAME max.message.bytes=16000
  for ((i = 0; i < 240; i++)); do
    noise 8000
    echo
  done >orders
  kcat -b "$KAFKA_BROKER" -t "$KAFKA_TOPIC" -P <orders
  drain -X linger.ms=200
  journal_is_exact
  [ "$(count_where '.outcome == "dead_lettered"')" -eq 240 ]
  records "$DLQ_TOPIC" >letters
  [ "$(line_count letters)" -eq 240 ]
  [ "$(grep -c omitted letters)" -eq 0 ]
  cut -d ' ' -f 4 letters | sort >values
  records "$KAFKA_TOPIC" | cut -d ' ' -f 4 | sort | cmp values -
  has_logged kafka.batch_refused
}

# ---- without dead letters

@test "dlq.enabled=false, skip: dropped, and the journal has the bytes" {
  make_topics 1
  printf 'caf\351\nno order\n{"order_id":"1"}\n' >bad
  produce -n 2
  produce_no_orders bad
  produce -n 1
  drain -s dlq.enabled=false
  journal_is_exact
  [ "$(jq -r '"\(.outcome) \(.reason)"' "$journal" | tr '\n' ,)" = "processed null,processed null,dropped \
DESERIALIZE,dropped DESERIALIZE,dropped VALIDATE,processed null," ]
  [ "$(count_where 'has("dlq")')" -eq 0 ]
  jq -r 'select(.outcome == "dropped") | if .raw_encoding then .raw_message else .raw_message | @base64 end' "$journal" |
    while read -r line; do
      base64 -d <<<"$line"
      echo
    done | cmp bad -
  [ "$(tail -n 1 "$log" | jq -c '.metadata | [.messages_dropped, .messages_dead_lettered, .drained]')" = '[3,0,true]' ]
  [ "$(count_records "$DLQ_TOPIC")" -eq 0 ]
}

@test "dlq.enabled=false, halt: exit 1 that names the record, nothing is told or committed from it on" {
  make_topics 1
  printf 'no order\n' >bad
  produce -n 5
  produce_no_orders bad
  produce -n 5
  run --separate-stderr timeout 60 "$ROOT/bin/tracker" -q -s dlq.enabled=false -s dlq.on_disabled=halt
  [ "$status" -eq 1 ]
  [ "${#stderr_lines[@]}" -eq 1 ] || fail "$stderr"
  [[ $stderr == *"$KAFKA_TOPIC/0 offset 5: "* ]]
  [ "$(line_count "$journal")" -eq 5 ]
  [ "$(jq -s -c 'last | [.level, .event, (.error | contains("offset 5"))]' "$log")" = '["ERROR","tracker.stopped",true]' ]
  # The next one stops at the same record.
  run --separate-stderr timeout 60 "$ROOT/bin/tracker" -q --drain -s dlq.enabled=false -s dlq.on_disabled=halt
  [ "$status" -eq 1 ]
  [ "$(line_count "$journal")" -eq 5 ]
  # The five before it were committed, it was not.
  [ "$(after_the_commits)" -eq 6 ]
  [ "$(jq .kafka_offset after.events | head -n 1)" -eq 5 ]
}

# ---- a fault of the system is none of the record

@test "a dead letter topic that is not there: the partition waits, nothing is lost, and goes on when it comes" {
  create_topic "$KAFKA_TOPIC" 1 >/dev/null
  printf 'no order\n' >bad
  produce -n 3
  produce_no_orders bad
  produce -n 3
  start_tracker -s dlq.topic="late-$DLQ_TOPIC" -s kafka.create_topics=false -s tracker.metrics_interval_seconds=1 \
    -X allow.auto.create.topics=false -X topic.metadata.propagation.max.ms=500
  wait_for 60 has_logged dead_letter.refused
  [ "$(line_count "$journal")" -le 3 ]
  create_topic "late-$DLQ_TOPIC" 1 >/dev/null
  wait_for 60 has_lines "$journal" 7
  kill -TERM "$tracker"
  ends_with 0 "$tracker"
  journal_is_exact
  [ "$(count_records "late-$DLQ_TOPIC")" -eq 1 ]
  [ "$(count_where '.kafka_offset == 3 and .outcome == "dead_lettered" and .attempts == 1')" -eq 1 ]
}

told_of() { # PARTITION
  [ ! -f "$journal" ] || jq -c "select(.kafka_partition == $1) | .kafka_offset" "$journal" | wc -l
}

is_told_of() { # PARTITION COUNT
  [ "$(told_of "$1")" -ge "$2" ]
}

# refused_for_a_while REASON REFUSE ALLOW: the partition of a record whose dead letter is refused waits and tries
# again, also after a crash, while the other goes on; then all is told. REFUSE and ALLOW are words of
# kafka_admin.py; NAME stands for the dead letter topic.
refused_for_a_while() {
  local reason=$1 refuse=$2 allow=$3
  start_other() {
    start_tracker -s tracker.metrics_interval_seconds=1 -X session.timeout.ms=3000 -X heartbeat.interval.ms=500
  }
  tried_again() { # COUNT
    jq -s -e --arg m dead_letter.refused \
      '[.[] | select(.event == $m) | .metadata.repeated // 1] | add >= '"$1" "$log" >/dev/null
  }
  make_topics 2
  produce -n 20
  there=$(topic_offsets "$KAFKA_TOPIC" | grep -c '^0')
  echo 'no order' | kcat -b "$KAFKA_BROKER" -t "$KAFKA_TOPIC" -P -p 0
  produce -n 20
  # shellcheck disable=SC2086
  ask $refuse
  start_other
  wait_for 60 tried_again 3
  [ "$(logged dead_letter.refused | head -n 1 | jq -r .error)" = "$reason" ]
  produce -n 20
  others=$(topic_offsets "$KAFKA_TOPIC" | grep -c '^1')
  wait_for 60 is_told_of 1 "$others"
  wait_for 60 has_logged tracker.metrics 3
  [ "$(logged tracker.metrics | tail -n 1 | jq .metadata.lanes_blocked)" -eq 1 ]
  [ "$(told_of 0)" -eq "$there" ]
  # Killed and started again, it stands before the same record.
  kill -KILL "$tracker"
  wait_for 60 is_gone "$tracker"
  rm "$log"
  start_other
  wait_for 60 tried_again 1
  [ "$(told_of 0)" -eq "$there" ]
  [ "$(count_records "$DLQ_TOPIC")" -eq 0 ]
  # shellcheck disable=SC2086
  ask $allow
  wait_for 60 has_lines "$journal" 61
  kill -TERM "$tracker"
  ends_with 0 "$tracker"
  journal_is_exact
  [ "$(count_records "$DLQ_TOPIC")" -eq 1 ]
  [ "$(count_where ".kafka_partition == 0 and .kafka_offset == $there and .outcome == \"dead_lettered\" and .attempts == 1")" -eq 1 ]
}

@test "a dead letter topic that may not be written to: its partition waits and tries again, the other goes on" {
  refused_for_a_while "Broker: Topic authorization failed" "deny NAME" "allow NAME"
  [ "$(grep -c "^tracker: no right to write dead letters to $DLQ_TOPIC: .*; allow the principal WRITE on this topic$" tracker.out)" -eq 1 ]
}

# A compacted topic takes no record without a key.
@test "a dead letter topic whose policy refuses the record: its partition waits and tries again, the other goes on" {
  refused_for_a_while "Broker: Broker failed to validate record" "config NAME cleanup.policy=compact" \
    "config NAME cleanup.policy=delete"
}

# The brokers say that it will pass, so that librdkafka sends the record again without a word.
@test "a dead letter topic with too few replicas in sync: its partition waits, the other goes on" {
  is_pending() {
    [ "$(logged tracker.metrics | tail -n 1 | jq .metadata.dlq_pending)" -eq 1 ]
  }
  letters=$DLQ_TOPIC
  DLQ_TOPIC=none create_topic "$KAFKA_TOPIC" 2
  drain -s kafka.create_topics=false # what the group needs lies on the first broker
  start_second_kafka "${BROKER_SETTINGS[@]}"
  DLQ_TOPIC=none KAFKA_REPLICATION_FACTOR=2 create_topic "$letters" 1
  ask config NAME min.insync.replicas=2
  start_tracker -s tracker.metrics_interval_seconds=1
  produce -n 20
  wait_for 60 has_lines "$journal" 20
  there=$(told_of 0)
  kill_second_kafka
  echo 'no order' | kcat -b "$KAFKA_BROKER" -t "$KAFKA_TOPIC" -P -p 0
  produce -n 20
  others=$(topic_offsets "$KAFKA_TOPIC" | grep -c '^1')
  wait_for 60 is_told_of 1 "$others"
  wait_for 60 is_pending
  wait_for 100 has_logged dead_letter.delayed
  [ "$(told_of 0)" -eq "$there" ]
  start_second_kafka "${BROKER_SETTINGS[@]}"
  wait_for 120 has_lines "$journal" 41
  wait_for 20 has_logged dead_letter.not_delayed
  kill -TERM "$tracker"
  ends_with 0 "$tracker"
  journal_is_exact
  [ "$(count_records "$DLQ_TOPIC")" -eq 1 ]
  [ "$(count_where ".kafka_partition == 0 and .kafka_offset == $there and .outcome == \"dead_lettered\" and .attempts == 1")" -eq 1 ]
}
