#!/usr/bin/env bats
# monitor --listen: what a scraper and a probe get, and what others cannot do to it. Without Kafka.

# bats and the helpers set the variables that seem unset.
# shellcheck disable=SC2154

bats_require_minimum_version 1.5.0
load ../support/common
load ../support/lines

setup() {
  cd "$BATS_TEST_TMPDIR" || return
  port=$(random_free_port)
}

teardown() {
  end_background
}

# listen [OPTION]...: in the background, once it answers; its pid is in $listener.
listen() {
  start_in_background out "$ROOT/bin/monitor" --listen "127.0.0.1:$port" "$@"
  listener=$started_pid
  wait_for 60 listens "$listener" "$port"
}

get() { # PATH [OPTION]...
  curl -sS --max-time 60 "http://127.0.0.1:$port$1" "${@:2}"
}

status_of() { # PATH [OPTION]...
  get "$1" -o /dev/null -w '%{http_code}\n' "${@:2}"
}

OPENMETRICS='Accept: application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5,*/*;q=0.1'

@test "/metrics is OpenMetrics for those that accept it, else the classic format: strict parsers take both" {
  journal 2000 3 >tracker.events
  metrics_line 37 >tracker.log
  export MONITOR_NOW # no age changes
  MONITOR_NOW=$(now_ms)
  listen
  get /metrics -H "$OPENMETRICS" -D headers -o strict
  grep -q $'^Content-Type: application/openmetrics-text; version=1.0.0; charset=utf-8\r$' headers
  [ "$(tail -n 1 strict)" = '# EOF' ]
  get /metrics -D headers >classic
  grep -q $'^Content-Type: text/plain; version=0.0.4; charset=utf-8\r$' headers
  promtool check metrics <classic >lint 2>&1 || fail "$(cat lint)"
  [ ! -s lint ]
  /usr/bin/python3 - <<'END'
from prometheus_client.openmetrics.parser import text_string_to_metric_families as strict
from prometheus_client.parser import text_string_to_metric_families as classic
def figures(families):
    return sorted((s.name, sorted(s.labels.items()), s.value) for f in families for s in f.samples)
a, b = figures(strict(open("strict").read())), figures(classic(open("classic").read()))
assert a == b and len(a) > 30, (a, b)
assert ("order_tracker_records_total", [("outcome", "processed")], 1800.0) in a, a
END
  get /metrics --head >headers
  grep -q "^Content-Length: $(wc -c <classic)" headers
  [ "$("$ROOT/bin/monitor" --metrics | tail -n 1)" = '# EOF' ]
}

@test "/health is the line of --check: 200 for OK and WARN, 503 for CRIT and UNKNOWN, over all journals" {
  export MONITOR_NOW
  local case level status files journals
  mkdir none warn crit
  journal 2000 3 | grep -v dead_lettered >warn/tracker.events
  metrics_line 0 | tee warn/tracker.log >crit/tracker.log
  journal 2000 3 >crit/tracker.events
  journal 9 1 >few.events
  MONITOR_NOW=$(now_ms)
  for case in 'UNKNOWN 503 none/tracker.events' 'OK 200 few.events' 'WARN 200 warn/tracker.events' \
    'CRIT 503 crit/tracker.events' 'CRIT 503 */tracker.events' 'WARN 200 few.events --events warn/tracker.events'; do
    read -r level status files <<<"$case"
    read -r -a journals <<<"$files" # which expands no pattern
    "$ROOT/bin/monitor" --check --events "${journals[@]}" >expected || :
    listen --events "${journals[@]}"
    get /health >answer
    diff expected answer
    [ "$(cut -d ' ' -f 1 answer)" = "$level" ]
    [ "$(status_of /health)" = "$status" ]
    end_process "$listener" 10
    port=$(random_free_port)
  done
}

@test "nothing else is served, and a request line of 100 KB is refused" {
  listen
  [ "$(status_of /)" = 404 ]
  [ "$(status_of /metrics/)" = 404 ]
  [ "$(status_of /../etc/passwd --path-as-is)" = 404 ]
  [ "$(status_of /metrics -X POST -d x)" = 405 ]
  [ "$(status_of /metrics -X DELETE)" = 405 ]
  [ "$(status_of "/$(head -c 100000 /dev/zero | tr '\0' a)")" = 414 ]
  [ "$(status_of '/metrics?x=1')" = 200 ]
}

# The clients are bash's own connections.
@test "200 idle clients and a slow one keep nobody away; SIGTERM and SIGINT end it at once" {
  local signal fd clients=() before
  for signal in TERM INT; do
    listen
    for ((i = 0; i < 200; i++)); do
      exec {fd}<>"/dev/tcp/127.0.0.1/$port"
      clients+=("$fd")
    done
    printf 'GET /metr' >&"$fd"
    [ "$(status_of /metrics)" = 200 ]
    before=$(date +%s%3N)
    kill -"$signal" "$listener"
    wait "$listener" # status 0
    [ $(($(date +%s%3N) - before)) -lt 3000 ]
    for fd in "${clients[@]}"; do
      exec {fd}>&-
    done
    clients=()
    port=$(random_free_port)
  done
}

@test "a port alone is not served to other machines; one that is taken is an error" {
  start_in_background out "$ROOT/bin/monitor" --listen "$port"
  wait_for 60 listens "$started_pid" "$port"
  grep -q "$(printf '^ *[0-9]*: 0100007F:%04X 00000000:0000 0A ' "$port")" /proc/net/tcp
  [ "$(cat out)" = "monitor: serving /metrics and /health on 127.0.0.1 port $port" ]
  run -1 "$ROOT/bin/monitor" --listen ":$port"
  [ "$output" = "monitor: --listen 127.0.0.1:$port: Address already in use" ]
  run -2 "$ROOT/bin/monitor" --listen somewhere
  [ "$output" = "monitor: --listen somewhere: expected HOST:PORT, as in 127.0.0.1:9464" ]
}

@test "the totals of a big journal come when its history has been read; until then no counter is wrong" {
  journal 200000 3 >tracker.events
  listen
  counted() {
    get /metrics >metrics
    ! grep -q '^order_tracker_records_total' metrics || grep -q '^order_tracker_records_total{outcome="processed"} 180000$' metrics ||
      fail "$(grep ^order_tracker_records_total metrics)"
    grep -q '^order_tracker_records_total' metrics
  }
  wait_for 60 counted
}

@test "a build without libmicrohttpd works, lists no feature and refuses --listen" {
  mkdir -p build/cmd
  cp -r "$ROOT/build/src" "$ROOT/build/libcore.a" build
  make -C "$ROOT" -s WITH_MICROHTTPD= OUT="$PWD/build" BIN="$PWD/bin" build-monitor 2>errors || fail "$(cat errors)"
  [[ $(bin/monitor -V) != *listen* ]]
  [[ $("$ROOT/bin/monitor" -V) == *"; features: listen)" ]]
  run -2 bin/monitor --listen "$port"
  [ "$output" = "monitor: --listen: this program was built without libmicrohttpd" ]
  journal 10 1 >tracker.events
  bin/monitor --json | jq -e '.received_total == 10'
}
