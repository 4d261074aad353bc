#!/usr/bin/env bats
# monitor --merge: one stream out of several journals and their rotated files. Without Kafka.

# bats and the helpers set the variables that seem unset.
# shellcheck disable=SC2154

bats_require_minimum_version 1.5.0
load ../support/common

setup() {
  cd "$BATS_TEST_TMPDIR" || return
  second=0
}

# lines PARTITION FROM TO [MEMBERS]: each a second later than the one before.
lines() {
  local i
  for ((i = $2; i <= $3; i++)); do
    printf '{"timestamp":"2026-11-28T%02d:%02d:%02d.000Z","event_type":"message.received","kafka_topic":"orders","kafka_partition":%d,"kafka_offset":%d%s}\n' \
      $((second / 3600)) $((second / 60 % 60)) $((second % 60)) "$1" "$i" "${4-}"
    second=$((second + 1))
  done
}

other() { # EVENT_TYPE PARTITION FROM TO [MEMBERS]
  printf '{"timestamp":"2026-11-28T%02d:%02d:%02d.000Z","event_type":"%s","kafka_topic":"orders","kafka_partition":%d,"from":%d,"to":%d%s}\n' \
    $((second / 3600)) $((second / 60 % 60)) $((second % 60)) "$1" "$2" "$3" "$4" "${5-}"
  second=$((second + 1))
}

merge() { # [OPTION]...
  "$ROOT/bin/monitor" --merge "$@" >merged 2>errors
}

# offsets: "PARTITION OFFSET ..." of what was merged.
offsets() {
  jq -r '"\(.kafka_partition)@\(.kafka_offset // .event_type)"' merged | tr '\n' ' '
}

@test "each offset once and in order, from all journals and what they were rotated to" {
  mkdir eu us
  { lines 0 0 3; lines 1 0 1; } >eu/tracker.events.2
  lines 0 4 5 >eu/tracker.events.1
  lines 1 2 4 >us/tracker.events
  { lines 0 6 7; lines 2 0 0; } >eu/tracker.events
  echo '{}' >eu/tracker.events.state
  echo 'no journal' >eu/tracker.events.torn-20261128
  merge eu/tracker.events us/tracker.events
  [ "$(offsets)" = "0@0 0@1 0@2 0@3 0@4 0@5 0@6 0@7 1@0 1@1 1@2 1@3 1@4 2@0 " ]
  [ ! -s errors ]
  sort merged >a
  sort eu/tracker.events.[12] ??/tracker.events >b
  cmp a b
  mv merged first
  merge --events '*/tracker.events'
  cmp first merged
}

@test "of an offset with several lines the newest is taken; duplicates and gaps go to standard error" {
  lines 0 0 9 >a.events
  lines 0 4 6 ',"outcome":"dropped"' >b.events
  { lines 0 12 12; lines 0 20 20 ',"offsets_skipped":7'; other journal.gap 0 21 25; lines 0 25 25; lines 0 30 30; } >>b.events
  merge a.events b.events
  [ "$(offsets)" = "0@0 0@1 0@2 0@3 0@4 0@5 0@6 0@7 0@8 0@9 0@12 0@20 0@journal.gap 0@25 0@30 " ]
  [ "$(jq -r 'select(.outcome == "dropped") | .kafka_offset' merged | tr '\n' ' ')" = "4 5 6 " ]
  cat >expected <<'END'
duplicates: topic orders partition 0 offsets 4 to 6
gap: topic orders partition 0 offsets 10 to 11
gap: topic orders partition 0 offsets 26 to 29
END
  diff expected errors
}

@test "offsets of a recreated topic come after those of the old one" {
  { lines 0 0 2; other journal.replay 0 3 0 ',"recreated":true'; lines 0 0 1; } >tracker.events
  merge
  [ "$(offsets)" = "0@0 0@1 0@2 0@0 0@1 " ]
  [ ! -s errors ]
}

@test "compressed files and lines that are none are named; a line that is being written is not taken" {
  { lines 0 0 1; echo nonsense; printf '{"timestamp":'; } >tracker.events
  gzip -c tracker.events >tracker.events.3.gz
  run -1 merge
  [ "$(offsets)" = "0@0 0@1 " ]
  grep -q '^monitor: tracker.events.3.gz: is compressed and left out' errors
  grep -q '^monitor: tracker.events: 1 lines are not of a journal' errors
  run -1 merge nothing.events
  [ "$(cat errors)" = "monitor: nothing.events: No such file or directory" ]
  run -1 merge '*/none.events'
  [ "$(cat errors)" = "monitor: */none.events: no journal matches" ]
}

@test "a JOURNAL without --merge, and one with --events, is refused" {
  run -2 "$ROOT/bin/monitor" tracker.events
  [[ $output == *"a JOURNAL needs --merge"* ]]
  run -2 "$ROOT/bin/monitor" --merge a --events b
  [[ $output == *"not both"* ]]
}
