#!/usr/bin/env bats
# monitor --metrics: OpenMetrics text whose counters are those of the journal.

# bats and the helpers set the variables that seem unset.
# shellcheck disable=SC2154

bats_require_minimum_version 1.5.0
load ../support/flow_on_kafka

# metrics [OPTION]...: into the file metrics; a parser that is not ours takes it.
metrics() {
  "$ROOT/bin/monitor" --metrics "$@" >metrics
  /usr/bin/python3 - <<'END'
from prometheus_client.openmetrics.parser import text_string_to_metric_families as families
assert sum(len(f.samples) for f in families(open("metrics").read())) > 20
END
}

# is_classic FILE: whole, and in the format that node_exporter reads.
is_classic() {
  grep -q '^# TYPE order_tracker_records_total counter$' "$1" && promtool check metrics <"$1"
}

# sample NAME: its value, whatever its labels' order may be later.
sample() {
  awk -v name="$1" '$1 == name { print $2; found = 1 } END { exit !found }' metrics || fail "$1 is not in: $(cat metrics)"
}

by_outcome() {
  count_where ".outcome == \"$1\""
}

counters_are_those_of_the_journal() {
  [ "$(sample 'order_tracker_records_total{outcome="processed"}')" -eq "$(by_outcome processed)" ]
  [ "$(sample 'order_tracker_records_total{outcome="dead_lettered"}')" -eq "$(by_outcome dead_lettered)" ]
  [ "$(sample 'order_tracker_records_total{outcome="dropped"}')" -eq 0 ]
  [ "$(sample order_tracker_attempts_total)" -eq "$(jq -s 'map(.attempts // 0) | add' "$journal")" ]
  [ "$(sample order_tracker_offset_gaps_total)" -eq 0 ]
  [ "$(sample order_tracker_duplicates_total)" -eq 0 ]
}

@test "counters are those of the journal, over restarts of the tracker, and the histogram has each order" {
  make_topics 2
  produce -n 500 --invalid-rate 0.1
  drain -s simulate.transient_rate=0.2 -s retry.initial_delay_ms=1
  metrics
  counters_are_those_of_the_journal
  [ "$(sample order_tracker_up)" -eq 0 ]
  produce -n 300
  start_tracker -s tracker.metrics_interval_seconds=1
  wait_for 60 has_lines "$journal" 800
  is_reported() {
    metrics && grep -q "^order_tracker_partition_lag_records{topic=\"$KAFKA_TOPIC\",partition=\"1\",consumergroup=\"$KAFKA_CONSUMER_GROUP\"} 0$" metrics
  }
  wait_for 60 is_reported
  counters_are_those_of_the_journal
  [ "$(sample order_tracker_up)" -eq 1 ]
  [ "$(sample 'order_tracker_lanes{state="blocked"}')" -eq 0 ]
  [ "$(sample 'order_tracker_latency_seconds_bucket{le="+Inf"}')" -eq "$(sample order_tracker_latency_seconds_count)" ]
  [ "$(sample order_tracker_latency_seconds_count)" -ge "$(by_outcome processed)" ]
  [ "$(sample 'order_tracker_health{rule="integrity"}')" -eq 0 ]
}

@test "--output replaces the file as a whole, again and again with --watch; one that cannot be written is an error" {
  make_topics 1
  produce -n 100
  drain
  start_in_background out "$ROOT/bin/monitor" --metrics --output "$PWD/orders.prom" --watch 1
  watcher=$started_pid
  wait_for 60 test -s orders.prom
  is_classic orders.prom
  rm orders.prom
  wait_for 60 test -s orders.prom
  is_classic orders.prom
  kill -TERM "$watcher"
  wait "$watcher" || :
  [ ! -s out ]
  [ ! -e orders.prom.tmp ]
  run "$ROOT/bin/monitor" --metrics --output /nowhere/orders.prom
  [ "$status" -eq 1 ]
  [ "$output" = "monitor: /nowhere/orders.prom: No such file or directory" ]
}

@test "two trackers: each has its samples; a name that no label could hold is escaped" {
  make_topics 2
  produce -n 100
  mkdir -p 'a "quoted" one' plain
  drain -s tracker.events_file='a "quoted" one/tracker.events'
  drain -s tracker.events_file=plain/tracker.events -s kafka.consumer_group=another
  metrics --events 'a "quoted" one/tracker.events' --events plain/tracker.events
  [ "$(grep -c '^order_tracker_up{tracker=' metrics)" -eq 2 ]
  grep -q '^order_tracker_up{tracker="a \\"quoted\\" one"} ' metrics
}

@test "--check --fail-on crit: only CRIT fails" {
  : >"$journal"
  run "$ROOT/bin/monitor" --check
  [ "$status" -eq 3 ]
  run "$ROOT/bin/monitor" --check --fail-on crit
  [ "$status" -eq 0 ]
  make_topics 1
  produce -n 300 --invalid-rate 1
  drain
  run "$ROOT/bin/monitor" --check --fail-on crit
  [ "$status" -eq 2 ]
  run "$ROOT/bin/monitor" --check --fail-on some
  [ "$status" -eq 3 ]
}
