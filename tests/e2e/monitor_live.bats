#!/usr/bin/env bats
# The monitor beside a flow that lives: orders, broken orders, a tracker killed and restarted, a rotation, a broker
# that goes and comes back, a stop. What the screen says after each, how long it took, and whether the counts are
# those of the files.

# bats and the helpers set the variables that seem unset; single quotes go to the shell in the terminal.
# shellcheck disable=SC2016,SC2154

bats_require_minimum_version 1.5.0
BROKER_SETTINGS=(group.initial.rebalance.delay.ms=0)
load ../support/flow_on_kafka

setup() {
  use_own_flow
  changed=0
  export LC_ALL=C.UTF-8 TZ=UTC
  export TRACKER_METRICS_INTERVAL_SECONDS=1
  export MONITOR_LATENCY_WARN_MS=600000 MONITOR_LATENCY_CRIT_MS=600000 # not the machine's speed is judged here
  export MONITOR_EVENTS_FILE=$journal MONITOR_LOG_FILE=$log
  terminal="monitor-live-$$"
  ln -s "$ROOT/bin/monitor" monitor # a path that the shell in the terminal need not have quoted
}

teardown() {
  screen || : # bats shows it when the test failed
  tmux -L "$terminal" kill-server 2>/dev/null || :
  end_background
}

screen() {
  tmux -L "$terminal" capture-pane -p
}

# shows REGEX...: all of them, somewhere on the screen.
shows() {
  local now
  now=$(screen)
  while [ $# -gt 0 ]; do
    grep -qE -e "$1" <<<"$now" || return 1
    shift
  done
}

# change COMMAND...: what is to show on the screen begins with it.
change() {
  changed=$(date +%s%3N)
  "$@"
}

# soon WHAT REGEX...: waits until the screen shows them and tells how long that took since the change.
soon() {
  local what=$1
  shift
  wait_for 50 shows "$@"
  echo "# $what: $(($(date +%s%3N) - changed)) ms" >&3
}

# start_orders OPTION...: 2,000 a second from two producers, in $producers.
start_orders() {
  start_producer -q --interval-ms 1 "$@"
  producers=("$producer")
  start_producer -q --interval-ms 1 "$@"
  producers+=("$producer")
}

# has_flowed SECONDS: so many of the last ten have lines.
has_flowed() {
  tail -n 40000 "$journal" | cut -c 15-33 | awk -v since="$(date -u -d '-10 seconds' +%FT%T)" '$0 > since' |
    sort -u | awk -v least="$1" 'END { exit NR < least }'
}

tells() { # NAME: a figure of the report on all journal files together
  cat "$journal".1 "$journal" >all.events
  "$ROOT/bin/monitor" --json --events all.events | jq "$1"
}

# A tracker that reports once a minute: nothing but its lock tells that it is there.
@test "orders that just end are no trouble, a tracker that goes then is told" {
  make_topics 1
  tmux -L "$terminal" -f /dev/null new-session -d -x 200 -y 60 "exec ./monitor 2>monitor.err"
  start_tracker -s tracker.metrics_interval_seconds=60
  start_orders -n 5000
  wait_for_exit "${producers[0]}" 60
  change wait_for_exit "${producers[1]}" 60
  soon "orders end" '\+ OK\] +LIVE' '\+ freshness +last event ([6-9]|[1-5][0-9])(\.[0-9])? s ago'

  change kill -KILL "$tracker"
  soon "tracker killed" '\[X CRIT\] +GONE' 'X freshness: tracker gone [0-9.]+ s ago, without a stop line'

  change start_tracker -s tracker.metrics_interval_seconds=60
  soon "tracker started again" '\+ OK\] +LIVE'
}

@test "in a flow that lives the verdict and its reasons follow each change, and the counts are those of the files" {
  make_topics 2
  change tmux -L "$terminal" -f /dev/null new-session -d -x 200 -y 60 "exec ./monitor 2>monitor.err"
  soon "nothing there" '\? UNKNOWN' 'Waiting for files'

  start_tracker -X session.timeout.ms=2000 -X heartbeat.interval.ms=500
  change start_orders -n 10000
  soon "orders flow" '\+ OK\] all 9 checks +LIVE'
  wait_for_exit "${producers[0]}" 60
  wait_for_exit "${producers[1]}" 60

  change start_orders --invalid-rate 0.05
  soon "5 % of them broken" '\[X CRIT\]' 'X dlq: [0-9]+ of [0-9]+ in [16]0 s, above 1 %'

  wait_for 60 has_flowed 6
  change kill -KILL "$tracker"
  soon "tracker killed" '\[X CRIT\] +GONE' 'X freshness: tracker gone [0-9.]+ s ago, without a stop line'

  change start_tracker -X session.timeout.ms=2000 -X heartbeat.interval.ms=500
  soon "tracker started again" '\[X CRIT\] +LIVE ' '\+ freshness +last event'

  mv "$journal" "$journal.1"
  change kill -HUP "$tracker"
  soon "journal rotated" 'rotated; the old file was read to its end'
  wait_for 60 test -s "$journal"

  change kill_kafka
  soon "broker killed" '\[X CRIT\]' 'X progress +Kafka is unavailable'
  resume_kafka group.initial.rebalance.delay.ms=0
  change wait_for 60 has_logged kafka.available
  soon "broker back" '\+ progress|! progress' '\+ freshness +last event 0\.'

  kill -TERM "${producers[@]}"
  change kill -TERM "$tracker"
  ends_with 0 "$tracker"
  soon "tracker stopped" '\[X CRIT\] +STOPPED' 'X freshness +clean stop'

  total=$(cat "$journal".1 "$journal" | wc -l)
  failed=$(cat "$journal".1 "$journal" | jq -c 'select(.outcome != "processed") | 1' | wc -l)
  shows "received +$(sed -E ':a; s/^([0-9]+)([0-9]{3})/\1 \2/; ta' <<<"$total") " || fail "not $total: $(screen)"
  [ "$(tells .received_total)" -eq "$total" ]
  [ "$(tells .failed_total)" -eq "$failed" ]
  [ "$(tells '.gaps_total + .dups_total + .reader.malformed')" -eq 0 ]
}
