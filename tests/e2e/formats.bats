#!/usr/bin/env bats
# What the programs write is what docs/ says: real lines, and the examples in formats.md, against the schemas.

# bats and the helpers set the variables that seem unset; single quotes go to jq.
# shellcheck disable=SC2016,SC2154

bats_require_minimum_version 1.5.0
load ../support/common
load ../support/kafka

# One run for all tests: orders of every kind, keys of every kind, retries, all three fates.
setup_file() {
  start_kafka
  cd "$BATS_FILE_TMPDIR" || return
  create_topic orders 3
  "$ROOT/bin/producer" -q -n 1500 --interval-ms 0 --invalid-rate 0.4 --seed 11
  printf '\xff\xfe\t{}\n' | kcat -b "$KAFKA_BROKER" -t orders -P -K '\t'
  echo '{"order_id": "without a key"}' | kcat -b "$KAFKA_BROKER" -t orders -P
  export RETRY_INITIAL_DELAY_MS=1 RETRY_MAX_DELAY_MS=5 SIMULATE_TRANSIENT_RATE=0.2
  SIMULATE_PERMANENT_RATE=0.05 TRACKER_METRICS_INTERVAL_SECONDS=1 "$ROOT/bin/tracker" -q --drain
  KAFKA_CONSUMER_GROUP=dropping DLQ_ENABLED=false TRACKER_EVENTS_PAYLOAD=failures TRACKER_MAX_MESSAGE_BYTES=1500 \
    TRACKER_EVENTS_FILE=dropped.events TRACKER_LOG_FILE=dropped.log "$ROOT/bin/tracker" -q --drain
  KAFKA_CONSUMER_GROUP=raw DLQ_ENABLED=false TRACKER_EVENTS_PAYLOAD=raw \
    TRACKER_EVENTS_FILE=raw.events TRACKER_LOG_FILE=raw.log "$ROOT/bin/tracker" -q --drain
}

teardown_file() {
  stop_kafka
}

setup() {
  cd "$BATS_FILE_TMPDIR" || return
}

# matches SCHEMA: each line of standard input.
matches() {
  /usr/bin/python3 "$ROOT/tests/support/validate_lines.py" "$ROOT/docs/$1.schema.json"
}

# bad_lines SCHEMA: how many lines of standard input it refuses.
bad_lines() {
  matches "$1" | grep -c '^line '
}

# examples LANGUAGE: the blocks of formats.md that begin with ```LANGUAGE.
examples() {
  sed -n "/^\`\`\`$1\$/,/^\`\`\`\$/{/^\`\`\`/d;p}" "$ROOT/docs/formats.md"
}

@test "every line of a journal matches its schema" {
  has_lines tracker.events 1502
  matches journal <tracker.events
  matches journal <dropped.events
  matches journal <raw.events
  for outcome in processed dead_lettered; do
    grep -q "\"outcome\":\"$outcome\"" tracker.events
  done
  grep -q '"outcome":"dropped"' dropped.events
  grep -q '"reason":"TOO_LARGE"' dropped.events
  grep -q '"kafka_key_encoding":"base64"' tracker.events
  grep -q '"kafka_key":null' tracker.events
  grep -q '"raw_encoding":"base64"' tracker.events
}

@test "the keys of a journal line come in the order of the table" {
  local table
  table=$(sed -n 's/^| `\([a-z_]*\)` |.*/\1/p' "$ROOT/docs/formats.md" | sed -n '/^timestamp$/,/^order_full$/p' | jq -Rn '[inputs]')
  [ "$(jq length <<<"$table")" -eq 23 ]
  cat ./*.events | jq -e -s --argjson table "$table" 'all(.[]; keys_unsorted as $k | $k == ($table | map(select(IN($k[])))))' >/dev/null
}

@test "the payloads that a line carries follow tracker.events_payload" {
  jq -e -s 'all(.[]; (.message_size == null or has("raw_message")) and .deserialized == has("order_full"))' tracker.events
  jq -e -s 'all(.[]; (.message_size == null or has("raw_message")) and (has("order_full") | not))' raw.events
  jq -e -s 'all(.[]; if .outcome == "processed" then (has("raw_message") or has("order_full")) | not
    else (.message_size == null or has("raw_message")) and .deserialized == has("order_full") end)' dropped.events
}

@test "the schema of an order takes what was processed and refuses what was not valid" {
  jq -c 'select(.reason != "VALIDATE" and .order_full).order_full' tracker.events | matches order
  # That sums agree is beyond a schema.
  jq -c 'select(.reason == "VALIDATE" and (.error | contains("does not equal") | not)).order_full' tracker.events >not_valid
  has_lines not_valid 50
  [ "$(bad_lines order <not_valid)" -eq "$(line_count not_valid)" ]
}

@test "the schema of an order refuses fields of the wrong type" {
  # Beyond a schema: members that come twice (also as \u0074otal), and a fraction that a double cannot hold.
  jq -r 'select(.reason == "DESERIALIZE" and (.error | test("^field |^expected an object")) and
    (.error | contains("there twice") | not) and
    (.raw_message | test("u0074otal|0[.]9999999999") | not)).raw_message' tracker.events >wrong_types
  has_lines wrong_types 50
  [ "$(bad_lines order <wrong_types)" -eq "$(line_count wrong_types)" ]
}

@test "every line of a log matches its schema, and the counts agree with the journal" {
  matches log <tracker.log
  matches log <dropped.log
  jq -e -s --slurpfile log tracker.log '
    ($log[-1].metadata) as $m | $log[-1].event == "tracker.stopped" and $m.drained and $m.left == 0 and
    $m.messages_received == length and
    $m.messages_processed == (map(select(.outcome == "processed")) | length) and
    $m.messages_dead_lettered == (map(select(.outcome == "dead_lettered")) | length) and
    $m.messages_failed == $m.messages_dead_lettered + $m.messages_dropped and
    $m.messages_retried == (map(.attempts - 1) | add)' tracker.events
  grep -q '"event":"tracker.metrics"' tracker.log
}

@test "the state of the journal matches its schema and its file" {
  matches state <tracker.events.state
  jq -e --argjson size "$(stat -c %s tracker.events)" --arg inode "$(stat -c %i tracker.events)" \
    '.clean and .length == $size and .inode == $inode and all(.partitions[]; .next == .committed)' tracker.events.state
}

@test "a dead letter has the headers of the table, in its order" {
  local names
  names=$(sed -n 's/^| `\([_a-z.-]*\)` | .*/\1/p' "$ROOT/docs/formats.md" | sed -n '/^__dlq.errors.topic$/,/^attempts$/p')
  [ "$(wc -l <<<"$names")" -eq 15 ]
  # -J: one JSON object per record; a name may not come twice.
  kcat -b "$KAFKA_BROKER" -t orders-dlq -C -e -q -o beginning -c 20 -J |
    jq -e -s --argjson names "$(jq -Rn '[inputs]' <<<"$names")" '
      all(.[]; [.headers | _nwise(2)[0]] | .[-15:] == $names and (unique | length) == length)'
}

@test "a generated order has the headers of the text" {
  kcat -b "$KAFKA_BROKER" -t orders -C -e -q -o beginning -c 20 -J | jq -e -s '
    all(.[]; [.headers | _nwise(2)] | map({(.[0]): .[1]}) | add |
      keys_unsorted == ["content-type", "ce_specversion", "ce_id", "ce_source", "ce_type", "ce_time", "traceparent"] and
      .["content-type"] == "application/json" and .ce_specversion == "1.0" and .ce_source == "producer-service" and
      .ce_type == "order.created" and (.traceparent | test("^00-[0-9a-f]{32}-[0-9a-f]{16}-01$")))'
}

@test "the examples of formats.md match the schemas" {
  examples 'json journal' | matches journal
  examples 'json log' | matches log
  examples 'json state' | matches state
  examples 'json order' | jq -c . | matches order
}

# skeleton README: what a translation must share: levels of headings, commands without their comments, links, figures.
skeleton() {
  sed -nE 's/^(#+) .*/\1/p; /^ {4}/{s/ +# .*//; s/ +$//; p}' "$1"
  grep -oE '\]\([^)]*\)' "$1" | grep -v README
  grep -v '^    ' "$1" | grep -oE '[0-9][0-9 ,.]*[0-9]' | tr -d ' ,.'
}

@test "the French README has the headings, commands, links and figures of the English one" {
  diff <(skeleton "$ROOT/README.md") <(skeleton "$ROOT/README.fr.md")
}

@test "each link of the documents leads to a file" {
  local file link
  for file in "$ROOT"/*.md "$ROOT"/docs/*.md "$ROOT"/tests/README.md; do
    while read -r link; do
      [ -e "$(dirname "$file")/$link" ] || fail "$file: $link"
    done < <(grep -oE '\]\([^)#:]+' "$file" | cut -c 3-)
  done
}
