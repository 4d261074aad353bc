#!/usr/bin/env bats
# Orders that are posted to an endpoint, over a real Apache Kafka.

# bats and the helpers set the variables that seem unset; single quotes go to jq and Python.
# shellcheck disable=SC2016,SC2154

bats_require_minimum_version 1.5.0
load ../support/flow_on_kafka

matches_schema() { # NAME <LINES
  /usr/bin/python3 "$ROOT/tests/support/validate_lines.py" "$ROOT/docs/$1.schema.json"
}

has_event() { # NAME [COUNT]
  [ "$(jq -c --arg e "$1" 'select(.event == $e)' "$log" | wc -l)" -ge "${2:-1}" ]
}

# start_endpoint LISTEN [CERT KEY CLIENT_CA]: it answers as the file rules says; its pid is in $endpoint, its port or
# socket in $where.
start_endpoint() {
  [ -f rules ] || echo '[]' >rules
  rm -f requests.port
  start_in_background endpoint.out /usr/bin/python3 "$ROOT/tests/support/http_endpoint.py" "$1" rules requests "${@:2}"
  endpoint=$started_pid
  wait_for 60 test -f requests.port
  where=$(<requests.port)
}

stop_endpoint() {
  kill -9 "$endpoint"
  wait_for 60 is_gone "$endpoint"
}

# use_endpoint: the tracker posts to the endpoint that was started.
use_endpoint() {
  export PROCESSOR_KIND=http PROCESSOR_URL=http://127.0.0.1:$where/orders
}

@test "each order is posted once, with its bytes and its headers, and the receipt is journaled" {
  make_topics 2
  produce -n 500 --seed 3
  start_endpoint 0
  use_endpoint
  drain
  journal_is_exact
  [ "$(count_where '.outcome == "processed" and .attempts == 1 and .processor.kind == "http" and .processor.status == 200 and .processor.ms >= 0
    and .processor.receipt == "receipt of \(.kafka_topic)/\(.kafka_partition)/\(.kafka_offset)"')" -eq 500 ]
  [ "$(line_count requests)" -eq 500 ]
  matches_schema journal <"$journal"
  matches_schema log <"$log"
}
