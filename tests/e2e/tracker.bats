#!/usr/bin/env bats
# The tracker against a real Apache Kafka: what it writes, how it stops, goes on and waits.

bats_require_minimum_version 1.5.0
load ../support/flow_on_kafka

# ---- everything, once

# The records are counted and summed by kcat, sed and awk on one side, by jq on the journal on the other.
@test "a hundred thousand orders have a line each, and the sums agree" {
  produce -n 100000 --seed 1
  drain
  jq -r '[.kafka_partition, .kafka_offset, .message_size, (.order_full.total * 100 | round), .outcome, .attempts]
    | @tsv' "$journal" >told
  [ "$(line_count told)" -eq 100000 ]
  [ "$(line_count "$journal")" -eq 100000 ]
  kcat -b "$KAFKA_BROKER" -t "$KAFKA_TOPIC" -C -e -q -o beginning -f '%p\t%o\t%S\t%s\n' |
    sed 's/{.*"total":\([0-9]*\)\.\([0-9][0-9]\).*}$/\1\2/' |
    awk -F '\t' -v OFS='\t' '{ print $1, $2, $3, $4 + 0, "processed", 1 }' >there
  cmp there told
  awk -F '\t' '{ n++; bytes += $3; cents += $4 } END { printf "%d %d %d\n", n, bytes, cents }' there >sums
  read -r count bytes cents <sums
  [ "$count" -eq 100000 ]
  [ "$bytes" -gt 50000000 ]
  [ "$cents" -gt 100000000 ]
  [ "$(tail -n 1 "$log" | jq -c '[.event, .metadata.messages_processed, .metadata.lag, .metadata.drained]')" = \
    '["tracker.stopped",100000,0,true]' ]
  [ "$(after_the_commits)" -eq 0 ]
}

@test "several partitions: each record once, in order" {
  make_topics 6
  produce -n 20000 --seed 3
  drain
  journal_is_exact
  [ "$(line_count "$journal")" -eq 20000 ]
  [ "$(jq .kafka_partition "$journal" | sort -u | wc -l)" -eq 6 ]
}

@test "a second drain finds nothing to do and changes nothing" {
  produce -n 50
  drain
  cp "$journal" first
  drain
  cmp first "$journal"
}

@test "an empty topic is drained at once" {
  drain
  [ "$(line_count "$journal")" -eq 0 ]
  [ "$(tail -n 1 "$log" | jq -c '[.event, .metadata.drained]')" = '["tracker.stopped",true]' ]
}

@test "a drain that no waiting helps ends with the reason" {
  produce -n 1
  run --separate-stderr drain -X auto.offset.reset=error
  [ "$status" -eq 1 ]
  [[ $stderr == "tracker: $KAFKA_TOPIC/0: nothing is committed by the group, and auto.offset.reset is error" ]]
  run --separate-stderr drain -X session.timeout.ms=500
  [ "$status" -eq 1 ]
  [[ $stderr == "tracker: Kafka consumer: "*"Invalid session timeout" ]]
  tail -n 1 "$log" | jq -e '.event == "tracker.stopped" and (.error | test("Invalid session timeout"))'
}

@test "a drain ends at the ends as they were, while orders still come" {
  produce -n 1000
  start_producer -q --interval-ms 1
  wait_for 60 has_records "$KAFKA_TOPIC" 1100
  drain
  kill -0 "$producer"
  [ "$(line_count "$journal")" -ge 1100 ]
}

# two_share STRATEGY: a second tracker joins and leaves while orders come; nothing is missing, nothing twice.
two_share() {
  local options=(-X session.timeout.ms=6000 -X "partition.assignment.strategy=$1")
  make_topics 4
  produce -n 2000
  start_in_background other.out "$ROOT/bin/tracker" -q -s tracker.events_file="$PWD/other.events" \
    -s tracker.log_file="$PWD/other.log" "${options[@]}"
  other=$started_pid
  start_tracker "${options[@]}"
  wait_for 60 has_logged partition.assigned
  wait_for 60 grep -qs '"partition.assigned"' other.log
  produce -n 2000
  all_are_told() {
    [ "$(cat "$journal" other.events | wc -l)" -ge "$1" ]
  }
  wait_for 60 all_are_told 4000
  kill -TERM "$other"
  ends_with 0 "$other"
  produce -n 500
  wait_for 60 all_are_told 4500
  kill -TERM "$tracker"
  ends_with 0 "$tracker"
  [ -s "$journal" ]
  [ -s other.events ]
  cat other.events >>"$journal"
  jq -r '"\(.kafka_partition) \(.kafka_offset)"' "$journal" | sort -n -k 1,1 -k 2,2 >told
  topic_offsets "$KAFKA_TOPIC" | sort -n -k 1,1 -k 2,2 | cmp - told
}

@test "two trackers of one group share the partitions: range" {
  two_share range
}

@test "two trackers of one group share the partitions: cooperative-sticky" {
  two_share cooperative-sticky
}

@test "a second tracker on the same journal refuses to start" {
  start_tracker
  wait_for 60 has_logged tracker.started
  run --separate-stderr timeout 60 "$ROOT/bin/tracker" -q -s tracker.log_file=other.log
  [ "$status" -eq 1 ]
  [[ $stderr == *"$journal: another tracker writes to it (pid $tracker)"* ]]
  kill -0 "$tracker"
}

# ---- what a line holds

@test "a line has the documented keys in their order" {
  printf '%s\n' '{"order_id":"1"}' >bad
  produce -n 1
  produce --input bad
  drain
  [ "$(sed -n 1p "$journal" | jq -c keys_unsorted)" = '["timestamp","event_type","kafka_topic",'\
'"kafka_partition","kafka_offset","message_size","deserialized","kafka_timestamp_ms","kafka_key","outcome",'\
'"attempts","latency_ms","order_id","raw_message","order_full"]' ]
  [ "$(sed -n 2p "$journal" | jq -c keys_unsorted)" = '["timestamp","event_type","kafka_topic",'\
'"kafka_partition","kafka_offset","message_size","deserialized","error","kafka_timestamp_ms","kafka_key",'\
'"outcome","reason","attempts","latency_ms","order_id","dlq","raw_message","order_full"]' ]
  [ "$(sed -n 2p "$journal" | jq -c '.dlq | keys_unsorted')" = '["topic","partition","offset"]' ]
}

@test "a line tells its record" {
  produce -n 1
  drain
  kcat -b "$KAFKA_BROKER" -t "$KAFKA_TOPIC" -C -e -q -o beginning -f '%k\t%T\t%S\t%s' >record
  jq -j '"\(.kafka_key)\t\(.kafka_timestamp_ms)\t\(.message_size)\t\(.raw_message)"' "$journal" | cmp record
  jq -e '.event_type == "message.received" and .deserialized and .outcome == "processed" and .attempts == 1 and
    .kafka_topic == env.KAFKA_TOPIC and .order_id == .kafka_key and (.raw_message | fromjson) == .order_full and
    (.timestamp | test("^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}[.][0-9]{3}Z$")) and
    .latency_ms >= 0 and .latency_ms < 600000' "$journal"
}

# Another producer's message: no key, no headers, times in whole seconds, amounts as doubles, fields we do
# not know, members in another order, white space between them.
@test "an order as the reference implementation writes it is processed" {
  cat >order <<'END'
{"metadata": {"source": "producer-service", "timestamp": "2026-01-31T12:00:00Z", "version": "1.0.0", "event_type": "order.created", "correlation_id": "7b0e9a52-0d5e-4d0b-9a5c-8b0d8f6d4a11", "trace": {"deep": [1, null, {"x": "\u00e9"}]}}, "order_id": "0e5a5f7c-1c7a-4c7e-9d55-0b3f3f0f7a10", "sequence": 1, "status": "pending", "items": [{"item_id": "item-espresso", "item_name": "espresso", "quantity": 3, "unit_price": 3.2, "total_price": 9.600000000000001}], "customer_info": {"customer_id": "client01", "name": "client01", "email": "client01@example.com", "phone": "+33 6 00 00 00 00", "address": "1 rue de la Paix, Paris", "loyalty_level": "silver"}, "inventory_status": [{"item_id": "item-espresso", "item_name": "espresso", "available_qty": 97, "reserved_qty": 3, "unit_price": 3.2, "in_stock": true, "warehouse": "PARIS-01"}], "sub_total": 9.600000000000001, "subtotal": 9.600000000000001, "tax": 1.9200000000000004, "shipping_fee": 2.5, "total": 14.020000000000001, "currency": "EUR", "payment_method": "credit_card", "delivery_notes": "", "priority": 7}
END
  make_topics 1
  kcat -b "$KAFKA_BROKER" -t "$KAFKA_TOPIC" -P -l order
  drain
  jq -e '.outcome == "processed" and .kafka_key == null and .order_id == "0e5a5f7c-1c7a-4c7e-9d55-0b3f3f0f7a10" and
    .order_full.items[0].total_price == 9.600000000000001 and .order_full.priority == 7' "$journal"
  jq -j .raw_message "$journal" | cmp - <(head -c -1 order)
  grep -q '"total_price":9.600000000000001,\?}' "$journal"
}

@test "events_payload: both, raw, failures" {
  printf '%s\n' '{"order_id":"1"}' 'no order' >bad
  produce -n 1
  produce_no_orders bad
  payloads() { # MODE
    drain -s tracker.events_payload="$1" -s kafka.consumer_group="$KAFKA_CONSUMER_GROUP-$1" \
      -s tracker.events_file="$1.events"
    jq -c '[has("raw_message"), has("order_full")]' "$1.events" | tr -d '\n'
  }
  [ "$(payloads both)" = '[true,true][true,true][true,false]' ]
  [ "$(payloads raw)" = '[true,false][true,false][true,false]' ]
  [ "$(payloads failures)" = '[false,false][true,true][true,false]' ]
}

@test "dropped records keep their bytes whatever events_payload says" {
  printf 'caf\351\n' >bad
  produce_no_orders bad
  drain -s dlq.enabled=false -s tracker.events_payload=failures
  jq -e '.outcome == "dropped" and .raw_encoding == "base64"' "$journal"
  jq -r .raw_message "$journal" | base64 -d | cmp - <(printf 'caf\351')
}

# ---- the log

@test "every line of the log is JSON with the same keys" {
  produce -n 500 --invalid-rate 0.2
  drain -s app.log_level=debug -s app.env=here
  [ "$(jq -c 'keys_unsorted - ["error"]' "$log" | sort -u)" = \
    '["timestamp","level","event","message","service","metadata"]' ]
  [ "$(jq -r .service "$log" | sort -u)" = order-tracker ]
  [ "$(jq -r .metadata.env "$log" | sort -u)" = here ]
  jq -e -s 'all(.[]; (.level | IN("DEBUG", "INFO", "WARN", "ERROR")) and (.metadata | type == "object") and
    (.timestamp | test("^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}[.][0-9]{3}Z$")))' "$log"
  [ "$(last_event)" = "tracker.stopped" ]
}

@test "app.log_level chooses what is logged" {
  produce -n 1
  drain -s app.log_level=error
  [ "$(line_count "$log")" -eq 0 ]
}

@test "periodic metrics have their keys, and the counts are true" {
  make_topics 2
  produce -n 400 --seed 2 --invalid-rate 0.2
  start_tracker -s tracker.metrics_interval_seconds=1 -s simulate.transient_rate=0.1 -s retry.initial_delay_ms=1
  wait_for 60 has_lines "$journal" 400
  wait_for 60 has_logged tracker.metrics 2
  seen=$(logged tracker.metrics | wc -l)
  wait_for 60 has_logged tracker.metrics $((seen + 1))
  logged tracker.metrics | tail -n 1 >metrics
  [ "$(jq -c '.metadata | keys_unsorted - ["env"]' metrics)" = '["uptime_seconds","messages_received",'\
'"messages_processed","messages_failed","messages_retried","messages_dead_lettered","messages_dropped",'\
'"success_rate_percent","messages_per_second","lag","partitions","latency_ms","fsync_ms_max","lanes_waiting",'\
'"lanes_blocked","dlq_pending","processor_in_flight","processor_ms","processor_unavailable",'\
'"head_of_line_ms","head_of_line_partition","head_of_line_offset"]' ]
  [ "$(jq -c '.metadata.latency_ms | keys_unsorted' metrics)" = '["p50","p95","p99"]' ]
  jq -c '.metadata.partitions | sort_by(.partition) | .[] | [.partition, .offset, .high_watermark, .lag]' metrics >partitions
  topic_offsets "$KAFKA_TOPIC" | awk '$2 >= end[$1] { end[$1] = $2 + 1 } END { for (p in end) printf "[%d,%d,%d,0]\n", p, end[p], end[p] }' |
    sort >there
  diff there partitions
  bad=$(count_where '.outcome == "dead_lettered"')
  retries=$(jq '.attempts - 1' "$journal" | paste -sd + | bc)
  jq -e --argjson bad "$bad" --argjson retries "$retries" '.metadata | .messages_received == 400 and
    .messages_failed == $bad and .messages_dead_lettered == $bad and .messages_processed == 400 - $bad and
    .messages_dropped == 0 and .messages_retried == $retries and .lag == 0 and .lanes_waiting == 0 and
    .lanes_blocked == 0 and .dlq_pending == 0 and
    .success_rate_percent == ((400 - $bad) * 10000 / 400 | floor / 100)' metrics
  kill -TERM "$tracker"
  ends_with 0 "$tracker"
}

# ---- stopping

@test "SIGTERM under load: an orderly stop, and the next one goes on where it ended" {
  make_topics 3
  for round in 1 2 3; do
    produce -n 10000
    told=$(line_count "$journal")
    start_producer -q --interval-ms 0 -n 5000
    start_tracker
    wait_for 60 has_lines "$journal" $((told + 1))
    kill -TERM "$tracker"
    ends_with 0 "$tracker"
    [ "$(last_event)" = "tracker.stopped" ]
    ends_with 0 "$producer"
  done
  drain
  journal_is_exact
  [ "$(line_count "$journal")" -eq 45000 ]
}

@test "SIGTERM: what lies before the ends is still handled" {
  make_topics 2
  produce -n 200
  start_tracker -s simulate.latency_ms=10
  wait_for 60 has_lines "$journal" 10
  kill -TERM "$tracker"
  ends_with 0 "$tracker"
  journal_is_exact
  [ "$(tail -n 1 "$log" | jq -c '[.event, .metadata.drained, .metadata.left]')" = '["tracker.stopped",true,0]' ]
}

@test "SIGTERM: after drain_timeout_ms the rest is left for the next one" {
  produce -n 2000
  start_tracker -s simulate.latency_ms=20 -s tracker.drain_timeout_ms=100
  wait_for 60 has_lines "$journal" 5
  kill -TERM "$tracker"
  ends_with 0 "$tracker" 20
  jq -s -e 'last | .event == "tracker.stopped" and .metadata.drained == false' "$log"
  [ "$(($(line_count "$journal") + $(tail -n 1 "$log" | jq .metadata.left)))" -eq 2000 ]
  drain
  journal_is_exact
}

@test "SIGTERM: a drain of a topic that is not there does not say that it drained" {
  start_tracker --drain -s kafka.create_topics=false -s kafka.topic="$KAFKA_TOPIC-none"
  wait_for 60 has_logged tracker.started
  kill -TERM "$tracker"
  ends_with 0 "$tracker"
  [ "$(tail -n 1 "$log" | jq -c '[.event, .metadata.drained]')" = '["tracker.stopped",false]' ]
}

@test "a second signal stops at once and loses nothing" {
  produce -n 2000
  start_tracker -s simulate.latency_ms=100 -s tracker.drain_timeout_ms=600000
  wait_for 60 has_lines "$journal" 3
  kill -INT "$tracker"
  told=$(line_count "$journal")
  wait_for 60 has_lines "$journal" $((told + 2))
  kill -0 "$tracker"
  kill -INT "$tracker"
  ends_with 0 "$tracker" 30
  [ "$(last_event)" = "tracker.stopped" ]
  [ "$(line_count "$journal")" -lt 1900 ]
  drain
  journal_is_exact
}

@test "a reader that goes away does not stop the tracker" {
  produce -n 10
  timeout 60 "$ROOT/bin/tracker" --drain | head -n 1 >first
  [ -s first ]
  journal_is_exact
  [ "$(last_event)" = "tracker.stopped" ]
}

# ---- the files

@test "SIGHUP after the files were moved away: new ones are written, nothing is missing" {
  make_topics 2
  produce -n 100
  start_producer -q --interval-ms 1
  start_tracker
  for round in 1 2 3; do
    wait_for 60 has_lines "$journal" 100
    mv "$journal" "$journal.$round"
    mv "$log" "$log.$round"
    kill -HUP "$tracker"
    wait_for 60 test -s "$log"
  done
  kill -TERM "$producer"
  ends_with 0 "$producer"
  kill -TERM "$tracker"
  ends_with 0 "$tracker"
  [ "$(last_event)" = "tracker.stopped" ]
  jq -e . "$log" "$log".? >/dev/null
  for file in "$journal" "$journal".?; do
    [ "$(tail -c 1 "$file" | od -An -tx1)" = ' 0a' ]
  done
  drain
  cat "$journal.1" "$journal.2" "$journal.3" "$journal" >all
  mv all "$journal"
  journal_is_exact
}

# ---- Kafka comes and goes

@test "without Kafka at the start it waits, says so once, and stops when told" {
  KAFKA_BROKER=127.0.0.1:$(random_free_port)
  start_in_background tracker.out "$ROOT/bin/tracker"
  tracker=$started_pid
  wait_for 60 has_logged kafka.unavailable
  wait_for 60 grep -q "waiting for Kafka at $KAFKA_BROKER" tracker.out
  is_older_than() { # SECONDS
    local stat
    stat=$(process_start_ticks "$tracker")
    [ "$(awk -v began="$stat" '{ print int($1 - began / 100) }' /proc/uptime)" -ge "$1" ]
  }
  wait_for 60 is_older_than 4
  kill -TERM "$tracker"
  ends_with 0 "$tracker" 20
  [ "$(jq -r 'select(.level != "INFO") | .event' "$log")" = kafka.unavailable ]
  [ "$(last_event)" = "tracker.stopped" ]
  [ "$(grep -c waiting tracker.out)" -eq 1 ]
}

@test "SIGHUP while it waits for Kafka: the files are opened anew at once, or it says why not" {
  KAFKA_BROKER=127.0.0.1:$(random_free_port)
  start_in_background tracker.out "$ROOT/bin/tracker"
  tracker=$started_pid
  wait_for 60 has_logged kafka.unavailable
  mv "$journal" "$journal.1"
  mv "$log" "$log.1"
  kill -HUP "$tracker"
  wait_for 60 has_logged files.reopened
  [ -f "$journal" ]
  mv "$journal" "$journal.2"
  mkdir "$journal"
  kill -HUP "$tracker"
  wait_for 60 has_logged journal.warning
  kill -TERM "$tracker"
  ends_with 0 "$tracker" 20
  [ "$(jq -r .event "$log" | grep -c reopened)" -eq 1 ]
}

@test "Kafka killed and started again: the tracker goes on by itself" {
  make_topics 2
  produce -n 1000
  start_tracker
  wait_for 60 has_lines "$journal" 1000
  kill_kafka
  wait_for 60 has_logged kafka.unavailable
  kill -0 "$tracker"
  resume_kafka
  produce -n 1000
  wait_for 60 has_lines "$journal" 2000
  wait_for 60 has_logged kafka.available
  kill -TERM "$tracker"
  ends_with 0 "$tracker"
  journal_is_exact
  [ "$(logged kafka.unavailable | wc -l)" -eq 1 ]
}

# A broker that hangs is worse than none: connections stay open and nothing is answered.
@test "Kafka hangs: a stop ends all the same" {
  produce -n 100
  start_tracker
  wait_for 60 has_lines "$journal" 100
  kill -STOP "$(cat "$KAFKA_DIR/kafka.pid")"
  kill -TERM "$tracker"
  status=0
  ends_with 0 "$tracker" 40 || status=$?
  kill -CONT "$(cat "$KAFKA_DIR/kafka.pid")"
  [ "$status" -eq 0 ]
  [ "$(last_event)" = "tracker.stopped" ]
  drain
  journal_is_exact
}

@test "Kafka away: a stop needs no Kafka" {
  produce -n 100
  start_tracker
  wait_for 60 has_lines "$journal" 100
  kill_kafka
  wait_for 60 has_logged kafka.unavailable
  kill -TERM "$tracker"
  ends_with 0 "$tracker" 30
  [ "$(last_event)" = "tracker.stopped" ]
  resume_kafka
}
