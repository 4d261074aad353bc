#!/usr/bin/env bash
# Does a partition that fails for good hold up the others? Four partitions with the same number of orders each,
# drained in pairs of runs: A with all of them good, B with partition 0 in retry for ever. Prints orders per
# second of the partitions 1 to 3, from the first journal line of theirs to the last, and their ratio.
#
#   tests/bench/isolation.sh [ROUNDS] [ORDERS]        default 5 rounds, 400000 orders
#
# Exit status: 0 done, 1 failed.
set -euo pipefail

ROOT=$(realpath "$(dirname "${BASH_SOURCE[0]}")/../..")
ROUNDS=${1:-5}
ORDERS=${2:-400000}
WORK=$(mktemp -d)
TRACKER=

cleanup() {
  [ -z "$TRACKER" ] || kill -KILL "$TRACKER" 2>/dev/null || :
  "$ROOT/scripts/local_kafka.sh" stop "$WORK/kafka" >/dev/null 2>&1 || :
  rm -rf "$WORK"
}
trap cleanup EXIT

# others FILE: lines of the partitions 1 to 3, and the seconds from the first to the last.
others() {
  awk -F '[:,"]+' '
    match($0, /"kafka_partition":[0-9]+/) && substr($0, RSTART + 18, 1) != "0" {
      # "timestamp":"2026-11-22T17:04:31.402Z": the time of day is enough within a run
      t = substr($0, 26, 2) * 3600 + substr($0, 29, 2) * 60 + substr($0, 32, 6)
      if (!n++) first = t
      last = t
    }
    END { print n + 0, last - first }' "$1"
}

# run NAME SETTING...: a tracker with a journal and a group of its own until the others are told; their rate.
run() {
  local name=$1 deadline=$((SECONDS + 300)) lines=0 seconds
  shift
  (cd "$WORK" && exec env KAFKA_CONSUMER_GROUP="$name" TRACKER_EVENTS_FILE="$name.events" TRACKER_LOG_FILE="$name.log" \
    RETRY_MAX_ATTEMPTS=100 RETRY_MAX_DELAY_MS=60000 "$@" "$ROOT/bin/tracker" -q) &
  TRACKER=$!
  until [ "$lines" -ge "$expected" ]; do
    sleep 1
    lines=$(others "$WORK/$name.events" | cut -d ' ' -f 1)
    [ "$SECONDS" -lt "$deadline" ] || {
      echo "isolation: $name told only $lines of $expected orders" >&2
      exit 1
    }
  done
  kill -INT "$TRACKER"
  kill -INT "$TRACKER"
  wait "$TRACKER" || :
  TRACKER=
  seconds=$(others "$WORK/$name.events" | cut -d ' ' -f 2)
  rm -f "$WORK/$name".events*
  awk -v n="$lines" -v s="$seconds" 'BEGIN { printf "%.0f\n", n / s }'
}

"$ROOT/scripts/local_kafka.sh" start "$WORK/kafka" 0 group.initial.rebalance.delay.ms=0 >/dev/null
"$ROOT/scripts/local_kafka.sh" wait "$WORK/kafka" >/dev/null
KAFKA_BROKER=$("$ROOT/scripts/local_kafka.sh" address "$WORK/kafka")
export KAFKA_BROKER KAFKA_TOPIC=isolation DLQ_TOPIC=isolation-dlq KAFKA_PARTITIONS=4
"$ROOT/bin/producer" -n "$ORDERS" --interval-ms 0 --seed 1
expected=$(kcat -b "$KAFKA_BROKER" -Q -t isolation:1:-1 -t isolation:2:-1 -t isolation:3:-1 |
  awk '{ sum += $NF } END { print sum }')

printf '%5s %14s %14s %7s\n' round 'A good /s' 'B one fails /s' B/A
for ((i = 1; i <= ROUNDS; i++)); do
  a=$(run "good-$i")
  b=$(run "stuck-$i" SIMULATE_TRANSIENT_RATE=1 SIMULATE_ONLY_PARTITION=0)
  awk -v i="$i" -v a="$a" -v b="$b" 'BEGIN { printf "%5d %14d %14d %7.3f\n", i, a, b, b / a }'
done
