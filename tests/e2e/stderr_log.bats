#!/usr/bin/env bats
# tracker.log_file: "-", as in a container: standard error has the log and nothing else, and the monitor works from
# the journal alone.

# bats and the helpers set the variables that seem unset; single quotes go to another bash.
# shellcheck disable=SC2016,SC2154

bats_require_minimum_version 1.5.0
load ../support/flow_on_kafka

# start_logging_tracker [OPTION]...: not quiet; standard output is in out, standard error in err.
start_logging_tracker() {
  start_in_background /dev/null bash -c 'exec "$@" >out 2>err' _ "$ROOT/bin/tracker" "$@"
  tracker=$started_pid
}

is_a_log() { # FILE
  /usr/bin/python3 "$ROOT/tests/support/validate_lines.py" "$ROOT/docs/log.schema.json" <"$1"
}

@test "standard error has the log as JSON Lines and nothing else, standard output nothing; no file is written" {
  export TRACKER_LOG_FILE=-
  make_topics 1
  produce -n 50
  start_logging_tracker -s tracker.metrics_interval_seconds=1
  wait_for 60 has_lines "$journal" 50
  kill -HUP "$tracker"
  wait_for 60 grep -q '"event":"files.reopened"' err
  # A second tracker may not have the journal: its failure is a line of its log.
  status=0
  "$ROOT/bin/tracker" >out.second 2>err.second || status=$?
  [ "$status" -ne 0 ]
  is_a_log err.second
  grep -q '"level":"ERROR"' err.second
  kill -TERM "$tracker"
  ends_with 0 "$tracker"
  is_a_log err
  [ "$(tail -n 1 err | jq -r .event)" = tracker.stopped ]
  [ ! -s out ] && [ ! -s out.second ] && [ ! -e - ]
}

@test "the monitor works from the journal alone: idle is no alarm while the tracker is there, its end is" {
  export TRACKER_LOG_FILE=-
  make_topics 1
  produce -n 200
  start_logging_tracker
  wait_for 60 has_lines "$journal" 200
  "$ROOT/bin/monitor" --check
  "$ROOT/bin/monitor" --once >report
  grep -q '^log: *-, goes to standard error' report
  "$ROOT/bin/monitor" --json >json
  jq -e '.received_total == 200 and .lag.messages == null and .log_age_ms == null and .log_errors_60s == null' json
  # Ten minutes later; and with --log where the settings do not say it, for a pattern too.
  MONITOR_NOW=$(($(date +%s%3N) + 600000)) "$ROOT/bin/monitor" --check
  unset TRACKER_LOG_FILE
  MONITOR_NOW=$(($(date +%s%3N) + 600000)) "$ROOT/bin/monitor" --check --events "$PWD/*.events" --log -
  "$ROOT/bin/monitor" --metrics --log - >metrics
  grep -q '^order_tracker_up 1$' metrics
  ! grep '^order_tracker_kafka_unavailable_seconds' metrics || fail "nobody said so"
  start_in_background watch "$ROOT/bin/monitor" --json --watch 1 --log -
  wait_for 60 test -s watch
  kill -KILL "$tracker"
  is_told() { jq -e 'select(.health == "crit") | .reasons[] | select(.rule == "freshness") | .text | test("tracker gone .* only its log tells")' watch; }
  wait_for 60 is_told
}
