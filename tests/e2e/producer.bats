#!/usr/bin/env bats
# The producer against a real Apache Kafka: what it sends, from where, how it stops, waits and counts.

bats_require_minimum_version 1.5.0
load ../support/flow_on_kafka

# values: what was sent, each in hex on a line.
values() {
  records "$KAFKA_TOPIC" | cut -d ' ' -f 4
}

# hex TEXT...: as `values` prints them; the texts are printf formats.
hex() {
  local text
  for text in "$@"; do
    # shellcheck disable=SC2059
    printf "$text" | perl -0777 -ne 'print "x", unpack("H*", $_)'
    echo
  done | sed 's/^$/x/'
}

# ---- what is sent

@test "an order has the documented fields, its id as the key, and its headers" {
  produce -n 30 --seed 1
  kcat -b "$KAFKA_BROKER" -t "$KAFKA_TOPIC" -C -e -q -o beginning -f '%s\n' >orders
  [ "$(jq -c 'keys_unsorted - ["delivery_notes"]' orders | sort -u)" = '["order_id","sequence","status",'\
'"customer_info","items","inventory","subtotal","tax","shipping_fee","total","currency","payment_method","metadata"]' ]
  [ "$(jq -c '.customer_info | keys_unsorted' orders | sort -u)" = \
    '["customer_id","name","email","phone","address","loyalty_level"]' ]
  [ "$(jq -c '.items[] | keys_unsorted' orders | sort -u)" = \
    '["item_id","item_name","quantity","unit_price","total_price"]' ]
  [ "$(jq -c '.inventory | keys_unsorted' orders | sort -u)" = \
    '["item_id","item_name","available_qty","reserved_qty","unit_price","in_stock","warehouse"]' ]
  [ "$(jq -c '.metadata | keys_unsorted' orders | sort -u)" = \
    '["timestamp","version","event_type","source","correlation_id"]' ]
  [ "$(jq -c '.delivery_notes | type' orders | sort -u | tr '\n' ' ')" = '"null" "string" ' ]
  jq -s -e 'all(.[]; .status == "pending" and .metadata.event_type == "order.created" and
    .metadata.source == "producer-service" and
    (.metadata.timestamp | test("^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}[.][0-9]{3}Z$")) and
    (.order_id | test("^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$")))' orders
  [ "$(jq .sequence orders | tr '\n' ' ')" = "$(seq -s ' ' 30) " ]
  jq -r '(.metadata.correlation_id | gsub("-"; "")) as $trace |
    "\(.order_id) content-type=application/json,ce_specversion=1.0,ce_id=\(.order_id),ce_source=producer-service," +
    "ce_type=order.created,ce_time=\(.metadata.timestamp),traceparent=00-\($trace)-\($trace[16:])-01"' orders >expected
  kcat -b "$KAFKA_BROKER" -t "$KAFKA_TOPIC" -C -e -q -o beginning -f '%k %h\n' | diff expected -
}

@test "the same seed gives the same orders, another one others, none each time others" {
  orders_of() { # NAME OPTION...
    produce -n 50 -s kafka.topic="$KAFKA_TOPIC-$1" "${@:2}"
    kcat -b "$KAFKA_BROKER" -t "$KAFKA_TOPIC-$1" -C -e -q -o beginning -f '%s\n' |
      jq -S -c 'del(.metadata.timestamp)' >"$1"
    [ "$(line_count "$1")" -eq 50 ]
  }
  orders_of a --seed 7
  orders_of b --seed 7
  orders_of c --seed 8
  orders_of d
  orders_of e
  cmp a b
  [ "$(cat a c d e | sort -u | wc -l)" -eq 200 ]
}

@test "the partition follows the key, as other clients choose it" {
  make_topics 5
  produce -n 300
  records "$KAFKA_TOPIC" | cut -d ' ' -f 1,3 | sort -k 2 >ours
  [ "$(cut -d ' ' -f 1 ours | sort -u | wc -l)" -eq 5 ]
  kcat -b "$KAFKA_BROKER" -t "$KAFKA_TOPIC" -C -e -q -o beginning -f '%k\t-\n' >keys
  DLQ_ENABLED=false create_topic "$KAFKA_TOPIC-kcat" 5
  kcat -b "$KAFKA_BROKER" -t "$KAFKA_TOPIC-kcat" -P -K '\t' -X topic.partitioner=murmur2_random -l keys
  records "$KAFKA_TOPIC-kcat" | cut -d ' ' -f 1,3 | sort -k 2 | cmp ours -
}

# ---- --input

@test "--input sends the bytes of each line" {
  printf 'one\ncaf\351\000\377 \nwith cr\r\n  {"order_id": "k1" }\t\nlast, and no newline' >file
  produce_no_orders file
  hex 'one' 'caf\351\000\377 ' 'with cr\r' '  {"order_id": "k1" }\t' 'last, and no newline' >expected
  values | diff expected -
  [ "$(records "$KAFKA_TOPIC" | cut -d ' ' -f 3 | tr '\n' ' ')" = '- - - x6b31 - ' ]
}

# kcat's -l skips empty lines as well.
@test "--input: a byte order mark is dropped, blank lines are skipped, with CRLF too" {
  printf '\357\273\277{"order_id":"k1"}\r\n\r\n\n \t\n{"order_id":"k2"}\r\n\r\n' >file
  run --separate-stderr timeout 60 "$ROOT/bin/producer" --interval-ms 0 --input file
  [ "$status" -eq 0 ]
  [ -z "$stderr" ]
  [[ $output == "sent 2, acknowledged 2, failed 0"* ]]
  values | diff <(hex '{"order_id":"k1"}\r' '{"order_id":"k2"}\r') -
}

@test "--input: a pretty-printed file is sent, and said not to be orders, exit 1" {
  produce -n 1 -s kafka.topic="$KAFKA_TOPIC-source"
  kcat -b "$KAFKA_BROKER" -t "$KAFKA_TOPIC-source" -C -e -q -o beginning -f '%s' | jq . >pretty
  total=$(line_count pretty)
  run --separate-stderr timeout 60 "$ROOT/bin/producer" --interval-ms 0 --input pretty
  [ "$status" -eq 1 ]
  [[ $output == "sent $total, acknowledged $total, failed 0"* ]]
  [ "${#stderr_lines[@]}" -eq 1 ] || fail "$stderr"
  [[ $stderr == "producer: $total of $total lines are not orders, first: line 1: "?* ]]
  values | diff <(perl -ne 'chomp; print "x", unpack("H*", $_), "\n"' pretty) -
}

@test "--input: a file in UTF-16 is refused, nothing is sent" {
  printf '{"order_id":"k1"}\n' | iconv -f UTF-8 -t UTF-16 >file
  run --separate-stderr timeout 60 "$ROOT/bin/producer" --interval-ms 0 --input file
  [ "$status" -eq 1 ]
  [[ $output == "sent 0, acknowledged 0, failed 0"* ]]
  [ "${#stderr_lines[@]}" -eq 1 ] || fail "$stderr"
  [[ $stderr == "producer: file: UTF-16 or UTF-32, orders are UTF-8"* ]]
}

# orders COUNT: so many lines.
orders() {
  seq "$1" | sed 's/.*/{"order_id":"k&"}/'
}

@test "--input of an empty file sends nothing and is good" {
  : >file
  run --separate-stderr timeout 60 "$ROOT/bin/producer" --interval-ms 0 --input file
  [ "$status" -eq 0 ]
  [[ $output == "sent 0, acknowledged 0, failed 0"* ]]
}

@test "--input -: a line is sent as soon as it is there" {
  mkfifo pipe
  start_in_background producer.out bash -c 'exec "$1" --interval-ms 0 --input - <pipe' _ "$ROOT/bin/producer"
  producer=$started_pid
  exec 7>pipe
  printf '{"order_id":"k1"}\n{"order_id":"k2, not yet who' >&7
  wait_for 60 has_records "$KAFKA_TOPIC" 1
  printf 'le"}\n' >&7
  wait_for 60 has_records "$KAFKA_TOPIC" 2
  kill -0 "$producer"
  exec 7>&-
  ends_with 0 "$producer"
  values | diff <(hex '{"order_id":"k1"}' '{"order_id":"k2, not yet whole"}') -
}

@test "--input - is left by a signal while it waits for a line" {
  mkfifo pipe
  start_in_background producer.out bash -c 'exec "$1" --interval-ms 0 --input - <pipe' _ "$ROOT/bin/producer"
  producer=$started_pid
  exec 7>pipe
  printf '\n{"order_id":"k1"}\n' >&7
  wait_for 60 has_records "$KAFKA_TOPIC" 1
  kill -TERM "$producer"
  ends_with 0 "$producer"
  exec 7>&-
  grep -q '^sent 1, acknowledged 1, failed 0' producer.out
  grep -q '^producer: line 3 is the first that was not acknowledged; resume with tail -n +3$' producer.out
}

@test "--input stopped by a signal: tail from the line it names sends the rest, each once" {
  orders 2000 >file
  start_producer --interval-ms 2 --input file
  wait_for 60 has_records "$KAFKA_TOPIC" 50
  kill -INT "$producer"
  ends_with 0 "$producer"
  line=$(sed -n 's/^producer: line \([0-9]*\) is the first.*/\1/p' producer.out)
  [ "$line" -gt 50 ]
  [ "$line" -le 2000 ]
  tail -n "+$line" file | timeout 60 "$ROOT/bin/producer" --interval-ms 0 --input - >rest.out 2>&1
  ! grep 'is the first' rest.out || fail "$(cat rest.out)"
  kcat -b "$KAFKA_BROKER" -t "$KAFKA_TOPIC" -C -e -q -o beginning -f '%s\n' | sort >sent
  sort file | diff - sent
}

@test "--input without a broker: the first line that was not acknowledged is named" {
  KAFKA_BROKER=127.0.0.1:$(random_free_port)
  { echo && orders 5; } >file
  run --separate-stderr timeout 60 "$ROOT/bin/producer" --interval-ms 0 --input file -s producer.flush_timeout_ms=1500
  [ "$status" -eq 1 ]
  [[ ${stderr_lines[-1]} == "producer: line 2 is the first that was not acknowledged; resume with tail -n +2" ]] || fail "$stderr"
}

@test "--input and -n: no more than that many lines" {
  orders 10 >file
  run --separate-stderr timeout 60 "$ROOT/bin/producer" --interval-ms 0 --input file -n 3
  [ "$status" -eq 0 ]
  [ -z "$stderr" ]
  values | diff <(hex '{"order_id":"k1"}' '{"order_id":"k2"}' '{"order_id":"k3"}') -
}

@test "--input of a file that cannot be read: one line that names it" {
  run --separate-stderr timeout 60 "$ROOT/bin/producer" --input nowhere.jsonl
  [ "$status" -ne 0 ]
  [[ $stderr == *"nowhere.jsonl: No such file"* ]]
  [ "${#stderr_lines[@]}" -eq 1 ]
  run --separate-stderr timeout 60 "$ROOT/bin/producer" --input .
  [ "$status" -ne 0 ]
  [[ $stderr == *".: Is a directory"* ]]
}

@test "--input: a value that the topic does not take is counted as failed, the others go" {
  orders 1 >file
  printf '{"order_id":"large","delivery_notes":"%s"}\n' "$(head -c 2000000 /dev/urandom | base64 -w 0)" >>file # also when compressed
  printf '{"order_id":"k3"}\n' >>file
  run --separate-stderr timeout 60 "$ROOT/bin/producer" --interval-ms 0 --input file
  [ "$status" -eq 1 ]
  [[ $stderr == *"1 order was not acknowledged: "* ]]
  [[ $output == *"acknowledged 2, failed 1"* ]]
  [ "${stderr_lines[-1]}" = "producer: line 2 is the first that was not acknowledged; resume with tail -n +2" ]
  values | diff <(hex '{"order_id":"k1"}' '{"order_id":"k3"}') -
}

# Memory is what librdkafka may hold, here 8 MB, and a little: not the file's 100 MB.
@test "--input streams a file that is larger than memory should be" {
  perl -e '$line = "{\"order_id\":\"" . "y" x 984 . "\"}\n"; print $line for 1 .. 100_000' >file
  [ "$(wc -c <file)" -ge 100000000 ]
  start_producer -q --interval-ms 0 --input file -X queue.buffering.max.kbytes=8192
  peak=0
  while read -r kb < <(awk '/VmHWM/ { print $2 }' "/proc/$producer/status" 2>/dev/null); do
    peak=$kb
    sleep 0.05
  done
  ends_with 0 "$producer"
  echo "peak: $peak KB"
  [ "$peak" -gt 1000 ]
  [ "$peak" -lt 50000 ]
  has_records "$KAFKA_TOPIC" 100000
}

# ---- counting, stopping

@test "the summary line counts, and -q says nothing" {
  run --separate-stderr timeout 60 "$ROOT/bin/producer" -n 40 --interval-ms 0
  [ "$status" -eq 0 ]
  [[ $output =~ ^"sent 40, acknowledged 40, failed 0, "[0-9]+"/s"$ ]]
  [ -z "$stderr" ]
  run --separate-stderr timeout 60 "$ROOT/bin/producer" -q -n 40 --interval-ms 0
  [ "$status" -eq 0 ]
  [ -z "$output$stderr" ]
  [ "$(count_records "$KAFKA_TOPIC")" -eq 80 ]
}

@test "SIGINT and SIGTERM: an orderly stop, all that was sent is acknowledged" {
  for signal in INT TERM; do
    start_producer --interval-ms 1 -s kafka.topic="$KAFKA_TOPIC-$signal"
    wait_for 60 has_records "$KAFKA_TOPIC-$signal" 20
    kill -"$signal" "$producer"
    ends_with 0 "$producer" 20
    there=$(count_records "$KAFKA_TOPIC-$signal")
    grep -q "^sent $there, acknowledged $there, failed 0, " producer.out
  done
}

@test "a summary that nobody reads does no harm" {
  start_in_background producer.out bash -o pipefail -c '"$1" -n 5 --interval-ms 0 | true' _ "$ROOT/bin/producer"
  ends_with 0 "$started_pid"
  [ "$(count_records "$KAFKA_TOPIC")" -eq 5 ]
}

# ---- --init

@test "--init makes the topics, says so, and the second time finds them" {
  run --separate-stderr timeout 60 "$ROOT/bin/producer" --init -s kafka.partitions=3
  [ "$status" -eq 0 ]
  [ "$output" = "topic $KAFKA_TOPIC: created, 3 partitions
topic $DLQ_TOPIC: created, 3 partitions" ]
  run --separate-stderr timeout 60 "$ROOT/bin/producer" --init
  [ "$status" -eq 0 ]
  [ "$output" = "topic $KAFKA_TOPIC: exists, 3 partitions
topic $DLQ_TOPIC: exists, 3 partitions" ]
}

@test "of several that make the topics at the same time one says so, the others find them" {
  local i
  for i in 1 2 3 4 5; do
    timeout 60 "$ROOT/bin/producer" --init >"init.$i" &
  done
  wait
  [ "$(cat init.* | sort | uniq -c | awk '{ print $1, $3, $4 }')" = "1 $KAFKA_TOPIC-dlq: created,
4 $KAFKA_TOPIC-dlq: exists,
1 $KAFKA_TOPIC: created,
4 $KAFKA_TOPIC: exists," ]
}

@test "--init without a broker gives up after --timeout-ms" {
  KAFKA_BROKER=127.0.0.1:$(random_free_port)
  run --separate-stderr timeout 30 "$ROOT/bin/producer" --init --timeout-ms 300
  [ "$status" -eq 1 ]
  # Why it waits, then why it gave up.
  [ "${#stderr_lines[@]}" -le 2 ] || fail "$stderr"
  [[ ${stderr_lines[-1]} == "producer: $KAFKA_BROKER within 300 ms: "* ]]
}

# ---- Kafka comes and goes

@test "no broker: said once, and at the end how many orders were not acknowledged" {
  KAFKA_BROKER=127.0.0.1:$(random_free_port)
  run --separate-stderr timeout 60 "$ROOT/bin/producer" -n 5 --interval-ms 0 -s producer.flush_timeout_ms=1500
  [ "$status" -eq 1 ]
  [[ $output == "sent 5, acknowledged 0, failed 0"* ]]
  [ "${#stderr_lines[@]}" -eq 2 ] || fail "$stderr"
  [[ ${stderr_lines[0]} == "producer: Kafka is unavailable, retrying"* ]]
  [ "${stderr_lines[1]}" = "producer: 5 orders were not acknowledged" ]
}

@test "Kafka away for a while: the producer goes on by itself, every order is there once and in order" {
  start_producer -q --interval-ms 1 -s producer.flush_timeout_ms=60000
  wait_for 60 has_records "$KAFKA_TOPIC" 300
  kill_kafka
  wait_for 60 grep -q 'Kafka is unavailable, retrying' producer.out
  resume_kafka
  wait_for 60 grep -q 'Kafka is available again' producer.out
  wait_for 60 has_records "$KAFKA_TOPIC" 2000
  kill -TERM "$producer"
  ends_with 0 "$producer"
  # Another reason is said too: a broker that starts refuses connections, then takes them and does not answer.
  [ "$(grep -c 'Kafka is unavailable' producer.out)" -le 4 ]
  [ "$(grep -o 'Kafka is unavailable\|Kafka is available again' producer.out | tail -n 1)" = "Kafka is available again" ]
  kcat -b "$KAFKA_BROKER" -t "$KAFKA_TOPIC" -C -e -q -o beginning -f '%s\n' | jq .sequence >sequences
  seq "$(line_count sequences)" | cmp - sequences
}

@test "started before Kafka: all orders arrive when it comes" {
  kill_kafka
  start_producer -n 500 --interval-ms 0 -s producer.flush_timeout_ms=120000
  wait_for 60 grep -q 'Kafka is unavailable, retrying' producer.out
  resume_kafka
  ends_with 0 "$producer"
  grep -q '^sent 500, acknowledged 500, failed 0, ' producer.out
  [ "$(grep -c 'Kafka is unavailable' producer.out)" -eq 1 ]
  [ "$(count_records "$KAFKA_TOPIC")" -eq 500 ]
}
