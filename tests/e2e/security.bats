#!/usr/bin/env bats
# Logins, permissions and secrets in front of a real Kafka with TLS, client certificates, logins and ACLs.

# use_own_flow, start_secure_kafka and checkout.bash set what seems unused or unset here.
# shellcheck disable=SC2154,SC2034,SC2030,SC2031

bats_require_minimum_version 1.5.0
load ../support/common
load ../support/kafka
load ../support/secure_kafka
load ../support/flow
load ../support/checkout

setup_file() {
  start_secure_kafka
}

teardown_file() {
  stop_kafka
}

setup() {
  use_own_flow
  printf 'guest-secret\n' >password
  cat >guest.properties <<END
# as a console would write it
security.protocol=SASL_SSL
ssl.ca.location=$CERTIFICATES/ca.pem
sasl.mechanisms=PLAIN
sasl.username=guest
sasl.password=\${file:$PWD/password}
END
}

teardown() {
  [ ! -d "$BATS_TEST_TMPDIR/older" ] || "$ROOT/scripts/local_kafka.sh" kill "$BATS_TEST_TMPDIR/older"
  [ ! -d "${checkout-}" ] || "$checkout/stop.sh" >/dev/null 2>&1 || :
  end_background
}

grant() { # KIND NAME OPERATION: to guest
  "$ROOT/tests/support/kafka_admin.py" "127.0.0.1:$PORT_PLAIN" grant guest "$@"
}

# missing LINE...: what preflight calls wrong, and nothing else.
missing() {
  local status=0 expected=1
  [ $# -gt 0 ] || expected=0
  timeout 60 "$ROOT/bin/tracker" --preflight -F guest.properties >preflight.out || status=$?
  [ "$status" -eq "$expected" ] || fail "status $status: $(cat preflight.out)"
  diff <(sed -n 's/^wrong *\([^;]*\).*/\1/p' preflight.out) <([ $# -eq 0 ] || printf '%s\n' "$@") ||
    fail "$(cat preflight.out)"
}

@test "preflight names each missing permission until all are granted, and changes nothing" {
  local need
  export KAFKA_BROKER=localhost:$PORT_TLS_LOGIN
  missing "topic $KAFKA_TOPIC: no DESCRIBE permission" "group $KAFKA_CONSUMER_GROUP: no READ permission" \
    "topic $DLQ_TOPIC: no DESCRIBE permission" "topic $DLQ_TOPIC: no WRITE permission"
  grant group "$KAFKA_CONSUMER_GROUP" describe
  grant topic "$KAFKA_TOPIC" describe
  missing "topic $KAFKA_TOPIC: no CREATE permission" "group $KAFKA_CONSUMER_GROUP: no READ permission" \
    "topic $DLQ_TOPIC: no DESCRIBE permission" "topic $DLQ_TOPIC: no WRITE permission"
  grant topic "$KAFKA_TOPIC" create
  grant group "$KAFKA_CONSUMER_GROUP" read
  missing "topic $KAFKA_TOPIC: no READ permission" "topic $DLQ_TOPIC: no DESCRIBE permission" \
    "topic $DLQ_TOPIC: no WRITE permission"
  grant topic "$KAFKA_TOPIC" read
  missing "topic $DLQ_TOPIC: no DESCRIBE permission" "topic $DLQ_TOPIC: no WRITE permission"
  grant topic "$DLQ_TOPIC" describe
  missing "topic $DLQ_TOPIC: no CREATE permission" "topic $DLQ_TOPIC: no WRITE permission"
  grant topic "$DLQ_TOPIC" create
  missing "topic $DLQ_TOPIC: no WRITE permission"
  KAFKA_CREATE_TOPICS=false missing "topic $KAFKA_TOPIC: does not exist, and kafka.create_topics is false" \
    "topic $DLQ_TOPIC: does not exist, and kafka.create_topics is false" "topic $DLQ_TOPIC: no WRITE permission"
  KAFKA_REPLICATION_FACTOR=3 missing \
    "topic $KAFKA_TOPIC: does not exist, and cannot be created: Unable to replicate the partition 3 time(s): The target replication factor of 3 cannot be reached because only 1 broker(s) are registered." \
    "topic $DLQ_TOPIC: does not exist, and cannot be created: Unable to replicate the partition 3 time(s): The target replication factor of 3 cannot be reached because only 1 broker(s) are registered." \
    "topic $DLQ_TOPIC: no WRITE permission"
  grant topic "$DLQ_TOPIC" write
  missing
  for need in "topic $KAFKA_TOPIC: does not exist, CREATE is allowed" "topic $KAFKA_TOPIC: READ is allowed" \
    "group $KAFKA_CONSUMER_GROUP: READ is allowed" "topic $DLQ_TOPIC: does not exist, CREATE is allowed"; do
    grep -qx "ok       $need" preflight.out || fail "$(cat preflight.out)"
  done
  # Asked with a librdkafka that cannot ask for it, what is not known is called so.
  grep -qE "^(ok|unknown) +topic $DLQ_TOPIC: WRITE " preflight.out || fail "$(cat preflight.out)"
  [ ! -e "$log" ] && [ ! -e "$journal" ]
  run "$ROOT/tests/support/kafka_admin.py" "127.0.0.1:$PORT_PLAIN" groups
  [[ $output != *"$KAFKA_CONSUMER_GROUP"* ]] || fail "$output"
  run kcat -b "127.0.0.1:$PORT_PLAIN" -L
  [[ $output != *"$KAFKA_TOPIC"* ]] || fail "$output"
}

@test "preflight says why Kafka or a file cannot be used, and refuses wrong settings" {
  export KAFKA_BROKER=127.0.0.1:$PORT_NOBODY
  run timeout 60 "$ROOT/bin/tracker" --preflight -s tracker.events_file=/none/tracker.events
  [ "$status" -eq 1 ]
  [[ $output == *"wrong    tracker.events_file: /none/tracker.events cannot be written: No such file or directory"* ]] ||
    fail "$output"
  [[ $output == *"wrong    Kafka: no answer from Kafka: $KAFKA_BROKER: the connection is refused; check "* ]] || fail "$output"
  run timeout 60 "$ROOT/bin/tracker" --preflight -X sasl.pasword=hunter2
  [ "$status" -eq 2 ]
  [[ $output == *"tracker: flag -X: sasl.pasword: no such librdkafka property"* && $output != *hunter2* ]] || fail "$output"
}

@test "start.sh says what is missing, and once the tracker has what it needs runs the flow with secrets from files" {
  local operation
  checkout="$BATS_TEST_TMPDIR/l'été, order tracker"
  copy_checkout "$checkout"
  unset KAFKA_TOPIC DLQ_TOPIC KAFKA_CONSUMER_GROUP TRACKER_EVENTS_FILE TRACKER_LOG_FILE
  export PRODUCER_INTERVAL_MS=50
  cat >"$checkout/config.yaml" <<END
kafka:
  topic: secured
  consumer_group: secured-group
  properties:
    security.protocol: sasl_ssl
    ssl.ca.location: $CERTIFICATES/ca.pem
    sasl.mechanism: PLAIN
    sasl.username: guest
    sasl.password: \${file:$PWD/password}
dlq:
  topic: secured-dlq
END
  for operation in create describe write; do
    grant topic secured "$operation"
  done
  start --kafka "localhost:$PORT_TLS_LOGIN"
  [ "$status" -eq 1 ]
  [[ $output == *"wrong    group secured-group: no READ permission; have READ on group secured-group allowed"* ]] || fail "$output"
  [[ $output == *"step 5 (Start the tracker) failed: the tracker lacks something that it needs"* ]] || fail "$output"
  [ ! -e "$checkout/tracker.pid" ]
  grant topic secured read
  grant group secured-group read
  start --kafka "localhost:$PORT_TLS_LOGIN"
  [ "$status" -eq 0 ] || fail "$output"
  [[ $output == *"wrong    topic secured-dlq: no DESCRIBE permission"* ]] || fail "$output"
  [[ $output == *"the tracker runs without it until a dead letter has to be written"* ]] || fail "$output"
  wait_for 60 has_lines "$checkout/tracker.events" 20
  run ! grep -rq guest-secret "$checkout/tracker.log" "$checkout/.kafka"
  run timeout 60 "$checkout/stop.sh"
  [ "$status" -eq 0 ] || fail "$output"
}

# use_login PASSWORD: the properties file for the user rotating without TLS, its password in the file `password`.
use_login() {
  printf '%s\n' "$1" >password
  printf '%s\n' security.protocol=sasl_plaintext sasl.mechanism=PLAIN sasl.username=rotating \
    "sasl.password=\${file:$PWD/password}" >rotating.properties
  export KAFKA_BROKER=127.0.0.1:$PORT_LOGIN
}

renews() { # EVENT COUNT: SIGHUP makes the tracker log it, and no password
  kill -HUP "$tracker"
  wait_for 30 logged_times "$1" "$2"
  ! grep -q -e '-secret' -e newer "$log" || fail "$(cat "$log")"
}

logged_times() { # EVENT COUNT
  [ -f "$log" ] && [ "$(grep -c "\"event\":\"$1\"" "$log")" -ge "$2" ]
}

@test "SIGHUP reads a password again: before Kafka lets the tracker in, and while orders flow" {
  use_login wrong
  start_tracker -F rotating.properties
  wait_for 50 grep -q 'wrong user or password' tracker.out
  printf 'rotating-secret\n' >password
  renews secrets.renewed 1
  wait_for 60 logged_times tracker.started 1
  kill -HUP "$tracker"
  wait_for 30 logged_times files.reopened 2
  ! logged_times secrets.renewed 2 || fail "nothing was new"
  KAFKA_BROKER=127.0.0.1:$PORT_PLAIN produce -n 3
  wait_for 60 has_lines "$journal" 3

  mv password away
  renews secrets.kept 1
  grep -q "rotating.properties:4: librdkafka property sasl.password: $PWD/password: No such file" "$log" || fail "$(cat "$log")"
  printf 'newer\n' >password
  renews secrets.renewed 2
  stop_kafka
  launch_secure_kafka newer
  KAFKA_BROKER=127.0.0.1:$PORT_PLAIN produce -n 3 --invalid-rate 1
  wait_for 100 has_lines "$journal" 6
  [ "$(count_where '.outcome == "dead_lettered"')" -eq 3 ]
  kill -TERM "$tracker"
  ends_with 0 "$tracker"
}

base64_url() {
  base64 -w 0 | tr '+/' '-_' | tr -d '='
}

# make_token SUB SECONDS: one that nobody signed, valid for that long.
make_token() {
  printf '%s.%s.' "$(printf '{"alg":"none"}' | base64_url)" \
    "$(printf '{"sub":"%s","iat":%d,"exp":%d}' "$1" "$(date +%s)" $(($(date +%s) + $2)) | base64_url)"
}

@test "an OAuth token comes from a command or a file, and is renewed before it expires" {
  local oauth=(-X security.protocol=sasl_ssl -X "ssl.ca.location=$CERTIFICATES/ca.pem" -X sasl.mechanism=OAUTHBEARER)
  export KAFKA_BROKER=localhost:$PORT_OAUTH
  # The tracker goes on with each new one, for longer than the first is valid.
  { declare -f make_token base64_url && printf 'echo >>%q\nmake_token admin 4\n' "$PWD/runs"; } >signer
  KAFKA_OAUTH_TOKEN_COMMAND="bash '$PWD/signer'" start_tracker "${oauth[@]}"
  wait_for 60 logged_times tracker.started 1
  make_token admin 3600 >token
  produce -n 3 --invalid-rate 1 "${oauth[@]}" -s kafka.oauth_token_file=token
  wait_for 60 has_lines "$journal" 3
  wait_for 60 has_lines runs 8
  produce -n 3 "${oauth[@]}" -s kafka.oauth_token_file=token
  wait_for 60 has_lines "$journal" 6
  [ "$(count_where '.outcome == "dead_lettered"')" -eq 3 ]
  # One that is no longer to be had is named; the connections that are there remain.
  echo 'exit 3' >signer
  wait_for 60 logged_times kafka.token_failed 1
  grep -q '"error":"no OAuth token: kafka.oauth_token_command: it ends with exit status 3"' "$log" || fail "$(cat "$log")"
  kill -TERM "$tracker"
  ends_with 0 "$tracker"
}

@test "a token that cannot be had, or that Kafka refuses, is the reason why Kafka cannot be used" {
  local oauth=(-X security.protocol=sasl_ssl -X "ssl.ca.location=$CERTIFICATES/ca.pem" -X sasl.mechanism=OAUTHBEARER) init
  export KAFKA_BROKER=localhost:$PORT_OAUTH
  names() { # REASON TEXT OPTION...
    start_in_background init.out "$ROOT/bin/producer" --init --timeout-ms 300000 "${oauth[@]}" "${@:3}"
    init=$started_pid
    wait_for 50 grep -q "Kafka is .*$2.*reason=$1, remedy=[a-z]" init.out
    kill -TERM "$init"
    ends_with 1 "$init"
  }
  names token_unavailable 'no OAuth token: kafka.oauth_token_command: it ends with exit status 7' \
    -s 'kafka.oauth_token_command=exit 7'
  names token_unavailable 'no OAuth token: kafka.oauth_token_file: none: No such file or directory' \
    -s kafka.oauth_token_file=none
  make_token admin -5 >token
  names token_unavailable 'no OAuth token: kafka.oauth_token_file: the token has expired' -s kafka.oauth_token_file=token
  printf 'eyJhbGciOiJIUzI1NiJ9.%s.c2ln' "$(make_token admin 60 | cut -d . -f 2)" >token
  names token_refused 'the OAuth token is refused' -s kafka.oauth_token_file=token
  run timeout 60 "$ROOT/bin/producer" --init -s kafka.oauth_token_file=token
  [ "$status" -eq 2 ]
  [ "$output" = "producer: kafka.oauth_token_file: needs the librdkafka property sasl.mechanism: OAUTHBEARER" ] || fail "$output"
}

# follows_recipe TITLE ADDRESS PASSWORD [OPTION]...: orders get through with what docs/security.md says below TITLE.
follows_recipe() {
  printf '%s\n' "$3" >password
  awk -v title="### $1" '$0 == title { inside = 1; next } inside && /^    / { began = 1; print substr($0, 5) }
    began && !/^    / { exit }' "$ROOT/docs/security.md" |
    sed -e "s|^  broker: .*|  broker: $2|" -e "s|/etc/order-tracker/tls/ca.pem|$CERTIFICATES/ca.pem|" \
      -e "s|/etc/order-tracker/tls/tracker|$CERTIFICATES/client|" -e "s|/run/secrets/kafka|$PWD/password|" \
      -e "s|/usr/local/bin/msk-token .*|bash $PWD/signer|" >recipe.yaml
  grep -q '^kafka:' recipe.yaml || fail "no recipe: $1"
  rm -f "$journal"* "$log"
  produce -n 3 -c recipe.yaml "${@:4}"
  drain -c recipe.yaml "${@:4}"
  [ "$(line_count "$journal")" -eq 3 ] || fail "$1: $(cat "$log")"
}

@test "each recipe of docs/security.md leads orders through Kafka" {
  { declare -f make_token base64_url && echo make_token admin 3600; } >signer
  unset KAFKA_BROKER
  follows_recipe "TLS" "localhost:$PORT_TLS" ''
  follows_recipe "TLS with a client certificate" "localhost:$PORT_MUTUAL" ''
  follows_recipe "SASL/PLAIN over TLS (Confluent Cloud)" "localhost:$PORT_TLS_LOGIN" admin-secret \
    -s kafka.replication_factor=1 \
    -X "ssl.ca.location=$CERTIFICATES/ca.pem" -X sasl.username=admin
  follows_recipe "OAUTHBEARER over TLS (Amazon MSK with IAM)" "localhost:$PORT_OAUTH" '' \
    -X "ssl.ca.location=$CERTIFICATES/ca.pem"
}

# Debian 12's librdkafka can do SCRAM with Kafka 3 only.
@test "the recipe for SCRAM leads orders through Kafka 3.9" {
  local plain scram controller dir=$BATS_TEST_TMPDIR/older
  export KAFKA_VERSION=3.9.1
  "$ROOT/scripts/local_kafka.sh" fetch || skip "Apache Kafka $KAFKA_VERSION is not to be had here"
  plain=$(random_free_port)
  scram=$(next_free_port $((plain + 1)))
  controller=$(next_free_port $((scram + 1)))
  mapfile -t settings < <(certificate_of scram server)
  "$ROOT/scripts/local_kafka.sh" start "$dir" "$plain" "controller.quorum.voters=1@127.0.0.1:$controller" \
    "listeners=PLAIN://127.0.0.1:$plain,SCRAM://127.0.0.1:$scram,CONTROLLER://127.0.0.1:$controller" \
    "advertised.listeners=PLAIN://127.0.0.1:$plain,SCRAM://127.0.0.1:$scram" inter.broker.listener.name=PLAIN \
    listener.security.protocol.map=PLAIN:PLAINTEXT,SCRAM:SASL_SSL,CONTROLLER:PLAINTEXT \
    listener.name.scram.sasl.enabled.mechanisms=SCRAM-SHA-512 \
    "listener.name.scram.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;" \
    "${settings[@]}" 3>&-
  "$ROOT/scripts/local_kafka.sh" wait "$dir" 180
  "$ROOT/tests/support/kafka_admin.py" "127.0.0.1:$plain" scram tracker s3cret
  unset KAFKA_BROKER
  follows_recipe "SASL/SCRAM over TLS (Strimzi)" "localhost:$scram" s3cret
}
