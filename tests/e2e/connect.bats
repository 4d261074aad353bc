#!/usr/bin/env bats
# Why Kafka cannot be used: the reason and a remedy, wherever people look for them, in front of a real Kafka with TLS,
# client certificates and logins.

# use_own_flow and start_secure_kafka set what seems unused or unset here.
# shellcheck disable=SC2154,SC2034

bats_require_minimum_version 1.5.0
load ../support/common
load ../support/kafka
load ../support/secure_kafka
load ../support/flow

AWAY=kafka.unavailable

setup_file() {
  start_secure_kafka
}

teardown_file() {
  stop_kafka
}

setup() {
  use_own_flow
  TLS=(-X security.protocol=ssl -X "ssl.ca.location=$CERTIFICATES/ca.pem")
  LOGIN=(-X security.protocol=sasl_plaintext -X sasl.mechanism=PLAIN -X sasl.username=admin)
  TLS_LOGIN=(-X security.protocol=sasl_ssl -X "ssl.ca.location=$CERTIFICATES/ca.pem" -X sasl.mechanism=PLAIN
    -X sasl.username=admin -X sasl.password=admin-secret)
}

teardown() {
  end_background
}

# start_servers [far=MS:PORT:HERE]...: sets $http and $silent.
start_servers() {
  start_in_background servers.out "$ROOT/tests/support/no_kafka.py" servers "$@"
  wait_for 60 test -f servers
  http=$(sed -n 's/^http //p' servers)
  silent=$(sed -n 's/^silent //p' servers)
}

# begin_case REASON NAME ADDRESS [OPTION]...: a tracker and a producer --init in the folder NAME.
begin_case() {
  local reason=$1 name=$2 address=$3
  shift 3
  mkdir "$name"
  echo "$reason" >"$name/expected"
  export KAFKA_BROKER=$address TRACKER_LOG_FILE=$PWD/$name/tracker.log TRACKER_EVENTS_FILE=$PWD/$name/tracker.events
  start_in_background "$name/tracker.out" "$ROOT/bin/tracker" -q "$@"
  start_in_background "$name/init.out" "$ROOT/bin/producer" --init --timeout-ms 300000 "$@"
  echo "$started_pid" >"$name/init.pid"
}

has_reason() { # FILE REASON
  grep -q "Kafka is unavailable.*reason=$2, remedy=[a-z]" "$1" 2>/dev/null
}

is_logged_with() { # FOLDER REASON
  [ -f "$1/tracker.log" ] && jq -e --arg away "$AWAY" --arg reason "$2" -s '
    any(.[]; .event == $away and .metadata.reason == $reason and (.metadata.remedy | length > 0) and
             (.error | length > 0))' "$1/tracker.log" >/dev/null
}

verdict_names_it() { # FOLDER: the monitor's
  local error
  error=$(jq -r --arg away "$AWAY" 'select(.event == $away) | .error' "$1/tracker.log" | tail -n 1)
  "$ROOT/bin/monitor" --check --events "$1/tracker.events" --log "$1/tracker.log" >"$1/check.out" || :
  grep -qF "CRIT progress" "$1/check.out" && grep -qF "$error" "$1/check.out"
}

scram_reason() { # what this librdkafka can say of a SCRAM login that Kafka 4 refuses
  if [ "$(printf '%s\n' 2.6.1 "$("$ROOT/bin/producer" --version | sed 's/.*librdkafka \([0-9.]*\).*/\1/')" |
    sort -V | head -n 1)" = 2.6.1 ]; then
    echo wrong_password
  else
    echo scram_needs_newer_librdkafka
  fi
}

@test "every way to fail has its reason and remedy: at the terminal, in the log and in the monitor's verdict" {
  local folder
  start_servers
  begin_case wrong_password password "127.0.0.1:$PORT_LOGIN" "${LOGIN[@]}" -X sasl.password=wrong
  begin_case tls_required plain-on-tls "127.0.0.1:$PORT_TLS"
  begin_case tls_required login-on-tls "127.0.0.1:$PORT_TLS_LOGIN" "${LOGIN[@]}" -X sasl.password=admin-secret
  begin_case tls_not_offered tls-on-plain "127.0.0.1:$PORT_PLAIN" "${TLS[@]}"
  begin_case tls_not_offered tls-on-login "127.0.0.1:$PORT_LOGIN" "${TLS_LOGIN[@]}"
  begin_case certificate_untrusted untrusted "localhost:$PORT_TLS" -X security.protocol=ssl \
    -X "ssl.ca.location=$CERTIFICATES/stranger.pem"
  begin_case certificate_other_name name "localhost:$PORT_OTHER_NAME" "${TLS[@]}"
  begin_case certificate_other_name address "127.0.0.1:$PORT_OTHER_NAME" "${TLS[@]}"
  begin_case certificate_expired expired "localhost:$PORT_EXPIRED" "${TLS[@]}"
  begin_case client_certificate_required no-certificate "localhost:$PORT_MUTUAL" "${TLS[@]}"
  begin_case client_certificate_rejected imposter "localhost:$PORT_MUTUAL" "${TLS[@]}" \
    -X "ssl.certificate.location=$CERTIFICATES/imposter.crt" -X "ssl.key.location=$CERTIFICATES/imposter.key"
  begin_case mechanism_not_offered mechanism "127.0.0.1:$PORT_SCRAM" "${LOGIN[@]}" -X sasl.password=admin-secret
  begin_case "$(scram_reason)" scram "127.0.0.1:$PORT_SCRAM" "${LOGIN[@]}" -X sasl.mechanism=SCRAM-SHA-256 \
    -X sasl.password=admin-secret
  begin_case sasl_required no-login "127.0.0.1:$PORT_LOGIN"
  begin_case sasl_not_offered login-on-plain "127.0.0.1:$PORT_PLAIN" "${LOGIN[@]}" -X sasl.password=admin-secret
  begin_case not_kafka http "127.0.0.1:$http"
  begin_case no_answer silent "127.0.0.1:$silent"
  begin_case no_answer silent-tls "127.0.0.1:$silent" "${TLS[@]}"
  begin_case address_unresolved no-name no-such-host.invalid:9092
  begin_case connection_refused refused "127.0.0.1:$PORT_NOBODY"
  for folder in */expected; do
    folder=${folder%/expected}
    wait_for 50 has_reason "$folder/tracker.out" "$(cat "$folder/expected")"
    wait_for 50 has_reason "$folder/init.out" "$(cat "$folder/expected")"
    is_logged_with "$folder" "$(cat "$folder/expected")" || fail "$folder: $(cat "$folder/tracker.log")"
    wait_for 20 verdict_names_it "$folder"
    kill -TERM "$(cat "$folder/init.pid")"
    ends_with 1 "$(cat "$folder/init.pid")"
    grep -q "stopped: no answer from Kafka: .*; [a-z]" "$folder/init.out" || fail "$(cat "$folder/init.out")"
  done
}

@test "with the right settings each of these ways leads to Kafka" {
  create() { # ADDRESS [OPTION]...
    KAFKA_BROKER=$1 timeout 60 "$ROOT/bin/producer" --init "${@:2}"
  }
  create "localhost:$PORT_TLS" "${TLS[@]}"
  create "localhost:$PORT_MUTUAL" "${TLS[@]}" -X "ssl.certificate.location=$CERTIFICATES/client.crt" \
    -X "ssl.key.location=$CERTIFICATES/client.key"
  create "127.0.0.1:$PORT_LOGIN" "${LOGIN[@]}" -X sasl.password=admin-secret
  create "localhost:$PORT_TLS_LOGIN" "${TLS_LOGIN[@]}"
}

@test "a password in a file or a variable is used, and never shown, whatever is wrong with its name" {
  local program
  export KAFKA_BROKER=127.0.0.1:$PORT_LOGIN SECRET=admin-secret
  printf 'admin-secret\n' >password
  produce -n 3 "${LOGIN[@]}" -X "sasl.password=\${file:$PWD/password}"
  drain "${LOGIN[@]}" -X 'sasl.password=${env:SECRET}'
  [ "$(line_count "$journal")" -eq 3 ]
  unset SECRET
  for program in "producer --init" "tracker --drain"; do
    refused() { # TEXT OPTION...
      run timeout 60 "$ROOT/bin/"$program "${LOGIN[@]}" "${@:2}"
      [ "$status" -eq 2 ] || fail "$status: $output"
      [ "${#lines[@]}" -eq 1 ] || fail "$output"
      [[ $output == *"$1"* ]] || fail "$output"
      ! grep -q hunter2 <<<"$output$(cat "$log" 2>/dev/null)" || fail "shown: $output"
    }
    refused 'flag -X: sasl.pasword: no such librdkafka property (did you mean sasl.password?)' -X sasl.pasword=hunter2
    refused 'flag -X: librdkafka property sasl.password: its value has a ${ that begins no reference' \
      -X 'sasl.password=${hunter2}'
    refused 'flag -X: librdkafka property sasl.password: environment variable SECRET: not set' \
      -X 'sasl.password=${env:SECRET}'
    refused 'sasl.password: none: No such file or directory' -X 'sasl.password=${file:none}'
    refused 'librdkafka property socket.timeout.ms: ' -X socket.timeout.ms=hunter2
    refused 'librdkafka property security.protocol: ' -X security.protocol=hunter2
    refused 'Unsupported SASL mechanism: *' -X sasl.mechanism=hunter2
    [ "$program" != "tracker --drain" ] || # its producer for dead letters
      refused 'librdkafka property acks: must stay "all"' -X sasl.password=admin-secret -X acks=1
    refused 'librdkafka property group.id: cannot be set, is said by kafka.consumer_group' -X group.id=hunter2
  done
  run "$ROOT/bin/producer" -X sasl.pasword=hunter2 -X 'sasl.password=${file:password}' --print-config
  [[ $output == *'sasl.password: "${file:password}"'* && $output != *hunter2* ]] || fail "$output"
}

@test "a token that this librdkafka would crash with is refused" {
  case $("$ROOT/bin/producer" --version) in
  *'librdkafka 1.9.'* | *'librdkafka 2.0.'* | *'librdkafka 2.1.'*) ;;
  *) skip "this librdkafka renews it" ;;
  esac
  run timeout 60 "$ROOT/bin/producer" --init -X security.protocol=sasl_plaintext -X sasl.mechanism=OAUTHBEARER \
    -X enable.sasl.oauthbearer.unsecure.jwt=true -X 'sasl.oauthbearer.config=principal=me'
  [ "$status" -eq 2 ]
  [ "${#lines[@]}" -eq 1 ]
  [[ $output == *"crashes when it renews such a token (allowed: librdkafka 2.2.0 or newer"* ]] || fail "$output"
}

# names_it FILE TEXT...: all of them are in its last line with a remedy.
names_it() {
  local line text
  line=$(grep 'remedy=' "$1" | tail -n 1)
  for text in "${@:2}"; do
    [[ $line == *"$text"* ]] || return 1
  done
}

@test "a broker that advertises an address where nobody is reached is named with it, by all programs" {
  local port address pids=()
  make_topics 1
  for port in "$PORT_CLOSED_THERE" "$PORT_NO_NAME"; do
    address=127.0.0.1:$PORT_NOBODY why="the connection is refused"
    [ "$port" != "$PORT_NO_NAME" ] || address=no-such-host.invalid:9092 why="the name cannot be resolved"
    mkdir "$port"
    export KAFKA_BROKER=127.0.0.1:$port TRACKER_LOG_FILE=$PWD/$port/tracker.log \
      TRACKER_EVENTS_FILE=$PWD/$port/tracker.events
    start_in_background "$port/tracker.out" "$ROOT/bin/tracker" -q --drain
    start_in_background "$port/producer.out" "$ROOT/bin/producer" -n 2 -s kafka.connect_timeout_ms=300000
    pids+=("$started_pid")
    start_in_background "$port/init.out" "$ROOT/bin/producer" --init --timeout-ms 300000
    pids+=("$started_pid")
    for program in tracker producer init; do
      wait_for 50 names_it "$port/$program.out" "advertised as $address: $why" "advertised.listeners"
    done
    wait_for 20 verdict_names_it "$port"
    ! grep -q 'Kafka is available again' "$port"/*.out "$port/tracker.log" || fail "it is not"
  done
  kill -TERM "${pids[@]}"
  for pid in "${pids[@]}"; do
    ends_with 1 "$pid"
  done
}

@test "a missing permission is named with what it is for" {
  local admin=("$ROOT/tests/support/kafka_admin.py" "127.0.0.1:$PORT_PLAIN") guest
  export KAFKA_BROKER=127.0.0.1:$PORT_LOGIN
  guest=(-X security.protocol=sasl_plaintext -X sasl.mechanism=PLAIN -X sasl.username=guest
    -X sasl.password=guest-secret)
  run timeout 60 "$ROOT/bin/producer" --init "${guest[@]}"
  [ "$status" -eq 1 ]
  [[ $output == *"topic $KAFKA_TOPIC was not created: no CREATE permission on it"* ]] || fail "$output"
  # Without the topic for dead letters a tracker can run, so nothing that starts it may stop here.
  KAFKA_BROKER=127.0.0.1:$PORT_PLAIN create_topic "$KAFKA_TOPIC" 1 -s dlq.enabled=false >/dev/null
  "${admin[@]}" grant guest topic "$KAFKA_TOPIC" read
  KAFKA_BROKER=127.0.0.1:$PORT_PLAIN DLQ_TOPIC=$DLQ_TOPIC-2 produce -n 3
  run timeout 60 "$ROOT/bin/producer" --init "${guest[@]}"
  [ "$status" -eq 0 ] || fail "$output"
  [[ $output == *"continuing without: topic $DLQ_TOPIC was not created: no CREATE permission on it"* ]] || fail "$output"
  start_tracker "${guest[@]}" -s dlq.enabled=false
  wait_for 60 names_it tracker.out "no partition was assigned: no READ permission on group $KAFKA_CONSUMER_GROUP"
  "$ROOT/bin/monitor" --check --events "$journal" --log "$log" >check.out || :
  grep -q "CRIT progress no partition was assigned.*: no READ permission on group $KAFKA_CONSUMER_GROUP; have READ" \
    check.out || fail "$(cat check.out)"
  "${admin[@]}" grant guest group "$KAFKA_CONSUMER_GROUP" read
  wait_for 60 has_lines "$journal" 3
  "$ROOT/bin/monitor" --check --events "$journal" --log "$log" >check.out || :
  ! grep -q CRIT check.out || fail "$(cat check.out)"
}

@test "a misspelt topic is named as the cause" {
  export KAFKA_BROKER=127.0.0.1:$PORT_PLAIN
  run timeout 60 "$ROOT/bin/producer" -n 2 -s kafka.create_topics=false
  [ "$status" -eq 1 ]
  [[ $output == *"2 orders were not acknowledged: topic $KAFKA_TOPIC does not exist"* ]] || fail "$output"
}

# With TLS and a login a connection takes more than two seconds here.
@test "at a round trip of 400 ms everything works, from the topics to the first order and its redrive" {
  start_servers "far=400:$PORT_FAR:$PORT_FAR_HERE"
  # The broker is advertised as 127.0.0.1, so that this name costs one more connection.
  export KAFKA_BROKER=localhost:$PORT_FAR_HERE
  timeout 120 "$ROOT/bin/producer" --init "${TLS_LOGIN[@]}"
  produce -n 5 --invalid-rate 1 "${TLS_LOGIN[@]}"
  drain "${TLS_LOGIN[@]}"
  [ "$(line_count "$journal")" -eq 5 ]
  [ "$(count_where '.outcome == "dead_lettered"')" -eq 5 ]
  run timeout 120 "$ROOT/bin/producer" --redrive "${TLS_LOGIN[@]}"
  [ "$status" -eq 0 ] || fail "$output"
  [[ $output == *"acknowledged 5"* ]] || fail "$output"
  run ! has_logged "$AWAY"
  [ "$(last_event)" = "tracker.stopped" ]
  tail -n 1 "$log" | jq -e '.metadata.drained' || fail "$(cat "$log")"
}
