#!/usr/bin/env bats
# Retries against a real Apache Kafka: how many attempts, how long between them, and that nobody else waits.

bats_require_minimum_version 1.5.0
load ../support/flow_on_kafka

# is_share COUNT TOTAL P: within five standard deviations of a binomial distribution, which one honest run in
# 1.7 million is not.
is_share() {
  awk -v k="$1" -v n="$2" -v p="$3" 'BEGIN {
    off = k - n * p; if (off < 0) off = -off
    exit !(off <= 5 * sqrt(n * p * (1 - p)))
  }' || fail "$1 of $2 is not a share of $3"
}

# With p = 0.3 and 3 attempts: 0.7 processed at the first, 0.21 at the second, 0.063 at the third, and 0.027
# dead letters.
@test "attempts have the distribution that the failure rate implies" {
  make_topics 4
  produce -n 20000 --seed 1
  SIMULATE_TRANSIENT_RATE=0.3 drain -s retry.initial_delay_ms=0
  journal_is_exact
  jq -r '"\(.outcome) \(.attempts) \(.reason)"' "$journal" | sort | uniq -c >counts
  cat counts
  count() { # OUTCOME ATTEMPTS REASON
    awk -v what="$*" '{ n = $1; sub(/^ *[0-9]+ /, "") } $0 == what { print n; found = 1 } END { if (!found) print 0 }' counts
  }
  [ "$(line_count counts)" -eq 4 ]
  is_share "$(count processed 1 null)" 20000 0.7
  is_share "$(count processed 2 null)" 20000 0.21
  is_share "$(count processed 3 null)" 20000 0.063
  is_share "$(count dead_lettered 3 PROCESS)" 20000 0.027
  [ "$(count_records "$DLQ_TOPIC")" -eq "$(count dead_lettered 3 PROCESS)" ]
  retries=$(jq .attempts "$journal" | awk '{ n += $1 - 1 } END { print n }')
  [ "$(tail -n 1 "$log" | jq .metadata.messages_retried)" -eq "$retries" ]
}

@test "permanent failures are not tried again" {
  make_topics 2
  produce -n 2000
  drain -s simulate.permanent_rate=0.25
  journal_is_exact
  is_share "$(count_where '.outcome == "dead_lettered"')" 2000 0.25
  jq -s -e 'all(.[]; .attempts == 1 and (.outcome == "processed" or (.reason == "PROCESS" and
    .event_type == "message.received.processing_error" and .error == "simulated permanent failure")))' "$journal"
}

# delays JITTER: one order that never succeeds, 9 attempts; "ATTEMPT DELAY_MS WAITED_MS" for each wait as the
# log has it. Each has an error of its own, so none is summed up with another.
delays() {
  drain -s kafka.consumer_group="$KAFKA_CONSUMER_GROUP-$1" -s tracker.events_file="$PWD/$1.events" \
    -s tracker.log_file="$PWD/$1.log" -s simulate.transient_rate=1 -s retry.max_attempts=9 \
    -s retry.initial_delay_ms=10 -s retry.max_delay_ms=700 -s retry.jitter="$1"
  jq -e '.outcome == "dead_lettered" and .attempts == 9 and .reason == "PROCESS"' "$1.events" >/dev/null
  jq -s -r 'def ms: (.[0:19] + "Z" | fromdate) * 1000 + (.[20:23] | tonumber);
    map(select(.event == "record.retried")) | . as $all | range(length) |
    "\($all[.].metadata.attempt) \($all[.].metadata.delay_ms) \(
      if . + 1 < ($all | length) then ($all[. + 1].timestamp | ms) - ($all[.].timestamp | ms) else "-" end)"' "$1.log" >"$1"
  [ "$(cut -d ' ' -f 1 "$1" | tr '\n' ' ')" = "1 2 3 4 5 6 7 8 " ] || fail "$(cat "$1")"
}

# within LOW HIGH FILE: every delay lies between those shares of 10 * 2^(attempt - 1), cut at 700 ms, and
# passed before the next attempt; a millisecond is left to rounding, and some to a line that is written late.
within() {
  awk -v low="$1" -v high="$2" '{
    full = 10 * 2 ^ ($1 - 1); least = full * low; most = full * high
    if (least > 700) least = 700
    if (most > 700) most = 700
    if ($2 < least - 1 || $2 > most + 1 || ($3 != "-" && $3 < $2 - 20)) { print "out of bounds: " $0; bad = 1 }
  } END { exit bad }' "$3" >&2
}

@test "backoff: doubling, within the bounds of each jitter, cut at max_delay_ms" {
  make_topics 1
  produce -n 1
  delays none
  [ "$(cut -d ' ' -f 2 none | tr '\n' ' ')" = "10 20 40 80 160 320 640 700 " ]
  within 1 1 none
  delays equal
  within 0.5 1 equal
  delays full
  within 0 1 full
  delays proportional
  within 0.75 1.25 proportional
  [ "$(cut -d ' ' -f 2 none equal full proportional | sort -u | wc -l)" -gt 15 ]
}

# The dead letters tell when their order failed first and last: in between lie both waits, 20 to 40 and 40 to
# 80 ms with this jitter, and the time that the tracker needs; a millisecond is left to each rounding.
@test "backoff times are spread over their bounds" {
  make_topics 8
  produce -n 240
  drain -s simulate.transient_rate=0.9 -s retry.initial_delay_ms=40
  records "$DLQ_TOPIC" | sed 's/.*dlq.first-failure-ms=\([0-9]*\),dlq.last-failure-ms=\([0-9]*\),.*/\1 \2/' |
    awk '{ print $2 - $1 }' | sort -n >waited
  count=$(line_count waited)
  is_share "$count" 240 0.729
  middle=$(sed -n "$((count / 2))p" waited)
  echo "$(head -n 1 waited) to $(tail -n 1 waited), half of them by $middle"
  [ "$(head -n 1 waited)" -ge 57 ]
  [ "$(head -n 1 waited)" -lt "$middle" ]
  [ "$middle" -ge 75 ]
  [ "$middle" -lt 160 ]
}

# Which records fail is the same each time, so a first run without waits tells which partitions have one.
# In the second a wait takes ten minutes: partitions with a failing record stand still before it, the others
# are finished meanwhile.
@test "a partition that waits holds up no other" {
  make_topics 6
  produce -n 180 --seed 4
  drain -s kafka.consumer_group="$KAFKA_CONSUMER_GROUP-first" -s tracker.events_file=first.events \
    -s simulate.transient_rate=0.02 -s retry.initial_delay_ms=0
  jq -r 'select(.attempts > 1) | "\(.kafka_partition) \(.kafka_offset)"' first.events | sort -n -s -k 1,1 -u >failing
  waiting=$(line_count failing)
  echo "first failing offset of each partition:"
  cat failing
  [ "$waiting" -ge 1 ]
  [ "$waiting" -le 5 ]
  # What can be told while they wait: all of the other partitions, and what is before the failing records.
  topic_offsets "$KAFKA_TOPIC" | sort -n -k 1,1 -k 2,2 |
    awk 'NR == FNR { first[$1] = $2; next } !($1 in first) || $2 < first[$1]' failing - >expected
  start_tracker -s simulate.transient_rate=0.02 -s retry.initial_delay_ms=600000 -s retry.max_delay_ms=600000 \
    -s tracker.metrics_interval_seconds=1
  wait_for 60 has_lines "$journal" "$(line_count expected)"
  all_wait() {
    logged tracker.metrics | tail -n 1 | jq -e --argjson n "$waiting" '.metadata.lanes_waiting == $n'
  }
  wait_for 60 all_wait >/dev/null
  journal_offsets "$journal" | sort -n -k 1,1 -k 2,2 | diff expected -
  kill -TERM "$tracker"
  ends_with 0 "$tracker"
  [ "$(tail -n 1 "$log" | jq -c '[.event, .metadata.drained]')" = '["tracker.stopped",true]' ] ||
    [ "$(tail -n 1 "$log" | jq .metadata.left)" -gt 0 ]
  [ "$(count_where '.outcome != "processed"')" -eq 0 ]
  drain
  journal_is_exact
}

@test "retry.max_elapsed_ms ends the attempts, whatever their number" {
  make_topics 1
  produce -n 1
  drain -s simulate.transient_rate=1 -s retry.max_attempts=100 -s retry.jitter=none -s retry.initial_delay_ms=20 \
    -s retry.max_elapsed_ms=150
  # 20 + 40 = 60 ms have passed at the third failure; the next wait of 80 would still end in time if the
  # machine took less than 10 ms, the one after it of 160 never.
  jq -e '.outcome == "dead_lettered" and .attempts >= 3 and .attempts <= 4' "$journal"
}

@test "attempts that take their time are waited for, and the order of a partition stays" {
  make_topics 3
  produce -n 60
  drain -s simulate.latency_ms=5 -s simulate.transient_rate=0.2 -s retry.initial_delay_ms=1
  journal_is_exact
  for partition in 0 1 2; do
    jq --argjson p $partition 'select(.kafka_partition == $p) | .kafka_offset' "$journal" >offsets
    sort -n offsets | cmp offsets -
  done
}
