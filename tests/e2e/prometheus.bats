#!/usr/bin/env bats
# A real Prometheus scrapes monitor --listen: the alerts of deploy/ fire when something is wrong and only then, and
# each query of the dashboard has data.

# bats and the helpers set the variables that seem unset; single quotes go to jq.
# shellcheck disable=SC2016,SC2154

bats_require_minimum_version 1.5.0
load ../support/flow_on_kafka

ALERTS=$ROOT/deploy/prometheus/alerts.yml
DASHBOARD=$ROOT/deploy/grafana/order-tracker.json

# start_prometheus: scrapes the monitor each second, and has the alerts without their `for`: how long they wait is
# for promtool to test.
start_prometheus() {
  port=$(random_free_port)
  web=$(random_free_port)
  start_in_background monitor.out "$ROOT/bin/monitor" --listen "$port"
  monitor=$started_pid
  sed '/^ *for: /d' "$ALERTS" >alerts.yml
  cat >prometheus.yml <<END
global: { scrape_interval: 1s, evaluation_interval: 1s }
rule_files: [alerts.yml]
scrape_configs:
  - job_name: order-tracker
    static_configs: [{ targets: ["127.0.0.1:$port"] }]
END
  start_in_background prometheus.out prometheus --config.file=prometheus.yml --storage.tsdb.path=data \
    --web.listen-address="127.0.0.1:$web" --log.level=warn
}

# ask QUERY: the result of an instant query, as JSON.
ask() {
  curl -sS --max-time 30 "http://127.0.0.1:$web/api/v1/query" --data-urlencode "query=$1" |
    jq -ce 'select(.status == "success") | .data.result'
}

fires() { # ALERT
  ask "ALERTS{alertname=\"$1\", alertstate=\"firing\"}" 2>/dev/null | jq -e 'length > 0' >/dev/null
}

has_data() { # QUERY
  ask "$1" 2>/dev/null | jq -e 'length > 0' >/dev/null
}

# queries: of the dashboard, a line each, as Grafana would send them.
queries() {
  jq -r '.panels[].targets[].expr' "$DASHBOARD" | sed 's/\$__rate_interval/30s/g; s/\$instance/.*/g'
}

@test "promtool takes the alerts, and each fires for its trouble, after its time and not before" {
  promtool check rules "$ALERTS"
  promtool test rules "$ROOT/tests/prometheus/alerts_test.yml"
  sed -n 's/^ *- alert: //p' "$ALERTS" | while read -r alert; do
    grep -q "alertname=\"$alert\"" "$ROOT/tests/prometheus/alerts_test.yml" || fail "$alert has no test"
  done
}

@test "alerts and dashboard name only metrics and labels that the monitor has" {
  make_topics 1
  produce -n 10
  drain -s tracker.metrics_interval_seconds=1
  "$ROOT/bin/monitor" --metrics | sed -n 's/^# TYPE \([a-z_]*\) .*/\1/p' | sort >families
  { queries && cat "$ALERTS" && jq -r '.templating.list[].definition // empty' "$DASHBOARD"; } |
    grep -o 'order_tracker_[a-z_]*' | sed 's/_\(total\|bucket\|sum\|count\)$//' | sort -u >used
  [ "$(wc -l <used)" -ge 12 ]
  [ -z "$(comm -13 families used)" ] || fail "unknown: $(comm -13 families used)"
  [ "$(comm -23 families used)" = "" ] || fail "on no panel and in no alert: $(comm -23 families used)"
  [ "$(queries | wc -l)" -ge 20 ]
}

@test "a real Prometheus: every query has data; alerts fire for failing orders, a stopped Kafka, a killed tracker" {
  make_topics 2
  start_prometheus
  start_tracker -s tracker.metrics_interval_seconds=1
  produce -n 200
  wait_for 60 has_lines "$journal" 200
  wait_for 60 has_data 'order_tracker_partition_lag_records == 0'
  wait_for 60 has_data 'order_tracker_up == 1'
  for alert in $(sed -n 's/^ *- alert: //p' alerts.yml); do
    ! fires "$alert" || fail "$alert fires: $(ask ALERTS)"
  done
  produce -n 200 --invalid-rate 0.5
  wait_for 60 fires OrderTrackerOrdersFail
  while read -r query; do
    wait_for 60 has_data "$query"
  done < <(queries)
  wait_for 60 fires OrderTrackerUnhealthy
  kill_kafka
  wait_for 120 fires OrderTrackerKafkaUnavailable
  ! fires OrderTrackerDown || fail "$(ask ALERTS)"
  kill -KILL "$tracker"
  wait_for 60 fires OrderTrackerDown
  curl -sS "http://127.0.0.1:$web/api/v1/alerts" >alerts
  jq -e '.data.alerts | length >= 3' alerts
  ! grep 'error expanding' alerts || fail "a text has an error"
  kill -TERM "$monitor"
  wait_for 60 fires OrderMonitorDown
}
