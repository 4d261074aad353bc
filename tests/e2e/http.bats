#!/usr/bin/env bats
# Orders that are posted to an endpoint, over a real Apache Kafka.

# bats and the helpers set the variables that seem unset; single quotes go to jq and Python.
# shellcheck disable=SC2016,SC2154

bats_require_minimum_version 1.5.0
load ../support/flow_on_kafka
load ../support/secure_kafka

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

# use_endpoint [URL]: the tracker posts there, else to the endpoint that was started.
use_endpoint() {
  export PROCESSOR_KIND=http PROCESSOR_URL=${1:-http://127.0.0.1:$where/orders}
}

# answer_with RULES: for the requests that follow.
answer_with() {
  echo "$1" >rules.new
  mv rules.new rules
}

unavailable_because() { # TEXT
  jq -s -e --arg why "$1" 'any(.[]; .event == "processor.unavailable" and (.error | contains($why)))' "$log" >/dev/null
}

# alarms TEXT: the monitor says CRIT with that reason.
alarms() {
  local status=0
  "$ROOT/bin/monitor" --check >check.out || status=$?
  [ "$status" -eq 2 ] && grep -qF -- "$1" check.out
}

no_dead_letters() {
  [ "$(count_where '.outcome != "processed"')" -eq 0 ] || fail "$(jq -c 'select(.outcome != "processed")' "$journal" | head -n 3)"
  [ "$(count_records "$DLQ_TOPIC")" -eq 0 ]
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
  jq -c '[.id, .body]' requests | sort >posted
  jq -c '["\(.kafka_topic)/\(.kafka_partition)/\(.kafka_offset)", .raw_message]' "$journal" | sort >journaled
  cmp posted journaled
  [ "$(jq -c --arg topic "$KAFKA_TOPIC" 'select(.path == "/orders" and .attempt == 1) | .id as $id |
    (.body | fromjson | .metadata.correlation_id | gsub("-"; "")) as $trace | .headers |
    select(.["content-type"] == "application/json" and .["idempotency-key"] == $id and .["ce-id"] == $id and
      .["ce-specversion"] == "1.0" and .["ce-source"] == "producer-service" and .["ce-type"] == "order.created" and
      (.["ce-time"] | test("^20..-..-..T..:..:..[.]...Z$")) and (.traceparent | startswith("00-\($trace)-")) and
      has("expect") == false and has("authorization") == false)' requests | wc -l)" -eq 500 ]
  matches_schema journal <"$journal"
  matches_schema log <"$log"
  tail -n 1 "$log" | jq -e '.metadata.processor_ms.p99 >= 0 and .metadata.processor_in_flight == 0 and .metadata.drained'
}

# What each offset is answered, and what becomes of it with two attempts.
each_answer() {
  cat <<'END'
200 - processed -
201 - processed -
204 - processed -
500 ok processed -
200 retry PROCESS 2
200 reject PROCESS 1
200 fine PROCESS 2
401 reject PROCESS 1
404 - PROCESS 2
408 - PROCESS 2
409 - PROCESS 2
423 - PROCESS 2
425 - PROCESS 2
429 - PROCESS 2
500 - PROCESS 2
502 - PROCESS 2
503 - PROCESS 2
504 - PROCESS 2
301 - PROCESS 1
304 - PROCESS 1
400 - PROCESS 1
405 - PROCESS 1
410 - PROCESS 1
413 - PROCESS 1
422 - PROCESS 1
501 - PROCESS 1
505 - PROCESS 1
close - PROCESS 2
END
}

# The environment's proxies have no say, a redirect is not followed, and no more of a body is read than allowed.
@test "each answer has its effect" {
  local n=0 status result expected attempts
  make_topics 1
  produce -n "$(each_answer | wc -l)"
  each_answer | jq -R -s '[split("\n")[:-1] | to_entries[] | .key as $n | .value | split(" ") | {offset: $n,
    body: (if .[0] == "410" then "x" * 100000 else "be\n\tcause" end),
    headers: (if .[1] == "-" then {location: "/elsewhere"} else {"order-result": .[1]} end)} +
    if .[0] == "close" then {close: true} else {status: (.[0] | tonumber)} end]' >rules
  start_endpoint 0
  use_endpoint
  http_proxy=http://127.0.0.1:1 all_proxy=http://127.0.0.1:1 drain -s retry.max_attempts=2 -s retry.initial_delay_ms=1 \
    -s dlq.breaker_consecutive=1000 -s dlq.breaker_window=1000 -s processor.max_answer_bytes=1000
  journal_is_exact
  while read -r status result expected attempts; do
    if [ "$expected" = processed ]; then
      expected='.outcome == "processed"'
    elif [ "$status" = close ]; then
      expected='.reason == "PROCESS" and .attempts == 2 and (.processor | has("status") | not)'
    else
      expected=".outcome == \"dead_lettered\" and .reason == \"$expected\" and .attempts == $attempts and
        .processor.status == $status and (.error | startswith(\"answered $status\"))"
    fi
    jq -s -e "any(.[]; .kafka_offset == $n and $expected)" "$journal" >/dev/null ||
      fail "$status $result: $(sed -n $((n + 1))p "$journal")"
    n=$((n + 1))
  done < <(each_answer)
  [ "$(count_where '.error == "answered 422: be cause"')" -eq 1 ]
  [ "$(count_where '.error == "answered 401, order-result reject: be cause"')" -eq 1 ]
  [ "$(count_where '.error == "answered 410: " + "x" * 256')" -eq 1 ]
  [ "$(jq -c 'select(.path != "/orders")' requests | wc -l)" -eq 0 ]
  matches_schema journal <"$journal"
}

@test "retry-after is the minimum delay, at most ten times the longest" {
  make_topics 1
  produce -n 3
  answer_with '[{"offset": 0, "attempt": 1, "status": 503, "headers": {"retry-after": "1"}},
    {"offset": 1, "attempt": 1, "status": 429, "headers": {"retry-after": "3600"}},
    {"offset": 2, "attempt": 1, "status": 500, "headers": {"retry-after": "Fri, 31 Dec 2100 23:59:59 GMT"}}]'
  start_endpoint 0
  use_endpoint
  drain -s retry.initial_delay_ms=1 -s retry.max_delay_ms=120
  [ "$(jq -r 'select(.event == "record.retried") | "\(.metadata.offset) \(.metadata.delay_ms)"' "$log" | sort | tr '\n' ,)" = '0 1000,1 1200,2 1200,' ] ||
    fail "$(grep record.retried "$log")"
  [ "$(count_where '.outcome == "processed" and .attempts == 2')" -eq 3 ]
}

@test "a slow answer is a timeout of its order" {
  make_topics 1
  produce -n 2
  answer_with '[{"offset": 0, "sleep": 600}]'
  start_endpoint 0
  use_endpoint
  drain -s retry.max_attempts=2 -s retry.initial_delay_ms=1 -s processor.timeout_ms=1000
  journal_is_exact
  [ "$(count_where '.kafka_offset == 0 and .reason == "TIMEOUT" and .attempts == 2 and .error == "no answer in 1000 ms" and .processor.ms >= 1000')" -eq 1 ] ||
    fail "$(head -n 1 "$journal")"
  matches_schema journal <"$journal"
}

@test "an endpoint that is killed and comes back costs no order" {
  local port
  make_topics 2
  produce -n 4000 --seed 5
  answer_with '[{"sleep": 0.02}]'
  start_endpoint 0
  use_endpoint
  port=$where
  start_tracker -s tracker.metrics_interval_seconds=1
  wait_for 100 has_lines "$journal" 500
  stop_endpoint
  wait_for 60 has_event processor.unavailable
  wait_for 60 alarms 'CRIT processor unavailable for '
  alarms "Failed to connect to 127.0.0.1 port $port"
  answer_with '[]'
  start_endpoint "$port"
  wait_for 100 has_lines "$journal" 4000
  wait_for 60 has_event processor.available
  kill "$tracker"
  ends_with 0 "$tracker"
  journal_is_exact
  no_dead_letters
}

@test "credentials that are refused for a while cost no order, and kill -9 of the tracker neither" {
  make_topics 2
  produce -n 1000 --seed 6
  answer_with '[{"status": 401, "body": "who are you"}]'
  start_endpoint 0
  use_endpoint
  start_tracker
  wait_for 60 has_event processor.unavailable
  wait_for 60 alarms 'answered 401: who are you'
  kill -9 "$tracker"
  wait "$tracker" || true
  answer_with '[{"status": 403}]'
  start_tracker
  wait_for 60 unavailable_because 'answered 403'
  answer_with '[{"modulo": [2, 1], "status": 407, "attempt": 2}, {"modulo": [2, 1], "status": 503, "attempt": 1}]'
  wait_for 60 has_event record.retried
  answer_with '[]'
  wait_for 100 has_lines "$journal" 1000
  kill "$tracker"
  ends_with 0 "$tracker"
  journal_is_exact
  no_dead_letters
}

@test "a token that is replaced is used at once" {
  make_topics 1
  produce -n 200
  printf 'old\n' >token
  answer_with '[{"token": "new", "status": 401}]'
  start_endpoint 0
  use_endpoint
  start_tracker -s processor.token_file=token
  wait_for 60 has_event processor.unavailable
  printf 'new\n' >token
  wait_for 100 has_lines "$journal" 200
  rm token
  produce -n 1
  wait_for 60 unavailable_because 'processor.token_file: token: No such file or directory'
  printf 'new' >token.tmp
  mv token.tmp token
  wait_for 100 has_lines "$journal" 201
  kill "$tracker"
  ends_with 0 "$tracker"
  journal_is_exact
  no_dead_letters
}

@test "over a socket" {
  make_topics 1
  produce -n 200
  start_endpoint "$PWD/socket"
  use_endpoint "unix:$PWD/socket:/orders?a=b"
  drain
  journal_is_exact
  no_dead_letters
  [ "$(jq -c 'select(.path == "/orders?a=b" and .headers.host == "localhost")' requests | wc -l)" -eq 200 ]
}

need_certificates() {
  [ -f "$CERTIFICATES/client.crt" ] || make_certificates
}

@test "over TLS with a CA and a client certificate of one's own, and never without" {
  need_certificates
  make_topics 1
  produce -n 200
  start_endpoint 0 "$CERTIFICATES/server.crt" "$CERTIFICATES/server.key" "$CERTIFICATES/ca.pem"
  use_endpoint "https://127.0.0.1:$where/orders"
  start_tracker
  wait_for 60 unavailable_because certificate
  kill -9 "$tracker"
  export PROCESSOR_CA_FILE=$CERTIFICATES/ca.pem
  start_tracker
  wait_for 60 unavailable_because 'alert certificate required'
  kill -9 "$tracker"
  start_tracker -s "processor.cert_file=$CERTIFICATES/imposter.pem"
  wait_for 60 unavailable_because 'alert unknown ca'
  kill -9 "$tracker"
  [ ! -s requests ]
  drain -s "processor.cert_file=$CERTIFICATES/client.crt" -s "processor.key_file=$CERTIFICATES/client.key"
  journal_is_exact
  no_dead_letters
}

@test "settings that cannot work are refused in one line" {
  local line arguments
  while IFS='|' read -r line arguments; do
    # shellcheck disable=SC2086
    run -2 --separate-stderr "$ROOT/bin/tracker" -s processor.kind=http $arguments
    [ "$stderr" = "tracker: $line" ] || fail "$arguments: $stderr"
  done <<'END'
processor.kind: "http" (from flag -s) needs processor.url, which is not set|
-s: processor.url: "localhost:80" is not a URL (allowed: http://host/path, https://host/path, unix:/path/to/socket:/url/path)|-s processor.url=localhost:80
processor.url: not a URL: Port number was not a decimal number between 0 and 65535|-s processor.url=http://a:99999
processor.token_file: none: No such file or directory|-s processor.url=http://a -s processor.token_file=none
processor.ca_file: none: No such file or directory|-s processor.url=http://a -s processor.ca_file=none
processor.key_file: "k" (from flag -s) needs processor.cert_file, which is not set|-s processor.url=http://a -s processor.key_file=k
END
}

@test "a build without libcurl says so" {
  local out=$PWD/build
  mkdir build
  cp -a "$ROOT/build/src" "$ROOT/build/cmd" build
  make -C "$ROOT" -s WITH_CURL= OUT="$out" BIN="$out/bin" build-tracker 2>errors || fail "$(cat errors)"
  [[ $("$ROOT/bin/tracker" -V) == *'features: http'* ]] || skip "this one too"
  [[ $(build/bin/tracker -V) != *http* ]]
  [[ $(ldd build/bin/tracker) != *libcurl* ]]
  run -2 --separate-stderr build/bin/tracker -s processor.kind=http -s processor.url=http://localhost
  [ "$stderr" = 'tracker: processor.kind: http is not part of this build, which was made without libcurl (allowed: simulate, command)' ] ||
    fail "$stderr"
}

# ---- examples

# processes_all [OPTION]...: 1,000 orders by the endpoint that was started.
processes_all() {
  make_topics 4
  produce -n 1000 --seed 3
  drain "$@"
  journal_is_exact
  no_dead_letters
}

@test "the Python example processes orders" {
  where=$(random_free_port)
  start_in_background server.out /usr/bin/python3 "$ROOT/examples/server.py" "$where"
  use_endpoint
  processes_all
  [ "$(count_where '.processor.status == 201 and .processor.receipt == "handled " + .order_id')" -eq 1000 ]
}

@test "the receiver that stores ids does each order once, whatever is posted twice" {
  local lines cents
  where=$(random_free_port)
  start_in_background receiver.out /usr/bin/python3 "$ROOT/examples/receiver.py" done.sqlite "$where"
  use_endpoint
  make_topics 4
  produce -n 3000 --seed 3
  for lines in 300 1000; do
    start_tracker
    wait_for 100 has_lines "$journal" "$lines"
    kill -9 "$tracker"
    wait "$tracker" || true
  done
  drain
  journal_is_exact
  no_dead_letters
  cents=$(jq -s '[.[].order_full.total * 100 | round] | add' "$journal")
  [ "$(count_where '.processor.receipt == "booked " + .order_id')" -eq 3000 ]
  [ "$(/usr/bin/python3 -c 'import sqlite3; print(*sqlite3.connect("done.sqlite").execute("select count(*), (select sum(cents) from revenue) from done").fetchone())')" = "3000 $cents" ]
}

@test "nginx processes orders by the example of its configuration" {
  command -v /usr/sbin/nginx >/dev/null || skip "nginx is not installed"
  where=$(random_free_port)
  sed "s/127.0.0.1:8080/127.0.0.1:$where/" "$ROOT/examples/nginx.conf" >nginx.conf
  start_in_background nginx.out /usr/sbin/nginx -p "$PWD" -c nginx.conf
  use_endpoint
  processes_all
  [ "$(count_where '.processor.status == 204 and .processor.receipt == "\(.kafka_topic)/\(.kafka_partition)/\(.kafka_offset)"')" -eq 1000 ]
}

# nginx answers before it has read the whole request, which libcurl 7.88 takes for an error of HTTP/2.
@test "an early answer over HTTP/2 costs no attempt" {
  command -v /usr/sbin/nginx >/dev/null || skip "nginx is not installed"
  need_certificates
  where=$(random_free_port)
  sed "s|127.0.0.1:8080;|127.0.0.1:$where ssl http2; ssl_certificate $CERTIFICATES/server.crt; ssl_certificate_key $CERTIFICATES/server.key;|
    s|access_log off;|log_format protocol '\$server_protocol'; access_log $PWD/access protocol;|" "$ROOT/examples/nginx.conf" >nginx.conf
  start_in_background nginx.out /usr/sbin/nginx -p "$PWD" -c nginx.conf
  use_endpoint "https://127.0.0.1:$where/orders"
  processes_all -s "processor.ca_file=$CERTIFICATES/ca.pem"
  grep -qx HTTP/2.0 access
  [ "$(count_where '.attempts == 1')" -eq 1000 ]
}
